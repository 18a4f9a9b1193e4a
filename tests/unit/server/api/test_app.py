"""Routes, errors, request IDs and the log."""

import logging
import re

import flask
import pytest
from flask.testing import FlaskClient

from blazarclient.server import errors
from tests import recordings
from tests.unit.server.api.requests import LEASE, Call


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
