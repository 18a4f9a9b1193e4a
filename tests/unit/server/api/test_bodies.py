"""What requests may bring, and how much of it."""

import json

import flask
import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from blazarclient.server.app import LONGEST_BODY
from tests import recordings
from tests.unit.server.api.requests import LEASE, Call


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
