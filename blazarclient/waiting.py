"""Waiting until a lease reaches a state.

A service that speaks 1.1 says when something happens to the lease: the wait holds a request that
is answered then. Elsewhere a lease changes when one of its events is due, so nothing is asked
before that: the wait sleeps until just after the next event, then asks with growing pauses.

A service that cannot be reached for a while, or restarts, does not end the wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from blazarclient import exception, times
from blazarclient.versions import Version

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
#: States whose end the service tells of; what a change or a deletion passes through is over soon.
_TOLD = ('PENDING', 'STARTING', 'ACTIVE', 'TERMINATING', 'TERMINATED', 'ERROR')
#: Seconds between two questions: the first, and the longest.
_SHORTEST, _LONGEST = 1.0, 10.0
#: Seconds from when an event is due to the first look at what Blazar has made of it.
_SOON = 3.0
#: How much longer each pause is than the one before it, and where an event is overdue: Blazar looks
#: for events that are due every ten seconds.
_GROWTH, _OVERDUE_GROWTH = 1.5, 3.4
#: Seconds that the service holds a request back, and after how many of those in vain the lease is
#: looked at all the same.
_HELD, _LOOK_AFTER = 30.0, 4
#: The status that answers a cursor of what is no longer kept.
_GONE = 410
#: The microversion from which on the service says what happens.
_PUSH = Version(1, 1)
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

    return _Wait(lease, reached, wanted, timeout, report).run()


def until_stable(lease: Lease, *, timeout: float = 120.0) -> Lease:
    """Wait until a lease has left a state that it leaves by itself, such as UPDATING.

    :param timeout: seconds to wait at most.
    :raises blazarclient.exception.WaitTimeout: with the last status seen.
    """

    def reached(current: Lease | None) -> bool:
        return current is None or current.status not in TRANSITIONAL

    return _Wait(lease, reached, 'stable', timeout, None).run()


class _Wait:
    """One wait: what was seen last, and how long is left."""

    def __init__(
        self,
        lease: Lease,
        reached: Callable[[Lease | None], bool],
        wanted: str,
        timeout: float,
        report: Callable[[str], None] | None,
    ) -> None:
        self._lease = lease
        self._reached = reached
        self._wanted = wanted
        self._timeout = timeout
        self._report = report
        self._deadline = time.monotonic() + timeout
        self._seen = ''
        #: Where in what happened this wait has come to; None while it does not listen.
        self._cursor: str | None = None
        #: Whether the service refuses to say what happens.
        self._refused = False

    def run(self) -> Lease:
        """Look until it is reached."""
        pause = _SHORTEST
        self._begins_to_listen()
        while True:
            before = self._seen
            if self._look():
                return self._lease
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise exception.WaitTimeout(
                    f'The lease {_called(self._lease)} was still {self._seen or "unreachable"} '
                    f'after {self._timeout:.0f} s of waiting for it to be {self._wanted}.'
                )
            if self._begins_to_listen():
                # It may have changed between the look and now.
                continue
            due = _until_due(self._lease, self._seen, self._wanted)
            if self._listens():
                self._listen()
                continue
            if self._seen != before:
                pause = _SHORTEST
            if due:
                pause = _SOON
                time.sleep(min(left, due))
                continue
            time.sleep(min(left, pause * random.uniform(0.8, 1.0)))
            pause = min(pause * (_GROWTH if due is None else _OVERDUE_GROWTH), _LONGEST)

    def _look(self) -> bool:
        """Look at the lease; whether what was waited for has come."""
        here = True
        try:
            self._lease.refresh()
        except exception.NotFound:
            here = False
        except (exception.ConnectionFailed, exception.ServiceUnavailable):
            # It may be back before the time is over.
            return False
        seen = str(self._lease.status) if here else DELETED
        if seen != self._seen and self._report is not None:
            self._report(seen)
        self._seen = seen
        return self._reached(self._lease if here else None)

    def _begins_to_listen(self) -> bool:
        """Whether the wait hears of what happens from now on, and did not before.

        Which version is spoken may be known only after the first look: making a lease says nothing.
        """
        if self._cursor is None and not self._refused:
            self._hear('latest')
            return self._cursor is not None
        return False

    def _listens(self) -> bool:
        """Whether somebody will say when the state that was seen changes."""
        return self._cursor is not None and self._seen in _TOLD

    def _listen(self) -> None:
        """Return when something has happened to the lease, or may have."""
        for _ in range(_LOOK_AFTER):
            left = self._deadline - time.monotonic()
            if left <= 0 or self._cursor is None:
                return
            if self._hear(self._cursor, wait=min(left, _HELD)):
                return

    def _hear(self, after: str, *, wait: float = 0.0) -> bool:
        """Ask what has happened; whether something has.

        Without an answer, or an allowance, it is looked at the lease from time to time.
        """
        spoken = self._lease.client.transport.spoken
        if spoken is None or spoken.version < _PUSH:
            return False
        try:
            found, self._cursor = self._lease.client.notifications.page(
                after=after, wait=wait, lease_id=self._lease['id']
            )
        except (exception.ConnectionFailed, exception.ServiceUnavailable):
            time.sleep(min(_SHORTEST, wait))
            return True
        except exception.HTTPError as error:
            # An entry that is no longer kept is no reason to stop listening.
            self._cursor, self._refused = None, error.status != _GONE
            return True
        return bool(found)


def _until_due(lease: Lease, status: str, wanted: str) -> float | None:
    """Seconds until the event that can change the status; 0 when it is due, None for none."""
    kind = _NEXT_EVENT.get(status)
    if kind is None or wanted == DELETED:
        return None
    due = [
        moment
        for event in lease.get('events') or ()
        if event.get('event_type') == kind and (moment := _moment(event.get('time')))
    ]
    if not due:
        return None
    skew = lease.client.transport.skew
    left = (min(due) - times.utcnow()).total_seconds() - skew
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
