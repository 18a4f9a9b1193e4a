"""Measure the reservation service of `blazar sandbox`: how fast it is, and how that grows.

It takes about four minutes on two cores and needs no other environment than this one. Exits 1
when a limit is not kept.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from blazarclient import testing  # noqa: E402
from blazarclient.server import garbage  # noqa: E402
from tests.front_door import BEGIN, FrontDoor, Machine, wire  # noqa: E402

HOSTS = 500
#: Leases that are made by HTTP.
MADE = 1_000
#: Leases before each look at what one more costs, and how many more are made then.
SIZES, MORE = (100, 1_000, 10_000), 50
LIST_ROUNDS = 7
#: Of json.dumps of the same leases.
LIST_LIMIT = 12.0
#: A create among 10,000 leases beside one among 100: it would be 100 if it grew with the number.
GROWTH_LIMIT = 10.0
MS = 1000.0
HEADINGS = ('what', 'value', 'beside', 'reached', 'limit', 'kept')
NOTHING = '-'


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table; a value in milliseconds, divided by what it stands beside."""

    what: str
    value: float
    against: str = ''
    reference: float | None = None
    limit: float | None = None

    @property
    def reached(self) -> float | None:
        """The value divided by the reference."""
        return None if self.reference is None else self.value / self.reference

    @property
    def kept(self) -> bool:
        """Whether the limit is kept, if there is one."""
        return self.reached is None or self.limit is None or self.reached <= self.limit

    def cells(self) -> tuple[str, ...]:
        """The texts of the line, one for each heading."""
        beside = f'{self.against}: {self.reference:,.1f} ms' if self.reference else NOTHING
        return (
            self.what,
            f'{self.value:,.1f} ms',
            beside,
            f'{self.reached:.2f} x' if self.reached else NOTHING,
            f'{self.limit:.0f} x' if self.limit else NOTHING,
            ('yes' if self.kept else 'NO') if self.limit else NOTHING,
        )


class Requests:
    """Bodies of POST /v1/leases, the same in every run: one to three hosts for some hours.

    They lie in a year that 500 hosts have room for, so that none is refused.
    """

    def __init__(self, begin: datetime) -> None:
        self._dice = random.Random(17)
        self._begin = begin.replace(second=0, microsecond=0) + timedelta(days=1)
        self._count = 0

    def __next__(self) -> dict[str, object]:
        self._count += 1
        start = self._begin + timedelta(minutes=10 * self._dice.randrange(6 * 24 * 365))
        end = start + timedelta(minutes=10 * self._dice.randrange(6, 6 * 24))
        hosts = {
            'resource_type': 'physical:host',
            'min': 1,
            'max': self._dice.randrange(1, 4),
            'hypervisor_properties': '[">=", "$vcpus", "8"]',
            'resource_properties': '',
        }
        return {
            'name': f'lease-{self._count}',
            'start_date': wire(start),
            'end_date': wire(end),
            'reservations': [hosts],
        }


def main() -> int:
    """Measure all, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--rst', type=Path, metavar='FILE', help='also write the table here')
    chosen = parser.parse_args()
    home = Path(os.environ.get('BENCH_HOME') or '~/.cache/blazarclient-bench').expanduser()
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        rows = [*by_http(Path(folder)), *in_process(Path(folder))]
    print(as_text(rows))
    if chosen.rst:
        chosen.rst.write_text(as_rst(rows), encoding='utf-8')
    return 0 if all(row.kept for row in rows) else 1


def by_http(folder: Path) -> list[Row]:
    """What a client waits for: real time, a sandbox with its database in a file."""
    took = []
    with (
        testing.sandbox(hosts=HOSTS, database=folder / 'http.db') as box,
        requests.Session() as web,
    ):
        web.headers.update({'X-Auth-Token': 'alice', 'Accept': 'application/json'})
        bodies = Requests(box.clock.now().replace(tzinfo=None))
        for _ in range(MADE):
            body = next(bodies)
            began = time.perf_counter()
            answer = web.post(f'{box.url}/v1/leases', json=body, timeout=60)
            took.append((time.perf_counter() - began) * MS)
            assert answer.status_code == 201, answer.text
    percentiles = statistics.quantiles(took, n=100)
    what = f'create through HTTP, {MADE:,} leases on {HOSTS} hosts'
    return [Row(f'{what}, p50', percentiles[49]), Row(f'{what}, p99', percentiles[98])]


def in_process(folder: Path) -> Iterator[Row]:
    """What the service itself uses: CPU time of this process, below the WSGI interface."""
    door = FrontDoor(f'sqlite:///{folder}/growth.db')
    # As a server does.
    garbage.look_less_often()
    with contextlib.closing(door):
        door.surround([Machine(number, 8, 16384, 200) for number in range(1, HOSTS + 1)])
        for number in range(1, HOSTS + 1):
            assert door.add_host(Machine(number, 8, 16384, 200)).status == 201
        bodies = Requests(BEGIN)

        def create() -> None:
            answer = door.call('alice', 'POST', '/leases', next(bodies))
            assert answer.status == 201, answer.sentence

        first = None
        for size in SIZES:
            while count(door) < size:
                for _ in range(size - count(door)):
                    create()
            each = statistics.median(cpu(create) for _ in range(MORE))
            what = f'create among {size:,} leases, CPU'
            if first is None:
                first = each
                yield Row(what, each)
            else:
                limit = GROWTH_LIMIT if size == SIZES[-1] else None
                yield Row(what, each, f'among {SIZES[0]:,}', first, limit)
        yield listing(door)


def listing(door: FrontDoor) -> Row:
    """GET /v1/leases beside writing the same leases as JSON, in turns."""
    answered, dumped = [], []
    leases = door.call('admin', 'GET', '/leases').body
    for _ in range(LIST_ROUNDS):
        answered.append(cpu(lambda: door.raw('admin', '/leases')))
        dumped.append(cpu(lambda: json.dumps(leases)))
    what = f'GET of {len(leases["leases"]):,} leases, CPU'
    reference = statistics.median(dumped)
    return Row(what, statistics.median(answered), 'json.dumps', reference, LIST_LIMIT)


def count(door: FrontDoor) -> int:
    """How many leases there are."""
    return len(door.call('alice', 'GET', '/leases').body['leases'])


def cpu(call: Callable[[], object]) -> float:
    """CPU time of a call, milliseconds."""
    began = time.process_time()
    call()
    return (time.process_time() - began) * MS


def as_text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_rst(rows: Sequence[Row]) -> str:
    """The table for the documentation."""
    version = '.'.join(platform.python_version_tuple()[:2])
    lines = [
        '.. Written by make bench; run it again instead of editing this file.',
        '',
        f'Measured with Python {version} on {platform.system()}, {os.cpu_count()} cores, SQLite.',
        '',
        '.. list-table::',
        '   :header-rows: 1',
        '',
    ]
    for line in (HEADINGS, *(row.cells() for row in rows)):
        lines += [f'   * - {line[0]}', *(f'     - {cell}' for cell in line[1:])]
    return '\n'.join([*lines, ''])


if __name__ == '__main__':
    sys.exit(main())
