"""What is still to be sent, and since when."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store.tables import (
    breakers,
    deliveries,
    log_head,
    notifications,
    subscriptions,
)

__all__ = ['Backlog', 'measure']

_OPEN = ('waiting', 'queued', 'sending')
#: Only these are sent to.
_HEARING = ('active', 'failing')


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """Counts, and seconds on the service's clock."""

    #: Deliveries that are not over.
    queued: int
    #: Entries of the log of which it is not worked out yet who is sent them.
    unsorted: int
    #: The age of the oldest of these entries.
    unsorted_seconds: float
    #: For how long the oldest delivery could have been sent that nothing is in the way of.
    due_seconds: float


def measure(connection: Connection, now: datetime) -> Backlog:
    """Look at what is still to be sent.

    :param now: naive UTC, on the service's clock.
    """
    queued = connection.scalar(
        sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.state.in_(_OPEN))
    )
    sequence, fanned_out = connection.execute(
        sa.select(log_head.c.sequence, log_head.c.fanned_out)
    ).one()
    noticed_at = connection.scalar(
        sa.select(notifications.c.noticed_at)
        .where(notifications.c.sequence > fanned_out)
        .order_by(notifications.c.sequence)
        .limit(1)
    )
    due_at = connection.scalar(
        sa.select(sa.func.min(deliveries.c.due_at))
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription_id)
        .outerjoin(breakers, breakers.c.endpoint == subscriptions.c.endpoint)
        .where(
            deliveries.c.state == 'queued',
            deliveries.c.due_at <= now,
            subscriptions.c.status.in_(_HEARING),
            sa.or_(breakers.c.open_until.is_(None), breakers.c.open_until <= now),
        )
    )
    return Backlog(
        queued=queued or 0,
        unsorted=max(0, sequence - fanned_out),
        unsorted_seconds=_age(noticed_at, now),
        due_seconds=_age(due_at, now),
    )


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
