"""Leases: what their methods send, and what they refuse."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception, times
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

NOW = datetime.datetime(2026, 11, 20, 15, 39, 10, tzinfo=datetime.UTC)
END = '2026-11-20T15:42:00.000000'


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the day of the recordings."""
    monkeypatch.setattr(times, 'utcnow', lambda: NOW)


@pytest.fixture
def lease(server: RecordedBlazar, client: ClientFactory) -> Lease:
    """A lease whose PUT answers what it was sent."""
    [wire] = server.leases(1, end_date=END, name='mine')
    server.hold([wire])

    def put(request: Request) -> Answer:
        changed = {**wire, **(request.json or {}), 'status': 'UPDATING'}
        return Answer(body={'lease': {**changed, 'reservations': wire['reservations']}})

    server.on('PUT', f'/v1/leases/{wire["id"]}', put)
    found = client().leases.get(wire['id'])
    server.forget()
    return found


def sent(server: RecordedBlazar) -> list[Any]:
    return [each.json for each in server.sent('PUT')]


@pytest.mark.parametrize(
    ('by', 'end'),
    [
        ('2h', '2026-11-20 17:42'),
        ('1d12h', '2026-11-22 03:42'),
        ('P1D', '2026-11-21 15:42'),
        ('30s', '2026-11-20 15:43'),
        (datetime.timedelta(minutes=3), '2026-11-20 15:45'),
        ('+2h', '2026-11-20 17:40'),
        ('2026-12-01', '2026-12-01 00:00'),
        ('2026-12-01 10:00', '2026-12-01 10:00'),
        ('2026-12-01T10:00:00+02:00', '2026-12-01 08:00'),
        (datetime.datetime(2026, 12, 1, 10, 0, 1, tzinfo=datetime.UTC), '2026-12-01 10:01'),
    ],
    ids=str,
)
def test_extend(server: RecordedBlazar, lease: Lease, by: Any, end: str) -> None:
    """By a duration from its end, or until a moment; one request."""
    assert lease.extend(by) is lease
    assert sent(server) == [{'end_date': end}]
    assert len(server.requests) == 1
    assert lease.status == 'UPDATING'


def test_reduce(server: RecordedBlazar, lease: Lease) -> None:
    """The same towards now."""
    lease.reduce('1m')
    lease.reduce('2026-11-20 15:40')
    assert sent(server) == [{'end_date': '2026-11-20 15:41'}, {'end_date': '2026-11-20 15:40'}]


@pytest.mark.parametrize(
    ('method', 'by', 'instead'),
    [
        (Lease.extend, '2026-11-20 15:41', 'reduce'),
        (Lease.extend, datetime.timedelta(minutes=-1), 'reduce'),
        (Lease.reduce, '2026-11-20 15:43', 'extend'),
        (Lease.reduce, datetime.timedelta(minutes=-1), 'extend'),
    ],
)
def test_the_other_way(
    server: RecordedBlazar, lease: Lease, method: Callable[..., Lease], by: Any, instead: str
) -> None:
    """To extend never takes time away: hosts would go while somebody works on them."""
    with pytest.raises(exception.InvalidInput, match=f'15:42 UTC now: if .* call {instead}'):
        method(lease, by)
    assert server.requests == []
    assert lease.changes() == {}


@pytest.mark.parametrize('method', [Lease.extend, Lease.reduce])
def test_neither_duration_nor_date(
    server: RecordedBlazar, lease: Lease, method: Callable[[Lease, str], Lease]
) -> None:
    """Nothing is sent, and nothing is changed."""
    with pytest.raises(exception.InvalidInput, match="'soon' is not a duration"):
        method(lease, 'soon')
    assert server.requests == []
    assert lease.changes() == {}


def test_extend_again_after_a_failure(server: RecordedBlazar, lease: Lease) -> None:
    """A second try asks for the same end, not for twice as much."""
    server.play('active-resize-too-many', path=f'/v1/leases/{lease.id}')
    with pytest.raises(exception.NotEnoughResources, match='Not enough hosts available'):
        lease.extend('2h')
    assert lease.changes() == {}
    assert lease['end_date'] == END
    lease.extend('2h')
    assert sent(server) == [{'end_date': '2026-11-20 17:42'}] * 2


def test_extend_what_was_listed_in_part(server: RecordedBlazar, lease: Lease) -> None:
    """What the list left out is asked for."""
    [part] = lease.client.leases.list(fields=['id'])
    part.extend('2h')
    assert sent(server) == [{'end_date': '2026-11-20 17:42'}]


@pytest.mark.parametrize('fields', [None, ['id', 'end_date', 'name']])
def test_changes_that_break_the_lease(
    server: RecordedBlazar, client: ClientFactory, lease: Lease, fields: list[str] | None
) -> None:
    """New dates of a flavor:instance lease are refused before the request, unless forced."""
    kind = {'id': 'R', 'resource_type': 'flavor:instance', 'amount': 1}
    server.hold([{**lease, 'reservations': [kind]}])
    [one] = client().leases.list(fields)
    with pytest.raises(exception.InvalidInput, match="end_date of the lease 'mine' would put it"):
        one.extend('1h')
    one.name = 'renamed'
    one.save()
    assert sent(server) == [{'name': 'renamed'}]
    server.forget()
    one.extend('1h', force=True)
    assert sent(server) == [{'end_date': '2026-11-20 16:42'}]


def test_methods(server: RecordedBlazar, lease: Lease) -> None:
    """Each sends one request, to the lease's own path."""
    path = f'/v1/leases/{lease.id}'
    lease.name = 'forgotten'
    assert lease.refresh() is lease
    assert lease.name == 'mine'
    lease.wait('active')
    assert lease.client.leases.update(lease.id, name='x')['name'] == 'x'
    server.on('DELETE', path, status=204)
    lease.delete()
    assert server.calls('reservation') == [
        f'{each} {path}' for each in ('GET', 'GET', 'PUT', 'DELETE')
    ]


def test_update(server: RecordedBlazar, lease: Lease) -> None:
    """Attributes go in the wire's form; what only the service sets, and nothing, is refused."""
    leases = lease.client.leases
    leases.update(
        lease.id,
        start_date=datetime.datetime(2026, 11, 20, 15, 39, 59, tzinfo=datetime.UTC),
        before_end_date='+1d',
        reservations=({'id': 'R', 'min': '2', 'hypervisor_properties': ['=', '$x', 1]},),
    )
    assert sent(server) == [
        {
            'start_date': 'now',
            'before_end_date': '2026-11-21 15:39',
            'reservations': [{'id': 'R', 'min': '2', 'hypervisor_properties': '["=", "$x", 1]'}],
        }
    ]
    server.forget()
    for bad, words in (
        ({'status': 'ACTIVE'}, r'Lease\.status is set by the service'),
        ({'events': []}, r'Lease\.events is set by the service'),
        ({'nmae': 'x'}, "did you mean 'name'"),
        ({'reservations': 'x'}, r"Lease\.reservations: 'x' is not a list of Reservation dicts"),
        ({'name': 7}, r'Lease\.name: 7 is not a text'),
        ({'end_date': 7}, r'Lease\.end_date: 7 is no time'),
        ({}, 'Nothing to change was given'),
    ):
        with pytest.raises(exception.InvalidInput, match=words):
            leases.update(lease.id, **bad)
    assert server.requests == []


def test_create(server: RecordedBlazar, client: ClientFactory) -> None:
    """Values of Python, of the command line and of the wire are all taken; an ID is sent along."""

    def post(request: Request) -> Answer:
        return Answer(201, {'lease': {**request.json, 'status': 'PENDING'}})

    server.on('POST', '/v1/leases', post)
    made = client().leases.create(
        name='n',
        start_date='now',
        end_date=datetime.datetime(2026, 11, 21, 15, 0, 1, tzinfo=datetime.UTC),
        reservations=[
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': ['>=', '$vcpus', '2'],
                'resource_properties': '',
            }
        ],
        events=[{'event_type': 'x', 'event_date': NOW}],
        before_end_date='2026-11-21 14:00',
    )
    [request] = server.sent('POST', '/v1/leases')
    body = request.json
    assert re.fullmatch(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-.*', body['id'])
    assert (body['start_date'], body['end_date']) == ('now', '2026-11-21 15:01')
    assert body['before_end_date'] == '2026-11-21 14:00'
    assert body['reservations'][0]['hypervisor_properties'] == '[">=", "$vcpus", "2"]'
    assert body['events'] == [{'event_type': 'x', 'event_date': '2026-11-20 15:39'}]
    assert (made.id, made.status) == (body['id'], 'PENDING')


def test_hosts(server: RecordedBlazar, client: ClientFactory) -> None:
    """The hosts that it holds: one request for the allocations, and one for each host."""
    mine = client('admin')
    lease = mine.leases.get('3740febe-ed91-4ea8-9a65-a2721db1c611')
    server.forget()
    hosts = lease.hosts()
    assert [type(each) for each in hosts] == [Host]
    assert server.calls('reservation') == [
        'GET /v1/os-hosts/allocations',
        f'GET /v1/os-hosts/{hosts[0].id}',
    ]


def test_round_about(server: RecordedBlazar, client: ClientFactory) -> None:
    """From a host to its allocations to their lease, without an ID passed around."""
    host = client('admin').hosts.get('1')
    [allocated] = host.allocations()
    lease = allocated.lease()
    assert type(lease) is Lease
    assert lease.id == allocated.lease_id
    assert lease.reservations[0].id == allocated.id
