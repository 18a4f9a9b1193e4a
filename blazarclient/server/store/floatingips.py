"""Floating IPs that can be reserved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import floatingips as floatingip_table

__all__ = [
    'delete_floatingip',
    'floatingip',
    'floatingips',
    'insert_floatingip',
    'update_floatingip',
]


def insert_floatingip(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a floating IP.

    :raises sqlalchemy.exc.IntegrityError: when there is one with this ID, or with this address in
        its subnet.
    """
    connection.execute(floatingip_table.insert().values(dict(values)))


def floatingip(connection: Connection, id: str) -> Row | None:
    """One floating IP; None when there is none with this ID."""
    return rows.first(connection, sa.select(floatingip_table).where(floatingip_table.c.id == id))


def floatingips(connection: Connection) -> list[Row]:
    """All floating IPs, in the order of their IDs."""
    return rows.rows(connection, sa.select(floatingip_table).order_by(floatingip_table.c.id))


def update_floatingip(connection: Connection, id: str, values: Mapping[str, Any]) -> bool:
    """Change columns of a floating IP; whether there is one with this ID."""
    change = floatingip_table.update().where(floatingip_table.c.id == id)
    return rows.updated(connection, change.values(dict(values)))


def delete_floatingip(connection: Connection, id: str) -> bool:
    """Delete a floating IP; whether there was one with this ID."""
    return rows.updated(connection, floatingip_table.delete().where(floatingip_table.c.id == id))
