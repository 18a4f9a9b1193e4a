"""The kinds of tables and columns that there are.

Times are naive UTC. ``version`` is the version of the object in a row, so that servers of two
releases can share a database.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

__all__ = ['ID', 'SECONDS', 'TEXT', 'TIME', 'key', 'metadata', 'object_table', 'table', 'written']

metadata = sa.MetaData()

ID = 36
#: MySQL's TEXT ends at 64 KiB.
TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
#: Seconds since 1970, real time.
SECONDS: sa.Double[float] = sa.Double()
#: SQLite keeps microseconds, MySQL drops them unless asked.
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
#: Texts are compared by their bytes, as SQLite does: two ids that differ in case are two ids.
_STORAGE: dict[str, Any] = {
    f'{dialect}_{option}': value
    for dialect in ('mysql', 'mariadb')
    for option, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """A table of what is no object."""
    return sa.Table(name, metadata, *items, **_STORAGE)


def object_table(name: str, first: sa.Column[Any], *rest: sa.schema.SchemaItem) -> sa.Table:
    """A table of versioned objects."""
    return table(name, first, sa.Column('version', sa.String(12), nullable=False), *rest)


def key() -> sa.Column[str]:
    """The ID of an object."""
    return sa.Column('id', sa.String(ID), primary_key=True)


def written() -> tuple[sa.Column[object], sa.Column[object]]:
    """When a row was made, and when it was changed."""
    return (
        sa.Column('created_at', TIME, nullable=False),
        sa.Column('updated_at', TIME),
    )
