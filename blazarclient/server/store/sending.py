"""The queue of deliveries as workers use it: what is due, who has it, and how it ended.

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

from blazarclient.server.store import given, rows
from blazarclient.server.store.columns import TIME
from blazarclient.server.store.given import INTEGER, KEY, TEXT, WHEN
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import deliveries, notifications, subscriptions

__all__ = [
    'Claim',
    'Due',
    'Ended',
    'Lane',
    'claim',
    'due',
    'end',
    'expire_lanes',
    'expired',
    'finish',
    'give_back',
    'held',
    'in_flight',
    'notifications_of',
    'promote',
    'take_over',
    'top',
]

#: Subscription and lane.
Lane = tuple[str, str]
#: How many subscriptions one query looks at.
_PORTION = 100
#: A queue of fewer is read as it is.
_SHORT = 500

_NOW = sa.bindparam('now', type_=TIME)
#: Where rows are named by their ids: an index of states would have SQLite read all of one state.
_STATE = sa.func.coalesce(deliveries.c.state, '')
#: With few rows MySQL thinks that it does not matter, and does not think again for a while.
_BY_LANE, _BY_STATE = 'FORCE INDEX (ix_deliveries_lane)', 'FORCE INDEX (ix_deliveries_state)'
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


class Due(NamedTuple):
    """A delivery that may be sent."""

    id: str
    subscription_id: str
    lane: str
    sequence: int
    expires_at: datetime | None
    attempt: int
    attempts: str


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
    return sa.select(
        sa.select(deliveries.c.id)
        .where(
            deliveries.c.subscription_id == lanes.c.subscription_id,
            deliveries.c.lane == lanes.c.lane,
            deliveries.c.state == 'waiting',
        )
        .with_hint(deliveries, _BY_LANE, 'mysql')
        .order_by(deliveries.c.sequence)
        .limit(1)
        .correlate(lanes)
        .scalar_subquery()
    ).select_from(lanes)


@functools.cache
def _change(sqlite: bool) -> sa.Update:
    some = given.given(sqlite, id=KEY)
    return deliveries.update().where(deliveries.c.id == some.c.id)


def promote(connection: Connection, lanes: Iterable[Lane], now: datetime) -> int:
    """Queue the next delivery of lanes whose first one has ended; how many there were."""
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


# --------------------------------------------------------------------------------- what is due


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


def notifications_of(connection: Connection, sequences: Iterable[int]) -> list[Row]:
    """Entries of the log, with what they say."""
    query = sa.select(notifications).where(notifications.c.sequence.in_(list(sequences)))
    return rows.decoded(rows.rows(connection, query), 'resource_types', 'data')
