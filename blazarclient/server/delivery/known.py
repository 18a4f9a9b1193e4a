"""What a worker remembers, so that it need not be read, decrypted or decoded again."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery.batches import Event, Target, subscription_of
from blazarclient.server.objects.audience import Audience
from blazarclient.server.objects.notification import Notification
from blazarclient.server.store import due_deliveries

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ['Known']

LOG = logging.getLogger(__name__)

#: How many notifications and how many subscriptions are remembered.
_EVENTS, _TARGETS = 2000, 10_000
#: What a target is made of.
_USED = (
    'revision',
    'url',
    'endpoint',
    'scope',
    'types',
    'lease_ids',
    'resource_types',
    'before_end',
    'payload',
    'payload_version',
    'secret',
    'previous_secret',
)


class Known:
    """Notifications by their sequence, and targets by the ID of the subscription."""

    def __init__(self) -> None:
        self.events: dict[int, Event] = {}
        self._targets: dict[str, tuple[Hashable, Target | None]] = {}

    def load(self, ctx: RequestContext, connection: Connection, sequences: set[int]) -> None:
        """Let ``events`` have those of these entries of the log that are kept."""
        if len(self.events) > _EVENTS:
            self.events = {each: self.events[each] for each in sequences & self.events.keys()}
        unknown = sequences - self.events.keys()
        if unknown:
            for row in due_deliveries.notifications_of(connection, unknown):
                self.events[row['sequence']] = Event(Notification.from_row(ctx, row))

    def target(self, ctx: RequestContext, row: Mapping[str, Any]) -> Target | None:
        """Where a subscription leads.

        :param row: with its JSON as it is stored.
        :returns: None while its secret cannot be read.
        """
        until = row['previous_secret_until']
        overlaps = until is not None and ctx.now() < until
        key = (overlaps, *(row[name] for name in _USED))
        known = self._targets.get(row['id'])
        if known is None or known[0] != key:
            if len(self._targets) > _TARGETS:
                self._targets.clear()
            known = self._targets[row['id']] = (key, _target(ctx, row))
        return known[1]


def _target(ctx: RequestContext, row: Mapping[str, Any]) -> Target | None:
    try:
        secrets = tuple(subscription_of(ctx, row).secrets(ctx.now()))
    except errors.NotConfigured as error:
        LOG.error('Nothing is sent to subscription %s: %s', row['id'], error)
        return None
    return Target(
        row['id'],
        row['project_id'],
        row['url'],
        row['endpoint'],
        row['payload_version'],
        row['payload'] == 'thin',
        secrets,
        Audience.of(row),
    )
