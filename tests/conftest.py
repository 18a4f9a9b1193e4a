"""Fixtures of all tests; they are described in tests/README.rst."""

import contextlib
import ipaddress
import os
import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from tests.commands import Main, Ran, run_here
from tests.databases import database, database_url, shared_database_url  # noqa: F401
from tests.identity import APPCRED_ID, APPCRED_SECRET, USERS
from tests.mariadb import mariadb_server, mariadb_url  # noqa: F401
from tests.proxy import Proxy
from tests.recorded import RecordedBlazar

if TYPE_CHECKING:
    from blazarclient.client import Client


class SessionFactory(Protocol):
    def __call__(
        self, user: str = 'alice', *, auth: str = 'password', **options: Any
    ) -> keystone_session.Session: ...


class ClientFactory(Protocol):
    def __call__(
        self, user: str = 'alice', *, auth: str = 'password', **options: Any
    ) -> 'Client': ...


class Runner(Protocol):
    def __call__(self, *args: str, cloud: str | None = 'alice', stdin: str = '') -> Ran: ...


#: What other packages say about themselves. Everything else is an error.
NOT_OURS = (
    r'ignore:Support for InfluxDB requires:PendingDeprecationWarning:openstack\.config\.',
    r'ignore:The ClientCache class is deprecated:DeprecationWarning:osc_lib',
    r'ignore:The osc_lib\.version module is deprecated:DeprecationWarning:osc_lib',
)


#: Tests of tests/functional that have a service of their own; the others share one, and leases
#: that live for a minute.
ON_THEIR_OWN = ('test_listen', 'test_matrix', 'test_openstacksdk', 'test_subscriptions')


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Keep together what shares something, where the tests run in several processes.

    ``--dist=loadgroup`` and its marks do nothing under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            path = pathlib.PurePosixPath(nodeid.partition('::')[0])
            shares = path.parent.name == 'functional' and path.stem not in ON_THEIR_OWN
            return 'functional' if shares else str(path)

    return Together(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Let the named warnings of other packages pass."""
    for each in NOT_OURS:
        config.addinivalue_line('filterwarnings', each)


@pytest.fixture(autouse=True)
def own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing that the person running the tests has set up reaches a test."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(('OS_', 'BLAZAR_')) or upper.endswith('_PROXY'):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp('home')
    monkeypatch.setenv('HOME', str(home))
    for name in ('XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME', 'CLIFF_FIT_WIDTH'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('COLUMNS', '120')
    # openstacksdk reads a clouds.yaml in the current directory.
    monkeypatch.chdir(home)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """No test reaches beyond the loopback interface, not even for a name.

    Gives the hosts that were refused; a test that provokes that empties the list.
    """
    refused: list[str] = []
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(host: object) -> None:
        if not _is_loopback(host):
            refused.append(str(host))
            # Not an OSError: that is what the code under test is prepared for.
            raise AssertionError(f'a test wanted to reach {host}')

    def checked_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            check(address[0])
        connect(self, address)

    def checked_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family != socket.AF_UNIX:
            check(address[0])
        return connect_ex(self, address)

    def checked_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, 'connect', checked_connect)
    monkeypatch.setattr(socket.socket, 'connect_ex', checked_connect_ex)
    monkeypatch.setattr(socket, 'getaddrinfo', checked_look_up)
    yield refused
    assert not refused, f'the test wanted to reach {", ".join(refused)}'


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, '', 'localhost'):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(str(name)).is_loopback
    return False


@pytest.fixture
def server() -> Iterator[RecordedBlazar]:
    """A server that answers from the recordings; a request it has no answer for fails the test."""
    with RecordedBlazar() as running:
        yield running
    assert not running.complaints(), '\n'.join(running.complaints())


@pytest.fixture
def proxy(server: RecordedBlazar) -> Iterator[Proxy]:
    """A proxy before the server's reservation service; the catalog leads to it."""
    with Proxy(server.host, server.port) as running:
        server.catalog_url = running.url + server.prefix
        yield running


@pytest.fixture
def session(server: RecordedBlazar) -> Iterator[SessionFactory]:
    """Make a keystoneauth session for a user: auth='password', 'token' or 'appcred'."""
    with contextlib.ExitStack() as stack:

        def make(
            user: str = 'alice', *, auth: str = 'password', **options: Any
        ) -> keystone_session.Session:
            made = keystone_session.Session(auth=_auth(server, user, auth), **options)
            stack.callback(made.session.close)
            return made

        yield make


def _auth(server: RecordedBlazar, user: str, kind: str) -> v3.base.BaseAuth:
    someone = USERS[user]
    if kind == 'token':
        return v3.Token(
            server.auth_url,
            server.issue_token(user),
            project_name=someone.project_name,
            project_domain_name='Default',
        )
    if kind == 'appcred':
        return v3.ApplicationCredential(
            server.auth_url,
            application_credential_id=APPCRED_ID,
            application_credential_secret=APPCRED_SECRET,
        )
    assert kind == 'password', kind
    return v3.Password(
        server.auth_url,
        username=user,
        password=someone.password,
        user_domain_name='Default',
        project_name=someone.project_name,
        project_domain_name='Default',
    )


@pytest.fixture
def client(session: SessionFactory) -> ClientFactory:
    """Make a client for a user; other options go to Client."""
    from blazarclient.client import Client

    def make(user: str = 'alice', *, auth: str = 'password', **options: Any) -> Client:
        return Client(session=session(user, auth=auth), **options)

    return make


@pytest.fixture
def clouds_yaml(
    server: RecordedBlazar, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """Path of a clouds.yaml for the server, which OS_CLIENT_CONFIG_FILE names."""
    path = server.clouds_yaml(tmp_path)
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
    return path


@pytest.fixture
def blazar(clouds_yaml: pathlib.Path) -> Runner:
    """Run a ``blazar`` command line in this process."""
    from blazarclient import shell

    return _runner(shell.main)


@pytest.fixture
def openstack(clouds_yaml: pathlib.Path) -> Runner:
    """Run an ``openstack`` command line in this process."""
    from openstackclient import shell
    from osc_lib.clientmanager import ClientManager

    def main(argv: list[str]) -> Any:
        # osc-lib keeps each service's client for the life of the process.
        vars(ClientManager)['reservation']._handle = None
        return shell.main(argv)

    return _runner(main)


def _runner(main: Callable[[list[str]], Any]) -> Runner:
    entry: Main = main

    def run(*args: str, cloud: str | None = 'alice', stdin: str = '') -> Ran:
        chosen = ['--os-cloud', cloud] if cloud else []
        return run_here(entry, [*chosen, *args], stdin)

    return run
