"""Subscriptions that were made with a lease."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import subscriptions

__all__ = ['of_leases']


def of_leases(
    connection: Connection, lease_ids: Iterable[str] | None, *, project_id: str | None
) -> list[Row]:
    """The ID, URL, status and lease of each, in the order in which they were made.

    :param lease_ids: None for all leases.
    :param project_id: None for every project's.
    """
    columns = subscriptions.c
    query = sa.select(
        columns.id, columns.url, columns.status, columns.inline_lease_id.label('lease_id')
    ).order_by(columns.created_at, columns.id)
    if project_id is not None:
        query = query.where(columns.project_id == project_id)
    if lease_ids is None:
        return rows.rows(connection, query.where(columns.inline_lease_id.is_not(None)))
    return [
        row
        for batch in rows.batches(lease_ids)
        for row in rows.rows(connection, query.where(columns.inline_lease_id.in_(batch)))
    ]
