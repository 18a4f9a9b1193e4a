"""The queue of deliveries as workers use it: who has what, and how it ended.

All of it happens under the lock ``deliveries``, so no two workers see the same delivery as theirs.
What was sent is recorded by the id, the owner and the attempt: a worker that comes too late meets
no row. Statements are about many rows at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import given
from blazarclient.server.store.columns import TIME
from blazarclient.server.store.given import INTEGER, KEY, TEXT, WHEN
from blazarclient.server.store.tables import deliveries

__all__ = [
    'Claim',
    'Ended',
    'Lane',
    'claim',
    'end',
    'expire_lanes',
    'expired',
    'finish',
    'give_back',
    'held',
    'promote',
    'take_over',
]

#: Subscription and lane.
Lane = tuple[str, str]

_NOW = sa.bindparam('now', type_=TIME)
#: Where rows are named by their ids: an index of states would have SQLite read all of one state.
_STATE = sa.func.coalesce(deliveries.c.state, '')
#: With few rows MySQL thinks that it does not matter, and does not think again for a while.
_BY_LANE = 'FORCE INDEX (ix_deliveries_lane)'
_NOBODYS: dict[str, Any] = {'owner': None, 'deadline': None}


class Claim(NamedTuple):
    """A delivery that somebody has: nobody else has the same."""

    id: str
    owner: str
    attempt: int


class Ended(NamedTuple):
    """What became of an attempt: the new values of a row."""

    id: str
    owner: str
    attempt: int
    state: str
    due_at: datetime
    attempts: str
    response_status: int | None
    response_head: str | None
    error: str | None
    finished_at: datetime | None


# ------------------------------------------------------------------------------- what has ended


@functools.cache
def _held(sqlite: bool) -> sa.Select[Any]:
    ours = given.given(sqlite, id=KEY, owner=KEY, attempt=INTEGER)
    return sa.select(ours.c.id).select_from(ours.join(deliveries, _is_ours(ours)))


def _is_ours(ours: given.Given) -> sa.ColumnElement[bool]:
    return sa.and_(
        deliveries.c.id == ours.c.id,
        deliveries.c.owner == ours.c.owner,
        deliveries.c.attempt == ours.c.attempt,
        _STATE == 'sending',
    )


def held(connection: Connection, claims: Iterable[Claim]) -> set[str]:
    """The ids of those deliveries that still belong to whoever has claimed them."""
    found = connection.execute(_held(given.is_sqlite(connection)), given.of(claims))
    return {row[0] for row in found}


@functools.cache
def _finish(sqlite: bool) -> sa.Update:
    new = given.given(
        sqlite,
        id=KEY,
        owner=KEY,
        attempt=INTEGER,
        state=KEY,
        due_at=WHEN,
        attempts=TEXT,
        response_status=INTEGER,
        response_head=TEXT,
        error=KEY,
        finished_at=WHEN,
    )
    names = (
        'state',
        'due_at',
        'attempts',
        'response_status',
        'response_head',
        'error',
        'finished_at',
    )
    return (
        deliveries.update()
        .where(_is_ours(new))
        .values({name: new.c[name] for name in names})
        .values(updated_at=_NOW, **_NOBODYS)
    )


def finish(connection: Connection, ended: Sequence[Ended], now: datetime) -> int:
    """Record what became of attempts; how many rows it met."""
    statement = _finish(given.is_sqlite(connection))
    return connection.execute(statement, {**given.of(ended), 'now': now}).rowcount


@functools.cache
def _give_back(sqlite: bool) -> sa.Update:
    ours = given.given(sqlite, id=KEY, owner=KEY, attempt=INTEGER)
    return (
        deliveries.update()
        .where(_is_ours(ours))
        .values(state='queued', attempt=deliveries.c.attempt - 1, **_NOBODYS)
    )


def give_back(connection: Connection, claims: Iterable[Claim]) -> None:
    """Let others have what was not sent: that was no attempt."""
    connection.execute(_give_back(given.is_sqlite(connection)), given.of(claims))


def take_over(connection: Connection, now: datetime, real_now: float) -> int:
    """Queue again what a worker has not finished in time; how much it was.

    :param now: naive UTC.
    :param real_now: seconds since 1970.
    """
    change = (
        deliveries.update()
        .where(deliveries.c.state == 'sending', deliveries.c.deadline < real_now)
        .values(state='queued', due_at=now, **_NOBODYS)
    )
    return connection.execute(change).rowcount


# ------------------------------------------------------------------------------------- lanes


@functools.cache
def _next(sqlite: bool) -> sa.Select[Any]:
    lanes = given.given(sqlite, subscription_id=KEY, lane=KEY)
    waiting, head = deliveries.alias('waiting'), deliveries.alias('head')
    # Not EXISTS: MariaDB would make a table of all that is queued.
    first_one = (
        sa.select(head.c.id)
        .where(
            head.c.subscription_id == lanes.c.subscription_id,
            head.c.lane == lanes.c.lane,
            head.c.state.in_(('queued', 'sending')),
        )
        .with_hint(head, _BY_LANE, 'mysql')
        .limit(1)
        .correlate(lanes)
        .scalar_subquery()
    )
    first = (
        sa.select(waiting.c.id)
        .where(
            waiting.c.subscription_id == lanes.c.subscription_id,
            waiting.c.lane == lanes.c.lane,
            waiting.c.state == 'waiting',
        )
        .with_hint(waiting, _BY_LANE, 'mysql')
        .order_by(waiting.c.sequence)
        .limit(1)
        .correlate(lanes)
        .scalar_subquery()
    )
    return sa.select(first).select_from(lanes).where(first_one.is_(None))


@functools.cache
def _change(sqlite: bool) -> sa.Update:
    some = given.given(sqlite, id=KEY)
    return deliveries.update().where(deliveries.c.id == some.c.id)


def promote(connection: Connection, lanes: Iterable[Lane], now: datetime) -> int:
    """Queue the next delivery of those lanes whose first one has ended; how many there were."""
    sqlite = given.is_sqlite(connection)
    following = [row for row in connection.execute(_next(sqlite), given.of(lanes)) if row[0]]
    if following:
        change = _change(sqlite).values(state='queued', due_at=_NOW)
        connection.execute(change, {**given.of(map(tuple, following)), 'now': now})
    return len(following)


def end(connection: Connection, ids: Iterable[str], state: str, now: datetime) -> None:
    """Let queued deliveries end without an attempt."""
    change = _change(given.is_sqlite(connection)).values(
        state=sa.bindparam('ended'), finished_at=_NOW, updated_at=_NOW
    )
    parameters = {**given.of((each,) for each in ids), 'ended': state, 'now': now}
    connection.execute(change, parameters)


@functools.cache
def _expire(sqlite: bool) -> sa.Update:
    lanes = given.given(sqlite, subscription_id=KEY, lane=KEY)
    return (
        deliveries.update()
        .where(
            deliveries.c.subscription_id == lanes.c.subscription_id,
            deliveries.c.lane == lanes.c.lane,
            deliveries.c.state.in_(('waiting', 'queued')),
            deliveries.c.expires_at <= _NOW,
        )
        .values(state='expired', finished_at=_NOW, updated_at=_NOW)
    )


def expire_lanes(connection: Connection, lanes: Iterable[Lane], now: datetime) -> int:
    """Let all end that nobody wants any more in some lanes; how many there were."""
    statement = _expire(given.is_sqlite(connection))
    return connection.execute(statement, {**given.of(lanes), 'now': now}).rowcount


def expired(connection: Connection, now: datetime, *, limit: int) -> list[Lane]:
    """Lanes in which there is something that nobody wants any more."""
    query = (
        sa.select(deliveries.c.subscription_id, deliveries.c.lane)
        .where(deliveries.c.state.in_(('waiting', 'queued')), deliveries.c.expires_at <= now)
        .limit(limit)
    )
    return list({(row[0], row[1]) for row in connection.execute(query)})


@functools.cache
def _claim(sqlite: bool) -> sa.Update:
    taken = given.given(sqlite, id=KEY, owner=KEY, attempt=INTEGER)
    return (
        deliveries.update()
        .where(
            deliveries.c.id == taken.c.id,
            _STATE == 'queued',
            deliveries.c.attempt == taken.c.attempt - 1,
        )
        .values(
            state='sending',
            owner=taken.c.owner,
            attempt=taken.c.attempt,
            deadline=sa.bindparam('until'),
        )
    )


def claim(connection: Connection, claims: Sequence[Claim], deadline: float) -> int:
    """Take queued deliveries; how many rows it met.

    :param claims: with the attempt that each is to be.
    :param deadline: until when, seconds since 1970.
    """
    statement = _claim(given.is_sqlite(connection))
    return connection.execute(statement, {**given.of(claims), 'until': deadline}).rowcount
