"""How it goes with endpoints and with the subscriptions that lead there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import breakers, subscriptions

__all__ = [
    'breakers_of',
    'close_breakers',
    'failing_since',
    'has_heard',
    'health_of',
    'next_verification',
    'postpone_verification',
    'set_breaker',
    'subscriptions_of',
    'unverified',
]

_COLUMNS = subscriptions.c
_HEALTH = sa.select(
    _COLUMNS.id,
    _COLUMNS.url,
    _COLUMNS.status,
    _COLUMNS.consecutive_failures,
    _COLUMNS.last_success_at,
).where(_COLUMNS.id.in_(sa.bindparam('ids', expanding=True)))
_ALL = sa.select(subscriptions).where(_COLUMNS.id.in_(sa.bindparam('ids', expanding=True)))


def subscriptions_of(connection: Connection, ids: Iterable[str]) -> list[Row]:
    """Subscriptions, with their JSON as it is stored."""
    return [
        row
        for batch in rows.batches(ids)
        for row in rows.rows(connection, _ALL, {'ids': list(batch)})
    ]


def health_of(connection: Connection, ids: Iterable[str]) -> list[Row]:
    """How it goes with subscriptions: their endpoints, states and last success."""
    return [
        row
        for batch in rows.batches(ids)
        for row in rows.rows(connection, _HEALTH, {'ids': list(batch)})
    ]


def has_heard(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """Something has arrived at healthy subscriptions."""
    for batch in rows.batches(ids):
        change = subscriptions.update().where(_COLUMNS.id.in_(batch))
        connection.execute(change.values(last_success_at=now))


def failing_since(connection: Connection, before: datetime) -> list[str]:
    """Subscriptions to which nothing has arrived since before a time."""
    query = sa.select(_COLUMNS.id).where(
        _COLUMNS.status == 'failing', _COLUMNS.failing_since <= before
    )
    return list(connection.scalars(query.limit(20)))


def unverified(connection: Connection, now: datetime, *, limit: int) -> list[Row]:
    """Subscriptions whose endpoints are to be asked whether they want to be told."""
    query = (
        sa.select(subscriptions)
        .where(_COLUMNS.status == 'pending', _COLUMNS.verify_at <= now)
        .order_by(_COLUMNS.verify_at)
        .limit(limit)
    )
    return rows.rows(connection, query)


def next_verification(connection: Connection) -> datetime | None:
    """When the next endpoint is to be asked; None when none is."""
    found: datetime | None = connection.scalar(
        sa.select(sa.func.min(_COLUMNS.verify_at)).where(_COLUMNS.status == 'pending')
    )
    return found


def postpone_verification(connection: Connection, id: str, attempts: int, until: datetime) -> bool:
    """Let nobody else ask an endpoint for a while.

    :param attempts: how often it was asked before.
    """
    return rows.updated(
        connection,
        subscriptions.update()
        .where(
            _COLUMNS.id == id, _COLUMNS.status == 'pending', _COLUMNS.verify_attempts == attempts
        )
        .values(verify_at=until, verify_attempts=attempts + 1),
    )


def breakers_of(
    connection: Connection, endpoints: Iterable[str]
) -> dict[str, tuple[int, datetime | None]]:
    """How often endpoints have failed in a row, and until when each is left alone."""
    return {
        row.endpoint: (row.failures, row.open_until)
        for batch in rows.batches(endpoints)
        for row in connection.execute(sa.select(breakers).where(breakers.c.endpoint.in_(batch)))
    }


def set_breaker(
    connection: Connection, endpoint: str, failures: int, open_until: datetime | None
) -> None:
    """Keep how often an endpoint has failed."""
    values = {'failures': failures, 'open_until': open_until}
    change = breakers.update().where(breakers.c.endpoint == endpoint).values(values)
    if not rows.updated(connection, change):
        connection.execute(breakers.insert().values(endpoint=endpoint, **values))


def close_breakers(connection: Connection, endpoints: Iterable[str]) -> None:
    """Forget that endpoints have failed."""
    for batch in rows.batches(endpoints):
        connection.execute(breakers.delete().where(breakers.c.endpoint.in_(batch)))
