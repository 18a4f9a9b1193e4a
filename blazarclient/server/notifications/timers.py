"""What is due by the clock alone: warnings before the end of leases, and the end of subscriptions.

Any number of these work on one database. What is due is done in one transaction with forgetting
that it was, so that it is done once, whoever does it; one that is killed leaves it to the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from blazarclient.server import retrying
from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lead_timer import LeadTimer
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import clock as stored_clock
from blazarclient.server.store import lead_timers, subscription_ends

__all__ = ['NOTICE', 'Timers']

LOG = logging.getLogger(__name__)

#: How long before the end of a subscription its project is told of it.
NOTICE = timedelta(hours=24)

#: Another process may have made a lease or moved the clock: look again after this many seconds.
_LONGEST_SLEEP = 0.25
#: How much is done in one transaction. Everybody who appends to the log waits for it.
_BATCH = 100


class Timers:
    """Does what is due.

    :param context_factory: makes a context of the service; one is used by one thread.
    """

    def __init__(self, context_factory: Callable[[], RequestContext]) -> None:
        self._context_factory = context_factory
        self._woken = threading.Event()

    def wake(self) -> None:
        """Look at once: the clock was moved, or it is time to stop."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Do what is due until told to stop.

        Errors are logged, and it goes on after a pause that grows from one to the next.
        """
        pauses = retrying.pauses()
        while not stop.is_set():
            self._woken.clear()
            try:
                sleep = self._until_next()
                if not sleep:
                    self.run_once()
            except Exception as error:
                pause = next(pauses)
                if isinstance(error, retrying.PASSING):
                    reason = retrying.brief(error)
                    LOG.warning('Timers: trying again in %.1f s: %s', pause, reason)
                else:
                    # Without timers nobody would be warned again.
                    LOG.exception('Timers: trying again in %.1f s', pause)
                stop.wait(pause)
                continue
            pauses = retrying.pauses()
            if sleep:
                self._woken.wait(sleep)

    def run_once(self) -> int:
        """Do what is due now.

        :returns: how many timers and subscriptions were due.
        """
        ctx, count = self._context_factory(), 0
        for portion in (self._fire, self._tell, self._expire):
            while done := portion(ctx):
                count += done
        return count

    @staticmethod
    def _fire(ctx: RequestContext) -> int:
        return LeadTimer.fire_due(ctx, _BATCH)

    @staticmethod
    def _tell(ctx: RequestContext) -> int:
        """Tell of subscriptions that are about to end."""
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            now = ctx.now()
            found = subscription_ends.expiring(connection, now + NOTICE, limit=_BATCH)
            for each in _subscriptions(ctx, found):
                # One that was made to last no longer than that is no news.
                if (
                    each.expires_at
                    and now < each.expires_at
                    and (each.created_at <= each.expires_at - NOTICE)
                ):
                    each.tell_expiring()
                else:
                    each.change(expiring_told_at=now)
        return len(found)

    @staticmethod
    def _expire(ctx: RequestContext) -> int:
        """End subscriptions whose time is over."""
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            found = subscription_ends.over(connection, ctx.now(), limit=_BATCH)
            for each in _subscriptions(ctx, found):
                each.expire()
        return len(found)

    def _until_next(self) -> float:
        """Real seconds until something is due, as far as this is known; 0 when something is."""
        ctx = self._context_factory()
        with ctx.transaction(write=False) as connection:
            moments = [
                lead_timers.next_due(connection),
                subscription_ends.next_due(connection, NOTICE),
            ]
            now = ctx.now()
            clock = Anchor(*stored_clock.read(connection))
        moment = min(filter(None, moments), default=None)
        return _LONGEST_SLEEP if moment is None else _real_seconds(clock, now, moment)


def _real_seconds(clock: Anchor, now: datetime, moment: datetime) -> float:
    """How long to sleep until a moment; 0 for one that has come."""
    if moment <= now:
        return 0.0
    real = clock.real_at(moment)
    if real is None:
        return _LONGEST_SLEEP
    # Not 0 for what is to come, else it would be asked for again and again.
    return min(max(real - time.time(), 0.001), _LONGEST_SLEEP)


def _subscriptions(ctx: RequestContext, ids: list[str]) -> Iterator[Subscription]:
    for each in ids:
        found = Subscription.for_service(ctx, each)
        if found is not None:
            yield found
