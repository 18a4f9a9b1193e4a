"""Which events are due, who takes them, and who may finish them."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from blazarclient.server.store import due, leases
from blazarclient.server.store.database import Database
from blazarclient.server.store.tables import events as table
from blazarclient.server.store.tables import leases as lease_table
from tests.unit.server.store_rows import HOUR, MINUTE, T0, event_row, lease_row

START, BEFORE_END, END = 'start_lease', 'before_end_lease', 'end_lease'
_ORDER = (START, BEFORE_END, END)
_OPEN = {'UNDONE', 'IN_PROGRESS'}


def add(connection: Connection, lease_id: str, **times: int) -> None:
    """A lease with events so many minutes after T0; an event's ID is ``a-start``."""
    kinds = {'start': START, 'before_end': BEFORE_END, 'end': END}
    leases.insert_lease(connection, lease_row(lease_id))
    leases.insert_events(
        connection,
        [
            event_row(f'{lease_id}-{name}', lease_id, kinds[name], T0 + minutes * MINUTE)
            for name, minutes in times.items()
        ],
    )


def take(
    connection: Connection, minutes: int, *, real: float = 100, owner: str = 'w', limit: int = 10
) -> list[str]:
    """What a worker is given so many minutes after T0, to be done in ten seconds."""
    rows = due.take_due(
        connection,
        now=T0 + minutes * MINUTE,
        real_now=real,
        owner=owner,
        limit=limit,
        deadline=real + 10,
    )
    return [row['id'] for row in rows]


def test_an_event_is_due_at_its_time(database: Database) -> None:
    """Not a minute before, and then once."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, before_end=30, end=60)
        assert due.next_due(connection) == T0
        assert not due.is_unfinished(connection, T0 - MINUTE)
        assert take(connection, -1) == []
        assert take(connection, 0) == ['a-start']
        assert take(connection, 0) == []
        assert due.is_unfinished(connection, T0)
        assert due.finish(connection, 'a-start', 'w', 1, 'DONE')
        assert not due.is_unfinished(connection, T0)
        assert due.next_due(connection) == T0 + 30 * MINUTE


def test_what_a_taken_event_says(database: Database) -> None:
    """Who has it, for the how-manieth time, and until when: in the answer and in the table."""
    with database.transaction() as connection:
        add(connection, 'a', start=0)
        rows = due.take_due(connection, now=T0, real_now=5, owner='w', limit=1, deadline=65.25)
        assert rows == [
            {
                **event_row('a-start', 'a', START, T0),
                'status': 'IN_PROGRESS',
                'owner': 'w',
                'attempt': 1,
                'deadline': 65.25,
            }
        ]
        assert leases.event(connection, 'a-start') == rows[0]


def test_events_of_one_lease_come_one_after_the_other(database: Database) -> None:
    """Long after the end: the start, then the warning, then the end."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, before_end=30, end=60)
        for name in ('start', 'before_end', 'end'):
            assert take(connection, 100) == [f'a-{name}']
            assert take(connection, 100) == []
            assert due.finish(connection, f'a-{name}', 'w', 1, 'DONE')
        assert take(connection, 100) == []
        assert due.next_due(connection) is None


def test_events_of_one_lease_at_one_time(database: Database) -> None:
    """A lease that is warned as it starts, and one that is warned as it ends."""
    with database.transaction() as connection:
        add(connection, 'a', end=9, before_end=0, start=0)
        add(connection, 'b', end=9, before_end=9, start=0)
        for expected in (['a-start', 'b-start'], ['a-before_end', 'b-before_end'], None):
            taken = take(connection, 9)
            assert taken == (expected or ['a-end', 'b-end'])
            for each in taken:
                assert due.finish(connection, each, 'w', 1, 'DONE')


def test_a_warning_waits_for_the_start_only(database: Database) -> None:
    """Not for an end before it, which is how Blazar leaves them after an update."""
    with database.transaction() as connection:
        add(connection, 'a', before_end=20, end=10)
        assert take(connection, 30) == ['a-end', 'a-before_end']


def test_the_end_does_not_wait_for_a_warning_that_is_later(database: Database) -> None:
    """It is due first."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, before_end=20, end=10)
        assert take(connection, 5) == ['a-start']
        due.finish(connection, 'a-start', 'w', 1, 'DONE')
        assert take(connection, 10) == ['a-end']


def test_a_start_waits_for_the_ends_before_it(database: Database) -> None:
    """Also for one at its own time, and while that is being carried out; not for later ones."""
    with database.transaction() as connection:
        add(connection, 'a', end=10)
        add(connection, 'b', end=11)
        add(connection, 'c', start=10, end=20)
        add(connection, 'd', start=9, end=99)
        assert take(connection, 10) == ['d-start', 'a-end']
        assert take(connection, 10) == []
        assert due.finish(connection, 'a-end', 'w', 1, 'DONE')
        assert take(connection, 10) == ['c-start']
        add(connection, 'e', start=11)
        assert take(connection, 11) == ['b-end']
        assert due.finish(connection, 'b-end', 'w', 1, 'ERROR')
        assert take(connection, 11) == ['e-start']


def test_a_start_does_not_wait_for_its_own_end(database: Database) -> None:
    """A lease without any length is no knot."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, end=0)
        assert take(connection, 0) == ['a-start']
        assert due.finish(connection, 'a-start', 'w', 1, 'DONE')
        assert take(connection, 0) == ['a-end']


def test_leases_without_any_length_do_not_wait_for_each_other(database: Database) -> None:
    """They start, and then others wait for their ends."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, end=0)
        add(connection, 'b', start=0, end=0)
        assert take(connection, 9) == ['a-start', 'b-start']
        assert due.finish(connection, 'a-start', 'w', 1, 'DONE')
        add(connection, 'c', start=1, end=9)
        assert take(connection, 9) == ['a-end']
        assert due.finish(connection, 'a-end', 'w', 1, 'DONE')
        assert take(connection, 9) == ['c-start']


def test_events_that_are_none(database: Database) -> None:
    """Blazar keeps events of unknown types, without a time; nobody takes them."""
    with database.transaction() as connection:
        add(connection, 'a', end=0)
        leases.insert_events(
            connection,
            [
                {**event_row('x', 'a', None, None), 'status': None},
                event_row('y', 'a', 'party', T0 - HOUR),
            ],
        )
        assert take(connection, 0) == ['a-end']
        assert due.next_due(connection) is None
        assert due.finish(connection, 'a-end', 'w', 1, 'DONE')
        assert not due.is_unfinished(connection, T0)


def test_the_first_ones_first_and_no_more_than_asked_for(database: Database) -> None:
    """In the order of their times."""
    with database.transaction() as connection:
        for number in (3, 1, 2, 0):
            add(connection, f'l{number}', end=number)
        assert take(connection, 9, limit=3) == ['l0-end', 'l1-end', 'l2-end']
        assert take(connection, 9, limit=3) == ['l3-end']
        assert take(connection, 9, limit=0) == []


def test_a_late_event_is_given_to_another_worker(database: Database) -> None:
    """When the deadline is over, and not a moment before; the first worker is too late then."""
    with database.transaction() as connection:
        add(connection, 'a', start=0, end=60)
        assert take(connection, 0, owner='first') == ['a-start']
        assert take(connection, 0, real=110, owner='second') == []
        assert take(connection, 0, real=110.5, owner='second') == ['a-start']
        assert not due.finish(connection, 'a-start', 'first', 1, 'DONE')
        assert not due.finish(connection, 'a-start', 'first', 2, 'DONE')
        assert not due.finish(connection, 'a-start', 'second', 1, 'DONE')
        assert due.finish(connection, 'a-start', 'second', 2, 'DONE')
        assert not due.finish(connection, 'a-start', 'second', 2, 'DONE')
        row = leases.event(connection, 'a-start')
        assert row is not None
        assert (row['status'], row['owner'], row['attempt']) == ('DONE', 'second', 2)


def test_a_late_event_waits_as_before(database: Database) -> None:
    """A start is not given to another worker while an end before it is open again."""
    with database.transaction() as connection:
        add(connection, 'a', start=10)
        assert take(connection, 10) == ['a-start']
        add(connection, 'b', end=5)
        assert take(connection, 10, real=200) == ['b-end']
        assert due.finish(connection, 'b-end', 'w', 1, 'DONE')
        assert take(connection, 10, real=200) == ['a-start']


def test_a_late_event_is_taken_although_the_clock_went_back(database: Database) -> None:
    """Somebody had begun with it."""
    with database.transaction() as connection:
        add(connection, 'a', start=10)
        assert take(connection, 10) == ['a-start']
        assert take(connection, 0, real=200) == ['a-start']


_events = st.lists(
    st.tuples(
        st.sampled_from(_ORDER),
        st.integers(0, 4),
        st.sampled_from(['UNDONE', 'UNDONE', 'IN_PROGRESS', 'DONE', 'ERROR']),
        st.sampled_from([None, 50.0, 150.0]),
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(given_events=st.lists(_events, max_size=4), minutes=st.integers(-1, 5))
def test_what_can_be_taken_is_what_the_rules_say(
    database: Database, given_events: list[Any], minutes: int
) -> None:
    """Any events of a few leases, against the rules written down event by event."""
    now = T0 + minutes * MINUTE
    rows = [
        {
            **event_row(f'{lease}-{number}', f'l{lease}', kind, T0 + after * MINUTE),
            'status': status,
            'deadline': deadline,
        }
        for lease, own in enumerate(given_events)
        for number, (kind, after, status, deadline) in enumerate(own)
    ]
    with database.transaction() as connection:
        for each in leases.leases(connection):
            leases.delete_lease(connection, each['id'])
        for number in range(len(given_events)):
            leases.insert_lease(connection, lease_row(f'l{number}'))
        leases.insert_events(connection, rows)
        taken = take(connection, minutes, limit=100)
    assert taken == sorted(
        (row['id'] for row in rows if _may_be_taken(row, rows, now)),
        key=lambda taken_id: next((row['time'], taken_id) for row in rows if row['id'] == taken_id),
    )


def _may_be_taken(row: dict[str, Any], rows: list[dict[str, Any]], now: datetime) -> bool:
    if row['status'] == 'UNDONE':
        is_due = row['time'] <= now
    else:
        late = row['deadline'] is not None and row['deadline'] < 100
        is_due = row['status'] == 'IN_PROGRESS' and late
    return is_due and not any(
        _waits(row, other, rows) for other in rows if other is not row and other['status'] in _OPEN
    )


def _waits(row: dict[str, Any], other: dict[str, Any], rows: list[dict[str, Any]]) -> bool:
    kind = other['event_type']
    if other['lease_id'] != row['lease_id']:
        is_empty = any(
            each['lease_id'] == other['lease_id']
            and each['event_type'] == START
            and each['status'] in _OPEN
            and each['time'] >= other['time']
            for each in rows
        )
        return (
            row['event_type'] == START
            and kind == END
            and not is_empty
            and bool(other['time'] <= row['time'])
        )
    if row['event_type'] == BEFORE_END and kind != START:
        return False
    return bool(
        (other['time'], _ORDER.index(kind)) < (row['time'], _ORDER.index(row['event_type']))
    )


def test_events_of_a_lease_that_somebody_changes_are_left_alone(mariadb_url: str) -> None:
    """A worker does not wait for them: it takes the next ones."""
    database = Database(mariadb_url)
    database.upgrade()
    with database.transaction() as connection:
        for number in range(6):
            add(connection, f'l{number}', end=number)
    with database.transaction() as first:
        assert take(first, 9, limit=2) == ['l0-end', 'l1-end']
        assert leases.lock_lease(first, 'l2')
        with database.transaction() as second:
            assert take(second, 9, limit=2) == ['l3-end', 'l4-end']
            with database.transaction() as third:
                assert take(third, 9, limit=2) == ['l5-end']
    with database.transaction() as connection:
        assert take(connection, 9) == ['l2-end']
    database.dispose()


def test_what_was_changed_before_the_lock_is_seen_after_it(mariadb_url: str) -> None:
    """A worker that has looked before a change, and locks after it, takes what there is now."""
    database = Database(mariadb_url)
    database.upgrade()
    with database.transaction() as connection:
        add(connection, 'a', start=5)
        add(connection, 'b', end=50)
    looked, changed = threading.Event(), threading.Event()
    taken: list[str] = []

    def worker() -> None:
        with database.transaction() as connection:
            # Between the look and the lock.
            @sa.event.listens_for(connection, 'before_cursor_execute')
            def wait(*args: Any) -> None:
                if 'SKIP LOCKED' in args[2]:
                    looked.set()
                    assert changed.wait(10)

            taken.extend(take(connection, 5))

    thread = threading.Thread(target=worker)
    thread.start()
    assert looked.wait(10)
    with database.transaction() as connection:
        leases.update_event(connection, 'b-end', {'time': T0})
    changed.set()
    thread.join()
    assert taken == []
    with database.transaction() as connection:
        assert take(connection, 5) == ['b-end']
    database.dispose()


@pytest.mark.parametrize('minutes', [-1, 5000])
def test_a_long_backlog_is_not_read_for_its_first_events(database: Database, minutes: int) -> None:
    """A few events are found by an index, however many others there are."""
    with database.transaction() as connection:
        connection.execute(
            lease_table.insert(),
            [{**lease_row(f'l{number}'), 'number': number} for number in range(3000)],
        )
        leases.insert_events(
            connection,
            [
                event_row(f'l{number}-{kind}', f'l{number}', kind, T0 + minute * MINUTE)
                for number in range(3000)
                for kind, minute in ((START, number), (END, number + 90))
            ],
        )
        if not database.is_sqlite:
            connection.exec_driver_sql('FLUSH STATUS')
        steps = _Steps(connection) if database.is_sqlite else None
        assert len(take(connection, minutes, limit=20)) == (20 if minutes > 0 else 0)
        if steps:
            assert steps.stop() < 12
        else:
            read = connection.execute(sa.text("SHOW STATUS LIKE 'Handler_read%'")).all()
            assert sum(int(number) for _, number in read) < 1000
        assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 6000


class _Steps:
    """Counts what SQLite does, in thousands of its instructions."""

    def __init__(self, connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        self._raw = raw
        self._count = 0
        self._raw.set_progress_handler(self._tick, 1000)

    def _tick(self) -> int:
        self._count += 1
        return 0

    def stop(self) -> int:
        """How many there were."""
        self._raw.set_progress_handler(None, 0)
        return self._count
