"""What is published of the leases of the service's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from blazarclient.server.notifications.timers import Timers
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.objects.notification import Notification
from tests.front_door import BEGIN, FrontDoor, Machine, wire

Life = Callable[..., str]


@pytest.fixture
def door(database_url: str) -> Iterator[FrontDoor]:
    made = FrontDoor(database_url)
    made.surround([Machine(1, 8, 16384, 200), Machine(2, 8, 16384, 200)])
    for number in (1, 2):
        assert made.add_host(Machine(number, 8, 16384, 200)).status == 201
    yield made
    made.close()


def lease(door: FrontDoor, minutes: int = 120, **changed: Any) -> str:
    """Make a lease that starts in an hour."""
    start = BEGIN + timedelta(hours=1)
    values = {
        'name': 'first',
        'start_date': wire(start),
        'end_date': wire(start + timedelta(minutes=minutes)),
        'before_end_date': wire(start + timedelta(minutes=minutes - 30)),
        'events': [],
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
        **changed,
    }
    answer = door.call('alice', 'POST', '/leases', values)
    assert answer.status == 201, answer
    lease_id: str = answer.body['lease']['id']
    return lease_id


def put(door: FrontDoor, lease_id: str, values: Any) -> int:
    return door.call('alice', 'PUT', f'/leases/{lease_id}', values).status


def go_on(door: FrontDoor, minutes: float) -> None:
    """Move the clock on, and do what is due then."""
    door.advance(minutes)
    Timers(door.context).run_once()
    door.scheduler.run_due_once()


def log(door: FrontDoor) -> list[Notification]:
    return Notification.feed(door.context(), after=0, limit=1000, all_projects=True)[0]


def types(door: FrontDoor) -> list[str]:
    return [each.type.removeprefix('lease.') for each in log(door)]


def test_a_whole_life(door: FrontDoor) -> None:
    """A lease that is made, starts, is about to end, ends and is deleted is told of each time."""
    lease_id = lease(door)
    for minutes in (61, 100, 31):
        go_on(door, minutes)
    assert door.call('alice', 'DELETE', f'/leases/{lease_id}').status == 204

    found = log(door)
    assert [each.type for each in found] == [
        'lease.created',
        'lease.started',
        'lease.before_end',
        'lease.ended',
        'lease.deleted',
    ]
    states = [each.data['lease']['status'] for each in found]
    assert states == ['PENDING', 'ACTIVE', 'ACTIVE', 'TERMINATED', 'DELETING']
    assert {each.lease_id for each in found} == {lease_id}
    assert {(each.project_id, each.user_id) for each in found} == {('p-demo', 'u-alice')}
    assert {each.source for each in found} == {'backend'}
    assert [each.resource_types for each in found] == [['physical:host']] * 5
    warning = found[2]
    assert warning.expires_at == BEGIN + timedelta(hours=3)
    assert (warning.data['lead_time'], warning.data['remaining_seconds']) == ('PT30M', 19 * 60)
    assert warning.lead_seconds is None
    assert found[4].data['was_active'] is False


def test_the_trust_stays_here(door: FrontDoor) -> None:
    """Neither an entry nor a copy has the trust by which Blazar acts for its user."""
    lease_id = lease(door)
    shown = door.call('alice', 'GET', f'/leases/{lease_id}').body['lease']

    copy = LeaseCopy.get(door.context(), lease_id)
    assert copy is not None
    assert shown['trust_id']
    assert copy.document == {name: value for name, value in shown.items() if name != 'trust_id'}
    assert log(door)[0].data['lease'] == copy.document


@pytest.mark.parametrize(
    ('values', 'changed'),
    [
        ({'name': 'second'}, ['name']),
        ({'end_date': wire(BEGIN + timedelta(hours=4))}, ['end_date', 'before_end_date']),
        ({'before_end_date': wire(BEGIN + timedelta(hours=2))}, ['before_end_date']),
    ],
)
def test_a_change_names_what_has_changed(
    door: FrontDoor, values: dict[str, str], changed: list[str]
) -> None:
    """A change is told of with the names of what is different now."""
    lease_id = lease(door)
    assert put(door, lease_id, values) == 200

    assert types(door) == ['created', 'updated']
    assert log(door)[1].data['changed'] == changed
    copy = LeaseCopy.get(door.context(), lease_id)
    assert copy is not None
    assert log(door)[1].data['lease'] == copy.document


def test_a_change_of_reservations(door: FrontDoor) -> None:
    """More hosts are a change of the reservations."""
    lease_id = lease(door)
    shown = door.call('alice', 'GET', f'/leases/{lease_id}').body['lease']
    more = [{'id': shown['reservations'][0]['id'], 'min': 2, 'max': 2}]
    assert put(door, lease_id, {'reservations': more}) == 200

    assert log(door)[1].data['changed'] == ['reservations']


def test_what_changes_nothing_is_not_told_of(door: FrontDoor) -> None:
    """A request with the values that a lease has already, or one that is refused, is no news."""
    lease_id = lease(door)
    same = {'name': 'first', 'end_date': wire(BEGIN + timedelta(hours=3))}
    assert put(door, lease_id, same) == 200
    assert put(door, lease_id, {'end_date': wire(BEGIN - timedelta(hours=3))}) == 400
    assert door.call('bob', 'PUT', f'/leases/{lease_id}', {'name': 'mine'}).status == 403

    assert types(door) == ['created']


def test_a_warning_is_taken_back(door: FrontDoor) -> None:
    """A lease that is moved after the warning is no longer about to end, and is warned of again."""
    lease_id = lease(door)
    go_on(door, 61)
    go_on(door, 100)
    assert put(door, lease_id, {'end_date': wire(BEGIN + timedelta(hours=6))}) == 200
    assert types(door)[2:] == ['before_end', 'before_end.cancelled', 'updated']
    go_on(door, 180)

    assert types(door)[5:] == ['before_end']


def test_a_warning_is_not_taken_back_for_nothing(door: FrontDoor) -> None:
    """A lease that ends when it did is still about to end, and nobody is told so twice."""
    lease_id = lease(door)
    go_on(door, 61)
    go_on(door, 100)
    same = {'end_date': wire(BEGIN + timedelta(hours=3)), 'name': 'second'}
    assert put(door, lease_id, same) == 200
    go_on(door, 1)

    assert types(door)[2:] == ['before_end', 'updated']


def test_a_lease_that_is_deleted_while_it_is_active(door: FrontDoor) -> None:
    """Whoever hears that a lease is gone hears whether it was in use."""
    lease_id = lease(door)
    go_on(door, 61)
    assert door.call('alice', 'DELETE', f'/leases/{lease_id}').status == 204

    assert types(door) == ['created', 'started', 'deleted']
    assert log(door)[2].data['was_active'] is True
    assert LeaseCopy.get(door.context(), lease_id) is None


def test_an_event_that_cannot_be_carried_out(door: FrontDoor) -> None:
    """A start that is given up is a failure, with the part of its life that has failed."""
    lease(door)
    door.advance(61)
    (event,) = LeaseEvent.take(door.context(), owner='test')
    event.give_up()

    assert types(door) == ['created', 'failed']
    failed = log(door)[1]
    assert (failed.data['phase'], failed.data['lease']['status']) == ('start', 'ERROR')
