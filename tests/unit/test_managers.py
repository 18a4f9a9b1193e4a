"""Calls in upstream's style send what python-blazarclient 4.6.0 sends.

The requests below were written down while 4.6.0 made these calls, not while this client did.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.client import Client
from blazarclient.managers import NOTHING_TO_UPDATE, PropertyWithValues
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from blazarclient.resources.property import ResourceProperty
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

LEASE = {
    'id': 'L',
    'name': 'n',
    'start_date': '2026-11-20T15:38:00.000000',
    'end_date': '2026-11-20T15:42:00.000000',
    'reservations': [],
    'events': [],
}
HOST_RESERVATION = {
    'resource_type': 'physical:host',
    'min': '1',
    'max': '2',
    'hypervisor_properties': '',
    'resource_properties': '',
}
EVENT = {'event_type': 'x', 'event_date': '2029-12-31 23:00'}


@pytest.fixture
def service(server: RecordedBlazar) -> RecordedBlazar:
    """A service that answers every call with something of its kind."""

    def answer(request: Request) -> Answer:
        prop: dict[str, Any] = {'property': 'gpu', 'private': False}
        if 'detail' in request.query:
            prop['values'] = ['True']
        return Answer(
            body={
                'lease': LEASE,
                'leases': [{**LEASE, 'name': 'b'}, {'id': 'K'}, {**LEASE, 'name': 'a'}],
                'host': {'id': '1'},
                'hosts': [{'id': '2'}, {'id': '1'}],
                'floatingip': {'id': 'F'},
                'floatingips': [{'id': 'G'}, {'id': 'F'}],
                'allocation': {'resource_id': '1', 'reservations': []},
                'allocations': [{'resource_id': '2', 'reservations': []}],
                'resource_properties': [prop],
                'resource_property': {'id': 'P'},
            }
        )

    for method in ('GET', 'POST', 'PUT', 'PATCH'):
        server.on(method, re.compile('/v1/.*'), answer)
    server.on('DELETE', re.compile('/v1/.*'), status=204)
    return server


#: A call, and the requests that 4.6.0 makes for it.
CALLS: list[tuple[Callable[[Client], object], list[tuple[str, str, Any]]]] = [
    (
        lambda c: c.lease.create(
            'n', 'now', '2030-01-01 00:00', [HOST_RESERVATION], [], '2029-12-31 23:00'
        ),
        [
            (
                'POST',
                '/v1/leases',
                {
                    'name': 'n',
                    'start_date': 'now',
                    'end_date': '2030-01-01 00:00',
                    'reservations': [HOST_RESERVATION],
                    'events': [],
                    'before_end_date': '2029-12-31 23:00',
                },
            )
        ],
    ),
    (
        lambda c: c.lease.create(
            name='n',
            start='2030-01-01 00:00',
            end='2030-01-02 00:00',
            reservations=[],
            events=[EVENT],
            before_end=None,
        ),
        [
            (
                'POST',
                '/v1/leases',
                {
                    'name': 'n',
                    'start_date': '2030-01-01 00:00',
                    'end_date': '2030-01-02 00:00',
                    'reservations': [],
                    'events': [EVENT],
                    'before_end_date': None,
                },
            )
        ],
    ),
    (
        lambda c: c.lease.create('n', 'now', 'e', ({'a': 1},), ()),
        [
            (
                'POST',
                '/v1/leases',
                {
                    'name': 'n',
                    'start_date': 'now',
                    'end_date': 'e',
                    'reservations': [{'a': 1}],
                    'events': [],
                    'before_end_date': None,
                },
            )
        ],
    ),
    (lambda c: c.lease.get('L'), [('GET', '/v1/leases/L', None)]),
    (lambda c: c.lease.list(), [('GET', '/v1/leases', None)]),
    (lambda c: c.lease.list(sort_by='id'), [('GET', '/v1/leases', None)]),
    (lambda c: c.lease.delete('L'), [('DELETE', '/v1/leases/L', None)]),
    (lambda c: c.lease.update('L'), []),
    (lambda c: c.lease.update('L', name=''), []),
    (lambda c: c.lease.update('L', prolong_for=''), []),
    (lambda c: c.lease.update('L', name='x'), [('PUT', '/v1/leases/L', {'name': 'x'})]),
    (
        lambda c: c.lease.update('L', reservations=[{'id': 'R', 'min': '1'}]),
        [('PUT', '/v1/leases/L', {'reservations': [{'id': 'R', 'min': '1'}]})],
    ),
    (
        lambda c: c.lease.update('L', 'x', '1h', None, None, None, '1h', None, [{'id': 'R'}]),
        [
            ('GET', '/v1/leases/L', None),
            (
                'PUT',
                '/v1/leases/L',
                {
                    'name': 'x',
                    'end_date': '2026-11-20 16:42',
                    'start_date': '2026-11-20 16:38',
                    'reservations': [{'id': 'R'}],
                },
            ),
        ],
    ),
    (lambda c: c.host.create('h'), [('POST', '/v1/os-hosts', {'name': 'h'})]),
    (
        lambda c: c.host.create(name='h', vcpus='4', extra='x', reservable=None),
        [
            (
                'POST',
                '/v1/os-hosts',
                {'name': 'h', 'vcpus': '4', 'extra': 'x', 'reservable': None},
            )
        ],
    ),
    (lambda c: c.host.get('1'), [('GET', '/v1/os-hosts/1', None)]),
    (lambda c: c.host.get(1), [('GET', '/v1/os-hosts/1', None)]),  # type: ignore[arg-type]
    (lambda c: c.host.update('1', {}), []),
    (
        lambda c: c.host.update('1', {'vcpus': '4', 'gpu': None, 'reservable': 'False'}),
        [('PUT', '/v1/os-hosts/1', {'vcpus': '4', 'gpu': None, 'reservable': 'False'})],
    ),
    (
        lambda c: c.host.update(host_id='1', values={'created_at': 'y', 'status': 'x'}),
        [('PUT', '/v1/os-hosts/1', {'created_at': 'y', 'status': 'x'})],
    ),
    (lambda c: c.host.delete('1'), [('DELETE', '/v1/os-hosts/1', None)]),
    (lambda c: c.host.list(sort_by='id'), [('GET', '/v1/os-hosts', None)]),
    (lambda c: c.host.list_properties(), [('GET', '/v1/os-hosts/properties', None)]),
    (
        lambda c: c.host.list_properties(detail=True, all=True, sort_by='property'),
        [('GET', '/v1/os-hosts/properties?detail=True&all=True', None)],
    ),
    (
        lambda c: c.host.list_properties(all=True),
        [('GET', '/v1/os-hosts/properties?all=True', None)],
    ),
    (
        lambda c: c.host.get_property('gpu'),
        [('GET', '/v1/os-hosts/properties?detail=True', None)],
    ),
    (
        lambda c: c.host.set_property('gpu', True),
        [('PATCH', '/v1/os-hosts/properties/gpu', {'private': True})],
    ),
    (
        lambda c: c.host.set_property('a b', private=False),
        [('PATCH', '/v1/os-hosts/properties/a%20b', {'private': False})],
    ),
    (
        lambda c: c.floatingip.create('net', '1.2.3.4'),
        [
            (
                'POST',
                '/v1/floatingips',
                {'floating_network_id': 'net', 'floating_ip_address': '1.2.3.4'},
            )
        ],
    ),
    (
        lambda c: c.floatingip.create(network_id='net', floating_ip_address='1.2.3.4', foo='bar'),
        [
            (
                'POST',
                '/v1/floatingips',
                {'floating_network_id': 'net', 'floating_ip_address': '1.2.3.4', 'foo': 'bar'},
            )
        ],
    ),
    (lambda c: c.floatingip.get('F'), [('GET', '/v1/floatingips/F', None)]),
    (lambda c: c.floatingip.list(sort_by='id'), [('GET', '/v1/floatingips', None)]),
    (lambda c: c.floatingip.delete('F'), [('DELETE', '/v1/floatingips/F', None)]),
    (lambda c: c.allocation.get('os-hosts', '1'), [('GET', '/v1/os-hosts/1/allocation', None)]),
    (
        lambda c: c.allocation.list(resource='os-hosts', sort_by='resource_id'),
        [('GET', '/v1/os-hosts/allocations', None)],
    ),
]
#: Arguments of lease.update that move a date, and what 4.6.0 sends for LEASE above.
MOVES = [
    ({'prolong_for': '1h'}, {'end_date': '2026-11-20 16:42'}),
    ({'prolong_for': '2d'}, {'end_date': '2026-11-22 15:42'}),
    ({'prolong_for': '90s'}, {'end_date': '2026-11-20 15:43'}),
    ({'prolong_for': '1w'}, {'end_date': '2026-11-27 15:42'}),
    ({'reduce_by': '1h'}, {'end_date': '2026-11-20 14:42'}),
    ({'end_date': '2030-01-01 00:00'}, {'end_date': '2030-01-01 00:00'}),
    ({'prolong_for': '1h', 'end_date': '2030-01-01 00:00'}, {'end_date': '2030-01-01 00:00'}),
    ({'prolong_for': '1h', 'reduce_by': '2h'}, {'end_date': '2026-11-20 16:42'}),
    ({'defer_by': '1h'}, {'start_date': '2026-11-20 16:38'}),
    ({'advance_by': '2m'}, {'start_date': '2026-11-20 15:36'}),
    ({'start_date': '2030-01-01 00:00'}, {'start_date': '2030-01-01 00:00'}),
]


def sent(service: RecordedBlazar) -> list[tuple[str, str, Any]]:
    return [
        (each.method, each.raw_path + (f'?{each.query}' if each.query else ''), each.json)
        for each in service.requests
        if each.service == 'reservation'
    ]


@pytest.mark.parametrize(('call', 'expected'), CALLS, ids=range(len(CALLS)))
def test_requests(
    service: RecordedBlazar,
    client: ClientFactory,
    call: Callable[[Client], object],
    expected: list[tuple[str, str, Any]],
) -> None:
    """Method, path, query and body, also the order of the body's keys."""
    result = call(client())
    assert sent(service) == expected
    bodies = [each.body for each in service.requests if each.service == 'reservation' and each.body]
    assert list(map(json.loads, bodies)) == [body for _, _, body in expected if body is not None]
    for body, (_, _, known) in zip(bodies, [each for each in expected if each[2]], strict=True):
        assert list(json.loads(body)) == list(known)
    if not expected:
        assert result == NOTHING_TO_UPDATE == 'No values to update passed.'


@pytest.mark.parametrize(('given', 'expected'), MOVES, ids=str)
def test_moved_dates(
    service: RecordedBlazar, client: ClientFactory, given: dict[str, str], expected: object
) -> None:
    """A duration is counted from the lease's own date, which is read first where needed."""
    client().lease.update('L', **given)  # type: ignore[arg-type]
    *before, last = sent(service)
    assert last == ('PUT', '/v1/leases/L', expected)
    assert before in ([], [('GET', '/v1/leases/L', None)])


@pytest.mark.parametrize(
    ('given', 'words'),
    [({'prolong_for': '1x'}, "'1x' is not a duration"), ({'end_date': 'soon'}, "'soon' is not a")],
)
def test_bad_dates(
    service: RecordedBlazar, client: ClientFactory, given: dict[str, Any], words: str
) -> None:
    """They are the client's own error and no change is sent, as upstream; and say what is right."""
    with pytest.raises(exception.InvalidInput, match=words):
        client().lease.update('L', **given)
    assert not service.sent('PUT')


def test_results_are_dicts_and_resources(service: RecordedBlazar, client: ClientFactory) -> None:
    """What a program for 4.6.0 does with them works, and so do attributes."""
    mine = client()
    lease = mine.lease.get('L')
    assert lease == LEASE
    assert type(lease) is Lease
    assert lease.end_date.minute == 42
    assert type(mine.host.get('1')) is Host
    assert type(mine.lease.list()) is list


def test_properties_have_upstreams_keys(service: RecordedBlazar, client: ClientFactory) -> None:
    """The values stand under property_values, for keys and attributes alike."""
    found = client().host.get_property('gpu')
    assert found == {'property': 'gpu', 'private': False, 'property_values': ['True']}
    assert found.property_values == ['True']
    assert isinstance(found, ResourceProperty)
    assert type(found) is PropertyWithValues
    [short] = client().host.list_properties()
    assert short == {'property': 'gpu', 'private': False}
    assert not short.is_set('property_values')
    with pytest.raises(exception.ResourcePropertyNotFound, match="'nope'"):
        client().host.get_property('nope')


def test_sorting(service: RecordedBlazar, client: ClientFactory) -> None:
    """By any key; what lacks it comes first, where upstream ended with KeyError."""
    mine = client()
    assert [each.get('name') for each in mine.lease.list(sort_by='name')] == [None, 'a', 'b']
    assert [each['id'] for each in mine.host.list(sort_by='id')] == ['1', '2']
    assert [each['id'] for each in mine.floatingip.list(sort_by='id')] == ['F', 'G']
    assert [each.get('name') for each in mine.lease.list()] == ['b', None, 'a']


def test_only_hosts_have_allocations(server: RecordedBlazar, client: ClientFactory) -> None:
    """Another resource is refused before any request."""
    for call in (client().allocation.list, lambda kind: client().allocation.get(kind, '1')):
        with pytest.raises(exception.InvalidInput, match=r"'hosts' is not .* expected os-hosts"):
            call('hosts')
    assert server.requests == []


def test_plain_requests(service: RecordedBlazar, client: ClientFactory) -> None:
    """request_manager of every manager sends what it is given and returns answer and body."""
    mine = client()
    for manager in (mine.lease, mine.host, mine.floatingip, mine.allocation):
        manager_of_requests = manager.request_manager
        response, body = manager_of_requests.get('/leases')
        assert (response.status_code, body['lease']) == (200, LEASE)
        assert manager_of_requests.request('/leases', 'GET')[1] == body
        assert manager_of_requests.post('/leases', body={'a': 1})[1] == body
        assert manager_of_requests.put('/leases/x', {'a': 2})[1] == body
        assert manager_of_requests.patch('/leases/x', {'a': 3})[1] == body
        response, body = manager_of_requests.delete('/leases/x')
        assert (response.status_code, body) == (204, None)
        assert [each[0] for each in sent(service)] == [
            'GET',
            'GET',
            'POST',
            'PUT',
            'PATCH',
            'DELETE',
        ]
        assert [each[2] for each in sent(service)][2:5] == [{'a': 1}, {'a': 2}, {'a': 3}]
        service.forget()


def test_errors_of_plain_requests(server: RecordedBlazar, client: ClientFactory) -> None:
    """They are upstream's class, with the status as code."""
    server.play('lease-show-404')
    with pytest.raises(exception.BlazarClientException) as raised:
        client().lease.request_manager.get('/leases/00000000-0000-0000-0000-000000000000')
    assert raised.value.kwargs['code'] == raised.value.code == 404
