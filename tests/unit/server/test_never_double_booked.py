"""Random requests, the time going on and hosts coming and going: no lease loses what it holds.

A hypothesis state machine sends what users and administrators send, through the front door. A
model that is written independently says what has to come of it (:mod:`lease_model`), and after
each step everything that is held is checked by brute force (:mod:`tests.whole_calendar`).
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from blazarclient.server.config import Settings
from tests.faults import FULL
from tests.front_door import BEGIN, Answer, FrontDoor, Machine, wire
from tests.unit.server.lease_model import Lease, Model
from tests.unit.server.lease_requests import (
    ADDRESSES,
    MACHINES,
    addresses,
    body,
    flavors,
    hosts,
    instances,
)
from tests.unit.server.lease_stock import (
    ADDRESS,
    FLAVOR,
    HOST,
    INSTANCE,
    Host,
    Refusal,
    Reservation,
)
from tests.whole_calendar import Calendar

TICK = timedelta(minutes=5)
#: Each run begins with an empty calendar. At least so many operations are asked for.
STEPS = 100
RUNS, OPERATIONS = (130, 10_000) if FULL else (18, 1_400)

#: Ticks from now to the start of a lease, and from there to its end.
STARTS, LENGTHS = st.integers(0, 8), st.integers(1, 6)


class Service(RuleBasedStateMachine):
    """A service and the model of it, which are asked for the same."""

    #: What was done in all runs, and how it ended.
    done: ClassVar[Counter[str]] = Counter()

    @initialize(margin=st.sampled_from([0, 0, 1]))
    def begin(self, margin: int) -> None:
        # The order of IDs decides which address is taken first: a run has to have the same ones
        # when it is repeated.
        numbers = random.Random(0)
        self.ids = mock.patch(
            'uuid.uuid4', side_effect=lambda: uuid.UUID(int=numbers.getrandbits(128))
        )
        self.ids.start()
        self.door = FrontDoor(settings=Settings(cleaning_time=5 * margin))
        self.door.surround(MACHINES)
        self.model = Model(margin)
        for machine in MACHINES:
            self.toggle_host(machine)
        for number in ADDRESSES:
            self.toggle_address(number)

    def teardown(self) -> None:
        if hasattr(self, 'door'):
            self.door.close()
            self.ids.stop()

    # ------------------------------------------------------------------- users

    @rule(start=STARTS, length=LENGTHS, wanted=st.lists(hosts(), min_size=1, max_size=2))
    def create_of_hosts(self, start: int, length: int, wanted: list[Reservation]) -> None:
        self._create('alice', start, length, wanted)

    @rule(start=STARTS, length=LENGTHS, wanted=st.lists(instances(), min_size=1, max_size=2))
    def create_of_instances(self, start: int, length: int, wanted: list[Reservation]) -> None:
        self._create('bob', start, length, wanted)

    @rule(start=STARTS, length=LENGTHS, wanted=st.lists(flavors(), min_size=1, max_size=2))
    def create_of_flavors(self, start: int, length: int, wanted: list[Reservation]) -> None:
        self._create('alice', start, length, wanted)

    @rule(start=STARTS, length=LENGTHS, wanted=st.lists(addresses(), min_size=1, max_size=2))
    def create_of_addresses(self, start: int, length: int, wanted: list[Reservation]) -> None:
        self._create('bob', start, length, wanted)

    @rule(
        start=st.integers(-1, 6),
        length=st.integers(0, 8),
        wanted=st.lists(
            st.one_of(hosts(), instances(), flavors(), addresses()), min_size=1, max_size=3
        ),
        before_end=st.one_of(st.none(), st.integers(-1, 9)),
    )
    def create_of_any(
        self, start: int, length: int, wanted: list[Reservation], before_end: int | None
    ) -> None:
        self._create('alice', start, length, wanted, before_end)

    def _create(
        self,
        owner: str,
        start: int,
        length: int,
        wanted: list[Reservation],
        before_end: int | None = None,
    ) -> None:
        first = self.model.now + start
        lease = Lease(first, first + length, wanted, owner=owner)
        warning = None if before_end is None else first + before_end
        values = {
            'name': 'lease',
            'start_date': 'now' if start == 0 else self._wire(first),
            'end_date': self._wire(lease.end),
            'reservations': [body(each) for each in wanted],
            **({} if warning is None else {'before_end_date': self._wire(warning)}),
        }
        answer = self._call(owner, 'POST', '/leases', values)
        refusal = _refusal(lambda: self.model.create(lease, warning))
        if refusal:
            # A request may be wrong in two ways; which one is told is not what this test is for.
            assert answer.status in {refusal.status, 400, 403}, answer
            return
        assert answer.status == 201, answer
        made = answer.body['lease']
        lease.id = made['id']
        for mine, theirs in zip(lease.reservations, made['reservations'], strict=True):
            mine.id = theirs['id']
        self.model.leases[lease.id] = lease

    @precondition(lambda self: self.model.leases)
    @rule(data=st.data(), end=st.integers(-6, 8))
    def update_end(self, data: st.DataObject, end: int) -> None:
        self._update(data, None, end, None, some=False)

    @precondition(lambda self: self.model.leases)
    @rule(data=st.data(), by=st.integers(-4, 6))
    def move(self, data: st.DataObject, by: int) -> None:
        self._update(data, by, by, None, some=False)

    @precondition(lambda self: self.model.leases)
    @rule(data=st.data())
    def update_reservations(self, data: st.DataObject) -> None:
        self._update(data, None, None, None, some=True)

    @precondition(lambda self: self.model.leases)
    @rule(
        data=st.data(),
        start=st.one_of(st.none(), st.integers(-4, 4)),
        end=st.one_of(st.none(), st.integers(-6, 8)),
        before_end=st.one_of(st.none(), st.none(), st.integers(-1, 9)),
    )
    def update_any(
        self, data: st.DataObject, start: int | None, end: int | None, before_end: int | None
    ) -> None:
        self._update(data, start, end, before_end, some=data.draw(st.booleans()))

    def _update(
        self,
        data: st.DataObject,
        start: int | None,
        end: int | None,
        before_end: int | None,
        *,
        some: bool,
    ) -> None:
        """Ask for a change.

        :param start: ticks by which the start moves; so is ``end``.
        :param before_end: ticks after the start.
        :param some: whether reservations change, too.
        """
        lease = self._some_lease(data)
        first = None if start is None else lease.start + start
        last = None if end is None else lease.end + end
        # Nobody can ask for a lease of no length, but a lease can be made one.
        begins = lease.start if first is None else first
        if (lease.end if last is None else last) == begins:
            last = begins + 1
        warning = None if before_end is None else begins + before_end
        given, sent = self._changes(data, lease) if some else ({}, [])
        values: dict[str, Any] = {
            key: self._wire(tick)
            for key, tick in (
                ('start_date', first),
                ('end_date', last),
                ('before_end_date', warning),
            )
            if tick is not None
        }
        if sent:
            values['reservations'] = sent
        if not values:
            values = {'name': 'renamed'}
        answer = self._call(lease.owner, 'PUT', f'/leases/{lease.id}', values)
        if 'name' in values:
            assert answer.status == 200, answer
            # Every change brings a lease out of ERROR, if all else is well.
            lease.settle()
            return
        refusal = _refusal(lambda: self.model.update(lease, first, last, warning, given))
        assert answer.status == (refusal.status if refusal else 200), (refusal, answer)

    @precondition(lambda self: self.model.leases)
    @rule(data=st.data(), foreigner=st.booleans())
    def delete(self, data: st.DataObject, foreigner: bool) -> None:
        lease = self._some_lease(data)
        other = {'alice': 'bob', 'bob': 'alice'}[lease.owner]
        answer = self._call(other if foreigner else lease.owner, 'DELETE', f'/leases/{lease.id}')
        if foreigner:
            assert answer.status == 403, answer
            return
        assert answer.status == 204, answer
        self.model.delete(lease)

    # ------------------------------------------------------------ administrator

    @rule(thing=st.sampled_from([*MACHINES, *ADDRESSES]))
    def come_and_go(self, thing: Machine | int) -> None:
        if isinstance(thing, Machine):
            self.toggle_host(thing)
        else:
            self.toggle_address(thing)

    def toggle_host(self, machine: Machine) -> None:
        """Make a machine a host, or no host any more."""
        key, there = str(machine.number), self.model.stock.hosts
        if key in there:
            answer = self._call('admin', 'DELETE', f'/os-hosts/{key}')
            if self.model.holds(key):
                assert answer.status == 409, answer
                return
            assert answer.status == 204, answer
            del there[key]
            return
        assert self.door.add_host(machine).status == 201
        Service.done['POST os-hosts 201'] += 1
        there[key] = Host(
            key,
            machine.vcpus,
            machine.memory_mb,
            machine.local_gb,
            machine.capabilities.get('gpu'),
        )

    def toggle_address(self, number: int) -> None:
        """Let an address be reserved, or no more."""
        address, there = f'203.0.113.{number}', self.model.stock.addresses
        key = next((key for key in there if there[key] == address), None)
        if key is not None:
            answer = self._call('admin', 'DELETE', f'/floatingips/{key}')
            if self.model.holds(key):
                assert answer.status == 409, answer
                return
            assert answer.status == 204, answer
            del there[key]
            return
        answer = self.door.add_address(number)
        assert answer.status == 201, answer
        Service.done['POST floatingips 201'] += 1
        self.model.stock.addresses = dict(
            sorted([*there.items(), (answer.body['floatingip']['id'], address)])
        )

    @rule(
        ticks=st.integers(1, 3),
        seconds=st.sampled_from([0, 0, 30]),
        worker=st.sampled_from([True, True, False]),
    )
    def wait(self, ticks: int, seconds: int, worker: bool) -> None:
        """Let time pass, with a worker or without one."""
        Service.done['wait'] += 1
        self.model.now += ticks
        self.door.set_clock(BEGIN + self.model.now * TICK + timedelta(seconds=seconds))
        if worker:
            self.door.scheduler.run_due_once()
            self.model.work()

    # ---------------------------------------------------------------- what holds

    @invariant()
    def nothing_is_double_booked_and_nothing_is_lost(self) -> None:
        if not hasattr(self, 'door'):
            return
        with self.door.database.transaction(write=False) as connection:
            calendar = Calendar(connection)
        assert calendar.wrong() == []
        states = {key: lease['status'] for key, lease in calendar.leases.items()}
        assert states == {key: lease.status for key, lease in self.model.leases.items()}
        held = Counter((s.reservation_id, s.resource_id, s.start, s.end) for s in calendar.slots)
        assert held == Counter(
            (s.reservation.id, s.resource, BEGIN + s.start * TICK, BEGIN + s.end * TICK)
            for s in self.model.slots()
        )
        for lease in self.model.leases.values():
            for reservation in lease.reservations:
                # The order in which the service looks at them.
                reservation.held.sort(key=lambda each: (len(each), each))

    # ------------------------------------------------------------------- private

    def _call(self, user: str, method: str, path: str, values: Any = None) -> Answer:
        answer = self.door.call(user, method, path, values)
        Service.done[f'{method} {path.split("/")[1]} {answer.status}'] += 1
        return answer

    def _wire(self, tick: int) -> str:
        return wire(BEGIN + tick * TICK)

    def _some_lease(self, data: st.DataObject) -> Lease:
        # Mostly a late one: the first are soon over.
        place = data.draw(st.integers(0, len(self.model.leases) - 1))
        return [*self.model.leases.values()][-1 - place]

    def _changes(
        self, data: st.DataObject, lease: Lease
    ) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        """What changes of a lease's reservations: for the model, and for the request."""
        given: dict[str, dict[str, Any]] = {}
        sent = []
        for old in lease.reservations:
            if len(lease.reservations) > 1 and data.draw(st.booleans()):
                continue
            kinds = {HOST: hosts(), INSTANCE: instances(), FLAVOR: flavors(), ADDRESS: addresses()}
            new = data.draw(kinds[old.kind])
            keys = data.draw(st.sets(st.sampled_from([*new.wanted]), min_size=1))
            changes = {key: new.wanted[key] for key in keys}
            if old.kind == INSTANCE and keys & {'gpu', 'at_least'}:
                # One text says both.
                changes |= {key: new.wanted[key] for key in ('gpu', 'at_least')}
            merged = Reservation(old.kind, {**old.wanted, **changes})
            names = {'at_least': 'hypervisor_properties', 'gpu': 'resource_properties'}
            if old.kind == INSTANCE:
                names['at_least'] = 'resource_properties'
            wanted = {names.get(key, key) for key in changes}
            given[old.id] = changes
            sent.append(
                {
                    'id': old.id,
                    **{key: value for key, value in body(merged).items() if key in wanted},
                }
            )
        return given, sent


def _refusal(change: Callable[[], None]) -> Refusal | None:
    """What the model has against a change that it makes; None when it has made it."""
    try:
        change()
    except Refusal as refusal:
        return refusal
    return None


def test_never_double_booked() -> None:
    """Whatever is asked for, nothing is held twice, and nothing that was promised is lost."""
    Service.done.clear()
    run_state_machine_as_test(
        Service,
        settings=settings(
            report_multiple_bugs=False,
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
    assert sum(Service.done.values()) >= OPERATIONS, Service.done
