"""Transactions: all or nothing, who waits for whom, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from blazarclient.server import errors
from blazarclient.server.store import database as module
from blazarclient.server.store import leases
from blazarclient.server.store.database import Database
from tests.unit.server.store_rows import lease_row


@pytest.fixture
def shared(shared_database_url: str) -> Iterator[Database]:
    """A database with its tables that several processes can use, of each kind in turn."""
    made = Database(shared_database_url)
    made.upgrade()
    yield made
    made.dispose()


def _names(connection: Connection) -> list[str]:
    return [row['name'] for row in leases.leases(connection)]


def _add(connection: Connection, name: str) -> None:
    leases.insert_lease(connection, lease_row(name, name=name))


def _add_and_fail(connection: Connection) -> None:
    _add(connection, 'lost')
    raise ZeroDivisionError


def test_all_or_nothing(database: Database) -> None:
    """What an error comes out of leaves nothing behind."""
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        _add_and_fail(connection)
    with database.transaction() as connection:
        _add(connection, 'kept')
    with database.transaction(write=False) as connection:
        assert _names(connection) == ['kept']


def test_a_part_of_a_transaction_can_be_undone(database: Database) -> None:
    """A savepoint, on every database."""
    with database.transaction() as connection:
        _add(connection, 'before')
        with pytest.raises(ZeroDivisionError), connection.begin_nested():
            _add_and_fail(connection)
        _add(connection, 'after')
    with database.transaction(write=False) as connection:
        assert _names(connection) == ['before', 'after']


def test_a_transaction_that_reads_cannot_write(database: Database) -> None:
    """The same mistake is an error on every database; the next transaction can write again."""
    with pytest.raises(DBAPIError), database.transaction(write=False) as connection:
        _add(connection, 'lost')
    with database.transaction() as connection:
        _add(connection, 'kept')
        assert _names(connection) == ['kept']


def test_whoever_reads_sees_one_state(shared: Database) -> None:
    """From the first query to the last, and without waiting for whoever writes."""
    with shared.transaction(write=False) as reader:
        assert _names(reader) == []
        with shared.transaction() as writer:
            _add(writer, 'new')
            assert _names(reader) == []
        assert _names(reader) == []
    with shared.transaction(write=False) as reader:
        assert _names(reader) == ['new']


def test_threads_share_a_database(database: Database) -> None:
    """No change is lost, also of one in memory."""
    with database.transaction() as connection:
        leases.insert_lease(connection, lease_row('a', name='0'))
    failures: list[Exception] = []

    def count() -> None:
        try:
            for _ in range(25):
                with database.transaction() as connection:
                    database.lock(connection, 'allocations')
                    row = leases.lease(connection, 'a')
                    assert row is not None
                    leases.update_lease(connection, 'a', {'name': str(int(row['name']) + 1)})
                with database.transaction(write=False) as connection:
                    assert leases.lease(connection, 'a')
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    with database.transaction(write=False) as connection:
        assert _names(connection) == ['200']


def test_who_waits_too_long_is_told(
    shared_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the database, or the lock, for longer than anybody should wait."""
    monkeypatch.setattr(module, '_PATIENCE', 1)
    holder, waiter = Database(shared_database_url), Database(shared_database_url)
    holder.upgrade()
    with holder.transaction() as connection:
        holder.lock(connection, 'allocations')
        with pytest.raises(errors.Busy, match='Try again'), waiter.transaction() as other:
            waiter.lock(other, 'allocations')
    with waiter.transaction() as other:
        waiter.lock(other, 'allocations')
    holder.dispose()
    waiter.dispose()


def test_a_thread_that_waits_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads of one process stand in line before they come to the file."""
    monkeypatch.setattr(module, '_PATIENCE', 0.1)
    database = Database(f'sqlite:///{tmp_path / "a.db"}')
    told = []

    def wait() -> None:
        try:
            with database.transaction():
                pass
        except errors.Busy as error:
            told.append(error.status)

    with database.transaction():
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert told == [503]
    database.dispose()


@pytest.mark.parametrize('url', ['sqlite://', 'sqlite:///{}/a.db'])
def test_a_thread_does_not_wait_for_itself(url: str, tmp_path: Path) -> None:
    """A second transaction of the same thread would never end, and says so at once."""
    database = Database(url.format(tmp_path))
    with (
        database.transaction(),
        pytest.raises(RuntimeError, match='in a transaction already'),
        database.transaction(),
    ):
        pass
    with database.transaction():
        pass
    database.dispose()


def test_locks_of_different_names(mariadb_url: str) -> None:
    """Each name is a lock of its own; one that nobody has used before is made."""
    database = Database(mariadb_url)
    database.upgrade()
    with database.transaction() as first, database.transaction() as second:
        database.lock(first, 'allocations')
        database.lock(first, 'allocations')
        database.lock(second, 'something else')
    database.dispose()


def test_many_that_use_a_lock_for_the_first_time(mariadb_url: str) -> None:
    """One makes it, the others wait, and none is refused."""
    database = Database(mariadb_url)
    database.upgrade()
    started = threading.Barrier(8)
    held, outcome = threading.Lock(), []

    def use() -> None:
        for number in range(25):
            started.wait(60)
            try:
                with database.transaction() as connection:
                    database.lock(connection, f'new {number}')
                    outcome.append(held.acquire(blocking=False))
                    held.release()
            except errors.Busy:
                outcome.append(False)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcome == [True] * 200
    database.dispose()


def test_two_that_wait_for_each_other(mariadb_url: str) -> None:
    """MariaDB ends one of them; it may try again, and the other one goes on."""
    database = Database(mariadb_url)
    database.upgrade()
    with database.transaction() as connection:
        for name in 'ab':
            _add(connection, name)
    both = threading.Barrier(2)
    told: list[str] = []

    def change(first: str, second: str) -> None:
        try:
            with database.transaction() as connection:
                leases.lock_lease(connection, first)
                both.wait(10)
                leases.lock_lease(connection, second)
                told.append('done')
        except errors.Busy:
            told.append('busy')

    threads = [threading.Thread(target=change, args=names) for names in ('ab', 'ba')]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(told) == ['busy', 'done']
    database.dispose()


def test_other_errors_are_not_hidden(database: Database) -> None:
    """Only what another transaction is to blame for is called busy."""
    with pytest.raises(DBAPIError), database.transaction() as connection:
        connection.execute(sa.text('SELECT * FROM nowhere'))


def test_a_database_that_cannot_be_reached(tmp_path: Path) -> None:
    """The driver's own error says why."""
    database = Database(f'sqlite:///{tmp_path}/no/such/folder/a.db')
    with pytest.raises(OperationalError, match='unable to open'), database.transaction():
        pass
    database.dispose()


@pytest.mark.parametrize('scheme', ['mysql', 'mariadb', 'mariadb+pymysql'])
def test_other_names_of_mariadb(scheme: str, mariadb_url: str) -> None:
    """The driver need not be named, and the server may have either name."""
    database = Database(mariadb_url.replace('mysql+pymysql', scheme))
    database.upgrade()
    assert database.revision() == database.revisions()[0]
    database.dispose()


def test_a_file_is_kept(tmp_path: Path) -> None:
    """What was committed is there for the next process."""
    url = f'sqlite:///{tmp_path / "a.db"}'
    first = Database(url)
    first.upgrade()
    with first.transaction() as connection:
        _add(connection, 'kept')
    first.dispose()
    second = Database(url)
    second.upgrade()
    with second.transaction(write=False) as connection:
        assert _names(connection) == ['kept']
    second.dispose()
