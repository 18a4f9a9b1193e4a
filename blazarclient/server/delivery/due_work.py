"""What there is to send, by project and endpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from blazarclient.server.context import RequestContext
from blazarclient.server.delivery.batches import Target, host_of, subscription_of
from blazarclient.server.delivery.known import Known
from blazarclient.server.delivery.schedule import Breaker
from blazarclient.server.delivery.turns import Group
from blazarclient.server.store import due_deliveries, endpoints
from blazarclient.server.store import subscriptions as stored
from blazarclient.server.store.rows import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ['DueWork']

#: An endpoint that takes so many seconds for an answer is slow.
_SLOW = 1.0
#: How many endpoints are asked at one time whether they want to be told.
_QUESTIONS = 16


class DueWork:
    """What is due, and when the next is.

    :param latency: seconds that endpoints take for an answer, as far as this is known.
    """

    def __init__(
        self,
        ctx: RequestContext,
        connection: Connection,
        now: datetime,
        known: Known,
        latency: Mapping[str, float],
    ) -> None:
        self._ctx = ctx
        self._connection = connection
        self.now = now
        self._known = known
        self._latency = latency
        #: Subscriptions with something that is due, the one that waits for longest first.
        self.groups: dict[Group, list[str]] = {}
        #: Of these subscriptions, with their JSON as it is stored.
        self.rows: dict[str, Row] = {}
        self.targets: dict[str, Target] = {}
        #: Naive UTC; None when nothing is known to become due.
        self.next_due: datetime | None = None
        #: Whether something has become due while this was looked at.
        self.again = False

    def look(self, asked: Collection[str]) -> None:
        """Find all that is due.

        :param asked: subscriptions whose endpoints are being asked whether they want to be told.
        """
        first = sorted(due_deliveries.due(self._connection), key=lambda each: each[1])
        ids = [each for each, moment in first if moment <= self.now]
        if len(ids) < len(first):
            self._becomes_due(first[len(ids)][1])
        self.rows = {row['id']: row for row in endpoints.subscriptions_of(self._connection, ids)}
        sendable = [each for each in ids if self._is_sendable(self.rows.get(each))]
        questions = self._questions(asked)
        endings = {self.rows[each]['endpoint'] for each in (*sendable, *questions)}
        breakers = {
            endpoint: Breaker(*found)
            for endpoint, found in endpoints.breakers_of(self._connection, endings).items()
        }
        for each in sendable:
            self._add(each, breakers.get(self.rows[each]['endpoint'], Breaker()))
        for each in questions:
            self._add(each, breakers.get(self.rows[each]['endpoint'], Breaker()), asked=each)

    def _becomes_due(self, moment: datetime) -> None:
        self.next_due = moment if self.next_due is None else min(moment, self.next_due)

    def _is_sendable(self, row: Row | None) -> bool:
        if row is None or row['status'] == 'pending':
            return False
        if row['status'] in {'disabled', 'expired'} or not row['enabled']:
            # It was stopped, and something was queued at the same moment.
            stored.cancel_open(self._connection, row['id'], self.now)
            return False
        if row['expires_at'] is not None and row['expires_at'] <= self.now:
            subscription_of(self._ctx, row).expire()
            return False
        return True

    def _questions(self, asked: Collection[str]) -> list[str]:
        """Subscriptions whose endpoints are to be asked whether they want to be told."""
        moment = endpoints.next_verification(self._connection)
        if moment is None:
            return []
        if moment > self.now:
            self._becomes_due(moment)
            return []
        found = endpoints.unverified(self._connection, self.now, limit=_QUESTIONS + len(asked))
        new = [row for row in found if row['id'] not in asked]
        self.rows |= {row['id']: row for row in new}
        return [row['id'] for row in new]

    def _add(self, subscription_id: str, breaker: Breaker, asked: str | None = None) -> None:
        row = self.rows[subscription_id]
        if breaker.open_until is not None and breaker.is_open(self.now):
            self._becomes_due(breaker.open_until)
            return
        target = self._known.target(self._ctx, row)
        if target is None:
            return
        self.targets[subscription_id] = target
        endpoint = target.endpoint
        group = Group(
            target.project_id,
            endpoint,
            host_of(endpoint),
            is_probe=breaker.is_tried,
            asked=asked,
            has_failed=breaker.failures > 0,
            is_slow=breaker.failures > 0 or self._latency.get(endpoint, 0.0) >= _SLOW,
        )
        self.groups.setdefault(group, []).append(subscription_id)
