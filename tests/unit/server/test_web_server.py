"""The server of ``blazar-gateway``, and its end."""

import http.client
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from waitress import trigger

from blazarclient.server.web_server import WebServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATIENCE = 30


class Slow:
    """An application whose ``/slow`` waits until it is told to answer."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, environ: 'WSGIEnvironment', start: 'StartResponse') -> Iterable[bytes]:
        if environ['PATH_INFO'] == '/slow':
            self.begun.set()
            assert self.go_on.wait(PATIENCE)
        body = b'x' * 100_000
        start('200 OK', [('Content-Length', str(len(body)))])
        return [body]


class Running:
    """A server in a thread."""

    def __init__(self) -> None:
        self.application = Slow()
        self.stopping = threading.Event()
        self.server = WebServer(self.application, host='127.0.0.1', port=0, threads=4, ident='test')
        self.thread = threading.Thread(target=self.server.run, args=[self.stopping.set])
        self.thread.start()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.server.addresses[0], timeout=PATIENCE)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.application.go_on.set()
    made.server.stop()
    made.thread.join(PATIENCE)
    assert not made.thread.is_alive()


def test_what_was_asked_is_answered(running: Running) -> None:
    """When it ends, nobody new is let in, and a request in flight gets all of its answer."""
    asked, idle = running.connect(), running.connect()
    idle.request('GET', '/')
    assert len(idle.getresponse().read()) == 100_000
    asked.request('GET', '/slow')
    assert running.application.begun.wait(PATIENCE)
    address = running.server.addresses[0]
    running.server.stop()
    assert running.stopping.wait(PATIENCE)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=PATIENCE)
    running.application.go_on.set()
    answer = asked.getresponse()
    assert (answer.status, len(answer.read())) == (200, 100_000)
    # Connections on which nothing is asked are closed.
    assert idle.sock.recv(1) == b''
    running.thread.join(PATIENCE)
    assert not running.thread.is_alive()
    for each in (asked, idle):
        each.close()


def test_ended_between_two_looks(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is woken with is there until it was used, even if something else wakes it first."""
    pull = trigger.trigger._physical_pull

    def late(self: trigger.trigger) -> None:
        socket.create_connection(running.server.addresses[0]).close()
        # As long as it would take it to end, were it not to wait for this.
        running.thread.join(0.5)
        pull(self)

    monkeypatch.setattr(trigger.trigger, '_physical_pull', late)
    running.server.stop()
    running.thread.join(PATIENCE)
    assert not running.thread.is_alive()


def test_who_hangs_up_costs_nothing(running: Running) -> None:
    """A client that goes away while its request waits does not keep the server busy."""
    client = running.connect()
    client.request('GET', '/slow')
    assert running.application.begun.wait(PATIENCE)
    client.close()
    before = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - before < 0.25


def test_many_connections(running: Running) -> None:
    """Hundreds of clients that are connected and ask nothing keep nobody from being answered."""
    idle = [socket.create_connection(running.server.addresses[0]) for _ in range(300)]
    client = running.connect()
    client.request('GET', '/')
    assert client.getresponse().status == 200
    client.close()
    for each in idle:
        each.close()
