"""Requests that wait for notifications, and the one thread that looks for them all.

A waiting request holds a thread of the server and nothing else: no transaction and no connection.
The thread that looks for notifications runs only while somebody waits. It hears of entries that
this process has made, and looks for those of others every 40 ms. It reads whom new entries
concern once, and wakes no more than those who wait for them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.notification import News, Notification

__all__ = ['Waiter', 'Waiters', 'Wanted']

LOG = logging.getLogger(__name__)

#: Seconds between two looks at what other processes have made.
_INTERVAL = 0.04
#: Seconds after a look in which there is no other, however often the bell rings.
_REST = 0.004
#: Seconds between two looks at who has hung up.
_GONE_INTERVAL = 1.0
#: Seconds to the next try when the database does not answer.
_PAUSE = 1.0
#: How many entries are looked at in one go.
_BATCH = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of the log a request waits for."""

    #: None for everybody's.
    project_id: str | None
    #: Empty for every type.
    types: frozenset[str] = frozenset()
    lease_id: str | None = None

    def means(self, news: News) -> bool:
        """Whether an entry is one of them."""
        return (
            self.project_id in (None, news.project_id)
            and (not self.types or news.type in self.types)
            and self.lease_id in (None, news.lease_id)
        )


class Waiter:
    """One request that waits.

    :param is_gone: tells whether whoever has sent it has hung up.
    """

    def __init__(self, wanted: Wanted, is_gone: Callable[[], bool]) -> None:
        self.wanted = wanted
        self.is_gone = is_gone
        self._woken = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Wait until there may be something; False when there was nothing for so long."""
        woken = self._woken.wait(seconds)
        # Before the caller looks: what comes while it does wakes it again.
        self._woken.clear()
        return woken

    def wake(self) -> None:
        self._woken.set()


class Waiters:
    """All requests of a process that wait.

    :param context: makes the service's own context.
    :param most: how many may wait at one time.
    """

    def __init__(self, context: Callable[[], RequestContext], most: int) -> None:
        self._context = context
        self._most = most
        self._lock = threading.Lock()
        self._waiting: set[Waiter] = set()
        #: The last entry that was looked at.
        self._seen = 0
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    @property
    def count(self) -> int:
        """How many requests are waiting."""
        return len(self._waiting)

    @property
    def is_closed(self) -> bool:
        """Whether the service ends, so that nobody should wait any longer."""
        return self._closed.is_set()

    @contextlib.contextmanager
    def waiter(self, wanted: Wanted, after: int, is_gone: Callable[[], bool]) -> Iterator[Waiter]:
        """Wait for entries.

        :param after: the last entry that the request has looked at.
        :raises blazarclient.server.errors.TooManyRequests: as many wait as may.
        """
        made = Waiter(wanted, is_gone)
        with self._lock:
            if len(self._waiting) >= self._most:
                raise errors.TooManyRequests(
                    f'{self._most} requests are waiting for notifications, which is as many as '
                    'may. Try again in a few seconds, or ask without "wait".'
                )
            self._waiting.add(made)
            if self._thread is None and not self.is_closed:
                self._seen = after
                self._thread = threading.Thread(target=self._watch, name='feed', daemon=True)
                self._thread.start()
            if self._seen > after or self.is_closed:
                # Something has come between the request's look and this line.
                made.wake()
        try:
            yield made
        finally:
            with self._lock:
                self._waiting.discard(made)

    def close(self) -> None:
        """Let every request be answered with what there is, and let none wait from now on."""
        self._closed.set()
        with self._lock:
            thread = self._thread
            for each in self._waiting:
                each.wake()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_PAUSE + 1)

    # ----------------------------------------------------------------- watching

    def _watch(self) -> None:
        """Wake those that wait, until nobody does."""
        ctx = self._context()
        bell = ctx.database.bell
        rung = bell.count
        gone_at = time.monotonic() + _GONE_INTERVAL
        while self._goes_on():
            try:
                self._look(ctx)
            except Exception:
                LOG.exception('Looking for notifications failed; trying again')
                self._closed.wait(_PAUSE)
                continue
            if time.monotonic() >= gone_at:
                gone_at = time.monotonic() + _GONE_INTERVAL
                self._wake(lambda each: each.is_gone())
            self._closed.wait(_REST)
            rung = bell.wait(rung, _INTERVAL)

    def _goes_on(self) -> bool:
        with self._lock:
            if self._waiting and not self.is_closed:
                return True
            # Under the lock: whoever comes now starts another thread.
            self._thread = None
            return False

    def _look(self, ctx: RequestContext) -> None:
        """Look at what is new, and wake those whom it concerns."""
        while True:
            found, reached = Notification.news(ctx, after=self._seen, limit=_BATCH)
            with self._lock:
                self._seen = reached
            if found:
                self._tell(set(found))
            if len(found) < _BATCH:
                return

    def _tell(self, news: set[News]) -> None:
        self._wake(lambda waiter: any(waiter.wanted.means(each) for each in news))

    def _wake(self, concerns: Callable[[Waiter], bool]) -> None:
        with self._lock:
            waiting = [*self._waiting]
        for each in waiting:
            if concerns(each):
                each.wake()
