"""Leases, reservations and events in the database."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from blazarclient.server.store import allocations, leases
from blazarclient.server.store.database import Database
from tests.unit.server.store_rows import (
    HOUR,
    T0,
    add_lease,
    allocation_row,
    event_row,
    lease_row,
    reservation_row,
)


def test_a_lease_comes_back_as_it_went_in(database: Database) -> None:
    """Texts, times to the microsecond, truth values and what is not there."""
    row = lease_row(
        'a',
        name='réservé 🖥',
        degraded=True,
        updated_at=T0.replace(second=28, microsecond=123456),
        trust_id=None,
    )
    with database.transaction() as connection:
        leases.insert_lease(connection, row)
    with database.transaction(write=False) as connection:
        assert leases.lease(connection, 'a') == {**row, 'number': 1}
        assert leases.leases(connection) == [{**row, 'number': 1}]
        assert leases.lease(connection, 'b') is None


def test_ids_that_differ_in_case_are_different(database: Database) -> None:
    """No database takes one lease for another."""
    with database.transaction() as connection:
        for each in ('a', 'A', 'á'):
            leases.insert_lease(connection, lease_row(each))
        assert [row['id'] for row in leases.leases(connection)] == ['a', 'A', 'á']
        assert leases.lease(connection, 'Á') is None
        assert not leases.delete_lease(connection, 'b')


def test_leases_are_listed_in_the_order_in_which_they_were_made(database: Database) -> None:
    """Whatever their IDs are; those of one project, or all."""
    with database.transaction() as connection:
        for each, project in (('c', 'red'), ('a', 'blue'), ('b', 'red')):
            leases.insert_lease(connection, lease_row(each, project_id=project))
    with database.transaction(write=False) as connection:
        assert [row['id'] for row in leases.leases(connection)] == ['c', 'a', 'b']
        assert [row['id'] for row in leases.leases(connection, 'red')] == ['c', 'b']
        assert leases.leases(connection, 'Red') == []


def test_a_second_lease_with_the_same_id_is_refused(database: Database) -> None:
    """The first one stays as it is."""
    with database.transaction() as connection:
        leases.insert_lease(connection, lease_row('a'))
    with pytest.raises(IntegrityError), database.transaction() as connection:
        leases.insert_lease(connection, lease_row('a', name='other'))
    with database.transaction(write=False) as connection:
        assert [row['name'] for row in leases.leases(connection)] == ['lease a']


def test_changes(database: Database) -> None:
    """An update changes what it names, and says whether there was anything to change."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        leases.insert_events(connection, [event_row('e', 'a', 'start_lease', T0)])
        assert leases.update_lease(connection, 'a', {'status': 'ACTIVE'})
        # MySQL would count only rows that have another value than before.
        assert leases.update_lease(connection, 'a', {'status': 'ACTIVE'})
        assert not leases.update_lease(connection, 'b', {'status': 'ACTIVE'})
        assert leases.update_reservation(connection, 'r-a', {'parameters': {'min': 2}})
        assert leases.update_reservation(connection, 'r-a', {'status': 'active'})
        assert not leases.update_reservation(connection, 'r-b', {'status': 'active'})
        assert leases.update_event(connection, 'e', {'time': T0 + HOUR})
        assert not leases.update_event(connection, 'f', {'time': T0 + HOUR})
    with database.transaction(write=False) as connection:
        lease = leases.lease(connection, 'a')
        assert lease is not None
        assert (lease['status'], lease['name']) == ('ACTIVE', 'lease a')
        reservation = leases.reservation(connection, 'r-a')
        assert reservation is not None
        assert (reservation['status'], reservation['parameters']) == ('active', {'min': 2})
        event = leases.event(connection, 'e')
        assert event is not None
        assert (event['time'], event['status']) == (T0 + HOUR, 'UNDONE')
        assert leases.reservation(connection, 'r-b') is None
        assert leases.event(connection, 'f') is None


def test_what_belongs_to_leases(database: Database) -> None:
    """Reservations in the order they were asked for, JSON decoded; an event without a time too."""
    parameters = {'list': [1, None], 'text': 'x' * 100_000, 'of': {'"': '\\'}}
    with database.transaction() as connection:
        for each in ('b', 'a'):
            leases.insert_lease(connection, lease_row(each))
        leases.insert_reservations(
            connection,
            [
                reservation_row('second', 'b', position=1),
                reservation_row('first', 'b', position=0, parameters=parameters),
                reservation_row('other', 'a'),
            ],
        )
        leases.insert_events(
            connection,
            [event_row('e1', 'b', 'start_lease', T0), event_row('e2', 'b', None, None)],
        )
        leases.insert_reservations(connection, [])
        leases.insert_events(connection, [])
    with database.transaction(write=False) as connection:
        found = leases.reservations_of(connection, ['b'])
        assert [row['id'] for row in found] == ['first', 'second']
        assert found[0]['parameters'] == parameters
        found = leases.reservations_of(connection, None)
        assert [row['id'] for row in found] == ['other', 'first', 'second']
        assert leases.reservations_of(connection, []) == []
        assert {row['id'] for row in leases.events_of(connection, ['b', 'a'])} == {'e1', 'e2'}
        assert leases.events_of(connection, ['a']) == []
        assert len(leases.events_of(connection, None)) == 2


def test_more_leases_than_one_query_names(database: Database) -> None:
    """What belongs to thousands of leases comes in portions, and all of it."""
    ids = [f'{number:05}' for number in range(1200)]
    with database.transaction() as connection:
        for each in ids:
            leases.insert_lease(connection, lease_row(each))
        leases.insert_reservations(connection, [reservation_row(f'r{each}', each) for each in ids])
        found = leases.reservations_of(connection, iter(ids))
    assert [row['lease_id'] for row in found] == ids


def test_a_deleted_lease_takes_all_with_it(database: Database) -> None:
    """Reservations, events and what they hold."""
    with database.transaction() as connection:
        add_lease(connection, 'a')
        add_lease(connection, 'b')
        leases.insert_events(connection, [event_row('e', 'a', 'start_lease', T0)])
        for each in ('r-a', 'r-b'):
            allocations.insert(connection, 'host', [allocation_row('1', each, T0, T0 + HOUR)])
        assert leases.delete_lease(connection, 'a')
        assert not leases.delete_lease(connection, 'a')
    with database.transaction(write=False) as connection:
        assert [row['id'] for row in leases.reservations_of(connection, None)] == ['r-b']
        assert leases.events_of(connection, None) == []
        held = allocations.overlapping(connection, 'host', T0, T0 + HOUR)
        assert [row['reservation_id'] for row in held] == ['r-b']


def test_no_reservation_without_its_lease(database: Database) -> None:
    """The database itself refuses."""
    with pytest.raises(IntegrityError), database.transaction() as connection:
        leases.insert_reservations(connection, [reservation_row('r', 'nowhere')])
