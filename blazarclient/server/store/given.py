"""Many values in one statement: a table that lasts as long as a query.

A driver that is given one row after the other asks MySQL once for each. As JSON they are one
parameter, however many there are, and the statement is the same text each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store.columns import ID, TIME

__all__ = ['INTEGER', 'KEY', 'TEXT', 'WHEN', 'Given', 'given', 'is_sqlite', 'of', 'written']

Given = sa.Subquery

#: Texts that are compared with keys, other texts, whole numbers, and times.
KEY, TEXT, INTEGER, WHEN = sa.String(255), sa.Text(), sa.BigInteger(), TIME

_TEXT = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
_MYSQL: dict[Any, str] = {
    KEY: f'VARCHAR(255) {_TEXT}',
    TEXT: f'LONGTEXT {_TEXT}',
    INTEGER: 'BIGINT',
    WHEN: 'DATETIME(6)',
}

assert ID <= 255  # noqa: S101


def of(values: Iterable[Sequence[object]]) -> dict[str, str]:
    """What fills a table: one value for each column; None is NULL."""
    return {'given': json.dumps([list(row) for row in values], default=written)}


def is_sqlite(connection: Connection) -> bool:
    """Which of the two tables to use; the statements with each are made once."""
    return connection.dialect.name == 'sqlite'


def given(sqlite: bool, **columns: sa.types.TypeEngine[Any]) -> Given:
    """A table that :func:`of` fills, when the statement is executed.

    :param columns: name -> ``KEY``, ``TEXT``, ``INTEGER`` or ``WHEN``.
    """
    if sqlite:
        parts = [
            f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(columns)
        ]
        text = f'SELECT {", ".join(parts)} FROM json_each(:given)'  # noqa: S608 - our own names
    else:
        parts = [
            f"{name} {_MYSQL[kind]} PATH '$[{place}]'"
            for place, (name, kind) in enumerate(columns.items())
        ]
        table = f"JSON_TABLE(:given, '$[*]' COLUMNS({', '.join(parts)})) AS given"
        text = f'SELECT * FROM {table}'  # noqa: S608
    return sa.text(text).columns(**columns).subquery('given')


def written(value: object) -> str:
    """A time as both databases store it."""
    if isinstance(value, datetime):
        return value.isoformat(' ', 'microseconds')
    raise TypeError(f'{value!r} cannot be given')
