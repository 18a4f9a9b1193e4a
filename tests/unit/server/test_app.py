"""The reservation API as a WSGI application, held against what a real Blazar answered."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from blazarclient.server import errors
from blazarclient.server.api import rest
from blazarclient.server.app import LONGEST_BODY, Identity, create_app
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease import Lease
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.policy import Policy
from blazarclient.server.store import clock as stored_clock
from blazarclient.server.store import surroundings
from blazarclient.server.store.database import Database
from tests import recordings
from tests.identity import USERS

KEYSTONE = 'http://127.0.0.1:5000/identity'
LEASE = {
    'name': 'first',
    'start_date': '2030-01-01 10:00',
    'end_date': '2030-01-01 12:00',
    'reservations': [],
    'events': [],
}
UNKNOWN = '00000000-0000-0000-0000-000000000000'

Call = Callable[..., TestResponse]


def authenticate(headers: Headers) -> Identity | None:
    """A token is the user's name."""
    user = USERS.get(headers.get('X-Auth-Token', ''))
    if user is None:
        return None
    return Identity(user.id, user.project_id, frozenset(user.roles), user.name)


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database('sqlite://')
    made.upgrade()
    yield made
    made.dispose()


@pytest.fixture
def woken() -> list[str]:
    """Gets an entry whenever the application wakes the scheduler."""
    return []


@pytest.fixture
def app(database: Database, woken: list[str]) -> flask.Flask:
    return create_app(
        database,
        Policy(),
        Settings(),
        authenticate,
        identity_url=KEYSTONE,
        wake=lambda: woken.append('woken'),
    )


@pytest.fixture
def web(app: flask.Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def call(web: FlaskClient) -> Call:
    """Send a request as a user, alice by default."""

    def send(method: str, path: str, user: str | None = 'alice', **options: Any) -> TestResponse:
        headers = {**options.pop('headers', {})}
        if user is not None:
            headers['X-Auth-Token'] = user
        return web.open(
            path, method=method, headers=headers, base_url='http://127.0.0.1:1234', **options
        )

    return send


@pytest.fixture
def lease_id(call: Call) -> str:
    """A lease of alice's."""
    made = call('POST', '/v1/leases', json=LEASE)
    assert made.status_code == 201, made.text
    return str(made.get_json()['lease']['id'])


# ------------------------------------------------------------------ recordings

#: What was recorded and needs neither a host nor a lease; the answer has to be the same text.
SAME_TEXT = (
    'discovery-root-bad-token',
    'discovery-root-no-token',
    'discovery-root-token',
    'discovery-v1-no-token',
    'discovery-v1-slash-token',
    'discovery-v1-token',
    'discovery-v2-token',
    'discovery-versions-token',
    'floatingip-create-alice-403',
    'floatingip-create-missing',
    'floatingip-create-missing-network-400',
    'floatingip-list',
    'floatingip-show-404',
    'host-allocation-404',
    'host-create-no-name',
    'host-create-unknown-hypervisor',
    'host-properties-alice',
    'host-property-private-alice',
    'host-show-404',
    'host-update-404',
    'host-update-alice-403',
    'hosts-list-alice-403',
    'lease-create-bad-date-iso',
    'lease-create-bad-date-seconds',
    'lease-create-empty-body',
    'lease-create-json-array',
    'lease-create-microversion-9.9-406',
    'lease-create-no-content-length',
    'lease-create-not-json',
    'lease-create-rita-403',
    'lease-create-wrapped-in-lease',
    'lease-create-wrong-content-type',
    'lease-show-404',
    'lease-show-404-bob',
    'lease-update-404',
    'leases-list-trailing-slash',
    'leases-no-token',
    'method-not-allowed-405',
    'microversion-9.9-no-token',
    'microversion-bad-on-root',
    'microversion-reservation-1',
    'microversion-reservation-1.1',
    'microversion-reservation-9.9',
    'microversion-reservation-abc',
    'options-leases',
    'property-patch-404',
    'unknown-path-404',
)
#: The lists of leases, of which the head is compared.
SAME_HEAD = (
    'accept-application-xml-200',
    'accept-html',
    'accept-json-q',
    'accept-star',
    'accept-xml',
    'head-leases',
    'leases-list',
    'leases-list-admin',
    'leases-list-admin-all_tenants',
    'leases-list-bob',
    'leases-list-json-suffix',
    'leases-list-query',
    'microversion-1.0',
    'microversion-compute-2.60',
    'microversion-reservation-1.0',
    'microversion-reservation-latest',
)
#: What has to be the same; of the request's ID, whether there is one.
_HEADERS = ('Content-Type', 'Vary', 'OpenStack-API-Version', 'WWW-Authenticate')


def replay(call: Call, name: str) -> tuple[TestResponse, recordings.Recording]:
    """Send what was recorded, and look at status and headers."""
    recording = recordings.load(name)
    answer = call(
        recording.method,
        recording.target,
        user=recording.user,
        headers=dict(recording.request_headers),
        data=recording.request_body,
    )
    assert answer.status_code == recording.status, answer.text
    for each in _HEADERS:
        assert answer.headers.get(each) == recording.header(each), each
    assert bool(answer.headers.get('x-openstack-request-id')) == bool(recording.request_id)
    return answer, recording


@pytest.mark.parametrize('name', SAME_TEXT)
def test_answers_what_blazar_answered(call: Call, name: str) -> None:
    """Status, headers and body are those of the recording."""
    answer, recording = replay(call, name)
    assert answer.data == recording.body.rstrip(b'\n')


@pytest.mark.parametrize('name', SAME_HEAD)
def test_lists_as_blazar(call: Call, lease_id: str, name: str) -> None:
    """Queries and Accept headers change nothing, as in Blazar; a HEAD has no body."""
    answer, recording = replay(call, name)
    if recording.method == 'HEAD':
        assert answer.data == b''
        assert answer.content_length == len(call('GET', '/v1/leases').data)
    else:
        mine = [] if recording.user == 'bob' else [lease_id]
        assert [lease['id'] for lease in answer.get_json()['leases']] == mine


def test_without_accept_there_is_an_answer(call: Call, web: FlaskClient) -> None:
    """Blazar closes the connection; nobody misses that."""
    answer = call('GET', '/v1/leases')
    assert (answer.status_code, answer.mimetype) == (200, 'application/json')


# --------------------------------------------------------------- one after another


def test_a_lease_through_its_life(call: Call) -> None:
    """Create, show, list, change and delete answer with Blazar's statuses."""
    made = call('POST', '/v1/leases', json=LEASE)
    assert made.status_code == 201
    lease = made.get_json()['lease']
    path = f'/v1/leases/{lease["id"]}'
    shown = call('GET', path).get_json()
    assert call('GET', f'{path}.json').get_json() == shown
    assert call('GET', '/v1/leases').get_json() == {'leases': [shown['lease']]}
    # As in Blazar the events come in any order.
    for each in (lease, shown['lease']):
        each['events'].sort(key=itemgetter('id'))
    assert shown == {'lease': lease}
    changed = call('PUT', path, json={'name': 'other'})
    assert (changed.status_code, changed.get_json()['lease']['name']) == (200, 'other')
    gone = call('DELETE', path)
    assert (gone.status_code, gone.data) == (204, b'')
    assert gone.headers['OpenStack-API-Version'] == 'reservation 1.0'
    assert call('DELETE', path).status_code == 404


def test_a_host_through_its_life(call: Call, database: Database) -> None:
    """Create, show, list, change, look at its allocations and properties, and delete."""
    machine = {
        'id': '1',
        'hypervisor_hostname': 'compute-1',
        'vcpus': 8,
        'memory_mb': 16384,
        'local_gb': 200,
        'availability_zone': 'nova',
    }
    with database.transaction() as connection:
        surroundings.insert_hypervisors(connection, [machine])

    def ask(method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = call(method, f'/v1/os-hosts{path}', user='admin', **options)
        assert answer.status_code == status, answer.text
        return answer.get_json() if answer.data else None

    made = ask('POST', '', 201, json={'name': 'compute-1', 'gpu': 'True'})['host']
    assert (made['id'], made['gpu']) == ('1', 'True')
    assert ask('GET', '/1.json') == {'host': made}
    assert ask('GET', '') == {'hosts': [made]}
    assert ask('PUT', '/1', json={'gpu': 'False'})['host']['gpu'] == 'False'
    nothing = ask('PUT', '/1', 400, json={})
    assert nothing == recordings.load('host-update-empty').json
    held = {'resource_id': '1', 'reservations': []}
    assert ask('GET', '/1/allocation') == {'allocation': held}
    assert ask('GET', f'/allocations?lease_id={UNKNOWN}') == {'allocations': [held]}
    assert ask('GET', '/properties') == {'resource_properties': [{'property': 'gpu'}]}
    hidden = ask('PATCH', '/properties/gpu', json={'private': True})['resource_property']
    assert hidden['private'] is True
    assert ask('GET', '/properties.json') == {'resource_properties': []}
    assert ask('GET', '/properties?all=True&detail=True') == {
        'resource_properties': [{'property': 'gpu', 'private': False, 'values': ['False']}]
    }
    assert ask('DELETE', '/1', 204) is None
    assert ask('GET', '/1', 404)['error_message'] == "Object with {'host_id': '1'} not found"


def test_a_floating_ip_through_its_life(call: Call, database: Database) -> None:
    """Create, show, list and delete."""
    subnet = {
        'id': 'subnet',
        'network_id': 'network',
        'network_name': 'public',
        'cidr': '203.0.113.0/24',
        'gateway_ip': '203.0.113.1',
        'allocation_pools': [{'start': '203.0.113.10', 'end': '203.0.113.99'}],
    }
    with database.transaction() as connection:
        surroundings.insert_subnets(connection, [subnet])
    wanted = {'floating_network_id': 'network', 'floating_ip_address': '203.0.113.200'}
    made = call('POST', '/v1/floatingips', user='admin', json=wanted)
    assert made.status_code == 201, made.text
    path = f'/v1/floatingips/{made.get_json()["floatingip"]["id"]}'
    shown = call('GET', path).get_json()['floatingip']
    assert shown['floating_ip_address'] == '203.0.113.200'
    assert call('GET', '/v1/floatingips.json').get_json() == {'floatingips': [shown]}
    assert call('DELETE', path).status_code == 403
    assert call('DELETE', path, user='admin').status_code == 204
    assert call('GET', path).status_code == 404


def test_a_body_is_read_before_a_lease_is_looked_for(call: Call) -> None:
    """What is wrong is told in Blazar's order, from the token to the object."""
    path = f'/v1/leases/{UNKNOWN}'
    json_type = {'Content-Type': 'application/json'}
    wrong = {'OpenStack-API-Version': 'reservation 9.9', **json_type}
    assert call('PUT', '/v1/nowhere', user=None).status_code == 401
    assert call('PUT', '/v1/nowhere', headers=wrong, data='{').status_code == 404
    assert call('PATCH', path, headers=wrong, data='{').status_code == 405
    assert call('PUT', path, headers=wrong, data='{').status_code == 406
    assert call('PUT', path, headers=json_type, data='{').status_code == 500
    assert call('PUT', path, headers=json_type, data='{}').status_code == 404


@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE'])
def test_no_lease_of_another_project(call: Call, lease_id: str, method: str) -> None:
    """At 1.0 a lease of another project is forbidden, as in Blazar, and says nothing of itself."""
    options = {'json': {'name': 'stolen'}} if method == 'PUT' else {}
    answer = call(method, f'/v1/leases/{lease_id}', user='bob', **options)
    assert answer.status_code == 403
    assert answer.get_json() == recordings.load('lease-show-bob-403').json
    assert call('GET', f'/v1/leases/{lease_id}').get_json()['lease']['name'] == 'first'


def test_a_token_for_a_domain(database: Database) -> None:
    """Its roles count in no project: not even for what an administrator has in none."""

    def scoped_to_a_domain(headers: Headers) -> Identity:
        return Identity('somebody', '', frozenset(headers['X-Roles'].split(',')))

    web = create_app(database, Policy(), Settings(), scoped_to_a_domain).test_client()

    def ask(method: str, url: str, *roles: str) -> int:
        body = LEASE if method == 'POST' else None
        headers = {'X-Roles': ','.join(roles)}
        return web.open(url, method=method, json=body, headers=headers).status_code

    assert ask('POST', '/v1/leases', 'member', 'reader') == 403
    assert ask('POST', '/v1/leases', 'admin', 'member', 'reader') == 201
    made = web.get('/v1/leases', headers={'X-Roles': 'admin'}).get_json()['leases'][0]['id']
    assert ask('GET', '/v1/leases', 'member', 'reader') == 403
    assert ask('GET', f'/v1/leases/{made}', 'member', 'reader') == 403
    assert ask('DELETE', f'/v1/leases/{made}', 'member', 'reader') == 403


def test_a_warning_that_moves_while_it_is_given(
    call: Call, lease_id: str, database: Database
) -> None:
    """It is given again, at its new time, and the worker that was at it changes nothing."""

    def service() -> RequestContext:
        return RequestContext.for_service(database, Policy(), Settings())

    def state() -> tuple[str, str]:
        events = call('GET', f'/v1/leases/{lease_id}').get_json()['lease']['events']
        found = next(each for each in events if each['event_type'] == 'before_end_lease')
        return found['status'], found['time']

    with database.transaction() as connection:
        stored_clock.write(
            connection, time.time(), datetime(2030, 1, 1, 11, 10, tzinfo=UTC).timestamp(), 0
        )
    taken: list[LeaseEvent] = []
    while not any(each.event_type == 'before_end_lease' for each in taken):
        taken = LeaseEvent.take(service(), owner='worker')
        for each in taken:
            if each.event_type == 'start_lease':
                each.carry_out()
    assert state() == ('IN_PROGRESS', '2030-01-01T11:00:00.000000')
    body = {'end_date': '2030-01-01 14:00'}
    assert call('PUT', f'/v1/leases/{lease_id}', json=body).status_code == 200
    with pytest.raises(errors.TakenOver):
        taken[0].carry_out()
    assert state() == ('UNDONE', '2030-01-01T13:00:00.000000')


@pytest.mark.parametrize('kind', [{}, ['x'], 'x' * 67])
def test_an_event_of_no_kind(call: Call, kind: object) -> None:
    """It is what Blazar's database cannot keep."""
    answer = call('POST', '/v1/leases', json={**LEASE, 'events': [{'event_type': kind}]})
    assert (answer.status_code, answer.get_json()['error_name']) == (500, 'INTERNAL_SERVER_ERROR')


def test_an_administrator_has_every_lease(call: Call, lease_id: str) -> None:
    """Admin sees it in the list, changes it and deletes it."""
    path = f'/v1/leases/{lease_id}'
    assert len(call('GET', '/v1/leases', user='admin').get_json()['leases']) == 1
    assert call('PUT', path, user='admin', json={'name': 'mine'}).status_code == 200
    assert call('DELETE', path, user='admin').status_code == 204


def test_a_reader_changes_nothing(call: Call, lease_id: str) -> None:
    """Rita may look."""
    path = f'/v1/leases/{lease_id}'
    assert call('GET', path, user='rita').status_code == 200
    assert call('PUT', path, user='rita', json={'name': 'x'}).status_code == 403
    assert call('DELETE', path, user='rita').status_code == 403


def test_a_route_without_any_check(app: flask.Flask, call: Call) -> None:
    """Whoever forgets to check gives nothing away: objects know who asks."""

    @app.get('/unchecked/<lease_id>')
    def unchecked(lease_id: str) -> dict[str, Any]:
        return Lease.get_by_id(rest.context(), lease_id).render()

    @app.get('/unchecked')
    def every() -> list[str]:
        return [lease.id for lease in Lease.list(rest.context())]

    @app.get('/caught/<lease_id>')
    def caught(lease_id: str) -> str:
        with pytest.raises(errors.NotFound):
            Lease.get_by_id(rest.context(), lease_id)
        return 'not found'

    lease_id = call('POST', '/v1/leases', json=LEASE).get_json()['lease']['id']
    mine, foreign = (call('GET', f'/unchecked/{lease_id}', user=each) for each in ('alice', 'bob'))
    assert mine.get_json()['name'] == 'first'
    assert foreign.status_code == 403
    assert 'first' not in foreign.text
    assert call('GET', f'/caught/{lease_id}', user='bob').text == 'not found'
    assert call('GET', '/unchecked', user='alice').get_json() == [lease_id]
    assert call('GET', '/unchecked', user='bob').get_json() == []
    assert call('GET', f'/unchecked/{lease_id}', user=None).status_code == 401


# ---------------------------------------------------------------------- bodies


@pytest.mark.parametrize(
    'body',
    [
        b'{',
        b'\xff\xfe\xfd',
        b'[' * 100_000,
        b'{"name": ' + b'9' * 5000 + b'}',
        b'nul',
        b'{"name": "\\ud83d"}',
    ],
    ids=['cut off', 'no text', 'deep', 'long number', 'no JSON', 'half a character'],
)
def test_what_is_no_json(call: Call, body: bytes) -> None:
    """Whatever cannot be read is Blazar's 500, and no more."""
    answer = call('POST', '/v1/leases', data=body, headers={'Content-Type': 'application/json'})
    assert answer.status_code == 500
    assert answer.get_json() == recordings.load('lease-create-not-json').json


@pytest.mark.parametrize('body', ['null', '7', '"text"', '[]', 'true', '[["name"]]'])
@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('POST', '/v1/leases'),
        ('POST', '/v1/os-hosts'),
        ('POST', '/v1/floatingips'),
        ('PUT', '/v1/leases/{}'),
        ('PATCH', '/v1/os-hosts/properties/gpu'),
    ],
)
def test_json_that_is_no_object(
    call: Call,
    lease_id: str,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    body: str,
) -> None:
    """Other JSON than an object is an error in Blazar's form, and none of the service's own."""
    answer = call(
        method,
        path.format(lease_id),
        user='admin',
        data=body,
        headers={'Content-Type': 'application/json'},
    )
    assert answer.status_code in {400, 403, 500}
    assert answer.get_json().keys() == {'error_code', 'error_message', 'error_name'}
    assert caplog.text == ''


def test_a_character_in_two_escapes(call: Call) -> None:
    """Whole surrogate pairs are text, and come back as they came."""
    body = json.dumps({**LEASE, 'name': '\N{GRINNING FACE} é'})
    made = call('POST', '/v1/leases', data=body, content_type='application/json')
    assert made.get_json()['lease']['name'] == '\N{GRINNING FACE} é'
    assert made.data.isascii()


@pytest.mark.parametrize(
    ('content_type', 'status'),
    [
        ('', 201),
        ('application/json', 201),
        ('Application/JSON; charset=utf-8', 201),
        ('text/json', 400),
        ('application/x-www-form-urlencoded', 400),
        ('multipart/form-data; boundary=x', 400),
    ],
)
def test_content_types(call: Call, content_type: str, status: int) -> None:
    """JSON, or nothing said."""
    answer = call(
        'POST', '/v1/leases', data=json.dumps(LEASE), headers={'Content-Type': content_type}
    )
    assert answer.status_code == status, answer.text


def test_a_body_that_is_too_long(call: Call) -> None:
    """More than 1 MiB is not read, on any path."""
    for method, path in (('POST', '/v1/leases'), ('GET', '/v1/leases'), ('POST', '/nowhere')):
        answer = call(method, path, data=b' ' * (LONGEST_BODY + 1))
        assert answer.status_code == 413
        assert answer.get_json()['error'] == 413
    body = json.dumps(LEASE).ljust(LONGEST_BODY)
    longest = call('POST', '/v1/leases', data=body, content_type='application/json')
    assert longest.status_code == 201


def test_a_body_of_unknown_length(app: flask.Flask) -> None:
    """Gunicorn and uWSGI hand on a chunked body without its length; the limit holds for it too."""

    def send(body: bytes) -> str:
        environ = EnvironBuilder(
            path='/v1/leases',
            method='POST',
            data=body,
            headers=[('X-Auth-Token', 'alice'), ('Content-Type', 'application/json')],
        ).get_environ()
        del environ['CONTENT_LENGTH']
        environ['HTTP_TRANSFER_ENCODING'] = 'chunked'
        environ['wsgi.input_terminated'] = True
        _, status, _ = run_wsgi_app(app, environ)
        return status

    assert send(json.dumps(LEASE).encode()) == '201 CREATED'
    assert send(b' ' * (LONGEST_BODY + 1)) == '413 REQUEST ENTITY TOO LARGE'


# --------------------------------------------------------------- microversions


@pytest.mark.parametrize(
    ('header', 'spoken'),
    [
        ('reservation 1.0', '1.0'),
        ('RESERVATION latest', '1.0'),
        ('compute 2.90, reservation 1.0', '1.0'),
        ('reservation 9.9, reservation 1.0', '1.0'),
        ('reservation  1.0 ', '1.0'),
        ('reservation', '1.0'),
        (',', '1.0'),
        ('', '1.0'),
    ],
)
def test_microversions_that_are_there(call: Call, header: str, spoken: str) -> None:
    """The last version of this service counts, of other services none."""
    answer = call('GET', '/v1/leases', headers={'OpenStack-API-Version': header})
    assert answer.status_code == 200
    assert answer.headers['OpenStack-API-Version'] == f'reservation {spoken}'
    assert answer.headers['Vary'] == 'OpenStack-API-Version'


@pytest.mark.parametrize(
    ('header', 'status'),
    [
        ('reservation 0.9', 400),
        ('reservation 1.00', 400),
        ('reservation 1.0.0', 400),
        ('reservation Latest', 400),
        ('reservation -1.0', 400),
        ('reservation 1.1', 406),
        ('reservation 2.0', 406),
        ('reservation 1.0, reservation 7.7', 406),
    ],
)
def test_microversions_that_are_not(call: Call, header: str, status: int) -> None:
    """The answer names no version, as nothing was done in any."""
    answer = call('GET', '/v1/leases', headers={'OpenStack-API-Version': header})
    assert answer.status_code == status
    assert 'OpenStack-API-Version' not in answer.headers
    assert 'Vary' not in answer.headers


def test_a_pin_that_means_nothing(database: Database) -> None:
    """It is told when the service starts."""
    with pytest.raises(errors.InvalidInput, match=r'pin = 0\.7'):
        create_app(database, Policy(), Settings(pin='0.7'), authenticate)


# --------------------------------------------------------------- routes and errors


def test_what_is_allowed(call: Call) -> None:
    """A method that is not there is answered with those that are."""
    answer = call('PATCH', '/v1/leases')
    assert answer.headers['Allow'] == 'GET, HEAD, OPTIONS, POST'
    assert set(call('OPTIONS', '/v1/leases').headers['Allow'].split(', ')) == {
        'GET',
        'HEAD',
        'OPTIONS',
        'POST',
    }
    assert call('OPTIONS', '/v2').status_code == 405


def test_outside_of_version_1(call: Call) -> None:
    """There is nothing else, and its errors have the form of Blazar's other framework."""
    for path in ('/v2/leases', '/nowhere', '/static/x', '/favicon.ico'):
        answer = call('GET', path)
        assert (answer.status_code, answer.get_json()) == (
            404,
            {'code': 404, 'title': 'Not Found', 'description': ''},
        )


def test_versions_behind_a_prefix(web: FlaskClient) -> None:
    """Where a web server has put the service below a path, the links say so."""
    answer = web.get(
        '/', base_url='https://cloud.example/reservation', headers={'X-Auth-Token': 'alice'}
    )
    links = [version['links'][0]['href'] for version in answer.get_json()['versions']]
    assert links == [
        'https://cloud.example/reservation/v1',
        'https://cloud.example/reservation/v2',
    ]


def test_the_database_is_busy(app: flask.Flask, call: Call) -> None:
    """Clients are told to come back."""

    @app.get('/v1/busy')
    def busy() -> str:
        raise errors.Busy('The database was locked for more than 30 seconds.')

    answer = call('GET', '/v1/busy')
    assert (answer.status_code, answer.headers['Retry-After']) == (503, '1')
    assert answer.get_json() == {
        'error_code': 503,
        'error_message': 'The database was locked for more than 30 seconds.',
        'error_name': 503,
    }


def test_an_error_of_the_service(
    app: flask.Flask, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is told but the request's ID, under which the log has all."""

    @app.get('/v1/broken')
    def broken() -> str:
        raise LookupError('secret of the house')

    answer = call('GET', '/v1/broken')
    assert answer.status_code == 500
    assert answer.get_json() == recordings.load('lease-create-json-array').json
    assert 'secret of the house' in caplog.text
    assert answer.headers['x-openstack-request-id'] in caplog.text


def test_request_ids(call: Call) -> None:
    """Each request has its own, in OpenStack's form."""
    ids = {call('GET', '/v1/leases').headers['x-openstack-request-id'] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r'req-[0-9a-f-]{36}', each) for each in ids)


def test_one_line_in_the_log(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """It says who, what, how it went and how long it took; a path cannot write lines of its own."""
    caplog.set_level(logging.INFO, 'blazarclient.server.app')
    answer = call('GET', '/v1/leases/a%0Ab')
    (line,) = caplog.messages
    assert line.startswith("alice GET '/v1/leases/a\\nb' 404 ")
    assert line.endswith(f' ms {answer.headers["x-openstack-request-id"]}')
    caplog.clear()
    call('GET', '/v1/leases', user='gAAAA-secret')
    assert caplog.messages[0].startswith("- GET '/v1/leases' 401 ")
    assert 'secret' not in caplog.text


def test_the_scheduler_is_woken(call: Call, woken: list[str]) -> None:
    """By what changes something, and by nothing else."""
    call('GET', '/v1/leases')
    call('POST', '/v1/leases', json={'name': 'x'})
    assert woken == []
    call('POST', '/v1/leases', json=LEASE)
    assert woken == ['woken']
