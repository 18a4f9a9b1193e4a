"""What is due to be sent, found without reading all that is queued."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import given, rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import deliveries, notifications, subscriptions

__all__ = ['Due', 'due', 'in_flight', 'notifications_of', 'top']

#: How many subscriptions one query looks at.
_PORTION = 100
#: A queue of fewer is read as it is.
_SHORT = 500
#: With few rows MySQL thinks that it does not matter, and does not think again for a while.
_BY_STATE = 'FORCE INDEX (ix_deliveries_state)'


class Due(NamedTuple):
    """A delivery that may be sent."""

    id: str
    subscription_id: str
    lane: str
    sequence: int
    expires_at: datetime | None
    attempt: int
    attempts: str


def _jumping() -> sa.Select[Any]:
    """Each subscription with something queued, and when the first of it is due: for SQLite.

    Jumps in the index from one subscription to the next.
    """
    column = deliveries.c
    queued = column.state == 'queued'
    each = sa.select(sa.func.min(column.subscription_id).label('id')).where(queued)
    found = each.cte('found', recursive=True)
    following = (
        sa.select(sa.func.min(column.subscription_id))
        .where(queued, column.subscription_id > found.c.id)
        .scalar_subquery()
    )
    found = found.union_all(sa.select(following).where(found.c.id.is_not(None)))
    first = (
        sa.select(sa.func.min(column.due_at))
        .where(queued, column.subscription_id == found.c.id)
        .scalar_subquery()
    )
    return sa.select(found.c.id, first.label('due_at')).where(found.c.id.is_not(None))


def _looked_up() -> sa.Select[Any]:
    """The same for MySQL, which would read all that lies before the place it jumps to."""
    column = deliveries.c
    first = (
        sa.select(column.due_at)
        .where(column.state == 'queued', column.subscription_id == subscriptions.c.id)
        .with_hint(deliveries, _BY_STATE, 'mysql')
        # Not the least of them: to find that it would read all of the subscription.
        .order_by(column.due_at)
        .limit(1)
        .scalar_subquery()
    )
    each = sa.select(subscriptions.c.id, first.label('due_at')).subquery()
    return sa.select(each).where(each.c.due_at.is_not(None))


_JUMPING, _LOOKED_UP = _jumping(), _looked_up()
#: The beginning of the queue, which mostly is all of it.
_BEGINNING = (
    sa.select(deliveries.c.subscription_id, deliveries.c.due_at)
    .where(deliveries.c.state == 'queued')
    .with_hint(deliveries, _BY_STATE, 'mysql')
    .order_by(deliveries.c.subscription_id, deliveries.c.due_at)
    .limit(_SHORT)
)


def due(connection: Connection) -> list[tuple[str, datetime]]:
    """Subscriptions with something queued, and when the first of it is due or was.

    It takes as long as there are subscriptions, however much is queued for one.
    """
    if given.is_sqlite(connection):
        return [(row[0], row[1]) for row in connection.execute(_JUMPING)]
    found = connection.execute(_BEGINNING).all()
    if len(found) == _SHORT:
        return [(row[0], row[1]) for row in connection.execute(_LOOKED_UP)]
    first: dict[str, datetime] = {}
    for row in found:
        first.setdefault(row[0], row[1])
    return [*first.items()]


def top(connection: Connection, wanted: Sequence[tuple[str, int]], now: datetime) -> list[Due]:
    """The first deliveries of some subscriptions that are due.

    :param wanted: subscriptions, and how many of each at most.
    """
    sqlite = given.is_sqlite(connection)
    mark, hint = ('?', '') if sqlite else ('%s', _BY_STATE)
    one = (
        f'SELECT * FROM (SELECT {", ".join(Due._fields)} FROM deliveries {hint} '  # noqa: S608
        f"WHERE state = 'queued' AND subscription_id = {mark} AND due_at <= {mark} "
        f'ORDER BY due_at LIMIT {mark}) AS t'
    )
    moment = given.written(now)
    found: list[Due] = []
    for start in range(0, len(wanted), _PORTION):
        portion = wanted[start : start + _PORTION]
        statement = ' UNION ALL '.join([one] * len(portion))
        values = [value for whose, limit in portion for value in (whose, moment, limit)]
        found += [
            Due(row[0], row[1], row[2], row[3], _read(row[4]), row[5], row[6])
            for row in connection.exec_driver_sql(statement, tuple(values))
        ]
    return found


def _read(value: datetime | str | None) -> datetime | None:
    """A time as the driver gives it, which is a text with SQLite."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def in_flight(connection: Connection, real_now: float, but: str) -> list[str]:
    """The endpoints of other workers' batches, each once for each batch.

    :param real_now: seconds since 1970.
    :param but: what the owners begin with that do not count.
    """
    query = (
        sa.select(subscriptions.c.endpoint)
        .select_from(deliveries.join(subscriptions))
        .where(
            deliveries.c.state == 'sending',
            deliveries.c.deadline > real_now,
            sa.func.substr(deliveries.c.owner, 1, len(but)) != but,
        )
        .group_by(deliveries.c.owner, subscriptions.c.endpoint)
    )
    return [row[0] for row in connection.execute(query)]


def notifications_of(connection: Connection, sequences: Iterable[int]) -> list[Row]:
    """Entries of the log, with what they say."""
    query = sa.select(notifications).where(notifications.c.sequence.in_(list(sequences)))
    return rows.decoded(rows.rows(connection, query), 'resource_types', 'data')
