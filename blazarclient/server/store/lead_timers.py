"""Warnings before the end of leases that somebody has asked for, until they are given.

Only whoever holds the head of the log (:func:`blazarclient.server.store.log.hold`) reads or
writes timers to change them, or what they follow from. So a subscription and a lease that are made
at one moment find each other, and nobody waits for a timer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import lead_timers, lease_copies, subscriptions

__all__ = [
    'OVER',
    'asked_for',
    'copies',
    'delete',
    'drop',
    'due',
    'insert',
    'is_concerned',
    'next_due',
    'of_leases',
]

#: States of a lease that has ended, or is about to be gone: nobody is warned any more.
OVER = frozenset({'DELETING', 'TERMINATED', 'TERMINATING'})

# These are asked whenever a lease changes: to make a query takes longer than to carry it out.
_ASKED = (
    subscriptions.c.before_end != '[]',
    subscriptions.c.status != 'expired',
    sa.or_(
        subscriptions.c.project_id == sa.bindparam('project_id'), subscriptions.c.scope == 'all'
    ),
    sa.or_(subscriptions.c.expires_at.is_(None), subscriptions.c.expires_at > sa.bindparam('now')),
)
_ASKED_FOR = sa.select(
    subscriptions.c.scope,
    subscriptions.c.project_id,
    subscriptions.c.user_id,
    subscriptions.c.lease_ids,
    subscriptions.c.resource_types,
    subscriptions.c.before_end,
).where(*_ASKED)
_CONCERNED = sa.union_all(
    sa.select(lead_timers.c.lead_seconds).where(lead_timers.c.lease_id == sa.bindparam('lease_id')),
    sa.select(sa.literal_column('0')).select_from(subscriptions).where(*_ASKED),
).limit(1)


def is_concerned(connection: Connection, lease_id: str, project_id: str, now: datetime) -> bool:
    """Whether a lease has timers, or might get some."""
    values = {'lease_id': lease_id, 'project_id': project_id, 'now': now}
    return connection.execute(_CONCERNED, values).first() is not None


def asked_for(connection: Connection, project_id: str, now: datetime) -> list[Row]:
    """Subscriptions with lead times that could hear of the leases of a project.

    Also those that are disabled: they can be sent later what they have missed.

    :param now: naive UTC.
    """
    found = rows.rows(connection, _ASKED_FOR, {'project_id': project_id, 'now': now})
    return rows.decoded(found, 'lease_ids', 'resource_types', 'before_end')


def copies(
    connection: Connection,
    *,
    project_id: str | None = None,
    lease_ids: Collection[str] = (),
    since: datetime | None = None,
) -> list[Row]:
    """What timers follow from: copies of leases that are not over.

    :param project_id: of one project only.
    :param lease_ids: only these, where there are any.
    :param since: only those that end after this, naive UTC.
    """
    query = sa.select(lease_copies).where(lease_copies.c.status.not_in(sorted(OVER)))
    if project_id is not None:
        query = query.where(lease_copies.c.project_id == project_id)
    if since is not None:
        query = query.where(lease_copies.c.end_date > since)
    portions = rows.batches(lease_ids) if lease_ids else [None]
    found: list[Row] = []
    for ids in portions:
        portion = query if ids is None else query.where(lease_copies.c.lease_id.in_(ids))
        found += rows.rows(connection, portion)
    return rows.decoded(found, 'document')


def of_leases(connection: Connection, lease_ids: Iterable[str]) -> list[Row]:
    """The timers of leases."""
    return [
        row
        for ids in rows.batches(lease_ids)
        for row in rows.rows(
            connection, sa.select(lead_timers).where(lead_timers.c.lease_id.in_(ids))
        )
    ]


def insert(connection: Connection, timers: Sequence[Row]) -> None:
    """Make timers that there are not yet."""
    if timers:
        connection.execute(lead_timers.insert(), [*timers])


def drop(connection: Connection, lease_id: str, *, but: datetime | None = None) -> None:
    """Forget the timers of a lease.

    :param but: keep those of this end, naive UTC.
    """
    query = lead_timers.delete().where(lead_timers.c.lease_id == lease_id)
    if but is not None:
        query = query.where(lead_timers.c.end_date != but)
    connection.execute(query)


def due(
    connection: Connection, now: datetime, *, limit: int, lease_id: str | None = None
) -> list[Row]:
    """Timers that are due, in the order of their times.

    :param now: naive UTC.
    :param limit: how many at most.
    :param lease_id: of one lease only.
    """
    query = sa.select(lead_timers).where(lead_timers.c.due_at <= now)
    if lease_id is not None:
        query = query.where(lead_timers.c.lease_id == lease_id)
    order = query.order_by(lead_timers.c.due_at, lead_timers.c.lease_id)
    return rows.rows(connection, order.limit(limit))


def delete(connection: Connection, timers: Iterable[Row]) -> None:
    """Forget these timers."""
    query = lead_timers.delete().where(
        lead_timers.c.lease_id == sa.bindparam('of_lease'),
        lead_timers.c.end_date == sa.bindparam('of_end'),
        lead_timers.c.lead_seconds == sa.bindparam('of_lead'),
    )
    keys = [
        {'of_lease': each['lease_id'], 'of_end': each['end_date'], 'of_lead': each['lead_seconds']}
        for each in timers
    ]
    if keys:
        connection.execute(query, keys)


def next_due(connection: Connection) -> datetime | None:
    """When the next timer is due, naive UTC; None when there is none."""
    found: datetime | None = connection.scalar(sa.select(sa.func.min(lead_timers.c.due_at)))
    return found
