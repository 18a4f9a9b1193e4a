"""Floating IPs that can be reserved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import floatingips as floatingip_table

__all__ = ['delete_floatingip', 'floatingip', 'floatingips', 'insert_floatingip']


def insert_floatingip(connection: Connection, values: Mapping[str, Any]) -> None:
    """Add a floating IP."""
    connection.execute(floatingip_table.insert().values(dict(values)))


def floatingip(connection: Connection, id: str) -> Row | None:
    """One floating IP; None when there is none with this id."""
    return rows.first(connection, sa.select(floatingip_table).where(floatingip_table.c.id == id))


def floatingips(connection: Connection) -> list[Row]:
    """Every floating IP."""
    return rows.rows(connection, sa.select(floatingip_table).order_by(floatingip_table.c.id))


def delete_floatingip(connection: Connection, id: str) -> bool:
    """Delete a floating IP; whether there was one with this id."""
    return rows.updated(connection, floatingip_table.delete().where(floatingip_table.c.id == id))
