"""The comparison with the list of leases: what the bus does not tell, or has lost.

A look asks Blazar for the list and compares it with the copies. What differs is a *doubt*: the bus
may be about to tell of it. A doubt that is the same after the grace is settled; how this and the
bus agree is written in :mod:`~blazarclient.server.notifications.agreement`.

An answer that cannot be had or read says nothing at all. That a lease is not in a list is not
enough for it to be gone: Blazar is asked for it by its ID, and has to say that there is none.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from blazarclient.server import metrics, retrying
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications import agreement
from blazarclient.server.notifications.blazar import Unavailable
from blazarclient.server.objects import lease_document, lease_history
from blazarclient.server.objects.lease_copy import LeaseCopy

__all__ = ['Comparison', 'Leases']

LOG = logging.getLogger(__name__)

#: More doubts than these are looked at in a list again, fewer one by one.
_FEW = 20
#: The bus is idle when it has brought nothing for so many seconds; for how many a doubt waits
#: for that at most.
_IDLE, _NEVER_IDLE = 1.0, 300.0
#: Without a look for so many intervals something is wrong.
_LOOKS = 3
_PASSING = (Unavailable, *retrying.PASSING)


class Leases(Protocol):
    """Where leases are asked for."""

    def list_leases(self) -> Iterable[dict[str, Any]]:
        """All leases.

        :raises Unavailable: they cannot be had, or not all of them.
        """

    def get_lease(self, lease_id: str) -> dict[str, Any] | None:
        """One lease; None when Blazar says that there is none.

        :raises Unavailable: it cannot be had.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class _Doubt:
    """A lease that differs from its copy, or is not there (None), and since when it does."""

    copy: LeaseCopy | None
    document: dict[str, Any] | None
    #: By the clock that nobody sets.
    since: float


class Comparison:
    """Compares the leases that Blazar has with those that were published.

    :param context_factory: makes a context of the service.
    :param blazar: where leases are asked for.
    :param interval: seconds from one look to the next.
    :param grace: seconds for which a difference has to last. More than the bus takes, and never
        less than two where there is one: Blazar writes whole seconds.
    :param patience: the same for a lease that Blazar is changing.
    :param clock: seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        context_factory: Callable[[], RequestContext],
        blazar: Leases,
        interval: float,
        *,
        grace: float = 5.0,
        patience: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context_factory = context_factory
        self._blazar = blazar
        self._interval = interval
        self._grace = grace
        self._patience = patience
        self._clock = clock
        self._doubts: dict[str, _Doubt] = {}
        self._woken = threading.Event()
        self._trouble: str | None = None
        self._idle: Callable[[], float] = lambda: math.inf
        #: When the last look was done, by the monotonic clock.
        self._looked_at = time.monotonic()

    def follow(self, idle: Callable[[], float]) -> None:
        """Settle nothing while the bus still has something to say.

        :param idle: for how many seconds the bus has brought nothing.
        """
        self._idle = idle

    def wake(self) -> None:
        """Look at once: what the bus had may be lost."""
        self._woken.set()

    def trouble(self) -> str | None:
        """What is wrong; None where the last look was one, and is not long ago."""
        seconds = time.monotonic() - self._looked_at
        if self._trouble is None and seconds > _LOOKS * self._interval + self._patience:
            return f'The leases were not compared for {seconds:.0f} s.'
        return self._trouble

    @property
    def doubts(self) -> int:
        """How many leases have to be looked at again."""
        return len(self._doubts)

    def run(self, stop: threading.Event) -> None:
        """Look every now and then, and when it is woken, until told to stop."""
        pauses = retrying.pauses()
        due = time.monotonic()
        while not stop.is_set():
            is_woken = self._woken.is_set()
            self._woken.clear()
            try:
                if is_woken or time.monotonic() >= due:
                    self.look()
                    self._looked_at = time.monotonic()
                    due = time.monotonic() + self._interval
                # A list alone never settles that a lease is gone, however often it is looked at.
                if any(self._clock() - each.since >= self._grace for each in self._doubts.values()):
                    self.look_again()
            except _PASSING as error:
                pause = next(pauses)
                self._trouble = f'The leases cannot be compared: {type(error).__name__}.'
                brief = retrying.brief(error)
                LOG.warning('comparison: trying again in %.1f s: %s', pause, brief)
            except Exception as error:
                # Without a comparison nothing would repair what the bus has lost.
                pause = next(pauses)
                self._trouble = f'The leases cannot be compared: {type(error).__name__}.'
                LOG.exception('comparison: trying again in %.1f s', pause)
            else:
                pauses, self._trouble = retrying.pauses(), None
                self._sleep(due - time.monotonic())
                continue
            # What was seen before an error may be long ago, and the bus may have been away too.
            self._doubts.clear()
            # Not a wait for being woken: whoever wakes it knows nothing of what is wrong.
            stop.wait(pause)
            self._woken.set()

    def _sleep(self, seconds: float) -> None:
        """Wait for the next look, at the list or at what is in doubt, or for being woken."""
        if self._doubts:
            # A little later than it has to be is once, a little earlier is twice.
            seconds = min(seconds, self._grace + 0.05)
        self._woken.wait(max(seconds, 0.05))

    def run_once(self) -> int:
        """Look, and look again until there is no doubt left.

        :returns: how many notifications it has published.
        """
        count = self.look()
        while self._doubts:
            time.sleep(max(self._grace, 0.01))
            count += self.look_again()
        return count

    def look(self) -> int:
        """Compare the list with the copies.

        :returns: how many notifications were published.
        :raises Unavailable: when Blazar does not give the list.
        """
        ctx = self._context_factory()
        copies = {each.lease_id: each for each in LeaseCopy.all(ctx)}
        asked = time.time()
        found = self._list()
        answered = time.time()
        if not agreement.has_begun(ctx):
            self._begin(ctx, found.values())
            return 0
        count = sum(
            self._judge(lease_id, copies.get(lease_id), document, asked, answered)
            for lease_id, document in found.items()
        )
        for lease_id in copies.keys() - found.keys():
            self._doubt(lease_id, copies[lease_id], None)
        return count

    def look_again(self) -> int:
        """Compare what was in doubt.

        :returns: how many notifications were published.
        :raises Unavailable: when Blazar does not answer.
        """
        if not self._doubts:
            return 0
        ctx = self._context_factory()
        copies = {lease_id: LeaseCopy.get(ctx, lease_id) for lease_id in self._doubts}
        listed: dict[str, dict[str, Any]] = {}
        asked = time.time()
        if len(self._doubts) > _FEW:
            listed = self._list()
        count = 0
        for lease_id, copy in copies.items():
            try:
                document = listed.get(lease_id) or self._get(lease_id)
            except Unavailable as error:
                if not error.is_answer:
                    raise
                # The next look doubts it again.
                LOG.warning('comparison: lease %s: %s', lease_id, error)
                self._doubts.pop(lease_id, None)
                continue
            count += self._judge(lease_id, copy, document, asked, time.time())
        return count

    # ------------------------------------------------------------------ judging

    def _begin(self, ctx: RequestContext, found: Iterable[dict[str, Any]]) -> None:
        """Keep what is there at the first look."""
        for document in found:
            try:
                agreement.begin(ctx, document)
            except _PASSING:
                raise
            except Exception:
                LOG.exception('comparison: lease %s', document['id'])
        agreement.set_begun(ctx)

    def _judge(
        self,
        lease_id: str,
        copy: LeaseCopy | None,
        document: dict[str, Any] | None,
        asked: float,
        answered: float,
    ) -> int:
        """Settle what a look shows of a lease, or doubt it; an error with it is its own."""
        try:
            settled = self._settled(lease_id, copy, document, asked, answered)
        except _PASSING:
            raise
        except Exception:
            # One lease must not keep all others from being compared.
            LOG.exception('comparison: lease %s', lease_id)
            self._doubts.pop(lease_id, None)
            return 0
        if settled:
            metrics.COMPARISON_REPAIRS.inc(settled)
            LOG.info('comparison: lease %s: %d notifications', lease_id, settled)
        return settled

    def _settled(
        self,
        lease_id: str,
        copy: LeaseCopy | None,
        document: dict[str, Any] | None,
        asked: float,
        answered: float,
    ) -> int:
        if document is not None and copy is not None and copy.document == document:
            self._doubts.pop(lease_id, None)
            return 0
        doubt = self._doubts.get(lease_id)
        if copy is None and document is None:
            # It has come and gone since; half of a lease that could not be made is no lease.
            was = doubt.document if doubt and doubt.copy is None else None
            if was is None or was.get('status') == 'CREATING':
                self._doubts.pop(lease_id, None)
                return 0
            if doubt is None or not self._is_ripe(doubt, self._grace):
                return 0
            return self._close(lease_id, agreement.vanish(self._context_factory(), None, was))
        doubt = self._doubt(lease_id, copy, document)
        if document is None:
            if not self._is_ripe(doubt, self._grace):
                return 0
            return self._close(lease_id, agreement.vanish(self._context_factory(), copy))
        wait = self._patience if document['status'] in lease_history.TRANSITIONAL else self._grace
        if not self._is_ripe(doubt, wait) and not _is_quiet(copy, document):
            return 0
        settled = agreement.settle(self._context_factory(), copy, document, asked, answered)
        return self._close(lease_id, settled)

    def _doubt(
        self, lease_id: str, copy: LeaseCopy | None, document: dict[str, Any] | None
    ) -> _Doubt:
        """The doubt about a lease: the one that there is where nothing has changed since."""
        doubt = self._doubts.get(lease_id)
        if doubt is None or doubt.copy != copy or doubt.document != document:
            doubt = self._doubts[lease_id] = _Doubt(copy, document, self._clock())
        return doubt

    def _is_ripe(self, doubt: _Doubt, wait: float) -> bool:
        """Whether a doubt has lasted for long enough, and the bus has nothing more to say."""
        age = self._clock() - doubt.since
        if age < wait:
            return False
        # A bus that is never idle must not keep what it has lost from being found.
        return self._idle() >= _IDLE or age >= wait + _NEVER_IDLE

    def _close(self, lease_id: str, settled: int | None) -> int:
        """End a doubt, unless the bus was faster: then it is looked at again."""
        if settled is not None:
            self._doubts.pop(lease_id, None)
        return settled or 0

    def _list(self) -> dict[str, dict[str, Any]]:
        leases = self._blazar.list_leases()
        return {each['id']: lease_document.normal(each) for each in leases if each['id']}

    def _get(self, lease_id: str) -> dict[str, Any] | None:
        found = self._blazar.get_lease(lease_id)
        return None if found is None else lease_document.normal(found)


def _is_quiet(copy: LeaseCopy | None, document: dict[str, Any]) -> bool:
    """Whether there is nothing to publish: statuses that follow from what was."""
    if copy is None or document['status'] in lease_history.TRANSITIONAL:
        return False
    if lease_document.digest(document) != copy.digest:
        return False
    now = lease_history.written_at(document)
    return not lease_history.between(copy.document, document, now)
