"""Several processes give out the same hosts and addresses: nothing is given out twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import tests
from tests.faults import FULL
from tests.faults.workers import Workers
from tests.front_door import BEGIN, FrontDoor, Machine
from tests.whole_calendar import Calendar

CLIENTS, REQUESTS = (4, 1500) if FULL else (4, 120)
WORKERS = 2
#: A lease of an hour takes six seconds.
SPEED = 600.0
PATIENCE = 600


def test_the_calendar_is_right_at_every_moment(shared_database_url: str, tmp_path: Path) -> None:
    """Four processes create, update and delete, two start and end: the calendar never is wrong."""
    door = FrontDoor(shared_database_url)
    door.surround([Machine(number, 8, 16384, 200) for number in range(1, 9)])
    for number in range(1, 9):
        assert door.add_host(Machine(number, 8, 16384, 200)).status == 201
    for number in range(100, 106):
        assert door.add_address(number).status == 201
    door.set_clock(BEGIN, speed=SPEED)

    with Workers(tmp_path, shared_database_url, WORKERS, 30) as workers:
        clients = [start_client(shared_database_url, seed) for seed in range(CLIENTS)]
        looks = watch(door, clients)
        assert not workers.ended()
    done: Counter[str] = Counter()
    for client in clients:
        output, errors = client.communicate(timeout=10)
        assert client.returncode == 0, errors
        done.update(json.loads(output))

    assert looks > 3
    assert sum(done.values()) == CLIENTS * REQUESTS
    # Some of each kind were done, or this test says nothing.
    assert min(done[each] for each in ('create 201', 'update 200', 'delete 204')) > CLIENTS, done
    assert 'Traceback' not in workers.log(), workers.log()
    # Without a worker and a client in between.
    assert look(door).wrong() == []
    door.close()


def start_client(url: str, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'tests.faults.random_requests', url, str(seed), str(REQUESTS)],
        cwd=Path(tests.__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def watch(door: FrontDoor, clients: list[subprocess.Popen[str]]) -> int:
    """Look at the whole calendar again and again until all clients are done."""
    end, looks = time.monotonic() + PATIENCE, 0
    try:
        while any(client.poll() is None for client in clients):
            assert time.monotonic() < end
            assert look(door).wrong() == []
            looks += 1
            time.sleep(0.2)
    finally:
        for client in clients:
            if client.poll() is None:
                client.kill()
                client.wait()
    return looks


def look(door: FrontDoor) -> Calendar:
    with door.database.transaction(write=False) as connection:
        return Calendar(connection)
