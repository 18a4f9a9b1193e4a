"""Counts what is done in a database, by triggers: what the service cannot forget to tell.

A trigger writes within the transaction that it is about, so that what is rolled back is not
counted, and what is done twice is counted twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from blazarclient.server.store.database import Database

__all__ = ['Trail']

_TABLE = (
    'CREATE TABLE audit (place INTEGER PRIMARY KEY {count}, '
    'what VARCHAR(40) NOT NULL, id VARCHAR(64) NOT NULL)'
)


class _Watched(NamedTuple):
    """What is counted: a name, when, and of which row."""

    name: str
    happens: str
    table: str
    when: str
    what: str
    of: str


_CHANGED = 'NOT (OLD.status {same} NEW.status)'
_WATCHED = (
    _Watched('events', 'UPDATE', 'events', _CHANGED, "'event ' {plus} NEW.status", 'NEW.id'),
    _Watched(
        'taken',
        'UPDATE',
        'events',
        'NEW.attempt <> OLD.attempt',
        "'event taken'",
        'NEW.id',
    ),
    _Watched(
        'leases',
        'UPDATE',
        'leases',
        _CHANGED,
        "'lease ' {plus} NEW.status",
        'NEW.id',
    ),
    _Watched(
        'reservations',
        'UPDATE',
        'reservations',
        _CHANGED,
        "'reservation ' {plus} NEW.status",
        'NEW.id',
    ),
    _Watched('freed', 'DELETE', 'allocations', '1 = 1', "'allocation freed'", 'OLD.id'),
)


class Trail:
    """The triggers of a database, and what they have counted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as connection:
            count = 'AUTOINCREMENT' if database.is_sqlite else 'AUTO_INCREMENT'
            connection.exec_driver_sql(_TABLE.format(count=count))
            for statement in _triggers(sqlite=database.is_sqlite):
                connection.exec_driver_sql(statement)

    def count(self, what: str) -> Counter[str]:
        """How often something was done: ID -> number of times.

        :param what: ``event DONE``, ``event taken``, ``allocation freed``, ``lease STATUS``,
            ``reservation STATUS``.
        """
        query = sa.text('SELECT id FROM audit WHERE what = :what')
        with self._database.transaction(write=False) as connection:
            return Counter(connection.scalars(query, {'what': what}))

    def places(self, what: str) -> dict[str, int]:
        """The place of what was done among everything that was done: ID -> place."""
        query = sa.text('SELECT id, place FROM audit WHERE what = :what')
        with self._database.transaction(write=False) as connection:
            return {row.id: row.place for row in connection.execute(query, {'what': what})}

    def total(self, what: str) -> int:
        """How often something was done in all."""
        query = sa.text('SELECT COUNT(*) FROM audit WHERE what = :what')
        with self._database.transaction(write=False) as connection:
            return int(connection.scalar(query, {'what': what}) or 0)


def _triggers(*, sqlite: bool) -> Iterator[str]:
    for each in _WATCHED:
        # In SQLite || joins two texts, in MariaDB it is a logical or.
        what = each.what.replace(' {plus} ', ' || ')
        if not sqlite and ' {plus} ' in each.what:
            what = f'CONCAT({each.what.replace(" {plus} ", ", ")})'
        when = each.when.format(same='IS' if sqlite else '<=>')
        insert = f'INSERT INTO audit (what, id) VALUES ({what}, {each.of});'
        head = f'CREATE TRIGGER audit_{each.name} AFTER {each.happens} ON {each.table} FOR EACH ROW'
        if sqlite:
            yield f'{head} WHEN {when} BEGIN {insert} END'
        else:
            yield f'{head} IF {when} THEN {insert} END IF'
