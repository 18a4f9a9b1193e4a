"""Each lease as it was seen last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import mysql, sqlite

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import lease_copies

__all__ = ['all_copies', 'copy_of', 'forget', 'keep']

_JSON = ('document',)


#: Real times that are only ever set.
_MARKS = ('heard_at', 'compared_from', 'compared_to')


def _upserts() -> Mapping[str, sa.Insert]:
    """Dialect -> the statement that makes or changes a copy.

    Two that see a lease for the first time at one moment both succeed.
    """
    names = [column.name for column in lease_copies.c]
    insert = sqlite.insert(lease_copies).values({name: sa.bindparam(name) for name in names})
    other = mysql.insert(lease_copies).values({name: sa.bindparam(name) for name in names})

    def changes(new: Mapping[str, sa.ColumnElement[Any]]) -> dict[str, sa.ColumnElement[Any]]:
        return {
            name: sa.func.coalesce(new[name], lease_copies.c[name]) if name in _MARKS else new[name]
            for name in names
            if name != 'lease_id'
        }

    return {
        'sqlite': insert.on_conflict_do_update(
            index_elements=['lease_id'], set_=changes(dict(insert.excluded.items()))
        ),
        'mysql': other.on_duplicate_key_update(changes(dict(other.inserted.items()))),
    }


# Made once: to make it takes longer than to carry it out.
_UPSERTS = _upserts()


def copy_of(connection: Connection, lease_id: str, *, lock: bool = False) -> Row | None:
    """The copy of a lease; None when it was never seen.

    :param lock: let nobody else change it until the transaction ends.
    """
    query = sa.select(lease_copies).where(lease_copies.c.lease_id == lease_id)
    found = rows.rows(connection, query.with_for_update() if lock else query)
    return rows.decoded(found, *_JSON)[0] if found else None


def all_copies(connection: Connection) -> list[Row]:
    """Every copy."""
    return rows.decoded(rows.rows(connection, sa.select(lease_copies)), *_JSON)


def keep(connection: Connection, lease_id: str, values: Mapping[str, Any]) -> None:
    """Make or change the copy of a lease.

    :param values: the other columns; where ``heard_at``, ``compared_from`` or ``compared_to`` is
        None it stays as it was.
    """
    upsert = _UPSERTS['sqlite' if connection.dialect.name == 'sqlite' else 'mysql']
    connection.execute(upsert, rows.encoded({'lease_id': lease_id, **values}, *_JSON))


def forget(connection: Connection, lease_id: str) -> None:
    """Delete the copy of a lease."""
    connection.execute(lease_copies.delete().where(lease_copies.c.lease_id == lease_id))
