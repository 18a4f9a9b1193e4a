"""Answers that are packed, halved, empty or no answers at all."""

import json
from collections.abc import Callable

import pytest

from blazarclient import exception, transport
from blazarclient.client import Client
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a hundredth of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.02)


@pytest.fixture
def lease_id(server: RecordedBlazar) -> str:
    """The ID of the first of 20 leases."""
    leases = server.leases(20)
    server.hold(leases)
    return str(leases[0]['id'])


def test_gzip(server: RecordedBlazar, client: ClientFactory, lease_id: str) -> None:
    """Packed answers are asked for and read, whole and piece by piece; errors, too."""
    server.gzip = True
    someone = client()
    assert someone.leases.get(lease_id)['id'] == lease_id
    assert len(someone.leases.list()) == 20
    assert len(list(someone.leases.iterate(['name']))) == 20
    with pytest.raises(exception.NotFound, match='not found'):
        someone.leases.get('0d8e2f3a-0000-4000-8000-000000000000')
    assert 'gzip' in server.sent('GET')[0].headers['Accept-Encoding']


def too_short(body: bytes) -> Answer:
    """Less than Content-Length says."""
    return Answer(200, body[:-9], headers={'Content-Length': str(len(body))})


def without_length(body: bytes) -> Answer:
    """Nothing says how long it is but the end of the connection."""
    return Answer(200, body[:-9], headers={'Content-Length': None})


def chunked(body: bytes) -> Answer:
    """A chunk that is shorter than announced, and no last one."""
    content = f'{len(body):x}\r\n'.encode() + body[:-9]
    return Answer(200, content, headers={'Content-Length': None, 'Transfer-Encoding': 'chunked'})


def no_last_chunk(body: bytes) -> Answer:
    """Whole chunks, but the last one, which is empty, is missing."""
    content = f'{len(body) - 9:x}\r\n'.encode() + body[:-9] + b'\r\n'
    return Answer(200, content, headers={'Content-Length': None, 'Transfer-Encoding': 'chunked'})


def half_a_zip(body: bytes) -> Answer:
    """What is packed breaks off, and nothing says how long it is."""
    import gzip

    packed = {'Content-Length': None, 'Content-Encoding': 'gzip'}
    return Answer(200, gzip.compress(body)[:-20], headers=packed)


def nothing(_: bytes) -> Answer:
    """The headers, then the end of the connection."""
    return Answer(200, b'', headers={'Content-Length': None})


HALVES = (too_short, without_length, chunked, no_last_chunk, half_a_zip, nothing)


@pytest.mark.parametrize('half', HALVES)
def test_half_an_answer(
    server: RecordedBlazar, client: ClientFactory, lease_id: str, half: Callable[[bytes], Answer]
) -> None:
    """Whichever way an answer is halved, it is noticed, and asked for again."""

    def once(request: Request) -> Answer:
        lease = {'id': lease_id, 'name': 'whole'}
        one = request.path.endswith(lease_id)
        return half(json.dumps({'lease': lease} if one else {'leases': [lease] * 9}).encode())

    someone = client()
    server.on('GET', f'/v1/leases/{lease_id}', once, times=2)
    server.on('GET', '/v1/leases', once, times=2)
    assert someone.leases.get(lease_id)['id'] == lease_id
    assert len(server.sent('GET')) == 3
    assert len(someone.leases.list()) == 20
    assert len(server.sent('GET')) == 6


@pytest.mark.parametrize('half', HALVES)
def test_only_halves(
    server: RecordedBlazar, client: ClientFactory, half: Callable[[bytes], Answer]
) -> None:
    """When no answer is ever whole, that is the error."""
    answer = half(json.dumps({'leases': [{'id': 'x'}], 'lease': {'id': 'x'}}).encode())
    server.on('GET', '/v1/leases', lambda _: answer)
    server.on('GET', '/v1/leases/x', lambda _: answer)
    someone = client(connect_retries=1)
    with pytest.raises(exception.ConnectionFailed):
        someone.leases.list()
    with pytest.raises(exception.ConnectionFailed):
        someone.leases.get('x')
    assert len(server.sent('GET')) == 4


@pytest.mark.parametrize('half', HALVES)
def test_half_an_answer_to_a_change(
    server: RecordedBlazar, client: ClientFactory, half: Callable[[bytes], Answer]
) -> None:
    """Of an upstream-style create it is told; it may have been carried out."""
    answer = half(json.dumps({'lease': {'id': 'x', 'name': 'whole'}}).encode())
    server.on('POST', '/v1/leases', lambda _: answer)
    with pytest.raises(exception.ConnectionFailed) as caught:
        client().lease.create('a', 'now', '2098-01-01 00:00', [], [])
    assert caught.value.sent
    assert len(server.sent('POST', '/v1/leases')) == 1


@pytest.mark.parametrize('half', HALVES)
def test_half_an_error(
    server: RecordedBlazar, client: ClientFactory, half: Callable[[bytes], Answer]
) -> None:
    """Of a list's error the status is known, even when its text broke off."""
    answer = half(b'{"error_message": "No such thing is known here."}')
    server.on('GET', '/v1/leases', status=404, body=answer.body, headers=answer.headers)
    with pytest.raises(exception.NotFound, match='HTTP 404, request req-'):
        client(connect_retries=0).leases.list()


@pytest.mark.parametrize(
    'body', ['<html>Welcome</html>', '"text"', '{"versions": []}', '[]', '{"leases": {}}', '7']
)
def test_something_else(server: RecordedBlazar, client: ClientFactory, body: str) -> None:
    """What a reservation service does not answer is told at once, and shown."""

    def ask(call: Callable[[Client], object]) -> None:
        server.forget()
        with pytest.raises(exception.ConnectionFailed, match='Is this the address') as caught:
            call(client())
        assert body[:10] in str(caught.value)
        assert server.url in str(caught.value)
        assert len(server.sent('GET')) == 1

    server.on('GET', '/v1/leases', body=body)
    server.on('GET', '/v1/leases/x', body=body)
    ask(lambda client: client.leases.list())
    ask(lambda client: client.leases.find('somebody'))
    if body.startswith('<'):
        ask(lambda client: client.leases.get('x'))


def test_empty_answers(server: RecordedBlazar, client: ClientFactory) -> None:
    """An answer that is empty on purpose is None for plain requests, and no lease."""
    server.on('GET', '/v1/leases/x', body='')
    someone = client()
    response, body = someone.lease.request_manager.get('/leases/x')
    assert (response.status_code, body) == (200, None)
    with pytest.raises(exception.ConnectionFailed, match=r"no lease: 'None'"):
        someone.leases.get('x')
