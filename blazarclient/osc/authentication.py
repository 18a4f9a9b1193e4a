"""How the ``blazar`` script logs in: keystoneauth1's options and its session.

An option goes before its environment variable, and both before the setting in clouds.yaml,
as with ``openstack``.
"""

from __future__ import annotations

import argparse
import getpass
import importlib.metadata
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session as ksa_session

from blazarclient import exception
from blazarclient.osc import cloud_config

if TYPE_CHECKING:
    from keystoneauth1.loading import BaseLoader, Opt

__all__ = ['Login', 'auth_loader']

#: The loaders of the usual authentication types, as keystoneauth1's entry points name them.
#: Others are found by a search through the installed distributions.
USUAL_LOADERS: Mapping[str, str] = {
    'admin_token': 'keystoneauth1.loading._plugins.admin_token:AdminToken',
    'http_basic': 'keystoneauth1.loading._plugins.http_basic:HTTPBasicAuth',
    'none': 'keystoneauth1.loading._plugins.noauth:NoAuth',
    'password': 'keystoneauth1.loading._plugins.identity.generic:Password',
    'token': 'keystoneauth1.loading._plugins.identity.generic:Token',
    'v3applicationcredential': ('keystoneauth1.loading._plugins.identity.v3:ApplicationCredential'),
    'v3password': 'keystoneauth1.loading._plugins.identity.v3:Password',
    'v3token': 'keystoneauth1.loading._plugins.identity.v3:Token',
    'v3totp': 'keystoneauth1.loading._plugins.identity.v3:TOTP',
}
#: Other words for a type, as openstacksdk takes them.
_ALIASES: Mapping[str, str] = {'': 'none', 'None': 'none', 'token_endpoint': 'admin_token'}
#: The types that say who the user is by a name, which needs a domain.
_BY_NAME = ('password', 'v3password', 'v3totp')


class Login:
    """The cloud that a command line means, and the way to log in there.

    Made before the command line is parsed, because the options depend on the cloud: each
    authentication type has its own.

    :param words: the command line without the program's name.
    """

    def __init__(self, words: Sequence[str]) -> None:
        early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        self._add_choice(early)
        for name in ('token', 'endpoint', 'username', 'user-id', 'region-name'):
            early.add_argument(f'--os-{name}', default=_variable(f'OS_{name}'))
        try:
            self._early = early.parse_known_args(list(words))[0]
        except argparse.ArgumentError:
            # For the real parser to say.
            self._early = early.parse_known_args([])[0]
        self._cloud: cloud_config.Cloud | None = None
        self.auth_type = self._find_auth_type()

    @staticmethod
    def _add_choice(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            '--os-cloud',
            metavar='<cloud-config-name>',
            default=_variable('OS_CLOUD'),
            help='Name of the cloud in clouds.yaml (Env: OS_CLOUD)',
        )
        parser.add_argument(
            '--os-auth-type',
            '--os-auth-plugin',
            metavar='<name>',
            default=_variable('OS_AUTH_TYPE', 'OS_AUTH_PLUGIN'),
            help='Authentication type to use (Env: OS_AUTH_TYPE, default: the one in clouds.yaml, '
            'or password)',
        )

    def _find_auth_type(self) -> str:
        early = self._early
        if early.os_auth_type is not None:
            return _ALIASES.get(early.os_auth_type, early.os_auth_type)
        if early.os_token and early.os_endpoint:
            return 'admin_token'
        if early.os_token and not (early.os_cloud or early.os_username or early.os_user_id):
            return 'token'
        try:
            found = str(self.cloud().config['auth_type'])
        except exception.CommandError:
            # The commands that need no cloud, as help, have to work. The others will say it.
            return 'password'
        return _ALIASES.get(found, found)

    def cloud(self) -> cloud_config.Cloud:
        """The settings of the cloud.

        :raises blazarclient.exception.CommandError: when there are none.
        """
        if self._cloud is None:
            self._cloud = cloud_config.load(self._early.os_cloud, self._early.os_region_name)
        return self._cloud

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the session, the service and the authentication type.

        :raises blazarclient.exception.CommandError: for an authentication type that is unknown.
        """
        self._add_choice(parser)
        group = parser.add_argument_group(
            'Authentication Options', f'Options specific to the {self.auth_type} plugin.'
        )
        for opt in auth_loader(self.auth_type).get_options():
            group.add_argument(
                *_spellings(opt), metavar=opt.metavar, help=opt.help, dest=f'os_{opt.dest}'
            )
        loading.register_session_argparse_arguments(parser)
        loading.register_adapter_argparse_arguments(parser)
        # What keystoneauth1 takes for granted must not hide what clouds.yaml says.
        parser.set_defaults(timeout=None, os_interface=_variable('OS_INTERFACE'))

    def configuration(self, options: argparse.Namespace) -> dict[str, Any]:
        """The settings of the cloud with the options put over them."""
        given = {
            'auth_type': self.auth_type,
            'region_name': options.os_region_name,
            'interface': options.endpoint_type or options.os_interface,
            'cacert': options.os_cacert,
            'cert': options.os_cert,
            'key': options.os_key,
            'insecure': options.insecure,
            'api_timeout': options.timeout,
            'reservation_service_type': options.service_type or options.os_service_type,
            'reservation_service_name': options.os_service_name,
            'reservation_endpoint_override': options.os_endpoint_override,
            'reservation_api_version': options.os_reservation_api_version,
        }
        return {**self.cloud().config, **{key: value for key, value in given.items() if value}}

    def session(self, options: argparse.Namespace, config: Mapping[str, Any]) -> Any:
        """A session that logs in with its first request.

        :param config: what :meth:`configuration` gave.
        :raises blazarclient.exception.CommandError: when something is missing.
        """
        tls = {name: getattr(options, name, None) for name in ('tls_ciphers', 'tls_min_version')}
        timeout = config.get('api_timeout')
        return ksa_session.Session(
            auth=self._plugin(options, config),
            verify=_verify(config),
            cert=_certificate(config),
            timeout=float(timeout) if timeout else None,
            collect_timing=options.collect_timing,
            app_name='blazar',
            app_version=_version(),
            **{name: value for name, value in tls.items() if value},
        )

    def _plugin(self, options: argparse.Namespace, config: Mapping[str, Any]) -> Any:
        loader = auth_loader(self.auth_type)
        known = {str(opt.dest): opt for opt in loader.get_options()}
        auth = dict(config['auth'])
        for dest, opt in known.items():
            value = getattr(options, f'os_{dest}', None) or _variable(*opt.argparse_envvars)
            if value is not None:
                auth[dest] = value
        _spread_domain(auth)
        if self.auth_type in _BY_NAME:
            _add_default_domain(auth)
        unknown = sorted(auth.keys() - known)
        if unknown:
            raise exception.CommandError(
                f'auth.{unknown[0]} in {self.cloud().where} is no option of authentication type '
                f'{self.auth_type!r}, which has {", ".join(known)}.'
            )
        self._require(auth, known)

        def value_of(opt: Opt) -> Any:
            return auth.get(str(opt.dest), opt.default)

        try:
            return loader.load_from_options_getter(value_of)
        except ksa_exceptions.ClientException as error:
            raise exception.CommandError(str(error)) from error

    def _require(self, auth: dict[str, Any], known: Mapping[str, Opt]) -> None:
        """Ask for a password that is missing, and refuse when something else is."""
        for dest, opt in known.items():
            needed = opt.required or dest in ('token', 'password')
            if dest == 'username' and self.auth_type in _BY_NAME:
                needed = not auth.get('user_id')
            if auth.get(dest) or not needed:
                continue
            if opt.prompt and sys.stdin.isatty():
                auth[dest] = getpass.getpass(opt.prompt)
                continue
            option, variable = _spellings(opt)[0], opt.argparse_envvars[0]
            others = ', '.join(self.cloud().others)
            raise exception.CommandError(
                f'Authentication of type {self.auth_type!r} needs {option} (or {variable}, or '
                f'auth.{dest} in clouds.yaml). Or name a cloud of clouds.yaml with --os-cloud or '
                f'OS_CLOUD{f": {others}" if others else ""}.'
            )


def auth_loader(auth_type: str) -> BaseLoader[Any]:
    """keystoneauth1's loader of an authentication type.

    :raises blazarclient.exception.CommandError: when there is none.
    """
    target = USUAL_LOADERS.get(auth_type)
    if target:
        entry_point = importlib.metadata.EntryPoint(auth_type, target, loading.PLUGIN_NAMESPACE)
        try:
            loader: BaseLoader[Any] = entry_point.load()()
        except (ImportError, AttributeError):
            # Another version of keystoneauth1 has it elsewhere.
            pass
        else:
            return loader
    entry_points = importlib.metadata.entry_points(group=loading.PLUGIN_NAMESPACE)
    if auth_type not in entry_points.names:
        raise exception.CommandError(
            f'There is no authentication type {auth_type!r}. Installed are '
            f'{", ".join(sorted(entry_points.names))}.'
        )
    return loading.get_plugin_loader(auth_type)


def _spellings(opt: Opt) -> list[str]:
    """An option with hyphens, as OpenStackClient has it, and as keystoneauth1 spells it."""
    hyphenated = [option.replace('_', '-') for option in opt.argparse_args]
    return list(dict.fromkeys([*hyphenated, *opt.argparse_args]))


def _variable(*names: str) -> str | None:
    """The first of some environment variables that is set and not empty."""
    for name in names:
        value = os.environ.get(name.upper().replace('-', '_'))
        if value:
            return value
    return None


def _spread_domain(auth: dict[str, Any]) -> None:
    """With a project, let the domain be that of user and project, as openstacksdk does."""
    if not (auth.get('project_id') or auth.get('project_name')):
        return
    for form in ('id', 'name'):
        domain = auth.pop(f'domain_{form}', None)
        if domain:
            auth.setdefault(f'user_domain_{form}', domain)
            auth.setdefault(f'project_domain_{form}', domain)


def _add_default_domain(auth: dict[str, Any]) -> None:
    """Fill in a domain where a name needs one, as OpenStackClient does."""
    if auth.get('default_domain_id') or auth.get('default_domain_name'):
        return
    default = _variable('OS_DEFAULT_DOMAIN') or 'default'
    for kind, named in (('user', 'username'), ('project', 'project_name')):
        if auth.get(named) and not (
            auth.get(f'{kind}_domain_id') or auth.get(f'{kind}_domain_name')
        ):
            auth[f'{kind}_domain_id'] = default


def _verify(config: Mapping[str, Any]) -> bool | str:
    if _is_true(config.get('insecure', False)) or not _is_true(config.get('verify', True)):
        return False
    cacert = config.get('cacert')
    return str(Path(cacert).expanduser()) if cacert else True


def _is_true(value: object) -> bool:
    # Words come from the environment.
    return value if isinstance(value, bool) else str(value).lower() in ('true', '1', 'yes')


def _certificate(config: Mapping[str, Any]) -> str | tuple[str, str] | None:
    files = [str(Path(config[key]).expanduser()) for key in ('cert', 'key') if config.get(key)]
    if not config.get('cert'):
        return None
    return (files[0], files[1]) if len(files) > 1 else files[0]


def _version() -> str:
    from blazarclient import __version__

    return __version__
