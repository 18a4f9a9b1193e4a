"""Workers die, or stand still for too long: every event is carried out, and only once."""

from __future__ import annotations

import dataclasses
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.faults import FULL
from tests.faults.audit import Trail
from tests.faults.workers import Workers
from tests.front_door import BEGIN, NETWORK, FrontDoor, Machine, wire
from tests.whole_calendar import Calendar

WORKERS = 4
#: Each lease has three events.
LEASES, KILLS, STOPS = (668, 20, 5) if FULL else (100, 4, 1)
#: Leases that begin together; the hosts of one wave are those of the next.
WAVE = 40
#: Seconds after which a worker is taken for dead, and for how long one is stopped.
TIMEOUT, STOPPED = 2, 3.5
PATIENCE = 300

HOST = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 2,
    'hypervisor_properties': '',
    'resource_properties': '',
}
INSTANCE = {
    'resource_type': 'virtual:instance',
    'vcpus': 2,
    'memory_mb': 1024,
    'disk_gb': 10,
    'amount': 3,
    'affinity': None,
    'resource_properties': '',
}
FLAVOR = {
    'resource_type': 'flavor:instance',
    'flavor_id': 'm1.small',
    'amount': 2,
    'affinity': None,
}
ADDRESS = {'resource_type': 'virtual:floatingip', 'network_id': NETWORK, 'amount': 1}


@dataclasses.dataclass(frozen=True)
class Expected:
    """What there is before any worker begins."""

    waves: list[list[str]]
    events: set[str]
    reservations: set[str]
    #: Of hosts: those of addresses stay until the lease is deleted.
    allocations: set[str]

    @property
    def leases(self) -> set[str]:
        """All leases."""
        return {lease for wave in self.waves for lease in wave}


def test_every_event_is_carried_out_once(shared_database_url: str, tmp_path: Path) -> None:
    """Every lease starts once and ends once, whichever workers are killed or late."""
    with open_door(shared_database_url) as door:
        waves = make_leases(door)
        with door.database.transaction(write=False) as connection:
            before = Calendar(connection)
        assert before.wrong() == []
        expected = Expected(
            waves,
            {event['id'] for event in before.events},
            {*before.reservations},
            {row['id'] for row in before.allocations if row['kind'] == 'host'},
        )
        trail = Trail(door.database)
        door.set_clock(BEGIN + timedelta(days=30))

        with Workers(tmp_path, shared_database_url, WORKERS, TIMEOUT) as workers:
            disturb(door, workers, trail, len(expected.events))
            assert not workers.ended()
        log = workers.log()

        assert 'Traceback' not in log, log
        check_effects(trail, expected)
        with door.database.transaction(write=False) as connection:
            after = Calendar(connection)
        assert after.wrong() == []
        assert {lease['status'] for lease in after.leases.values()} == {'TERMINATED'}
        if FULL:
            # The kills and stops have met workers that were at it.
            assert max(trail.count('event taken').values()) > 1
            assert 'another worker has taken it over' in log


@contextmanager
def open_door(url: str) -> Iterator[FrontDoor]:
    door = FrontDoor(url)
    yield door
    door.close()


def make_leases(door: FrontDoor) -> list[list[str]]:
    """Leases of all resource types, in waves that follow each other without a gap."""
    machines = [Machine(number, 8, 16384, 200) for number in range(1, 61)]
    door.surround(machines)
    for machine in machines:
        assert door.add_host(machine).status == 201
    for number in range(100, 112):
        assert door.add_address(number).status == 201
    waves: list[list[str]] = []
    for number in range(LEASES):
        wave, place = divmod(number, WAVE)
        # Instances of both kinds cannot be on the hosts of one wave.
        kinds = [HOST, HOST, FLAVOR if wave % 2 else INSTANCE, ADDRESS]
        start = BEGIN + timedelta(minutes=30 + 60 * wave)
        if not place:
            waves.append([])
        waves[-1].append(make_lease(door, number, start, kinds[place % 4]))
    return waves


def make_lease(door: FrontDoor, number: int, start: Any, kind: dict[str, Any]) -> str:
    answer = door.call(
        'alice',
        'POST',
        '/leases',
        {
            'name': f'lease-{number}',
            'start_date': wire(start),
            'end_date': wire(start + timedelta(minutes=60)),
            'reservations': [kind],
        },
    )
    assert answer.status == 201, answer
    return str(answer.body['lease']['id'])


def disturb(door: FrontDoor, workers: Workers, trail: Trail, events: int) -> None:
    """Kill workers, and stop some past their deadline, while the events are carried out."""
    chance = random.Random(1)
    deeds = ['kill'] * KILLS + ['stop'] * STOPS
    chance.shuffle(deeds)
    # Each when so many events are done; the last ones while there is still enough to do.
    due = [(place + 1) * events * 9 // (10 * (len(deeds) + 1)) for place in range(len(deeds))]
    stopped: list[tuple[float, subprocess.Popen[bytes]]] = []

    def step() -> bool:
        done = trail.total('event DONE')
        while stopped and stopped[0][0] < time.monotonic():
            stopped.pop(0)[1].send_signal(signal.SIGCONT)
        # One that has not begun to work can be killed without any harm.
        if due and done >= due[0] and len(workers.working()) > len(stopped):
            # Somewhere in the middle of what it does.
            time.sleep(chance.random() * 0.05)
            still = [worker for _, worker in stopped]
            worker = chance.choice([each for each in workers.working() if each not in still])
            if deeds[0] == 'kill':
                workers.kill(worker)
            else:
                worker.send_signal(signal.SIGSTOP)
                if not has_events(door, worker):
                    worker.send_signal(signal.SIGCONT)
                    return False
                stopped.append((time.monotonic() + STOPPED, worker))
            due.pop(0)
            deeds.pop(0)
        return done >= events and not stopped

    wait_for(step, workers)
    assert not due
    # Whoever was stopped last now finds out that it is too late.
    time.sleep(1)


def has_events(door: FrontDoor, worker: subprocess.Popen[bytes]) -> bool:
    """Whether a worker has taken events; the names of workers hold the numbers of processes."""
    query = sa.text("SELECT COUNT(*) FROM events WHERE status = 'IN_PROGRESS' AND owner LIKE :name")
    with door.database.transaction(write=False) as connection:
        return bool(connection.scalar(query, {'name': f'%-{worker.pid}-%'}))


def wait_for(done: Callable[[], bool], workers: Workers) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, workers.log()
        time.sleep(0.02)


def check_effects(trail: Trail, expected: Expected) -> None:
    """Everything was done exactly once, and a host was given back before it was given on."""
    once = dict.fromkeys
    assert trail.count('event DONE') == Counter(once(expected.events, 1))
    for status in ('STARTING', 'ACTIVE', 'TERMINATING', 'TERMINATED'):
        assert trail.count(f'lease {status}') == Counter(once(expected.leases, 1)), status
    assert trail.total('lease ERROR') == 0
    for status in ('active', 'deleted'):
        done = trail.count(f'reservation {status}')
        assert done == Counter(once(expected.reservations, 1)), status
    assert trail.count('allocation freed') == Counter(once(expected.allocations, 1))
    ended, started = trail.places('lease TERMINATED'), trail.places('lease ACTIVE')
    for before, after in zip(expected.waves, expected.waves[1:], strict=False):
        assert max(ended[each] for each in before) < min(started[each] for each in after)
