"""A TCP proxy that loses requests and answers where a test tells it to.

It reads a whole request before it decides, so that "the server has seen it" and "the server has
not seen it" are facts, not chances.
"""

import contextlib
import dataclasses
import itertools
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Self

from tests.http1 import Listener, Message, read_message

_ANSWER_TIMEOUT = 120.0


@dataclasses.dataclass(frozen=True)
class Step:
    """What happens to one request; made by the constants and functions below."""

    name: str
    forward: bool = True
    wait: bool = True
    keep: int | None = None
    delay: float = 0.0
    own_answer: bytes = b''


#: The request and its answer go through.
PASS = Step('pass')
#: The connection is closed with nothing forwarded.
CUT_BEFORE = Step('cut-before', forward=False)
#: The server answers, nothing of the answer comes back.
CUT_BEFORE_ANSWER = Step('cut-before-answer', keep=0)
#: The request is forwarded and the connection closed while the server is still at work.
CUT_AT_ONCE = Step('cut-at-once', wait=False)
#: All of the answer but its last byte comes back.
CUT_LAST_BYTE = Step('cut-last-byte', keep=-1)


def cut_answer(after: int) -> Step:
    """Let so many bytes of the answer come back."""
    return Step(f'cut-answer-{after}', keep=after)


def delay(seconds: float) -> Step:
    """Let a request wait before it is forwarded."""
    return Step('delay', delay=seconds)


def unavailable(retry_after: int | str | None = 1, status: int = 503) -> Step:
    """Answer in the server's place, as a load balancer without a server does.

    ``retry_after`` is in seconds, or an HTTP date; None leaves the header out.
    """
    body = b'<html><body><h1>503 Service Unavailable</h1></body></html>\n'
    lines = [
        f'HTTP/1.1 {status} Service Unavailable',
        'Content-Type: text/html',
        f'Content-Length: {len(body)}',
        'Connection: close',
    ]
    if retry_after is not None:
        lines.append(f'Retry-After: {retry_after}')
    head = '\r\n'.join([*lines, '', '']).encode()
    return Step(f'unavailable-{status}', forward=False, own_answer=head + body)


@dataclasses.dataclass(frozen=True)
class Seen:
    """A request at the proxy; ``number`` counts the requests that the plan is for, from 0."""

    method: str
    path: str
    body: bytes
    number: int


Plan = Callable[[Seen], Step]


class Proxy:
    """A loopback port in front of ``host:port``.

    ``only`` names the methods that the plan is for; requests with others always pass.
    """

    def __init__(self, host: str, port: int, *, only: Collection[str] = ()) -> None:
        #: Method, path and step of each request, in the order they were decided.
        self.done: list[tuple[str, str, str]] = []
        self._target = (host, port)
        self._only = frozenset(only)
        self._lock = threading.Lock()
        self._count = 0
        self._plan: Plan = lambda _: PASS
        self._listener = Listener(self._serve)
        self.host, self.port = '127.0.0.1', self._listener.port
        self.url = f'http://{self.host}:{self.port}'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._listener.stop()

    def plan(self, steps: Iterable[Step] | Plan, *, only: Collection[str] | None = None) -> None:
        """Say what happens from now on: a step for each request, then PASS; or a callable."""
        if callable(steps):
            chosen: Plan = steps
        else:
            queue: Iterator[Step] = itertools.chain(steps, itertools.repeat(PASS))

            def chosen(_: Seen) -> Step:
                return next(queue)

        with self._lock:
            self._plan = chosen
            self._count = 0
            if only is not None:
                self._only = frozenset(only)

    @property
    def connections(self) -> int:
        """Connections that clients have made so far."""
        return self._listener.accepted

    def count(self, step: str | Step) -> int:
        """How many requests were treated so."""
        name = step if isinstance(step, str) else step.name
        return sum(done == name for _, _, done in list(self.done))

    def _serve(self, client: socket.socket, number: int) -> None:
        with client.makefile('rb') as stream, _Upstream(self._target) as server:
            while request := read_message(stream):
                step = self._decide(request)
                self._listener.closing.wait(step.delay)
                if not self._exchange(client, server, request, step):
                    return

    def _decide(self, request: Message) -> Step:
        method, path, _ = request.start.split(' ')
        with self._lock:
            if self._only and method not in self._only:
                step = PASS
            else:
                step = self._plan(Seen(method, path, request.body, self._count))
                self._count += 1
            self.done.append((method, path, step.name))
        return step

    def _exchange(
        self, client: socket.socket, server: '_Upstream', request: Message, step: Step
    ) -> bool:
        """Do one step; False when the connection ends with it."""
        if not step.forward:
            client.sendall(step.own_answer)
            return False
        server.send(request.raw)
        if not step.wait:
            return False
        answer = server.receive(request.start.split(' ')[0])
        if answer is None:
            return False
        client.sendall(answer.raw[: step.keep])
        return step.keep is None and answer.keeps_alive and request.keeps_alive


class _Upstream:
    """The connection to the server, made when something is sent."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._stack = contextlib.ExitStack()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def send(self, raw: bytes) -> None:
        if self._socket is None:
            self._socket = self._stack.enter_context(
                socket.create_connection(self._target, _ANSWER_TIMEOUT)
            )
            self._stream = self._stack.enter_context(self._socket.makefile('rb'))
        self._socket.sendall(raw)

    def receive(self, method: str) -> Message | None:
        return read_message(self._stream, answer_to=method)
