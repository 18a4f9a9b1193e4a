"""The fast reader of clouds.yaml and openstacksdk's loader agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from blazarclient import exception
from blazarclient.osc import cloud_config

KEYS = (
    'api_timeout',
    'auth',
    'auth_type',
    'cacert',
    'cert',
    'identity_api_version',
    'insecure',
    'interface',
    'key',
    'region_name',
    'reservation_api_version',
    'reservation_default_microversion',
    'reservation_endpoint_override',
    'reservation_interface',
    'verify',
    'volume_api_version',
)
AUTH = {
    'auth_url': 'https://keystone.example.org/v3',
    'username': 'alice',
    'password': 'p{}w',
    'project_name': 'research',
    'user_domain_name': 'Default',
    'project_domain_name': 'Default',
}

#: Settings of one cloud that are read without openstacksdk.
PLAIN: dict[str, dict[str, Any]] = {
    'as openrc files are turned into': {'auth': AUTH, 'region_name': 'RegionOne'},
    'nothing but a place': {'auth': {'auth_url': 'http://k/v3'}},
    'no auth at all': {'region_name': 'A'},
    'auth type': {'auth': AUTH, 'auth_type': 'v3password'},
    'application credential': {
        'auth_type': 'v3applicationcredential',
        'auth': {
            'auth_url': 'https://keystone.example.org',
            'application_credential_id': 'a1',
            'application_credential_secret': 's1',
        },
    },
    'token': {'auth_type': 'v3token', 'auth': {'auth_url': 'http://k', 'token': 't'}},
    'no authentication': {'auth_type': 'none', 'auth': {'endpoint': 'http://b/v1'}},
    'identity version as a number': {'auth': AUTH, 'identity_api_version': 3},
    'identity version as text': {'auth': AUTH, 'identity_api_version': '3'},
    'versions of other services': {'auth': AUTH, 'volume_api_version': 3},
    'reservation version, major': {'auth': AUTH, 'reservation_api_version': 1},
    'reservation version, number': {'auth': AUTH, 'reservation_api_version': 1.0},
    'reservation version, release': {'auth': AUTH, 'reservation_api_version': 2026.1},
    'reservation version, text': {'auth': AUTH, 'reservation_api_version': 'latest'},
    'microversion': {'auth': AUTH, 'reservation_default_microversion': '1.0'},
    'endpoint': {'auth': AUTH, 'reservation_endpoint_override': 'http://b:1234/v1'},
    'interface': {'auth': AUTH, 'interface': 'internal'},
    'interface of one service': {'auth': AUTH, 'reservation_interface': 'admin'},
    'interface as in catalogs of old': {'auth': AUTH, 'interface': 'publicURL'},
    'unverified': {'auth': AUTH, 'verify': False},
    'insecure': {'auth': AUTH, 'insecure': True},
    'certificates': {'auth': AUTH, 'cacert': '~/ca.pem', 'cert': '/c.pem', 'key': '/k.pem'},
    'timeout': {'auth': AUTH, 'api_timeout': 30},
    'password of digits': {'auth': {**AUTH, 'password': 12345}},
    'password of digits and a point': {'auth': {**AUTH, 'password': 1.5}},
    'password with braces': {'auth': {**AUTH, 'password': '{password}'}},
    'project by ID': {'auth': {'auth_url': 'http://k', 'project_id': 'p1', 'user_id': 'u1'}},
}

#: Settings that only openstacksdk knows how to read.
ANOTHER: dict[str, dict[str, Any]] = {
    'profile': {'auth': AUTH, 'profile': 'switchengines'},
    'profile, old name': {'auth': AUTH, 'cloud': 'switchengines'},
    'regions': {'auth': AUTH, 'regions': ['A', {'name': 'B', 'values': {'verify': False}}]},
    'several regions': {'auth': AUTH, 'region_name': 'A,B'},
    'tenant': {'auth': {'auth_url': 'http://k', 'tenant_name': 'research'}},
    'hyphens in auth': {'auth': {'auth_url': 'http://k', 'project-name': 'research'}},
    'hyphens': {'auth': AUTH, 'region-name': 'A'},
    'one domain for all': {'auth': {**AUTH, 'domain_name': 'Default'}},
    'outside auth': {'auth': AUTH, 'project_name': 'other'},
    'endpoint type': {'auth': AUTH, 'endpoint_type': 'internal'},
    'auth plugin': {'auth': AUTH, 'auth_plugin': 'password'},
    'interpolation': {
        'auth': {'auth_url': 'http://{region_name}/v3'},
        'region_name': 'A',
        'reservation_endpoint_override': 'http://{region_name}:1234',
    },
    'interpolation of others': {'auth': AUTH, 'interface': '{status}'},
    'unset value': {'auth': {**AUTH, 'project_name': None}},
    'word for a truth value': {'auth': AUTH, 'insecure': 'true'},
    'networks': {'auth': AUTH, 'networks': [{'name': 'n'}]},
    'IPv4': {'auth': AUTH, 'force_ipv4': True},
    'timeout of one service': {'auth': AUTH, 'reservation_timeout': 5},
}


def write(folder: Path, content: Any, name: str = 'clouds.yaml') -> Path:
    path = folder / name
    path.write_text(json.dumps(content) if name.endswith('json') else yaml.safe_dump(content))
    return path


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'clouds.yaml'))
    return tmp_path / 'clouds.yaml'


def by_openstacksdk(name: str | None, region: str | None = None) -> dict[str, Any]:
    from openstack.config import loader

    defaults = {'auth_type': 'password', 'interface': 'public'}
    found = loader.OpenStackConfig(override_defaults=defaults)
    config: dict[str, Any] = found.get_one(cloud=name, region_name=region, validate=False).config
    return {key: config[key] for key in KEYS if config.get(key) not in (None, '')}


def by_us(name: str | None, region: str | None = None) -> tuple[dict[str, Any], bool]:
    """The settings, and whether they were read without openstacksdk."""
    config = cloud_config.load(name, region).config
    ours = {key: config[key] for key in KEYS if config.get(key) not in (None, '')}
    return ours, 'networks' not in config


@pytest.mark.parametrize('case', PLAIN)
@pytest.mark.parametrize('named', [True, False])
def test_plain_settings_mean_the_same(config_file: Path, case: str, named: bool) -> None:
    """What is read here is what openstacksdk reads, with a name or as the only cloud."""
    write(config_file.parent, {'clouds': {'mine': PLAIN[case]}})
    name = 'mine' if named else None
    assert by_us(name) == (by_openstacksdk(name), True)


@pytest.mark.parametrize('case', ANOTHER)
@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_other_settings_go_to_openstacksdk(config_file: Path, case: str) -> None:
    """Whatever is not plain is left to openstacksdk."""
    write(config_file.parent, {'clouds': {'mine': ANOTHER[case], 'other': {'auth': AUTH}}})
    assert by_us('mine') == (by_openstacksdk('mine'), False)
    assert by_us('other')[1]


@pytest.mark.parametrize('more', [{'cache': {'auth': True}}, {'client': {'force_ipv4': True}}])
def test_other_sections_go_to_openstacksdk(config_file: Path, more: dict[str, Any]) -> None:
    """So is a file with more in it than clouds."""
    write(config_file.parent, {'clouds': {'mine': {'auth': AUTH}}, **more})
    assert by_us('mine') == (by_openstacksdk('mine'), False)


def test_secure_file_goes_to_openstacksdk(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password in secure.yaml is found."""
    write(tmp_path, {'clouds': {'mine': {'auth': {'auth_url': 'http://k'}}}})
    secure = write(tmp_path, {'clouds': {'mine': {'auth': {'password': 'pw'}}}}, 'secure.yaml')
    monkeypatch.setenv('OS_CLIENT_SECURE_FILE', str(secure))
    config, plain = by_us('mine')
    assert (config['auth']['password'], plain) == ('pw', False)


def test_region_of_regions(config_file: Path) -> None:
    """A region that was asked for brings its own values."""
    write(config_file.parent, {'clouds': {'mine': ANOTHER['regions']}})
    assert by_us('mine', 'B')[0]['verify'] is False
    assert by_us('mine', 'B') == (by_openstacksdk('mine', 'B'), False)


def test_region_asked_for(config_file: Path) -> None:
    """A region is taken when the cloud names none, and refused when it names another."""
    write(config_file.parent, {'clouds': {'any': {'auth': AUTH}, 'one': PLAIN['no auth at all']}})
    assert by_us('any', 'Z') == (by_openstacksdk('any', 'Z'), True)
    assert by_us('one', 'A') == (by_openstacksdk('one', 'A'), True)
    with pytest.raises(exception.CommandError, match=r"'one' has no region 'Z', only 'A'"):
        cloud_config.load('one', 'Z')
    with pytest.raises(Exception, match='Region Z is not a valid region'):
        by_openstacksdk('one', 'Z')


@pytest.mark.parametrize('name', ['clouds.yaml', 'clouds.yml', 'clouds.json'])
def test_forms_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """YAML and JSON are read, by the end of the file's name."""
    path = write(tmp_path, {'clouds': {'mine': {'auth': AUTH}}}, name)
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
    assert by_us('mine') == (by_openstacksdk('mine'), True)
    assert cloud_config.load('mine').where == str(path)


@pytest.mark.parametrize(
    'variables',
    [{}, {'XDG_CONFIG_HOME': '/x'}, {'SNAP_REAL_HOME': '/s'}, {'XDG_CONFIG_DIRS': '/y'}],
)
def test_files_are_looked_for_where_openstacksdk_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """The places and their order are openstacksdk's."""
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # openstacksdk looks at the environment once, when it is loaded.
    code = (
        'import json; from openstack.config import loader; print(json.dumps(loader.CONFIG_FILES))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, check=True)
    assert [str(path) for path in cloud_config._candidates('clouds')] == json.loads(done.stdout)


def test_files_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS there are two places more."""
    monkeypatch.setattr(sys, 'platform', 'darwin')
    places = [str(path.parent) for path in cloud_config._candidates('clouds')]
    assert f'{Path.home()}/Library/Application Support/openstack' in places
    assert '/Library/Application Support/openstack' in places


def test_file_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable the file in ~/.config/openstack is found, unless there is one here."""
    home = Path(os.environ['HOME'])
    (home / '.config' / 'openstack').mkdir(parents=True)
    write(home / '.config' / 'openstack', {'clouds': {'home': {}}})
    assert cloud_config.load().name == 'home'
    write(home, {'clouds': {'here': {}}}, 'clouds.yml')
    assert cloud_config.load().name == 'here'


def test_file_that_cannot_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory or a forbidden file does not end the search."""
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path))
    write(Path.cwd(), {'clouds': {'here': {}}})
    assert cloud_config.load().name == 'here'


def test_environment_alone(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that describe a cloud go before clouds.yaml, unless that is asked for."""
    write(config_file.parent, {'clouds': {'mine': {'auth': AUTH}}})
    monkeypatch.setenv('OS_REGION_NAME', 'A')
    assert cloud_config.load().name == 'mine'
    monkeypatch.setenv('OS_AUTH_URL', 'http://k')
    monkeypatch.setenv('OS_RESERVATION_ENDPOINT_OVERRIDE', 'http://b')
    for name in (None, 'envvars'):
        found = cloud_config.load(name)
        assert (found.name, found.where) == ('', 'the environment')
        assert found.config['reservation_endpoint_override'] == 'http://b'
        assert found.config['region_name'] == 'A'
    assert cloud_config.load('mine').name == 'mine'
    monkeypatch.setenv('OS_CLOUD_NAME', 'other')
    assert cloud_config.load('other').where == 'the environment'


def test_profile_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor's profile can be named there, too."""
    monkeypatch.setenv('OS_PROFILE', 'switchengines')
    monkeypatch.setenv('OS_USERNAME', 'alice')
    found = cloud_config.load(None, 'LS')
    assert found.config['auth']['auth_url'] == 'https://keystone.cloud.switch.ch:5000/v3'


@pytest.mark.parametrize(
    ('content', 'name', 'message'),
    [
        ({'clouds': {'a': {}, 'b': {}}}, 'c', r"no cloud 'c' in .*clouds.yaml, which has a, b\."),
        ({'clouds': {}}, 'c', r'which has none\.'),
        ({'clouds': {'a': None}}, 'a', r'The settings of cloud a in .* are no mapping'),
        (['a'], 'a', r'clouds.yaml is no mapping'),
    ],
)
def test_errors_say_what_there_is(config_file: Path, content: Any, name: str, message: str) -> None:
    """Errors name the file and the clouds in it."""
    write(config_file.parent, content)
    with pytest.raises(exception.CommandError, match=message):
        cloud_config.load(name)


def test_no_choice_is_made(config_file: Path) -> None:
    """With several clouds and no name there are no settings, but a list to choose from."""
    write(config_file.parent, {'clouds': {'a': {'auth': AUTH}, 'b': {'auth': AUTH}}})
    assert by_us(None) == (by_openstacksdk(None), True)
    assert cloud_config.load().others == ('a', 'b')


def test_error_without_any_file() -> None:
    """Without a file the error says where one is looked for."""
    with pytest.raises(exception.CommandError, match=r'/\.config/openstack, .*/etc/openstack'):
        cloud_config.load('mine')
    assert cloud_config.load().where == 'the options'


@pytest.mark.parametrize(
    ('name', 'text', 'place'),
    [
        ('clouds.yaml', 'clouds:\n  a:\n    auth: {password: "hush', r'line 3, column \d+'),
        ('clouds.yaml', 'clouds: !!python/object:a.b {password: hush}', 'line 1, column 9'),
        ('clouds.json', '{"password": "hush', 'not valid JSON'),
    ],
)
def test_broken_file_keeps_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, place: str
) -> None:
    """The error for a broken file says where, and quotes nothing of it."""
    path = tmp_path / name
    path.write_text(text)
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
    with pytest.raises(exception.CommandError) as caught:
        cloud_config.load('a')
    assert re.search(place, str(caught.value))
    assert str(path) in str(caught.value)
    assert 'hush' not in str(caught.value)


def test_empty_file_is_no_cloud(config_file: Path) -> None:
    """An empty file is not an error in itself."""
    config_file.write_text('')
    assert cloud_config.load().name == ''


def test_openstacksdk_is_asked_for_by_name(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is needed and not installed, the error says for what and how to get it."""
    write(config_file.parent, {'clouds': {'mine': ANOTHER['profile']}})
    monkeypatch.setitem(sys.modules, 'openstack', None)
    with pytest.raises(exception.CommandError) as caught:
        cloud_config.load('mine')
    assert 'profile of cloud mine' in str(caught.value)
    assert 'pip install openstacksdk' in str(caught.value)


def test_errors_of_openstacksdk_are_ours(config_file: Path) -> None:
    """What openstacksdk refuses is an error of this package."""
    write(config_file.parent, {'clouds': {'mine': ANOTHER['regions']}, 'cache': {}})
    with pytest.raises(exception.CommandError, match='Region Z is not a valid region'):
        cloud_config.load('mine', 'Z')
    with pytest.raises(exception.CommandError, match='other was not found'):
        cloud_config.load('other')
