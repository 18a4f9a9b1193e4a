"""IDs that requests brought along, and what each of them asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import own_ids

__all__ = ['delete', 'find', 'insert']


def find(connection: Connection, kind: str, id: str) -> Row | None:
    """What is known of an ID; None when no request has brought it."""
    return rows.first(connection, sa.select(own_ids).where(_is(kind, id)))


def insert(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Note an ID; False when it is known already.

    Where another transaction is about to note the same, this waits for its end.
    """
    try:
        with connection.begin_nested():
            connection.execute(own_ids.insert().values(dict(values)))
    except IntegrityError:
        return False
    return True


def delete(connection: Connection, kind: str, id: str) -> None:
    """Forget an ID."""
    connection.execute(own_ids.delete().where(_is(kind, id)))


def _is(kind: str, id: str) -> sa.ColumnElement[bool]:
    return sa.and_(own_ids.c.kind == kind, own_ids.c.id == id)
