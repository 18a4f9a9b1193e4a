"""``floatingip``: the commands for floating IPs that can be reserved."""

import re

import pytest

from tests.answers import Answer
from tests.conftest import Runner
from tests.recorded import RecordedBlazar

ONE, OTHER = '85f2069b-380a-4dfe-86e0-d31461cda0fc', 'a5b1e6b3-e76d-4446-8660-a5bc54621562'
NETWORK = 'b80577cb-29c5-4986-bda0-490df0441f19'


def test_list(server: RecordedBlazar, openstack: Runner) -> None:
    """The three columns of python-blazarclient 4, sorted by ID."""
    rows = openstack('reservation', 'floatingip', 'list', '-f', 'json').json
    assert rows == [
        {'id': ONE, 'floating_ip_address': '203.0.113.201', 'floating_network_id': NETWORK},
        {'id': OTHER, 'floating_ip_address': '203.0.113.200', 'floating_network_id': NETWORK},
    ]


def test_list_in_another_order(server: RecordedBlazar, blazar: Runner) -> None:
    """Any column sorts."""
    options = ('--sort-column', 'floating_ip_address', '-c', 'id', '-f', 'value')
    assert blazar('floatingip', 'list', *options).check().stdout.split() == [OTHER, ONE]


@pytest.mark.parametrize('called', [OTHER, '203.0.113.200'])
@pytest.mark.parametrize('spelling', [('floatingip', 'show'), ('floatingip-show',)])
def test_show(
    server: RecordedBlazar, blazar: Runner, spelling: tuple[str, ...], called: str
) -> None:
    """A floating IP is found by its ID and, unlike with 4.6.0, by its address."""
    sent = server.recorded('floatingips-list-alice').json['floatingips'][1]
    server.on('GET', f'/v1/floatingips/{OTHER}', body={'floatingip': sent})
    found = blazar(*spelling, called, '-f', 'json').json
    assert found['floating_ip_address'] == '203.0.113.200'
    assert found['updated_at'] == ('' if len(spelling) == 1 else None)


def test_create(server: RecordedBlazar, openstack: Runner) -> None:
    """Network and address are sent, and the floating IP is shown."""
    made = server.recorded('floatingip-create-201')
    server.on('POST', '/v1/floatingips', lambda _: Answer(recording=made))
    ran = openstack(
        *('reservation', 'floatingip', 'create', NETWORK, '203.0.113.210', '-f', 'json'),
        cloud='admin',
    )
    assert ran.json['floating_ip_address'] == '203.0.113.210'
    assert ran.stderr == f'Created a new floatingip: {ran.json["id"]}\n'
    [request] = server.sent('POST', '/v1/floatingips')
    assert request.json == {
        'floating_network_id': NETWORK,
        'floating_ip_address': '203.0.113.210',
    }


def test_delete(server: RecordedBlazar, blazar: Runner) -> None:
    """Several, by address or ID; what fails is counted."""
    server.on('DELETE', re.compile(f'/v1/floatingips/({ONE}|{OTHER})'), status=204)
    ran = blazar('floatingip', 'delete', '203.0.113.200', ONE, '203.0.113.9', cloud='alice')
    assert ran.code == 1
    assert ran.stdout == f'Deleted floatingip: 203.0.113.200\nDeleted floatingip: {ONE}\n'
    assert "Cannot delete floatingip '203.0.113.9': No floating IP" in ran.stderr
    assert ran.stderr.endswith('1 of 3 floatingips failed to delete.\n')
    assert [request.path for request in server.sent('DELETE')] == [
        f'/v1/floatingips/{OTHER}',
        f'/v1/floatingips/{ONE}',
    ]
