"""Delivery workers die, or stand still for too long: everything arrives, under its first ID."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.deliveries import Deliveries
from tests.faults import FULL, delivery_worker
from tests.receiver import Receiver, Reply

#: Notifications of each lease, leases, and how often a worker is killed.
EACH, LEASES, KILLS = (10, 1000, 50) if FULL else (5, 120, 6)
WORKERS = 2
#: Seconds after which a worker is taken for dead.
CLAIM = 3.0
PATIENCE = 600 if FULL else 120


@pytest.fixture
def service(shared_database_url: str) -> Iterator[Deliveries]:
    """A service whose workers are processes of their own."""
    made = Deliveries(shared_database_url, standing=False)
    yield made
    made.close()


class Workers:
    """Workers of which one is killed now and then, and replaced."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._number = 0
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> str:
        """Start one more; its name."""
        self._number += 1
        owner = f'worker-{self._number:03}'
        self.running[owner] = delivery_worker.start(self._url, owner, claim_seconds=CLAIM)
        return owner

    def kill(self, owner: str) -> None:
        """Kill one with -9, in the middle of what it does."""
        process = self.running.pop(owner)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def stop(self) -> None:
        """End all."""
        for process in self.running.values():
            delivery_worker.stop(process)
        self.running.clear()


@pytest.fixture
def workers(shared_database_url: str) -> Iterator[Workers]:
    """No workers at first; whatever is started ends with the test."""
    made = Workers(shared_database_url)
    yield made
    made.stop()


def claimed(service: Deliveries, owner: str) -> set[str]:
    """The notifications that a worker has claimed."""
    return {
        row['notification_id']
        for row in service.stored()
        if row['state'] == 'sending' and row['owner'].startswith(f'{owner}/')
    }


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def stand_still(service: Deliveries, process: subprocess.Popen[bytes]) -> None:
    """Stop a process, but not while all others wait for it.

    A process that is stopped within a transaction has its locks until it goes on, or until the
    server of the database gives its connection up.
    """
    while True:
        process.send_signal(signal.SIGSTOP)
        # A signal takes a moment.
        time.sleep(0.1)
        if is_free(service):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)


def is_free(service: Deliveries) -> bool:
    """Whether nobody holds the lock of those who send."""
    database = service.database
    connection = database.engine.raw_connection()
    connection.detach()
    try:
        cursor = connection.cursor()
        if database.is_sqlite:
            cursor.execute('PRAGMA busy_timeout = 0')
            cursor.execute('BEGIN IMMEDIATE')
        else:
            cursor.execute("SELECT name FROM locks WHERE name = 'deliveries' FOR UPDATE NOWAIT")
        connection.rollback()
    except database.engine.dialect.loaded_dbapi.Error:
        return False
    else:
        return True
    finally:
        connection.close()


def is_over(service: Deliveries, count: int) -> bool:
    return Counter(row['state'] for row in service.stored()) == {'delivered': count}


def test_killed_workers(service: Deliveries, workers: Workers) -> None:
    """Nothing is lost; twice comes only what was in flight when its worker was killed."""
    chance = random.Random(1)
    with Receiver() as receiver:
        for host in range(1, 9):
            service.subscribe(receiver.url(host=f'127.0.0.{host}'), project=f'p-{host}')
        sent = {
            f'lease-{number}': service.publish(
                f'lease-{number}', project=f'p-{number % 8 + 1}', count=EACH
            )
            for number in range(LEASES)
        }
        count = LEASES * EACH
        for _ in range(WORKERS):
            workers.start()
        in_flight: set[str] = set()
        for kill in range(KILLS):
            # Each when so much has come; the last one while there is still enough to do.
            due = count * (kill + 1) * 9 // (10 * (KILLS + 1))
            wait_for(lambda due=due: len(receiver.received) >= due)  # type: ignore[misc]
            time.sleep(chance.random() * 0.05)
            owner = chance.choice([*workers.running])
            workers.kill(owner)
            in_flight |= claimed(service, owner)
            workers.start()
        wait_for(lambda: is_over(service, count))
        received = [(each.id, each.event['partitionkey']) for each in receiver.received]

    times = Counter(one for one, _ in received)
    assert times.keys() == {one for ids in sent.values() for one in ids}
    twice = {one for one, often in times.items() if often > 1}
    assert twice <= in_flight
    for lease, ids in sent.items():
        first = dict.fromkeys(one for one, which in received if which == lease)
        assert [*first] == ids


def test_a_worker_that_stood_still(service: Deliveries, workers: Workers) -> None:
    """One that is stopped past its deadline and continued sends nothing and changes nothing."""
    with Receiver(Reply(delay=0.1)) as receiver:
        service.subscribe(receiver.url())
        for number in range(100):
            service.publish(f'lease-{number}')
        stopped = workers.start()
        receiver.wait(8)
        stand_still(service, workers.running[stopped])
        had = claimed(service, stopped)
        assert had
        workers.start()
        wait_for(lambda: is_over(service, 100))
        for owner in [*workers.running]:
            if owner != stopped:
                delivery_worker.stop(workers.running.pop(owner))
        before, came = service.stored(), len(receiver.received)

        workers.running[stopped].send_signal(signal.SIGCONT)
        (last,) = service.publish('lease-100')
        wait_for(lambda: is_over(service, 101))
        assert service.stored()[:100] == before
        assert [each.id for each in receiver.received[came:]] == [last]
        times = Counter(each.id for each in receiver.received)
        assert {one for one, often in times.items() if often > 1} <= had
