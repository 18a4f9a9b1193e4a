"""``network`` and its properties and allocations: Chameleon's words for segments of networks."""

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar
from tests.unit.test_chameleon import HELD, NETWORK

ID = str(NETWORK['id'])
PATH = f'/v1/networks/{ID}'
HELD_BY = {'resource_id': ID, 'reservations': [HELD]}


@pytest.fixture
def networks(server: RecordedBlazar) -> RecordedBlazar:
    """A service of Chameleon's with two networks."""
    other = {**NETWORK, 'id': 'f1', 'segment_id': 42, 'physical_network': None}
    server.on('GET', '/v1/networks', body={'networks': [NETWORK, other]})
    server.on('GET', PATH, body={'network': NETWORK})
    server.on('PUT', PATH, body={'network': None})
    server.on('POST', '/v1/networks', body={'network': NETWORK})
    server.on('DELETE', PATH)
    server.on('GET', '/v1/networks/allocations', body={'allocations': [HELD_BY]})
    server.on('GET', f'{PATH}/allocation', body={'allocation': HELD_BY})
    return server


def test_list(networks: RecordedBlazar, openstack: Runner) -> None:
    """Chameleon's columns, sorted by the segment's number."""
    rows = openstack('reservation', 'network', 'list', '-f', 'json', cloud='admin').json
    assert [list(row) for row in rows] == [
        ['id', 'network_type', 'physical_network', 'segment_id']
    ] * 2
    assert [row['segment_id'] for row in rows] == [42, 1007]
    assert rows[0]['physical_network'] is None


def test_show(networks: RecordedBlazar, blazar: Runner) -> None:
    """By ID or by the segment's number."""
    for name in ('1007', ID):
        assert blazar('network', 'show', name, '-f', 'json').json == NETWORK


def test_create(networks: RecordedBlazar, blazar: Runner) -> None:
    """A VLAN is on a physical network, a tunnel on none."""
    vlan = ('--network-type', 'vlan', '--physical-network', 'physnet1', '--segment', '1007')
    ran = blazar('network', 'create', *vlan, '--extra', 'a=b', '-f', 'json', cloud='admin')
    assert ran.json == NETWORK
    assert ran.stderr == f'Created a new network: {ID}\n'
    tunnel = ('--network-type', 'vxlan', '--segment', '7')
    blazar('network', 'create', *tunnel, cloud='admin').check()
    assert [each.json for each in networks.sent('POST', '/v1/networks')] == [
        {'network_type': 'vlan', 'physical_network': 'physnet1', 'segment_id': 1007, 'a': 'b'},
        {'network_type': 'vxlan', 'physical_network': None, 'segment_id': 7},
    ]


@pytest.mark.parametrize(
    ('words', 'code', 'sentence'),
    [
        (['create', '--segment', '7'], 2, '--network-type'),
        (['create', '--network-type', 'vlan'], 2, '--segment'),
        (['create', '--network-type', 'vlan', '--segment', '7'], 1, '--physical-network physnet1'),
        (
            ['create', '--network-type', 'vxlan', '--physical-network', 'p', '--segment', '7'],
            1,
            "--physical-network 'p' is for --network-type vlan, and not for 'vxlan'.",
        ),
        (
            ['create', '--network-type', 'vxlan', '--segment', 'x'],
            1,
            "--segment 'x' is not a number such as 1007.",
        ),
        (['set', '1007'], 1, 'give at least one --extra KEY=VALUE'),
        (['set', '1007', '--extra', 'segment_id=7'], 1, "'segment_id' is what a network is known"),
        (['unset', '1007'], 1, "nothing to remove from network '1007'"),
    ],
)
def test_refused(
    server: RecordedBlazar, blazar: Runner, words: list[str], code: int, sentence: str
) -> None:
    """What cannot be meant is refused before any request."""
    ran = blazar('network', *words, cloud='admin')
    assert (ran.code, ran.stdout) == (code, '')
    assert sentence in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize('spelling', [('network', 'set'), ('network-update',)])
def test_set_and_unset(networks: RecordedBlazar, blazar: Runner, spelling: tuple[str, ...]) -> None:
    """Also in the hyphenated spelling of Chameleon's ``blazar``."""
    ran = blazar(*spelling, '1007', '--extra', 'usage_type=storage', cloud='admin').check()
    assert ran.stdout == 'Updated network: 1007\n'
    blazar('network', 'unset', ID, '--extra', 'usage_type', cloud='admin').check()
    assert [each.json for each in networks.sent('PUT')] == [
        {'usage_type': 'storage'},
        {'usage_type': None},
    ]


def test_delete(networks: RecordedBlazar, blazar: Runner) -> None:
    """By ID or number."""
    ran = blazar('network', 'delete', '1007', ID, cloud='admin').check()
    assert ran.stdout == f'Deleted network: 1007\nDeleted network: {ID}\n'
    assert len(networks.sent('DELETE', PATH)) == 2


def test_allocations(networks: RecordedBlazar, blazar: Runner) -> None:
    """In this client's words and in Chameleon's."""
    for words in (('allocation', 'list', 'network'), ('network', 'allocation', 'list')):
        assert blazar(*words, '-f', 'json', cloud='admin').json == [HELD_BY]
    for words in (('allocation', 'show', 'network'), ('network', 'allocation', 'show')):
        assert blazar(*words, '1007', '-f', 'json', cloud='admin').json == HELD_BY


def test_properties(networks: RecordedBlazar, blazar: Runner) -> None:
    """They are those of networks; one that there is not is named so."""
    networks.on('GET', '/v1/networks/properties', body={'resource_properties': []})
    for noun in ('property', 'capability'):
        assert blazar('network', noun, 'list', '-f', 'json', cloud='admin').json == []
        ran = blazar('network', noun, 'show', 'x', cloud='admin')
        assert ran.code == 1
        assert "No network has a property 'x'. `network property list --all` shows" in ran.stderr
