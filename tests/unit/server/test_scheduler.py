"""The scheduler as a thread: it sleeps until something is due, and outlives every error."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.config import Settings
from blazarclient.server.objects.lease_event import LeaseEvent
from tests.front_door import BEGIN, FrontDoor, wire

PATIENCE = 20.0


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    """A service whose workers are taken for dead after a second."""
    made = FrontDoor(f'sqlite:///{tmp_path}/reservation.db', settings=Settings(event_timeout=1))
    yield made
    made.close()


@pytest.fixture
def start(door: FrontDoor) -> Iterator[Callable[[], Scheduler]]:
    """Start a scheduler in a thread of its own, which the test's end stops."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def make() -> Scheduler:
        scheduler = Scheduler(door.context, f'thread-{len(threads)}')
        thread = threading.Thread(target=scheduler.run, args=[stop])
        threads.append(thread)
        thread.start()
        return scheduler

    yield make
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def make_lease(door: FrontDoor, minutes: int = 60) -> str:
    """A lease of nothing; it starts after some minutes, and takes a day."""
    begin = door.now + timedelta(minutes=minutes)
    values = {
        'name': 'x',
        'start_date': wire(begin),
        'end_date': wire(begin + timedelta(days=1)),
        'reservations': [],
    }
    answer = door.call('alice', 'POST', '/leases', values)
    assert answer.status == 201, answer
    return str(answer.body['lease']['id'])


def shown(door: FrontDoor, lease_id: str) -> Any:
    return door.call('alice', 'GET', f'/leases/{lease_id}').body['lease']


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def change(door: FrontDoor, statement: str) -> None:
    with door.database.transaction() as connection:
        connection.exec_driver_sql(statement)


def test_a_lease_of_a_day_takes_seconds(door: FrontDoor, start: Callable[[], Scheduler]) -> None:
    """At 36,000 times the speed a lease starts and ends at its own times, by the clock."""
    lease = make_lease(door)
    start()
    door.set_clock(BEGIN, speed=36_000)
    wait_for(lambda: shown(door, lease)['status'] == 'TERMINATED')
    events = {event['event_type']: event for event in shown(door, lease)['events']}
    assert {event['status'] for event in events.values()} == {'DONE'}
    # At most a real second late, although another process could have moved the clock.
    assert events['start_lease']['updated_at'] < '2030-01-07 19:00:00'


def test_it_wakes_up_when_told(door: FrontDoor, start: Callable[[], Scheduler]) -> None:
    """Nothing is due while the clock stands; once it is moved, the lease starts at once."""
    lease = make_lease(door)
    scheduler = start()
    time.sleep(0.3)
    assert shown(door, lease)['status'] == 'PENDING'
    door.advance(61)
    scheduler.wake()
    wait_for(lambda: shown(door, lease)['status'] == 'ACTIVE')


def test_it_outlives_the_database(
    door: FrontDoor, start: Callable[[], Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    """While nothing can be asked it tries again, less and less often, and then goes on."""
    caplog.set_level(logging.WARNING)
    lease = make_lease(door, 0)
    change(door, 'ALTER TABLE events RENAME TO away')
    start()
    wait_for(lambda: 'trying again in 0.4 s' in caplog.text)
    assert 'trying again in 0.1 s' in caplog.text
    assert 'no such table: events' in caplog.text
    change(door, 'ALTER TABLE away RENAME TO events')
    wait_for(lambda: shown(door, lease)['status'] == 'ACTIVE')


def test_a_passing_error_is_tried_again(
    door: FrontDoor, start: Callable[[], Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    """When the time of an event is over, it is left to the next worker."""
    caplog.set_level(logging.WARNING)
    lease = make_lease(door, 0)
    # An event can be taken, but not finished.
    change(
        door,
        "CREATE TRIGGER full BEFORE UPDATE ON events WHEN NEW.status = 'DONE'"
        ' BEGIN SELECT abs(-9223372036854775807 - 1); END',
    )
    start()
    wait_for(lambda: 'left to the next worker' in caplog.text)
    assert 'trying again' in caplog.text
    change(door, 'DROP TRIGGER full')
    wait_for(lambda: shown(door, lease)['status'] == 'ACTIVE')
    events = {event['event_type']: event['status'] for event in shown(door, lease)['events']}
    assert events == {'start_lease': 'DONE', 'before_end_lease': 'UNDONE', 'end_lease': 'UNDONE'}


def test_one_lease_that_fails_keeps_no_other_from_starting(
    door: FrontDoor, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be carried out is in ERROR, with its lease, and the log says why."""
    leases = [make_lease(door, 0) for _ in range(3)]
    change(
        door,
        'CREATE TRIGGER refused BEFORE UPDATE ON leases'
        f" WHEN NEW.status = 'ACTIVE' AND NEW.id = '{leases[1]}'"
        " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    assert door.scheduler.run_due_once() == 2
    states = [shown(door, lease)['status'] for lease in leases]
    assert states == ['ACTIVE', 'ERROR', 'ACTIVE']
    events = {event['event_type']: event['status'] for event in shown(door, leases[1])['events']}
    assert events['start_lease'] == 'ERROR'
    assert f'start_lease of lease {leases[1]} failed' in caplog.text
    assert 'not this one' in caplog.text


def test_an_event_that_cannot_even_be_given_up_is_taken_again(
    door: FrontDoor, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are carried out meanwhile, and it is when nothing is in the way any more."""
    leases = [make_lease(door, 0) for _ in range(2)]
    change(
        door,
        'CREATE TRIGGER refused BEFORE UPDATE ON leases'
        f" WHEN NEW.status IN ('ACTIVE', 'ERROR') AND NEW.id = '{leases[0]}'"
        " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    )
    assert door.scheduler.run_due_once() == 1
    assert 'cannot be given up' in caplog.text
    assert shown(door, leases[0])['status'] == 'STARTING'
    change(door, 'DROP TRIGGER refused')
    time.sleep(1.1)
    assert door.scheduler.run_due_once() == 1
    assert shown(door, leases[0])['status'] == 'ACTIVE'


def test_it_outlives_what_nobody_thought_of(
    door: FrontDoor, start: Callable[[], Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    """A row that no server has written is no reason never to start a lease again."""
    lease = make_lease(door, 0)
    change(door, f"UPDATE leases SET status = 'NONSENSE' WHERE id = '{lease}'")
    start()
    wait_for(lambda: 'KeyError' in caplog.text)
    change(door, f"UPDATE leases SET status = 'PENDING' WHERE id = '{lease}'")
    wait_for(lambda: shown(door, lease)['status'] == 'ACTIVE')


def test_whoever_is_late_changes_nothing(door: FrontDoor) -> None:
    """An event that was taken over is carried out by the one that took it over."""
    lease = make_lease(door, 0)
    (late,) = LeaseEvent.take(door.context(), owner='late')
    change(door, 'UPDATE events SET deadline = 0')
    assert door.scheduler.run_due_once() == 1
    before = shown(door, lease)
    with pytest.raises(errors.TakenOver):
        late.carry_out()
    assert shown(door, lease) == before
