"""Floating IPs: made, found by ID or address, deleted."""

import pytest

from blazarclient import exception
from blazarclient.resources.floatingip import FloatingIP
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar


def test_create(server: RecordedBlazar, client: ClientFactory) -> None:
    """The network's ID and the address."""
    answer = server.recorded('floatingip-create-201').json
    server.on('POST', '/v1/floatingips', status=201, body=answer)
    mine = client('admin').floatingips
    for made in (
        mine.create('net', '203.0.113.9'),
        mine.create(floating_network_id='net', floating_ip_address='203.0.113.9'),
    ):
        assert made == answer['floatingip']
        assert type(made) is FloatingIP
    assert [each.json for each in server.sent('POST', '/v1/floatingips')] == [
        {'floating_network_id': 'net', 'floating_ip_address': '203.0.113.9'}
    ] * 2
    with pytest.raises(exception.InvalidInput, match=r'floating_ip_address: 7 is not a text'):
        mine.create('net', 7)  # type: ignore[arg-type]


def test_find_by_id_and_address(server: RecordedBlazar, client: ClientFactory) -> None:
    """An address is looked for in the list."""
    one = server.recorded('floatingip-show').json['floatingip']
    server.on('GET', f'/v1/floatingips/{one["id"]}', body={'floatingip': one})
    server.on('GET', '/v1/floatingips', body={'floatingips': [one, {'id': 'other'}]})
    mine = client('admin').floatingips
    assert mine.find(one['id']) == mine.find(one['floating_ip_address']) == one
    assert server.calls('reservation') == [
        f'GET /v1/floatingips/{one["id"]}',
        'GET /v1/floatingips',
    ]
    with pytest.raises(exception.NotFound, match=r"No floating IP .* ID '1\.2\.3\.4'"):
        mine.find('1.2.3.4')


def test_methods(server: RecordedBlazar, client: ClientFactory) -> None:
    """Refresh and delete go to its own path."""
    one = server.recorded('floatingip-show').json['floatingip']
    path = f'/v1/floatingips/{one["id"]}'
    server.on('GET', '/v1/floatingips', body={'floatingips': [one]})
    server.on('GET', path, body={'floatingip': {**one, 'reservable': False}})
    server.on('DELETE', path, status=204)
    [found] = client('admin').floatingips.list()
    server.forget()
    assert found.refresh().reservable is False
    found.delete()
    assert server.calls() == [f'GET {path}', f'DELETE {path}']
