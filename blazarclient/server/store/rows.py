"""Rows as dicts: no mapping of objects stands between a query and whoever asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

__all__ = ['Row', 'batches', 'decoded', 'encoded', 'first', 'rows', 'updated']

#: Column name -> value, as the column types it.
Row = dict[str, Any]

#: How many values one IN list holds.
_BATCH = 500


def rows(
    connection: Connection, query: sa.Select[Any], parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """All rows of a query.

    A list of leases is tens of thousands of rows, so the driver's tuples become dicts at once, and
    a value is looked at only where the driver does not give what the column's type is.
    """
    result = connection.execute(query, parameters)
    names = tuple(result.keys())
    found = [dict(zip(names, row, strict=True)) for row in result.cursor.fetchall()]
    result.close()
    if found:
        dialect = connection.dialect
        for name, column in zip(names, query.selected_columns, strict=True):
            read = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if read is not None:
                for row in found:
                    row[name] = read(row[name])
    return found


def first(connection: Connection, query: sa.Executable) -> Row | None:
    """The first row of a query; None when there is none."""
    row = connection.execute(query).first()
    return None if row is None else dict(row._mapping)


def updated(connection: Connection, change: sa.Executable) -> bool:
    """Carry out an UPDATE or a DELETE; whether it met a row."""
    return bool(connection.execute(change).rowcount)


def batches(values: Iterable[str]) -> Iterator[Sequence[str]]:
    """Portions that an IN list of any database holds."""
    rest = iter(values)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def decoded(found: list[Row], *columns: str) -> list[Row]:
    """The same rows, with JSON columns decoded."""
    for row in found:
        for column in columns:
            row[column] = json.loads(row[column])
    return found


def encoded(values: Mapping[str, Any], *columns: str) -> Row:
    """The values of a row, with JSON columns encoded."""
    row = dict(values)
    for column in columns:
        if column in row:
            row[column] = json.dumps(row[column])
    return row
