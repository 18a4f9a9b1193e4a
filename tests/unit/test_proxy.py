"""The proxy loses what it is told to lose, to the byte."""

import io
import socket
import time

import pytest
import requests

from tests.http1 import read_message
from tests.proxy import (
    CUT_AT_ONCE,
    CUT_BEFORE,
    CUT_BEFORE_ANSWER,
    CUT_LAST_BYTE,
    PASS,
    Proxy,
    cut_answer,
    delay,
    unavailable,
)
from tests.recorded import RecordedBlazar

JSON = {'Accept': 'application/json'}


def through(proxy: Proxy, method: str = 'GET', token: str = '') -> bytes:
    """One request through the proxy, and all bytes that come back."""
    text = (
        f'{method} /v1/leases HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n'
        f'X-Auth-Token: {token}\r\nConnection: close\r\nContent-Length: 10\r\n\r\n'
    )
    with socket.create_connection((proxy.host, proxy.port), 10) as connection:
        # In two parts: the proxy has to wait for the whole request.
        connection.sendall(text.encode() + b'{"x":')
        time.sleep(0.02)
        connection.sendall(b' "y"}')
        with connection.makefile('rb') as stream:
            return stream.read()


def test_proxy_cuts_where_told(server: RecordedBlazar, proxy: Proxy) -> None:
    """Each step does what it says, to the byte, and the server sees what it should see."""
    token = server.issue_token()
    whole = server.recorded('leases-list').raw
    busy = unavailable(retry_after=7)
    steps = [PASS, CUT_BEFORE, CUT_BEFORE_ANSWER, cut_answer(17), CUT_LAST_BYTE, busy, delay(0.1)]
    proxy.plan(steps)
    got = [through(proxy, token=token) for _ in range(9)]
    assert got[:5] == [whole, b'', b'', whole[:17], whole[:-1]]
    assert b'HTTP/1.1 503 ' in got[5]
    assert b'Retry-After: 7' in got[5]
    assert got[6:] == [whole, whole, whole]
    assert len(server.requests) == 7
    assert {each.body for each in server.requests} == {b'{"x": "y"}'}
    assert proxy.connections == 9
    assert proxy.count(PASS) == 3
    assert proxy.done[1] == ('GET', '/v1/leases', 'cut-before')


def test_proxy_cuts_while_the_server_works(server: RecordedBlazar, proxy: Proxy) -> None:
    """The connection can end before the server has made up its answer."""
    server.on('GET', '/v1/leases', body={'leases': []}, delay=0.3)
    proxy.plan([CUT_AT_ONCE])
    began = time.monotonic()
    assert through(proxy, token=server.issue_token()) == b''
    assert time.monotonic() - began < 0.3
    while not server.requests:
        time.sleep(0.01)
    assert server.calls() == ['GET /v1/leases']


def test_proxy_plan_for_one_method(server: RecordedBlazar, proxy: Proxy) -> None:
    """A plan can be a function, and for some methods only; connections may be kept."""
    server.keep_alive = True
    server.on('POST', '/v1/leases', status=201, body={'lease': {}})
    proxy.plan(lambda seen: CUT_BEFORE if seen.number == 1 else PASS, only=['POST'])
    headers = {'X-Auth-Token': server.issue_token(), **JSON}
    url = f'{proxy.url}/v1/leases'
    with requests.Session() as http:
        for _ in range(3):
            assert http.get(url, headers=headers, timeout=10).status_code == 200
        assert http.post(url, json={}, headers=headers, timeout=10).status_code == 201
        assert proxy.connections == 1
        with pytest.raises(requests.ConnectionError):
            http.post(url, json={}, headers=headers, timeout=10)
        assert http.post(url, json={}, headers=headers, timeout=10).status_code == 201
    assert server.calls().count('POST /v1/leases') == 2


@pytest.mark.parametrize(
    ('text', 'body'),
    [
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n', b'ab'),
        (b'HTTP/1.1 200 OK\r\n\r\nabc', b'abc'),
        (b'HTTP/1.1 204 NO CONTENT\r\n\r\n', b''),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab', None),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab', None),
        (b'HTTP/1.1 200', None),
    ],
)
def test_messages_end_where_http_says(text: bytes, body: bytes | None) -> None:
    """An answer is whole, or it is none."""
    message = read_message(io.BytesIO(text), answer_to='GET')
    assert (message.body if message else None) == body
    assert message is None or message.raw == text
