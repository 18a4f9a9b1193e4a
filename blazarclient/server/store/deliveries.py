"""Deliveries: what was sent to a subscription, and what is to be sent to it."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import given, rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import deliveries, notifications

__all__ = ['OPEN', 'OVER', 'Wanted', 'delivery', 'insert', 'latest_states', 'page']

#: The states of a delivery that is not finished.
OPEN = ('waiting', 'queued', 'sending')
#: The states of a delivery that is.
OVER = ('delivered', 'failed', 'expired', 'cancelled')

_JSON = ('attempts',)
_INSERT = deliveries.insert()


class Wanted(NamedTuple):
    """A delivery that is to be made."""

    subscription_id: str
    #: Deliveries of one lane arrive in the order of their sequence.
    lane: str
    sequence: int
    notification_id: str
    #: Naive UTC.
    expires_at: datetime | None


def insert(
    connection: Connection, wanted: Sequence[Wanted], now: datetime, version: str
) -> list[str]:
    """Queue deliveries; of each lane all but the first open one wait.

    Nobody else may queue any meanwhile: the lock ``deliveries`` is held.

    :param wanted: in the order of their sequence.
    :param version: of the object in a row.
    :returns: their ids.
    """
    busy = _busy_lanes(connection, {(each.subscription_id, each.lane) for each in wanted})
    values: list[Row] = []
    for each in wanted:
        lane = (each.subscription_id, each.lane)
        values.append(
            {
                **each._asdict(),
                'id': str(uuid.uuid4()),
                'state': 'waiting' if lane in busy else 'queued',
                'due_at': now,
                'attempt': 0,
                'attempts': '[]',
                'created_at': now,
                'version': version,
            }
        )
        busy.add(lane)
    if values:
        connection.execute(_INSERT, values)
    return [row['id'] for row in values]


@functools.cache
def _is_busy(sqlite: bool) -> sa.Select[Any]:
    asked = given.given(sqlite, subscription_id=given.KEY, lane=given.KEY)
    is_open = (
        sa.select(deliveries.c.id)
        .where(
            deliveries.c.subscription_id == asked.c.subscription_id,
            deliveries.c.lane == asked.c.lane,
            deliveries.c.state.in_(OPEN),
        )
        .with_hint(deliveries, 'FORCE INDEX (ix_deliveries_lane)', 'mysql')
        .limit(1)
        .correlate(asked)
        .scalar_subquery()
    )
    # Not EXISTS: MariaDB would make a table of all that is open.
    return sa.select(asked).where(is_open.is_not(None))


def _busy_lanes(connection: Connection, lanes: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those lanes in which something is open."""
    found = connection.execute(_is_busy(given.is_sqlite(connection)), given.of(lanes))
    return {(row[0], row[1]) for row in found}


# ------------------------------------------------------------------------------ what was sent


def _listed() -> sa.Select[Any]:
    """Deliveries, with the types of what they tell of."""
    return sa.select(deliveries, notifications.c.type).outerjoin(
        notifications, notifications.c.sequence == deliveries.c.sequence
    )


def page(
    connection: Connection,
    subscription_id: str,
    *,
    limit: int,
    after: Row | None = None,
    states: Sequence[str] = (),
) -> list[Row]:
    """Deliveries of a subscription, the newest first.

    :param after: the last one of the page before.
    :param states: only those in one of these states.
    """
    columns = deliveries.c
    query = _listed().where(columns.subscription_id == subscription_id)
    if states:
        query = query.where(columns.state.in_(states))
    if after is not None:
        sequence = after['sequence']
        query = query.where(
            columns.sequence <= sequence,
            sa.or_(columns.sequence < sequence, columns.id < after['id']),
        )
    query = query.order_by(columns.sequence.desc(), columns.id.desc()).limit(limit)
    return rows.decoded(rows.rows(connection, query), *_JSON)


def delivery(connection: Connection, subscription_id: str, delivery_id: str) -> Row | None:
    """One delivery of a subscription; None when it has none with this id."""
    query = _listed().where(
        deliveries.c.id == delivery_id, deliveries.c.subscription_id == subscription_id
    )
    found = rows.rows(connection, query)
    return rows.decoded(found, *_JSON)[0] if found else None


def latest_states(
    connection: Connection, subscription_id: str, sequences: Sequence[int]
) -> dict[int, str]:
    """The state of the last delivery of each entry of the log; an open one goes first.

    :param sequences: of the entries; one that was never to be sent has no state.
    """
    if not sequences:
        return {}
    columns = deliveries.c
    query = (
        sa.select(columns.sequence, columns.state)
        .where(
            columns.subscription_id == subscription_id,
            columns.sequence.between(min(sequences), max(sequences)),
        )
        .order_by(columns.state.in_(OPEN), columns.created_at, columns.id)
    )
    return {row.sequence: row.state for row in connection.execute(query)}
