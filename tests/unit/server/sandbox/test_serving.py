"""The process of a sandbox: how it starts, how it ends, what it leaves behind."""

import contextlib
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.commands import Ran, run_process

BLAZAR = str(pathlib.Path(sys.executable).parent / 'blazar')


class Started:
    """A `blazar sandbox` that runs."""

    def __init__(self, process: subprocess.Popen[str], config_file: pathlib.Path) -> None:
        self.process = process
        self.config_file = config_file

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal; return exit code and what was written."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def blazar(self, *args: str, user: str = 'alice') -> Ran:
        """Run `blazar` on it."""
        variables = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(self.config_file)}
        return run_process([BLAZAR, '--os-cloud', user, *args], variables)


@contextlib.contextmanager
def started(config_file: pathlib.Path, *args: str) -> Iterator[Started]:
    """Run it until its clouds.yaml is there, and in any case until the block ends."""
    before = config_file.stat().st_mtime_ns if config_file.exists() else None
    with subprocess.Popen(
        [BLAZAR, '-q', 'sandbox', *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not config_file.exists() or config_file.stat().st_mtime_ns == before:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield Started(process, config_file)
        finally:
            process.kill()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_start_and_end(tmp_path: pathlib.Path, number: int) -> None:
    """It says where it is and what to type next, ends when told to, and leaves nothing behind."""
    config_file = tmp_path / 'private' / 'clouds.yaml'
    with started(config_file, '--port', '0', '--config-file', str(config_file)) as run:
        assert stat.S_IMODE(config_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(config_file.parent.stat().st_mode) == 0o700
        clouds = yaml.safe_load(config_file.read_text())['clouds']
        assert list(clouds) == ['admin', 'alice', 'rita', 'bob']
        rows = run.blazar('lease', 'list', '-f', 'json').json
        assert {row['name'] for row in rows} >= {'training', 'notebooks', 'webserver'}
        code, out, err = run.end(number)
    assert (code, err) == (0, '')
    address = clouds['alice']['auth']['auth_url'].removesuffix('/identity/v3')
    assert f'{address}/v1' in out
    assert str(config_file) in out
    assert 'not for production' in out
    assert 'blazar lease create my-first-lease' in out
    assert not config_file.exists()


def test_what_to_type_next_works(tmp_path: pathlib.Path) -> None:
    """The lines that it prints can be pasted into a shell."""
    config_file = tmp_path / 'clouds.yaml'
    with started(config_file, '--port', '0', '--config-file', str(config_file)) as run:
        lines: list[str] = []
        assert run.process.stdout
        while not lines or 'Ctrl-C' not in lines[-1]:
            lines.append(run.process.stdout.readline())
        script = ''.join(line for line in lines if line.startswith('  '))
        path = f'{pathlib.Path(BLAZAR).parent}:{os.environ["PATH"]}'
        ran = run_process(['sh', '-ec', script], {**os.environ, 'PATH': path}).check()
    assert 'my-first-lease' in ran.stdout
    assert 'ACTIVE' in ran.stdout


def test_a_file_is_kept_and_gone_on_with(tmp_path: pathlib.Path) -> None:
    """With --db leases are still there the next time; clouds.yaml lies beside the file."""
    config_file = tmp_path / 'kept.clouds.yaml'
    args = ('--port', '0', '--hosts', '2', '--seed', 'empty', '--db', str(tmp_path / 'kept.db'))
    option = ('--reservation', 'resource_type=physical:host,min=1,max=1', '--end-date', '+1d')
    with started(config_file, *args) as run:
        run.blazar('lease', 'create', *option, '--wait', 'kept').check()
        assert run.end()[0] == 0
    with started(config_file, *args) as run:
        shown = run.blazar('lease', 'show', 'kept', '-f', 'json').json
        hosts = run.blazar('host', 'list', '-f', 'json', user='admin').json
    assert shown['status'] == 'ACTIVE'
    assert len(hosts) == 2


def test_where_clouds_yaml_goes_by_itself(tmp_path: pathlib.Path) -> None:
    """Below the home, in a folder for the port: a sandbox that is started again has the same."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    config_file = pathlib.Path.home() / '.cache' / 'blazar-sandbox' / str(port) / 'clouds.yaml'
    with started(config_file, '--port', str(port)) as run:
        assert stat.S_IMODE(config_file.parent.stat().st_mode) == 0o700
        run.process.kill()
        run.process.wait()
    # What a killed one has left does not stop the next.
    assert config_file.exists()
    with started(config_file, '--port', str(port)) as run:
        run.blazar('lease', 'list').check()
        assert run.end()[0] == 0
    assert not config_file.exists()


def test_nobodys_clouds_yaml_is_lost(tmp_path: pathlib.Path) -> None:
    """A file that a person has written stays as it is, and the sandbox does not start."""
    config_file = tmp_path / 'clouds.yaml'
    config_file.write_text('clouds: {mine: {}}\n')
    ran = run_process(
        [BLAZAR, 'sandbox', '--port', '0', '--config-file', str(config_file)], dict(os.environ)
    )
    assert ran.code == 1
    assert f'{config_file} exists already, and no sandbox has written it' in ran.stderr
    assert config_file.read_text() == 'clouds: {mine: {}}\n'


def _refused(*args: str) -> Ran:
    return run_process([BLAZAR, 'sandbox', *args], dict(os.environ))


def test_port_in_use() -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        ran = _refused('--port', str(taken.getsockname()[1]))
    assert (ran.code, ran.stdout) == (1, '')
    assert 'Address already in use. Choose another port with --port' in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ('args', 'code', 'sentence'),
    [
        (('--fail', 'POST /v1/leases'), 1, "--fail: 'POST /v1/leases' is no fault"),
        (('--clock', 'tomorrow'), 1, "--clock: 'tomorrow' is not a time"),
        (('--seed', 'none.yaml'), 1, '--seed none.yaml: '),
        (('--db', '/no/such/folder/x.db'), 1, 'Cannot open the database /no/such/folder/x.db: '),
        (('--db', 'nonsense://x'), 1, 'Cannot open the database nonsense://x: '),
        (('--db', 'postgresql://u:secret@h/x'), 1, '://u:***@h/x: expected SQLite or MariaDB'),
        (('--db', 'mysql://u:secret@127.0.0.1:1/x'), 1, 'the database mysql://u:***@127.0.0.1:1/x'),
        (
            ('--config-file', '/proc/none/clouds.yaml'),
            1,
            'Cannot write /proc/none/clouds.yaml: No such file or directory',
        ),
        (('--port', '65536'), 2, "'65536' is not a port"),
        (('--hosts', 'many'), 2, "'many' is not a number of hosts"),
        (('--speed', 'fast'), 2, "'fast' is not a speed"),
        (('--speed', '-1'), 2, "'-1' is not a speed"),
        (('--bogus',), 2, '--bogus'),
    ],
    ids=lambda value: ' '.join(value) if isinstance(value, tuple) else '',
)
def test_options_that_cannot_be(args: tuple[str, ...], code: int, sentence: str) -> None:
    """One sentence says what is wrong."""
    ran = _refused('--port', '0', *args)
    assert (ran.code, ran.stdout) == (code, '')
    assert sentence in ran.stderr
    assert 'Traceback' not in ran.stderr


def test_ends_while_a_request_is_delayed(tmp_path: pathlib.Path) -> None:
    """A delay of a day does not hold up the end."""
    config_file = tmp_path / 'clouds.yaml'
    args = ('--port', '0', '--config-file', str(config_file), '--fail', 'GET /v1/* delay=86400')
    with started(config_file, *args) as run:
        url = yaml.safe_load(config_file.read_text())['clouds']['alice']['auth']['auth_url']
        port = int(url.split(':')[2].split('/')[0])
        with socket.create_connection(('127.0.0.1', port)) as waiting:
            waiting.sendall(b'GET /v1/leases HTTP/1.1\r\nHost: x\r\nX-Auth-Token: alice\r\n\r\n')
            time.sleep(0.5)
            began = time.monotonic()
            code, _, _ = run.end()
    assert code == 0
    assert time.monotonic() - began < 5


def test_in_mariadb(mariadb_url: str, tmp_path: pathlib.Path) -> None:
    """With --db and a URL everything is in a MariaDB database."""
    config_file = tmp_path / 'clouds.yaml'
    args = ('--port', '0', '--db', mariadb_url, '--config-file', str(config_file))
    for _ in range(2):
        with started(config_file, *args) as run:
            rows = run.blazar('lease', 'list', '-f', 'json').json
            assert len([row for row in rows if row['name'] == 'training']) == 1
            assert run.end()[0] == 0
