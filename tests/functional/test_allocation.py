"""Which reservations hold which hosts, seen while a lease holds one."""

import json
from collections.abc import Mapping

import pytest

from blazarclient import exception
from blazarclient.resources.allocation import Allocation
from tests.functional.conftest import DOORS, AsUser, Command, Life


@pytest.fixture(scope='module')
def life(lives: Mapping[str, Life]) -> Life:
    return lives['physical:host']


def _holding(allocations: list[Allocation]) -> list[Allocation]:
    """Those with a reservation: a filter leaves the others in the list, as ever, but empty."""
    return [each for each in allocations if each.reservations]


def test_of_a_lease(life: Life, as_user: AsUser) -> None:
    (found,) = _holding(as_user('admin').allocations.list(lease_id=str(life.lease.id)))
    (held,) = found.reservations or []
    assert held.lease_id == life.lease.id
    assert held.id == life.lease['reservations'][0]['id']
    assert (held.start_date, held.end_date) == (life.lease.start_date, life.lease.end_date)


def test_of_a_reservation(life: Life, as_user: AsUser) -> None:
    allocations, lease_id = as_user('admin').allocations, str(life.lease.id)
    reservation_id = life.lease['reservations'][0]['id']
    found = allocations.list(reservation_id=reservation_id)
    assert _holding(found) == _holding(allocations.list(lease_id=lease_id)) != []
    assert _holding(allocations.list(lease_id=lease_id, reservation_id='another')) == []


def test_every_host_is_listed(life: Life, as_user: AsUser) -> None:
    admin = as_user('admin')
    hosts = {host.id for host in admin.hosts.list()}
    assert {each.resource_id for each in admin.allocations.list()} == hosts


def test_from_a_lease_to_its_host_and_back(life: Life, as_user: AsUser) -> None:
    lease = as_user('admin').leases.get(str(life.lease.id))
    (host,) = lease.hosts()
    assert host.hypervisor_hostname
    back = [each.lease() for each in host.allocations() if each.lease_id == lease.id]
    assert [each.name for each in back] == [lease.name]


@pytest.mark.parametrize('door', DOORS)
def test_list_command(life: Life, command: Command, door: str) -> None:
    args = ('host', '--lease-id', str(life.lease.id), '-f', 'json')
    ran = command(door, 'admin', 'allocation list', *args)
    assert [*ran.json[0]] == ['resource_id', 'reservations']
    # The old spelling has kept the old JSON for single objects only.
    (held,) = (held for row in ran.json for held in row['reservations'])
    assert held['lease_id'] == life.lease.id


@pytest.mark.parametrize('door', DOORS)
def test_show_command(life: Life, command: Command, as_user: AsUser, door: str) -> None:
    (host,) = as_user('admin').leases.get(str(life.lease.id)).hosts()
    args = ('host', host['hypervisor_hostname'], '--lease-id', str(life.lease.id), '-f', 'json')
    shown = command(door, 'admin', 'allocation show', *args).json
    assert shown['resource_id'] == host.id
    reservations = shown['reservations']
    if door == 'hyphens':
        reservations = json.loads(reservations)
        reservations = reservations if isinstance(reservations, list) else [reservations]
    assert [each['lease_id'] for each in reservations] == [life.lease.id]


def test_table_and_plain_values(life: Life, command: Command) -> None:
    args = ('host', '--lease-id', str(life.lease.id))
    table = command('blazar', 'admin', 'allocation list', *args).check().stdout
    assert str(life.lease.id) in table
    assert table.splitlines()[1].split() == ['|', 'resource_id', '|', 'reservations', '|']
    ids = ('host', '-f', 'value', '-c', 'resource_id')
    values = command('blazar', 'admin', 'allocation list', *ids).check().stdout.split()
    assert values == sorted(values)
    assert all(each.isdecimal() for each in values)


def test_show_of_no_host(command: Command) -> None:
    ran = command('blazar', 'admin', 'allocation show', 'host', 'no-such-host')
    assert ran.code == 1
    assert "No host with the name or ID 'no-such-host' was found" in ran.stderr


def test_unknown_host(as_user: AsUser) -> None:
    with pytest.raises(exception.NotFound) as caught:
        as_user('admin').allocations.get('999999')
    assert caught.value.request_id


def test_member_may_not_list(as_user: AsUser, command: Command) -> None:
    with pytest.raises(exception.Forbidden, match='Your roles in this project do not permit'):
        as_user('alice').allocations.list()
    ran = command('blazar', 'alice', 'allocation list', 'host')
    assert ran.code == 1
    assert 'Your roles in this project do not permit this call' in ran.stderr
