"""``virtual:instance`` and ``flavor:instance``: on which hosts there is room for instances.

Every slot of every reservation counts with what it uses at the busiest moment of the period.
Blazar forgets slots beyond the first of a host for ``virtual:instance``, and counts moments
outside the period; here a host is never filled above its capacity, nor refused while it has room.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded.rules.views import (
    Held,
    HostView,
    Period,
    by_number,
    during,
)

__all__ = ['flavor_slots_for', 'flavor_usage', 'instance_usage', 'instances_for', 'peak']

#: A host, and for how many more slots it has room.
_Room = tuple[str, int]


def instances_for(
    hosts: Iterable[HostView],
    held: Iterable[Held],
    amount: int,
    usage: Mapping[str, int],
    affinity: bool | None,
    period: Period,
    kept: Sequence[str] = (),
) -> list[str]:
    """Choose the host of each slot of a ``virtual:instance`` reservation.

    Hosts that are kept come first, then those with reservations, then the free ones; a host that
    is held whole is none of them.

    :param hosts: those that match the filters.
    :param usage: what one slot uses, as :func:`instance_usage` says.
    :param affinity: True for all slots on one host, False for each on another, None for any.
    :param kept: the hosts that the reservation has now.
    :returns: ``amount`` IDs of hosts.
    :raises blazarclient.server.errors.NotEnoughHosts: when there is no room.
    """
    rooms = _rooms(hosts, held, amount, usage, period, _by_size)
    if affinity:
        able = [host_id for host_id, slots in rooms if slots >= amount]
        chosen = [*(each for each in kept if each in able), *able][:1] * amount
    elif affinity is False:
        able = [host_id for host_id, _ in rooms]
        chosen = list(dict.fromkeys([*(each for each in kept if each in able), *able]))
    else:
        before = Counter(kept)
        staying = [(key, min(slots, before[key])) for key, slots in rooms]
        more = [(key, slots - min(slots, before[key])) for key, slots in rooms]
        chosen = _slots([*staying, *more], amount)
    if len(chosen) < amount:
        raise errors.NotEnoughHosts
    return chosen[:amount]


def flavor_slots_for(
    hosts: Iterable[HostView],
    held: Iterable[Held],
    amount: int,
    usage: Mapping[str, int],
    period: Period,
) -> list[str]:
    """Choose the host of each slot of a ``flavor:instance`` reservation.

    :param usage: what one slot uses, as :func:`flavor_usage` says.
    :returns: ``amount`` IDs of hosts.
    :raises blazarclient.server.errors.Conflict: when a host has ``virtual:instance``
        reservations too, as Blazar cannot count those.
    :raises blazarclient.server.errors.NotEnoughHosts: when there is no room.
    """
    hosts, held = by_number(hosts), during(held, period)
    whole = {each.resource_id for each in held if each.resource_type == 'physical:host'}
    shared = {host.id for host in hosts} - whole
    if any(
        each.resource_type == 'virtual:instance' and each.resource_id in shared for each in held
    ):
        raise errors.Conflict('Conflicting reservation types found')
    chosen = _slots(_rooms(hosts, held, amount, usage, period, _by_inventory), amount)
    if len(chosen) < amount:
        raise errors.NotEnoughHosts
    return chosen


def instance_usage(vcpus: int, memory_mb: int, disk_gb: int) -> dict[str, int]:
    """What one slot of a ``virtual:instance`` reservation uses, by resource class.

    :raises blazarclient.server.errors.InvalidInput: for a size below 0, or none at all.
    """
    sizes = {'vcpus': vcpus, 'memory_mb': memory_mb, 'disk_gb': disk_gb}
    for name, size in sizes.items():
        if size < 0:
            raise errors.InvalidInput(f'{name} must be >= 0')
    # Blazar would count slots for ever.
    if not any(sizes.values()):
        raise errors.InvalidInput('One of vcpus, memory_mb and disk_gb must be > 0')
    return {'VCPU': vcpus, 'MEMORY_MB': memory_mb, 'DISK_GB': disk_gb}


def flavor_usage(flavor: Mapping[str, Any]) -> dict[str, int]:
    """What one instance of a flavor uses, by resource class.

    A trait that the flavor requires counts as a resource: no host of this backend has any.

    :param flavor: as Nova shows it, with ``extra_specs``.
    :raises blazarclient.server.errors.InvalidInput: for extra specs that are wrong.
    """
    specs: Mapping[str, str] = flavor['extra_specs']
    dedicated = specs.get('hw:cpu_policy') == 'dedicated'
    usage = {
        'VCPU': 0 if dedicated else int(flavor['vcpus']),
        'MEMORY_MB': int(flavor['ram']),
        'DISK_GB': int(flavor['disk']) + int(flavor['OS-FLV-EXT-DATA:ephemeral']),
    }
    if dedicated:
        usage['PCPU'] = int(flavor['vcpus'])
    for key, value in specs.items():
        kind, _, name = key.partition(':')
        if kind == 'trait':
            if value not in {'required', 'forbidden'}:
                raise errors.InvalidInput(f'Invalid value for trait {name}')
            if value == 'required':
                usage[key] = 1
        elif kind == 'resources':
            try:
                usage[name] = int(value)
            except ValueError:
                raise errors.Internal from None
    if min(usage.values()) < 0 or not any(usage.values()):
        raise errors.InvalidInput(f'Flavor {flavor.get("id")} uses nothing, or less')
    return usage


def peak(held: Iterable[Held], period: Period) -> dict[str, int]:
    """How much of each resource class is used at its busiest moment in a period."""
    changes: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for each in during(held, period):
        changes[max(each.period.start, period.start)].update(each.usage)
        changes[each.period.end].subtract(each.usage)
    used: Counter[str] = Counter()
    most: dict[str, int] = {}
    for moment in sorted(changes):
        if moment >= period.end:
            break
        used.update(changes[moment])
        for resource_class, amount in used.items():
            most[resource_class] = max(most.get(resource_class, 0), amount)
    return most


def _rooms(
    hosts: Iterable[HostView],
    held: Iterable[Held],
    amount: int,
    usage: Mapping[str, int],
    period: Period,
    limit: Callable[[HostView, Mapping[str, int], Mapping[str, int]], int],
) -> list[_Room]:
    """The hosts with room for at least one slot, those with reservations first.

    :param limit: how many slots a host has room for, given what is used at most and one slot's
        use.
    """
    on_host: defaultdict[str, list[Held]] = defaultdict(list)
    for each in during(held, period):
        on_host[each.resource_id].append(each)
    hosts = by_number(hosts)
    ordered = [host for host in hosts if host.id in on_host]
    ordered += [host for host in hosts if host.id not in on_host]
    rooms = []
    for host in ordered:
        holdings = on_host.get(host.id, [])
        if any(each.resource_type == 'physical:host' for each in holdings):
            continue
        slots = min(limit(host, peak(holdings, period), usage), amount)
        if slots > 0:
            rooms.append((host.id, slots))
    return rooms


def _by_size(host: HostView, used: Mapping[str, int], usage: Mapping[str, int]) -> int:
    """Slots of ``virtual:instance``: what the host is made of is all there is."""
    classes = {'vcpus': ('VCPU', 'PCPU'), 'memory_mb': ('MEMORY_MB',), 'local_gb': ('DISK_GB',)}
    rooms = []
    for column, names in classes.items():
        total = host.columns[column]
        wanted = sum(usage.get(name, 0) for name in names)
        if wanted and isinstance(total, int):
            rooms.append((total - sum(used.get(name, 0) for name in names)) // wanted)
    return min(rooms)


def _by_inventory(host: HostView, used: Mapping[str, int], usage: Mapping[str, int]) -> int:
    """Slots of ``flavor:instance``: what Placement says that can be allocated."""
    rooms = []
    for name, wanted in usage.items():
        if not wanted:
            continue
        total = host.inventory.get(name, 0)
        if wanted > host.largest.get(name, total):
            return 0
        rooms.append((total - used.get(name, 0)) // wanted)
    return min(rooms)


def _slots(rooms: Iterable[_Room], amount: int) -> list[str]:
    """The host of each slot, and no more of them than are wanted."""
    chosen: list[str] = []
    for host_id, slots in rooms:
        chosen += [host_id] * min(slots, amount - len(chosen))
    return chosen
