"""Errors of a real service, as exceptions of the SDK: class, sentence, status and request id."""

import socket
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

import blazarclient
from blazarclient import exception
from blazarclient.client import Client
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from tests.functional.conftest import MODERN, AsUser, Cloud, Name, Slot

HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
NOBODY = str(uuid.uuid4())


def check(error: exception.HTTPError, status: int, detail: str) -> None:
    assert error.status == error.code == error.kwargs['code'] == status
    assert detail in error.detail
    assert error.request_id
    assert error.request_id.startswith('req-')
    assert str(error).startswith(error.detail)
    assert f'(HTTP {status}, request {error.request_id})' in str(error)
    assert error.message == str(error)


Act = Callable[[Client], object]


@pytest.mark.parametrize(
    ('user', 'act', 'kind', 'status', 'detail'),
    [
        pytest.param(
            'alice',
            lambda client: client.leases.get(NOBODY),
            exception.NotFound,
            404,
            'not found',
            id='lease',
        ),
        pytest.param(
            'alice',
            lambda client: client.leases.delete(NOBODY),
            exception.NotFound,
            404,
            'not found',
            id='lease-delete',
        ),
        pytest.param(
            'alice',
            lambda client: client.leases.update(NOBODY, name='x'),
            exception.NotFound,
            404,
            'not found',
            id='lease-update',
        ),
        pytest.param(
            'admin',
            lambda client: client.hosts.get('999999'),
            exception.NotFound,
            404,
            'not found',
            id='host',
        ),
        pytest.param(
            'admin',
            lambda client: client.hosts.create('no-such-hypervisor'),
            exception.NotFound,
            404,
            'no-such-hypervisor',
            id='hypervisor',
        ),
        pytest.param(
            'admin',
            lambda client: client.floatingips.get(NOBODY),
            exception.NotFound,
            404,
            'not found',
            id='floatingip',
        ),
        pytest.param(
            'alice',
            lambda client: client.hosts.list(),
            exception.Forbidden,
            403,
            "Policy doesn't allow blazar:oshosts:get",
            id='hosts-of-a-member',
        ),
        pytest.param(
            'alice',
            lambda client: client.floatingips.create('x', '203.0.113.250'),
            exception.Forbidden,
            403,
            "Policy doesn't allow blazar:floatingips:post",
            id='floatingip-of-a-member',
        ),
        pytest.param(
            'admin',
            lambda client: client.hosts.create('compute-1'),
            exception.Conflict,
            409,
            'compute-1',
            id='host-twice',
        ),
        pytest.param(
            'admin',
            lambda client: client.properties.update('no_such', private=True),
            exception.ServerError,
            500,
            'BlazarDBInvalidResourceProperty',
            id='property',
        ),
    ],
)
def test_of_a_call(
    as_user: AsUser,
    hosts: list[Host],
    user: str,
    act: Act,
    kind: type[exception.HTTPError],
    status: int,
    detail: str,
) -> None:
    with pytest.raises(exception.HTTPError) as caught:
        act(as_user(user))
    assert type(caught.value) is kind
    check(caught.value, status, detail)


@pytest.mark.parametrize(
    ('changed', 'kind', 'status', 'detail'),
    [
        pytest.param({'min': 9, 'max': 9}, exception.NotEnoughResources, 500, '', id='many'),
        pytest.param({'min': 2, 'max': 1}, exception.BadRequest, 400, '', id='min-above-max'),
        pytest.param(
            {'resource_properties': '["==", "$no_such", "1"]'},
            exception.ServerError,
            500,
            'BlazarDBNotFound',
            id='property',
        ),
        pytest.param(
            {'hypervisor_properties': '[[['},
            exception.BadRequest,
            400,
            'Malformed requirements',
            id='filter',
        ),
        pytest.param(
            {'resource_type': 'no:such'},
            exception.ServerError,
            500,
            'The no:such resource type is not supported',
            id='resource-type',
        ),
        pytest.param({'resource_type': None}, exception.HTTPError, 0, '', id='no-type'),
    ],
)
def test_of_a_reservation(
    as_user: AsUser,
    hosts: list[Host],
    name: Name,
    slot: Slot,
    changed: dict[str, Any],
    kind: type[exception.HTTPError],
    status: int,
    detail: str,
) -> None:
    alice, wanted = as_user('alice'), name()
    with pytest.raises(kind) as caught:
        alice.leases.create(wanted, *slot(), [{**HOSTS, **changed}])
    check(caught.value, status or caught.value.status, detail)
    assert wanted not in [lease.name for lease in alice.leases.list()]


def test_of_dates(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    leases = as_user('alice').leases
    start, end = slot()
    with pytest.raises(exception.BadRequest) as caught:
        leases.create(name(), '2020-01-01 00:00', end, [HOSTS])
    check(caught.value, 400, 'Start date must be later than current date')
    with pytest.raises(exception.BadRequest) as caught:
        leases.create(name(), end, start, [HOSTS])
    check(caught.value, 400, 'date')
    late = end + timedelta(minutes=10)
    with pytest.raises(exception.Forbidden) as forbidden:
        leases.create(name(), start, end, [HOSTS], before_end_date=late)
    check(forbidden.value, 403, 'Datetime is out of lease limits')


@pytest.fixture
def lease(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> Lease:
    return as_user('alice').leases.create(name(), *slot(), [HOSTS])


def test_of_a_change(lease: Lease, as_user: AsUser) -> None:
    leases, lease_id = as_user('alice').leases, str(lease.id)
    with pytest.raises(exception.BadRequest) as caught:
        leases.update(lease_id, end_date='2020-01-01 00:00')
    check(caught.value, 400, 'End date must be later than current and start date')
    with pytest.raises(exception.BadRequest) as caught:
        leases.update(lease_id, reservations=[{'id': 'nope', 'min': 1}])
    check(caught.value, 400, 'Invalid reservation IDs are: nope')
    many = {'id': lease['reservations'][0]['id'], 'min': 9, 'max': 9}
    with pytest.raises(exception.NotEnoughResources) as short:
        leases.update(lease_id, reservations=[many])
    check(short.value, short.value.status, 'Not enough')


@pytest.mark.parametrize('user', ['bob', 'rita'])
def test_who_may_not(lease: Lease, as_user: AsUser, user: str) -> None:
    """Of another project, or a reader: it may be neither changed nor deleted."""
    leases, lease_id = as_user(user).leases, str(lease.id)
    for act in (lambda: leases.update(lease_id, name='x'), lambda: leases.delete(lease_id)):
        with pytest.raises(exception.Forbidden) as caught:
            act()
        check(caught.value, 403, "Policy doesn't allow blazar:leases:")
        assert 'Your roles in this project do not permit this call' in str(caught.value)
    assert lease.refresh().status == 'PENDING'


def test_reader_makes_no_lease(as_user: AsUser, name: Name, slot: Slot) -> None:
    with pytest.raises(exception.Forbidden) as caught:
        as_user('rita').leases.create(name(), *slot(), [HOSTS])
    check(caught.value, 403, "Policy doesn't allow blazar:leases:post")


def test_host_in_use(lease: Lease, as_user: AsUser) -> None:
    admin = as_user('admin')
    (held,) = admin.leases.get(str(lease.id)).hosts()
    with pytest.raises(exception.Conflict) as caught:
        held.delete()
    check(caught.value, 409, 'The host is reserved')


def test_another_projects_lease(lease: Lease, as_user: AsUser) -> None:
    """From 1.1 on nobody is told that it is there."""
    bob = as_user('bob')
    bob.leases.list()
    with pytest.raises(exception.NotFound if MODERN else exception.Forbidden) as caught:
        bob.leases.get(str(lease.id))
    if MODERN:
        check(caught.value, 404, f"Object with {{'lease_id': '{lease.id}'}} not found")
    else:
        check(caught.value, 403, "Policy doesn't allow blazar:leases:get")
        assert 'or the object belongs to another project' in str(caught.value)
    with pytest.raises(exception.NotFound, match='among those that this user may see'):
        as_user('bob').leases.find(str(lease.name))


def test_id_of_another_projects_lease(
    lease: Lease, as_user: AsUser, name: Name, slot: Slot
) -> None:
    with pytest.raises(exception.Conflict, match=f'A lease with the ID {lease.id} exists already'):
        as_user('bob').leases.create(name(), *slot(), [HOSTS], id=str(lease.id))


def test_bad_token(cloud: Cloud) -> None:
    url = cloud.session('alice').get_endpoint(service_type='reservation')
    client = blazarclient.Client(blazar_url=url, auth_token='no-token')
    with pytest.raises(exception.Unauthorized) as caught:
        client.leases.list()
    assert isinstance(caught.value, exception.NotAuthorized)
    assert caught.value.status == 401
    assert 'no-token' not in str(caught.value)


def test_nobody_there(as_user: AsUser) -> None:
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
    client = as_user('alice', endpoint_override=f'http://127.0.0.1:{port}/v1', connect_retries=0)
    with pytest.raises(exception.ConnectionFailed) as caught:
        client.leases.list()
    assert caught.value.sent is False
    assert f'127.0.0.1:{port}' in str(caught.value)


def test_another_service(as_user: AsUser, cloud: Cloud) -> None:
    elsewhere = cloud.session('alice').get_endpoint(service_type='identity')
    with pytest.raises(exception.NotFound):
        as_user('alice', endpoint_override=elsewhere).leases.list()


def test_region_without_the_service(as_user: AsUser) -> None:
    with pytest.raises(exception.NoBlazarEndpoint, match='region_name=Nowhere'):
        as_user('alice', region_name='Nowhere').leases.list()


def test_name_that_is_too_long(as_user: AsUser, name: Name, slot: Slot) -> None:
    with pytest.raises(exception.ServerError) as caught:
        as_user('alice').leases.create(name() + 'n' * 300, *slot(), [HOSTS])
    assert caught.value.status == 500


@pytest.mark.parametrize('lease_id', ['', '.', '..', ' '])
def test_no_id(as_user: AsUser, lease_id: str) -> None:
    with pytest.raises(exception.InvalidInput, match='is not the ID of a lease'):
        as_user('alice').leases.get(lease_id)


def test_waiting_takes_too_long(lease: Lease) -> None:
    before = datetime.now(lease.start_date.tzinfo)
    with pytest.raises(exception.WaitTimeout, match='PENDING'):
        lease.wait('ACTIVE', timeout=1.5)
    assert datetime.now(before.tzinfo) - before < timedelta(seconds=5)
