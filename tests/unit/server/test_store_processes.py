"""Several processes on one database, some of them killed or asleep for too long."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any

import sqlalchemy as sa

from blazarclient.server.store import due, leases
from blazarclient.server.store.database import Database
from tests.unit.server.store_rows import HOUR, T0, event_row, lease_row

_spawn = multiprocessing.get_context('spawn')
#: What was done for an event, in the order in which it was done.
_effects = sa.Table(
    'effects',
    sa.MetaData(),
    sa.Column('number', sa.Integer, primary_key=True, autoincrement=True),
    sa.Column('event_id', sa.String(36), nullable=False),
    sa.Column('owner', sa.String(64), nullable=False),
)
_RANK = {'start_lease': 0, 'before_end_lease': 1, 'end_lease': 2}
#: Seconds that a worker has for what it takes.
_DEADLINE = 1.0
_LONG_AFTER = T0 + timedelta(days=365)


def _start(target: Callable[..., None], *args: object) -> BaseProcess:
    process = _spawn.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def test_every_event_is_carried_out_once(shared_database_url: str) -> None:
    """Four workers, of which some are killed and some sleep past their time."""
    database = Database(shared_database_url)
    database.upgrade()
    events: dict[str, Any] = {}
    with database.transaction() as connection:
        _effects.create(connection)
        for number in range(48):
            lease_id = f'l{number}'
            leases.insert_lease(connection, lease_row(lease_id))
            # Eight leases at a time; the next eight begin when these end.
            start = T0 + number // 8 * HOUR
            times = {
                'start_lease': start,
                'before_end_lease': start + (number % 2) * HOUR,
                'end_lease': start + HOUR,
            }
            rows = [
                event_row(f'{lease_id}-{kind}', lease_id, kind, when)
                for kind, when in times.items()
            ]
            leases.insert_events(connection, rows)
            events |= {row['id']: row for row in rows}
    workers = [_start(_work, shared_database_url, f'worker {each}') for each in range(4)]
    chance = random.Random(3)
    for number in range(6):
        _wait_for_effects(database, 10 * (number + 1))
        victim = chance.choice(workers)
        victim.kill()
        victim.join()
        workers.remove(victim)
        workers.append(_start(_work, shared_database_url, f'replacement {number}'))
    for each in workers:
        each.join(90)
    assert [each.exitcode for each in workers] == [0] * 4
    with database.transaction(write=False) as connection:
        done = list(connection.scalars(sa.select(_effects.c.event_id).order_by('number')))
        status = Counter(row['status'] for row in leases.events_of(connection, None))
    assert Counter(done) == dict.fromkeys(events, 1)
    assert status == {'DONE': len(events)}
    _check_order([events[each] for each in done])
    database.dispose()


def _wait_for_effects(database: Database, wanted: int) -> None:
    deadline = time.monotonic() + 60
    count = sa.select(sa.func.count()).select_from(_effects)
    while time.monotonic() < deadline:
        with database.transaction(write=False) as connection:
            if (connection.scalar(count) or 0) >= wanted:
                return
        time.sleep(0.02)
    raise AssertionError(f'{wanted} events were not carried out within a minute')


def _check_order(done: list[dict[str, Any]]) -> None:
    """Each lease's own events in turn, and every start after the ends that it waits for."""
    place = {row['id']: number for number, row in enumerate(done)}
    for row in done:
        for other in done:
            if other['lease_id'] == row['lease_id']:
                first = _RANK[other['event_type']] < _RANK[row['event_type']]
            else:
                is_between = (other['event_type'], row['event_type']) == (
                    'end_lease',
                    'start_lease',
                )
                first = is_between and other['time'] <= row['time']
            assert not first or place[other['id']] < place[row['id']], (other['id'], row['id'])


def _work(url: str, owner: str) -> None:
    """Take events and carry them out until none is left."""
    database, chance = Database(url), random.Random(owner)
    while True:
        with database.transaction() as connection:
            now = time.time()
            taken = due.take_due(
                connection,
                now=_LONG_AFTER,
                real_now=now,
                owner=owner,
                limit=3,
                deadline=now + _DEADLINE,
            )
        for row in taken:
            if chance.random() < 0.05:
                time.sleep(_DEADLINE * 1.5)
            _carry_out(database, row)
        if not taken:
            with database.transaction(write=False) as connection:
                if not due.is_unfinished(connection, _LONG_AFTER):
                    return
            time.sleep(0.01)


def _carry_out(database: Database, row: dict[str, Any]) -> None:
    with database.transaction() as connection:
        leases.lock_lease(connection, row['lease_id'])
        if due.finish(connection, row['id'], row['owner'], row['attempt'], 'DONE'):
            connection.execute(_effects.insert().values(event_id=row['id'], owner=row['owner']))


def test_a_lock_is_held_by_one_process_at_a_time(shared_database_url: str) -> None:
    """What is read under a lock has not changed when it is written."""
    database = Database(shared_database_url)
    database.upgrade()
    with database.transaction() as connection:
        leases.insert_lease(connection, lease_row('a', name='0'))
    processes = [_start(_count, shared_database_url, 40) for _ in range(4)]
    for each in processes:
        each.join(60)
    assert [each.exitcode for each in processes] == [0] * 4
    with database.transaction(write=False) as connection:
        assert [row['name'] for row in leases.leases(connection)] == ['160']
    database.dispose()


def _count(url: str, times: int) -> None:
    database = Database(url)
    for _ in range(times):
        with database.transaction() as connection:
            database.lock(connection, 'allocations')
            row = leases.lease(connection, 'a')
            assert row is not None
            leases.update_lease(connection, 'a', {'name': str(int(row['name']) + 1)})
