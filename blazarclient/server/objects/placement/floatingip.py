"""``virtual:floatingip``: addresses of a network."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Period
from blazarclient.server.objects.placement.calendar import Calendar, Planned
from blazarclient.server.objects.placement.held import change_holdings, held_by
from blazarclient.server.objects.reservation import Reservation
from blazarclient.server.store import floatingips

__all__ = ['plan', 'replan']


def plan(calendar: Calendar, values: Mapping[str, Any], period: Period) -> Planned:
    """Addresses for a new reservation.

    :raises blazarclient.server.errors.NotEnoughFloatingIPs: when too few are free.
    """
    for name in ('network_id', 'amount'):
        if name not in values:
            raise errors.MissingParameter(name)
    if not isinstance(values['network_id'], str):
        raise errors.Internal
    amount = _amount(values['amount'])
    required = _addresses(values.get('required_floatingips', []))
    _check_amount(required, amount)
    found = _free(calendar, values['network_id'], amount, required, period)
    return Planned(
        str(uuid.uuid4()),
        'virtual:floatingip',
        'floatingip',
        {
            'network_id': values['network_id'],
            'amount': amount,
            'required_floatingips': required,
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
    """Keep the addresses that are free; give up and add others.

    :raises blazarclient.server.errors.InvalidInput: for more required addresses than there
        shall be.
    :raises blazarclient.server.errors.FloatingIPUpdateRefused: for another network, for required
        addresses, or when an active reservation would lose an address.
    """
    if given.get('network_id', reservation.network_id) != reservation.network_id:
        raise errors.FloatingIPUpdateRefused('Updating network_id is not supported')
    required = given.get('required_floatingips', reservation.required_floatingips)
    if required not in (reservation.required_floatingips, []):
        raise errors.FloatingIPUpdateRefused(
            'Updating required_floatingips is not supported except with an empty list'
        )
    amount = _amount(given.get('amount', reservation.amount))
    _check_amount(required, amount)
    current = held_by(calendar, reservation)
    busy = {each.resource_id for each in calendar.held('floatingip', after, but=reservation.id)}
    free = [each for each in current if each not in busy]
    addresses = _of_network(calendar, reservation.network_id)
    # Blazar gives up the first ones, even if they are required.
    kept = [each for each in free if addresses.get(each) in required]
    kept += [each for each in free if each not in kept][max(len(free) - amount, 0) :]
    removed = [each for each in current if each not in kept]
    if removed and reservation.status == 'active':
        raise errors.FloatingIPUpdateRefused('Cannot remove allocations from an active reservation')
    added: Sequence[str] = []
    have = {addresses[each] for each in kept if each in addresses}
    lacking = [each for each in required if each not in have]
    if lacking or len(kept) < amount:
        wide = calendar.with_margin(after)
        added = rules.floatingips_for(
            {key: value for key, value in addresses.items() if key not in kept},
            calendar.held('floatingip', wide, but=reservation.id),
            calendar.never_held('floatingip'),
            amount - len(kept),
            lacking,
            wide,
        )
    change_holdings(calendar, reservation, after, added=added, removed=removed)
    if 'amount' in given or 'required_floatingips' in given:
        reservation.change(amount=amount, required_floatingips=required)


def _free(
    calendar: Calendar,
    network_id: Any,
    amount: int,
    required: Sequence[str],
    period: Period,
) -> Sequence[str]:
    wide = calendar.with_margin(period)
    return rules.floatingips_for(
        _of_network(calendar, network_id),
        calendar.held('floatingip', wide),
        calendar.never_held('floatingip'),
        amount,
        required,
        wide,
    )


def _of_network(calendar: Calendar, network_id: Any) -> dict[str, str]:
    """ID -> address of what can be reserved in a network."""
    return {
        row['id']: row['floating_ip_address']
        for row in floatingips.floatingips(calendar.connection)
        if row['reservable'] and row['floating_network_id'] == network_id
    }


def _amount(value: Any) -> int:
    try:
        amount = int(str(value))
    except ValueError:
        raise errors.MalformedParameter('amount') from None
    if amount < 1:
        raise errors.InvalidInput('amount must be >= 1')
    return amount


def _check_amount(required: Sequence[str], amount: int) -> None:
    if len(required) > amount:
        raise errors.InvalidInput(
            'Invalid values for required_floatingips and amount. The amount must be equal to or '
            'longer than length of required_floatingips.'
        )


def _addresses(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise errors.Internal
    for each in value:
        try:
            ipaddress.ip_address(each)
        except ValueError:
            raise errors.InvalidInput(f'IP address {each} is invalid form.') from None
    return value
