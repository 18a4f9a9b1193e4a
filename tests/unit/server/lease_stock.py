"""Which hosts and addresses a lease gets, found by looking at every tick of its period.

A tick is five minutes. This knows nothing of the service's code; where Blazar has a choice (which
host to take first) it makes the same one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

__all__ = [
    'ADDRESS',
    'FLAVOR',
    'HOST',
    'INSTANCE',
    'Host',
    'Refusal',
    'Reservation',
    'Slot',
    'Stock',
    'is_free',
]

HOST, INSTANCE, FLAVOR, ADDRESS = (
    'physical:host',
    'virtual:instance',
    'flavor:instance',
    'virtual:floatingip',
)
SIZES = ('vcpus', 'memory_mb', 'disk_gb')


class Refusal(Exception):
    """The service has to say no.

    :param status: with which status.
    :param fatal: whether a lease that was to change is in ERROR afterwards.
    """

    def __init__(self, status: int, *, fatal: bool = False) -> None:
        super().__init__(f'{status}{" and ERROR" if fatal else ""}')
        self.status = status
        self.fatal = fatal


@dataclasses.dataclass
class Host:
    """A host; memory in MiB, disk in GiB."""

    id: str
    vcpus: int
    memory_mb: int
    disk_gb: int
    gpu: str | None = None


@dataclasses.dataclass
class Reservation:
    """A reservation, and the host or address of each of its slots."""

    kind: str
    wanted: dict[str, Any]
    id: str = ''
    held: list[str] = dataclasses.field(default_factory=list)
    status: str = 'pending'


@dataclasses.dataclass(frozen=True)
class Slot:
    """A resource that is held for some time."""

    reservation: Reservation
    resource: str
    start: int
    end: int


class Stock:
    """The hosts and addresses that there are.

    :param margin: ticks for which a host stays empty between two leases.
    """

    def __init__(self, margin: int) -> None:
        self.margin = margin
        self.hosts: dict[str, Host] = {}
        #: ID -> address, in the order in which they are looked at.
        self.addresses: dict[str, str] = {}

    def choose(
        self, reservation: Reservation, start: int, end: int, held: Sequence[Slot]
    ) -> list[str]:
        """The resource of each slot of a new reservation.

        :param held: everything that is held at any time.
        """
        wanted = reservation.wanted
        if reservation.kind == HOST:
            if wanted['max'] < wanted['min']:
                raise Refusal(400)
            matching = self.matching(wanted, fatal=False)
            return self.free_hosts(matching, wanted['min'], wanted['max'], start, end, held)
        if reservation.kind == INSTANCE:
            return self.instances(reservation, start, end, held, kept=())
        if reservation.kind == FLAVOR:
            return self._flavors(reservation, start, end, held)
        if len(wanted['required_floatingips']) > wanted['amount']:
            raise Refusal(400)
        return self.free_addresses(
            [*self.addresses],
            wanted['required_floatingips'],
            wanted['amount'],
            start,
            end,
            held,
            fatal=False,
        )

    def matching(self, wanted: Mapping[str, Any], *, fatal: bool) -> list[str]:
        """The hosts that a filter lets through."""
        if wanted.get('max', 1) < wanted.get('min', 1):
            raise Refusal(400)
        hosts = [*self.hosts.values()]
        if wanted['at_least']:
            hosts = [host for host in hosts if host.vcpus >= wanted['at_least']]
        if wanted['gpu']:
            if not any(host.gpu for host in self.hosts.values()):
                # No host has ever been said to have one.
                raise Refusal(500, fatal=fatal)
            hosts = [host for host in hosts if host.gpu == 'True']
        return sorted((host.id for host in hosts), key=int)

    def free_hosts(
        self,
        candidates: Sequence[str],
        minimum: int,
        maximum: int,
        start: int,
        end: int,
        held: Sequence[Slot],
    ) -> list[str]:
        """Hosts that are free: those that are never held if they suffice, else those last."""
        first, last = start - self.margin, end + self.margin
        free = [each for each in candidates if is_free(each, held, first, last)]
        used = {slot.resource for slot in held}
        fresh = [each for each in free if each not in used]
        if len(fresh) >= minimum:
            return fresh[:maximum]
        if len(free) < minimum:
            raise Refusal(500)
        return sorted(free, key=lambda each: each in fresh)[:maximum]

    def instances(
        self,
        reservation: Reservation,
        start: int,
        end: int,
        held: Sequence[Slot],
        kept: Sequence[str],
    ) -> list[str]:
        """The host of each slot: those that it has, then those in use, then the others."""
        wanted = reservation.wanted
        amount: int = wanted['amount']
        affinity: bool | None = wanted['affinity']
        first, last = start - self.margin, end + self.margin
        there = {
            each: list(_during(each, held, first, last))
            for each in self.matching(wanted, fatal=True)
        }
        shared = [
            each for each in there if not any(s.reservation.kind == HOST for s in there[each])
        ]
        # Hosts with reservations first.
        shared.sort(key=lambda each: not there[each])
        rooms = {
            each: _room(_sizes(self.hosts[each]), there[each], wanted, range(first, last))
            for each in shared
        }
        if affinity:
            able = [each for each in shared if rooms[each] >= amount]
            chosen = [*(each for each in kept if each in able), *able][:1] * amount
        elif affinity is False:
            able = [each for each in shared if rooms[each] >= 1]
            chosen = [*dict.fromkeys([*(each for each in kept if each in able), *able])]
        else:
            stay = {each: min(rooms[each], [*kept].count(each)) for each in shared}
            chosen = [each for each in shared for _ in range(stay[each])]
            chosen += [each for each in shared for _ in range(rooms[each] - stay[each])]
        if len(chosen) < amount:
            raise Refusal(500)
        return chosen[:amount]

    def _flavors(
        self, reservation: Reservation, start: int, end: int, held: Sequence[Slot]
    ) -> list[str]:
        first, last = start - self.margin, end + self.margin
        there = {
            each: list(_during(each, held, first, last)) for each in sorted(self.hosts, key=int)
        }
        shared = [
            each for each in there if not any(s.reservation.kind == HOST for s in there[each])
        ]
        if any(slot.reservation.kind == INSTANCE for each in shared for slot in there[each]):
            raise Refusal(409)
        shared.sort(key=lambda each: not there[each])
        chosen: list[str] = []
        for each in shared:
            host, wanted = self.hosts[each], reservation.wanted
            limits = (host.vcpus * 4, host.memory_mb - 512, host.disk_gb)
            if any(wanted[name] > size for name, size in zip(SIZES, _sizes(host), strict=True)):
                continue
            chosen += [each] * _room(limits, there[each], wanted, range(first, last))
        if len(chosen) < reservation.wanted['amount']:
            raise Refusal(500)
        return chosen[: reservation.wanted['amount']]

    def free_addresses(
        self,
        candidates: Sequence[str],
        required: Sequence[str],
        amount: int,
        start: int,
        end: int,
        held: Sequence[Slot],
        *,
        fatal: bool,
    ) -> list[str]:
        """Addresses that are free: those that are required, then those that are never held."""
        first, last = start - self.margin, end + self.margin
        free = [each for each in candidates if is_free(each, held, first, last)]
        needed = [each for each in free if self.addresses[each] in required]
        used = {slot.resource for slot in held}
        rest = sorted((each for each in free if each not in needed), key=lambda each: each in used)
        if len(needed) < len(required) or len(free) < amount:
            raise Refusal(400, fatal=fatal)
        return [*needed, *rest][:amount]


def is_free(resource: str, held: Iterable[Slot], start: int, end: int) -> bool:
    """Whether nothing holds a resource in any tick of a period."""
    return not any(_during(resource, held, start, end))


def _during(resource: str, held: Iterable[Slot], start: int, end: int) -> Iterator[Slot]:
    """What holds a resource in one tick of a period or another."""
    ticks = range(start, end)
    for slot in held:
        if slot.resource == resource and any(slot.start <= tick < slot.end for tick in ticks):
            yield slot


def _room(
    limits: Sequence[int], slots: Sequence[Slot], wanted: Mapping[str, Any], ticks: range
) -> int:
    """For how many instances a host has room in every tick."""
    rooms: list[int] = []
    for limit, name in zip(limits, SIZES, strict=True):
        used = [
            sum(slot.reservation.wanted[name] for slot in slots if slot.start <= tick < slot.end)
            for tick in ticks
        ]
        rooms.append((limit - max(used, default=0)) // wanted[name])
    return max(min(rooms), 0)


def _sizes(host: Host) -> tuple[int, int, int]:
    return host.vcpus, host.memory_mb, host.disk_gb
