"""Devices of Chameleon's Blazar: made, found, changed, moved."""

import pytest

from blazarclient import exception
from blazarclient.resources.device import Device
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.unit.test_chameleon import DEVICE, HELD, OF_DEVICE

PATH = f'/v1/devices/{DEVICE["id"]}'


@pytest.fixture
def devices(server: RecordedBlazar) -> RecordedBlazar:
    """A service with one device."""
    server.on('GET', '/v1/devices', body={'devices': [DEVICE]})
    for method in ('GET', 'PUT'):
        server.on(method, PATH, body={'device': DEVICE})
    server.on('DELETE', PATH)
    return server


def test_create(server: RecordedBlazar, client: ClientFactory) -> None:
    """Type and driver have Chameleon's defaults; what else is given goes beside them."""
    server.on('POST', '/v1/devices', body={'device': DEVICE})
    made = client('admin').devices.create('pi-1', machine_name='raspberrypi4-64')
    assert type(made) is Device
    [request] = server.sent('POST', '/v1/devices')
    assert request.json == {
        'name': 'pi-1',
        'device_type': 'container',
        'device_driver': 'zun',
        'machine_name': 'raspberrypi4-64',
    }


def test_find_and_change(devices: RecordedBlazar, client: ClientFactory) -> None:
    """By name or ID; only what was changed is sent, a capability that goes as null."""
    mine = client('admin').devices
    device = mine.find('pi-1')
    assert device == mine.find(str(DEVICE['id']))
    assert device.capabilities == {'machine_name': 'raspberrypi4-64', 'uid': '7a1f'}
    assert device.save() is device
    assert not devices.sent('PUT')
    device.device_driver = 'zun'
    device['model'] = 'x'
    del device['uid']
    device.save()
    mine.update(device.id, model=None)
    assert [each.json for each in devices.sent('PUT')] == [
        {'device_driver': 'zun', 'model': 'x', 'uid': None},
        {'model': None},
    ]
    with pytest.raises(exception.InvalidInput, match='name a capability'):
        mine.update(device.id)
    with pytest.raises(exception.InvalidInput, match='name'):
        device.name = 'other'
    device.refresh()
    device.delete()
    assert devices.calls()[-2:] == [f'GET {PATH}', f'DELETE {PATH}']


def test_allocations(devices: RecordedBlazar, client: ClientFactory) -> None:
    """What holds a device, with what Chameleon adds for administrators."""
    server = devices
    server.on('GET', f'{PATH}/allocation', body={'allocation': OF_DEVICE})
    server.on('PUT', f'{PATH}/allocation', body={'allocation': {**OF_DEVICE, 'reservations': []}})
    mine = client('admin')
    [held] = mine.devices.find('pi-1').allocations()
    assert held == HELD
    assert held.end_date.minute == 42
    left = mine.devices.reallocate(str(DEVICE['id']), lease_id='L', reservation_id='R')
    assert left.reservations == []
    mine.devices.reallocate(str(DEVICE['id']), lease_id='L')
    mine.devices.reallocate(str(DEVICE['id']))
    assert [each.json for each in server.sent('PUT')] == [
        {'reservation_id': 'R'},
        {'lease_id': 'L'},
        {},
    ]
