"""``flavor:instance``: room for instances of a flavor."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Period
from blazarclient.server.objects.placement.calendar import Calendar, Planned
from blazarclient.server.objects.placement.virtual_instance import affinity_of, aggregate_id
from blazarclient.server.objects.reservation import Reservation
from blazarclient.server.store import surroundings

__all__ = ['nova_flavor', 'plan', 'replan']


def plan(calendar: Calendar, values: Mapping[str, Any], period: Period) -> Planned:
    """Hosts for the slots of a new reservation.

    :raises blazarclient.server.errors.NotFound: when there is no such flavor.
    :raises blazarclient.server.errors.NotEnoughHosts: when there is no room.
    """
    missing = [name for name in ('affinity', 'amount', 'flavor_id') if name not in values]
    if missing:
        raise errors.MissingParameter(','.join(missing))
    amount = _amount(values['amount'])
    flavor = _flavor(calendar, values['flavor_id'])
    wide = calendar.with_margin(period)
    found = rules.flavor_slots_for(
        calendar.hosts,
        calendar.held('host', wide),
        amount,
        rules.flavor_usage(flavor),
        wide,
    )
    if affinity_of(values['affinity']) is not None:
        raise errors.Conflict('Affinity not supported yet')
    reservation_id = str(uuid.uuid4())
    return Planned(
        reservation_id,
        'flavor:instance',
        'host',
        {
            'vcpus': flavor['vcpus'],
            'memory_mb': flavor['ram'],
            'disk_gb': flavor['disk'],
            'amount': amount,
            'affinity': None,
            'resource_properties': json.dumps(flavor),
            'flavor_id': reservation_id,
            'aggregate_id': aggregate_id(reservation_id),
            'server_group_id': None,
        },
        found,
    )


def replan(
    calendar: Calendar,
    reservation: Reservation,
    given: Mapping[str, Any],
    before: Period,
    after: Period,
) -> None:
    """Fail as Blazar does, which looks for the reservation's own flavor with the user's rights.

    :raises blazarclient.server.errors.NotFound: always.
    """
    raise _no_flavor(calendar, str(reservation.parameters['flavor_id']))


def _amount(value: Any) -> int:
    try:
        amount = int(str(value))
    except ValueError:
        raise errors.InvalidInput('amount must be an integer') from None
    if amount < 1:
        raise errors.InvalidInput('amount must be >= 1')
    return amount


def _flavor(calendar: Calendar, flavor_id: Any) -> dict[str, Any]:
    """The flavor that Blazar keeps with a reservation."""
    row = surroundings.flavor(calendar.connection, str(flavor_id))
    if row is None:
        raise _no_flavor(calendar, str(flavor_id))
    return {**nova_flavor(row), 'extra_specs': row['extra_specs']}


def nova_flavor(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored flavor as Nova's API shows it."""
    return {
        'id': row['id'],
        'name': row['name'],
        'ram': row['ram'],
        'disk': row['disk'],
        'swap': '',
        'OS-FLV-EXT-DATA:ephemeral': row['ephemeral'],
        'OS-FLV-DISABLED:disabled': False,
        'vcpus': row['vcpus'],
        'os-flavor-access:is_public': True,
        'rxtx_factor': 1.0,
    }


def _no_flavor(calendar: Calendar, flavor_id: str) -> errors.NotFound:
    return errors.NotFound(
        f'Flavor {flavor_id} could not be found. (HTTP 404) (Request-ID: {calendar.ctx.request_id})'
    )
