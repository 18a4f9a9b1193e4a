"""The database: SQLite, in a file or in memory, or MariaDB or MySQL."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection, event, pool
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError

from blazarclient.server import errors
from blazarclient.server.store.tables import locks

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ['Bell', 'Database']

#: Seconds that a transaction waits for another one.
_PATIENCE = 30
#: Where a connection keeps whether its transaction rings the bell.
_RINGS = 'reservation_rings'
#: An error names the statement and not its values: URLs of webhooks are passwords of a kind.
_QUIET: Mapping[str, Any] = {'hide_parameters': True}
#: MySQL: a lock was waited for in vain; two transactions waited for each other.
_MYSQL_BUSY = frozenset({1205, 1213})


class Bell:
    """Tells threads of this process that something was committed which others wait for.

    Other processes do not hear it: whoever waits also looks from time to time.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it has rung."""
        with self._condition:
            return self._count

    def ring(self) -> None:
        """Wake all that wait."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, count: int, timeout: float) -> int:
        """Wait until it rings, unless it has rung already.

        :param count: how often it had rung when the caller looked last.
        :param timeout: seconds.
        :returns: how often it has rung now.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._count != count, timeout)
            return self._count


class Database:
    """The tables of one service, and transactions on them.

    Any number of threads may share one. What is written by one process is seen by all others,
    except with ``sqlite://``, which lives in the memory of this one.

    :param url: as SQLAlchemy reads it: ``sqlite:////var/lib/reservation.db``, ``sqlite://``,
        ``mysql+pymysql://user:password@host/database``.
    """

    def __init__(self, url: str | sa.URL) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() in ('mysql', 'mariadb'):
            # The name of the driver may be left away, and both names mean either server.
            parsed = parsed.set(drivername='mysql+pymysql')
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == 'sqlite'
        #: Whether no other process can see it.
        self.in_memory = self.is_sqlite and parsed.database in (None, '', ':memory:')
        # Threads of one process stand in line here: SQLite's own waiting is a sleep that is
        # repeated, and whoever sleeps longest loses.
        self._turn = _Turn() if self.is_sqlite else None
        #: Rings after each transaction that has called :meth:`ring`.
        self.bell = Bell()
        self.engine = _sqlite(parsed, self.in_memory) if self.is_sqlite else _mysql(parsed)

    @contextlib.contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Connection]:
        """A transaction: all of it, or nothing when an error comes out.

        :param write: False for one that only reads, and sees one state of the database from its
            first query to its end; writing in it is an error.
        :raises blazarclient.server.errors.Busy: when other transactions are in the way for longer
            than 30 seconds.
        """
        turn = self._turn if self._turn and (write or self.in_memory) else contextlib.nullcontext()
        with turn, _busy(), self.engine.connect() as plain:
            connection = plain.execution_options(reservation_write=write)
            connection.info.pop(_RINGS, None)
            with connection.begin():
                yield connection
            rings = connection.info.pop(_RINGS, False)
        if rings:
            self.bell.ring()

    def ring(self, connection: Connection) -> None:
        """Ring the bell when this transaction is committed."""
        connection.info[_RINGS] = True

    def lock(self, connection: Connection, name: str) -> None:
        """Wait for a lock, and hold it until the transaction ends.

        :param name: whoever locks the same name waits.
        """
        if self.is_sqlite:
            # A transaction that writes is alone already.
            return
        query = sa.select(locks.c.name).where(locks.c.name == name).with_for_update()
        if connection.execute(query).first() is None:
            # Whoever finds the row of somebody else waits for it as if it were to be changed. An
            # INSERT IGNORE would share it first, and two that share it wait for each other.
            connection.execute(
                mysql.insert(locks).values(name=name).on_duplicate_key_update(name=name)
            )

    def upgrade(self, revision: str = 'head') -> None:
        """Bring the tables to a revision, by default the newest."""
        from alembic import command

        with self._migration() as config:
            command.upgrade(config, revision)

    def downgrade(self, revision: str) -> None:
        """Bring the tables back to a revision; ``base`` leaves none."""
        from alembic import command

        with self._migration() as config:
            command.downgrade(config, revision)

    def revision(self) -> str | None:
        """The revision of the tables; None where there are none."""
        from alembic.runtime.migration import MigrationContext

        with self.transaction(write=False) as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @staticmethod
    @functools.cache
    def revisions() -> Sequence[str]:
        """The revisions that this release knows, the newest one first."""
        from alembic.script import ScriptDirectory

        folder = ScriptDirectory.from_config(_alembic())
        return [each.revision for each in folder.walk_revisions()]

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def _migration(self) -> Iterator[Config]:
        with self._alone(), self.transaction() as connection:
            config = _alembic()
            config.attributes['connection'] = connection
            yield config

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process change the tables meanwhile."""
        if self.is_sqlite:
            # A transaction that writes is alone already.
            yield
            return
        # MySQL commits at every change of a table, so no row can be the lock. It is held by a
        # connection of its own, until after the last commit.
        name = {'name': f'migration {self.url.database}'[:64], 'seconds': _PATIENCE}
        with self.engine.connect() as connection:
            if not connection.scalar(sa.text('SELECT GET_LOCK(:name, :seconds)'), name):
                raise errors.Busy('The tables are being changed by another process.')
            try:
                yield
            finally:
                connection.execute(sa.text('SELECT RELEASE_LOCK(:name)'), name)


def _alembic() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option('script_location', f'{__package__}:migrations')
    return config


class _Turn:
    """A lock that tells a thread that waits for itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        if self._owner == threading.get_ident():
            raise RuntimeError('this thread is in a transaction already')
        if not self._lock.acquire(timeout=_PATIENCE):
            raise _too_long()
        self._owner = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        self._owner = None
        self._lock.release()


def _too_long() -> errors.Busy:
    return errors.Busy('The database is locked by other transactions. Try again in a moment.')


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Tell what another transaction is to blame for from what is wrong with this one."""
    try:
        yield
    except DBAPIError as error:
        if _is_busy(error.orig):
            raise _too_long() from error
        raise


def _is_busy(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        # The lower byte is the kind of error, the rest says more of it.
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return bool(error and error.args and error.args[0] in _MYSQL_BUSY)


def _sqlite(url: sa.URL, in_memory: bool) -> sa.Engine:
    options: dict[str, Any] = {'timeout': _PATIENCE, 'isolation_level': None}
    if in_memory:
        options['check_same_thread'] = False
        engine = sa.create_engine(url, poolclass=pool.StaticPool, connect_args=options, **_QUIET)
    else:
        engine = sa.create_engine(
            url, poolclass=pool.QueuePool, pool_size=32, connect_args=options, **_QUIET
        )

    @event.listens_for(engine, 'connect')
    def set_up(raw: sqlite3.Connection, record: object) -> None:
        raw.execute('PRAGMA foreign_keys = ON')
        if not in_memory:
            # Readers and a writer do not wait for each other. A process that is killed loses
            # nothing; a machine without power may lose the last transactions, never older ones.
            if raw.execute('PRAGMA journal_mode').fetchone() != ('wal',):
                raw.execute('PRAGMA journal_mode = WAL')
            raw.execute('PRAGMA synchronous = NORMAL')

    @event.listens_for(engine, 'begin')
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get('reservation_write', True)
        if connection.info.get('writes') is not write:
            connection.exec_driver_sql(f'PRAGMA query_only = {0 if write else 1}')
            connection.info['writes'] = write
        # A transaction that reads first and writes then would fail when another one has written
        # in between.
        connection.exec_driver_sql('BEGIN IMMEDIATE' if write else 'BEGIN')

    return engine


def _mysql(url: sa.URL) -> sa.Engine:
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    engine = sa.create_engine(
        url.update_query_dict({'charset': 'utf8mb4'}),
        isolation_level='READ COMMITTED',
        pool_pre_ping=True,
        pool_size=32,
        # Servers close connections that idle for eight hours.
        pool_recycle=3600,
        **_QUIET,
        connect_args={
            'init_command': f"SET SESSION sql_mode='TRADITIONAL',"
            f' SESSION innodb_lock_wait_timeout={_PATIENCE}',
            # The driver's own reading of times costs as much as all else in a list of leases.
            'conv': {**conversions, FIELD_TYPE.DATETIME: datetime.fromisoformat},
        },
    )

    @event.listens_for(engine, 'begin')
    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get('reservation_write', True):
            # A lease and its reservations come from two queries and have to belong together.
            connection.exec_driver_sql('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')

    return engine
