"""``device``, ``device property`` and ``device allocation``: Chameleon's words for devices."""

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar
from tests.unit.test_chameleon import DEVICE, HELD, NO_URL, OF_DEVICE

ID = str(DEVICE['id'])
PATH = f'/v1/devices/{ID}'
OTHER = {**DEVICE, 'id': '0a7f3a0e-1111-4c66-8a3f-3a5d9b0c4d44', 'name': 'a-2', 'reservable': False}


@pytest.fixture
def devices(server: RecordedBlazar) -> RecordedBlazar:
    """A service of Chameleon's with two devices."""
    server.on('GET', '/v1/devices', body={'devices': [DEVICE, OTHER]})
    for method in ('GET', 'PUT'):
        server.on(method, PATH, body={'device': DEVICE})
        server.on(method, f'{PATH}/allocation', body={'allocation': OF_DEVICE})
    server.on('POST', '/v1/devices', body={'device': DEVICE})
    server.on(
        'GET',
        '/v1/devices/allocations',
        body={'allocations': [OF_DEVICE, {'resource_id': OTHER['id'], 'reservations': []}]},
    )
    return server


def test_list(devices: RecordedBlazar, openstack: Runner) -> None:
    """Chameleon's columns, sorted by name; capabilities are columns, too."""
    rows = openstack('reservation', 'device', 'list', '-f', 'json', cloud='admin').json
    assert [list(row) for row in rows] == [['id', 'name', 'device_type', 'device_driver']] * 2
    assert [row['name'] for row in rows] == ['a-2', 'pi-1']
    words = ('-c', 'name', '-c', 'machine_name', '--sort-by', 'reservable', '-f', 'value')
    ran = openstack('reservation', 'device', 'list', *words, cloud='admin').check()
    assert ran.stdout == 'a-2 raspberrypi4-64\npi-1 raspberrypi4-64\n'


def test_show(devices: RecordedBlazar, blazar: Runner) -> None:
    """By name or ID, with every key."""
    for name in ('pi-1', ID):
        assert blazar('device', 'show', name, '-f', 'json').json == DEVICE


def test_create(devices: RecordedBlazar, blazar: Runner) -> None:
    """Type and driver have Chameleon's defaults."""
    ran = blazar('device', 'create', 'pi-1', '--extra', 'uid=7a1f', '-f', 'json', cloud='admin')
    assert ran.json == DEVICE
    assert ran.stderr == f'Created a new device: {ID}\n'
    options = ('--device-type', 'shell', '--device-driver', 'k8s')
    blazar('device', 'create', 'x', *options, cloud='admin').check()
    assert [each.json for each in devices.sent('POST', '/v1/devices')] == [
        {'name': 'pi-1', 'device_type': 'container', 'device_driver': 'zun', 'uid': '7a1f'},
        {'name': 'x', 'device_type': 'shell', 'device_driver': 'k8s'},
    ]


def test_set_and_unset(devices: RecordedBlazar, blazar: Runner) -> None:
    """Chameleon's client fails with --device-type here; this one sends it."""
    options = ('--device-type', 'vm', '--extra', 'model=a=b')
    ran = blazar('device', 'set', 'pi-1', *options, cloud='admin').check()
    assert ran.stdout == 'Updated device: pi-1\n'
    blazar('device', 'unset', ID, '--extra', 'model', '--extra', 'uid', cloud='admin').check()
    assert [each.json for each in devices.sent('PUT')] == [
        {'device_type': 'vm', 'model': 'a=b'},
        {'model': None, 'uid': None},
    ]


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (['set', 'pi-1'], 'give at least one of --device-type, --device-driver and --extra'),
        (['set', 'pi-1', '--extra', 'name=x'], "'name' is what a device is known by"),
        (['unset', 'pi-1'], "nothing to remove from device 'pi-1'"),
        (['unset', 'pi-1', '--extra', 'a=b'], 'as in --extra a.'),
    ],
)
def test_refused(server: RecordedBlazar, blazar: Runner, words: list[str], sentence: str) -> None:
    """What cannot be meant is refused before any request."""
    ran = blazar('device', *words, cloud='admin')
    assert (ran.code, ran.stdout) == (1, '')
    assert sentence in ran.stderr
    assert not server.calls()


def test_delete(devices: RecordedBlazar, blazar: Runner) -> None:
    """Several, by name or ID; one that is reserved does not stop the others."""
    devices.on('DELETE', PATH)
    devices.on(
        'DELETE',
        f'/v1/devices/{OTHER["id"]}',
        status=409,
        body={'error_code': 409, 'error_message': 'The device is reserved.', 'error_name': 409},
    )
    ran = blazar('device', 'delete', 'a-2', ID, cloud='admin')
    assert (ran.code, ran.stdout) == (1, f'Deleted device: {ID}\n')
    assert "Cannot delete device 'a-2': The device is reserved." in ran.stderr
    assert ran.stderr.endswith('1 of 2 devices failed to delete.\n')


@pytest.mark.parametrize(
    ('options', 'body'),
    [
        ([], {}),
        (['--lease-id', 'L'], {'lease_id': 'L'}),
        (['--lease-id', 'L', '--reservation-id', 'R'], {'reservation_id': 'R'}),
    ],
)
def test_reallocate(
    devices: RecordedBlazar, blazar: Runner, options: list[str], body: dict[str, str]
) -> None:
    """All that holds it, or what a lease or reservation has of it."""
    ran = blazar('device', 'reallocate', 'pi-1', *options, cloud='admin').check()
    assert ran.stdout == 'Reallocated device: pi-1\n'
    [request] = devices.sent('PUT')
    assert (request.path, request.json) == (f'{PATH}/allocation', body)


@pytest.mark.parametrize(
    'words', [('allocation', 'list', 'device'), ('device', 'allocation', 'list')]
)
def test_allocations(devices: RecordedBlazar, blazar: Runner, words: tuple[str, ...]) -> None:
    """In this client's words and in Chameleon's."""
    rows = blazar(*words, '-f', 'json', cloud='admin').json
    assert rows == [{'resource_id': OTHER['id'], 'reservations': []}, OF_DEVICE]
    rows = blazar(*words, '--lease-id', 'L', '-f', 'json', cloud='admin').json
    assert [len(row['reservations']) for row in rows] == [0, 1]


@pytest.mark.parametrize(
    'words',
    [
        ('allocation', 'show', 'device'),
        ('device', 'allocation', 'show'),
        ('device-allocation-show',),
    ],
)
def test_allocation(devices: RecordedBlazar, blazar: Runner, words: tuple[str, ...]) -> None:
    """By name or ID, also with the hyphen of old."""
    for name in ('pi-1', ID):
        ran = blazar(*words, name, '-f', 'value', '-c', 'resource_id', cloud='admin').check()
        assert ran.stdout == f'{ID}\n'
    ran = blazar(*words, ID, '--reservation-id', 'x', '-f', 'json', cloud='admin')
    assert ran.json['reservations'] in ([], '')
    assert HELD not in (ran.json['reservations'] or [])


@pytest.mark.parametrize('noun', ['property', 'capability'])
def test_properties(devices: RecordedBlazar, blazar: Runner, noun: str) -> None:
    """They are those of devices, under both names and with Chameleon's ``update``."""
    path = '/v1/devices/properties'
    found = [{'property': 'model', 'private': False, 'values': ['x']}]
    devices.on('GET', path, body={'resource_properties': found})
    devices.on('PATCH', f'{path}/model', body={'resource_property': {'id': 'P'}})
    rows = blazar('device', noun, 'list', '--detail', '-f', 'json', cloud='admin').json
    assert rows == [{'property': 'model', 'private': False, 'property_values': ['x']}]
    shown = blazar('device', noun, 'show', 'model', '-f', 'json', cloud='admin').json
    assert shown == rows[0]
    verb = 'set' if noun == 'property' else 'update'
    ran = blazar('device', noun, verb, 'model', '--private', cloud='admin').check()
    assert ran.stdout == 'Updated device property: model\n'
    [request] = devices.sent('PATCH')
    assert request.json == {'private': True}


def test_stock_blazar(server: RecordedBlazar, blazar: Runner) -> None:
    """A service without devices is named as what it is, with what helps."""
    server.on('GET', '/v1/devices', status=404, body=NO_URL)
    ran = blazar('device', 'list')
    assert (ran.code, ran.stdout) == (1, '')
    assert "Devices are an addition of Chameleon's Blazar" in ran.stderr
    assert 'OS_CLOUD' in ran.stderr
