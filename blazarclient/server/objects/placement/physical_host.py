"""``physical:host``: whole hosts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded import filters, rules
from blazarclient.server.backends.embedded.rules import HostView, Period
from blazarclient.server.objects.placement.calendar import Calendar, Planned
from blazarclient.server.objects.placement.held import change_holdings, held_by
from blazarclient.server.objects.reservation import Reservation

__all__ = ['plan', 'replan']

_BEFORE_END = ('', 'snapshot', 'default')
_CHANGING = ('min', 'max', 'hypervisor_properties', 'resource_properties')


def plan(calendar: Calendar, values: Mapping[str, Any], period: Period) -> Planned:
    """Hosts for a new reservation.

    :raises blazarclient.server.errors.NotEnoughHosts: when too few match and are free.
    """
    minimum, maximum = _range(values.get('min'), values.get('max'))
    for name in ('hypervisor_properties', 'resource_properties'):
        if name not in values:
            raise errors.MissingParameter(name)
    before_end = values.get('before_end', 'default')
    if before_end not in _BEFORE_END:
        raise errors.MalformedParameter('before_end')
    hosts = _matching(calendar, values['hypervisor_properties'], values['resource_properties'])
    wide = calendar.with_margin(period)
    found = rules.hosts_for(
        hosts, calendar.held('host', wide), calendar.never_held('host'), minimum, maximum, wide
    )
    if not found:
        raise errors.NotEnoughHosts
    return Planned(
        str(uuid.uuid4()),
        'physical:host',
        'host',
        {
            'hypervisor_properties': _stored(values['hypervisor_properties']),
            'resource_properties': _stored(values['resource_properties']),
            'before_end': before_end,
            'min': minimum,
            'max': maximum,
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
    """Keep the hosts that still match and are free; give up and add others.

    :raises blazarclient.server.errors.NotEnoughHosts: when there are too few, or when an active
        reservation would lose one.
    """
    changed = {name: given[name] for name in _CHANGING if name in given}
    current = held_by(calendar, reservation)
    if not changed and before.start <= after.start and after.end <= before.end:
        change_holdings(calendar, reservation, after, added=[], removed=[])
        return
    wanted = {**reservation.parameters, **changed}
    minimum, maximum = _range(wanted['min'], wanted['max'])
    hosts = _matching(calendar, wanted['hypervisor_properties'], wanted['resource_properties'])
    busy = {each.resource_id for each in calendar.held('host', after, but=reservation.id)}
    usable = {host.id for host in hosts} - busy
    kept = [each for each in current if each in usable][-maximum:]
    removed = [each for each in current if each not in kept]
    if removed and reservation.status == 'active':
        raise errors.NotEnoughHosts
    added = _more(calendar, reservation, hosts, minimum, maximum, kept, after)
    change_holdings(calendar, reservation, after, added=added, removed=removed)
    if changed:
        reservation.change(
            hypervisor_properties=_stored(wanted['hypervisor_properties']),
            resource_properties=_stored(wanted['resource_properties']),
            min=minimum,
            max=maximum,
        )


def _more(
    calendar: Calendar,
    reservation: Reservation,
    hosts: Sequence[HostView],
    minimum: int,
    maximum: int,
    kept: Sequence[str],
    period: Period,
) -> Sequence[str]:
    """Hosts to add to those that are kept."""
    lacking = max(minimum - len(kept), 0)
    room = maximum - len(kept)
    if room <= 0:
        return []
    wide = calendar.with_margin(period)
    found = rules.hosts_for(
        [host for host in hosts if host.id not in kept],
        calendar.held('host', wide, but=reservation.id),
        calendar.never_held('host'),
        lacking,
        room,
        wide,
    )
    if len(found) < lacking:
        raise errors.NotEnoughHosts
    return found


def _matching(calendar: Calendar, *texts: Any) -> Sequence[HostView]:
    hosts = calendar.hosts
    conditions = [each for text in texts if text for each in filters.parse(text)]
    return filters.matching(conditions, hosts)


def _stored(text: Any) -> str | None:
    """A filter as it is stored: Blazar fails to store one that is not a text."""
    if text is not None and not isinstance(text, str):
        raise errors.Internal
    return text


def _range(minimum: Any, maximum: Any) -> tuple[int, int]:
    for name, value in (('min', minimum), ('max', maximum)):
        if value is None:
            raise errors.MissingParameter(name)
        if isinstance(value, str) and value.strip().lstrip('-').isdecimal():
            # Blazar finds that it is like a number, and then compares it as one.
            raise errors.Internal
        if not isinstance(value, int) or isinstance(value, bool):
            raise errors.MalformedParameter(name)
    if minimum <= 0 or maximum <= 0:
        raise errors.MalformedParameter('min and max (must be greater than or equal to 1)')
    if maximum < minimum:
        raise errors.InvalidRange
    return minimum, maximum
