"""The log of notifications: appended to in one order, read by cursor.

The next sequence is given out under the lock of the head's row, which is held until the
transaction ends. So entries become visible in the order of their sequence, and a reader that goes
on from the last one it has seen never skips one. Whoever appends does it last in its transaction:
all others that append wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import log_head, notifications

__all__ = [
    'append',
    'by_id',
    'concerned',
    'entries',
    'first_since',
    'head',
    'hold',
    'is_published',
    'sweep',
    'swept',
]

_JSON = ('resource_types', 'data')


# Made once: to make a statement takes longer than to carry it out.
_HEAD = sa.select(log_head.c.sequence)
_STEP = log_head.update().values(sequence=log_head.c.sequence + 1)
_STEP_AND_TELL = log_head.update().values(sequence=sa.func.last_insert_id(log_head.c.sequence + 1))
_INSERT = notifications.insert()


def is_published(connection: Connection, transition: str) -> bool:
    """Whether a transition is in the log already."""
    query = sa.select(notifications.c.sequence).where(notifications.c.transition == transition)
    return connection.execute(query).first() is not None


def append(connection: Connection, entry: Row) -> int | None:
    """Put an entry at the end of the log.

    :param entry: its columns but for ``sequence``.
    :returns: its sequence; None when its transition is in the log already.
    """
    sequence = _next(connection)
    values = rows.encoded({**entry, 'sequence': sequence}, *_JSON)
    try:
        connection.execute(_INSERT, values)
    except IntegrityError:
        # With the head locked nobody else can publish the same meanwhile.
        if not is_published(connection, entry['transition']):
            raise
        connection.execute(log_head.update().values(sequence=sequence - 1))
        return None
    return sequence


def _next(connection: Connection) -> int:
    """The sequence of the next entry, with the head locked."""
    if connection.dialect.name == 'sqlite':
        connection.execute(_STEP)
        return head(connection)
    # Everybody who appends waits for this transaction, so it should not ask for what the server
    # can say with its answer.
    return connection.execute(_STEP_AND_TELL).lastrowid


def hold(connection: Connection) -> None:
    """Let nobody else append until the transaction ends."""
    # On SQLite, whoever may write has the whole database.
    if connection.dialect.name != 'sqlite':
        connection.execute(sa.select(log_head.c.id).with_for_update())


def head(connection: Connection) -> int:
    """The sequence of the last entry; 0 before the first."""
    return int(connection.scalar(_HEAD) or 0)


def swept(connection: Connection) -> int:
    """The sequence up to which entries are no longer kept."""
    return int(connection.scalar(sa.select(log_head.c.swept)) or 0)


def entries(
    connection: Connection,
    *,
    after: int,
    limit: int,
    until: int | None = None,
    condition: Sequence[sa.ColumnElement[bool]] = (),
) -> list[Row]:
    """Entries in the order of their sequence.

    :param after: only what comes after this sequence.
    :param until: and not after this one.
    :param condition: on the columns of ``tables.notifications``.
    """
    query = sa.select(notifications).where(notifications.c.sequence > after, *condition)
    if until is not None:
        query = query.where(notifications.c.sequence <= until)
    found = rows.rows(connection, query.order_by(notifications.c.sequence).limit(limit))
    return rows.decoded(found, *_JSON)


def concerned(
    connection: Connection, *, after: int, until: int, limit: int
) -> list[tuple[int, str, str, str | None]]:
    """Of some entries the sequence, the project, the type and the lease, in their order."""
    table = notifications.c
    query = (
        sa.select(table.sequence, table.project_id, table.type, table.lease_id)
        .where(table.sequence > after, table.sequence <= until)
        .order_by(table.sequence)
        .limit(limit)
    )
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


def first_since(connection: Connection, moment: datetime) -> int | None:
    """The sequence of the first entry that was noticed at or after a time; None for none.

    The clocks of several machines differ, so that it may not be the one with the earliest time.
    """
    found: int | None = connection.scalar(
        sa.select(sa.func.min(notifications.c.sequence)).where(notifications.c.noticed_at >= moment)
    )
    return found


def by_id(connection: Connection, notification_id: str) -> Row | None:
    """One entry; None when there is none, or no longer."""
    query = sa.select(notifications).where(notifications.c.id == notification_id)
    found = rows.rows(connection, query)
    return rows.decoded(found, *_JSON)[0] if found else None


def sweep(connection: Connection, before: datetime, *, limit: int) -> int:
    """Forget entries that were noticed before a time, the oldest first.

    An entry of which it is not worked out yet who is sent it is kept.

    :param before: naive UTC.
    :param limit: how many at most.
    :returns: how many there were.
    """
    # By sequence and not by time alone: what is kept has no gap.
    oldest: Any = (
        sa.select(notifications.c.sequence, notifications.c.noticed_at)
        .where(notifications.c.sequence <= sa.select(log_head.c.fanned_out).scalar_subquery())
        .order_by(notifications.c.sequence)
        .limit(limit)
    )
    last = 0
    for sequence, noticed_at in connection.execute(oldest):
        if noticed_at >= before:
            break
        last = sequence
    if not last:
        return 0
    gone = connection.execute(notifications.delete().where(notifications.c.sequence <= last))
    connection.execute(log_head.update().values(swept=last))
    return gone.rowcount
