"""The scheduler: carries out the events of leases when they are due.

Any number of schedulers work on one database, in threads and in processes. Each takes due events
for a while and carries out one after the other; what a killed one had taken is taken by another
when that while is over (:class:`~blazarclient.server.objects.lease_event.LeaseEvent`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import exc

from blazarclient.server import errors, retrying
from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.store import clock as stored_clock

__all__ = ['Scheduler']

LOG = logging.getLogger(__name__)

#: Another process may have made a lease or moved the clock: look again after this many seconds.
_LONGEST_SLEEP = 0.2


class Scheduler:
    """Takes events that are due, and carries them out.

    :param context_factory: makes a context of the service; one is used by one thread.
    :param owner: the name under which events are taken; no two schedulers may share one.
    :param batch: how many events are taken at a time. They have to be carried out within
        ``[embedded] event_timeout``.
    """

    def __init__(
        self, context_factory: Callable[[], RequestContext], owner: str, *, batch: int = 20
    ) -> None:
        self._context_factory = context_factory
        self.owner = owner
        self._batch = batch
        self._woken = threading.Event()
        self._stop = threading.Event()

    def wake(self) -> None:
        """Look at once: this process has made or changed a lease, or moved the clock."""
        self._woken.set()

    def run_due_once(self) -> int:
        """Carry out what is due now, and what becomes due by that.

        :returns: how many events were carried out.
        :raises blazarclient.server.errors.Busy: when the database is locked for too long.
        :raises sqlalchemy.exc.SQLAlchemyError: when nothing can be asked of the database.
        """
        count = 0
        while taken := self._take():
            count += sum(self._carry_out(event) for event in taken)
        return count

    def run(self, stop: threading.Event) -> None:
        """Carry out events until told to stop; what was taken by then is still carried out.

        Errors are logged, and it goes on after a pause that grows from one to the next.
        """
        self._stop = stop
        LOG.info('%s: carrying out the events of leases', self.owner)
        pauses = retrying.pauses()
        while not stop.is_set():
            self._woken.clear()
            try:
                taken = self._take()
                sleep = 0.0 if taken else self._until_next()
            except retrying.PASSING as error:
                pause = next(pauses)
                LOG.warning(
                    '%s: trying again in %.1f s: %s', self.owner, pause, retrying.brief(error)
                )
                stop.wait(pause)
                continue
            except Exception:
                # Without a scheduler no lease would ever start or end again.
                pause = next(pauses)
                LOG.exception('%s: trying again in %.1f s', self.owner, pause)
                stop.wait(pause)
                continue
            pauses = retrying.pauses()
            for event in taken:
                self._carry_out(event)
            if sleep:
                self._woken.wait(sleep)
        LOG.info('%s: stopped', self.owner)

    def _take(self) -> list[LeaseEvent]:
        return LeaseEvent.take(self._context_factory(), owner=self.owner, limit=self._batch)

    def _carry_out(self, event: LeaseEvent) -> bool:
        """Carry out an event that was taken; say whether it was.

        Whatever goes wrong is logged: one lease must not keep all others from starting.
        """
        what = f'{event.event_type} of lease {event.lease_id}'
        try:
            self._insist(event)
        except errors.TakenOver:
            LOG.warning('%s: %s: another worker has taken it over', self.owner, what)
            return False
        except retrying.PASSING as error:
            LOG.warning(
                '%s: %s: left to the next worker: %s', self.owner, what, retrying.brief(error)
            )
            return False
        except Exception:
            LOG.exception('%s: %s failed', self.owner, what)
            self._give_up(event)
            return False
        LOG.debug('%s: %s: done', self.owner, what)
        return True

    def _insist(self, event: LeaseEvent) -> None:
        """Carry out an event, again after a passing error of the database while there is time."""
        pauses = retrying.pauses()
        while True:
            try:
                event.carry_out()
            except retrying.PASSING as error:
                pause = next(pauses)
                if time.time() + pause >= (event.deadline or 0.0):
                    raise
                LOG.warning(
                    '%s: trying again in %.1f s: %s', self.owner, pause, retrying.brief(error)
                )
                if self._stop.wait(pause):
                    raise
            else:
                return

    def _give_up(self, event: LeaseEvent) -> None:
        """Let the event and its lease be in ERROR; if even this fails, it is taken again."""
        try:
            event.give_up()
        except (errors.ServiceError, exc.SQLAlchemyError):
            LOG.exception('%s: event %s cannot be given up', self.owner, event.id)

    def _until_next(self) -> float:
        """Real seconds until something is due, as far as this is known."""
        ctx = self._context_factory()
        with ctx.transaction(write=False) as connection:
            moment = LeaseEvent.next_due(ctx)
            clock = Anchor(*stored_clock.read(connection))
        real = None if moment is None else clock.real_at(moment)
        if real is None:
            return _LONGEST_SLEEP
        # A worker that died has left something behind that was due long ago.
        remaining = real - time.time()
        return min(remaining, _LONGEST_SLEEP) if remaining > 0 else _LONGEST_SLEEP
