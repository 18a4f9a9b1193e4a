"""A Blazar that says what a test wants, and the gateway before it, both on real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from blazarclient.server.backends.blazar.connections import Connections
from blazarclient.server.backends.blazar.pass_through import PassThrough
from blazarclient.server.web_server import WebServer
from tests.http1 import Listener, Message, read_message

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ['OK', 'Upstream', 'ask', 'served', 'standing_before', 'told']

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
#: Says something to the connection of a request; returns whether the connection is kept.
Script = Callable[[socket.socket, Message], bool]
_PATIENCE = 30.0


class Upstream:
    """Answers each request with what ``answer`` is by then, and keeps what it was asked.

    ``answer`` is the bytes of an answer, or a script. The connection is kept when the answer
    says how long it is.
    """

    def __init__(self, answer: bytes | Script = OK) -> None:
        self.answer = answer
        self.asked: list[Message] = []
        self.closed = threading.Event()
        self._listener = Listener(self._serve)

    def __enter__(self) -> Upstream:
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.stop()

    @property
    def url(self) -> str:
        """Its address."""
        return f'http://127.0.0.1:{self._listener.port}'

    @property
    def connections(self) -> int:
        """How many were made."""
        return self._listener.accepted

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection.makefile('rb') as stream:
            while message := read_message(stream):
                self.asked.append(message)
                if callable(self.answer):
                    if not self.answer(connection, message):
                        break
                    continue
                connection.sendall(self.answer)
                head = self.answer.partition(b'\r\n\r\n')[0].lower()
                if b'connection: close' in head or (
                    b'content-length' not in head and b'chunked' not in head
                ):
                    break
        self.closed.set()


@contextlib.contextmanager
def served(app: WSGIApplication) -> Iterator[int]:
    """The port on which an application is served, as ``blazar-gateway api`` does it."""
    server = WebServer(app, host='127.0.0.1', threads=8, ident='blazar-gateway')
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        ((_, port),) = server.addresses
        yield port
    finally:
        server.stop()
        thread.join(_PATIENCE)


@contextlib.contextmanager
def standing_before(url: str, **options: float) -> Iterator[int]:
    """The port of a gateway that passes everything through to an address."""
    connections = Connections(url, **options)  # type: ignore[arg-type]
    try:
        with served(PassThrough(connections)) as port:
            yield port
    finally:
        connections.close()


def ask(port: int, request: bytes) -> Message | None:
    """Send the bytes of a request; None when there is no whole answer."""
    with socket.create_connection(('127.0.0.1', port), timeout=_PATIENCE) as connection:
        connection.sendall(request)
        with connection.makefile('rb') as stream:
            return read_message(stream, answer_to=request.partition(b' ')[0].decode())


def told(message: Message) -> list[tuple[str, str]]:
    """The headers of a message, each with its name in lower case, sorted; also those twice."""
    head = message.raw.partition(b'\r\n\r\n')[0].decode('latin-1')
    lines = [line.partition(':') for line in head.split('\r\n')[1:]]
    return sorted((name.lower(), value.strip()) for name, _, value in lines)
