"""Floating IPs: outside of what the network gives out, inside one of its subnets."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.floatingip import FloatingIP
from blazarclient.server.objects.lease import Lease
from blazarclient.server.store import surroundings
from tests import recordings
from tests.front_door import NETWORK, FrontDoor, Machine

SIX = 'fd00:203::/64'
USED = 'The floating IP {} is used in allocation_pools or gateway_ip in subnet {} .'
NOWHERE = 'Valid subnet for the floating IP {} is not found.'


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    """A network with 203.0.113.0/24 (.1 is the gateway, .10 to .99 are given out) and IPv6."""
    made = FrontDoor()
    made.surround([Machine(1, 8, 16384, 200)])
    with made.database.transaction() as connection:
        surroundings.insert_subnets(
            connection,
            [
                {
                    'id': 'six',
                    'network_id': NETWORK,
                    'network_name': 'public',
                    'cidr': SIX,
                    'gateway_ip': 'fd00:203::1',
                    'allocation_pools': [{'start': 'fd00:203::10', 'end': 'fd00:203::99'}],
                },
                {
                    'id': 'elsewhere',
                    'network_id': 'other',
                    'network_name': 'other',
                    'cidr': '198.51.100.0/24',
                    'gateway_ip': '198.51.100.1',
                    'allocation_pools': [],
                },
            ],
        )
    yield made
    made.close()


@pytest.fixture
def ctx(door: FrontDoor) -> RequestContext:
    return door.context()


def asks(door: FrontDoor, *roles: str) -> RequestContext:
    return RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='u',
        project_id='p',
        roles=frozenset(roles),
    )


def create(ctx: RequestContext, address: object, network: object = NETWORK) -> FloatingIP:
    return FloatingIP.create(ctx, {'floating_network_id': network, 'floating_ip_address': address})


def test_a_new_address_is_as_recorded(ctx: RequestContext) -> None:
    """Its time is written with a T when it is made, and with a space later."""
    made = create(ctx, '203.0.113.210')
    expected = recordings.load('floatingip-create-201').json['floatingip']
    assert list(made.render()) == list(expected)
    assert made.render() == {
        'id': made.id,
        'floating_network_id': NETWORK,
        'subnet_id': 'subnet',
        'floating_ip_address': '203.0.113.210',
        'reservable': True,
        'created_at': '2030-01-07T08:00:00.000000',
        'updated_at': None,
    }
    later = made.render() | {'created_at': '2030-01-07 08:00:00'}
    assert list(later) == list(recordings.load('floatingip-show').json['floatingip'])
    assert FloatingIP.get_by_id(ctx, made.id).render() == later
    assert [each.render() for each in FloatingIP.list(ctx)] == [later]


@pytest.mark.parametrize(
    ('address', 'network', 'subnet'),
    [
        ('203.0.113.2', NETWORK, 'subnet'),
        ('203.0.113.9', NETWORK, 'subnet'),
        ('203.0.113.100', NETWORK, 'subnet'),
        ('fd00:203::9a', NETWORK, 'six'),
        ('198.51.100.7', 'other', 'elsewhere'),
    ],
)
def test_addresses_that_can_be_reserved(
    ctx: RequestContext, address: str, network: str, subnet: str
) -> None:
    """Just beside what is given out, in every subnet of the network, with or without pools."""
    assert create(ctx, address, network).subnet_id == subnet


@pytest.mark.parametrize(
    ('address', 'status', 'sentence'),
    [
        ('203.0.113.1', 400, USED.format('203.0.113.1', 'subnet')),
        ('203.0.113.10', 400, USED.format('203.0.113.10', 'subnet')),
        ('203.0.113.50', 400, USED.format('203.0.113.50', 'subnet')),
        ('203.0.113.99', 400, USED.format('203.0.113.99', 'subnet')),
        ('fd00:203::1', 400, USED.format('fd00:203::1', 'six')),
        ('fd00:203::50', 400, USED.format('fd00:203::50', 'six')),
        ('198.51.100.7', 404, NOWHERE.format('198.51.100.7')),
        ('203.0.114.1', 404, NOWHERE.format('203.0.114.1')),
        ('fd01::1', 404, NOWHERE.format('fd01::1')),
        ('', 500, 'Internal Server Error'),
        ('nonsense', 500, 'Internal Server Error'),
        ('203.0.113.256', 500, 'Internal Server Error'),
        ('203.0.113.0/24', 500, 'Internal Server Error'),
        (None, 500, 'Internal Server Error'),
        ({}, 500, 'Internal Server Error'),
        (7, 500, 'Internal Server Error'),
    ],
)
def test_addresses_that_cannot(
    ctx: RequestContext, address: object, status: int, sentence: str
) -> None:
    """Each is refused in Blazar's words, and nothing is left of it."""
    with pytest.raises(errors.ServiceError) as caught:
        create(ctx, address)
    assert (caught.value.status, str(caught.value)) == (status, sentence)
    assert FloatingIP.list(ctx) == []


@pytest.mark.parametrize('network', ['x', '', None, {}])
@pytest.mark.parametrize('address', ['203.0.113.200', 'nonsense'])
def test_networks_that_are_not_there(ctx: RequestContext, address: object, network: object) -> None:
    """The network is looked for first."""
    with pytest.raises(errors.InvalidInput) as caught:
        create(ctx, address, network)
    assert str(caught.value) == f'Failed to find network {network}'


@pytest.mark.parametrize(
    ('values', 'recording'),
    [
        ({}, 'floatingip-create-missing'),
        (
            {'network_id': 'x', 'floating_ip_address': '203.0.113.50'},
            'floatingip-create-missing-network-400',
        ),
    ],
)
def test_what_is_missing(ctx: RequestContext, values: dict[str, Any], recording: str) -> None:
    """Named as recorded."""
    with pytest.raises(errors.MissingParameter) as caught:
        FloatingIP.create(ctx, values)
    assert str(caught.value) == recordings.load(recording).json['error_message']


def test_an_address_can_be_reserved_once(ctx: RequestContext) -> None:
    """A second time is 500, in the recorded words; when it is deleted it can come again."""
    first = create(ctx, '203.0.113.210')
    create(ctx, '203.0.113.211')
    expected = recordings.load('floatingip-create-duplicate')
    with pytest.raises(errors.DatabaseRefused) as caught:
        create(ctx, '203.0.113.210')
    assert caught.value.status == expected.status
    assert str(caught.value) == expected.json['error_message']
    first.destroy()
    assert create(ctx, '203.0.113.210').id != first.id


def test_addresses_are_listed_by_id(ctx: RequestContext) -> None:
    ids = [create(ctx, f'203.0.113.{number}').id for number in range(200, 210)]
    assert [each.id for each in FloatingIP.list(ctx)] == sorted(ids)


def test_an_unknown_address(ctx: RequestContext) -> None:
    """404 in the recorded words."""
    with pytest.raises(errors.NotFound) as caught:
        FloatingIP.get_by_id(ctx, 'nope')
    assert str(caught.value) == recordings.load('floatingip-show-404').json['error_message']


def test_an_address_that_is_held_stays(door: FrontDoor, ctx: RequestContext) -> None:
    """Until its lease is deleted: in Blazar a lease that has ended still holds its addresses."""
    held, free = create(ctx, '203.0.113.210'), create(ctx, '203.0.113.211')
    reservation = {
        'resource_type': 'virtual:floatingip',
        'network_id': NETWORK,
        'amount': 1,
        'required_floatingips': ['203.0.113.210'],
    }
    lease = Lease.create(
        ctx,
        {
            'name': 'web',
            'start_date': '2030-01-08 08:00',
            'end_date': '2030-01-08 09:00',
            'reservations': [reservation],
            'events': [],
        },
    )
    door.advance(3 * 24 * 60)
    with pytest.raises(errors.Conflict) as caught:
        held.destroy()
    assert str(caught.value) == (
        f"Can't delete floating IP {held.id}. "
        f'Floating IP id {held.id} is allocated by reservations.'
    )
    free.destroy()
    lease.destroy()
    held.destroy()
    assert FloatingIP.list(ctx) == []


def test_who_may_do_what(door: FrontDoor, ctx: RequestContext) -> None:
    """Readers look, administrators change; the objects ask the policy, whoever calls them."""
    made = create(ctx, '203.0.113.210')
    reader, nobody = asks(door, 'reader'), asks(door)
    assert [each.id for each in FloatingIP.list(reader)] == [made.id]
    found = FloatingIP.get_by_id(reader, made.id)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: FloatingIP.list(nobody), 'get'),
        (lambda: FloatingIP.get_by_id(nobody, 'nope'), 'get'),
        (lambda: FloatingIP.create(reader, {}), 'post'),
        (found.destroy, 'delete'),
    ]
    for call, rule in calls:
        with pytest.raises(errors.PolicyForbidden) as caught:
            call()
        wanted = f"Policy doesn't allow blazar:floatingips:{rule} to be performed"
        assert str(caught.value) == wanted
