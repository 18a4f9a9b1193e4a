"""Networks of Chameleon's Blazar: made, found, changed."""

import pytest

from blazarclient import exception
from blazarclient.resources.network import Network
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.unit.test_chameleon import HELD, NETWORK

PATH = f'/v1/networks/{NETWORK["id"]}'


@pytest.fixture
def networks(server: RecordedBlazar) -> RecordedBlazar:
    """A service with three networks, two of which have the same number."""
    others = [{**NETWORK, 'id': each, 'segment_id': 42} for each in ('a', 'b')]
    server.on('GET', '/v1/networks', body={'networks': [NETWORK, *others]})
    server.on('GET', PATH, body={'network': NETWORK})
    server.on('PUT', PATH, body={'network': None})
    server.on('DELETE', PATH)
    return server


def test_create(server: RecordedBlazar, client: ClientFactory) -> None:
    """A tunnel has no physical network, and the service wants to read so."""
    server.on('POST', '/v1/networks', body={'network': NETWORK})
    made = client('admin').networks.create('vxlan', None, 1007, usage_type='storage')
    assert type(made) is Network
    [request] = server.sent('POST', '/v1/networks')
    assert request.json == {
        'network_type': 'vxlan',
        'physical_network': None,
        'segment_id': 1007,
        'usage_type': 'storage',
    }


def test_find(networks: RecordedBlazar, client: ClientFactory) -> None:
    """By ID or number; the physical network tells those of one number apart."""
    mine = client('admin').networks
    assert mine.find('1007') == mine.find(str(NETWORK['id'])) == NETWORK
    with pytest.raises(exception.NoUniqueMatch, match='vlan  physnet1  42'):
        mine.find('42')
    with pytest.raises(exception.NotFound, match="No network with the name or ID '7'"):
        mine.find('7')


def test_change(networks: RecordedBlazar, client: ClientFactory) -> None:
    """The network is read anew: the answer to a change holds none."""
    mine = client('admin').networks
    network = mine.find('1007')
    network['usage_type'] = 'storage'
    assert network.save() == NETWORK
    assert network.capabilities == {}
    assert mine.update(network.id, usage_type=None) == NETWORK
    assert [each.json for each in networks.sent('PUT')] == [
        {'usage_type': 'storage'},
        {'usage_type': None},
    ]
    with pytest.raises(exception.InvalidInput, match='name a capability'):
        mine.update(network.id)
    network.refresh()
    network.delete()
    assert networks.calls()[-2:] == [f'GET {PATH}', f'DELETE {PATH}']


def test_allocations(networks: RecordedBlazar, client: ClientFactory) -> None:
    """What holds a network."""
    allocation = {'resource_id': NETWORK['id'], 'reservations': [HELD]}
    networks.on('GET', f'{PATH}/allocation', body={'allocation': allocation})
    assert client('admin').networks.find('1007').allocations() == [HELD]
