"""Fixtures for tests of the whole way: a command line or the SDK, and a cloud.

The cloud is a sandbox that runs as long as the tests do, or with ``BLAZARCLIENT_TEST_CLOUD=1`` the
real cloud of tests/cloud (``make cloud-test``). With ``BLAZARCLIENT_TEST_VERSION=1.0`` commands and
clients are told to speak 1.0; with ``1.2`` a real cloud has a gateway, as the sandbox is one.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import yaml
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from blazarclient import testing
from blazarclient.client import Client
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from tests.commands import Ran, run_process
from tests.functional import differences, plain
from tests.proxy import Proxy

#: Whether the cloud is the real one.
REAL = os.environ.get('BLAZARCLIENT_TEST_CLOUD') == '1'
_TOLD = os.environ.get('BLAZARCLIENT_TEST_VERSION')
#: The newest microversion of the service.
SERVER = '1.0' if REAL and not _TOLD else '1.2'
#: What commands and clients are told to speak where a test does not say; None lets them negotiate.
PIN = _TOLD if _TOLD != SERVER else None
#: What is spoken then.
SPOKEN = PIN or SERVER
#: Whether another project's lease is not found, or refused as Blazar does.
MODERN = SPOKEN != '1.0'

#: Resource types that every Blazar has that the tests are for.
RESOURCE_TYPES = ('physical:host', 'virtual:instance', 'virtual:floatingip', 'flavor:instance')
#: `openstack reservation lease list`, `blazar lease list`, `blazar lease-list`.
DOORS = ('openstack', 'blazar', 'hyphens')
#: The hypervisors of tests/cloud and of a sandbox.
HYPERVISORS = ('compute-1', 'compute-2', 'compute-3', 'compute-4')

_CLOUD = pathlib.Path(__file__).parents[1] / 'cloud' / 'cloud'
# Taken before own_environment hides it: the cloud's state is below the real home.
_ENVIRONMENT = dict(os.environ)


@dataclasses.dataclass(frozen=True)
class Life:
    """A short lease: how it was made, and how it was when it was ACTIVE."""

    lease: Lease
    #: The command that made it and waited; None when Python code did.
    ran: Ran | None
    #: What the command printed as JSON.
    printed: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Cloud:
    """The cloud that runs: where its clouds.yaml is, and which Blazar it has or behaves like."""

    config_file: pathlib.Path
    release: str
    #: What clouds.yaml says of each user under ``auth``.
    auth: Mapping[str, Mapping[str, str]]
    #: A session for each user, kept for all tests.
    sessions: Mapping[str, keystone_session.Session]

    @property
    def removes_capabilities(self) -> bool:
        """Whether a host can lose a capability: Blazar 16 answers 500 to null."""
        return int(self.release.split('.')[0]) > 16

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
    def __call__(self, user: str, **options: Any) -> Client: ...


class Address(Protocol):
    def __call__(self) -> str: ...


class Name(Protocol):
    def __call__(self) -> str: ...


class Slot(Protocol):
    def __call__(self) -> tuple[datetime, datetime]: ...


class Reservation(Protocol):
    def __call__(self, resource_type: str) -> dict[str, Any]: ...


class Run(Protocol):
    def __call__(
        self,
        script: str,
        user: str | None,
        *args: str,
        env: Mapping[str, str] | None = None,
        stdin: str = '',
    ) -> Ran: ...


class Command(Protocol):
    def __call__(self, door: str, user: str | None, words: str, *args: str) -> Ran: ...


def _ask_cloud(command: str) -> str:
    return subprocess.run(
        [sys.executable, _CLOUD, command],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect of a sandbox what tests/functional/differences.py says, and nothing else."""
    if REAL:
        return
    folder = pathlib.Path(__file__).parent
    here = [each for each in items if folder in each.path.parents]
    unused = differences.mark(here)
    # A part of the tests is not all that the patterns may be about.
    everything = {each.path for each in here} == set(folder.glob('test_*.py'))
    if unused and everything and not any('::' in each for each in config.args):
        raise pytest.UsageError(f'tests/functional/differences.py: no test is named {unused}')


@pytest.fixture(scope='session')
def cloud() -> Iterator[Cloud]:
    """The real cloud that ``tests/cloud/cloud up`` has started, or a sandbox."""
    with _real_cloud() if REAL else _sandbox() as (config_file, release):
        clouds = yaml.safe_load(config_file.read_text())['clouds']
        auth = {name: each['auth'] for name, each in clouds.items()}
        sessions = {name: keystone_session.Session(auth=_auth(auth[name])) for name in auth}
        yield Cloud(config_file, release, auth, sessions)
        for session in sessions.values():
            session.session.close()


@contextlib.contextmanager
def _sandbox() -> Iterator[tuple[pathlib.Path, str]]:
    with testing.sandbox(hosts=len(HYPERVISORS)) as box:
        yield box.config_file, '18.0.0'


@contextlib.contextmanager
def _real_cloud() -> Iterator[tuple[pathlib.Path, str]]:
    exports = re.search(r'^export OS_CLIENT_CONFIG_FILE=(.*)$', _ask_cloud('env'), re.MULTILINE)
    running = re.search(r'^blazar-api .*?(\d+\.\d+\.\d+)', _ask_cloud('status'), re.MULTILINE)
    assert exports, 'tests/cloud/cloud env names no clouds.yaml'
    assert running, 'the cloud does not run; start it with: tests/cloud/cloud up'
    yield pathlib.Path(exports.group(1).strip('\'"')), running.group(1)


@pytest.fixture(scope='session')
def as_user(cloud: Cloud) -> AsUser:
    """Make a client for a user of the cloud; other options go to Client."""

    def make(user: str, **options: Any) -> Client:
        options.setdefault('api_version', PIN)
        return Client(session=cloud.session(user), **options)

    return make


@pytest.fixture(scope='session')
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
        # Fixtures of a module run outside own_environment.
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith('OS_') and not key.upper().endswith('_PROXY')
        }
        # A test that has a clouds.yaml of its own also has its own versions.
        own = 'OS_CLIENT_CONFIG_FILE' in (env or {})
        told = {} if PIN is None or own else {'OS_RESERVATION_API_VERSION': PIN}
        variables = {
            **inherited,
            **told,
            'OS_CLIENT_CONFIG_FILE': str(cloud.config_file),
            **(env or {}),
        }
        return run_process([path, *chosen, *args], variables, stdin=stdin)

    return run_script


@pytest.fixture(scope='session')
def command(run: Run) -> Command:
    """Run a command through one of DOORS: ``command('hyphens', 'alice', 'lease list', '--long')``.

    ``openstack`` stands for ``openstack reservation lease list``, ``blazar`` for
    ``blazar lease list``, and ``hyphens`` for ``blazar lease-list``.
    """

    def run_command(door: str, user: str | None, words: str, *args: str) -> Ran:
        if door == 'openstack':
            return run('openstack', user, 'reservation', *words.split(), *args)
        if door == 'hyphens':
            return run('blazar', user, words.replace(' ', '-'), *args)
        return run('blazar', user, *words.split(), *args)

    return run_command


@pytest.fixture
def name(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Name]:
    """Make lease names of this test's own; leases whose names begin so are deleted after it."""
    with _names(cloud, request.node.name.removeprefix('test_')) as make:
        yield make


@pytest.fixture(scope='module')
def module_name(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Name]:
    """The same for leases that the tests of a module share."""
    with _names(cloud, pathlib.Path(request.node.name).stem.removeprefix('test_')) as make:
        yield make


@contextlib.contextmanager
def _names(cloud: Cloud, whose: str) -> Iterator[Name]:
    prefix = f'{re.sub(r"[^A-Za-z0-9]+", "-", whose)[:40].strip("-")}-{secrets.token_hex(3)}'
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        return f'{prefix}-{made}'

    yield make
    plain.delete_leases(cloud.session('admin'), prefix)


@pytest.fixture(scope='session')
def register_hosts(as_user: AsUser) -> Callable[[], list[Host]]:
    """Register the hypervisors that are not reservable hosts yet."""

    def register() -> list[Host]:
        admin = as_user('admin')
        have = {each['hypervisor_hostname']: each for each in admin.hosts.list()}
        for hypervisor in HYPERVISORS:
            if hypervisor not in have:
                have[hypervisor] = admin.hosts.create(hypervisor)
        return [have[hypervisor] for hypervisor in HYPERVISORS]

    return register


@pytest.fixture(scope='module')
def hosts(register_hosts: Callable[[], list[Host]]) -> list[Host]:
    """Every hypervisor registered as a reservable host, in the order of HYPERVISORS."""
    return register_hosts()


@pytest.fixture(scope='session')
def network(cloud: Cloud) -> str:
    """The ID of the external network."""
    answer = cloud.session('admin').get(
        '/v2.0/networks?name=public', endpoint_filter={'service_type': 'network'}
    )
    return str(answer.json()['networks'][0]['id'])


@pytest.fixture(scope='session')
def flavor(cloud: Cloud) -> str:
    """The ID of a small flavor."""
    answer = cloud.session('admin').get('/flavors', endpoint_filter={'service_type': 'compute'})
    return next(str(each['id']) for each in answer.json()['flavors'] if each['name'] == 'm1.small')


@pytest.fixture(scope='session')
def free_address(as_user: AsUser) -> Iterator[Address]:
    """Find an address of the network that may be registered; it is given up in the end."""
    admin = as_user('admin')
    given: list[str] = []

    def find() -> str:
        taken = {each['floating_ip_address'] for each in admin.floatingips.list()} | {*given}
        free = [f'203.0.113.{n}' for n in range(100, 255) if f'203.0.113.{n}' not in taken]
        given.append(secrets.choice(free))
        return given[-1]

    yield find
    for each in admin.floatingips.list():
        if each['floating_ip_address'] in given:
            each.delete()


@pytest.fixture(scope='session')
def slot() -> Slot:
    """Find an hour of the coming year that no other test reserves anything for."""
    day = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    day += timedelta(days=30 + secrets.randbelow(300))
    count = itertools.count()

    def find() -> tuple[datetime, datetime]:
        start = day + next(count) * timedelta(hours=6)
        return start, start + timedelta(hours=1)

    return find


@pytest.fixture(scope='session')
def reservation(network: str, flavor: str, as_user: AsUser, free_address: Address) -> Reservation:
    """Make a small reservation of a resource type, as the API wants it."""

    def make(resource_type: str) -> dict[str, Any]:
        if resource_type == 'physical:host':
            some = {'min': 1, 'max': 1, 'hypervisor_properties': '', 'resource_properties': ''}
        elif resource_type == 'virtual:instance':
            some = {'vcpus': 1, 'memory_mb': 512, 'disk_gb': 1, 'amount': 1}
            some |= {'affinity': None, 'resource_properties': ''}
        elif resource_type == 'flavor:instance':
            some = {'flavor_id': flavor, 'amount': 1, 'affinity': None}
        else:
            address = free_address()
            as_user('admin').floatingips.create(network, address)
            some = {'network_id': network, 'amount': 1, 'required_floatingips': [address]}
        return {'resource_type': resource_type, **some}

    return make


def as_option(reservation: Mapping[str, Any]) -> str:
    """A reservation as the value of --reservation; what is None or empty is left to defaults."""
    return ','.join(
        f'{key}={json.dumps(value) if isinstance(value, list) else value}'
        for key, value in reservation.items()
        if value not in (None, '')
    )


@pytest.fixture(scope='session')
def lives(
    cloud: Cloud,
    as_user: AsUser,
    command: Command,
    register_hosts: Callable[[], list[Host]],
    reservation: Reservation,
) -> Iterator[Mapping[str, Life]]:
    """A lease of each resource type, ACTIVE for about a minute from the first use on.

    Each is made through another door, all at once, for most of it is waiting.
    """
    register_hosts()
    alice = as_user('alice')
    wanted = {resource_type: reservation(resource_type) for resource_type in RESOURCE_TYPES}
    doors = dict(zip(RESOURCE_TYPES, (*DOORS, None), strict=True))

    def live(resource_type: str, name: str) -> Life:
        door = doors[resource_type]
        if door is None:
            lease = alice.leases.create(name, 'now', '+1m', [wanted[resource_type]])
            return Life(lease.wait(), None, dict(lease))
        option = as_option(wanted[resource_type])
        args = ('--reservation', option, '--end-date', '+1m', '--wait', '-f', 'json', name)
        ran = command(door, 'alice', 'lease create', *args)
        return Life(alice.leases.get(ran.json['id']), ran, ran.json)

    with _names(cloud, 'lives') as names, ThreadPoolExecutor() as pool:
        named = [names() for _ in RESOURCE_TYPES]
        yield dict(zip(RESOURCE_TYPES, pool.map(live, RESOURCE_TYPES, named), strict=True))


@pytest.fixture
def blazar_proxy(cloud: Cloud) -> Iterator[Proxy]:
    """A proxy before Blazar, for ``as_user(user, endpoint_override=blazar_proxy.url + '/v1')``."""
    endpoint = cloud.session('admin').get_endpoint(service_type='reservation')
    target = urllib.parse.urlsplit(str(endpoint))
    assert target.hostname
    with Proxy(target.hostname, target.port or 80) as proxy:
        yield proxy


@pytest.fixture(scope='session')
def token(cloud: Cloud) -> Callable[[str], str]:
    """Get a token of a user."""
    return lambda user: str(cloud.session(user).get_token())


@pytest.fixture(scope='session')
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
