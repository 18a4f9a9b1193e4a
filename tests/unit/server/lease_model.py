"""What a reservation service has to do, as a model that a reader can check by looking.

Times are ticks of five minutes. It knows nothing of the service's code.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.unit.server.lease_stock import (
    ADDRESS,
    FLAVOR,
    HOST,
    INSTANCE,
    Refusal,
    Reservation,
    Slot,
    Stock,
    is_free,
)

__all__ = ['Lease', 'Model']


@dataclasses.dataclass
class Lease:
    """A lease; times are ticks, and at ``end`` it holds nothing any more."""

    start: int
    end: int
    reservations: list[Reservation]
    id: str = ''
    owner: str = ''
    status: str = 'PENDING'
    #: UNDONE, DONE, or ERROR for a lease that could not start.
    started: str = 'UNDONE'
    ended: bool = False

    def settle(self) -> None:
        """Be in the state that events and reservations make."""
        states = {
            ('UNDONE', False): ('PENDING', 'pending'),
            ('DONE', False): ('ACTIVE', 'active'),
            ('DONE', True): ('TERMINATED', 'deleted'),
        }
        status, expected = states.get((self.started, self.ended), ('ERROR', ''))
        fitting = all(each.status == expected for each in self.reservations)
        self.status = status if fitting else 'ERROR'


class Model:
    """Hosts, addresses, leases and the time.

    :param margin: ticks for which a host stays empty between two leases.
    """

    def __init__(self, margin: int) -> None:
        self.stock = Stock(margin)
        self.now = 0
        self.leases: dict[str, Lease] = {}

    # ---------------------------------------------------------------- what there is

    def slots(self) -> Iterator[Slot]:
        """Everything that is held at any time."""
        for lease in self.leases.values():
            for reservation in lease.reservations:
                for resource in reservation.held:
                    yield Slot(reservation, resource, lease.start, lease.end)

    def holds(self, resource: str) -> bool:
        """Whether anything holds a host or an address at any time."""
        return any(slot.resource == resource for slot in self.slots())

    # --------------------------------------------------------------------- requests

    def create(self, lease: Lease, before_end: int | None) -> None:
        """Make a lease; it gets its IDs from whoever calls.

        :param before_end: when to warn, None for whenever.
        """
        if lease.start < self.now or lease.end <= lease.start:
            raise Refusal(400)
        planned: list[Slot] = []
        for reservation in lease.reservations:
            reservation.held = self.stock.choose(
                reservation, lease.start, lease.end, [*self.slots(), *planned]
            )
            planned += [
                Slot(reservation, each, lease.start, lease.end) for each in reservation.held
            ]
        if before_end is not None and not lease.start < before_end < lease.end:
            raise Refusal(403)

    def update(
        self,
        lease: Lease,
        start: int | None,
        end: int | None,
        before_end: int | None,
        given: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Change a lease; on a refusal it is as it was, but for ERROR.

        :param given: reservation ID -> what changes of it; None for what does not.
        """
        first = lease.start if start is None else start
        last = lease.end if end is None else end
        try:
            changed = self._changed(lease, first, last, before_end, given)
        except Refusal as refusal:
            if refusal.fatal:
                lease.status = 'ERROR'
            raise
        lease.start, lease.end, lease.reservations = first, last, changed
        lease.settle()

    def delete(self, lease: Lease) -> None:
        """Forget a lease and what it holds."""
        del self.leases[lease.id]

    def work(self) -> None:
        """Start and end what is due."""
        for lease in self.leases.values():
            if lease.started == 'UNDONE' and lease.start <= self.now:
                if lease.status == 'ERROR':
                    # It cannot start, but it still ends.
                    lease.started = 'ERROR'
                else:
                    lease.started = 'DONE'
                    for reservation in lease.reservations:
                        reservation.status = 'active'
                    lease.settle()
            if not lease.ended and lease.started != 'UNDONE' and lease.end <= self.now:
                lease.ended = True
                for reservation in lease.reservations:
                    reservation.status = 'deleted'
                    if reservation.kind != ADDRESS:
                        reservation.held = []
                lease.settle()

    # ---------------------------------------------------------------------- changes

    def _changed(
        self,
        lease: Lease,
        start: int,
        end: int,
        before_end: int | None,
        given: Mapping[str, Mapping[str, Any]],
    ) -> list[Reservation]:
        moved = start != lease.start
        if (
            (moved and (lease.start < self.now or lease.started != 'UNDONE'))
            or (lease.start > self.now > start)
            or lease.end < self.now
            or lease.ended
            or end < self.now
            or end < start
        ):
            raise Refusal(400)
        if before_end is not None and not start < before_end < end:
            raise Refusal(403, fatal=True)
        if any(each.kind == FLAVOR for each in lease.reservations if each.id in given):
            raise Refusal(409, fatal=True)
        after: list[Reservation] = []
        waiting = [*lease.reservations]
        while waiting:
            reservation = waiting.pop(0)
            # The others of this lease: some at their new times already, some not yet.
            others = [slot for slot in self.slots() if slot.reservation not in lease.reservations]
            others += [Slot(each, one, start, end) for each in after for one in each.held]
            others += [
                Slot(each, one, lease.start, lease.end) for each in waiting for one in each.held
            ]
            new = self._replanned(lease, reservation, start, end, others, given)
            after.append(new)
        return after

    def _replanned(
        self,
        lease: Lease,
        old: Reservation,
        start: int,
        end: int,
        others: Sequence[Slot],
        given: Mapping[str, Mapping[str, Any]],
    ) -> Reservation:
        if old.status == 'deleted':
            return old
        if old.kind == FLAVOR:
            raise Refusal(404, fatal=True)
        changes = given.get(old.id, {})
        new = dataclasses.replace(old, wanted={**old.wanted, **changes})
        longer = start < lease.start or end > lease.end
        active = old.status == 'active'
        if old.kind != ADDRESS and not changes and not longer:
            return new
        if old.kind == HOST:
            new.held = self._other_hosts(old, new, start, end, others, active=active)
        elif old.kind == INSTANCE:
            if active and set(changes) - {'amount'}:
                raise Refusal(409, fatal=True)
            new.held = self.stock.instances(new, start, end, others, kept=old.held)
            if active and Counter(old.held) - Counter(new.held):
                raise Refusal(409)
        else:
            new.held = self._other_addresses(old, new, start, end, others, active=active)
        return new

    def _other_hosts(
        self,
        old: Reservation,
        new: Reservation,
        start: int,
        end: int,
        others: Sequence[Slot],
        *,
        active: bool,
    ) -> list[str]:
        matching = self.stock.matching(new.wanted, fatal=True)
        free = [each for each in old.held if each in matching and is_free(each, others, start, end)]
        kept = free[-new.wanted['max'] :]
        if active and set(old.held) - set(kept):
            raise Refusal(500)
        lacking = max(new.wanted['min'] - len(kept), 0)
        room = new.wanted['max'] - len(kept)
        more: list[str] = []
        if room:
            # What this reservation has now does not count as never held.
            mine = [Slot(old, each, -9, -8) for each in old.held]
            candidates = [each for each in matching if each not in kept]
            more = self.stock.free_hosts(candidates, lacking, room, start, end, [*others, *mine])
        return [*kept, *more]

    def _other_addresses(
        self,
        old: Reservation,
        new: Reservation,
        start: int,
        end: int,
        others: Sequence[Slot],
        *,
        active: bool,
    ) -> list[str]:
        required, amount = new.wanted['required_floatingips'], new.wanted['amount']
        if required not in (old.wanted['required_floatingips'], []):
            raise Refusal(400, fatal=True)
        if len(required) > amount:
            raise Refusal(400)
        free = [each for each in old.held if is_free(each, others, start, end)]
        needed = [each for each in free if self.stock.addresses[each] in required]
        rest = [each for each in free if each not in needed]
        kept = [*needed, *rest[max(len(free) - amount, 0) :]]
        if active and set(old.held) - set(kept):
            raise Refusal(400, fatal=True)
        have = {self.stock.addresses[each] for each in kept}
        mine = [Slot(old, each, -9, -8) for each in old.held]
        more = self.stock.free_addresses(
            [each for each in self.stock.addresses if each not in kept],
            [each for each in required if each not in have],
            amount - len(kept),
            start,
            end,
            [*others, *mine],
            fatal=True,
        )
        return [*kept, *more]
