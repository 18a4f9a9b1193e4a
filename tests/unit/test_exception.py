"""Every error: its class, its sentence, its number; what upstream's users rely on; pickles."""

import inspect
import json
import pickle
from typing import Any

import pytest
from keystoneauth1 import exceptions as keystone

from blazarclient import answers, exception
from blazarclient.exception import BlazarClientException, HTTPError, from_response, redact
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.recordings import Recording, load_all

CLASSES = [
    each
    for each in vars(exception).values()
    if inspect.isclass(each) and issubclass(each, BlazarClientException)
]
REFUSED = [
    each
    for folder in ('rest', 'rest-16')
    for each in load_all(folder)
    if each.status and each.status >= 400
]
BY_STATUS: dict[int, type[HTTPError]] = {
    400: exception.BadRequest,
    401: exception.Unauthorized,
    403: exception.Forbidden,
    404: exception.NotFound,
    405: HTTPError,
    406: exception.NotAcceptable,
    409: exception.Conflict,
    500: exception.ServerError,
}


def test_error_without_a_reason() -> None:
    """A 500 that says nothing is not left at that."""
    body = b'{"error_code": 500, "error_message": "Internal Server Error"}'
    error = from_response(500, body, {'X-OpenStack-Request-ID': 'req-1'})
    assert 'The service does not say why; its log does' in str(error)
    assert str(error).endswith(' (HTTP 500, request req-1)')


@pytest.mark.parametrize('recording', REFUSED, ids=lambda each: each.name)
def test_every_recorded_refusal(recording: Recording) -> None:
    """The class of its status, Blazar's own sentence, its number and its request id."""
    status = recording.status or 0
    error = from_response(status, recording.body, dict(recording.headers), method='M', url='U')
    sentence = said(recording.json)
    expected = BY_STATUS[status]
    if sentence.startswith('Not enough '):
        expected = exception.NotEnoughResources
    assert type(error) is expected
    assert error.detail == sentence
    assert str(error).startswith(sentence)
    assert (error.status, error.code, error.kwargs) == (status, status, {'code': status})
    assert error.request_id == recording.request_id
    assert (error.request_id is None) == ('request' not in str(error).rsplit('(', 1)[1])
    assert f'HTTP {status}' in str(error)
    assert (error.method, error.url) == ('M', 'U')
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def said(body: dict[str, Any]) -> str:
    """Blazar's sentence, found in another way than the client does: by the shape."""
    if set(body) == {'code', 'title', 'description'}:
        return str(body['description'] or body['title'])
    if isinstance(body.get('error'), dict):
        return str(body['error']['message'])
    return str(body['error_message']).strip()


@pytest.mark.parametrize(
    ('body', 'detail'),
    [
        ({'errors': [{'status': 404, 'title': 'T', 'detail': 'The detail.'}]}, 'The detail.'),
        ({'errors': [{'status': 404, 'title': 'T'}]}, 'T'),
        ({'errors': [{}, 7, {'title': 'second'}]}, 'second'),
        ({'errors': ['a text']}, 'a text'),
        ({'error': {'message': 'M', 'code': 404, 'title': 'T'}}, 'M'),
        ({'error': 'only a text'}, 'only a text'),
        ({'error': {'error': {'message': 'deep'}}}, 'deep'),
        ({'error': 404, 'error_message': 'two'}, 'two'),
        ({'error_message': {'message': 'nested'}}, 'nested'),
        ({'error_message': '', 'title': 'T'}, 'T'),
        ({'faultstring': 'soap', 'faultcode': 'x'}, 'soap'),
        ([{'message': 'in a list'}], 'in a list'),
        ('a JSON text', 'a JSON text'),
        ({'unheard': 'of'}, '{"unheard": "of"}'),
        ([], '[]'),
        (None, 'null'),
        (404, '404'),
        (True, 'true'),
    ],
    ids=str,
)
def test_other_shapes(body: object, detail: str) -> None:
    """The sentence is found in any JSON; where there is none, the JSON is shown."""
    error = from_response(404, json.dumps(body).encode(), {})
    assert type(error) is exception.NotFound
    assert error.detail == detail
    assert str(error) == f'{detail} (HTTP 404)'


@pytest.mark.parametrize(
    ('body', 'detail'),
    [
        (b'', 'NOT FOUND'),
        (b'  \n', 'NOT FOUND'),
        (b'plain words', 'plain words'),
        ('a text, not bytes', 'a text, not bytes'),
        (b'<html><head><title>502</title></head><body>\n<h1>Bad</h1></body>', '502 Bad'),
        (b'\xff\xfe broken', '\ufffd\ufffd broken'),
        (b'{"error_message": "cut', '{"error_message": "cut'),
        (b'[' * 100_000, '[' * 200),
        (b'x' * 1000, 'x' * 200),
        (b'{"a":' * 50_000 + b'1' + b'}' * 50_000, ('{"a":' * 40)),
    ],
    ids=['empty', 'blank', 'plain', 'str', 'html', 'utf-8', 'cut', 'deep', 'long', 'deep objects'],
)
def test_what_is_not_json(body: bytes | str, detail: str) -> None:
    """A proxy's page, half an answer, nonsense: a short plain text, and never another error."""
    error = from_response(404, body, {}, reason='NOT FOUND')
    assert error.detail == detail
    assert '<' not in str(error)


def test_nothing_at_all() -> None:
    """An empty answer without a reason still makes a sentence."""
    assert str(from_response(418, b'', {})) == 'no explanation was given (HTTP 418)'
    assert type(from_response(418, b'', {})) is HTTPError


@pytest.mark.parametrize('status', [500, 501, 502, 503, 504, 507, 599])
def test_server_errors(status: int) -> None:
    """From 500 on it is the server's; a gateway's are told apart."""
    error = from_response(status, b'', {'retry-AFTER': '7'})
    assert isinstance(error, exception.ServerError)
    assert isinstance(error, exception.ServiceUnavailable) == (status in (502, 503, 504))
    assert (error.code, error.retry_after) == (status, '7')


@pytest.mark.parametrize('name', ['X-Openstack-Request-Id', 'x-compute-request-id'])
def test_request_id(name: str) -> None:
    """It is found whatever the header's case, and shown."""
    error = from_response(404, b'"x"', {name: 'req-1'})
    assert (error.request_id, str(error)) == ('req-1', 'x (HTTP 404, request req-1)')


@pytest.mark.parametrize(
    ('body', 'range_'),
    [
        ({'error_message': 'Minimum is 1.0 and maximum is 1.12.'}, ('1.0', '1.12')),
        ({'error_message': 'Minimum is 1.0 and maximum is 1.123456.'}, None),
        ({'errors': [{'min_version': '1.0', 'max_version': '1.3'}]}, ('1.0', '1.3')),
        ({'errors': [{'min_version': '', 'max_version': ''}]}, None),
        ({'errors': [{'title': 'x'}, {'min_version': '1', 'max_version': '2'}, 5]}, None),
        ({'errors': [{'title': 'Minimum is 1.1 and maximum is 1.2'}]}, ('1.1', '1.2')),
        ({'error_message': 'Only JSON.'}, None),
    ],
    ids=str,
)
def test_range_of_versions(body: object, range_: tuple[str, str] | None) -> None:
    """A 406 names the range that the server speaks, in fields or in words; or it does not."""
    assert from_response(406, json.dumps(body), {}).versions == range_


def test_hints() -> None:
    """Where the sentence alone would not say what to do, a second one does."""
    policy = "Policy doesn't allow blazar:leases:get to be performed."
    assert 'Your roles in this project' in str(from_response(403, json.dumps(policy), {}))
    assert str(from_response(403, b'"Datetime is out of lease limits"', {})) == (
        'Datetime is out of lease limits (HTTP 403)'
    )
    assert str(from_response(401, b'"No"', {})) == (
        'No. The token is missing, wrong or expired. (HTTP 401)'
    )


def test_secrets_in_addresses_are_left_out() -> None:
    """Whoever writes a password into a URL does not find it in an error."""
    assert redact('see http://u:p@host/x and https://t@h') == 'see http://host/x and https://h'
    error = from_response(500, b'"via http://u:p@host"', {}, url='http://u:p@host/v1')
    assert 'u:p' not in str(error) + error.url


@pytest.mark.parametrize('cls', CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_is_as_upstreams(cls: type[BlazarClientException]) -> None:
    """code, kwargs, message: from the class, from the call, and assigned."""
    plain = cls()
    assert plain.code == cls.code == plain.kwargs['code']
    assert str(plain) == cls.message == plain.message
    given = cls('a sentence', code=418, other=[1])
    assert (given.code, given.kwargs) == (418, {'code': 418, 'other': [1]})
    assert str(given) == 'a sentence'
    assert given.request_id is None
    given.message = 'another'
    given.code = 7
    assert (str(given), given.code) == ('another', 7)
    again = pickle.loads(pickle.dumps(given))
    assert (type(again), str(again), again.code) == (cls, 'another', 7)
    assert again.kwargs == given.kwargs
    assert str(cls(ValueError('wrapped'))) == 'wrapped'
    assert (cls.__doc__ or '').splitlines()[0].endswith('.')


@pytest.mark.parametrize(
    ('name', 'code'),
    [
        ('BlazarClientException', 500),
        ('CommandError', 401),
        ('NotAuthorized', 401),
        ('NoBlazarEndpoint', 404),
        ('NoUniqueMatch', 409),
        ('UnsupportedVersion', 406),
        ('IncorrectLease', 409),
        ('DuplicatedLeaseParameters', 400),
        ('InsufficientAuthInformation', 400),
        ('ResourcePropertyNotFound', 404),
    ],
)
def test_names_and_codes_of_upstream(name: str, code: int) -> None:
    """Each name that 4.6.0 has is there, directly below the root, with its code."""
    cls = getattr(exception, name)
    assert cls.code == code
    assert BlazarClientException in (cls, cls.__base__)


def test_classes_that_programs_make() -> None:
    """As with upstream, the class's text may have places that arguments fill."""

    class TooFew(BlazarClientException):
        message = 'Only %(count)d hosts in %(zone)s.'
        code = 409

    class Plain(BlazarClientException):
        message = '100% wrong.'

    error = TooFew(count=2, zone='nova')
    assert str(error) == 'Only 2 hosts in nova.'
    assert error.kwargs == {'count': 2, 'zone': 'nova', 'code': 409}
    assert str(Plain(count=2)) == '100% wrong.'
    assert BlazarClientException('x', code='text').code == 500


def test_what_else_they_are() -> None:
    """Who catches Python's or upstream's class for such a case catches ours."""
    assert issubclass(exception.InvalidInput, ValueError)
    assert issubclass(exception.FieldNotAvailable, AttributeError)
    assert issubclass(exception.Unauthorized, exception.NotAuthorized)
    assert issubclass(exception.NotAcceptable, exception.UnsupportedVersion)
    assert issubclass(answers.ConnectFailure, keystone.ConnectFailure)
    with pytest.raises(BlazarClientException):
        raise answers.ConnectFailure('no answer')


def test_tree_in_the_docstring() -> None:
    """The drawing names every class, each once, below its parent."""
    text = exception.__doc__ or ''
    drawing = '\n'.join(line for line in text.splitlines() if line.startswith('    '))
    drawn: list[tuple[int, str]] = []
    for line in drawing.splitlines():
        words = line.replace('│', ' ').replace('├──', '   ').replace('└──', '   ')
        if words.strip():
            drawn.append((len(words) - len(words.lstrip()), words.split()[0]))
    assert sorted(name for _, name in drawn) == sorted(cls.__name__ for cls in CLASSES)
    above: dict[int, str] = {}
    for depth, name in drawn:
        above[depth] = name
        parents = [above[d] for d in sorted(above) if d < depth]
        if parents:
            assert issubclass(getattr(exception, name), getattr(exception, parents[-1]))


@pytest.mark.parametrize(
    ('name', 'cls'),
    [
        ('lease-create-not-enough-hosts', exception.NotEnoughResources),
        ('lease-create-rita-403', exception.Forbidden),
        ('host-create-unknown-hypervisor', exception.NotFound),
        ('lease-create-unknown-resource-type', exception.ServerError),
    ],
)
def test_through_the_front_door(
    server: RecordedBlazar, client: ClientFactory, name: str, cls: type[HTTPError]
) -> None:
    """What a call raises has the method and the address, too."""
    server.play(name)
    with pytest.raises(cls) as raised:
        client().lease.create('x', 'now', '2030-01-01 00:00', [], [])
    recording = server.recorded(name)
    assert raised.value.request_id == recording.request_id
    assert raised.value.detail == recording.json['error_message']
    assert (raised.value.method, raised.value.url) == ('POST', f'{server.url}/v1/leases')
