"""Calls in the style of Chameleon's client send what its python-blazarclient sends."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.client import Client
from blazarclient.managers import NOTHING_TO_UPDATE
from blazarclient.resources.device import Device
from blazarclient.resources.network import Network
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

DEVICE = {
    'id': '5f3c9d4e-7d4c-4b0e-9a53-0d5f8f7f2a11',
    'name': 'pi-1',
    'device_type': 'container',
    'device_driver': 'k8s',
    'reservable': True,
    'created_at': '2026-11-20 15:38:28',
    'updated_at': None,
    'machine_name': 'raspberrypi4-64',
    'uid': '7a1f',
}
NETWORK = {
    'id': '0e9b4f0c-92a3-4b0b-8d5c-5d7d3a5a2b22',
    'network_type': 'vlan',
    'physical_network': 'physnet1',
    'segment_id': 1007,
    'created_at': '2026-11-20 15:38:28',
    'updated_at': None,
}
HELD = {
    'id': 'R',
    'lease_id': 'L',
    'start_date': '2026-11-20T15:38:00.000000',
    'end_date': '2026-11-20T15:42:00.000000',
    'project_id': 'P',
}
OF_DEVICE = {'resource_id': DEVICE['id'], 'reservations': [HELD]}


@pytest.fixture
def chameleon(server: RecordedBlazar) -> RecordedBlazar:
    """A Blazar of Chameleon's, which answers every call with something of its kind."""

    def answer(request: Request) -> Answer:
        one = '/networks/' in request.path and request.method == 'PUT'
        return Answer(
            body={
                'device': DEVICE,
                'devices': [DEVICE, {**DEVICE, 'id': 'D', 'name': 'a'}],
                # Chameleon answers null to a change.
                'network': None if one else NETWORK,
                'networks': [NETWORK, {**NETWORK, 'id': 'N', 'segment_id': 3}],
                'allocation': OF_DEVICE,
                'allocations': [OF_DEVICE, {'resource_id': '0', 'reservations': []}],
                'hosts': [{'id': '1'}],
                'leases': [],
                'resource_properties': [
                    {'property': 'model', 'private': False}
                    | ({'values': ['x']} if 'detail' in request.query else {})
                ],
                'resource_property': {'id': 'P'},
            }
        )

    for method in ('GET', 'POST', 'PUT', 'PATCH'):
        server.on(method, re.compile('/v1/.*'), answer)
    server.on('DELETE', re.compile('/v1/.*'), status=200)
    return server


#: A call, and the requests that Chameleon's client makes for it.
CALLS: list[tuple[Callable[[Client], object], list[tuple[str, str, Any]]]] = [
    (
        lambda c: c.device.create('pi-1', device_type='container', device_driver='zun', uid='7'),
        [
            (
                'POST',
                '/v1/devices',
                {'name': 'pi-1', 'device_type': 'container', 'device_driver': 'zun', 'uid': '7'},
            )
        ],
    ),
    (lambda c: c.device.get('D'), [('GET', '/v1/devices/D', None)]),
    (lambda c: c.device.list(sort_by='name'), [('GET', '/v1/devices', None)]),
    (lambda c: c.device.update('D', {}), []),
    (
        lambda c: c.device.update('D', values={'model': None, 'uid': '8'}),
        [('PUT', '/v1/devices/D', {'model': None, 'uid': '8'})],
    ),
    (lambda c: c.device.delete('D'), [('DELETE', '/v1/devices/D', None)]),
    (lambda c: c.device.list_allocations(), [('GET', '/v1/devices/allocations', None)]),
    (lambda c: c.device.get_allocation('D'), [('GET', '/v1/devices/D/allocation', None)]),
    (
        lambda c: c.device.reallocate('D', {'lease_id': 'L'}),
        [('PUT', '/v1/devices/D/allocation', {'lease_id': 'L'})],
    ),
    (
        lambda c: c.device.get_property('model'),
        [('GET', '/v1/devices/properties?detail=True', None)],
    ),
    (
        lambda c: c.device.set_property('model', private=True),
        [('PATCH', '/v1/devices/properties/model', {'private': True})],
    ),
    (
        lambda c: c.network.create('vlan', 'physnet1', '1007', stitch_provider='fabric'),
        [
            (
                'POST',
                '/v1/networks',
                {
                    'network_type': 'vlan',
                    'physical_network': 'physnet1',
                    'segment_id': '1007',
                    'stitch_provider': 'fabric',
                },
            )
        ],
    ),
    (lambda c: c.network.get('N'), [('GET', '/v1/networks/N', None)]),
    (lambda c: c.network.list(sort_by='segment_id'), [('GET', '/v1/networks', None)]),
    (lambda c: c.network.update('N', {}), []),
    # The network itself is asked for, since the answer holds none.
    (
        lambda c: c.network.update('N', {'a': 'b'}),
        [('PUT', '/v1/networks/N', {'a': 'b'}), ('GET', '/v1/networks/N', None)],
    ),
    (lambda c: c.network.delete('N'), [('DELETE', '/v1/networks/N', None)]),
    (
        lambda c: c.network.list_allocations(sort_by='resource_id'),
        [('GET', '/v1/networks/allocations', None)],
    ),
    (lambda c: c.network.get_allocation('N'), [('GET', '/v1/networks/N/allocation', None)]),
    (
        lambda c: c.network.list_properties(detail=True),
        [('GET', '/v1/networks/properties?detail=True', None)],
    ),
    (lambda c: c.host.list_allocations(), [('GET', '/v1/os-hosts/allocations', None)]),
    (lambda c: c.host.get_allocation('1'), [('GET', '/v1/os-hosts/1/allocation', None)]),
    (
        lambda c: c.host.reallocate('1', {'reservation_id': 'R', 'force': True}),
        [('PUT', '/v1/os-hosts/1/allocation', {'reservation_id': 'R', 'force': True})],
    ),
    (lambda c: c.host.reallocate('1', {}), [('PUT', '/v1/os-hosts/1/allocation', {})]),
    (lambda c: c.lease.list(all_tenants=False), [('GET', '/v1/leases', None)]),
    (lambda c: c.lease.list('name', True), [('GET', '/v1/leases?all_tenants=True', None)]),
    (
        lambda c: c.lease.list(all_tenants=True, limit=10, marker='L'),
        [('GET', '/v1/leases?all_tenants=True&limit=10&marker=L', None)],
    ),
    (
        lambda c: c.lease.additional_details('L'),
        [
            ('GET', '/v1/leases/L/hosts', None),
            ('GET', '/v1/leases/L/networks', None),
            ('GET', '/v1/leases/L/devices', None),
        ],
    ),
]


@pytest.mark.parametrize(('call', 'expected'), CALLS, ids=range(len(CALLS)))
def test_requests(
    chameleon: RecordedBlazar,
    client: ClientFactory,
    call: Callable[[Client], object],
    expected: list[tuple[str, str, Any]],
) -> None:
    """Method, path, query and body."""
    result = call(client())
    sent = [each for each in chameleon.requests if each.service == 'reservation']
    assert [
        (each.method, each.raw_path + (f'?{each.query}' if each.query else ''), each.json)
        for each in sent
    ] == expected
    if not expected:
        assert result == NOTHING_TO_UPDATE


def test_results(chameleon: RecordedBlazar, client: ClientFactory) -> None:
    """They are plain lists of dicts, as python-chi wants them, and resources."""
    mine = client()
    devices = mine.device.list(sort_by='name')
    assert type(devices) is list
    assert [each['name'] for each in devices] == ['a', 'pi-1']
    assert type(devices[0]) is Device
    assert {each['id']: each for each in devices}[DEVICE['id']]['uid'] == '7a1f'
    network = mine.network.update('N', {'a': 'b'})
    assert type(network) is Network
    assert network == NETWORK
    assert [each['id'] for each in mine.network.list(sort_by='segment_id')] == ['N', NETWORK['id']]
    held = next(
        each for each in mine.device.list_allocations() if each['resource_id'] == DEVICE['id']
    )
    assert held['reservations'] == [HELD]
    assert mine.host.list_allocations('resource_id')[0]['resource_id'] == '0'
    assert mine.device.list_properties(detail=True)[0]['property_values'] == ['x']
    with pytest.raises(exception.ResourcePropertyNotFound, match="No network has a property 'no'"):
        mine.network.get_property('no')
    assert mine.lease.hosts_in_lease('L') == [{'id': '1'}]


def test_properties_go_where_they_came_from(
    chameleon: RecordedBlazar, client: ClientFactory
) -> None:
    """A property of a device is no property of a host."""
    mine = client()
    for kind, found in (
        ('devices', mine.device.get_property('model')),
        ('networks', mine.network.get_property('model')),
        ('devices', mine.devices.properties.get('model')),
        ('networks', mine.networks.properties.get('model')),
    ):
        chameleon.forget()
        found.private = True
        found.save()
        [request] = chameleon.sent('PATCH')
        assert (request.path, request.json) == (f'/v1/{kind}/properties/model', {'private': True})


@pytest.mark.parametrize('kind', ['device', 'network'])
def test_allocation_that_the_service_cannot_show(
    server: RecordedBlazar, client: ClientFactory, kind: str
) -> None:
    """Chameleon's Blazar fails when asked for that of one device; the list has it, too."""
    server.on(
        'GET',
        re.compile(rf'/v1/{kind}s/[^/]+/allocation'),
        status=500,
        body={'error_code': 500, 'error_message': 'Internal Server Error', 'error_name': 500},
    )
    server.on('GET', f'/v1/{kind}s/allocations', body={'allocations': [OF_DEVICE]})
    manager = getattr(client(), kind)
    assert manager.get_allocation(DEVICE['id']) == OF_DEVICE
    with pytest.raises(exception.NotFound, match=f"No {kind} with the ID 'x'") as raised:
        manager.get_allocation('x')
    assert raised.value.kwargs['code'] == 404


NO_URL = {
    'error': 404,
    'error_message': 'The requested URL was not found on the server. If you entered the URL '
    'manually please check your spelling and try again.',
}
NO_METHOD = {'error': 405, 'error_message': 'The method is not allowed for the requested URL.'}


@pytest.mark.parametrize(
    ('call', 'method', 'sentence'),
    [
        (lambda c: c.device.list(), 'GET', 'Devices are an addition'),
        (lambda c: c.devices.find('pi-1'), 'GET', 'Devices are an addition'),
        (lambda c: c.devices.create('x'), 'POST', 'Devices are an addition'),
        (
            lambda c: c.network.delete('N'),
            'DELETE',
            'Networks that can be reserved are an',
        ),
        (lambda c: c.networks.properties.list(), 'GET', 'Networks that can be reserved are'),
        (lambda c: c.host.reallocate('1', {}), 'PUT', 'Moving reservations to other hosts is'),
        (lambda c: c.lease.hosts_in_lease('L'), 'GET', 'Telling what a lease holds is an'),
    ],
)
@pytest.mark.parametrize('answer', [NO_URL, NO_METHOD], ids=['404', '405'])
def test_stock_blazar(
    server: RecordedBlazar,
    client: ClientFactory,
    call: Callable[[Client], object],
    method: str,
    sentence: str,
    answer: dict[str, Any],
) -> None:
    """Where the service has no such call, the error says whose it is and what helps."""
    server.on(method, re.compile('/v1/.*'), status=answer['error'], body=answer)
    with pytest.raises(exception.HTTPError) as raised:
        call(client())
    assert raised.value.status == answer['error']
    assert sentence in str(raised.value)
    assert "Chameleon's Blazar, which this service does not have." in str(raised.value)
    assert raised.value.hint in str(raised.value)
    assert 'Check the address' not in str(raised.value)


def test_wrong_address(server: RecordedBlazar, client: ClientFactory) -> None:
    """What every Blazar has is not said to be Chameleon's."""
    server.on('GET', re.compile('/v1/.*'), status=404, body=NO_URL)
    for call in (client().leases.list, client().hosts.list, lambda: client().leases.get('L')):
        with pytest.raises(exception.NotFound) as raised:
            call()
        assert 'Chameleon' not in str(raised.value)
        assert not raised.value.hint


def test_device_that_is_not_there(server: RecordedBlazar, client: ClientFactory) -> None:
    """A service that has devices is not said to have none."""
    detail = "Object with {'device_id': 'D'} not found"
    server.on(
        'GET', '/v1/devices/D', status=404, body=json.dumps({'error_message': detail}).encode()
    )
    with pytest.raises(exception.NotFound) as raised:
        client().device.get('D')
    assert str(raised.value).startswith(f'{detail} (HTTP 404')
