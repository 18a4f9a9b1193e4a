"""As much of HTTP/1.1 as the test servers need, on plain sockets.

http.server decides too much by itself (dates, header order, reason phrases) for answers that have
to come back byte for byte, and a proxy that cuts answers needs the bytes anyway.
"""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import BinaryIO

_HEAD_LIMIT = 200
_CLOSE_TIMEOUT = 10.0


class Headers(Mapping[str, str]):
    """Headers of one message; names are found in any case."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values = {key.lower(): value for key, value in pairs}

    def __getitem__(self, key: str) -> str:
        return self._values[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f'Headers({self._values})'


@dataclasses.dataclass(frozen=True)
class Message:
    """A request or an answer: its first line, headers and body, and ``raw`` as it travelled."""

    start: str
    headers: Headers
    body: bytes
    raw: bytes
    to_the_end: bool = False

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another message after this one."""
        asked = (self.headers.get('Connection') or '').lower()
        return not self.to_the_end and asked != 'close' and 'HTTP/1.1' in self.start


def read_message(stream: BinaryIO, *, answer_to: str | None = None) -> Message | None:
    """Read one whole message, or None when the peer closed the connection before its end.

    ``answer_to`` is the method of the request when an answer is read: it decides whether there is
    a body, and whether one without a length lasts until the connection's end.
    """
    lines: list[bytes] = []
    while True:
        line = stream.readline(65536)
        if not line.endswith(b'\n') or len(lines) > _HEAD_LIMIT:
            return None
        lines.append(line)
        if line == b'\r\n':
            break
    start = lines[0].decode('latin-1').rstrip('\r\n')
    headers = Headers(_pair(line) for line in lines[1:-1])
    framed = _read_body(stream, start, headers, answer_to)
    if framed is None:
        return None
    body, raw_body, to_the_end = framed
    return Message(start, headers, body, b''.join(lines) + raw_body, to_the_end)


def _pair(line: bytes) -> tuple[str, str]:
    key, _, value = line.decode('latin-1').partition(':')
    return key.strip(), value.strip()


def _read_body(
    stream: BinaryIO, start: str, headers: Headers, answer_to: str | None
) -> tuple[bytes, bytes, bool] | None:
    """Body, its bytes as they travelled, and whether it lasted until the connection's end."""
    if answer_to == 'HEAD' or (answer_to and start.split(' ')[1] in ('204', '304')):
        return b'', b'', False
    if (headers.get('Transfer-Encoding') or '').lower() == 'chunked':
        return _read_chunks(stream)
    length = headers.get('Content-Length')
    if length is None:
        rest = stream.read() if answer_to else b''
        return rest, rest, bool(answer_to)
    body = stream.read(int(length))
    return (body, body, False) if len(body) == int(length) else None


def _read_chunks(stream: BinaryIO) -> tuple[bytes, bytes, bool] | None:
    body, raw = b'', b''
    while True:
        line = stream.readline(65536)
        if not line.endswith(b'\n'):
            return None
        size = int(line.split(b';')[0], 16)
        chunk = stream.read(size + 2)
        if len(chunk) != size + 2:
            return None
        raw += line + chunk
        if not size:
            return body, raw, False
        body += chunk[:size]


class Listener:
    """A loopback port whose connections are each handled in a thread of their own.

    ``handle`` gets the connection and its number, counted from 1. Leaving it closes the connection.
    The port is one of 127.0.0.1 and free, where nothing else is said.
    """

    def __init__(
        self,
        handle: Callable[[socket.socket, int], None],
        address: str = '127.0.0.1',
        port: int = 0,
    ) -> None:
        self.closing = threading.Event()
        self.accepted = 0
        self._handle = handle
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._address = address
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family, backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=f'accept-{self.port}')
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        if self.closing.is_set():
            return
        self.closing.set()
        # A blocked accept() does not notice that its socket was closed; a connection wakes it.
        with contextlib.suppress(OSError), socket.create_connection((self._address, self.port)):
            pass
        self._thread.join(_CLOSE_TIMEOUT)
        self._socket.close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join(_CLOSE_TIMEOUT)

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self.closing.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            thread = threading.Thread(
                target=self._run, args=(connection, self.accepted), name=f'serve-{self.port}'
            )
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _run(self, connection: socket.socket, number: int) -> None:
        try:
            # A peer that goes away is what many tests are about, never an error of ours.
            with contextlib.suppress(OSError):
                self._handle(connection, number)
        finally:
            with self._lock:
                del self._open[connection]
            connection.close()
