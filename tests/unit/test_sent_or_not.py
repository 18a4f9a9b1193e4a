"""Timeouts, and what an error says about whether the request has reached the service."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from keystoneauth1 import exceptions as ksa_exceptions

from blazarclient import exception, transport
from blazarclient.client import Client
from tests.conftest import ClientFactory
from tests.proxy import CUT_BEFORE_ANSWER, Proxy, delay
from tests.recorded import Answer, RecordedBlazar


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a hundredth of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.08)


def upstream_create(client: Client) -> object:
    """A create in upstream's style, which is sent once."""
    return client.lease.create('a', '2026-01-01 00:00', '2026-01-01 01:00', [], [])


def closed_port() -> int:
    """A port that nobody listens at."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(('127.0.0.1', 0))
        port: int = free.getsockname()[1]
    return port


@contextlib.contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A server that answers the first connection with these bytes and then says nothing more."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(raw)
            done.wait(5)

    with socket.create_server(('127.0.0.1', 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f'127.0.0.1:{listening.getsockname()[1]}'
        done.set()
        thread.join()


def test_server_that_never_answers(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """The read timeout ends a try; the request may have been carried out."""
    proxy.plan(lambda _: delay(1))
    server.on('POST', '/v1/leases', status=201)
    began = time.monotonic()
    someone = client(timeout=(1, 0.1), connect_retries=1)
    with pytest.raises(exception.ConnectionFailed, match='gave no answer in time') as caught:
        someone.leases.list()
    assert caught.value.sent
    with pytest.raises(exception.ConnectionFailed, match='gave no answer in time') as caught:
        upstream_create(someone)
    assert caught.value.sent
    assert time.monotonic() - began < 2
    assert [each[0] for each in proxy.done] == ['GET', 'GET', 'POST']
    assert isinstance(caught.value, ksa_exceptions.ConnectFailure)


def test_list_that_stalls(client: ClientFactory) -> None:
    """The read timeout counts between two pieces of a list, too."""
    with answering(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"leases": [') as address:
        someone = client(endpoint_override=f'http://{address}', timeout=(1, 0.1), connect_retries=0)
        with pytest.raises(exception.ConnectionFailed, match='gave no answer in time'):
            someone.leases.list()


def test_an_error_in_flight_does_not_count(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """Whoever calls while handling a refused connection gets the truth about this one."""
    someone = client()
    someone.transport.endpoint()
    server.on('POST', '/v1/leases', status=201)
    proxy.plan(lambda _: CUT_BEFORE_ANSWER)
    try:
        requests.get(f'http://127.0.0.1:{closed_port()}', timeout=1)
    except requests.ConnectionError:
        with pytest.raises(exception.ConnectionFailed) as caught:
            upstream_create(someone)
    assert caught.value.sent
    assert len(proxy.done) == 1


def test_a_look_alikes_own_errors(server: RecordedBlazar) -> None:
    """A session that raises keystoneauth1's error by itself does not say that nothing was sent."""

    class Failing:
        calls = 0

        def request(self, url: str, method: str, **_: Any) -> object:
            self.calls += 1
            raise ksa_exceptions.ConnectFailure('lost')

    session = Failing()
    try:
        requests.get(f'http://127.0.0.1:{closed_port()}', timeout=1)
    except requests.ConnectionError:
        with pytest.raises(exception.ConnectionFailed, match='lost') as caught:
            upstream_create(Client(session=session))
    assert caught.value.sent
    assert session.calls == 1


def test_proxy_that_cuts(server: RecordedBlazar, client: ClientFactory, proxy: Proxy) -> None:
    """urllib3 calls an answer lost behind an HTTP proxy a ProxyError; it was sent all the same."""
    someone = client()
    someone.transport.endpoint()
    someone.session.session.proxies = {'http': proxy.url}  # type: ignore[union-attr]
    proxy.plan(lambda _: CUT_BEFORE_ANSWER)
    server.unexpected.clear()
    with pytest.raises(exception.ConnectionFailed) as caught:
        upstream_create(someone)
    assert caught.value.sent
    assert len(proxy.done) == 1
    server.unexpected.clear()


def test_plain_http_behind_https(client: ClientFactory) -> None:
    """Nothing was sent when the other side does not speak TLS, or does not answer to it."""
    for raw in (b'HTTP/1.1 400 Bad Request\r\n\r\n', b''):
        with answering(raw) as address:
            someone = client(
                endpoint_override=f'https://{address}', timeout=(1, 0.1), connect_retries=0
            )
            with pytest.raises(exception.ConnectionFailed, match='cannot be reached') as caught:
                upstream_create(someone)
            assert not caught.value.sent


def test_address_that_is_none(client: ClientFactory) -> None:
    """An address that cannot be one fails at once."""
    someone = client(endpoint_override='gopher://127.0.0.1/v1')
    began = time.monotonic()
    with pytest.raises(exception.ConnectionFailed, match='cannot be reached'):
        someone.leases.list()
    assert time.monotonic() - began < 1


def test_keystone_that_is_gone(server: RecordedBlazar, client: ClientFactory) -> None:
    """When a new token cannot be had, the error names Keystone, and no lease was made."""
    someone = client(connect_retries=1)
    someone.leases.list()
    server.expire_tokens()
    server.on('POST', '/identity/v3/auth/tokens', lambda _: Answer(cut=0))
    with pytest.raises(exception.ConnectionFailed, match='/auth/tokens gave no answer') as caught:
        upstream_create(someone)
    assert not caught.value.sent
