"""What is no longer kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store.tables import (
    deliveries,
    lease_copies,
    leases,
    log_head,
    notifications,
    subscriptions,
)

__all__ = ['Table', 'delete_old', 'outlived']

Table = sa.Table

_OPEN = ('waiting', 'queued', 'sending')
_OVER = 'TERMINATED'
#: For so long after its end a lease may still be deleted, and after a subscription was made its
#: lease may not have been seen.
_GRACE = timedelta(days=1)


def delete_old(
    connection: Connection, table: sa.Table, column: str, before: datetime, *, limit: int
) -> int:
    """Delete the oldest rows of a table.

    :param column: their time; rows without one are kept.
    :param before: naive UTC.
    :param limit: how many at most.
    :returns: how many there were.
    """
    moment: sa.ColumnElement[Any] = table.c[column]
    keys = [*table.primary_key.columns]
    found = connection.execute(
        sa.select(*keys).where(moment < before).order_by(moment).limit(limit)
    ).all()
    if not found:
        return 0
    # Looked at again, as a delivery may be sent once more meanwhile.
    same = sa.and_(_is_one_of(keys, found), moment < before)
    return connection.execute(table.delete().where(same)).rowcount


def _is_one_of(
    keys: Sequence[sa.ColumnElement[Any]], found: Sequence[sa.Row[Any]]
) -> sa.ColumnElement[bool]:
    if len(keys) == 1:
        return keys[0].in_([row[0] for row in found])
    return sa.tuple_(*keys).in_([tuple(row) for row in found])


def outlived(
    connection: Connection, now: datetime, *, limit: int, only: str | None = None
) -> Sequence[str]:
    """Subscriptions that were made with a lease which is over, and that have told the last of it.

    :param now: naive UTC, on the service's clock.
    :param only: no other subscription than this one.
    """
    lease = subscriptions.c.inline_lease_id
    fanned_out = sa.select(log_head.c.fanned_out).scalar_subquery()
    of_the_lease = notifications.c.lease_id == lease
    is_deleted = sa.or_(
        sa.exists().where(of_the_lease, notifications.c.type == 'lease.deleted'),
        subscriptions.c.created_at < now - _GRACE,
    )
    is_gone = sa.and_(
        is_deleted,
        ~sa.exists().where(leases.c.id == lease),
        ~sa.exists().where(lease_copies.c.lease_id == lease),
    )
    is_over = sa.or_(
        *(
            sa.exists().where(
                key == lease, table.c.status == _OVER, table.c.end_date < now - _GRACE
            )
            for table, key in ((leases, leases.c.id), (lease_copies, lease_copies.c.lease_id))
        )
    )
    is_told = sa.and_(
        ~sa.exists().where(of_the_lease, notifications.c.sequence > fanned_out),
        ~sa.exists().where(
            deliveries.c.subscription_id == subscriptions.c.id, deliveries.c.state.in_(_OPEN)
        ),
    )
    query = sa.select(subscriptions.c.id).where(
        lease.is_not(None), sa.or_(is_gone, is_over), is_told
    )
    if only is not None:
        query = query.where(subscriptions.c.id == only)
    return connection.scalars(query.order_by(subscriptions.c.id).limit(limit)).all()
