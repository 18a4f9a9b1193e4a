"""Subscriptions, and what is still to be sent to each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import (
    deliveries,
    lease_copies,
    leases,
    log_head,
    subscriptions,
)

__all__ = [
    'OPEN',
    'cancel_open',
    'count',
    'delete',
    'fanned_out',
    'insert',
    'lease_owner',
    'owner',
    'page',
    'queues',
    'same',
    'subscription',
    'update',
]

_JSON = ('notify_endpoint', 'types', 'lease_ids', 'resource_types', 'before_end')
#: The states of a delivery that is not finished.
OPEN = ('waiting', 'queued', 'sending')


def insert(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a subscription."""
    # An object of an older version has no lead times, and the column takes no NULL.
    row = rows.encoded({'before_end': [], **values}, *_JSON)
    connection.execute(subscriptions.insert().values(row))


def subscription(connection: Connection, id: str, *, lock: bool = False) -> Row | None:
    """One subscription; None when there is none with this id.

    :param lock: let nobody else change it until the transaction ends.
    """
    query = sa.select(subscriptions).where(subscriptions.c.id == id)
    found = rows.rows(connection, query.with_for_update() if lock else query)
    return rows.decoded(found, *_JSON)[0] if found else None


def owner(connection: Connection, id: str) -> Row:
    """The project, the user and the scope of a subscription; None where there is none.

    It takes as long for one that there is not.
    """
    columns = (subscriptions.c.project_id, subscriptions.c.user_id, subscriptions.c.scope)
    query = sa.select(*(sa.func.max(each).label(each.name) for each in columns))
    return rows.first(connection, query.where(subscriptions.c.id == id)) or {}


def same(connection: Connection, digest: str) -> Row | None:
    """The subscription of the same owner, endpoint and filter."""
    query = sa.select(subscriptions).where(subscriptions.c.digest == digest)
    found = rows.rows(connection, query)
    return rows.decoded(found, *_JSON)[0] if found else None


def page(
    connection: Connection,
    *,
    project_id: str | None,
    limit: int,
    after: Row | None = None,
    status: str | None = None,
    lease_id: str | None = None,
    inline_lease_id: str | None = None,
    shared: bool = True,
) -> list[Row]:
    """Subscriptions in the order in which they were made.

    :param project_id: None for every project's.
    :param after: the last one of the page before.
    :param lease_id: only those that name this lease.
    :param inline_lease_id: only those that were made with this lease.
    :param shared: also those to the leases of every project.
    """
    columns = subscriptions.c
    query = sa.select(subscriptions).order_by(columns.created_at, columns.id).limit(limit)
    if project_id is not None:
        query = query.where(columns.project_id == project_id)
    if after is not None:
        moment = after['created_at']
        query = query.where(
            sa.or_(
                columns.created_at > moment,
                sa.and_(columns.created_at == moment, columns.id > after['id']),
            )
        )
    if status is not None:
        query = query.where(columns.status == status)
    if lease_id is not None:
        query = query.where(columns.lease_ids.contains(json.dumps(lease_id), autoescape=True))
    if not shared:
        query = query.where(columns.scope != 'all')
    if inline_lease_id is not None:
        query = query.where(columns.inline_lease_id == inline_lease_id)
    return rows.decoded(rows.rows(connection, query), *_JSON)


def count(connection: Connection, project_id: str) -> int:
    """How many subscriptions a project has."""
    query = sa.select(sa.func.count()).where(subscriptions.c.project_id == project_id)
    return int(connection.scalar(query) or 0)


def update(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a subscription; whether there is one with this id."""
    change = subscriptions.update().where(subscriptions.c.id == id)
    return rows.updated(connection, change.values(rows.encoded(values, *_JSON)))


def delete(connection: Connection, id: str) -> bool:
    """Delete a subscription with its deliveries; whether there was one with this id."""
    return rows.updated(connection, subscriptions.delete().where(subscriptions.c.id == id))


def queues(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many deliveries are open, and the sequence of the first one, by subscription.

    Whoever is not named has none.
    """
    column = deliveries.c
    query = sa.select(
        column.subscription_id, sa.func.count(), sa.func.min(column.sequence)
    ).group_by(column.subscription_id)
    return {
        subscription_id: (int(queued), int(first))
        for batch in rows.batches(ids)
        for subscription_id, queued, first in connection.execute(
            query.where(column.subscription_id.in_(batch), column.state.in_(OPEN))
        )
    }


def fanned_out(connection: Connection) -> int:
    """The entry of the log up to which it is worked out who is sent what."""
    return int(connection.scalar(sa.select(log_head.c.fanned_out)) or 0)


def cancel_open(connection: Connection, id: str, now: datetime) -> int:
    """Cancel what is still to be sent; how much it was."""
    change = (
        deliveries.update()
        .where(deliveries.c.subscription_id == id, deliveries.c.state.in_(OPEN))
        .values(state='cancelled', finished_at=now, updated_at=now)
    )
    return connection.execute(change).rowcount


def lease_owner(connection: Connection, lease_id: str) -> str | None:
    """The project of a lease that was seen, or that is kept here; None for an unknown one."""
    for column, project_id in (
        (leases.c.id, leases.c.project_id),
        (lease_copies.c.lease_id, lease_copies.c.project_id),
    ):
        found = connection.execute(sa.select(project_id).where(column == lease_id)).first()
        if found is not None:
            return str(found[0] or '')
    return None
