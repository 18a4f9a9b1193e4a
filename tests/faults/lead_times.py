"""Leases that somebody wants to be warned of three times, moved twice, and when they were."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications.timers import Timers
from blazarclient.server.objects.lead_timer import LeadTimer
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import tables
from blazarclient.server.vault import new_key
from tests.front_door import BEGIN, FrontDoor, Machine, wire

__all__ = ['LEADS', 'Figures', 'run']

LEADS = {'PT30M': 1800, 'PT10M': 600, 'PT2M': 120}
#: Seconds that the clock runs, at real speed, before warnings are due.
_BEFORE = 0.3
_PATIENCE = 60.0


@dataclasses.dataclass(frozen=True)
class Figures:
    """What came out."""

    leases: int
    wanted: int
    given: int
    twice: int
    #: Of an end that a lease no longer had.
    of_old_dates: int
    #: Seconds after they were due, sorted.
    late: Sequence[float]


def run(url: str, *, leases: int, together: int, threads: int = 2) -> Figures:
    """Make leases, move their ends twice, and let the clock pass all that was and is due.

    :param together: how many leases end at one moment.
    :param threads: how many timers work on the database.
    """
    door = FrontDoor(url, settings=Settings(secret_keys=(new_key(),)))
    machines = [Machine(number, 8, 16384, 200) for number in range(1, together + 1)]
    door.surround(machines)
    for machine in machines:
        assert door.add_host(machine).status == 201
    _subscribe(door)
    ends: dict[str, datetime] = {}
    old: set[tuple[str, datetime]] = set()
    for number in range(leases):
        start = BEGIN + timedelta(hours=1 + number // together * 3)
        first, second, last = (start + timedelta(minutes=each) for each in (60, 90, 75))
        lease_id = _lease(door, number, start, first)
        _move(door, lease_id, second)
        _move(door, lease_id, last)
        old |= {(lease_id, first), (lease_id, second)}
        ends[lease_id] = last
    stop = threading.Event()
    timers = [
        threading.Thread(target=Timers(door.context).run, args=[stop]) for _ in range(threads)
    ]
    for thread in timers:
        thread.start()
    try:
        for end in sorted({*ends.values()}):
            for lead in sorted(LEADS.values(), reverse=True):
                _pass(door, end - timedelta(seconds=lead))
        # Behind all dates, old and new.
        door.set_clock(max(end for _, end in old) + timedelta(hours=1), speed=1.0)
        time.sleep(1)
    finally:
        stop.set()
        for thread in timers:
            thread.join()
        figures = _figures(door, ends, old)
        door.close()
    return figures


def _subscribe(door: FrontDoor) -> None:
    member = RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='u-alice',
        project_id='p-demo',
        roles=frozenset({'member', 'reader'}),
    )
    body = {'notify_endpoint': {'url': 'https://ci.example/hook'}, 'before_end': [*LEADS]}
    # Two with the same lead times: it is one warning.
    for name in ('one', 'two'):
        url = {'url': f'https://ci.example/{name}'}
        Subscription.create(member, {**body, 'notify_endpoint': url}, '1.2')


def _lease(door: FrontDoor, number: int, start: datetime, end: datetime) -> str:
    answer = door.call(
        'alice',
        'POST',
        '/leases',
        {
            'name': f'lease-{number}',
            'start_date': wire(start),
            'end_date': wire(end),
            'events': [],
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
    )
    assert answer.status == 201, answer
    lease_id: str = answer.body['lease']['id']
    return lease_id


def _move(door: FrontDoor, lease_id: str, end: datetime) -> None:
    answer = door.call('alice', 'PUT', f'/leases/{lease_id}', {'end_date': wire(end)})
    assert answer.status == 200, answer


def _pass(door: FrontDoor, due: datetime) -> None:
    """Let the clock run over a moment, until all that is due then is done."""
    door.set_clock(due - timedelta(seconds=_BEFORE), speed=1.0)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        time.sleep(0.1)
        ctx = door.context()
        with ctx.transaction(write=False):
            now, moment = ctx.now(), LeadTimer.next_due(ctx)
        if now > due and (moment is None or moment > now):
            break
    # Leases start and end meanwhile.
    door.scheduler.run_due_once()


def _figures(door: FrontDoor, ends: dict[str, datetime], old: set[tuple[str, datetime]]) -> Figures:
    table = tables.notifications.c
    query = sa.select(
        table.lease_id, table.expires_at, table.lead_seconds, table.time, table.noticed_at
    ).where(table.lead_seconds.is_not(None))
    with door.database.transaction(write=False) as connection:
        rows = connection.execute(query).all()
    given = Counter((row.lease_id, row.expires_at, row.lead_seconds) for row in rows)
    wanted = {(lease_id, end, lead) for lease_id, end in ends.items() for lead in LEADS.values()}
    return Figures(
        leases=len(ends),
        wanted=len(wanted),
        given=len(wanted & given.keys()),
        twice=sum(count - 1 for count in given.values()),
        of_old_dates=sum((lease_id, end) in old for lease_id, end, _ in given),
        late=sorted((row.noticed_at - row.time).total_seconds() for row in rows),
    )
