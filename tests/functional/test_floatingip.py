"""Reservable floating IPs, through commands and through the SDK."""

import pytest

from blazarclient import exception
from tests.functional.conftest import DOORS, Address, AsUser, Command, Name, Reservation, Slot

COLUMNS = ['id', 'floating_ip_address', 'floating_network_id']


@pytest.mark.parametrize('door', DOORS)
def test_from_create_to_delete(
    network: str, free_address: Address, command: Command, door: str
) -> None:
    address = free_address()
    made = command(door, 'admin', 'floatingip create', network, address, '-f', 'json')
    assert made.stderr == f'Created a new floatingip: {made.json["id"]}\n'
    assert made.json['floating_ip_address'] == address
    by_address = command(door, 'admin', 'floatingip show', address, '-f', 'json').json
    by_id = command(door, 'admin', 'floatingip show', made.json['id'], '-f', 'json').json
    assert by_address == by_id
    assert by_id['floating_network_id'] == network
    rows = command(door, 'admin', 'floatingip list', '-f', 'json').json
    assert list(rows[0]) == COLUMNS
    assert rows == sorted(rows, key=lambda row: row['id'])
    assert [made.json['id'], address, network] in [list(row.values()) for row in rows]
    ran = command(door, 'admin', 'floatingip delete', address)
    assert (ran.check().stdout, ran.stderr) == (f'Deleted floatingip: {address}\n', '')
    missing = command(door, 'admin', 'floatingip show', made.json['id'])
    assert missing.code == 1
    assert made.json['id'] in missing.stderr


def test_as_objects(network: str, free_address: Address, as_user: AsUser) -> None:
    admin, address = as_user('admin'), free_address()
    made = admin.floatingips.create(network, address)
    assert admin.floatingips.find(address) == admin.floatingips.get(str(made.id)) == made.refresh()
    assert made.reservable is True
    assert made.subnet_id
    assert made.created_at is not None
    made.delete()
    with pytest.raises(exception.NotFound, match=address):
        admin.floatingips.find(address)


def test_upstream_style(network: str, free_address: Address, as_user: AsUser) -> None:
    manager, address = as_user('admin').floatingip, free_address()
    made = manager.create(network, address)
    assert manager.get(made['id'])['floating_ip_address'] == address
    listed = [each['floating_ip_address'] for each in manager.list(sort_by='floating_ip_address')]
    assert address in listed
    assert listed == sorted(listed)
    manager.delete(made['id'])


def test_a_member_sees_them(network: str, free_address: Address, as_user: AsUser) -> None:
    made = as_user('admin').floatingips.create(network, free_address())
    assert made.id in {each.id for each in as_user('alice').floatingips.list()}
    with pytest.raises(exception.Forbidden, match="Policy doesn't allow blazar:floatingips:delete"):
        as_user('alice').floatingips.delete(str(made.id))


def test_columns_and_formats(network: str, free_address: Address, command: Command) -> None:
    address = free_address()
    command('blazar', 'admin', 'floatingip create', network, address).check()
    args = ('-c', 'floating_ip_address', '-c', 'reservable', '--sort-by', 'floating_ip_address')
    listed = command('blazar', 'alice', 'floatingip list', *args, '-f', 'csv').check().stdout
    assert listed.startswith('"floating_ip_address","reservable"\n')
    assert f'"{address}",True\n' in listed
    shown = command('blazar', 'alice', 'floatingip show', address, '-c', 'id', '-f', 'value')
    assert len(shown.check().stdout.strip()) == 36


def test_delete_several(network: str, free_address: Address, command: Command) -> None:
    addresses = [free_address(), free_address()]
    for each in addresses:
        command('blazar', 'admin', 'floatingip create', network, each).check()
    args = (addresses[0], '203.0.113.9', addresses[1])
    ran = command('openstack', 'admin', 'floatingip delete', *args)
    assert ran.code == 1
    assert ran.stdout.splitlines() == [f'Deleted floatingip: {each}' for each in addresses]
    assert "Cannot delete floatingip '203.0.113.9'" in ran.stderr
    assert '1 of 3 floatingips failed to delete.' in ran.stderr


@pytest.mark.parametrize(
    ('address', 'status', 'sentence'),
    [
        ('203.0.113.50', 400, 'is used in allocation_pools'),
        ('203.0.114.50', 404, '203.0.114.50'),
        ('no-address', 500, 'Internal Server Error'),
    ],
)
def test_addresses_that_cannot_be_reserved(
    network: str, command: Command, address: str, status: int, sentence: str
) -> None:
    ran = command('blazar', 'admin', 'floatingip create', network, address)
    assert (ran.code, ran.stdout) == (1, '')
    assert sentence in ran.stderr
    assert f'HTTP {status}' in ran.stderr


def test_reserved_by_its_address(
    as_user: AsUser, reservation: Reservation, name: Name, slot: Slot
) -> None:
    wanted = reservation('virtual:floatingip')
    lease = as_user('alice').leases.create(name(), *slot(), [wanted])
    assert lease['reservations'][0]['required_floatingips'] == wanted['required_floatingips']
    (held,) = wanted['required_floatingips']
    with pytest.raises(exception.HTTPError) as caught:
        as_user('admin').floatingips.find(held).delete()
    assert caught.value.status in (409, 500)
    lease.delete()
    as_user('admin').floatingips.find(held).delete()
