"""Leases, their reservations and their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import events as event_table
from blazarclient.server.store.tables import leases as lease_table
from blazarclient.server.store.tables import reservations as reservation_table

__all__ = [
    'delete_lease',
    'event',
    'events_of',
    'insert_events',
    'insert_lease',
    'insert_reservations',
    'lease',
    'leases',
    'lock_lease',
    'owner',
    'reservation',
    'reservations_of',
    'update_event',
    'update_lease',
    'update_reservation',
]


def insert_lease(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a lease; it comes last in lists.

    :raises sqlalchemy.exc.IntegrityError: when there is a lease with this id.
    """
    # Leases that are made at the same moment may get one number; no order of them is wrong.
    last = connection.scalar(sa.select(sa.func.max(lease_table.c.number)))
    connection.execute(lease_table.insert().values({**values, 'number': (last or 0) + 1}))


def lease(connection: Connection, id: str) -> Row | None:
    """One lease; None when there is none with this id."""
    return rows.first(connection, sa.select(lease_table).where(lease_table.c.id == id))


def owner(connection: Connection, id: str) -> Row:
    """The project and the user of a lease; None and None when there is none.

    It takes as long for one that there is not.
    """
    columns = lease_table.c
    query = sa.select(
        sa.func.max(columns.project_id).label('project_id'),
        sa.func.max(columns.user_id).label('user_id'),
    ).where(columns.id == id)
    return rows.first(connection, query) or {}


def lock_lease(connection: Connection, id: str) -> Row | None:
    """One lease that nobody else changes until the transaction ends."""
    query = sa.select(lease_table).where(lease_table.c.id == id).with_for_update()
    return rows.first(connection, query)


def leases(connection: Connection, project_id: str | None = None) -> list[Row]:
    """All leases, or those of one project, in the order in which they were made."""
    query = sa.select(lease_table).order_by(lease_table.c.number, lease_table.c.id)
    if project_id is not None:
        query = query.where(lease_table.c.project_id == project_id)
    return rows.rows(connection, query)


def update_lease(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a lease; whether there is one with this id."""
    return rows.updated(
        connection, lease_table.update().where(lease_table.c.id == id).values(dict(values))
    )


def delete_lease(connection: Connection, id: str) -> bool:
    """Delete a lease with all that belongs to it; whether there was one with this id."""
    return rows.updated(connection, lease_table.delete().where(lease_table.c.id == id))


def insert_reservations(connection: Connection, reservations: Sequence[Mapping[str, Any]]) -> None:
    """Add reservations; ``parameters`` is what JSON can hold."""
    if reservations:
        connection.execute(
            reservation_table.insert(), [rows.encoded(each, 'parameters') for each in reservations]
        )


def reservation(connection: Connection, id: str) -> Row | None:
    """One reservation; None when there is none with this id."""
    query = sa.select(reservation_table).where(reservation_table.c.id == id)
    found = rows.decoded(rows.rows(connection, query), 'parameters')
    return found[0] if found else None


def reservations_of(connection: Connection, lease_ids: Iterable[str] | None) -> list[Row]:
    """The reservations of some leases, in the order in which each lease asked for them.

    :param lease_ids: None for all leases.
    """
    columns = reservation_table.c
    query = sa.select(reservation_table).order_by(columns.lease_id, columns.position)
    return rows.decoded(_of_leases(connection, query, columns.lease_id, lease_ids), 'parameters')


def update_reservation(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a reservation; whether there is one with this id."""
    change = reservation_table.update().where(reservation_table.c.id == id)
    return rows.updated(connection, change.values(rows.encoded(values, 'parameters')))


def insert_events(connection: Connection, events: Sequence[Mapping[str, Any]]) -> None:
    """Add events."""
    if events:
        connection.execute(event_table.insert(), [dict(each) for each in events])


def event(connection: Connection, id: str) -> Row | None:
    """One event; None when there is none with this id."""
    return rows.first(connection, sa.select(event_table).where(event_table.c.id == id))


def events_of(connection: Connection, lease_ids: Iterable[str] | None) -> list[Row]:
    """The events of some leases, those of one lease together, in the order of their types' names.

    :param lease_ids: None for all leases.
    """
    columns = event_table.c
    query = sa.select(event_table).order_by(columns.lease_id, columns.event_type, columns.id)
    return _of_leases(connection, query, columns.lease_id, lease_ids)


def update_event(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of an event; whether there is one with this id."""
    return rows.updated(
        connection, event_table.update().where(event_table.c.id == id).values(dict(values))
    )


def _of_leases(
    connection: Connection,
    query: sa.Select[Any],
    lease_id: sa.ColumnElement[str],
    lease_ids: Iterable[str] | None,
) -> list[Row]:
    if lease_ids is None:
        return rows.rows(connection, query)
    return [
        row
        for batch in rows.batches(lease_ids)
        for row in rows.rows(connection, query.where(lease_id.in_(batch)))
    ]
