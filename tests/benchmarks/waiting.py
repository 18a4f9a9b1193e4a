"""How soon a wait ends, and what it costs: ``python -m tests.benchmarks.waiting``.

Writes ``doc/source/contributor/waiting-table.rst``. Takes about a quarter of an hour, of which ten
minutes are one wait.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from blazarclient import testing
from blazarclient.client import Client
from blazarclient.resources.lease import Lease
from blazarclient.testing import Sandbox

TABLE = pathlib.Path(__file__).parents[2] / 'doc/source/contributor/waiting-table.rst'
SCRIPT = pathlib.Path(sys.executable).parent / 'blazar'
#: Leases that are waited for at one time, and how often.
LEASES, ROUNDS = 8, 5
LONG_WAIT = timedelta(minutes=10)


def make(client: Client, start: datetime) -> Lease:
    """A lease of one host that starts then."""
    reservation = {'resource_type': 'physical:host', 'min': 1, 'max': 1}
    return client.leases.create('w', start, start + timedelta(hours=1), [reservation])


def next_minute() -> datetime:
    """The next minute that is far enough away to make leases for it."""
    now = datetime.now(UTC) + timedelta(seconds=15)
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def by_push(box: Sandbox) -> list[float]:
    """Seconds from the moment that a lease is ACTIVE until a wait for that returns."""
    late: list[float] = []
    for _ in range(ROUNDS):
        start = next_minute()
        leases = [make(box.client('alice'), start) for _ in range(LEASES)]
        returned: dict[str, float] = {}

        def wait(lease: Lease, returned: dict[str, float] = returned) -> None:
            lease.wait(timeout=180)
            returned[lease.id] = time.time()

        threads = [threading.Thread(target=wait, args=[lease]) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for told in box.client('alice').notifications.list(types=['lease.started']):
            if told.lease_id in returned:
                late.append(returned[told.lease_id] - told.time.timestamp())
        for lease in leases:
            lease.delete()
    return late


def noted(client: Client) -> list[float]:
    """When each request is made that reads something, from now on."""
    sent: list[float] = []
    read = client.transport.read

    def reading(*args: Any, **kwargs: Any) -> Any:
        sent.append(time.time())
        return read(*args, **kwargs)

    client.transport.read = reading  # type: ignore[method-assign]
    return sent


def by_polling(box: Sandbox) -> list[int]:
    """How many requests a wait makes from the moment on that a lease is due."""
    counts = []
    for _ in range(ROUNDS):
        start = next_minute()
        client = box.client('alice')
        lease = make(client, start)
        sent = noted(client)
        lease.wait(timeout=180)
        counts.append(sum(moment >= start.timestamp() for moment in sent))
        lease.delete()
    return counts


def cpu(box: Sandbox, *words: str) -> float:
    """Seconds of CPU time that a command takes."""
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(box.config_file)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(SCRIPT), '--os-cloud', 'alice', *words]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and write the table."""
    with testing.sandbox(hosts=LEASES + 1) as box, testing.sandbox(hosts=1, pin='1.0') as old:
        lease = make(box.client('alice'), datetime.now(UTC) + LONG_WAIT)
        start_up = statistics.median(cpu(box, 'lease', 'show', lease.id) for _ in range(5))
        long = cpu(box, 'lease', 'wait', lease.id) - start_up
        lease.delete()
        late = sorted(by_push(box))
        counts = by_polling(old)
    p95 = late[int(len(late) * 0.95) - 1]
    rows = [
        ('from ACTIVE to the return of a wait, by push, p50', f'{statistics.median(late):.3f} s'),
        ('the same, p95', f'{p95:.3f} s'),
        ('requests of a wait from the due time on, by polling, at most', str(max(counts))),
        (f'CPU of a wait of {LONG_WAIT.seconds // 60} minutes after start-up', f'{long:.3f} s'),
    ]
    width = max(len(row[0]) for row in rows)
    rule = f'{"=" * width}  {"=" * 8}'
    lines = [rule, f'{"what":{width}}  measured', rule]
    lines += [f'{what:{width}}  {value}' for what, value in rows]
    TABLE.write_text('\n'.join([*lines, rule, '']))
    print(TABLE.read_text())


if __name__ == '__main__':
    main()
