"""``virtual:floatingip``: which addresses a reservation gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from blazarclient.server import errors
from blazarclient.server.backends.embedded.rules.views import Held, Period, during

__all__ = ['floatingips_for']


def floatingips_for(
    addresses: Mapping[str, str],
    held: Iterable[Held],
    never_held: Collection[str],
    amount: int,
    required: Collection[str],
    period: Period,
) -> list[str]:
    """Choose floating IPs: those required, then those never held, then those held at other times.

    :param addresses: ID -> address of the network's floating IPs.
    :param never_held: IDs of floating IPs without any allocation, past or future.
    :param required: addresses that have to be among them.
    :returns: ``amount`` IDs.
    :raises blazarclient.server.errors.NotEnoughFloatingIPs: when a required address is not free,
        or too few are.
    """
    busy = {each.resource_id for each in during(held, period)}
    free = [key for key in addresses if key not in busy]
    chosen = [key for key in free if addresses[key] in required]
    if len(chosen) != len(required):
        raise errors.NotEnoughFloatingIPs
    others = [key for key in free if addresses[key] not in required]
    chosen += [key for key in others if key in never_held]
    chosen += [key for key in others if key not in never_held]
    if len(chosen) < amount:
        raise errors.NotEnoughFloatingIPs
    return chosen[:amount]
