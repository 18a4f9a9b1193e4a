"""The sweeper: deletes what is no longer kept, a little at a time, so that nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from blazarclient.server.context import RequestContext
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import log, retention, tables

__all__ = ['Sweeper']

LOG = logging.getLogger(__name__)

#: Rows of one transaction. SQLite has one writer at a time.
_BATCH = 200
#: Seconds between two looks, and after one that has found as much as it takes at a time.
_INTERVAL, _REST = 60.0, 0.2
#: Days for which messages of the bus are known again.
_KEEP_MESSAGES = 2
#: Days for which a request that brings an ID is known again, and unreadable messages are kept.
_KEEP_IDS = _KEEP_UNREADABLE = 14


class Sweeper:
    """Deletes what is older than the options say, and inline subscriptions whose lease is gone.

    :param batch: how many rows one transaction deletes at most.
    """

    def __init__(
        self, context_factory: Callable[[], RequestContext], *, batch: int = _BATCH
    ) -> None:
        self._context_factory = context_factory
        self._batch = batch

    def run(self, stop: threading.Event) -> None:
        """Delete until told to stop; an error is logged, and it goes on with the next look."""
        while not stop.is_set():
            try:
                found = self.run_once()
            except Exception:
                LOG.exception('Deleting what is no longer kept failed')
                found = 0
            stop.wait(_REST if found >= self._batch else _INTERVAL)

    def run_once(self) -> int:
        """Delete one batch of each kind.

        :returns: how many rows the fullest of them had.
        """
        steps = (
            self._notifications,
            self._deliveries,
            lambda: self._old(tables.bus_messages, 'received_at', _KEEP_MESSAGES),
            lambda: self._old(tables.unreadable_messages, 'received_at', _KEEP_UNREADABLE),
            lambda: self._old(tables.own_ids, 'created_at', _KEEP_IDS),
            self._inline_subscriptions,
        )
        return max(step() for step in steps)

    def _notifications(self) -> int:
        ctx = self._context_factory()
        with ctx.transaction() as connection:
            before = ctx.now() - timedelta(days=ctx.settings.keep_notifications)
            return log.sweep(connection, before, limit=self._batch)

    def _deliveries(self) -> int:
        keep = self._context_factory().settings.keep_deliveries
        return self._old(tables.deliveries, 'finished_at', keep)

    def _old(self, table: retention.Table, column: str, days: int) -> int:
        ctx = self._context_factory()
        with ctx.transaction() as connection:
            before = ctx.now() - timedelta(days=days)
            return retention.delete_old(connection, table, column, before, limit=self._batch)

    def _inline_subscriptions(self) -> int:
        """Delete subscriptions that were made with a lease, once the last of it is told."""
        ctx = self._context_factory()
        with ctx.transaction(write=False) as connection:
            found = retention.outlived(connection, ctx.now(), limit=self._batch)
        gone = 0
        for subscription_id in found:
            ctx = self._context_factory()
            with ctx.transaction() as connection:
                # Nothing is put in line for it from here on.
                ctx.database.lock(connection, 'deliveries')
                if retention.outlived(connection, ctx.now(), limit=1, only=subscription_id):
                    subscription = Subscription.for_service(ctx, subscription_id)
                    if subscription is not None:
                        subscription.destroy()
                        gone += 1
        return gone
