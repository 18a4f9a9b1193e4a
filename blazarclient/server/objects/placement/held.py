"""Changing what a reservation holds."""

from __future__ import annotations

from collections.abc import Sequence

from blazarclient.server.backends.embedded.rules import Period
from blazarclient.server.objects.placement.calendar import Calendar
from blazarclient.server.objects.reservation import Reservation
from blazarclient.server.store import allocations

__all__ = ['change_holdings', 'held_by', 'kind_of']


def kind_of(reservation: Reservation) -> str:
    """``host`` or ``floatingip``: what a reservation holds."""
    return 'floatingip' if reservation.resource_type == 'virtual:floatingip' else 'host'


def held_by(calendar: Calendar, reservation: Reservation) -> list[str]:
    """The resource of each slot that a reservation holds."""
    rows = allocations.of_reservation(calendar.connection, reservation.id)
    return [row['resource_id'] for row in rows]


def change_holdings(
    calendar: Calendar,
    reservation: Reservation,
    period: Period,
    *,
    added: Sequence[str],
    removed: Sequence[str],
) -> None:
    """Give up some slots, move the others to a period, and hold some more.

    :param removed: resources, each as often as it has slots to give up.
    """
    connection = calendar.connection
    if removed:
        allocations.delete_of_reservation(connection, reservation.id, removed)
    allocations.move(connection, reservation.id, period.start, period.end)
    calendar.hold(kind_of(reservation), reservation.id, added, period)
