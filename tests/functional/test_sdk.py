"""The SDK in both of its styles: objects with methods, and upstream's managers."""

import copy
import json
import pickle
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import yaml

import blazarclient
from blazarclient import exception, times
from blazarclient.resources.host import Host
from tests.functional.conftest import SPOKEN, AsUser, Cloud, Name, Reservation, Slot
from tests.proxy import CUT_BEFORE, CUT_BEFORE_ANSWER, Proxy, unavailable

HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}


def test_a_lease_and_its_methods(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    start, end = slot()
    first, second = name(), name()
    lease = as_user('alice').leases.create(first, start, end, [HOSTS])
    assert (lease.name, lease.start_date, lease.end_date) == (first, start, end)
    assert lease.status == 'PENDING'
    assert lease.is_mine is True
    assert isinstance(lease, dict)
    lease.name = second
    lease.save()
    lease.wait('PENDING')
    assert lease.extend('2h').wait('PENDING').end_date == end + timedelta(hours=2)
    assert lease.reduce('1h').wait('PENDING').end_date == end + timedelta(hours=1)
    later = end + timedelta(hours=3)
    assert lease.extend(later).wait('PENDING').end_date == later
    lease.start_date = start - timedelta(minutes=5)
    assert lease.save().wait('PENDING').start_date == start - timedelta(minutes=5)
    assert lease.name == second
    lease.delete()
    with pytest.raises(exception.NotFound):
        lease.refresh()


def test_edited_in_place(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    lease = as_user('alice').leases.create(name(), *slot(), [HOSTS])
    assert lease.reservations is not None
    lease.reservations[0].max = 2
    assert lease.changes() == {'reservations': [{'id': lease.reservations[0].id, 'max': 2}]}
    lease.save().wait('PENDING')
    assert lease.reservations is not None
    assert (lease.reservations[0].min, lease.reservations[0].max) == (1, 2)
    assert lease.changes() == {}


@pytest.mark.parametrize('resource_type', ['virtual:instance', 'virtual:floatingip'])
def test_amount_is_changed(
    as_user: AsUser,
    hosts: list[Host],
    reservation: Reservation,
    name: Name,
    slot: Slot,
    resource_type: str,
) -> None:
    wanted = reservation(resource_type)
    if resource_type == 'virtual:floatingip':
        # One more address, for the second that is asked for.
        reservation(resource_type)
        wanted['required_floatingips'] = []
    lease = as_user('alice').leases.create(name(), *slot(), [wanted])
    lease['reservations'][0]['amount'] = 2
    lease.save().wait('PENDING')
    assert lease['reservations'][0]['amount'] == 2


def test_nothing_is_sent_when_nothing_changed(
    as_user: AsUser, blazar_proxy: Proxy, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice = as_user('alice', endpoint_override=f'{blazar_proxy.url}/v1')
    lease = alice.leases.create(name(), *slot(), [HOSTS])
    lease.save()
    assert [method for method, _, _ in blazar_proxy.done] == ['POST']


def test_no_discovery(as_user: AsUser, blazar_proxy: Proxy) -> None:
    alice = as_user('alice', endpoint_override=blazar_proxy.url)
    alice.leases.list()
    assert alice.transport.spoken is not None
    assert str(alice.transport.spoken.version) == SPOKEN
    assert [(method, path) for method, path, _ in blazar_proxy.done] == [('GET', '/v1/leases')]


def test_find_is_one_request(
    as_user: AsUser, blazar_proxy: Proxy, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice = as_user('alice')
    lease = alice.leases.create(name(), *slot(), [HOSTS])
    through = as_user('alice', endpoint_override=f'{blazar_proxy.url}/v1')
    assert through.leases.find(str(lease.name)) == lease.refresh()
    assert through.leases.find(str(lease.id)) == lease
    assert [path for _, path, _ in blazar_proxy.done] == ['/v1/leases', f'/v1/leases/{lease.id}']


def test_find_among_several_of_one_name(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice, same = as_user('alice'), name()
    first, second = (alice.leases.create(same, *slot(), [HOSTS]).refresh() for _ in range(2))
    with pytest.raises(exception.NoUniqueMatch) as caught:
        alice.leases.find(same)
    text = str(caught.value)
    assert f"2 leases have the name '{same}'" in text
    for each in (first, second):
        assert f'{each.id}  {each["start_date"]}  {each["end_date"]}  PENDING' in text


def test_find_a_name_that_begins_like_an_id(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice = as_user('alice')
    lease = alice.leases.create(name(), *slot(), [HOSTS])
    odd = f'{lease.id}-copy'
    twin = alice.leases.create(odd, *slot(), [HOSTS])
    try:
        assert alice.leases.find(odd).id == twin.id
        assert alice.leases.find(str(lease.id)).id == lease.id
    finally:
        # Its name is none that the fixture knows.
        twin.delete()


@pytest.mark.parametrize('tail', ['Grüße/日本', 'a/b?c=d#e%20', '\'"\\ {x}', 'None', '  '])
def test_odd_names(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot, tail: str) -> None:
    alice, odd = as_user('alice'), f'{name()}{tail}'
    lease = alice.leases.create(odd, *slot(), [HOSTS])
    assert lease.name == odd
    assert alice.leases.find(odd).id == lease.id


def test_fields_of_a_list(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    alice = as_user('alice')
    lease = alice.leases.create(name(), *slot(), [HOSTS])
    listed = [each for each in alice.leases.list(fields=['id', 'status']) if each.id == lease.id]
    assert listed == [{'id': lease.id, 'status': 'PENDING'}]
    assert not listed[0].is_set('name')
    assert lease.id in {each.id for each in alice.leases.iterate()}


def test_is_mine_and_tenancy(
    as_user: AsUser, cloud: Cloud, hosts: list[Host], name: Name, slot: Slot
) -> None:
    lease = as_user('alice').leases.create(name(), *slot(), [HOSTS])
    seen = as_user('admin').leases.get(str(lease.id))
    assert seen.is_mine is False
    assert seen.project_id == cloud.session('alice').get_project_id()
    assert as_user('rita').leases.get(str(lease.id)).is_mine is True
    assert lease.id not in {each.id for each in as_user('bob').leases.list()}


def test_an_id_of_ones_own(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    alice, own, dates = as_user('alice'), str(uuid.uuid4()), slot()
    lease = alice.leases.create(name(), *dates, [HOSTS], id=own)
    assert lease.id == own
    with pytest.raises(exception.Conflict, match=f'A lease with the ID {own} exists already'):
        alice.leases.create(name(), *dates, [HOSTS], id=own)


def test_one_lease_whatever_the_network_does(
    as_user: AsUser, blazar_proxy: Proxy, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice = as_user('alice', endpoint_override=f'{blazar_proxy.url}/v1')
    for step in (CUT_BEFORE, CUT_BEFORE_ANSWER, unavailable(retry_after=0)):
        wanted = name()
        blazar_proxy.plan([step])
        lease = alice.leases.create(wanted, *slot(), [HOSTS])
        made = [each.id for each in as_user('alice').leases.list() if each.name == wanted]
        assert made == [lease.id]


def test_a_delete_whose_answer_was_lost(
    as_user: AsUser, blazar_proxy: Proxy, hosts: list[Host], name: Name, slot: Slot
) -> None:
    lease = as_user('alice').leases.create(name(), *slot(), [HOSTS])
    alice = as_user('alice', endpoint_override=f'{blazar_proxy.url}/v1')
    blazar_proxy.plan([CUT_BEFORE_ANSWER])
    alice.leases.delete(str(lease.id))
    with pytest.raises(exception.NotFound):
        lease.refresh()


def test_a_resource_is_the_dict_it_came_as(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    alice = as_user('alice')
    lease = alice.leases.get(str(alice.leases.create(name(), *slot(), [HOSTS]).id))
    assert json.loads(json.dumps(lease)) == lease
    assert pickle.loads(pickle.dumps(lease)) == lease
    assert copy.deepcopy(lease) == lease
    assert yaml.safe_load(yaml.safe_dump(lease)) == lease
    assert alice.transport.read(f'/leases/{lease.id}').json() == {'lease': lease}


def test_before_the_end(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    start, end = slot()
    before = end - timedelta(minutes=20)
    lease = as_user('alice').leases.create(name(), start, end, [HOSTS], before_end_date=before)
    events = {each.event_type: each.time for each in lease.events or []}
    assert events == {'start_lease': start, 'before_end_lease': before, 'end_lease': end}


# ------------------------------------------------------- in the style of upstream


def test_lease_manager(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    manager = as_user('alice').lease
    start, end = (times.to_wire(moment) for moment in slot())
    made = manager.create(name(), start, end, [HOSTS], [])
    assert made['start_date'] == times.from_wire(start).isoformat(sep='T')[:19] + '.000000'
    assert made['id'] in [each['id'] for each in manager.list(sort_by='start_date')]
    manager.update(made['id'], name=name(), prolong_for='1h')
    changed = manager.get(made['id'])
    assert times.from_wire(changed['end_date']) - times.from_wire(end) == timedelta(hours=1)
    manager.delete(made['id'])
    with pytest.raises(exception.BlazarClientException) as caught:
        manager.get(made['id'])
    assert caught.value.code == caught.value.kwargs['code'] == 404


def test_lease_manager_by_keywords(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    start, end = slot()
    made = as_user('alice').lease.create(
        name=name(),
        start=times.to_wire(start),
        end=times.to_wire(end),
        reservations=[HOSTS],
        events=[],
        before_end_date=times.to_wire(end - timedelta(minutes=5)),
    )
    assert made['status'] == 'PENDING'


def test_the_other_managers(as_user: AsUser, hosts: list[Host]) -> None:
    admin = as_user('admin')
    names = [each['hypervisor_hostname'] for each in admin.host.list(sort_by='hypervisor_hostname')]
    assert names == sorted(host['hypervisor_hostname'] for host in hosts)
    assert admin.host.get(hosts[0]['id'])['hypervisor_hostname'] == hosts[0]['hypervisor_hostname']
    assert isinstance(admin.host.list_properties(detail=True), list)
    assert isinstance(admin.floatingip.list(), list)
    allocations = admin.allocation.list('os-hosts', sort_by='resource_id')
    assert {each['resource_id'] for each in allocations} == {host['id'] for host in hosts}
    one = admin.allocation.get('os-hosts', hosts[0]['id'])
    assert one['resource_id'] == hosts[0]['id']
    response, body = admin.host.request_manager.get('/os-hosts/allocations')
    assert response.status_code == 200
    assert len(body['allocations']) == len(hosts)


def test_url_and_token(cloud: Cloud) -> None:
    session = cloud.session('alice')
    url, token = session.get_endpoint(service_type='reservation'), session.get_token()
    client = blazarclient.Client('1', blazar_url=url, auth_token=token)
    assert isinstance(client.lease.list(), list)


def test_a_start_within_this_minute_is_now(
    as_user: AsUser, hosts: list[Host], name: Name, reservation: Reservation
) -> None:
    now = datetime.now(UTC)
    lease = as_user('alice').leases.create(
        name(), now, now + timedelta(minutes=3), [reservation('virtual:instance')]
    )
    assert lease.wait().status == 'ACTIVE'
    lease.delete()
