"""The command ``blazar-gateway``."""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from blazarclient.server import checks, config, gateway
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease import Lease
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from blazarclient.server.vault import Vault, new_key

# The same in every process, since it is in the names of tests.
KEY = f'[subscriptions]\nsecret_key = {base64.urlsafe_b64encode(bytes(32)).decode()}\n'


@pytest.fixture
def options(tmp_path: pathlib.Path) -> str:
    """Path of a file with options, which names a database that is not there yet."""
    path = tmp_path / 'gateway.conf'
    path.write_text(f'{KEY}[database]\nconnection = sqlite:///{tmp_path}/gateway.db\n')
    return str(path)


@pytest.fixture
def database(tmp_path: pathlib.Path) -> Iterator[Database]:
    """What the options name."""
    opened = Database(f'sqlite:///{tmp_path}/gateway.db')
    yield opened
    opened.dispose()


def run(*arguments: str) -> int:
    return gateway.main(arguments)


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a command that goes on until it is told to end."""
    return subprocess.Popen(
        [sys.executable, '-m', 'blazarclient.server.gateway', *arguments],
        env={
            **os.environ,
            'OS_KEYSTONE_AUTHTOKEN__WWW_AUTHENTICATE_URI': 'http://127.0.0.1/identity',
            **environment,
        },
        stderr=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path(gateway.__file__).parents[2],
    )


def test_the_tables_come_and_go(options: str, database: Database) -> None:
    """``db upgrade`` makes them, again changes nothing, ``db downgrade base`` removes them."""
    assert run('db', 'upgrade', '--config-file', options) == 0
    newest = database.revision()
    assert newest is not None
    assert run('--config-file', options, 'db', 'upgrade') == 0
    assert database.revision() == newest
    assert run('db', 'downgrade', 'base', '--config-file', options) == 0
    assert database.revision() is None


def test_the_environment_names_the_file(
    options: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does for WSGI servers."""
    monkeypatch.setenv('BLAZAR_GATEWAY_CONF', options)
    assert run('db', 'upgrade') == 0
    assert database.revision() is not None


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['api', '--config-file', 'FILE'], '"blazar-gateway db upgrade" makes them'),
        (['worker', '--config-file', 'FILE'], '"blazar-gateway db upgrade" makes them'),
        (['db', 'upgrade', 'nonsense', '--config-file', 'FILE'], 'nonsense'),
        (['worker'], 'BLAZAR_GATEWAY_CONF'),
        (['worker', '--config-file', 'nowhere.conf'], 'nowhere.conf'),
        (['listener', '--config-file', 'FILE'], '[backend] type is embedded'),
    ],
)
def test_what_is_wrong_is_one_sentence(
    options: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """No traceback: what is wrong, and what to do."""
    assert run(*(options if each == 'FILE' else each for each in arguments)) == 1
    error = capsys.readouterr().err
    assert error.startswith('blazar-gateway: ')
    assert said in error
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('connection = nonsense', '[database] connection: Could not parse'),
        ('connection = sqlite:////nowhere/at/all.db', 'unable to open database file'),
        ('connection =', 'connection'),
    ],
)
def test_a_database_that_cannot_be(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    """The error names what is wrong with it."""
    path = tmp_path / 'gateway.conf'
    path.write_text(f'{KEY}[database]\n{line}\n')
    assert run('worker', '--config-file', str(path)) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    ('lines', 'said'),
    [
        ('', '"blazar-gateway secret-key" prints a new one'),
        ('[subscriptions]\nsecret_key = c2VjcmV0', '[subscriptions] secret_key: A key has to be'),
        (f'{KEY}[backend]\ntype = blazar', '[blazar] endpoint has to be set'),
        (f'{KEY}[delivery]\nallow_cidrs = 10.0.0.0/8,secret', 'like 10.0.0.0/8'),
        (f'{KEY}[delivery]\nallow_loopback = 1\n[api]\nhost = 0.0.0.0', 'and is 0.0.0.0'),
        (f'{KEY}[notifications]\ntransport_url = secret', 'has to begin with the name of a driver'),
        (f'{KEY}[notifications]\ntransport_url = rabbit://u:secr/et@host', 'is no address'),
        (f'{KEY}[notifications]\ntransport_url = rabbit://u:secret@host:port/', 'is no address'),
        (f'{KEY}[notifications]\ntransport_url = rabbit://u:secret@[::1/', 'is no address'),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    """One sentence says which option, and what would be right; never a key or a password."""
    path = tmp_path / 'gateway.conf'
    path.write_text(f'{lines}\n[database]\nconnection = sqlite:///{tmp_path}/gateway.db\n')
    assert run('api', '--config-file', str(path)) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
    assert 'c2VjcmV0' not in error
    assert 'u:secr' not in error


@pytest.mark.parametrize(
    'url',
    [
        'rabbit://user:password@host:5672/',
        'rabbit://u:p@one:5672,u:p@[::1]:5672/virtual%2Fhost?ssl=1',
        'kombu+memory:////',
    ],
)
def test_addresses_of_a_bus(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What oslo.messaging reads is not refused."""
    monkeypatch.setenv('OS_NOTIFICATIONS__TRANSPORT_URL', url)
    monkeypatch.setenv('OS_SUBSCRIPTIONS__SECRET_KEY', new_key())
    checks.check(config.load())


def test_a_service_without_subscriptions_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned to 1.0 there is nothing to encrypt."""
    monkeypatch.setenv('OS_UPGRADE__PIN', '1.0')
    checks.check(config.load())


def test_a_new_key(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed without any file of options, is another one each time, and can be used."""
    assert run('secret-key') == run('secret-key') == 0
    one, other = capsys.readouterr().out.split()
    assert one != other
    assert Vault([one]).decrypt(Vault([one]).encrypt('x')) == 'x'


def test_a_worker_tells_how_it_is(options: str, database: Database) -> None:
    """Where a port is named, it answers there, and only /healthz and /metrics."""
    database.upgrade()
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = str(free.getsockname()[1])
    with start('worker', '--config-file', options, OS_METRICS__PORT=port) as worker:
        assert worker.stderr is not None
        worker.stderr.readline()
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/healthz', timeout=30) as answer:
            told = json.load(answer)
        assert told['status'] == 'ok'
        assert {'database', 'tables', 'scheduler', 'delivery', 'timers', 'sweeper'} == {
            *told['parts']
        }
        with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=30) as answer:
            assert b'reservation_gateway_healthy 1.0' in answer.read()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


def test_a_port_for_metrics_that_is_taken(options: str, database: Database) -> None:
    """The error names the option and the address."""
    database.upgrade()
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = str(taken.getsockname()[1])
        with start('worker', '--config-file', options, OS_METRICS__PORT=port) as worker:
            assert worker.wait(60) == 1
            assert worker.stderr is not None
            assert f'[metrics] host, port: cannot listen on 127.0.0.1, port {port}' in (
                worker.stderr.read()
            )


def test_a_command_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage says which there are."""
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert 'COMMAND' in capsys.readouterr().err


@pytest.mark.parametrize('end', [signal.SIGTERM, signal.SIGINT])
def test_a_worker(options: str, database: Database, end: signal.Signals) -> None:
    """It starts what is due, says who it is, and ends with 0 when it is told to."""
    database.upgrade()
    ctx = RequestContext.for_service(database, Policy(), Settings())
    lease = Lease.create(
        ctx,
        {'name': 'due', 'start_date': 'now', 'end_date': '2030-01-01 10:00', 'reservations': []},
    )
    with start('worker', '--config-file', options) as worker:
        assert worker.stderr is not None
        assert 'carrying out the events of leases' in worker.stderr.readline()
        while Lease.get_by_id(ctx, lease.id).status != 'ACTIVE':
            assert worker.poll() is None
        worker.send_signal(end)
        assert worker.wait(30) == 0
        assert worker.stderr.read() == ''


def test_a_port_that_is_taken(options: str, database: Database) -> None:
    """The error names the address, and nothing keeps the process from ending."""
    database.upgrade()
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with start('api', '--config-file', options, OS_API__PORT=str(port)) as api:
            assert api.wait(60) == 1
            assert api.stderr is not None
            sentence = f'cannot listen on 127.0.0.1, port {port}: Address already in use\n'
            assert api.stderr.read().endswith(sentence)


@pytest.mark.parametrize('host', ['127.0.0.1', '::1', 'localhost'])
def test_it_says_where_it_listens(options: str, database: Database, host: str) -> None:
    """An address can be copied from there; it ends with 0 when it is told to."""
    database.upgrade()
    with start('api', '--config-file', options, OS_API__HOST=host, OS_API__PORT='0') as api:
        assert api.stderr is not None
        address = api.stderr.readline().removeprefix('blazar-gateway: listening on ').strip()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, timeout=30)
        assert refused.value.code == 401
        refused.value.close()
        api.send_signal(signal.SIGTERM)
        assert api.wait(30) == 0
