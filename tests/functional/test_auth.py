"""Ways to log in: password, token, application credential; from clouds.yaml, variables, options."""

import pathlib
from collections.abc import Callable, Mapping

import pytest
import yaml
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from blazarclient.client import Client
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from tests.commands import Ran
from tests.functional.conftest import AsUser, Cloud, Name, Run, Slot

HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
WAYS = ('password', 'token', 'application credential')
SCRIPTS = {
    'openstack': ('openstack', 'reservation', 'lease', 'list'),
    'blazar': ('blazar', 'lease', 'list'),
    'hyphens': ('blazar', 'lease-list'),
}

Settings = Mapping[str, str]
AuthOf = Callable[[str], tuple[str, dict[str, str]]]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return SCRIPTS[request.param]


@pytest.fixture
def lease(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> Lease:
    return as_user('alice').leases.create(name(), *slot(), [HOSTS])


@pytest.fixture(scope='session')
def auth_of(
    cloud: Cloud,
    token: Callable[[str], str],
    application_credential: Callable[[str], Mapping[str, str]],
) -> AuthOf:
    """The auth_type of a way to log in as alice, and what it needs, as in clouds.yaml."""

    def find(way: str) -> tuple[str, dict[str, str]]:
        given = dict(cloud.auth['alice'])
        auth_url = {'auth_url': given['auth_url']}
        if way == 'password':
            return 'v3password', given
        if way == 'token':
            project = {key: given[key] for key in ('project_name', 'project_domain_name')}
            return 'v3token', {**auth_url, **project, 'token': token('alice')}
        made = application_credential('alice')
        named = {f'application_credential_{key}': made[key] for key in ('id', 'secret')}
        return 'v3applicationcredential', {**auth_url, **named}

    return find


def _variables(tmp_path: pathlib.Path, auth_type: str, auth: Settings) -> dict[str, str]:
    """Variables in place of a clouds.yaml."""
    return {
        'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'none.yaml'),
        'OS_AUTH_TYPE': auth_type,
        **{f'OS_{key.upper()}': value for key, value in auth.items()},
    }


def _ids(ran: Ran) -> list[str]:
    return ran.check().stdout.split()


IDS = ('-c', 'id', '-f', 'value')


def test_from_variables(
    run: Run,
    auth_of: AuthOf,
    lease: Lease,
    tmp_path: pathlib.Path,
    way: str,
    script: tuple[str, ...],
) -> None:
    variables = _variables(tmp_path, *auth_of(way))
    assert str(lease.id) in _ids(run(script[0], None, *script[1:], *IDS, env=variables))


def test_from_clouds_yaml(
    run: Run,
    auth_of: AuthOf,
    lease: Lease,
    tmp_path: pathlib.Path,
    way: str,
    script: tuple[str, ...],
) -> None:
    auth_type, auth = auth_of(way)
    clouds = tmp_path / 'clouds.yaml'
    clouds.write_text(yaml.safe_dump({'clouds': {'x': {'auth_type': auth_type, 'auth': auth}}}))
    variables = {'OS_CLIENT_CONFIG_FILE': str(clouds)}
    assert str(lease.id) in _ids(run(script[0], 'x', *script[1:], *IDS, env=variables))


@pytest.mark.parametrize('script', ['openstack', 'blazar'], indirect=False)
def test_name_of_the_cloud_from_a_variable(run: Run, lease: Lease, script: str) -> None:
    words = SCRIPTS[script]
    ran = run(words[0], None, *words[1:], *IDS, env={'OS_CLOUD': 'alice'})
    assert str(lease.id) in _ids(ran)


def test_from_options(
    run: Run,
    auth_of: AuthOf,
    lease: Lease,
    tmp_path: pathlib.Path,
    way: str,
    script: tuple[str, ...],
) -> None:
    auth_type, auth = auth_of(way)
    variables = {'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'none.yaml')}
    options = [f'--os-{key.replace("_", "-")}={value}' for key, value in auth.items()]
    args = (f'--os-auth-type={auth_type}', *options, *script[1:], *IDS)
    assert str(lease.id) in _ids(run(script[0], None, *args, env=variables))


def test_password_is_the_default_of_blazar(run: Run, cloud: Cloud, tmp_path: pathlib.Path) -> None:
    variables = _variables(tmp_path, '', cloud.auth['alice'])
    del variables['OS_AUTH_TYPE']
    run('blazar', None, 'lease', 'list', env=variables).check()


@pytest.mark.parametrize('script', ['openstack', 'hyphens'], indirect=False)
def test_endpoint_and_token(
    run: Run, cloud: Cloud, token: Callable[[str], str], tmp_path: pathlib.Path, script: str
) -> None:
    """The service's address and a token, and no Keystone."""
    endpoint = str(cloud.session('alice').get_endpoint(service_type='reservation'))
    words = SCRIPTS[script]
    args = ('--os-auth-type', 'admin_token', '--os-endpoint', endpoint, '--os-token')
    variables = {'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'none.yaml')}
    run(words[0], None, *args, token('alice'), *words[1:], env=variables).check()


def test_in_python(cloud: Cloud, auth_of: AuthOf, lease: Lease, way: str) -> None:
    kinds = {
        'v3password': v3.Password,
        'v3token': v3.Token,
        'v3applicationcredential': v3.ApplicationCredential,
    }
    auth_type, auth = auth_of(way)
    client = Client(session=keystone_session.Session(auth=kinds[auth_type](**auth)))
    found = client.leases.find(str(lease.name))
    assert found.id == lease.id
    assert found.is_mine is True


# ----------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize('script', ['openstack', 'blazar'], indirect=False)
def test_wrong_password(run: Run, cloud: Cloud, tmp_path: pathlib.Path, script: str) -> None:
    auth = {**cloud.auth['alice'], 'password': 'wrong-pass-word'}
    variables = _variables(tmp_path, 'v3password', auth)
    words = SCRIPTS[script]
    ran = run(words[0], None, *words[1:], env=variables)
    assert (ran.code, ran.stdout) == (1, '')
    assert 'The request you have made requires authentication' in ran.stderr
    assert 'HTTP 401' in ran.stderr
    assert 'wrong-pass-word' not in ran.stderr


@pytest.mark.parametrize('script', ['openstack', 'blazar'], indirect=False)
def test_no_secret_in_a_debug_log(
    run: Run, cloud: Cloud, token: Callable[[str], str], tmp_path: pathlib.Path, script: str
) -> None:
    variables = _variables(tmp_path, 'v3password', cloud.auth['alice'])
    words = SCRIPTS[script]
    ran = run(words[0], None, '--debug', *words[1:], env=variables).check()
    assert '/v1/leases' in ran.stderr
    assert cloud.auth['alice']['password'] not in ran.stderr
    # Fernet tokens begin so.
    assert 'gAAAA' not in ran.stderr


def test_wrong_token(run: Run, cloud: Cloud, tmp_path: pathlib.Path) -> None:
    given = cloud.auth['alice']
    auth = {key: given[key] for key in ('auth_url', 'project_name', 'project_domain_name')}
    variables = _variables(tmp_path, 'v3token', {**auth, 'token': 'no-such-token'})
    ran = run('blazar', None, 'lease', 'list', env=variables)
    assert (ran.code, ran.stdout) == (1, '')
    assert 'HTTP 401' in ran.stderr or 'HTTP 404' in ran.stderr
    assert 'no-such-token' not in ran.stderr


def test_nothing_given(run: Run, tmp_path: pathlib.Path) -> None:
    variables = {'OS_CLIENT_CONFIG_FILE': str(tmp_path / 'none.yaml')}
    ran = run('blazar', None, 'lease', 'list', env=variables)
    assert (ran.code, ran.stdout) == (1, '')
    assert '--os-auth-url' in ran.stderr
    assert '--os-cloud' in ran.stderr


@pytest.mark.parametrize('script', ['openstack', 'blazar'], indirect=False)
def test_no_such_cloud(run: Run, script: str) -> None:
    words = SCRIPTS[script]
    ran = run(words[0], 'no-such-cloud', *words[1:])
    assert ran.code == 1
    assert 'no-such-cloud' in ran.stderr
