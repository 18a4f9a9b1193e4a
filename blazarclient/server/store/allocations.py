"""Who holds what, and when: one row for each slot of a reservation on a host or a floating IP.

Periods are half-open: what ends at noon and what begins then do not overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import allocations, floatingips, hosts, leases, reservations

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

#: 2**27 minutes are 255 years.
_LONGEST_SPAN = 27


def insert(connection: Connection, kind: str, slots: Sequence[Mapping[str, Any]]) -> None:
    """Hold resources.

    :param kind: ``host`` or ``floatingip``.
    :param slots: rows without ``kind`` and ``span``.
    """
    if slots:
        connection.execute(
            allocations.insert(),
            [
                {**each, 'kind': kind, 'span': _span(each['start_date'], each['end_date'])}
                for each in slots
            ],
        )


def delete_of_reservation(
    connection: Connection, reservation_id: str, resource_ids: Sequence[str] | None = None
) -> None:
    """Give up slots of a reservation.

    :param resource_ids: one slot for each of these; None for all slots.
    """
    ours = allocations.c.reservation_id == reservation_id
    if resource_ids is None:
        connection.execute(allocations.delete().where(ours))
        return
    for resource_id, count in Counter(resource_ids).items():
        ids = connection.scalars(
            sa.select(allocations.c.id)
            .where(ours, allocations.c.resource_id == resource_id)
            .order_by(allocations.c.id)
            .limit(count)
        ).all()
        connection.execute(allocations.delete().where(allocations.c.id.in_(ids)))


def of_reservation(connection: Connection, reservation_id: str) -> list[Row]:
    """The slots that a reservation holds."""
    query = sa.select(allocations).where(allocations.c.reservation_id == reservation_id)
    return rows.rows(connection, query.order_by(allocations.c.resource_id, allocations.c.id))


def move(connection: Connection, reservation_id: str, start: datetime, end: datetime) -> None:
    """Let the slots of a reservation be held at another time."""
    connection.execute(
        allocations.update()
        .where(allocations.c.reservation_id == reservation_id)
        .values(start_date=start, end_date=end, span=_span(start, end))
    )


def overlapping(connection: Connection, kind: str, start: datetime, end: datetime) -> list[Row]:
    """The slots that are held at some time of a period, with what their reservations are.

    What has a span of k is no longer than 2**k minutes, and so begins at most that long before
    the period: each span is one range of the index.
    """
    columns = (
        allocations.c.resource_id,
        allocations.c.reservation_id,
        allocations.c.start_date,
        allocations.c.end_date,
    )
    ranges = [
        sa.select(*columns).where(
            allocations.c.kind == kind,
            allocations.c.span == span,
            allocations.c.start_date > _before(start, span),
            allocations.c.start_date < end,
            allocations.c.end_date > start,
        )
        for span in range(_LONGEST_SPAN + 1)
    ]
    found = sa.union_all(*ranges).subquery()
    query = sa.select(
        found, reservations.c.resource_type, reservations.c.lease_id, reservations.c.parameters
    ).join_from(found, reservations, found.c.reservation_id == reservations.c.id)
    return rows.decoded(rows.rows(connection, query), 'parameters')


def never_held(connection: Connection, kind: str) -> set[str]:
    """The hosts or floating IPs that no reservation holds, at any time."""
    table = hosts if kind == 'host' else floatingips
    held = sa.exists().where(allocations.c.kind == kind, allocations.c.resource_id == table.c.id)
    return set(connection.scalars(sa.select(table.c.id).where(~held)))


def held_by(connection: Connection, kind: str, resource_id: str) -> bool:
    """Whether any reservation holds a host or a floating IP."""
    query = sa.select(allocations.c.id).where(
        allocations.c.kind == kind, allocations.c.resource_id == resource_id
    )
    return connection.execute(query.limit(1)).first() is not None


def listing(
    connection: Connection,
    kind: str,
    *,
    lease_id: str | None = None,
    reservation_id: str | None = None,
    resource_id: str | None = None,
    since: datetime | None = None,
) -> list[Row]:
    """Resource, reservation (``id``), lease and its dates of every slot, the earliest first.

    :param since: leaves out leases that have ended by then, naive UTC.
    """
    query = (
        sa.select(
            allocations.c.resource_id,
            reservations.c.id,
            reservations.c.lease_id,
            leases.c.start_date,
            leases.c.end_date,
        )
        .join_from(allocations, reservations, allocations.c.reservation_id == reservations.c.id)
        .join(leases, reservations.c.lease_id == leases.c.id)
        .where(allocations.c.kind == kind)
        .order_by(leases.c.start_date, leases.c.number, reservations.c.position)
    )
    if lease_id is not None:
        query = query.where(reservations.c.lease_id == lease_id)
    if reservation_id is not None:
        query = query.where(reservations.c.id == reservation_id)
    if resource_id is not None:
        query = query.where(allocations.c.resource_id == resource_id)
    if since is not None:
        query = query.where(leases.c.end_date >= since)
    return rows.rows(connection, query)


def _span(start: datetime, end: datetime) -> int:
    """The least k for which 2**k minutes are longer than a period."""
    return min(int((end - start).total_seconds() // 60).bit_length(), _LONGEST_SPAN)


def _before(start: datetime, span: int) -> datetime:
    try:
        return start - timedelta(minutes=2**span)
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - every time here is UTC
