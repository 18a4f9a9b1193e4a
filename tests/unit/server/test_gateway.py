"""The command ``blazar-gateway``."""

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

from blazarclient.server import gateway
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease import Lease
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key

KEY = f'[subscriptions]\nsecret_key = {new_key()}\n'


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
