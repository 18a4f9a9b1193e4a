"""What is sent, to whom, what is made of the answer, and what the error tells."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blazarclient.server.delivery.outbound import Outbound, Outcome
from tests.http1 import Listener, read_message
from tests.scripted_receiver import OK, Receiver, resolving

FAILED = Outcome(None, 'connection-failed', 0.0)
HEADERS = {'webhook-id': 'abc', 'User-Agent': 'reservation-gateway/5.0'}


Receive = Callable[..., Receiver]


@pytest.fixture
def receive() -> Iterator[Receive]:
    """Makes receivers, which end with the test."""
    with contextlib.ExitStack() as stack:

        def make(*answers: bytes, **where: Any) -> Receiver:
            receiver = Receiver(*answers, **where)
            stack.callback(receiver.stop)
            return receiver

        yield make


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    """May send to this machine."""
    made = Outbound(allow_loopback=True)
    yield made
    made.close()


# ------------------------------------------------------------------ the request


def test_only_what_is_given_is_sent(outbound: Outbound, receive: Receive) -> None:
    """A request has the headers that are given, the host and the length, and nothing else."""
    receiver = receive()
    outcome = outbound.send('POST', receiver.url, HEADERS, b'{"a": 1}')
    assert (outcome.status, outcome.error, outcome.head) == (200, None, 'ok')
    assert receiver.requests[0].raw == (
        b'POST /hook?token=x HTTP/1.1\r\n'
        b'host: 127.0.0.1:%d\r\n'
        b'content-length: 8\r\n'
        b'webhook-id: abc\r\n'
        b'User-Agent: reservation-gateway/5.0\r\n'
        b'\r\n'
        b'{"a": 1}' % receiver.port
    )


def test_without_a_body(outbound: Outbound, receive: Receive) -> None:
    """OPTIONS and GET are sent without a body, and HEAD is answered without one."""
    receiver = receive(b'HTTP/1.1 204 No Content\r\nWebHook-Allowed-Rate: 10\r\n\r\n')
    outcome = outbound.send('OPTIONS', receiver.url, {})
    assert outcome.error is None
    assert outcome.headers == {'webhook-allowed-rate': '10'}
    assert 'content-length' not in receiver.requests[0].headers
    assert outbound.send('GET', receiver.url, {}).status == 204
    assert receiver.accepted == 1


@pytest.mark.parametrize(
    'header',
    [('a b', 'c'), ('a', 'b\r\nc: d'), ('a', 'b\nc'), ('', 'b'), ('a', '\x00'), ('é', 'b')],
)
def test_no_header_hides_in_another(
    outbound: Outbound, receive: Receive, header: tuple[str, str]
) -> None:
    """A header that would be two, or none, is an error of ours, and nothing is sent."""
    receiver = receive()
    with pytest.raises(ValueError, match='header'):
        outbound.send('POST', receiver.url, dict([header]), b'')
    assert receiver.accepted == 0


# ------------------------------------------------------------------ the answer


@pytest.mark.parametrize(
    ('status', 'error'),
    [
        ('200 OK', None),
        ('201 Created', None),
        ('202', None),
        ('204 No Content', None),
        ('299 What', None),
        ('300 Multiple Choices', 'redirect'),
        ('301 Moved Permanently', 'redirect'),
        ('302 Found', 'redirect'),
        ('304 Not Modified', 'redirect'),
        ('307 Temporary Redirect', 'redirect'),
        ('308 Permanent Redirect', 'redirect'),
        ('400 Bad Request', 'http-400'),
        ('404 Not Found', 'http-404'),
        ('410 Gone', 'http-410'),
        ('429 Too Many Requests', 'http-429'),
        ('500 Internal Server Error', 'http-500'),
        ('503 Service Unavailable', 'http-503'),
        ('999 What', 'http-999'),
        ('101 Switching Protocols', 'http-101'),
    ],
)
def test_statuses(outbound: Outbound, receive: Receive, status: str, error: str | None) -> None:
    """2xx is success, a redirect is not followed, and each other status is told."""
    elsewhere = receive()
    head = f'HTTP/1.1 {status}\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n'
    outcome = outbound.send('POST', receive(head.encode()).url, {}, b'')
    assert (outcome.status, outcome.error) == (int(status[:3]), error)
    assert elsewhere.accepted == 0


@pytest.mark.parametrize(
    'answer',
    [
        b'SSH-2.0-OpenSSH_9.2\r\n\r\n',
        b'220 mail.example ESMTP\r\n\r\n',
        b'HTTP/2 200\r\n\r\n',
        b'HTTP/1.1 abc OK\r\n\r\n',
        b'HTTP/1.1 99999 OK\r\n\r\n',
        b'HTTP/1.1\r\n\r\n',
        b'\x16\x03\x01\x00\x05\r\n\r\n',
        b'HTTP/1.1 200 OK\r\na: ' + b'b' * 70_000 + b'\r\n\r\n',
        b'HTTP/1.1 200 OK\r\n' + b'a: b\r\n' * 200 + b'\r\n',
        b'HTTP/1.1 ' + b'2' * 70_000,
    ],
)
def test_what_is_no_answer(outbound: Outbound, receive: Receive, answer: bytes) -> None:
    """What is not HTTP, or has a head without end, is a bad response, and none of it is shown."""
    outcome = outbound.send('POST', receive(answer).url, {}, b'')
    assert (outcome.status, outcome.error, outcome.head) == (None, 'bad-response', '')


@pytest.mark.parametrize(
    ('answer', 'head'),
    [
        (b'HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n' + b'x' * 10000, 'x' * 4096),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nshort', 'short'),
        (b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end', 'to the end'),
        (b'HTTP/1.0 200 OK\r\n\r\nto the end', 'to the end'),
        (
            b'HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n',
            'abc',
        ),
        (
            b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnone\r\n',
            '',
        ),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\x00ab', '\ufffd\ufffdab'),
        (
            b'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b',
            '',
        ),
        (b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 'ok'),
    ],
)
def test_the_start_of_the_body(
    outbound: Outbound, receive: Receive, answer: bytes, head: str
) -> None:
    """Of a body at most 4 KiB are shown, nothing is unpacked, and the status alone decides."""
    receiver = receive(answer)
    outcome = outbound.send('POST', receiver.url, {}, b'')
    assert (outcome.status, outcome.error, outcome.head) == (200, None, head)


@pytest.mark.parametrize(
    ('given', 'least', 'most'),
    [('120', 120, 120), ('0', 0, 0), (timedelta(hours=1), 3000, 3600), (timedelta(hours=-1), 0, 0)],
    ids=str,
)
def test_retry_after(
    outbound: Outbound, receive: Receive, given: str | timedelta, least: float, most: float
) -> None:
    """A receiver says in seconds or by a date when it wants to be asked again."""
    if isinstance(given, str):
        text = given
    else:
        text = format_datetime(datetime.now(UTC) + given, usegmt=True)
    head = f'HTTP/1.1 503 No\r\nRetry-After: {text}\r\ncontent-length: 0\r\n\r\n'
    seconds = outbound.send('POST', receive(head.encode()).url, {}, b'').retry_after
    assert seconds is not None
    assert least <= seconds <= most


@pytest.mark.parametrize('text', ['', 'soon', '-5', '1e9', '\u0663', 'Fri, 99 Foo 2026'])
def test_no_retry_after(text: str) -> None:
    """What says no time is as if it were not there."""
    assert Outcome(503, 'http-503', 1.0, headers={'retry-after': text}).retry_after is None


@given(text=st.one_of(st.text(), st.integers().map(str), st.datetimes().map(str)))
@example(text='9' * 5000)
@example(text='Fri, 31 Dec 9999 23:59:59 -2300')
def test_any_retry_after(text: str) -> None:
    """No text makes it anything but a time between now and a day later."""
    seconds = Outcome(503, 'http-503', 1.0, headers={'retry-after': text}).retry_after
    assert seconds is None or 0 <= seconds <= 86400


# ------------------------------------------------------------------ the connection


def test_connections_are_kept(outbound: Outbound, receive: Receive) -> None:
    """Ten requests to one receiver need one connection."""
    receiver = receive()
    for _ in range(10):
        assert outbound.send('POST', receiver.url, {}, b'x').error is None
    assert (receiver.accepted, len(receiver.requests)) == (1, 10)


@pytest.mark.parametrize(
    'answer',
    [
        b'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
        b'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n' + b'x' * 5000,
        b'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 No\r\n\r\n',
        b'HTTP/1.0 200 OK\r\n\r\n',
    ],
)
def test_connections_that_cannot_be_kept(
    outbound: Outbound, receive: Receive, answer: bytes
) -> None:
    """What is left of one answer is never taken for the next one."""
    receiver = receive(answer)
    for _ in range(3):
        assert outbound.send('POST', receiver.url, {}, b'x').error is None
    assert receiver.accepted == 3


def test_a_kept_connection_that_was_closed(outbound: Outbound, receive: Receive) -> None:
    """A receiver that closes a connection between two requests is simply connected to again."""
    receiver = receive(OK, b'', OK)
    assert outbound.send('POST', receiver.url, {}, b'x').error is None
    # It reads the second request, closes without a word, and answers when it comes again.
    assert outbound.send('POST', receiver.url, {}, b'x').error is None
    assert (receiver.accepted, len(receiver.requests)) == (2, 3)


def test_a_new_connection_that_was_closed(outbound: Outbound, receive: Receive) -> None:
    """A receiver that closes a new connection without a word is not asked again at once."""
    receiver = receive(b'')
    assert outbound.send('POST', receiver.url, {}, b'x') == FAILED
    assert receiver.accepted == 1


def test_a_kept_connection_is_used_only_where_it_would_be_made(receive: Receive) -> None:
    """When a name gets another address, nothing more goes to the old one."""
    old = receive()
    new = receive(address='127.0.0.2', port=old.port)
    answers = iter(['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.2'])
    outbound = Outbound(
        allow_loopback=True, resolve=lambda *where, **options: resolving(next(answers))(*where)
    )
    for _ in range(4):
        assert outbound.send('POST', f'http://hook.example:{old.port}/', {}, b'').error is None
    assert (len(old.requests), old.accepted) == (2, 1)
    assert (len(new.requests), new.accepted) == (2, 1)
    assert old.requests[0].headers['host'] == f'hook.example:{old.port}'
    outbound.close()


def test_the_next_address(receive: Receive) -> None:
    """Where one address of a name does not answer, the next one is tried."""
    receiver = receive()
    outbound = Outbound(allow_loopback=True, resolve=resolving('::1', '127.0.0.3', '127.0.0.1'))
    outcome = outbound.send('POST', f'http://hook.example:{receiver.port}/', {}, b'')
    assert outcome.error is None
    outbound.close()


def test_many_threads(outbound: Outbound) -> None:
    """Each of many threads gets the answer to its own request."""

    def echo(connection: socket.socket, number: int) -> None:
        with connection.makefile('rb') as stream:
            while (request := read_message(stream)) is not None:
                head = f'HTTP/1.1 200 OK\r\ncontent-length: {len(request.body)}\r\n\r\n'
                connection.sendall(head.encode() + request.body)

    listener = Listener(echo)
    url = f'http://127.0.0.1:{listener.port}/'

    def send(number: int) -> bool:
        return outbound.send('POST', url, {}, b'%d' % number).head == str(number)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(send, range(800)))
    listener.stop()
    assert listener.accepted <= 16


def test_a_receiver_that_does_not_read() -> None:
    """A request that is not taken is given up when the attempt is over."""
    over = threading.Event()

    def wait(connection: socket.socket, number: int) -> None:
        over.wait(30)

    listener = Listener(wait)
    impatient = Outbound(allow_loopback=True, timeout=0.3)
    outcome = impatient.send('POST', f'http://127.0.0.1:{listener.port}/', {}, bytes(32_000_000))
    over.set()
    listener.stop()
    assert (outcome.status, outcome.error) == (None, 'timeout')


# ------------------------------------------------------------------ what an error tells


def refusing(receiver: Receiver) -> Outcome:
    port = receiver.port
    receiver.stop()
    return Outbound(allow_loopback=True).send('POST', f'http://127.0.0.1:{port}/', {}, b'')


def forbidden(receiver: Receiver) -> Outcome:
    return Outbound().send('POST', receiver.url, {}, b'')


def forbidden_by_name(receiver: Receiver) -> Outcome:
    return Outbound(resolve=resolving('127.0.0.1')).send(
        'POST', f'http://hook.example:{receiver.port}/', {}, b''
    )


def one_forbidden_among_many(receiver: Receiver) -> Outcome:
    everything = resolving('127.0.0.1', '::1', '169.254.169.254')
    return Outbound(allow_loopback=True, resolve=everything).send(
        'POST', f'http://hook.example:{receiver.port}/', {}, b''
    )


def unknown(receiver: Receiver) -> Outcome:
    def resolve(*where: object, **options: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')

    return Outbound(resolve=resolve).send('POST', 'http://hook.example/', {}, b'')


def without_addresses(receiver: Receiver) -> Outcome:
    return Outbound(resolve=resolving()).send('POST', 'http://hook.example/', {}, b'')


def odd(receiver: Receiver) -> Outcome:
    return Outbound(allow_loopback=True).send(
        'POST', f'http://2130706433:{receiver.port}/', {}, b''
    )


def filtered(receiver: Receiver) -> Outcome:
    # A listener that accepts nobody drops what its backlog has no room for.
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(('127.0.0.1', 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        outbound = Outbound(allow_loopback=True, connect_timeout=0.2)
        return outbound.send('POST', f'http://127.0.0.1:{listener.getsockname()[1]}/', {}, b'')


@pytest.mark.parametrize(
    'attempt',
    [
        refusing,
        forbidden,
        forbidden_by_name,
        one_forbidden_among_many,
        unknown,
        without_addresses,
        odd,
        filtered,
    ],
)
def test_no_connection_looks_like_any_other(
    receive: Receive, attempt: Callable[[Receiver], Outcome]
) -> None:
    """Refused, filtered, forbidden and unknown are told in one word, and no time is told."""
    receiver = receive()
    assert attempt(receiver) == FAILED
    assert receiver.accepted == 0


def test_a_resolver_that_never_answers(receive: Receive) -> None:
    """A name whose servers do not answer holds an attempt no longer than a connection would."""
    asked, let_go = threading.Semaphore(0), threading.Event()

    def resolve(*where: object, **options: object) -> list[tuple[Any, ...]]:
        asked.release()
        let_go.wait(30)
        return []

    outbound = Outbound(connect_timeout=0.05, resolve=resolve)
    for _ in range(3):
        assert outbound.send('POST', 'http://hook.example/', {}, b'') == FAILED
        assert asked.acquire(timeout=30)
    let_go.set()
    outbound.close()
