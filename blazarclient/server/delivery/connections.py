"""Connections to receivers, and how an attempt reads from one: no longer and no more than it may.

A timeout of a socket holds for one call. A receiver that sends a byte now and then never reaches
it, so each read is given what is left of the attempt's time.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

from blazarclient.server.delivery.addresses import Address

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ['Attempt', 'Connection', 'Connections', 'Key', 'TooMuch']

#: Scheme, host, port, and which of the host's addresses.
Key = tuple[str, str, int, Address]

#: Bytes of an answer's head, with everything that comes before it.
_HEAD_LIMIT = 64 * 1024
#: Bytes that are read at one time.
_BUFFER = 8192
#: Seconds for which a connection is kept that nothing is sent over.
_KEEP = 10.0
#: How many connections are kept.
_KEPT = 256


class TooMuch(http.client.HTTPException):
    """An answer that is longer than any may be."""


class Attempt:
    """What one attempt may still take.

    :param begun: when it began, by the monotonic clock.
    :param deadline: when it has to be over.
    :param read_limit: bytes of an answer's body that are read.
    """

    def __init__(self, begun: float, deadline: float, read_limit: int) -> None:
        self.begun = begun
        self.deadline = deadline
        self.limit = _HEAD_LIMIT + read_limit
        #: Bytes of the answer, so far.
        self.received = 0

    def remaining(self) -> float:
        """Seconds that are left.

        :raises TimeoutError: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError('the time of the attempt is over')
        return left


class _Raw(io.RawIOBase):
    """The bytes of one answer, as long as the attempt lasts."""

    def __init__(self, connected: socket.socket, attempt: Attempt) -> None:
        self._socket = connected
        self._attempt = attempt
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self.is_over:
            return 0
        attempt = self._attempt
        if attempt.received >= attempt.limit:
            raise TooMuch
        self._socket.settimeout(attempt.remaining())
        received = self._socket.recv_into(buffer)
        attempt.received += received
        return received


class _Reader(io.BufferedReader):
    """Says at its end whether more has come than was read."""

    def __init__(self, raw: _Raw) -> None:
        super().__init__(raw, _BUFFER)
        self._bytes = raw
        self.has_more = False

    def close(self) -> None:
        if not self.closed:
            self._bytes.is_over = True
            self.has_more = bool(self.peek())
        super().close()


class _Stream:
    """As much of a socket as ``http.client`` takes an answer from."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader

    def makefile(self, mode: str) -> _Reader:
        return self._reader

    @property
    def has_more(self) -> bool:
        """Whether the receiver has sent something after its answer."""
        return self._reader.has_more


class Connection:
    """A connection to one checked address of a host."""

    def __init__(self, key: Key, connected: socket.socket) -> None:
        self.key = key
        self.socket = connected
        #: Whether an answer has come over it before.
        self.is_used = False
        self.kept_at = 0.0

    def begin(self, attempt: Attempt) -> _Stream:
        """Where the answer of an attempt is read from."""
        return _Stream(_Reader(_Raw(self.socket, attempt)))

    def is_quiet(self) -> bool:
        """Whether the receiver has neither closed it nor sent what nobody asked for."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return not poll.poll(0)


class Connections:
    """Connections that are open, and wait for the next request to the same address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, list[Connection]] = {}
        self._count = 0
        self._look_at = 0.0

    def take(self, key: Key) -> Connection | None:
        """One of these connections, which nobody else gets."""
        while True:
            with self._lock:
                some = self._kept.get(key)
                if not some:
                    return None
                found = some.pop()
                self._count -= 1
            if time.monotonic() - found.kept_at < _KEEP and found.is_quiet():
                return found
            found.socket.close()

    def keep(self, connection: Connection) -> None:
        """Keep a connection, unless there are too many."""
        connection.is_used = True
        connection.kept_at = now = time.monotonic()
        with self._lock:
            closing = self._old(now) if now >= self._look_at else []
            if self._count < _KEPT:
                self._kept.setdefault(connection.key, []).append(connection)
                self._count += 1
            else:
                closing.append(connection)
        for each in closing:
            each.socket.close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            closing = [each for some in self._kept.values() for each in some]
            self._kept, self._count = {}, 0
        for each in closing:
            each.socket.close()

    def _old(self, now: float) -> list[Connection]:
        """Take out those that have been kept for too long."""
        self._look_at = now + _KEEP / 2
        everything = [each for some in self._kept.values() for each in some]
        self._kept, self._count = {}, 0
        old = []
        for each in everything:
            if now - each.kept_at < _KEEP:
                self._kept.setdefault(each.key, []).append(each)
                self._count += 1
            else:
                old.append(each)
        return old
