"""When subscriptions end, and whose owners are to be told of it before."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store.tables import subscriptions

__all__ = ['expiring', 'next_due', 'over']

_ENDS = subscriptions.c.expires_at
_HAS_NOT_ENDED = subscriptions.c.status != 'expired'
_IS_UNTOLD = sa.and_(
    subscriptions.c.expiring_told_at.is_(None),
    subscriptions.c.status.in_(('active', 'failing', 'pending')),
)


def over(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """The IDs of subscriptions that are over and do not say so yet.

    :param now: naive UTC.
    """
    query = sa.select(subscriptions.c.id).where(now >= _ENDS, _HAS_NOT_ENDED)
    return [*connection.scalars(query.order_by(_ENDS).limit(limit))]


def expiring(connection: Connection, until: datetime, *, limit: int) -> list[str]:
    """The IDs of subscriptions that end by then, of which nobody was told.

    :param until: naive UTC.
    """
    query = sa.select(subscriptions.c.id).where(until >= _ENDS, _IS_UNTOLD)
    return [*connection.scalars(query.order_by(_ENDS).limit(limit))]


def next_due(connection: Connection, notice: timedelta) -> datetime | None:
    """When the next one ends, or is to be told of, naive UTC; None when there is none.

    :param notice: how long before its end it is told of.
    """
    first: datetime | None = connection.scalar(sa.select(sa.func.min(_ENDS)).where(_HAS_NOT_ENDED))
    untold: datetime | None = connection.scalar(sa.select(sa.func.min(_ENDS)).where(_IS_UNTOLD))
    moments = [first] if first else []
    if untold:
        moments.append(untold - notice)
    return min(moments, default=None)
