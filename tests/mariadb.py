"""A MariaDB of the tests' own: in a temporary folder, reached through a socket in it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ['Missing', 'empty_database', 'mariadb_server', 'mariadb_url', 'server']

#: Set to 1 where a test must not be skipped for want of a MariaDB.
REQUIRED = 'BLAZARCLIENT_REQUIRE_MARIADB'

#: Debian keeps the server out of a user's PATH.
_PLACES = os.pathsep.join((os.environ.get('PATH', ''), '/usr/sbin', '/usr/local/sbin'))
_PATIENCE = 60
#: Bytes that a server needs, with room for what tests write.
_SPACE = 1 << 30
_numbers = itertools.count(1)


class Missing(Exception):
    """There is no MariaDB on this machine."""


@pytest.fixture(scope='session')
def mariadb_server() -> Iterator[str]:
    """A running MariaDB: the start of its databases' URLs, and what follows their names."""
    try:
        with server() as url:
            yield url
    except Missing as error:
        if os.environ.get(REQUIRED) == '1':
            pytest.fail(str(error))
        pytest.skip(str(error))


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A running MariaDB, also for programs that are no tests.

    :raises Missing: saying what is not installed.
    """
    found = shutil.which('mariadbd', path=_PLACES)
    install = shutil.which('mariadb-install-db', path=_PLACES)
    if found is None or install is None:
        raise Missing('mariadbd and mariadb-install-db (Debian: mariadb-server) are not installed')
    # Not pytest's own folder: the name of a socket has to be short.
    with (
        tempfile.TemporaryDirectory(
            prefix='mariadb-', dir=_in_memory(), ignore_cleanup_errors=True
        ) as name,
        _running(Path(name), found, install) as socket,
    ):
        yield f'mysql+pymysql://root@localhost/{{}}?unix_socket={socket}'


@contextlib.contextmanager
def empty_database(server: str) -> Iterator[str]:
    """The URL of an empty database that goes with the context.

    :param server: as :func:`server` has it.
    """
    name = f'test_{next(_numbers)}'
    # The server's own character set, as an operator's CREATE DATABASE has it.
    _execute(server, f'CREATE DATABASE {name}')
    yield server.format(name)
    _execute(server, f'DROP DATABASE {name}')


@pytest.fixture
def mariadb_url(mariadb_server: str) -> Iterator[str]:
    """The URL of an empty database that goes with the test."""
    with empty_database(mariadb_server) as url:
        yield url


def _in_memory() -> str | None:
    """A folder that is no disk, where there is one: each table that is made waits for the disk."""
    folder = Path('/dev/shm')
    if folder.is_dir() and shutil.disk_usage(folder).free > _SPACE:
        return str(folder)
    return None


@contextlib.contextmanager
def _running(folder: Path, server: str, install: str) -> Iterator[Path]:
    data, socket, log = folder / 'data', folder / 'socket', folder / 'log'
    # Both refuse to run as root unless told to.
    user = ['--user=root'] if os.geteuid() == 0 else []
    made = subprocess.run(
        [
            install,
            '--no-defaults',
            f'--datadir={data}',
            '--auth-root-authentication-method=normal',
            '--skip-test-db',
            *user,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    with log.open('wb') as output:
        process = subprocess.Popen(
            [
                server,
                '--no-defaults',
                f'--datadir={data}',
                f'--socket={socket}',
                f'--pid-file={folder / "pid"}',
                '--skip-networking',
                '--max-connections=300',
                # What a test has written need not survive the machine.
                '--innodb-flush-log-at-trx-commit=0',
                '--innodb-doublewrite=0',
                '--innodb-buffer-pool-size=128M',
                '--innodb-log-file-size=32M',
                *user,
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait(process, socket, log)
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        # The socket is there as soon as it is listened on.
        if socket.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f'mariadbd did not start:\n{log.read_text()}')


def _execute(server: str, statement: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(server.format(''), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
