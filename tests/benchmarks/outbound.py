"""Measure what a request to a receiver costs, and what receivers that mean harm come to.

It takes about half a minute, and four with the timeout of the service: python -m
tests.benchmarks.outbound --timeout 15. Exits 1 when a limit is not kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blazarclient.server.delivery.outbound import Outbound
from tests.faults import hostile, rebinding
from tests.http1 import Listener, read_message
from tests.scripted_receiver import OK

REQUESTS = 5_000
TRIES = 1_000
#: Microseconds of the processor for a request on a connection that is kept.
COST_LIMIT = 200
GROWN_LIMIT = 20 * 1024 * 1024
#: What a notification of a lease has.
HEADERS = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': '0' * 36,
    'webhook-timestamp': '1795187200',
    'webhook-signature': 'v1,' + 'a' * 44,
    'blazar-subscription-id': '0' * 36,
    'blazar-delivery-attempt': '1',
    'user-agent': 'reservation-gateway/5.0',
}
BODY = b'x' * 1500


class Row(NamedTuple):
    """One line of the table."""

    what: str
    tries: int
    came_to: str
    read: str
    grown: str
    forbidden: str
    kept: bool

    def cells(self) -> tuple[str, ...]:
        """The texts of the line."""
        kept = 'yes' if self.kept else 'NO'
        return (
            self.what,
            f'{self.tries:,}',
            self.came_to,
            self.read,
            self.grown,
            self.forbidden,
            kept,
        )


HEADINGS = ('what', 'tries', 'came to', 'read of one', 'memory', 'wrong connections', 'kept')


def main() -> int:
    """Measure all, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--timeout', type=float, default=1.0, help='seconds of an attempt')
    parser.add_argument('--rst', type=Path, metavar='FILE', help='also write the table here')
    parser.add_argument('--receive', action='store_true', help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.receive:
        return receive()
    rows = [cost(), *names(), *receivers(chosen.timeout)]
    for row in rows:
        print('  '.join(row.cells()))
    if chosen.rst:
        chosen.rst.write_text(as_rst(rows, chosen.timeout), encoding='utf-8')
    return 0 if all(row.kept for row in rows) else 1


def receive() -> int:
    """Be a receiver until the other side has read enough."""

    def serve(connection: socket.socket, number: int) -> None:
        with connection.makefile('rb') as stream:
            while read_message(stream) is not None:
                connection.sendall(OK)

    listener = Listener(serve)
    print(listener.port, flush=True)
    sys.stdin.read()
    listener.stop()
    return 0


def cost() -> Row:
    """Processor time of a request on a connection that is kept."""
    command = [sys.executable, '-m', 'tests.benchmarks.outbound', '--receive']
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as receiver:
        assert receiver.stdin
        assert receiver.stdout
        url = f'http://127.0.0.1:{int(receiver.stdout.readline())}/hook'
        outbound = Outbound(allow_loopback=True)
        outbound.send('POST', url, HEADERS, BODY)
        begun = time.process_time()
        for _ in range(REQUESTS):
            assert outbound.send('POST', url, HEADERS, BODY).error is None
        took = (time.process_time() - begun) / REQUESTS * 1e6
        outbound.close()
        receiver.stdin.close()
    came_to = f'{took:.0f} \N{MICRO SIGN}s of processor each'
    return Row('a receiver as it should be', REQUESTS, came_to, '-', '-', '-', took <= COST_LIMIT)


def names() -> Iterator[Row]:
    """Names that change their addresses."""
    for name, pattern in rebinding.PATTERNS.items():
        found = rebinding.rebind(pattern, TRIES)
        kept = not found.forbidden and found.received == found.good and found.resolved == TRIES
        came_to = f'{found.received:,} received, {TRIES - found.good:,} refused'
        yield Row(f'a name: {name}', TRIES, came_to, '-', '-', str(found.forbidden), kept)


def receivers(timeout: float) -> Iterator[Row]:
    """Receivers that mean harm."""
    for case in hostile.CASES:
        found = hostile.attack(case, timeout)
        words = {error or str(status) for status, error in found.outcomes}
        read = f'{found.read / 1024:.0f} KiB' if case.scheme == 'http' else '-'
        grown = f'+{found.grown / 1024 / 1024:.1f} MB'
        kept = found.grown <= GROWN_LIMIT and {*found.outcomes} == {(case.status, case.error)}
        came_to = ', '.join(sorted(words))
        yield Row(case.name, len(found.outcomes), came_to, read, grown, '-', kept)


def as_rst(rows: list[Row], timeout: float) -> str:
    """The table for the documentation."""
    python, machine = platform.python_version(), f'{platform.system()}, {os.cpu_count()} cores'
    measured = (
        f'Of a hostile receiver the {hostile.AT_ONCE} requests are sent at one time, and the '
        f'memory is that of the process for all of them; an attempt may take {timeout:g} s. '
        f'Measured with Python {python} on {machine}.'
    )
    lines = [
        '.. Written by python -m tests.benchmarks.outbound; run it again instead of editing this.',
        '',
        measured,
        '',
        '.. list-table::',
        '   :header-rows: 1',
        '',
    ]
    for cells in (HEADINGS, *(row.cells() for row in rows)):
        lines += [f'   {"*" if not index else " "} - {cell}' for index, cell in enumerate(cells)]
    return '\n'.join([*lines, ''])


if __name__ == '__main__':
    sys.exit(main())
