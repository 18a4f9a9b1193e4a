"""Allocations: which reservations hold a host."""

from typing import Any

import pytest

from blazarclient import exception
from blazarclient.resources.allocation import AllocatedReservation, Allocation
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar

HELD: list[dict[str, Any]] = [
    {
        'resource_id': '1',
        'reservations': [
            {'id': 'R1', 'lease_id': 'L1', 'start_date': '2026-11-20T15:38:00.000000'},
            {'id': 'R2', 'lease_id': 'L2'},
        ],
    },
    {'resource_id': '2', 'reservations': []},
    {'resource_id': '3', 'reservations': [{'id': 'R3', 'lease_id': 'L1'}]},
]


@pytest.fixture
def held(server: RecordedBlazar) -> RecordedBlazar:
    """Three hosts, two of them held."""
    server.on('GET', '/v1/os-hosts/allocations', body={'allocations': HELD})
    server.on('GET', '/v1/os-hosts/3/allocation', body={'allocation': HELD[2]})
    return server


@pytest.mark.parametrize(
    ('given', 'query', 'expected'),
    [
        ({}, '', [['R1', 'R2'], [], ['R3']]),
        ({'lease_id': 'L1'}, 'lease_id=L1', [['R1'], [], ['R3']]),
        ({'reservation_id': 'R2'}, 'reservation_id=R2', [['R2'], [], []]),
        (
            {'lease_id': 'L1', 'reservation_id': 'R2'},
            'lease_id=L1&reservation_id=R2',
            [[], [], []],
        ),
        ({'lease_id': 'a&b'}, 'lease_id=a%26b', [[], [], []]),
    ],
    ids=str,
)
def test_list(
    held: RecordedBlazar,
    client: ClientFactory,
    given: dict[str, Any],
    query: str,
    expected: list[Any],
) -> None:
    """All hosts, with what holds them or only what of that is asked for; one request."""
    found = client('admin').allocations.list(**given)
    assert [[one.id for one in each.reservations] for each in found] == expected
    assert [each.resource_id for each in found] == ['1', '2', '3']
    assert {type(each) for each in found} <= {Allocation}
    [request] = held.sent('GET')
    assert (request.path, request.query) == ('/v1/os-hosts/allocations', query)
    assert all(each.changes() == {} for each in found)


def test_list_of_some_fields(held: RecordedBlazar, client: ClientFactory) -> None:
    """With and without a choice of what is held."""
    mine = client('admin').allocations
    assert mine.list(['resource_id']) == [{'resource_id': number} for number in '123']
    assert mine.list(['reservations'], reservation_id='R3')[2] == {
        'reservations': HELD[2]['reservations']
    }
    assert [each['resource_id'] for each in mine.iterate()] == ['1', '2', '3']


@pytest.mark.parametrize('find', ['get', 'find'])
def test_one_host(held: RecordedBlazar, client: ClientFactory, find: str) -> None:
    """By the host's number."""
    mine = client('admin')
    one = getattr(mine.allocations, find)('3')
    assert one == HELD[2]
    [reservation] = one.reservations
    assert type(reservation) is AllocatedReservation
    assert reservation.client is mine
    assert held.calls('reservation') == ['GET /v1/os-hosts/3/allocation']


def test_host_that_is_not_there(server: RecordedBlazar, client: ClientFactory) -> None:
    """404, and no path but the host's is asked."""
    with pytest.raises(exception.NotFound):
        client('admin').allocations.get('999')
    with pytest.raises(exception.InvalidInput, match='is not the ID of a host'):
        client('admin').allocations.get('..')
    assert server.calls('reservation') == ['GET /v1/os-hosts/999/allocation']


def test_nothing_can_be_changed(held: RecordedBlazar, client: ClientFactory) -> None:
    """It is what Blazar found out."""
    one = client('admin').allocations.get('3')
    one.reservations.pop()
    with pytest.raises(exception.InvalidInput, match=r'Allocation\.reservations is set by the se'):
        one.changes()
