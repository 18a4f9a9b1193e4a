"""Waiting until a lease reaches a state.

A lease changes when one of its events is due, so nothing is asked before that: the wait sleeps
until just after the next event, then asks with growing pauses.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from blazarclient import exception, times

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease

__all__ = ['DELETED', 'TRANSITIONAL', 'until', 'until_stable']

#: What to wait for when a lease shall be gone.
DELETED = 'deleted'
#: States that a lease leaves by itself, soon.
TRANSITIONAL = ('CREATING', 'STARTING', 'UPDATING', 'TERMINATING', 'DELETING')
#: How far a lease has come. A state that lies behind is never reached again.
_PATH = ('CREATING', 'PENDING', 'STARTING', 'ACTIVE', 'TERMINATING', 'TERMINATED')
_ORDER = {status: place for place, status in enumerate(_PATH)}
#: Which event brings a lease out of a state.
_NEXT_EVENT = {'PENDING': 'start_lease', 'ACTIVE': 'end_lease'}
#: Seconds between two questions: the first, and the longest.
_SHORTEST, _LONGEST = 1.0, 10.0
#: Seconds to sleep at most until an event is due: by this machine's clock, and by another one.
_LONGEST_SLEEP, _SHORTEST_SLEEP = 60.0, 3.0
#: Clocks that differ by less, in seconds, are taken for the same; ``Date`` has whole seconds.
_SAME_CLOCK = 5.0


def until(
    lease: Lease,
    status: str = 'ACTIVE',
    *,
    timeout: float = 600.0,
    report: Callable[[str], None] | None = None,
) -> Lease:
    """Wait until a lease has a status, or is gone.

    :param status: ``ACTIVE``, ``TERMINATED``, ``PENDING``, or ``deleted``.
    :param timeout: seconds to wait at most.
    :param report: called with each status that is seen, once.
    :returns: the lease as it was last seen.
    :raises blazarclient.exception.WaitFailed: at once, when the status can no longer come: the
        lease is in ERROR, past it, or gone.
    :raises blazarclient.exception.WaitTimeout: with the last status seen.
    """
    wanted = DELETED if status.lower() == DELETED else status.upper()
    if wanted != DELETED and wanted not in _ORDER:
        raise exception.InvalidInput(
            f'{status!r} is no status to wait for. Expected {", ".join(_ORDER)} or {DELETED}.'
        )

    def reached(current: Lease | None) -> bool:
        if current is None:
            if wanted == DELETED:
                return True
            raise exception.WaitFailed(
                f'The lease {_called(lease)} was deleted while waiting for it to be {wanted}.'
            )
        seen = str(current.status)
        if seen == wanted:
            return True
        behind = wanted in _ORDER and _ORDER.get(seen, -1) > _ORDER[wanted]
        if wanted != DELETED and (seen == 'ERROR' or behind):
            raise exception.WaitFailed(
                f'The lease {_called(lease)} is {seen} and will not be {wanted} any more.'
            )
        return False

    return _poll(lease, reached, wanted, timeout, report)


def until_stable(lease: Lease, *, timeout: float = 120.0) -> Lease:
    """Wait until a lease has left a state that it leaves by itself, such as UPDATING.

    :param timeout: seconds to wait at most.
    :raises blazarclient.exception.WaitTimeout: with the last status seen.
    """

    def reached(current: Lease | None) -> bool:
        return current is None or current.status not in TRANSITIONAL

    return _poll(lease, reached, 'stable', timeout, None)


def _poll(
    lease: Lease,
    reached: Callable[[Lease | None], bool],
    wanted: str,
    timeout: float,
    report: Callable[[str], None] | None,
) -> Lease:
    deadline = time.monotonic() + timeout
    last = ''
    pause = _SHORTEST
    while True:
        here = True
        try:
            lease.refresh()
        except exception.NotFound:
            here = False
        seen = str(lease.status) if here else DELETED
        if seen != last and report is not None:
            report(seen)
        if reached(lease if here else None):
            return lease
        pause = _SHORTEST if seen != last else min(pause * 1.5, _LONGEST)
        last = seen
        left = deadline - time.monotonic()
        if left <= 0:
            raise exception.WaitTimeout(
                f'The lease {_called(lease)} was still {seen} after {timeout:.0f} s of waiting for '
                f'it to be {wanted}.'
            )
        patience = max(_until_due(lease, seen, wanted), pause * random.uniform(0.8, 1.0))
        time.sleep(min(left, patience))


def _until_due(lease: Lease, status: str, wanted: str) -> float:
    """Seconds until the event that can change the status; 0 when it is due or unknown."""
    kind = _NEXT_EVENT.get(status)
    if kind is None or wanted == DELETED:
        return 0.0
    due = [
        moment
        for event in lease.get('events') or ()
        if event.get('event_type') == kind and (moment := _moment(event.get('time')))
    ]
    skew = lease.client.transport.skew
    left = (min(due) - times.utcnow()).total_seconds() - skew if due else 0.0
    # Somebody may move the lease: look again every now and then. A clock that is not this
    # machine's may not go as fast either; that of a sandbox can be sped up.
    longest = _LONGEST_SLEEP if abs(skew) < _SAME_CLOCK else _SHORTEST_SLEEP
    return min(max(left, 0.0), longest)


def _moment(text: object) -> datetime | None:
    try:
        return times.from_wire(str(text))
    except exception.InvalidInput:
        return None


def _called(lease: Lease) -> str:
    return f'{lease.get("name")} ({lease.get("id")})'
