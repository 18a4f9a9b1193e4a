"""From what a request asks for to hosts and addresses: one module for each resource type.

A resource type has two functions. ``plan(calendar, values, period)`` says what a new reservation
would hold; ``replan(calendar, reservation, given, before, after)`` changes what one holds. The
rules themselves are in :mod:`blazarclient.server.backends.embedded.rules`, without a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded.rules import Period
from blazarclient.server.objects.placement import (
    flavor_instance,
    floatingip,
    physical_host,
    virtual_instance,
)
from blazarclient.server.objects.placement.calendar import Calendar, Planned
from blazarclient.server.objects.reservation import Reservation

__all__ = ['Calendar', 'Period', 'Planned', 'check_change', 'plan', 'replan']

_TYPES: Mapping[str, ModuleType] = {
    'flavor:instance': flavor_instance,
    'physical:host': physical_host,
    'virtual:floatingip': floatingip,
    'virtual:instance': virtual_instance,
}


def plan(calendar: Calendar, values: Mapping[str, Any], period: Period) -> Planned:
    """Plan a reservation, and count it in the calendar.

    :param values: the reservation as the request has it.
    :raises blazarclient.server.errors.ServiceError: when it cannot be.
    """
    resource_type = values['resource_type']
    module = _TYPES.get(resource_type) if isinstance(resource_type, str) else None
    if module is None:
        raise errors.ServiceError(f'The {resource_type} resource type is not supported')
    planned: Planned = module.plan(calendar, values, period)
    return calendar.add(planned, period)


def check_change(
    given: Mapping[str, Mapping[str, Any]], reservations: Iterable[Reservation]
) -> None:
    """Refuse what no resource type allows, before anything changes."""
    types = {each.id: each.resource_type for each in reservations}
    wanted = {key: value.get('resource_type', types[key]) for key, value in given.items()}
    if any(not isinstance(each, str) or each not in _TYPES for each in wanted.values()):
        raise errors.CannotUpdate('resource_type')
    if 'flavor:instance' in wanted.values():
        raise errors.Conflict(
            "Updating parameters for 'flavor:instance' type reservations is not yet supported."
        )
    if any(types[key] != value for key, value in wanted.items()):
        raise errors.Internal


def replan(
    calendar: Calendar,
    reservation: Reservation,
    given: Mapping[str, Any],
    before: Period,
    after: Period,
) -> None:
    """Change what a reservation holds, and its parameters.

    :param given: what the request says of it.
    :raises blazarclient.server.errors.ServiceError: when it cannot be.
    """
    if reservation.status == 'deleted':
        return
    _TYPES[reservation.resource_type].replan(calendar, reservation, given, before, after)
