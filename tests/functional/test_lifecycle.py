"""Leases of every resource type, from their making to their end."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from blazarclient import exception
from blazarclient.resources.lease import Lease
from tests.functional.conftest import (
    RESOURCE_TYPES,
    AsUser,
    Command,
    Life,
    Name,
    Reservation,
    Slot,
    as_option,
)
from tests.proxy import Proxy


@pytest.fixture(params=RESOURCE_TYPES)
def life(lives: Mapping[str, Life], request: pytest.FixtureRequest) -> Life:
    return lives[request.param]


def test_active(life: Life) -> None:
    assert life.lease.status == 'ACTIVE'
    (reservation,) = life.lease.reservations or []
    assert reservation.status == 'active'
    assert life.lease.is_mine
    assert life.lease.degraded is False


def test_printed(life: Life) -> None:
    assert life.printed['status'] == 'ACTIVE'
    assert life.printed['id'] == life.lease.id
    reservations = life.printed['reservations']
    if isinstance(reservations, str):
        # `blazar lease-create -f json` keeps the JSON of python-blazarclient 4.
        reservations = [json.loads(reservations)]
    assert [each['id'] for each in reservations] == [life.lease['reservations'][0]['id']]


def test_how_it_went_is_on_standard_error(life: Life) -> None:
    if life.ran is None:
        # Python code made this one.
        return
    lines = life.ran.stderr.splitlines()
    assert lines[0] == f'Created a new lease: {life.lease.id}'
    assert [line.split()[0] for line in lines[1:]] == [life.lease.name] * len(lines[1:])
    assert lines[-1].split()[1] == 'ACTIVE'


def test_dates(life: Life) -> None:
    assert life.lease.end_date is not None
    assert life.lease.start_date is not None
    assert life.lease.created_at is not None
    assert timedelta(minutes=1) <= life.lease.end_date - life.lease.start_date
    assert life.lease.end_date - life.lease.created_at <= timedelta(minutes=2)
    assert life.lease.end_date.tzinfo == UTC


def _resize(lease: Lease) -> None:
    lease['reservations'][0]['amount'] = 2
    lease.save()


@pytest.mark.parametrize(
    'change',
    [
        pytest.param(lambda lease: lease.extend('1h'), id='extend'),
        pytest.param(lambda lease: lease.reduce('10m'), id='reduce'),
        pytest.param(_resize, id='resize'),
    ],
)
def test_flavor_lease_stays_as_it_is(
    as_user: AsUser,
    blazar_proxy: Proxy,
    reservation: Reservation,
    name: Name,
    slot: Slot,
    change: Callable[[Lease], object],
) -> None:
    alice = as_user('alice', endpoint_override=f'{blazar_proxy.url}/v1')
    lease = alice.leases.create(name(), *slot(), [reservation('flavor:instance')])
    with pytest.raises(exception.InvalidInput, match='flavor:instance'):
        change(lease)
    assert [method for method, _, _ in blazar_proxy.done if method == 'PUT'] == []
    assert lease.refresh().status == 'PENDING'


@pytest.mark.parametrize('door', ['openstack', 'blazar'])
def test_flavor_lease_can_be_renamed(
    command: Command,
    as_user: AsUser,
    reservation: Reservation,
    name: Name,
    slot: Slot,
    door: str,
) -> None:
    start, end = slot()
    old, new = name(), name()
    args = ('--start-date', start.isoformat(), '--end-date', end.isoformat(), '-f', 'json')
    option = as_option(reservation('flavor:instance'))
    made = command(door, 'alice', 'lease create', '--reservation', option, *args, old).json
    refused = command(door, 'alice', 'lease set', '--prolong-for', '1h', old)
    assert refused.code == 1
    assert 'flavor:instance' in refused.stderr
    assert '--force' in refused.stderr
    command(door, 'alice', 'lease set', '--name', new, '--wait', old).check()
    lease = as_user('alice').leases.find(new)
    assert (lease.id, lease.status, lease.end_date) == (made['id'], 'PENDING', end)


def test_error_ends_waiting_at_once(
    as_user: AsUser, command: Command, reservation: Reservation, name: Name, slot: Slot
) -> None:
    lease = as_user('alice').leases.create(name(), *slot(), [reservation('flavor:instance')])
    with pytest.raises(exception.HTTPError):
        # What the refusal is for: Blazar fails, and the lease with it.
        lease.extend('1h', force=True)
    began = datetime.now(UTC)
    with pytest.raises(exception.WaitFailed, match='ERROR'):
        lease.wait('ACTIVE')
    assert datetime.now(UTC) - began < timedelta(seconds=5)
    command('blazar', 'alice', 'lease delete', '--wait', str(lease.id)).check()


# The leases have ended, or nearly, when all that comes before is done.


def test_terminated(life: Life, as_user: AsUser) -> None:
    lease = as_user('alice').leases.get(str(life.lease.id))
    seen: list[str] = []
    assert lease.wait('terminated', timeout=150, report=seen.append) is lease
    assert seen[-1] == lease.status == 'TERMINATED'
    assert [each.status for each in lease.reservations or []] == ['deleted']
    assert {each.status for each in lease.events or []} == {'DONE'}
    with pytest.raises(exception.WaitFailed, match='will not be ACTIVE any more'):
        lease.wait('ACTIVE')


def test_terminated_leases_are_listed_and_deleted(
    lives: Mapping[str, Life], command: Command, as_user: AsUser
) -> None:
    ids = [str(life.lease.id) for life in lives.values()]
    rows = command('blazar', 'alice', 'lease list', '--long', '-f', 'json').json
    states = {row['id']: row['status'] for row in rows}
    assert {states[each] for each in ids} == {'TERMINATED'}
    args = (*ids[:2], str(lives['virtual:floatingip'].lease.name), ids[3])
    ran = command('openstack', 'alice', 'lease delete', *args).check()
    assert ran.stdout.splitlines() == [f'Deleted lease: {each}' for each in args]
    left = {lease.id for lease in as_user('alice').leases.list()}
    assert not left & {*ids}
