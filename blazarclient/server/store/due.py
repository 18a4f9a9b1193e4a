"""Events that are due: who carries out which.

Any number of workers ask. Each event is given to one of them for a while; when that one has not
finished it in time, to another. Finishing names the worker and the attempt, so that one that
slept past its time changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import events, leases

__all__ = ['finish', 'is_unfinished', 'next_due', 'take_due']

_START, _BEFORE_END, _END = 'start_lease', 'before_end_lease', 'end_lease'
_TYPES = (_START, _BEFORE_END, _END)
_OPEN = ('UNDONE', 'IN_PROGRESS')


def take_due(
    connection: Connection,
    *,
    now: datetime,
    real_now: float,
    owner: str,
    limit: int,
    deadline: float,
) -> list[Row]:
    """Take events that are due, in the order of their times, and lock their leases.

    An event waits for earlier ones of its lease (the warning before the end only for the start),
    and the start of a lease for each other lease that has to end by then: a host is given back
    before it is given on. Nothing waits for a lease that ends as it starts.

    :param now: what the service's clock shows, naive UTC.
    :param real_now: seconds since 1970.
    :param owner: the name of the worker.
    :param limit: how many at most.
    :param deadline: until when the worker has to be done: seconds since 1970.
    :returns: the events as they are now. It can be fewer than there are when other workers take
        some at the same moment.
    """
    taken: list[Row] = []
    seen: list[str] = []
    while (wanted := limit - len(taken)) > 0:
        found = _takeable(connection, now, real_now, limit=wanted, but=seen)
        seen += [row['id'] for row in found]
        # On SQLite, whoever may write has the whole database.
        if found and connection.dialect.name != 'sqlite':
            free = _locked(connection, found, now, real_now)
        else:
            free = found
        taken += [row for row in free if _take(connection, row, owner, deadline)]
        if len(found) < wanted:
            break
    return taken


def finish(connection: Connection, event_id: str, owner: str, attempt: int, status: str) -> bool:
    """Put an event into its last status; False when another worker has taken it meanwhile."""
    return rows.updated(
        connection,
        events.update()
        .where(
            events.c.id == event_id,
            events.c.owner == owner,
            events.c.attempt == attempt,
            events.c.status == 'IN_PROGRESS',
        )
        .values(status=status),
    )


def next_due(connection: Connection) -> datetime | None:
    """When the next event is due, naive UTC; in the past when one has to wait for another."""
    times = [
        sa.select(sa.func.min(events.c.time).label('time')).where(
            events.c.event_type == kind, events.c.status == 'UNDONE'
        )
        for kind in _TYPES
    ]
    found: datetime | None = connection.scalar(
        sa.select(sa.func.min(sa.union_all(*times).subquery().c.time))
    )
    return found


def is_unfinished(connection: Connection, now: datetime) -> bool:
    """Whether an event that is due has not been carried out yet.

    :param now: naive UTC.
    """
    query = (
        sa.select(events.c.id)
        .where(events.c.status.in_(_OPEN), events.c.time <= now, events.c.event_type.in_(_TYPES))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _takeable(
    connection: Connection,
    now: datetime,
    real_now: float,
    *,
    limit: int,
    only: Sequence[str] | None = None,
    but: Sequence[str] = (),
) -> list[Row]:
    """Events that nobody has and that wait for nothing, in the order of their times.

    :param only: no events but these.
    :param but: not these.
    """
    ready = [*_waits_for_no_other(connection), _waits_for_none_of_its_lease()]
    if only is not None:
        ready.append(events.c.id.in_(only))
    if but:
        ready.append(events.c.id.not_in(but))
    found = [
        row
        # One query each: an index has the events of one status in the order of their times.
        for state in (
            # Whoever had it is late, or dead.
            sa.and_(events.c.status == 'IN_PROGRESS', events.c.deadline < real_now),
            sa.and_(events.c.status == 'UNDONE', events.c.time <= now),
        )
        for row in rows.rows(
            connection,
            sa.select(events)
            .where(state, events.c.event_type.in_(_TYPES), *ready)
            .order_by(events.c.time, events.c.id)
            .limit(limit)
            .with_hint(events, 'FORCE INDEX (ix_events_status)', 'mysql'),
        )
    ]
    return sorted(found, key=itemgetter('time', 'id'))[:limit]


def _waits_for_no_other(connection: Connection) -> list[sa.ColumnElement[bool]]:
    """An event is no start of a lease, or no other lease has to end by then.

    Asked for once, and not for each event: when one end takes long, all starts wait for it.
    """
    first = _first_end(connection)
    if first is None:
        return []
    is_no_start = events.c.event_type != _START
    ready = [
        sa.or_(is_no_start, events.c.time < first['time'], events.c.lease_id == first['lease_id'])
    ]
    second = _first_end(connection, but=first['lease_id'])
    if second is not None:
        ready.append(sa.or_(is_no_start, events.c.time < second['time']))
    return ready


def _first_end(connection: Connection, *, but: str | None = None) -> Row | None:
    """The end that comes first of those that are not carried out yet.

    A lease that starts when it ends holds nothing until then, so nobody waits for it: two such
    leases would wait for each other for ever.

    :param but: a lease that does not count.
    """
    start = events.alias()
    # Left to itself, MariaDB reads every start for this.
    starts_when_it_ends = (
        sa.select(sa.func.count())
        .where(
            start.c.lease_id == events.c.lease_id,
            start.c.event_type == _START,
            # The index of leases is the one to use: SQLite would read all starts that come later.
            sa.func.coalesce(start.c.status, '').in_(_OPEN),
            start.c.time >= events.c.time,
        )
        .with_hint(start, 'FORCE INDEX (ix_events_lease_id)', 'mysql')
        .correlate(events)
        .scalar_subquery()
    )
    ends = []
    for status in _OPEN:
        query = sa.select(events.c.lease_id, events.c.time).where(
            events.c.event_type == _END, events.c.status == status, starts_when_it_ends == 0
        )
        if but is not None:
            query = query.where(events.c.lease_id != but)
        ends += rows.rows(connection, query.order_by(events.c.time).limit(1))
    return min(ends, key=itemgetter('time'), default=None)


def _waits_for_none_of_its_lease() -> sa.ColumnElement[bool]:
    earlier = events.alias()
    return ~(
        sa.exists()
        .where(
            earlier.c.lease_id == events.c.lease_id,
            earlier.c.id != events.c.id,
            earlier.c.status.in_(_OPEN),
            earlier.c.event_type.in_(_TYPES),
            sa.or_(
                earlier.c.time < events.c.time,
                sa.and_(earlier.c.time == events.c.time, _rank(earlier) < _rank(events)),
            ),
            sa.or_(events.c.event_type != _BEFORE_END, earlier.c.event_type == _START),
        )
        .correlate(events)
    )


def _rank(table: sa.FromClause) -> sa.ColumnElement[int]:
    """The order of a lease's events that have one time."""
    ranks = {kind: rank for rank, kind in enumerate(_TYPES)}
    return sa.case(ranks, value=table.c.event_type)


def _locked(
    connection: Connection, batch: Sequence[Row], now: datetime, real_now: float
) -> list[Row]:
    """Those of some events whose leases nobody else holds, if they still can be taken."""
    wanted = {row['lease_id'] for row in batch}
    # Whoever changes a lease locks it before its events; in the other order two could wait for
    # each other.
    free = connection.scalars(
        sa.select(leases.c.id)
        .where(leases.c.id.in_(wanted))
        # Where there are few leases MariaDB would rather read another index, and lock all of it.
        .with_hint(leases, 'FORCE INDEX (PRIMARY)', 'mysql')
        .with_for_update(skip_locked=True)
    ).all()
    if not free:
        return []
    # What was seen before the lock may be past: this is another look at all that counts.
    ids = [row['id'] for row in batch if row['lease_id'] in free]
    return _takeable(connection, now, real_now, limit=len(ids), only=ids)


def _take(connection: Connection, row: Row, owner: str, deadline: float) -> bool:
    """Take one event, and make its row say so."""
    new = {
        'status': 'IN_PROGRESS',
        'owner': owner,
        'attempt': row['attempt'] + 1,
        'deadline': deadline,
    }
    taken = rows.updated(
        connection,
        events.update()
        .where(
            events.c.id == row['id'],
            events.c.status == row['status'],
            events.c.attempt == row['attempt'],
        )
        .values(new),
    )
    row.update(new)
    return taken
