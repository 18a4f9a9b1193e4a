"""Fixtures for tests against a real cloud (tests/cloud), collected only for ``make cloud-test``."""

import dataclasses
import os
import pathlib
import re
import secrets
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from tests.commands import Ran, run_process
from tests.proxy import Proxy

if TYPE_CHECKING:
    from blazarclient.client import Client
    from blazarclient.resources.host import Host

if os.environ.get('BLAZARCLIENT_TEST_CLOUD') != '1':
    # Not a skip: without a cloud there is nothing to say about these tests.
    collect_ignore_glob = ['*']

#: The hypervisors of tests/cloud.
HYPERVISORS = ('compute-1', 'compute-2', 'compute-3', 'compute-4')

_CLOUD = pathlib.Path(__file__).parents[1] / 'cloud' / 'cloud'
# Taken before own_environment hides it: the cloud's state is below the real home.
_ENVIRONMENT = dict(os.environ)
_DELETE_TIMEOUT = 60.0


@dataclasses.dataclass(frozen=True)
class Cloud:
    """The cloud that runs: where its clouds.yaml is, and which Blazar it has."""

    config_file: pathlib.Path
    release: str
    #: A session for each user, kept for all tests.
    sessions: Mapping[str, keystone_session.Session]

    def session(self, user: str) -> keystone_session.Session:
        """A keystoneauth session for a user."""
        return self.sessions[user]


def _auth(given: Mapping[str, str]) -> v3.Password:
    return v3.Password(
        given['auth_url'],
        username=given['username'],
        password=given['password'],
        user_domain_name=given['user_domain_name'],
        project_name=given['project_name'],
        project_domain_name=given['project_domain_name'],
    )


class AsUser(Protocol):
    def __call__(self, user: str, **options: Any) -> 'Client': ...


class Name(Protocol):
    def __call__(self) -> str: ...


class Run(Protocol):
    def __call__(
        self,
        script: str,
        user: str | None,
        *args: str,
        env: Mapping[str, str] | None = None,
        stdin: str = '',
    ) -> Ran: ...


def _ask_cloud(command: str) -> str:
    return subprocess.run(
        [sys.executable, _CLOUD, command],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture(scope='session')
def cloud() -> Iterator[Cloud]:
    """The cloud that ``tests/cloud/cloud up`` has started."""
    exports = re.search(r'^export OS_CLIENT_CONFIG_FILE=(.*)$', _ask_cloud('env'), re.MULTILINE)
    running = re.search(r'^blazar-api .*?(\d+\.\d+\.\d+)', _ask_cloud('status'), re.MULTILINE)
    assert exports, 'tests/cloud/cloud env names no clouds.yaml'
    assert running, 'the cloud does not run; start it with: tests/cloud/cloud up'
    config_file = pathlib.Path(exports.group(1).strip('\'"'))
    clouds = yaml.safe_load(config_file.read_text())['clouds']
    sessions = {
        name: keystone_session.Session(auth=_auth(each['auth'])) for name, each in clouds.items()
    }
    yield Cloud(config_file, running.group(1), sessions)
    for session in sessions.values():
        session.session.close()


@pytest.fixture
def as_user(cloud: Cloud) -> AsUser:
    """Make a client for a user of the cloud; other options go to Client."""
    from blazarclient.client import Client

    def make(user: str, **options: Any) -> Client:
        return Client(session=cloud.session(user), **options)

    return make


@pytest.fixture
def run(cloud: Cloud) -> Run:
    """Run a script of this environment against the cloud.

    ``user`` is a cloud name of its clouds.yaml, or None to name none; ``env`` adds variables.
    """

    def run_script(
        script: str,
        user: str | None,
        *args: str,
        env: Mapping[str, str] | None = None,
        stdin: str = '',
    ) -> Ran:
        path = str(pathlib.Path(sys.executable).parent / script)
        chosen = ['--os-cloud', user] if user else []
        variables = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(cloud.config_file), **(env or {})}
        return run_process([path, *chosen, *args], variables, stdin=stdin)

    return run_script


@pytest.fixture
def name(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Name]:
    """Make lease names of this test's own; leases whose names begin so are deleted after it."""
    test = re.sub(r'\W+', '-', request.node.name.removeprefix('test_'))[:40].strip('-')
    prefix = f'{test}-{secrets.token_hex(3)}'
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        return f'{prefix}-{made}'

    yield make
    _delete_leases(cloud, prefix)


def _delete_leases(cloud: Cloud, prefix: str) -> None:
    """Delete with plain HTTP, not with the code under test, and wait until they are gone."""
    deadline = time.monotonic() + _DELETE_TIMEOUT
    answers: dict[str, str] = {}
    while left := [each for each in _leases(cloud) if each['name'].startswith(prefix)]:
        assert time.monotonic() < deadline, f'could not delete {answers}'
        for lease in left:
            # A lease that is starting or ending cannot be deleted for a moment (500).
            answer = _admin(cloud, 'DELETE', f'leases/{lease["id"]}')
            answers[lease['id']] = f'{lease["name"]}: {answer.status_code} {answer.text}'
        time.sleep(0.5)


def _leases(cloud: Cloud) -> list[dict[str, Any]]:
    leases: list[dict[str, Any]] = _admin(cloud, 'GET', 'leases').json()['leases']
    return leases


def _admin(cloud: Cloud, method: str, path: str, **options: Any) -> Any:
    session = cloud.session('admin')
    url = f'{session.get_endpoint(service_type="reservation")}/{path}'
    headers = {'Accept': 'application/json'}
    return session.request(url, method, headers=headers, raise_exc=False, **options)


@pytest.fixture
def hosts(as_user: AsUser) -> 'list[Host]':
    """Every hypervisor registered as a reservable host, in the order of HYPERVISORS."""
    admin = as_user('admin')
    have = {each['hypervisor_hostname']: each for each in admin.hosts.list()}
    for hypervisor in HYPERVISORS:
        if hypervisor not in have:
            have[hypervisor] = admin.hosts.create(hypervisor)
    return [have[hypervisor] for hypervisor in HYPERVISORS]


@pytest.fixture
def blazar_proxy(cloud: Cloud) -> Iterator[Proxy]:
    """A proxy before Blazar, for ``as_user(user, endpoint_override=blazar_proxy.url + '/v1')``."""
    endpoint = cloud.session('admin').get_endpoint(service_type='reservation')
    target = urllib.parse.urlsplit(str(endpoint))
    assert target.hostname
    with Proxy(target.hostname, target.port or 80) as proxy:
        yield proxy


@pytest.fixture
def token(cloud: Cloud) -> Callable[[str], str]:
    """Get a token of a user."""
    return lambda user: str(cloud.session(user).get_token())


@pytest.fixture
def application_credential(
    cloud: Cloud,
) -> Iterator[Callable[[str], Mapping[str, str]]]:
    """Make an application credential for a user: ``id`` and ``secret``; deleted afterwards."""
    made: list[tuple[str, str]] = []

    def make(user: str) -> Mapping[str, str]:
        session = cloud.session(user)
        identity = session.get_endpoint(service_type='identity')
        url = f'{identity}/users/{session.get_user_id()}/application_credentials'
        wanted = {'application_credential': {'name': f'test-{secrets.token_hex(3)}'}}
        answer = session.post(url, json=wanted).json()['application_credential']
        made.append((user, f'{url}/{answer["id"]}'))
        return {'id': answer['id'], 'secret': answer['secret']}

    yield make
    for user, url in made:
        cloud.session(user).delete(url)
