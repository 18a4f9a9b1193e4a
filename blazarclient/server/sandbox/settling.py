"""Waiting until all that is due has been carried out."""

from __future__ import annotations

import time
from collections.abc import Callable

from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications.timers import Timers
from blazarclient.server.store import due

__all__ = ['Settling']

#: Seconds to wait at most, and between two looks.
_TIMEOUT, _PAUSE = 30.0, 0.01


class Settling:
    """Does what is due, beside scheduler and timers, and waits for what the scheduler has taken.

    So whoever moves the clock finds the leases as they are then, and all that has happened by
    then in the log.

    :param owner: the name under which events are taken; not the scheduler's.
    """

    def __init__(self, context_factory: Callable[[], RequestContext], owner: str) -> None:
        self._context_factory = context_factory
        self._owner = owner

    def __call__(self) -> None:
        """Return when nothing is left that was due when this began, or after half a minute."""
        ctx = self._context_factory()
        scheduler = Scheduler(self._context_factory, self._owner)
        timers = Timers(self._context_factory)
        now = ctx.now()
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            # Events first: nobody hears that a lease ends before it hears that it has started.
            scheduler.run_due_once()
            timers.run_once()
            with ctx.transaction(write=False) as connection:
                if not due.is_unfinished(connection, now):
                    return
            time.sleep(_PAUSE)
