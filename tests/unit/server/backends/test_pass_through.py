"""Microversion 1.0 through the gateway: the bytes that go in and out."""

from __future__ import annotations

import gzip
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blazarclient.server.backends.blazar.connections import Connections
from blazarclient.server.backends.blazar.pass_through import PassThrough
from tests import recordings
from tests.http1 import Listener, Message
from tests.recordings import Recording
from tests.unit.server.backends.upstream import Upstream, ask, served, standing_before, told

RECORDED = [
    each
    for folder in ('rest', 'rest-16')
    for each in recordings.load_all(folder)
    if each.status is not None
]
#: What the gateway's own server says, as every server does.
SERVERS = frozenset({'connection', 'date', 'server', 'transfer-encoding', 'via'})


@pytest.fixture(scope='module')
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running


@pytest.fixture(scope='module')
def port(upstream: Upstream) -> Iterator[int]:
    """Where the gateway listens that stands before the upstream."""
    with standing_before(upstream.url) as port:
        yield port


def answered(message: Message) -> list[tuple[str, str]]:
    """The headers of an answer that its server has not added."""
    return [each for each in told(message) if each[0] not in SERVERS]


# -------------------------------------------------------------- what Blazar said


@pytest.mark.parametrize('recording', RECORDED, ids=lambda each: each.name)
def test_what_a_blazar_said(recording: Recording, upstream: Upstream, port: int) -> None:
    """Each recorded request reaches it as it was, and each recorded answer comes back as it was."""
    upstream.answer = recording.raw
    body = recording.request_body or b''
    sent = [
        (name, value.replace('<token of alice>', 'tok'))
        for name, value in recording.request_headers
    ]
    lines = [f'{name}: {value}' for name, value in sent]
    if 'host' not in {name.lower() for name, _ in sent}:
        lines.append('Host: 127.0.0.1:1234')
    if recording.request_body is not None and 'content-length' not in str(lines).lower():
        lines.append(f'Content-Length: {len(body)}')
    head = '\r\n'.join([f'{recording.method} {recording.target} HTTP/1.1', *lines])
    answer = ask(port, head.encode() + b'\r\n\r\n' + body)
    got = upstream.asked[-1]
    assert got.start == f'{recording.method} {recording.target} HTTP/1.1'
    assert got.body == body
    accept = [] if 'accept:' in head.lower() else [('accept', 'application/json')]
    expected = [tuple(map(str.strip, (*each.split(':', 1),))) for each in lines]
    kept = [
        (name.lower(), value)
        for name, value in expected
        if name.lower() not in {'connection', 'expect'}
    ]
    assert told(got) == sorted([*kept, *accept])
    assert answer is not None
    assert answer.start == f'HTTP/1.1 {recording.status} {recording.reason}'
    if recording.path in ('/', '/versions') and recording.status == 300:
        assert_only_more(recording.json, json.loads(answer.body))
        return
    assert answer.body == recording.body
    expected_headers = sorted((name.lower(), value) for name, value in recording.headers)
    if recording.status == 204:
        # There is nothing whose length could be told, and the server does not.
        expected_headers = [each for each in expected_headers if each[0] != 'content-length']
    assert [each for each in answered(answer) if each[0] != 'content-length'] == [
        each for each in expected_headers if each[0] not in {*SERVERS, 'content-length'}
    ]


def assert_only_more(blazars: Any, ours: Any) -> None:
    """The list of versions says more of version 1, and nothing else is different."""
    first = next(each for each in ours['versions'] if each['id'] == 'v1.0')
    assert first.pop('max_version') == '1.2'
    assert list(first.pop('object_versions')) == ['1.0', '1.1', '1.2']
    for each in blazars['versions']:
        if each['id'] == 'v1.0':
            del each['max_version']
    assert ours == blazars


# --------------------------------------------------------------------- requests


@pytest.mark.parametrize(
    'target',
    [
        '/v1/leases/a%2Fb',
        '/v1/leases/a%2fb%zz',
        '//v1//leases',
        '/v1/leases/',
        '/v1/../v1/leases/./x',
        '/v1/leases?',
        '/v1/leases?a=1&a=2&b=%26;c',
        '/v1/leases?x=a?b=/c',
        '/v1/leases/%E2%98%83?name=%C3%A4',
        '/v1/leases/{x}|"^`<>\\',
        '/v1/leases#x',
        '/v1;a=b/leases;c',
        '/healthcheck',
        '/v2/leases',
        '*',
    ],
)
def test_the_target_is_as_it_was(target: str, upstream: Upstream, port: int) -> None:
    """Nothing is decoded, encoded, merged or left out."""
    upstream.answer = b'HTTP/1.1 404 NOT FOUND\r\nContent-Length: 0\r\n\r\n'
    before = len(upstream.asked)
    assert ask(port, f'GET {target} HTTP/1.1\r\nHost: x\r\n\r\n'.encode()) is not None
    assert [each.start for each in upstream.asked[before:]] == [f'GET {target} HTTP/1.1']


TARGETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80).map(
    lambda text: f'/v1/{text}'
)
NAMES = st.from_regex(r'[A-Za-z][A-Za-z0-9!#$%&*+.^`|~-]{0,20}', fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in {
            'accept',
            'connection',
            'content-length',
            'expect',
            'host',
            'keep-alive',
            'proxy-authenticate',
            'proxy-authorization',
            'proxy-connection',
            'te',
            'trailer',
            'trailers',
            'transfer-encoding',
            'upgrade',
        }
    )
)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=40).filter(
    lambda value: not any(0x7F <= ord(each) <= 0x9F or each.isspace() for each in value)
)


@given(
    target=TARGETS,
    headers=st.dictionaries(NAMES.map(str.title), VALUES, max_size=8),
    body=st.binary(max_size=200),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_request(
    target: str, headers: dict[str, str], body: bytes, upstream: Upstream, port: int
) -> None:
    """Target, headers and body arrive as they are, whatever they are."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
    lines = [f'POST {target} HTTP/1.1', 'Host: h', 'Accept: */*', f'Content-Length: {len(body)}']
    lines += [f'{name}: {value}' for name, value in headers.items()]
    answer = ask(port, '\r\n'.join([*lines, '', '']).encode('latin-1') + body)
    assert answer is not None
    assert answer.start == 'HTTP/1.1 200 OK'
    got = upstream.asked[-1]
    assert (got.start, got.body) == (lines[0], body)
    expected = {
        'host': 'h',
        'accept': '*/*',
        'content-length': str(len(body)),
        **{name.lower(): value for name, value in headers.items() if name != 'Content-Type'},
    }
    if headers.get('Content-Type'):
        expected['content-type'] = headers['Content-Type']
    assert dict(told(got)) == expected


@pytest.mark.parametrize('method', ['OPTIONS', 'TRACE', 'HEAD', 'PATCH', 'PURGE', 'M-SEARCH'])
def test_any_method(method: str, upstream: Upstream, port: int) -> None:
    """Also those that a web framework would answer itself."""
    upstream.answer = (
        b'HTTP/1.1 405 METHOD NOT ALLOWED\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n'
    )
    answer = ask(port, f'{method} /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    assert answer is not None
    assert answer.headers['Allow'] == 'GET, HEAD'
    assert upstream.asked[-1].start == f'{method} /v1/leases HTTP/1.1'


def test_what_is_for_one_hop_stays_there(upstream: Upstream, port: int) -> None:
    """Also what the client says is for this connection only; but never what frames the body."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
    request = (
        b'POST /v1/leases HTTP/1.1\r\nHost: x\r\nAccept: a/b\r\nKeep-Alive: 5\r\nTE: trailers\r\n'
        b'Upgrade: h2c\r\nX-Mine: 1\r\nX-Kept: 2\r\nExpect: 100-continue\r\n'
        b'Connection: X-Mine, Host, Content-Length, Content-Type\r\nContent-Type: a/b\r\n'
        b'Content-Length: 2\r\n\r\n{}'
    )
    with socket.create_connection(('127.0.0.1', port), timeout=30) as connection:
        connection.sendall(request)
        text = b''
        while not text.endswith(b'\r\n\r\n{}'):
            text += connection.recv(65536)
    assert b'HTTP/1.1 200 OK' in text
    assert told(upstream.asked[-1]) == [
        ('accept', 'a/b'),
        ('content-length', '2'),
        ('content-type', 'a/b'),
        ('host', 'x'),
        ('x-kept', '2'),
    ]


def test_what_a_proxy_says_of_the_client(upstream: Upstream, port: int) -> None:
    """It is Blazar's to believe it or not."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
    said = [
        ('forwarded', 'for=1'),
        ('x-forwarded-for', '192.0.2.1'),
        ('x-forwarded-proto', 'https'),
    ]
    lines = ''.join(f'{name}: {value}\r\n' for name, value in said)
    ask(port, f'GET /v1 HTTP/1.1\r\nHost: x\r\nAccept: a/b\r\n{lines}\r\n'.encode())
    assert told(upstream.asked[-1]) == sorted([('accept', 'a/b'), ('host', 'x'), *said])


def test_headers_that_are_sent_twice(upstream: Upstream, port: int) -> None:
    """The server puts them together, as HTTP allows; none of them is lost."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
    ask(port, b'GET /v1 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\nAccept: a/b\r\n\r\n')
    assert told(upstream.asked[-1]) == [('accept', 'a/b'), ('host', 'x'), ('x-a', '1, 2')]


@pytest.mark.parametrize('size', [0, 1, 70_000, 3_000_000])
def test_a_body_in_chunks(size: int, upstream: Upstream, port: int) -> None:
    """It arrives whole."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
    body = bytes(number % 251 for number in range(size))
    chunks = [body[at : at + 65536] for at in range(0, size, 65536)]
    text = b''.join(b'%x\r\n%b\r\n' % (len(each), each) for each in chunks) + b'0\r\n\r\n'
    head = b'POST /v1/leases HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    assert ask(port, head + text) is not None
    assert upstream.asked[-1].body == body


class Mounted:
    """What servers other than waitress tell an application; each gets one request."""

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)
        self._app = PassThrough(self._connections)

    def __call__(self, **environ: Any) -> str:
        body = environ.pop('body', b'')
        given = {
            'REQUEST_METHOD': 'GET',
            'SCRIPT_NAME': '',
            'PATH_INFO': '/v1/leases',
            'QUERY_STRING': '',
            'wsgi.input': io.BytesIO(body),
            **environ,
        }
        status: list[str] = []
        parts = self._app(given, lambda line, *rest: status.append(line))  # type: ignore[arg-type]
        b''.join(parts)
        self._connections.close()
        return status[0]


@pytest.mark.parametrize(
    ('environ', 'target'),
    [
        ({'REQUEST_URI': '/v1/a%2Fb?c'}, '/v1/a%2Fb?c'),
        ({'RAW_URI': '/v1/a%2Fb?c'}, '/v1/a%2Fb?c'),
        ({'REQUEST_URI': '/res/v1/a%2Fb', 'SCRIPT_NAME': '/res'}, '/v1/a%2Fb'),
        ({'REQUEST_URI': '/r%20s/v1/x', 'SCRIPT_NAME': '/r s'}, '/v1/x'),
        ({'REQUEST_URI': 'http://h/v1/x?y'}, 'http://h/v1/x?y'),
        ({'REQUEST_URI': 'http://h/res/v1/x?y', 'SCRIPT_NAME': '/res'}, '/v1/x?y'),
        ({'PATH_INFO': '/v1/a b/\xc3\xa4', 'QUERY_STRING': 'c=%20'}, '/v1/a%20b/%C3%A4?c=%20'),
        ({'PATH_INFO': ''}, '/'),
    ],
)
def test_what_servers_tell(environ: dict[str, str], target: str) -> None:
    """uWSGI, mod_wsgi, gunicorn and CGI tell the target in ways of their own."""
    with Upstream() as upstream:
        assert Mounted(upstream.url)(**environ) == '200 OK'
        assert upstream.asked[0].start == f'GET {target} HTTP/1.1'


def test_an_endpoint_with_a_path() -> None:
    """What the gateway is mounted below is replaced by what Blazar is mounted below."""
    with Upstream() as upstream:
        app = Mounted(f'{upstream.url}/reservation/')
        assert app(REQUEST_URI='/gw/v1/leases?x', SCRIPT_NAME='/gw') == '200 OK'
        assert upstream.asked[0].start == 'GET /reservation/v1/leases?x HTTP/1.1'


def test_nothing_but_the_wire() -> None:
    """What a middleware has added is not sent, not even None; what it cannot send is refused."""
    with Upstream() as upstream:
        app = Mounted(upstream.url)
        added: dict[str, Any] = {
            'HTTP_X_USER_ID': None,
            'HTTP_HOST': 'h',
            'HTTP_ACCEPT': '*/*',
            'keystone.token_info': {},
            'REMOTE_USER': 'x',
        }
        assert app(**added) == '200 OK'
        assert told(upstream.asked[0]) == [('accept', '*/*'), ('host', 'h')]
        assert app(REQUEST_URI='/v1/a b') == '400 Bad Request'
        assert app(HTTP_X_A='a\r\nX-Evil: 1') == '400 Bad Request'
        assert len(upstream.asked) == 1


def test_a_client_that_stops_within_its_body() -> None:
    """Blazar does not get half of a body for the whole of it."""
    with Upstream() as upstream:
        app = Mounted(upstream.url)
        line = app(REQUEST_METHOD='POST', CONTENT_LENGTH='10', body=b'{}')
        assert line.startswith('499 ')
        assert upstream.closed.wait(30)
        assert upstream.asked == []


# ---------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ('raw', 'body', 'said'),
    [
        (b'200 OK\r\nContent-Length: 3\r\nX-A: 1\r\nX-A: 2\r\n\r\nabc', b'abc', ['1', '2']),
        (b'200 OK\r\nX-A: 1\r\nConnection: close\r\n\r\nabc', b'abc', ['1']),
        (
            b'200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x\r\nbc\r\n0\r\n\r\n',
            b'abc',
            [],
        ),
        (b'200 OK\r\nConnection: close, X-A\r\nX-A: 1\r\n\r\n', b'', []),
        (b'204 NO CONTENT\r\nX-A: 1\r\nContent-Type: application/json\r\n\r\n', b'', ['1']),
        (b'304 NOT MODIFIED\r\nX-A: 1\r\nETag: "x"\r\n\r\n', b'', ['1']),
        (b'299 A reason of its own\r\nContent-Length: 0\r\n\r\n', b'', []),
        (
            b'302 Found\r\nLocation: http://elsewhere/\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n',
            b'',
            ['1'],
        ),
        (b'200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0\r\n\r\n', b'', ['a b']),
    ],
)
def test_any_answer(
    raw: bytes, body: bytes, said: list[str], upstream: Upstream, port: int
) -> None:
    """Status, reason, headers and body come back, however long the body says it is."""
    upstream.answer = b'HTTP/1.1 ' + raw
    answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
    assert answer is not None
    assert answer.start.encode() == b'HTTP/1.1 ' + raw.partition(b'\r\n')[0]
    assert answer.body == body
    assert [value for name, value in told(answer) if name == 'x-a'] == said


def test_a_head(upstream: Upstream, port: int) -> None:
    """It says how long the body would be, and has none."""
    upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: 5061\r\nContent-Type: a/b\r\n\r\n'
    answer = ask(port, b'HEAD /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
    assert answer is not None
    assert (answer.headers['Content-Length'], answer.body) == ('5061', b'')


def test_a_compressed_answer(upstream: Upstream, port: int) -> None:
    """It comes back as it is."""
    body = gzip.compress(b'{"leases": []}')
    upstream.answer = (
        b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b'
        % (len(body), body)
    )
    answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n')
    assert answer is not None
    assert answer.body == body
    assert dict(told(upstream.asked[-1]))['accept-encoding'] == 'gzip'


def test_a_long_answer_is_passed_on_while_it_comes(upstream: Upstream, port: int) -> None:
    """The client has its beginning before Blazar has sent its end."""
    seen: list[bytes] = []

    def answer(connection: socket.socket, message: Message) -> bool:
        connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst')
        deadline = time.monotonic() + 30
        while not seen and time.monotonic() < deadline:
            time.sleep(0.01)
        connection.sendall(b'last')
        return False

    upstream.answer = answer
    with socket.create_connection(('127.0.0.1', port), timeout=30) as connection:
        connection.sendall(b'GET /v1/leases HTTP/1.0\r\nHost: x\r\n\r\n')
        text = b''
        while part := connection.recv(65536):
            text += part
            if b'first' in text:
                seen.append(text)
    assert text.endswith(b'\r\n\r\nfirstlast')


def test_a_huge_answer(upstream: Upstream, port: int) -> None:
    """Its bytes are all there."""
    part = bytes(range(256)) * 256

    def answer(connection: socket.socket, message: Message) -> bool:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (400 * len(part)))
        for _ in range(400):
            connection.sendall(part)
        return True

    upstream.answer = answer
    answered = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
    assert answered is not None
    assert answered.body == part * 400


# ------------------------------------------------------------ what can go wrong


@pytest.mark.parametrize(
    'cut',
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n',
    ],
)
def test_an_answer_that_is_cut(cut: bytes, upstream: Upstream, port: int) -> None:
    """The client sees that it is cut, too."""

    def answer(connection: socket.socket, message: Message) -> bool:
        connection.sendall(cut)
        return False

    upstream.answer = answer
    assert ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n') is None


@pytest.mark.parametrize(
    'broken', [b'', b'HTTP/1.1', b'nonsense\r\n\r\n', b'HTTP/1.1 abc OK\r\n\r\n']
)
def test_no_answer(broken: bytes, upstream: Upstream, port: int) -> None:
    """It is told in Blazar's form, and nothing that is secret with it."""

    def answer(connection: socket.socket, message: Message) -> bool:
        connection.sendall(broken)
        return False

    upstream.answer = answer
    got = ask(port, b'POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}')
    assert got is not None
    assert got.start == 'HTTP/1.1 502 Bad Gateway'
    said = json.loads(got.body)
    assert set(said) == {'error_code', 'error_message', 'error_name'}
    assert said['error_code'] == said['error_name'] == 502
    assert '127.0.0.1' not in said['error_message']


def test_nobody_listens() -> None:
    """The same, at once."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        url = f'http://127.0.0.1:{free.getsockname()[1]}'
    with standing_before(url) as port:
        answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
        assert answer is not None
        assert answer.start == 'HTTP/1.1 502 Bad Gateway'


def test_too_slow() -> None:
    """After the time that the options give Blazar, 504; the request is ended."""
    with (
        Upstream(lambda connection, message: not connection.recv(1)) as upstream,
        standing_before(upstream.url, timeout=0.2) as port,
    ):
        answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
        assert answer is not None
        assert answer.start == 'HTTP/1.1 504 Gateway Timeout'
        assert json.loads(answer.body)['error_code'] == 504
        assert upstream.closed.wait(30)


@pytest.mark.parametrize('begin', [b'', b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx'])
def test_a_client_that_goes_ends_the_request(begin: bytes, upstream: Upstream, port: int) -> None:
    """While it waits for the answer, and while it reads it."""
    begun, ended = threading.Event(), threading.Event()

    def answer(connection: socket.socket, message: Message) -> bool:
        connection.sendall(begin)
        begun.set()
        connection.settimeout(0.05)
        while True:
            # Only who writes hears that nobody reads any more.
            try:
                if begin:
                    connection.sendall(b'y')
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        ended.set()
        return False

    upstream.answer = answer
    with socket.create_connection(('127.0.0.1', port), timeout=30) as connection:
        connection.sendall(b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
        assert begun.wait(30)
    assert ended.wait(30)


def test_connections_are_used_again() -> None:
    """For what changes nothing; and one that Blazar has closed meanwhile is no error."""
    with Upstream() as upstream, standing_before(upstream.url) as port:
        for _ in range(5):
            answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
            assert answer is not None
        assert upstream.connections == 1

        calls: list[int] = []

        def hang_up_once(connection: socket.socket, message: Message) -> bool:
            calls.append(1)
            if len(calls) == 1:
                return False
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
            return True

        upstream.answer = hang_up_once
        answer = ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
        assert answer is not None
        assert answer.start == 'HTTP/1.1 200 OK'
        assert upstream.connections == 2


def test_what_changes_something_is_sent_once() -> None:
    """Also when its answer is lost."""
    with Upstream() as upstream, standing_before(upstream.url) as port:
        ask(port, b'GET /v1/leases HTTP/1.1\r\nHost: x\r\n\r\n')
        upstream.answer = lambda connection, message: False
        answer = ask(port, b'DELETE /v1/leases/1 HTTP/1.1\r\nHost: x\r\n\r\n')
        assert answer is not None
        assert answer.start == 'HTTP/1.1 502 Bad Gateway'
        assert [each.start for each in upstream.asked].count('DELETE /v1/leases/1 HTTP/1.1') == 1


def test_a_body_that_is_refused_early(upstream: Upstream, port: int) -> None:
    """Who answers before the body is sent is heard nevertheless."""

    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b'HTTP/1.1 413 TOO LARGE\r\nContent-Length: 2\r\n\r\n{}')
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(30)
        while connection.recv(1 << 20):
            pass

    listener = Listener(lambda connection, number: answer(connection))
    try:
        with standing_before(f'http://127.0.0.1:{listener.port}') as gate:
            got = ask(
                gate,
                b'POST /v1/leases HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n'
                + b'x' * 4_000_000,
            )
    finally:
        listener.stop()
    assert got is not None
    assert got.start == 'HTTP/1.1 413 TOO LARGE'


def test_a_list_of_versions_that_is_none(upstream: Upstream, port: int) -> None:
    """What is not Blazar's list is passed on."""
    for body in (b'[1]', b'nonsense', b'{"versions": {}}', b'{"versions": [1, {"id": "v9"}]}'):
        upstream.answer = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
        answer = ask(port, b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        assert answer is not None
        assert answer.body == body


def test_the_pin_is_the_newest_version() -> None:
    """``[upgrade] pin`` is what the list of versions announces."""
    body = b'{"versions": [{"id": "v1.0", "min_version": "1.0", "max_version": "1.0"}]}'
    with Upstream() as upstream:
        upstream.answer = b'HTTP/1.1 300 X\r\nContent-Length: %d\r\n\r\n%b' % (len(body), body)
        connections = Connections(upstream.url)
        with served(PassThrough(connections, pin='1.1')) as port:
            answer = ask(port, b'GET /versions HTTP/1.1\r\nHost: x\r\n\r\n')
        connections.close()
    assert answer is not None
    assert answer.start == 'HTTP/1.1 300 X'
    first = json.loads(answer.body)['versions'][0]
    assert (first['max_version'], list(first['object_versions'])) == ('1.1', ['1.0', '1.1'])
