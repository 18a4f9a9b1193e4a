"""Allocations: which reservations hold a host."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.allocation import Allocation
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.lease import Lease
from tests import recordings
from tests.front_door import BEGIN, FrontDoor, Machine, wire

NUMBERS = (1, 2, 10)


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    made = FrontDoor()
    made.surround([Machine(number, 8, 16384, 200) for number in NUMBERS])
    ctx = made.context()
    for number in reversed(NUMBERS):
        Host.create(ctx, {'name': f'compute-{number}'})
    yield made
    made.close()


@pytest.fixture
def ctx(door: FrontDoor) -> RequestContext:
    return door.context()


def lease(ctx: RequestContext, begin: int, minutes: int, **parameters: Any) -> Lease:
    """A lease of one reservation; ``begin`` is minutes after the clock's beginning."""
    start = BEGIN + timedelta(minutes=begin)
    reservation = {
        'resource_type': 'physical:host',
        'min': 1,
        'max': 1,
        'hypervisor_properties': '',
        'resource_properties': '',
        **parameters,
    }
    return Lease.create(
        ctx,
        {
            'name': 'held',
            'start_date': wire(start),
            'end_date': wire(start + timedelta(minutes=minutes)),
            'reservations': [reservation],
            'events': [],
        },
    )


def on(number: int) -> dict[str, str]:
    return {'hypervisor_properties': f'["==", "$id", "{number}"]'}


def instances(amount: int) -> dict[str, Any]:
    return {
        'resource_type': 'virtual:instance',
        'amount': amount,
        'vcpus': 1,
        'memory_mb': 128,
        'disk_gb': 1,
        'affinity': True,
    }


def rendered(found: list[Allocation]) -> dict[str, list[str]]:
    """Host -> leases."""
    return {
        each.resource_id: [entry['lease_id'] for entry in each.render()['reservations']]
        for each in found
    }


def test_every_host_is_listed(ctx: RequestContext) -> None:
    """In the order of numbers, also where nothing holds it."""
    found = [each.render() for each in Allocation.list(ctx)]
    assert found == [{'resource_id': str(each), 'reservations': []} for each in NUMBERS]


def test_an_entry_is_as_recorded(ctx: RequestContext) -> None:
    """Keys, their order, and how times are written."""
    held = lease(ctx, 60, 240, **on(2))
    expected = recordings.load('host-allocations').json['allocations'][0]
    shown = Allocation.list(ctx)[1].render()
    assert list(shown) == list(expected)
    assert list(shown['reservations'][0]) == list(expected['reservations'][0])
    assert shown['reservations'] == [
        {
            'id': held.reservations[0].id,
            'lease_id': held.id,
            'start_date': '2030-01-07T09:00:00.000000',
            'end_date': '2030-01-07T13:00:00.000000',
        }
    ]
    assert Allocation.get_by_host(ctx, '2').render() == shown


def test_reservations_are_in_the_order_of_their_beginnings(ctx: RequestContext) -> None:
    late, early = lease(ctx, 300, 60, **on(1)), lease(ctx, 60, 60, **on(1))
    both = lease(ctx, 180, 60, min=3, max=3)
    assert rendered(Allocation.list(ctx)) == {
        '1': [early.id, both.id, late.id],
        '2': [both.id],
        '10': [both.id],
    }


def test_slots_on_one_host_are_one_entry(ctx: RequestContext) -> None:
    """Three instances of one reservation on one host, and two of another."""
    three, two = lease(ctx, 60, 60, **instances(3)), lease(ctx, 90, 60, **instances(2))
    with ctx.transaction() as connection:
        assert connection.scalar(sa.text('SELECT COUNT(*) FROM allocations')) == 5
    assert rendered(Allocation.list(ctx))['1'] == [three.id, two.id]


def test_what_has_ended_is_listed_only_when_named(door: FrontDoor, ctx: RequestContext) -> None:
    """It is named by its lease or its reservation; a lease is listed in the minute of its end."""
    held = lease(ctx, 60, 60, **on(1))
    later = lease(ctx, 200, 60, **on(1))
    reservation_id = held.reservations[0].id
    door.advance(120)
    assert rendered(Allocation.list(ctx))['1'] == [held.id, later.id]
    door.advance(1)
    assert rendered(Allocation.list(ctx))['1'] == [later.id]
    assert rendered([Allocation.get_by_host(ctx, '1')])['1'] == [later.id]
    for named in ({'lease_id': held.id}, {'reservation_id': reservation_id}):
        assert rendered(Allocation.list(ctx, **named)) == {'1': [held.id], '2': [], '10': []}
        assert rendered([Allocation.get_by_host(ctx, '1', **named)]) == {'1': [held.id]}


@pytest.mark.parametrize('host_id', [None, '2'])
def test_filters(ctx: RequestContext, host_id: str | None) -> None:
    """Both have to fit when both are given; an empty one counts for none."""
    first, second = lease(ctx, 60, 60, **on(2)), lease(ctx, 200, 60, **on(2))
    ids = [each.reservations[0].id for each in (first, second)]

    def of_2(**filters: str | None) -> list[str]:
        if host_id is None:
            found = Allocation.list(ctx, **filters)
            assert [each.resource_id for each in found] == ['1', '2', '10']
            return rendered(found)['2']
        return rendered([Allocation.get_by_host(ctx, host_id, **filters)])['2']

    assert of_2() == of_2(lease_id='', reservation_id=None) == [first.id, second.id]
    assert of_2(lease_id=first.id) == [first.id]
    assert of_2(reservation_id=ids[1]) == [second.id]
    assert of_2(lease_id=first.id, reservation_id=ids[0]) == [first.id]
    assert of_2(lease_id=first.id, reservation_id=ids[1]) == []
    assert of_2(lease_id='nope') == of_2(reservation_id='nope') == []


def test_an_unknown_host(ctx: RequestContext) -> None:
    """404 in the recorded words."""
    with pytest.raises(errors.NotFound) as caught:
        Allocation.get_by_host(ctx, '999')
    assert str(caught.value) == recordings.load('host-allocation-404').json['error_message']


def test_only_administrators_see_allocations(door: FrontDoor) -> None:
    """Who asks for one host needs to see the host first, as in Blazar."""
    alice = RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='alice',
        project_id='research',
        roles=frozenset({'member', 'reader'}),
    )
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: Allocation.list(alice), 'get_allocations'),
        (lambda: Allocation.get_by_host(alice, '1'), 'get'),
    ]
    for call, rule in calls:
        with pytest.raises(errors.PolicyForbidden) as caught:
            call()
        assert str(caught.value) == f"Policy doesn't allow blazar:oshosts:{rule} to be performed"


def test_the_list_takes_as_many_queries_for_many_leases(
    door: FrontDoor, ctx: RequestContext
) -> None:
    """One for the hosts, one for what holds them, one for the clock."""
    for number in range(20):
        lease(ctx, 60 + number * 10, 10, min=3, max=3)
    queries: list[str] = []

    @sa.event.listens_for(door.database.engine, 'before_cursor_execute')
    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        queries.append(statement)

    found = Allocation.list(ctx)
    assert [len(each.render()['reservations']) for each in found] == [20, 20, 20]
    assert len([each for each in queries if each.startswith('SELECT')]) == 3
