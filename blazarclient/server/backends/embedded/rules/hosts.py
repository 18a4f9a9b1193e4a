"""``physical:host``: which whole hosts a reservation gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from blazarclient.server.backends.embedded.rules.views import (
    Held,
    HostView,
    Period,
    by_number,
    during,
)

__all__ = ['hosts_for']


def hosts_for(
    hosts: Iterable[HostView],
    held: Iterable[Held],
    never_held: Collection[str],
    minimum: int,
    maximum: int,
    period: Period,
) -> list[str]:
    """Choose hosts in Blazar's order of preference.

    Where enough hosts have never been held, only those are taken. Else those that are held at
    other times come first, so that the others stay whole for as long as they can.

    :param hosts: those that match the filters.
    :param never_held: IDs of hosts without any allocation, past or future.
    :param minimum: how many are needed.
    :param maximum: how many are wanted.
    :returns: IDs of hosts; none when fewer than ``minimum`` are free.
    """
    busy = {each.resource_id for each in during(held, period)}
    free = [host.id for host in by_number(hosts) if host.id not in busy]
    fresh = [host_id for host_id in free if host_id in never_held]
    if len(fresh) >= minimum:
        return fresh[:maximum]
    if len(free) < minimum:
        return []
    return [*(each for each in free if each not in never_held), *fresh][:maximum]
