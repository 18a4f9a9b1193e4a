"""Microversions 1.1 and up before a Blazar: who answers, in which form, and what it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from blazarclient import testing
from tests import recordings
from tests.unit.server.backends.gateway import VERSION, Gateway, Reply, gateway, get
from tests.unit.server.backends.upstream import Upstream, told

LEASE = recordings.load('lease-show-own-id')


@pytest.fixture(scope='module')
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope='module')
def gate(upstream: Upstream) -> Iterator[Gateway]:
    with gateway(upstream.url) as running:
        yield running


@pytest.fixture(scope='module')
def box() -> Iterator[testing.Sandbox]:
    with testing.sandbox(hosts=2, seed='demo', speed=0) as running:
        yield running


@pytest.fixture(scope='module')
def before(box: testing.Sandbox) -> Iterator[Gateway]:
    """The gateway before a sandbox."""
    with gateway(box.url) as running:
        yield running


def answer(status: str, content: Any, *headers: str) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    lines = [f'HTTP/1.1 {status}', f'Content-Length: {len(text)}', *headers]
    if not any(each.startswith('Content-Type') for each in headers):
        lines.append('Content-Type: application/json')
    return '\r\n'.join([*lines, '', '']).encode() + text


def error(reply: Reply) -> dict[str, Any]:
    """The error in an answer, which says it in both forms."""
    said = reply.body
    assert set(said) == {'errors', 'error_code', 'error_message', 'error_name'}
    (only,) = said['errors']
    assert only['status'] == said['error_code'] == reply.status
    assert only['detail'] == said['error_message']
    assert only['request_id'] == reply.headers['x-openstack-request-id']
    found: dict[str, Any] = only
    return found


# ------------------------------------------------------------------- who answers


@pytest.mark.parametrize(
    'header',
    [None, '', 'reservation 1.0', 'compute 2.1', 'RESERVATION 1.0, compute 2.90', 'reservation'],
)
def test_blazar_itself(header: str | None, upstream: Upstream, gate: Gateway) -> None:
    """Who asks for nothing new gets what Blazar says, without a word of the gateway."""
    upstream.answer = answer('200 OK', {'leases': []}, 'OpenStack-API-Version: reservation 1.0')
    headers = {} if header is None else {VERSION: header}
    reply = gate('/v1/leases', user='nobody', headers=headers)
    assert (reply.status, reply.text) == (200, b'{"leases": []}')
    assert ('x-auth-token', 'nobody') in told(upstream.asked[-1])
    assert dict(told(upstream.asked[-1])).get(VERSION.lower()) == header


@pytest.mark.parametrize('path', ['/', '/versions', '/v2', '/v2/leases', '/v11', '/x'])
def test_what_has_no_microversion(path: str, upstream: Upstream, gate: Gateway) -> None:
    """Outside of version 1 the header means nothing."""
    upstream.answer = answer('404 NOT FOUND', {})
    assert gate(path, microversion='1.2').status == 404
    assert upstream.asked[-1].start == f'GET {path} HTTP/1.1'


@pytest.mark.parametrize(
    ('header', 'spoken'),
    [
        ('reservation 1.1', '1.1'),
        ('reservation 1.2', '1.2'),
        ('reservation latest', '1.2'),
        ('compute 2.1, reservation 1.0, Reservation 1.1', '1.1'),
    ],
)
def test_this_service(header: str, spoken: str, upstream: Upstream, gate: Gateway) -> None:
    """The last entry counts, and the answer says what it speaks."""
    upstream.answer = LEASE.raw
    reply = gate('/v1/leases/x', headers={VERSION: header})
    assert reply.status == 200
    assert reply.headers[VERSION] == f'reservation {spoken}'
    assert reply.headers.get_all('Vary') == [VERSION]
    assert dict(told(upstream.asked[-1]))[VERSION.lower()] == 'reservation 1.0'


def test_what_is_wrong_with_the_version(upstream: Upstream, gate: Gateway) -> None:
    """No token comes first; then what is no version, and what cannot be had, in Blazar's words."""
    asked = len(upstream.asked)
    assert gate('/v1/leases', user='nobody', microversion='9.9').status == 401
    reply = gate('/v1/leases', microversion='9.9')
    assert reply.status == 406
    sentence = 'Version 9.9 is not supported by the API. Minimum is 1.0 and maximum is 1.2.'
    assert (reply.body['error'], reply.body['error_message']) == (406, sentence)
    (only,) = reply.body['errors']
    assert (only['min_version'], only['max_version']) == ('1.0', '1.2')
    reply = gate('/v1/leases', microversion='abc')
    assert (reply.status, reply.body['error']) == (400, 400)
    assert len(upstream.asked) == asked


def test_a_pin(upstream: Upstream) -> None:
    """What is newer than the pin cannot be had; ``latest`` is the pin."""
    with gateway(upstream.url, pin='1.1') as pinned:
        upstream.answer = LEASE.raw
        assert pinned('/v1/leases/x', microversion='latest').headers[VERSION] == 'reservation 1.1'
        assert pinned('/v1/leases/x', microversion='1.2').status == 406
        upstream.answer = answer('300 MULTIPLE CHOICES', {'versions': [{'id': 'v1.0'}]})
        assert pinned('/').body['versions'][0]['max_version'] == '1.1'


@pytest.mark.parametrize('method', ['PUT', 'DELETE', 'PATCH'])
def test_own_paths_are_never_blazars(method: str, upstream: Upstream, gate: Gateway) -> None:
    """A method that this service does not have there is no method of Blazar's."""
    asked = len(upstream.asked)
    reply = gate('/v1/subscriptions', method=method, values={}, microversion='1.2')
    assert error(reply)['code'] == 'reservation.method-not-allowed'
    assert 'POST' in reply.headers['Allow']
    assert len(upstream.asked) == asked


# --------------------------------------------------------------------- the request


def test_the_users_own_request(upstream: Upstream, gate: Gateway) -> None:
    """Target, token and what else the client said reach Blazar; what Keystone said does not."""
    upstream.answer = answer('200 OK', {'hosts': []})
    reply = gate(
        '/v1/os-hosts/a%2Fb//c?x=%zz',
        microversion='1.1',
        headers={'X-Service-Token': 's', 'Accept-Encoding': 'gzip', 'X-Roles': 'admin'},
    )
    assert reply.body == {'hosts': []}
    got = upstream.asked[-1]
    assert got.start == 'GET /v1/os-hosts/a%2Fb//c?x=%zz HTTP/1.1'
    sent = dict(told(got))
    assert sent.pop('x-openstack-request-id') == reply.headers['x-openstack-request-id']
    assert sent == {
        'accept': 'application/json',
        'host': f'127.0.0.1:{gate.port}',
        'openstack-api-version': 'reservation 1.0',
        'x-auth-token': 'alice',
        'x-roles': 'admin',
        'x-service-token': 's',
    }


def test_a_body(upstream: Upstream, gate: Gateway) -> None:
    """It reaches Blazar as it is."""
    upstream.answer = answer('201 CREATED', {'host': {'created_at': '2026-11-20 15:38:28'}})
    reply = gate('/v1/os-hosts', method='POST', values={'name': 'ä'}, microversion='1.1')
    assert reply.status == 201
    assert reply.body == {'host': {'created_at': '2026-11-20T15:38:28Z'}}
    assert upstream.asked[-1].body == json.dumps({'name': 'ä'}).encode()
    assert upstream.asked[-1].headers['Content-Type'] == 'application/json'


# ---------------------------------------------------------------------- the answer


def test_headers(upstream: Upstream, gate: Gateway) -> None:
    """Blazar's own come back, but for those that this service says of its answer."""
    upstream.answer = answer(
        '200 OK',
        {},
        'Vary: x',
        'OpenStack-API-Version: reservation 1.0',
        'x-openstack-request-id: req-theirs',
        'X-A: 1',
        'X-A: 2',
    )
    reply = gate('/v1/os-hosts', microversion='1.1')
    assert reply.headers.get_all('X-A') == ['1', '2']
    assert reply.headers.get_all('Vary') == [VERSION]
    assert reply.headers.get_all(VERSION) == ['reservation 1.1']
    assert 'req-theirs' not in str(reply.headers)


def test_nothing(upstream: Upstream, gate: Gateway) -> None:
    """A 204 stays one, and HEAD has no body."""
    upstream.answer = b'HTTP/1.1 204 NO CONTENT\r\nContent-Type: application/json\r\n\r\n'
    reply = gate('/v1/leases/x', method='DELETE', microversion='1.1')
    assert (reply.status, reply.text) == (204, b'')
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 5061\r\n\r\n'
    for path in ('/v1/leases', '/v1/leases/x', '/v1/os-hosts'):
        reply = gate(path, method='HEAD', microversion='1.1')
        assert (reply.status, reply.text) == (200, b'')


@pytest.mark.parametrize(
    ('raw', 'status', 'code', 'sentence'),
    [
        (
            answer(
                '400 BAD REQUEST', {'error_code': 400, 'error_message': 'No.', 'error_name': 400}
            ),
            400,
            'reservation.invalid-input',
            'No.',
        ),
        (
            answer('404 NOT FOUND', {'error': 404, 'error_message': 'No such.'}),
            404,
            'reservation.not-found',
            'No such.',
        ),
        (
            answer(
                '401 Unauthorized', {'error': {'code': 401, 'title': 'T', 'message': 'Log in.'}}
            ),
            401,
            'reservation.unauthorized',
            'Log in.',
        ),
        (
            answer('500 X', {'error_code': 500, 'error_message': 'Not enough hosts available'}),
            409,
            'reservation.not-enough-hosts',
            'Not enough hosts available',
        ),
        (
            answer('503 Unavailable', b'<html>secret.internal</html>', 'Content-Type: text/html'),
            503,
            'reservation.busy',
            'Unavailable',
        ),
        (answer('777 What', b''), 502, 'reservation.bad-gateway', 'What'),
        (
            answer('500 ', b'[1]'),
            500,
            'reservation.internal-error',
            'Blazar refuses without a word.',
        ),
    ],
)
def test_errors(
    raw: bytes, status: int, code: str, sentence: str, upstream: Upstream, gate: Gateway
) -> None:
    """Whatever form Blazar gives it, an error has that of 1.1."""
    upstream.answer = raw
    reply = gate('/v1/os-hosts', microversion='1.1')
    assert reply.status == status
    said = error(reply)
    assert (said['code'], said['detail']) == (code, sentence)
    assert reply.headers[VERSION] == 'reservation 1.1'


@pytest.mark.parametrize(('method', 'status'), [('POST', 400), ('DELETE', 500)])
def test_whose_fault(method: str, status: int, upstream: Upstream, gate: Gateway) -> None:
    """With one sentence Blazar says that a property is unknown, and that two deletions met."""
    sentence = 'BlazarDBNotFound: A database error occurred'
    upstream.answer = answer('500 X', {'error_code': 500, 'error_message': sentence})
    reply = gate('/v1/leases/some', method=method, microversion='1.1')
    assert (reply.status, error(reply)['detail']) == (status, sentence)


def test_what_an_error_says_besides(upstream: Upstream, gate: Gateway) -> None:
    """When to come again, and where to log in."""
    upstream.answer = answer('503 X', {}, 'Retry-After: 7', 'WWW-Authenticate: Keystone uri="k"')
    reply = gate('/v1/leases', microversion='1.1')
    assert reply.headers.get_all('Retry-After') == ['7']
    assert reply.headers['WWW-Authenticate'] == 'Keystone uri="k"'


def test_another_projects_lease(upstream: Upstream, gate: Gateway) -> None:
    """From 1.1 on there is none; whoever may do nothing at all is told that."""
    upstream.answer = recordings.load('lease-show-bob-403').raw
    for method in ('GET', 'PUT', 'DELETE'):
        values = {'name': 'x'} if method == 'PUT' else None
        reply = gate('/v1/leases/x', method=method, values=values, microversion='1.1')
        assert reply.status == 404
        assert error(reply)['code'] == 'reservation.not-found'
    reply = gate('/v1/leases', microversion='1.1')
    assert (reply.status, error(reply)['code']) == (403, 'reservation.policy-forbidden')


def test_something_else_than_json(upstream: Upstream, gate: Gateway) -> None:
    """It is not passed on as if it were an answer."""
    upstream.answer = answer('200 OK', b'<html>', 'Content-Type: text/html')
    for path in ('/v1/os-hosts', '/v1/leases/x', '/v1/leases'):
        reply = gate(path, microversion='1.1')
        assert (reply.status, error(reply)['code']) == (502, 'reservation.bad-gateway')


def test_no_answer(upstream: Upstream, gate: Gateway) -> None:
    """It is told in the form of 1.1, and nothing of where Blazar is."""
    upstream.answer = lambda connection, message: False
    for path in ('/v1/os-hosts', '/v1/leases/x', '/v1/leases'):
        reply = gate(path, microversion='1.1')
        assert (reply.status, error(reply)['code']) == (502, 'reservation.bad-gateway')
        assert upstream.url.removeprefix('http://') not in reply.text.decode()


# -------------------------------------------------------------- before a sandbox


@pytest.mark.parametrize('user', ['alice', 'rita', 'bob', 'admin', 'nobody'])
@pytest.mark.parametrize(
    'path',
    [
        '/v1/leases',
        '/v1/leases/7',
        '/v1/leases?x=1',
        '/v1/leases/',
        '/v1/os-hosts',
        '/v1/os-hosts/1',
        '/v1/os-hosts/allocations',
        '/v1/os-hosts/properties?detail=1',
        '/v1/floatingips',
        '/v1',
        '/v2',
        '/v1/subscriptions',
    ],
)
def test_the_same_as_without_it(
    path: str, user: str, box: testing.Sandbox, before: Gateway
) -> None:
    """At 1.0 the answer is the same bytes, whoever asks."""
    port = int(box.url.rpartition(':')[2])
    direct, through = get(port, path, user=user), before(path, user=user)
    assert (direct.status, direct.text) == (through.status, through.text)
    for name in ('Content-Type', 'Vary', VERSION, 'WWW-Authenticate', 'Allow'):
        assert direct.headers.get_all(name) == through.headers.get_all(name)


@pytest.mark.parametrize('user', ['alice', 'bob', 'admin'])
@pytest.mark.parametrize(
    'path', ['/v1/leases', '/v1/os-hosts', '/v1/os-hosts/allocations', '/v1/floatingips', '/v1/x']
)
def test_the_same_as_a_sandbox_says(
    path: str, user: str, box: testing.Sandbox, before: Gateway
) -> None:
    """At 1.1 the gateway before a service and the service itself answer alike."""
    port = int(box.url.rpartition(':')[2])
    direct = get(port, path, user=user, microversion='1.1')
    through = before(path, user=user, microversion='1.1')
    assert direct.status == through.status
    first, second = direct.body, through.body
    for said in (first, second):
        for each in said.get('errors', ()):
            each.pop('request_id')
    if path != '/v1/x':
        assert first == second
    for name in ('Content-Type', 'Vary', VERSION):
        assert direct.headers.get_all(name) == through.headers.get_all(name)
