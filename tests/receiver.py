"""A receiver of webhooks on the loopback interface, which answers as a test tells it to."""

from __future__ import annotations

import dataclasses
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

__all__ = ['Received', 'Receiver', 'Reply']


@dataclasses.dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    #: By names in lower case.
    headers: Mapping[str, str]
    body: bytes
    #: Seconds since 1970, when all of it was there.
    at: float
    #: The address on which it came in.
    host: str

    @property
    def id(self) -> str:
        """Its ``webhook-id``."""
        return self.headers.get('webhook-id', '')

    @property
    def event(self) -> dict[str, Any]:
        """The CloudEvent in its body."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclasses.dataclass(frozen=True)
class Reply:
    """What is answered.

    :param status: 0 closes the connection without an answer.
    :param delay: seconds to wait before the answer.
    """

    status: int = 204
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b''
    delay: float = 0.0

    def encoded(self) -> bytes:
        """The answer as it travels."""
        lines = [f'HTTP/1.1 {self.status} -']
        lines += [f'{name}: {value}' for name, value in self.headers.items()]
        if self.status != 204:
            lines.append(f'content-length: {len(self.body)}')
        return '\r\n'.join([*lines, '', '']).encode() + self.body


class Receiver:
    """Listens on a port of its own, on every address 127.0.0.0/8, with a thread per connection.

    ``reply`` is what it answers: a :class:`Reply`, or a function that makes one of the request.

    :param port: by default one that is free.
    """

    def __init__(
        self, reply: Reply | Callable[[Received], Reply] | None = None, *, port: int = 0
    ) -> None:
        self.reply = reply or Reply()
        self._lock = threading.Condition()
        self._received: list[Received] = []
        #: How many requests are being answered, and how many were at most, by address.
        self.open: dict[str, int] = {}
        self.most: dict[str, int] = {}
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                host = self.connection.getsockname()[0]
                while (request := _read(self.rfile, host)) is not None:
                    reply = outer._answer(request)
                    if not reply.status:
                        return
                    try:
                        self.wfile.write(reply.encoded())
                    except OSError:
                        return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                """Whoever sends may end at any moment."""

        self._server = Server(('0.0.0.0', port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = '/hook', host: str = '127.0.0.1') -> str:
        """A URL that leads here."""
        return f'http://{host}:{self.port}{path}'

    @property
    def received(self) -> list[Received]:
        """All requests so far, in the order in which they came."""
        with self._lock:
            return list(self._received)

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._received.clear()

    def wait(self, count: int, timeout: float = 20.0) -> list[Received]:
        """Wait until there are so many requests; all of them, also when there are fewer."""
        with self._lock:
            self._lock.wait_for(lambda: len(self._received) >= count, timeout)
            return list(self._received)

    def _answer(self, request: Received) -> Reply:
        with self._lock:
            self._received.append(request)
            self.open[request.host] = self.open.get(request.host, 0) + 1
            self.most[request.host] = max(self.most.get(request.host, 0), self.open[request.host])
            self._lock.notify_all()
        reply = self.reply
        try:
            if not isinstance(reply, Reply):
                reply = reply(request)
            if reply.delay:
                time.sleep(reply.delay)
        finally:
            with self._lock:
                self.open[request.host] -= 1
        return reply


def _read(stream: Any, host: str) -> Received | None:
    """The next request of a connection; None when there is none."""
    try:
        start = stream.readline().decode('latin-1').split()
        if len(start) != 3:
            return None
        headers = dict(_headers(stream))
        body = stream.read(int(headers.get('content-length', 0)))
    except (OSError, ValueError):
        return None
    return Received(start[0], start[1], headers, body, time.time(), host)


def _headers(stream: Any) -> Iterator[tuple[str, str]]:
    while line := stream.readline().decode('latin-1').strip():
        name, _, value = line.partition(':')
        yield name.strip().lower(), value.strip()
