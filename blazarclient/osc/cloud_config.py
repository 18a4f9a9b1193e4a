"""Where the ``blazar`` script finds its cloud: the environment or clouds.yaml.

openstacksdk's loader defines what a clouds.yaml means, but loading it takes longer than most
commands. So the plain case is read here, and everything else goes to openstacksdk. For
the plain case both give the same; a table of cases in the tests shows it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blazarclient import exception

__all__ = ['Cloud', 'load']

#: What openstacksdk takes for granted.
_DEFAULTS: Mapping[str, Any] = {'auth_type': 'password', 'interface': 'public', 'verify': True}

#: Keys of a cloud that are read here, and the types that they have here.
_PLAIN: Mapping[str, tuple[type, ...]] = {
    'api_timeout': (int, float),
    'auth': (dict,),
    'auth_type': (str,),
    'cacert': (str,),
    'cert': (str,),
    'insecure': (bool,),
    'interface': (str,),
    'key': (str,),
    'region_name': (str,),
    'verify': (bool,),
}
#: Keys of this form concern one service and are handed on as they are.
_OF_A_SERVICE = re.compile(
    '[a-z][a-z0-9_]*_(api_version|default_microversion|endpoint_override|interface|region_name'
    '|service_name|service_type)'
)
#: Keys of `auth` that openstacksdk turns into others.
_TURNED = re.compile('.*-.*|tenant_.*|domain_.*|auth_token')

_SUFFIXES = ('.yaml', '.yml', '.json')
#: Variables that choose a cloud but do not describe one.
_SELECTORS = frozenset(
    (
        'OS_CLIENT_CONFIG_FILE',
        'OS_CLIENT_SECURE_FILE',
        'OS_CLOUD',
        'OS_CLOUD_NAME',
        'OS_REGION_NAME',
    )
)


@dataclass(frozen=True, slots=True)
class Cloud:
    """The settings of one cloud.

    :ivar name: its name in clouds.yaml; empty for the environment.
    :ivar where: the place of the settings, for errors.
    :ivar config: the settings as in openstacksdk's ``CloudRegion.config``.
    :ivar others: the clouds that there are to choose from, when none was.
    """

    name: str
    where: str
    config: dict[str, Any]
    others: tuple[str, ...] = ()


class _NotPlain(Exception):
    """Something that only openstacksdk's loader knows; the text says what."""


def load(name: str | None = None, region_name: str | None = None) -> Cloud:
    """Find the settings of a cloud.

    :param name: the cloud in clouds.yaml. Without it: the environment when it describes a
        cloud, else the only cloud in clouds.yaml.
    :param region_name: the region that was asked for, instead of the cloud's own.
    :raises blazarclient.exception.CommandError: when there is no such cloud or region, or
        its settings cannot be read.
    """
    from_environment = os.environ.get('OS_CLOUD_NAME', 'envvars')
    if name == from_environment or (not name and _describes_a_cloud()):
        if 'OS_PROFILE' in os.environ:
            return _by_openstacksdk(name or from_environment, region_name, 'OS_PROFILE')
        variables = {k[3:].lower(): v for k, v in os.environ.items() if k.startswith('OS_')}
        return Cloud('', 'the environment', {**_DEFAULTS, 'auth': {}, **variables})
    try:
        return _plain(name, region_name)
    except _NotPlain as reason:
        return _by_openstacksdk(name, region_name, str(reason))


def _describes_a_cloud() -> bool:
    names = {name for name in os.environ if name.startswith('OS_')} - _SELECTORS
    return any(not name.startswith(('OS_TEST', 'OS_STD', 'OS_LOG')) for name in names)


def _plain(name: str | None, region_name: str | None) -> Cloud:
    for secret in _candidates('secure', 'OS_CLIENT_SECURE_FILE'):
        if secret.exists():
            raise _NotPlain(str(secret))
    path, content = _file()
    others = content.keys() - {'clouds'}
    if others:
        raise _NotPlain(f'{min(map(str, others))} in {path}')
    clouds = content.get('clouds') or {}
    if not name:
        if len(clouds) != 1:
            # The options may well be enough.
            return Cloud('', 'the options', {**_DEFAULTS, 'auth': {}}, tuple(map(str, clouds)))
        name = str(next(iter(clouds)))
    if name not in clouds:
        raise _no_such_cloud(name, path, clouds)
    config = {**_DEFAULTS, 'auth': {}, **_checked(clouds[name], f'of cloud {name} in {path}')}
    own_region = config.get('region_name', '')
    if region_name and own_region and region_name != own_region:
        raise exception.CommandError(
            f'The cloud {name!r} has no region {region_name!r}, only {own_region!r} ({path}).'
        )
    config['region_name'] = region_name or own_region
    return Cloud(name, str(path), config)


def _checked(entry: object, where: str) -> dict[str, Any]:
    """The settings of a cloud, values as openstacksdk gives them."""
    if not isinstance(entry, dict):
        raise exception.CommandError(f'The settings {where} are no mapping of keys to values.')
    config = {}
    for key, value in entry.items():
        if _OF_A_SERVICE.fullmatch(str(key)):
            plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        else:
            plain = type(value) in _PLAIN.get(key, ())
        text = value if isinstance(value, str) else ''
        if key == 'auth' and plain:
            value = _checked_auth(value, where)
            text = str(value.get('auth_url', ''))
        if not plain or '{' in text or '}' in text or (key == 'region_name' and ',' in text):
            raise _NotPlain(f'{key} {where}')
        number = isinstance(value, int | float) and not isinstance(value, bool)
        config[key] = str(value) if number and key != 'api_timeout' else value
    return config


def _checked_auth(auth: Mapping[Any, Any], where: str) -> dict[str, str]:
    checked = {}
    for key, value in auth.items():
        plain = isinstance(value, str | int | float) and not isinstance(value, bool)
        if not plain or _TURNED.fullmatch(str(key)):
            raise _NotPlain(f'auth.{key} {where}')
        checked[str(key)] = str(value)
    return checked


def _no_such_cloud(
    name: str, path: Path | None, clouds: Mapping[Any, object]
) -> exception.CommandError:
    if path is None:
        folders = dict.fromkeys(str(file.parent) for file in _candidates('clouds'))
        return exception.CommandError(
            f'There is no cloud {name!r}: no clouds.yaml was found in {", ".join(folders)}.'
        )
    return exception.CommandError(
        f'There is no cloud {name!r} in {path}, which has {_names(clouds) or "none"}.'
    )


def _names(clouds: Mapping[Any, object]) -> str:
    return ', '.join(map(str, clouds))


def _file() -> tuple[Path | None, dict[str, Any]]:
    """The first clouds.yaml that can be read, and what is in it."""
    for path in _candidates('clouds', 'OS_CLIENT_CONFIG_FILE'):
        try:
            text = path.read_text()
        except OSError:
            continue
        content = _parsed(path, text)
        if content is not None and not isinstance(content, dict):
            raise exception.CommandError(f'{path} is no mapping of keys to values.')
        return path, content or {}
    return None, {}


def _parsed(path: Path, text: str) -> Any:
    if path.suffix == '.json':
        try:
            return json.loads(text)
        except ValueError as error:
            raise exception.CommandError(f'{path} is not valid JSON: {error}.') from None
    import yaml

    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        # Safe: both loaders make plain values only.
        return yaml.load(text, Loader=loader)  # noqa: S506
    except yaml.YAMLError as error:
        # The text of the error may quote the file, and with it a password.
        mark = getattr(error, 'problem_mark', None)
        place = f', line {mark.line + 1}, column {mark.column + 1}' if mark else ''
        raise exception.CommandError(f'{path}{place}: not valid YAML.') from None


def _candidates(stem: str, variable: str = '') -> Iterator[Path]:
    """Where openstacksdk looks for a file, in its order."""
    if os.environ.get(variable):
        yield Path(os.environ[variable])
    home = Path(os.environ.get('SNAP_REAL_HOME') or Path.home()) / '.config'
    if sys.platform == 'darwin':
        support = Path('Library', 'Application Support')
        user, site = Path.home() / support, Path('/') / support
    else:
        user = Path(os.environ.get('XDG_CONFIG_HOME', '').strip() or Path.home() / '.config')
        site = Path(os.environ.get('XDG_CONFIG_DIRS', '').strip() or '/etc/xdg')
    for folder in (Path.cwd(), *(p / 'openstack' for p in (user, home, site, Path('/etc')))):
        for suffix in _SUFFIXES:
            yield folder / f'{stem}{suffix}'


def _by_openstacksdk(name: str | None, region_name: str | None, reason: str) -> Cloud:
    try:
        from openstack import exceptions
        from openstack.config import loader
    except ImportError:
        raise exception.CommandError(
            f'openstacksdk is needed to read {reason}. Install it: pip install openstacksdk'
        ) from None
    with warnings.catch_warnings():
        # They are meant for whoever writes programs with openstacksdk.
        warnings.simplefilter('ignore')
        try:
            settings = loader.OpenStackConfig(override_defaults=dict(_DEFAULTS))
            region = settings.get_one(cloud=name, region_name=region_name, validate=False)
        except exceptions.ConfigException as error:
            raise exception.CommandError(str(error)) from None
    where = settings.config_filename or 'the environment'
    return Cloud(region.name, where, region.config)
