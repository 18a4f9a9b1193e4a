"""How fast, how soon and how fairly notifications are delivered; writes a table.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.delivery
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from pathlib import Path
from typing import NamedTuple

from tests import mariadb
from tests.benchmarks.databases import table
from tests.benchmarks.sink import Arrival, Sink
from tests.deliveries import Deliveries
from tests.faults import delivery_worker

TABLE = 'doc/source/contributor/reliability-delivery-table.rst'
COMMAND = 'python -m tests.benchmarks.delivery'

#: Seconds after which something must have gone wrong.
PATIENCE = 600
#: Where an endpoint is that always answers.
HEALTHY = '127.0.0.1'


class Row(NamedTuple):
    """What was measured, what came out, and what must be reached."""

    what: str
    result: str
    goal: str


# ------------------------------------------------------------------------------- how fast


def throughput(url: str, *, count: int, workers: int, connections: int, delay: float) -> float:
    """Deliveries per second, for 40 projects with an endpoint each on a host of its own."""
    projects = 40
    with service(url) as made, Sink() as sink:
        for number in range(projects):
            target = sink.url(f'127.0.0.{number + 1}', delay=delay)
            made.subscribe(target, project=f'p-{number}')
        leases = 10 * projects
        sent = {
            one
            for lease in range(leases)
            for one in made.publish(
                f'lease-{lease}', project=f'p-{lease % projects}', count=count // leases
            )
        }
        with running(url, workers, connections=connections):
            begun = time.time()
            wait_for(lambda: sink.count() >= len(sent))
        came = sink.arrivals()
        assert len(came) == len(sent), 'something came twice'
        assert {each.id for each in came} == sent
        check_order(came)
    # From when all are at work to when there is not enough for all of them any more.
    times = [each.at for each in came[: len(came) * 9 // 10] if each.at > begun]
    return (len(times) - 1) / (times[-1] - times[0])


# ------------------------------------------------------------------------------- how soon


def idle_latency(url: str, *, count: int) -> tuple[list[float], float]:
    """Milliseconds from the commit of an entry of the log to the request, and percent of a core.

    The worker is another process than the one that publishes, and has nothing else to do.
    """
    with service(url) as made, Sink() as sink:
        made.subscribe(sink.url())
        with running(url, 1) as (worker,):
            time.sleep(2)
            before, begun = cpu_seconds(worker), time.monotonic()
            time.sleep(10)
            idle = (cpu_seconds(worker) - before) / (time.monotonic() - begun) * 100
            late = paced({HEALTHY: made}, sink, count=count, rate=12)[HEALTHY]
    return late, idle


def paced(
    made: Mapping[str, Deliveries], sink: Sink, *, count: int, rate: float
) -> dict[str, list[float]]:
    """Milliseconds from an entry of the log to the request, at so many a second; sorted.

    :param made: where the subscription of project p-demo leads to -> its service; they take turns.
    """
    chance = random.Random(1)
    at: dict[str, dict[str, float]] = {host: {} for host in made}
    for number, host in zip(range(count), itertools.cycle(made)):
        (one,) = made[host].publish(f'paced-{number}')
        at[host][one] = time.time()
        time.sleep(chance.uniform(0, 2 / rate))

    def took() -> dict[str, list[float]]:
        came = {each.id: each.at for each in sink.arrivals() if each.host in made}
        return {
            host: sorted((came[one] - moment) * 1000 for one, moment in sent.items() if one in came)
            for host, sent in at.items()
        }

    wait_for(lambda: sum(map(len, took().values())) == count)
    return took()


# ----------------------------------------------------------------------------- how fairly


def among_slow_ones(url: str, *, projects: int, count: int) -> list[float]:
    """Milliseconds for a healthy project, while each of many others has a slow endpoint."""
    with service(url) as made, Sink() as sink:
        for number in range(projects):
            project, host = f'slow-{number}', f'127.0.1.{number + 1}'
            made.subscribe(sink.url(host, delay=10), project=project)
            for lease in range(20):
                made.publish(f'{project}-{lease}', project=project)
        made.subscribe(sink.url())
        with running(url, 1):
            wait_for(lambda: sink.open() >= projects)
            return paced({HEALTHY: made}, sink, count=count, rate=20)[HEALTHY]


def down(url: str, *, leases: int, each: int, speed: float) -> tuple[list[float], list[float], int]:
    """An endpoint is down for an hour, which goes by faster; how another one fares meanwhile.

    What it is compared with is a second service, where none is down, in the same minutes: what else
    the machine does meets both alike.

    :returns: milliseconds for an endpoint of the second service, for one beside the endpoint that
        is down, and how many of the notifications of that one arrived after, in order.
    """
    elsewhere, dead = '127.0.0.2', '127.0.0.3'
    seconds = 3600 / speed
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(service(url))
        other_url = stack.enter_context(sqlite())
        other = stack.enter_context(service(other_url))
        sink = stack.enter_context(Sink())
        made.subscribe(sink.url())
        made.subscribe(sink.url(dead), project='p-down')
        other.subscribe(sink.url(elsewhere))
        for one in (made, other):
            one.set_clock(one.context().now(), speed=speed)
        with running(url, 1), running(other_url, 1):
            time.sleep(2)
            sink.refuse(dead)
            begun = time.monotonic()
            sent = [
                one
                for lease in range(leases)
                for one in made.publish(f'down-{lease}', project='p-down', count=each)
            ]
            late = paced({HEALTHY: made, elsewhere: other}, sink, count=int(24 * seconds), rate=24)
            time.sleep(max(0.0, begun + seconds - time.monotonic()))
            assert not [one for one in sink.arrivals() if one.host == dead]
            sink.refuse(dead, status=0)

            def came() -> list[Arrival]:
                return [one for one in sink.arrivals() if one.host == dead]

            wait_for(lambda: len(came()) >= len(sent))
            found = came()
        assert {one.id for one in found} == {*sent}
        check_order(found)
    return late[elsewhere], late[HEALTHY], len(found)


# ---------------------------------------------------------------------------------- tools


@contextlib.contextmanager
def service(url: str) -> Iterator[Deliveries]:
    """A service that publishes, and delivers nothing by itself."""
    made = Deliveries(url, standing=False)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def running(
    url: str, count: int, *, connections: int = 128
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers in processes of their own."""
    with futures.ThreadPoolExecutor() as pool:
        started = list(
            pool.map(
                lambda number: delivery_worker.start(
                    url, f'worker-{number}', connections=connections
                ),
                range(count),
            )
        )
    try:
        yield started
    finally:
        for each in started:
            delivery_worker.stop(each)


@contextlib.contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a database that goes with the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        yield f'sqlite:///{Path(folder, "reservation.db")}'


def wait_for(true: Callable[[], bool]) -> None:
    """Wait, but not for ever."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """Seconds of a core that a process has taken."""
    fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def check_order(arrivals: Sequence[Arrival]) -> None:
    """Fail when something of a lease came before what happened earlier."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for each in arrivals:
        key = (each.host, each.lease)
        assert last[key] < each.sequence, 'out of order'
        last[key] = each.sequence


def at(late: Sequence[float], share: float) -> float:
    """A percentile of numbers that are sorted."""
    return late[min(len(late) - 1, int(len(late) * share))]


def shown(late: Sequence[float]) -> str:
    """Median and percentiles."""
    return (
        f'p50 {statistics.median(late):.0f} ms, p95 {at(late, 0.95):.0f} ms, '
        f'p99 {at(late, 0.99):.0f} ms'
    )


def measure(server: str, size: float) -> Iterator[Row]:
    """Everything, one row after the other."""
    count = int(10_000 * size)
    for workers in (1, 2):
        with sqlite() as url:
            found = throughput(url, count=count, workers=workers, connections=32, delay=0)
        yield Row(
            f'SQLite, receivers that answer at once, {_named(workers)}', _rate(found), '1,500/s'
        )
    rates = []
    for workers in (1, 2):
        with mariadb.empty_database(server) as url:
            rates.append(
                throughput(url, count=count // 2, workers=workers, connections=8, delay=0.02)
            )
        factor = '' if workers == 1 else f', {rates[1] / rates[0]:.2f} times as fast'
        yield Row(
            f'MariaDB, receivers that take 20 ms, 8 connections each, {_named(workers)}',
            _rate(rates[-1]) + factor,
            '' if workers == 1 else '1.7 times',
        )
    for name, database in (('SQLite', sqlite()), ('MariaDB', mariadb.empty_database(server))):
        with database as url:
            late, idle = idle_latency(url, count=int(400 * size))
        yield Row(f'{name}, idle: from the log to the request', shown(late), 'p50 50, p99 250 ms')
        yield Row(f'{name}, idle: CPU of the worker', f'{idle:.1f} % of a core', '2 %')
    with sqlite() as url:
        late = among_slow_ones(url, projects=50, count=int(600 * size))
    yield Row(
        '50 projects with an endpoint that takes 10 s: another project', shown(late), 'p95 1 s'
    )
    with sqlite() as url:
        quiet, meanwhile, came = down(url, leases=50, each=20, speed=20)
    change = (at(meanwhile, 0.99) / at(quiet, 0.99) - 1) * 100
    yield Row(
        'an endpoint down for 1 h (in 3 min) with 1,000 notifications',
        f'{came:,} arrive after, each lease in order',
        'all',
    )
    yield Row('an endpoint of a service where none is down, in the same minutes', shown(quiet), '')
    yield Row(
        'another endpoint than the one that is down',
        f'{shown(meanwhile)} ({change:+.0f} %)',
        'p99 +10 %',
    )


def _named(workers: int) -> str:
    return '1 worker' if workers == 1 else f'{workers} workers'


def _rate(found: float) -> str:
    return f'{found:,.0f} deliveries/s'


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--size', type=float, default=1.0, help='a part of everything')
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    given = parser.parse_args()
    rows = []
    with mariadb.server() as server:
        for row in measure(server, given.size):
            print(*row, sep=' | ', flush=True)
            rows.append(row)
    about = (
        'Deliveries by workers in processes of their own; what is sent and the receiver share the '
        'machine with them. Nothing came twice.'
    )
    given.output.write_text(table(COMMAND, about, Row._fields, rows))


if __name__ == '__main__':
    main()
