"""Receivers that mean harm, and a process of its own that sends to them and measures itself.

Run as a module it is that process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gzip
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tests
from blazarclient.server.delivery.outbound import Outbound
from tests.http1 import Listener

__all__ = ['CASES', 'Case', 'Result', 'attack', 'main']

#: So many requests are sent to each at one time.
AT_ONCE = 16
_MEGABYTES_100 = 100 * 1024 * 1024
_HEAD = b'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n'
_BLOCK = b'x' * 65536
#: A record of a handshake, of the greatest length.
_RECORD = b'\x16\x03\x03\x40\x00' + b'\x0b' + b'\xff' * 16383


def _again(what: bytes) -> Iterator[bytes]:
    return itertools.repeat(what)


def _slowly(what: Iterator[bytes]) -> Iterator[bytes]:
    """One byte now and then, for half a minute at least."""
    for each in what:
        for byte in each:
            time.sleep(0.1)
            yield bytes([byte])


def _endless_body() -> Iterator[bytes]:
    return itertools.chain([_HEAD, b'\r\n'], _again(_BLOCK))


def _long_body() -> Iterator[bytes]:
    return itertools.chain([_HEAD, b'content-length: 1000000000000\r\n\r\n'], _again(_BLOCK))


def _endless_chunks() -> Iterator[bytes]:
    begin = [_HEAD, b'transfer-encoding: chunked\r\n\r\n']
    return itertools.chain(begin, _again(b'1\r\nx\r\n' * 1000))


def _endless_trailers() -> Iterator[bytes]:
    begin = [_HEAD, b'transfer-encoding: chunked\r\n\r\n0\r\n']
    return itertools.chain(begin, _again(b'a: b\r\n' * 1000))


@functools.cache
def _packed() -> bytes:
    return gzip.compress(bytes(_MEGABYTES_100), 1)


def _bomb() -> Iterator[bytes]:
    packed = _packed()
    head = b'content-encoding: gzip\r\ncontent-length: %d\r\n\r\n' % len(packed)
    return iter([_HEAD, head, packed])


def _one_long_header() -> Iterator[bytes]:
    lines = itertools.repeat(_BLOCK, _MEGABYTES_100 // len(_BLOCK))
    return itertools.chain([_HEAD, b'a: '], lines, [b'\r\n\r\n'])


def _many_headers() -> Iterator[bytes]:
    line = b'set-cookie: ' + b'x' * 1000 + b'\r\n'
    return itertools.chain([_HEAD], itertools.repeat(line, _MEGABYTES_100 // len(line)), [b'\r\n'])


def _endless_continue() -> Iterator[bytes]:
    return _again(b'HTTP/1.1 100 Continue\r\n\r\n' * 1000)


def _slow_continue() -> Iterator[bytes]:
    return _slowly(_again(b'HTTP/1.1 100 Continue\r\n\r\n'))


def _slow_head() -> Iterator[bytes]:
    return _slowly(itertools.chain([b'HTTP/1.1 200 OK\r\na: '], _again(b'x')))


def _slow_body() -> Iterator[bytes]:
    return itertools.chain([_HEAD, b'\r\n'], _slowly(_again(b'x')))


def _slow_handshake() -> Iterator[bytes]:
    return _slowly(_again(_RECORD))


def _endless_handshake() -> Iterator[bytes]:
    return _again(_RECORD)


def _nothing() -> Iterator[bytes]:
    return iter(())


@dataclasses.dataclass(frozen=True)
class Case:
    """One way to do harm, and what the attempt has to come to."""

    name: str
    answer: Callable[[], Iterator[bytes]]
    status: int | None
    error: str | None
    scheme: str = 'http'


CASES = (
    Case('a body without end', _endless_body, 200, None),
    Case('a body of a terabyte', _long_body, 200, None),
    Case('chunks of one byte without end', _endless_chunks, 200, None),
    Case('trailers without end', _endless_trailers, 200, None),
    Case('100 MB in 100 kB of gzip', _bomb, 200, None),
    Case('one header of 100 MB', _one_long_header, None, 'bad-response'),
    Case('100 MB of headers', _many_headers, None, 'bad-response'),
    Case('100 Continue without end', _endless_continue, None, 'bad-response'),
    Case('100 Continue, byte by byte', _slow_continue, None, 'timeout'),
    Case('a head, byte by byte', _slow_head, None, 'timeout'),
    Case('a body, byte by byte', _slow_body, 200, None),
    Case('no answer', _nothing, None, 'timeout'),
    Case('no TLS handshake', _nothing, None, 'timeout', 'https'),
    Case('a TLS handshake, byte by byte', _slow_handshake, None, 'timeout', 'https'),
    Case('a TLS handshake without end', _endless_handshake, None, 'tls', 'https'),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of some requests that were sent at one time."""

    #: Each status and error that there was.
    outcomes: list[tuple[int | None, str | None]]
    #: Bytes of the longest start of a body that was kept.
    kept: int
    #: Bytes that were read for one request, at most.
    read: int
    #: Bytes by which the process grew at its largest.
    grown: int
    #: How many connections the receiver saw cut, and how many there were.
    cut: int
    accepted: int


def attack(case: Case, timeout: float) -> Result:
    """Send to a receiver that does harm, from another process.

    :param timeout: seconds that an attempt may take.
    """
    cut = threading.Semaphore(0)
    # What takes its time is not to be waited for.
    _packed()

    def serve(connection: socket.socket, number: int) -> None:
        try:
            connection.recv(1024)
            for each in case.answer():
                connection.sendall(each)
            # Until the other side has had enough of it.
            while connection.recv(65536):
                pass
        finally:
            cut.release()

    listener = Listener(serve)
    try:
        url = f'{case.scheme}://127.0.0.1:{listener.port}/'
        ran = subprocess.run(
            [sys.executable, '-m', 'tests.faults.hostile', url, str(timeout)],
            cwd=Path(tests.__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )
        found: dict[str, Any] = json.loads(ran.stdout)
        seen = sum(cut.acquire(timeout=30) for _ in range(listener.accepted))
    finally:
        listener.stop()
    outcomes = [(status, error) for status, error in found.pop('outcomes')]
    return Result(outcomes=outcomes, cut=seen, accepted=listener.accepted, **found)


# ------------------------------------------------------------------ the process that sends

_counted = threading.local()


class _Counting(socket.socket):
    """Counts what its thread has received."""

    def recv_into(self, *arguments: Any) -> int:
        received = super().recv_into(*arguments)
        _counted.bytes = getattr(_counted, 'bytes', 0) + received
        return received


def main(url: str, timeout: str) -> None:
    """Send, and say what became of it and how large this process was."""
    socket.socket = _Counting  # type: ignore[misc]
    outbound = Outbound(allow_loopback=True, timeout=float(timeout))

    def send(number: int) -> tuple[int | None, str | None, int, int]:
        _counted.bytes = 0
        outcome = outbound.send('POST', url, {'webhook-id': str(number)}, _BLOCK)
        return outcome.status, outcome.error, len(outcome.head), _counted.bytes

    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The threads are there, and what only the first request needs.
        list(pool.map(time.sleep, [0.05] * AT_ONCE))
        with contextlib.suppress(OSError):
            outbound.send('POST', 'http://127.0.0.1:9/', {}, b'')
        # From here on the largest size counts.
        Path('/proc/self/clear_refs').write_text('5')
        before = _largest()
        outcomes = list(pool.map(send, range(AT_ONCE)))
        grown = _largest() - before
    result = {
        'outcomes': [each[:2] for each in outcomes],
        'kept': max(each[2] for each in outcomes),
        'read': max(each[3] for each in outcomes),
        'grown': grown,
    }
    sys.stdout.write(json.dumps(result))


def _largest() -> int:
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith('VmHWM'):
            return int(line.split()[1]) * 1024
    raise OSError('this system does not say how large a process was')


if __name__ == '__main__':
    main(*sys.argv[1:])
