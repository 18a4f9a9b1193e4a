"""What a GET costs while others wait for notifications; writes a table for the documentation.

The service answers in a process of its own, with the server and as many threads as
``blazar-gateway`` has, its database in a file, without a Keystone; another process holds the
requests that wait. In turns nobody and everybody waits, so that what else the machine does meets
both alike.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.feed
"""

import argparse
import contextlib
import http.client
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blazarclient.server import garbage
from blazarclient.server.config import Settings
from blazarclient.server.web_server import WebServer
from tests.benchmarks.databases import table
from tests.front_door import FrontDoor, Machine, wire

TABLE = 'doc/source/contributor/reliability-feed-table.rst'
LIMIT = 1.10
#: As many as [api] threads has by default.
THREADS = 8
HEADINGS = ('what', 'nobody waits', 'all wait', 'ratio', 'limit', 'kept')
MS = 1000.0
HEADERS = {
    'X-Auth-Token': 'alice',
    'Accept': 'application/json',
    'OpenStack-API-Version': 'reservation 1.2',
}


def serve(database: str) -> None:
    """Answer requests; the address is on stdout."""
    settings = Settings()
    door = FrontDoor(f'sqlite:///{database}', settings=settings, standing=False)
    door.surround([Machine(1, 8, 16384, 200)])
    assert door.add_host(Machine(1, 8, 16384, 200)).status == 201
    garbage.look_less_often()
    server = WebServer(
        door.app, host='127.0.0.1', threads=THREADS + settings.waiters, ident='blazar-gateway'
    )
    ((host, port),) = server.addresses
    print(f'http://{host}:{port}', flush=True)
    server.run()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The address of a service."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, '-m', 'tests.benchmarks.feed', '--serve', f'{folder}/feed.db'],
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def hold(address: str, count: int) -> None:
    """Keep so many requests waiting until stdin closes; each that is answered is sent again."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    lines = [
        'GET /v1/notifications?after=latest&wait=30 HTTP/1.1',
        f'Host: {host}',
        *(f'{name}: {value}' for name, value in HEADERS.items()),
    ]
    request = '\r\n'.join([*lines, '', '']).encode()
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for _ in range(count):
        connection = socket.create_connection((host, port))
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ)
    print('waiting', flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return
            assert isinstance(key.fileobj, socket.socket)
            answer = key.fileobj.recv(65536)
            assert answer.startswith(b'HTTP/1.1 200'), answer
            key.fileobj.sendall(request)


@contextlib.contextmanager
def holding(address: str, count: int) -> Iterator[None]:
    """Let so many requests wait."""
    with subprocess.Popen(
        [sys.executable, '-m', 'tests.benchmarks.feed', '--hold', address, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == 'waiting\n'
        # Until the last one has been read, too.
        time.sleep(1)
        yield
        assert process.poll() is None
        process.communicate(timeout=30)
    time.sleep(1)


class Web:
    """One connection, kept."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)

    def call(self, method: str, path: str, values: Any = None) -> Any:
        body = None if values is None else json.dumps(values)
        headers = HEADERS if values is None else {**HEADERS, 'Content-Type': 'application/json'}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text) if text else None

    def time(self, path: str, count: int) -> list[float]:
        """Seconds of so many GETs, one after the other."""
        took = []
        for _ in range(count):
            began = time.perf_counter()
            self.call('GET', path)
            took.append(time.perf_counter() - began)
        return took


def wakes(address: str, web: Web, lease: str, count: int) -> list[float]:
    """Seconds from a change of a lease until a reader that waits has been told of it."""
    took = []
    host, port = urlsplit(address).hostname, urlsplit(address).port
    for number in range(count):
        other = http.client.HTTPConnection(f'{host}:{port}')
        other.request('GET', '/v1/notifications?after=latest&wait=30', headers=HEADERS)
        time.sleep(0.1)
        began = time.perf_counter()
        web.call('PUT', f'/v1/leases/{lease}', {'name': f'lease-{number}'})
        assert json.loads(other.getresponse().read())['notifications']
        took.append(time.perf_counter() - began)
        other.close()
    return took


def measure(waiting: int, rounds: int, each: int) -> list[tuple[str, ...]]:
    """The cells of the table."""
    with serving() as address:
        web = Web(address)
        now = datetime.now(UTC)
        lease = web.call(
            'POST',
            '/v1/leases',
            {
                'name': 'lease',
                'start_date': 'now',
                'end_date': wire(now + timedelta(days=300)),
                'reservations': [
                    {
                        'resource_type': 'physical:host',
                        'min': 1,
                        'max': 1,
                        'hypervisor_properties': '',
                        'resource_properties': '',
                    }
                ],
            },
        )['lease']['id']
        path = f'/v1/leases/{lease}'
        web.time(path, each)
        alone: list[float] = []
        beside: list[float] = []
        for _ in range(rounds):
            alone += web.time(path, each)
            with holding(address, waiting):
                beside += web.time(path, each)
        rows = [
            row('GET of a lease, p50', statistics.median(alone), statistics.median(beside)),
            row('GET of a lease, p99', p99(alone), p99(beside), LIMIT),
        ]
        told = wakes(address, web, lease, 50)
        rows.append(
            (
                'from a change to the answer of who waits, p50 and p99',
                f'{statistics.median(told) * MS:.1f} ms, {p99(told) * MS:.1f} ms',
                *('-',) * 4,
            )
        )
    return rows


def p99(took: list[float]) -> float:
    """The time below which 99 of 100 are."""
    return statistics.quantiles(took, n=100)[98]


def row(what: str, alone: float, beside: float, limit: float | None = None) -> tuple[str, ...]:
    """The cells of one comparison."""
    return (
        what,
        f'{alone * MS:.2f} ms',
        f'{beside * MS:.2f} ms',
        f'{beside / alone:.2f}',
        f'{limit:.2f}' if limit else '-',
        '-' if limit is None else 'yes' if beside / alone < limit else 'NO',
    )


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--waiting', type=int, default=200)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--each', type=int, default=1_000)
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    parser.add_argument('--hold', nargs=2, help=argparse.SUPPRESS)
    parser.add_argument('--serve', help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    if given.hold:
        hold(given.hold[0], int(given.hold[1]))
        return
    rows = measure(given.waiting, given.rounds, given.each)
    about = (
        f'{given.waiting} requests wait for notifications, of which there are none, or nobody '
        f'does; in turns, {given.rounds} times {given.each:,} GETs each, one after the other.'
    )
    text = table('python -m tests.benchmarks.feed', about, HEADINGS, rows)
    given.output.write_text(text)
    print(text)


if __name__ == '__main__':
    main()
