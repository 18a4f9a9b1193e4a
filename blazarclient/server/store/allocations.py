"""Who holds which host or floating IP, and when. One row is one slot of one reservation."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import allocations, floatingips, hosts, reservations

__all__ = [
    'delete_of_reservation',
    'held_by',
    'insert',
    'listing',
    'move',
    'never_held',
    'of_reservation',
    'overlapping',
]

_MINUTE = timedelta(minutes=1)
#: Allocations of two years and more are kept together, whatever their duration.
_WIDEST = 21
_RESOURCES = {'host': hosts, 'floatingip': floatingips}


def insert(connection: Connection, kind: str, allocated: Sequence[Mapping[str, Any]]) -> None:
    """Add allocations.

    :param kind: ``host`` or ``floatingip``.
    :param allocated: resource_id, reservation_id, start_date, end_date, version; an id where one
        is wanted.
    """
    if allocated:
        connection.execute(
            allocations.insert(),
            [
                {
                    'id': str(uuid.uuid4()),
                    **each,
                    'kind': kind,
                    'span': _span(each['start_date'], each['end_date']),
                }
                for each in allocated
            ],
        )


def of_reservation(connection: Connection, reservation_id: str) -> list[Row]:
    """The slots of a reservation, those on one resource together, in the order of their IDs."""
    columns = allocations.c
    return rows.rows(
        connection,
        sa.select(allocations)
        .where(columns.reservation_id == reservation_id)
        .order_by(sa.func.length(columns.resource_id), columns.resource_id, columns.id),
    )


def delete_of_reservation(
    connection: Connection, reservation_id: str, resource_ids: Iterable[str] | None = None
) -> None:
    """Give up slots of a reservation.

    :param resource_ids: each resource as often as it has slots to give up; None for all slots.
    """
    if resource_ids is None:
        connection.execute(
            allocations.delete().where(allocations.c.reservation_id == reservation_id)
        )
        return
    surplus = Counter(resource_ids)
    ids = []
    for row in of_reservation(connection, reservation_id):
        if surplus[row['resource_id']]:
            surplus[row['resource_id']] -= 1
            ids.append(row['id'])
    for batch in rows.batches(ids):
        connection.execute(allocations.delete().where(allocations.c.id.in_(batch)))


def move(connection: Connection, reservation_id: str, start: datetime, end: datetime) -> None:
    """Let a reservation hold its slots at another time.

    :param start: naive UTC; so is ``end``.
    """
    connection.execute(
        allocations.update()
        .where(allocations.c.reservation_id == reservation_id)
        .values(start_date=start, end_date=end, span=_span(start, end))
    )


def overlapping(connection: Connection, kind: str, start: datetime, end: datetime) -> list[Row]:
    """Every slot that is held at some time of a period.

    The cost does not depend on how many allocations there are before and after the period.

    :param start: naive UTC; what ends then is not in the period.
    :param end: naive UTC; what starts then is not in the period.
    :returns: in no order: resource_id, reservation_id, resource_type, lease_id, start_date,
        end_date, parameters. The parameters are the same dict for all slots of a reservation.
    """
    values: dict[str, object] = {'kind': kind, 'start': start, 'end': end}
    for span in range(_WIDEST):
        values[f'after_{span}'] = start - (1 << span) * _MINUTE
    found = rows.rows(connection, _OVERLAPPING, values)
    decoded: dict[str, Any] = {}
    for row in found:
        reservation_id = row['reservation_id']
        if reservation_id not in decoded:
            decoded[reservation_id] = json.loads(row['parameters'])
        row['parameters'] = decoded[reservation_id]
    return found


def never_held(connection: Connection, kind: str) -> set[str]:
    """The IDs of the resources that nothing holds, at no time."""
    resource = _RESOURCES[kind]
    holding = sa.exists().where(
        allocations.c.kind == kind, allocations.c.resource_id == resource.c.id
    )
    return set(connection.scalars(sa.select(resource.c.id).where(~holding)))


def held_by(connection: Connection, kind: str, resource_id: str) -> bool:
    """Whether anything holds a resource, at any time."""
    holding = (
        sa.select(allocations.c.id)
        .where(allocations.c.kind == kind, allocations.c.resource_id == resource_id)
        .limit(1)
    )
    return connection.execute(holding).first() is not None


def listing(
    connection: Connection,
    kind: str,
    *,
    lease_id: str | None = None,
    reservation_id: str | None = None,
    resource_id: str | None = None,
    since: datetime | None = None,
) -> list[Row]:
    """What holds resources: one row for each slot.

    :param since: naive UTC; nothing that ended before.
    :returns: resource_id, id (the reservation's), lease_id, start_date, end_date.
    """
    columns = allocations.c
    query = (
        sa.select(
            columns.resource_id,
            columns.reservation_id.label('id'),
            reservations.c.lease_id,
            columns.start_date,
            columns.end_date,
        )
        .join_from(allocations, reservations)
        .where(columns.kind == kind)
        .order_by(columns.start_date, columns.reservation_id)
    )
    if lease_id is not None:
        query = query.where(reservations.c.lease_id == lease_id)
    if reservation_id is not None:
        query = query.where(columns.reservation_id == reservation_id)
    if resource_id is not None:
        query = query.where(columns.resource_id == resource_id)
    if since is not None:
        query = query.where(columns.end_date >= since)
    return rows.rows(connection, query)


def _span(start: datetime, end: datetime) -> int:
    """The bits of a duration in minutes: it is shorter than 2 to that power."""
    return max((end - start) // _MINUTE, 0).bit_length()


def _overlapping() -> sa.Select[Any]:
    # An index finds what starts between two times. What overlaps a period may have started long
    # before it, but not longer before than it lasts: so there is one such range for each span.
    columns = allocations.c
    ranges = [
        sa.select(
            columns.resource_id, columns.reservation_id, columns.start_date, columns.end_date
        ).where(
            columns.kind == sa.bindparam('kind'),
            columns.span == span if span < _WIDEST else columns.span >= span,
            columns.start_date < sa.bindparam('end', type_=columns.start_date.type),
            columns.end_date > sa.bindparam('start', type_=columns.start_date.type),
        )
        for span in range(_WIDEST + 1)
    ]
    for span in range(_WIDEST):
        after = sa.bindparam(f'after_{span}', type_=columns.start_date.type)
        ranges[span] = ranges[span].where(columns.start_date > after)
    held = sa.union_all(*ranges).subquery()
    return sa.select(
        held.c.resource_id,
        held.c.reservation_id,
        reservations.c.resource_type,
        reservations.c.lease_id,
        held.c.start_date,
        held.c.end_date,
        reservations.c.parameters,
    ).join_from(held, reservations, held.c.reservation_id == reservations.c.id)


_OVERLAPPING = _overlapping()
