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

    :param values: columns; all of them where there was no copy.
    """
    row = rows.encoded({'lease_id': lease_id, **values}, *_JSON)
    # Two that see a lease for the first time at one moment do not fail.
    if connection.dialect.name == 'sqlite':
        connection.execute(
            sqlite.insert(lease_copies)
            .values(row)
            .on_conflict_do_update(index_elements=['lease_id'], set_=row)
        )
    else:
        connection.execute(mysql.insert(lease_copies).values(row).on_duplicate_key_update(row))


def forget(connection: Connection, lease_id: str) -> None:
    """Delete the copy of a lease."""
    connection.execute(lease_copies.delete().where(lease_copies.c.lease_id == lease_id))
