"""``virtual:instance``: room for instances of a size that the request gives."""

from __future__ import annotations

import uuid
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded import filters, rules
from blazarclient.server.backends.embedded.rules import Period
from blazarclient.server.objects.placement.calendar import Calendar, Planned
from blazarclient.server.objects.placement.held import change_holdings, held_by
from blazarclient.server.objects.reservation import Reservation

__all__ = ['affinity_of', 'aggregate_id', 'plan', 'replan']

_CHANGING = ('vcpus', 'memory_mb', 'disk_gb', 'affinity', 'amount', 'resource_properties')
_TRUE = {'1', 't', 'true', 'on', 'y', 'yes'}
_FALSE = {'0', 'f', 'false', 'off', 'n', 'no'}


def plan(calendar: Calendar, values: Mapping[str, Any], period: Period) -> Planned:
    """Hosts for the slots of a new reservation.

    :raises blazarclient.server.errors.NotEnoughHosts: when there is no room.
    """
    for name in _CHANGING:
        if name not in values:
            raise errors.Internal
    wanted = {name: values[name] for name in _CHANGING}
    found = _room(calendar, wanted, period, kept=[], but=None)
    reservation_id = str(uuid.uuid4())
    affinity = affinity_of(wanted['affinity'])
    return Planned(
        reservation_id,
        'virtual:instance',
        'host',
        {
            'vcpus': wanted['vcpus'],
            'memory_mb': wanted['memory_mb'],
            'disk_gb': wanted['disk_gb'],
            'amount': wanted['amount'],
            'affinity': affinity,
            'resource_properties': wanted['resource_properties'],
            'flavor_id': reservation_id,
            'aggregate_id': aggregate_id(reservation_id),
            'server_group_id': None if affinity is None else str(uuid.uuid4()),
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
    """Keep the slots that still fit; give up and add others.

    :raises blazarclient.server.errors.NotEnoughHosts: when there is no room.
    :raises blazarclient.server.errors.Refused: when an active reservation would lose a slot.
    """
    changed = {name: given[name] for name in _CHANGING if name in given}
    if not changed and before.start <= after.start and after.end <= before.end:
        change_holdings(calendar, reservation, after, added=[], removed=[])
        return
    active = reservation.status == 'active'
    if active and set(changed) - {'amount'}:
        raise errors.Conflict('An active reservation only accepts to update amount.')
    if reservation.status == 'error':
        raise errors.Conflict("An error reservation doesn't accept an updating request.")
    wanted = {name: reservation.parameters[name] for name in _CHANGING} | changed
    current = held_by(calendar, reservation)
    found = _room(calendar, wanted, after, kept=current, but=reservation.id)
    removed = [*(Counter(current) - Counter(found)).elements()]
    added = [*(Counter(found) - Counter(current)).elements()]
    if active and removed:
        raise errors.Refused(
            "Instance reservation doesn't allow to reduce/replace reserved instance slots when "
            'the reservation is in active status.',
            status=409,
        )
    change_holdings(calendar, reservation, after, added=added, removed=removed)
    if changed:
        reservation.change(**{**wanted, 'affinity': affinity_of(wanted['affinity'])})


def affinity_of(value: Any) -> bool | None:
    """Whether instances go on one host (True), on different ones (False), or anywhere (None).

    :raises blazarclient.server.errors.MalformedParameter: for anything else.
    """
    text = str(value).strip().lower()
    if value is None or text == 'none':
        return None
    if text not in _TRUE | _FALSE:
        raise errors.MalformedParameter('affinity (must be a bool value or None)')
    return text in _TRUE


def aggregate_id(reservation_id: str) -> int:
    """A number for the host aggregate that Nova would have for a reservation."""
    return zlib.crc32(reservation_id.encode()) % 2**31


def _room(
    calendar: Calendar,
    wanted: Mapping[str, Any],
    period: Period,
    *,
    kept: Sequence[str],
    but: str | None,
) -> Sequence[str]:
    sizes = [wanted[name] for name in ('vcpus', 'memory_mb', 'disk_gb', 'amount')]
    if any(not isinstance(each, int) or isinstance(each, bool) for each in sizes):
        raise errors.Internal
    text = wanted['resource_properties']
    conditions = filters.parse(text) if text else ()
    wide = calendar.with_margin(period)
    affinity = affinity_of(wanted['affinity'])
    if wanted['amount'] < 1:
        raise errors.InvalidInput('amount must be >= 1')
    if text is not None and not isinstance(text, str):
        raise errors.Internal
    return rules.instances_for(
        filters.matching(conditions, calendar.hosts),
        calendar.held('host', wide, but=but),
        wanted['amount'],
        rules.instance_usage(wanted['vcpus'], wanted['memory_mb'], wanted['disk_gb']),
        affinity,
        wide,
        kept,
    )
