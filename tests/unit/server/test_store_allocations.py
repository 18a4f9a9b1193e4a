"""Who holds what and when: the same as by looking at every allocation, for less."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from blazarclient.server.store import allocations, floatingips, hosts, leases
from blazarclient.server.store.database import Database
from blazarclient.server.store.tables import allocations as table
from tests.unit.server.store_rows import (
    DAY,
    HOUR,
    MINUTE,
    T0,
    add_lease,
    allocation_row,
    host_row,
    reservation_row,
)

#: From nothing to twenty years, the lengths around powers of two minutes among them.
_durations = st.one_of(
    st.integers(0, 20 * 366 * 86400),
    st.integers(0, 4 * 3600),
    st.builds(
        lambda bits, more: max((1 << bits) * 60 + more, 0),
        st.integers(0, 23),
        st.integers(-61, 61),
    ),
).map(lambda seconds: timedelta(seconds=seconds))
_starts = st.one_of(st.integers(-(10**9), 10**9), st.integers(-7200, 7200)).map(
    lambda seconds: T0 + timedelta(seconds=seconds)
)
_periods = st.builds(lambda start, length: (start, start + length), _starts, _durations)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(held=st.lists(_periods, max_size=12), asked=_periods)
def test_overlapping_is_what_a_look_at_all_of_them_finds(
    database: Database, held: list[tuple[datetime, datetime]], asked: tuple[datetime, datetime]
) -> None:
    """Half-open: what ends as the period starts is outside, and so is what starts at its end."""
    start, end = asked
    with database.transaction() as connection:
        leases.delete_lease(connection, 'a')
        add_lease(connection, 'a')
        allocations.insert(
            connection,
            'host',
            [allocation_row(str(number), 'r-a', *when) for number, when in enumerate(held)],
        )
        allocations.insert(connection, 'floatingip', [allocation_row('f', 'r-a', start, end)])
        found = allocations.overlapping(connection, 'host', start, end)
    assert sorted(row['resource_id'] for row in found) == sorted(
        str(number) for number, (s, e) in enumerate(held) if s < end and e > start
    )
    assert all((row['start_date'], row['end_date']) in held for row in found)


def test_what_overlapping_tells(database: Database) -> None:
    """One row for each slot, with the reservation's parameters."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        row = allocation_row('1', 'r-a', T0, T0 + HOUR)
        allocations.insert(connection, 'host', [row, row])
        allocations.insert(connection, 'host', [])
        assert allocations.overlapping(connection, 'host', T0, T0 + MINUTE) == 2 * [
            {
                'resource_id': '1',
                'reservation_id': 'r-a',
                'resource_type': 'physical:host',
                'lease_id': 'a',
                'start_date': T0,
                'end_date': T0 + HOUR,
                'parameters': {'min': 1, 'max': 1},
            }
        ]


def test_moved_allocations_overlap_where_they_are_now(database: Database) -> None:
    """Also when they have become so long that another part of the index has them."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        allocations.insert(connection, 'host', [allocation_row('1', 'r-a', T0, T0 + HOUR)])
        allocations.move(connection, 'r-a', T0 + DAY, T0 + 900 * DAY)
        assert allocations.overlapping(connection, 'host', T0, T0 + HOUR) == []
        late = T0 + 899 * DAY
        assert len(allocations.overlapping(connection, 'host', late, late + MINUTE)) == 1


def test_slots_are_given_up_one_by_one(database: Database) -> None:
    """A resource named once gives up one slot, named twice two; unnamed ones stay."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        add_lease(connection, 'b')
        for reservation in ('r-a', 'r-b'):
            allocations.insert(
                connection,
                'host',
                [
                    allocation_row(host, reservation, T0, T0 + HOUR)
                    for host in ('10', '2', '1', '1', '1')
                ],
            )

        def left(id: str) -> list[str]:
            return [row['resource_id'] for row in allocations.of_reservation(connection, id)]

        assert left('r-a') == ['1', '1', '1', '2', '10']
        allocations.delete_of_reservation(connection, 'r-a', ['1', '2', '1', '7'])
        assert left('r-a') == ['1', '10']
        allocations.delete_of_reservation(connection, 'r-a', [])
        assert left('r-a') == ['1', '10']
        allocations.delete_of_reservation(connection, 'r-a')
        assert left('r-a') == []
        assert len(left('r-b')) == 5


def test_what_was_never_held(database: Database) -> None:
    """Resources of each kind that no allocation names, whenever it is."""
    with database.transaction() as connection:
        for each in ('1', '2'):
            hosts.insert_host(connection, host_row(each))
        floatingips.insert_floatingip(
            connection,
            {
                'id': '1',
                'version': '1.0',
                'floating_network_id': 'n',
                'subnet_id': 's',
                'floating_ip_address': '203.0.113.7',
                'reservable': True,
                'created_at': T0,
            },
        )
        add_lease(connection, 'a')
        assert allocations.never_held(connection, 'host') == {'1', '2'}
        allocations.insert(connection, 'host', [allocation_row('1', 'r-a', T0, T0 + HOUR)])
        assert allocations.never_held(connection, 'host') == {'2'}
        assert allocations.never_held(connection, 'floatingip') == {'1'}
        assert allocations.held_by(connection, 'host', '1')
        assert not allocations.held_by(connection, 'host', '2')
        assert not allocations.held_by(connection, 'floatingip', '1')


def test_listing(database: Database) -> None:
    """By lease, reservation, resource and time; the earliest first."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        add_lease(connection, 'b')
        leases.insert_reservations(connection, [reservation_row('r2', 'b', position=1)])
        for host, reservation, hour in (('1', 'r-a', 2), ('2', 'r-b', 1), ('1', 'r2', 0)):
            start = T0 + hour * HOUR
            row = allocation_row(host, reservation, start, start + HOUR)
            allocations.insert(connection, 'host', [row])
        allocations.insert(connection, 'floatingip', [row])

        def found(**only: Any) -> list[str]:
            return [row['id'] for row in allocations.listing(connection, 'host', **only)]

        assert found() == ['r2', 'r-b', 'r-a']
        assert found(lease_id='b') == ['r2', 'r-b']
        assert found(reservation_id='r2') == ['r2']
        assert found(resource_id='1') == ['r2', 'r-a']
        assert found(since=T0 + 2 * HOUR) == ['r-b', 'r-a']
        assert found(since=T0 + 2 * HOUR + MINUTE) == ['r-a']
        assert found(lease_id='a', resource_id='2') == []
        assert allocations.listing(connection, 'host', reservation_id='r-a') == [
            {
                'resource_id': '1',
                'id': 'r-a',
                'lease_id': 'a',
                'start_date': T0 + 2 * HOUR,
                'end_date': T0 + 3 * HOUR,
            }
        ]


@pytest.fixture
def full(database: Database) -> Database:
    """A database with 100,000 allocations over eleven years, few of them at one time."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        rows = []
        for number in range(100_000):
            start = T0 + number * HOUR
            length = (HOUR, 3 * HOUR, DAY, 9 * DAY)[number % 4]
            rows.append(allocation_row(str(number % 500), 'r-a', start, start + length))
        allocations.insert(connection, 'host', rows)
    return database


def test_the_past_and_the_future_cost_nothing(full: Database) -> None:
    """The plan has one range of the index for each length, and little is read of all there is."""
    start = T0 + 50_000 * HOUR
    with full.transaction(write=False) as connection:
        query, values = _statement(connection, start, start + HOUR)
        if full.is_sqlite:
            plan = connection.exec_driver_sql(f'EXPLAIN QUERY PLAN {query}', values).all()
            steps = [row.detail for row in plan if ' allocations' in row.detail]
            assert steps
            assert all('USING INDEX ix_allocations_span (kind=? AND span' in step for step in steps)
            assert all('start_date<?' in step for step in steps if 'span=?' in step)
        else:
            plan = connection.exec_driver_sql(f'EXPLAIN {query}', values).all()
            keys = {row.key for row in plan if row.table == 'allocations'}
            assert keys == {'ix_allocations_span'}
            connection.exec_driver_sql('FLUSH STATUS')
        found = allocations.overlapping(connection, 'host', start, start + HOUR)
        # One of each length begins every four hours: 1 of an hour, 0, 6 of a day, 54 of nine days.
        assert len(found) == 61
        if not full.is_sqlite:
            read = connection.execute(sa.text("SHOW STATUS LIKE 'Handler_read%'")).all()
            assert sum(int(number) for _, number in read) < 1500


def _statement(connection: Connection, start: datetime, end: datetime) -> tuple[str, Any]:
    """What ``overlapping`` sends."""
    sent: list[tuple[str, Any]] = []

    def remember(*args: Any) -> None:
        sent.append((args[2], args[3]))

    event.listen(connection, 'before_cursor_execute', remember)
    allocations.overlapping(connection, 'host', start, end)
    event.remove(connection, 'before_cursor_execute', remember)
    return sent[-1]


def test_every_length_has_its_span(database: Database) -> None:
    """A duration is shorter than two to the power of its span, in minutes."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        lengths = [0, 59, 60, 119, 120, 3600, 86400, 10**8]
        allocations.insert(
            connection,
            'host',
            [
                allocation_row(str(each), 'r-a', T0, T0 + timedelta(seconds=each))
                for each in lengths
            ],
        )
        found = connection.execute(sa.select(table.c.resource_id, table.c.span))
        assert {int(row.resource_id): row.span for row in found} == {
            each: (each // 60).bit_length() for each in lengths
        }
