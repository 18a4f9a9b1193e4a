"""Whatever happens is published once, in whatever order the bus and the looks tell of it.

A hypothesis state machine lets a Blazar change leases, delivers its messages late, twice, in
another order or never, and looks at the list at any moment, also while messages arrive. It uses a
real database. At the end what is in the log is held against what has happened.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    precondition,
    rule,
)

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications import agreement, messages
from blazarclient.server.notifications.comparison import Comparison
from blazarclient.server.policy import Policy
from blazarclient.server.store import log, tables
from blazarclient.server.store.database import Database
from tests.unit.server.notifications.model_blazar import ModelBlazar

GRACE, PATIENCE = 5.0, 30.0
POLICY = Policy()
DATABASE = Database('sqlite://')
DATABASE.upgrade()
FULL = os.environ.get('BLAZARCLIENT_FAULTS') == 'full'

pick = st.integers(0, 1000)
pauses = st.sampled_from([0.0, 0.01, 0.2, 0.7, 1.0, 3.0, 7.0, 40.0])


class Interleavings(RuleBasedStateMachine):
    """What can happen, in any order."""

    leases: Any = Bundle('leases')

    @initialize(seed=pick)
    def begin(self, seed: int) -> None:
        """Begin with an empty database and a first look at an empty Blazar."""
        self.blazar = ModelBlazar()
        self.random = random.Random(seed)
        #: Lease and number -> when a change was over.
        self.made: dict[tuple[str, int], float] = {}
        self.seen = 0
        self.sent: dict[str, dict[str, Any]] = {}
        self.delivered: set[str] = set()
        self.updating: set[str] = set()
        self.stuck: set[str] = set()
        self.gone: set[str] = set()
        self.in_answer: list[int] = []
        #: Lease -> what has happened to it.
        self.happened: dict[str, set[str]] = defaultdict(set)
        with DATABASE.transaction() as connection:
            for table in (
                tables.notifications,
                tables.lease_copies,
                tables.bus_messages,
                tables.unreadable_messages,
            ):
                connection.execute(table.delete())
            connection.execute(
                tables.log_head.update().values(sequence=0, swept=0, fanned_out=0, compared_at=None)
            )
        self.clock = 0.0
        self.comparison = Comparison(
            self._context, self, 60, grace=GRACE, patience=PATIENCE, clock=lambda: self.clock
        )
        self.comparison.look()

    # ---------------------------------------------------------- what Blazar does

    @precondition(lambda self: len(self.blazar.leases) < 3)
    @rule(target=leases, pause=pauses)
    def create(self, pause: float) -> str:
        """Somebody makes a lease."""
        self._wait(pause)
        return self.blazar.create()

    @rule(lease=leases, pause=pauses, minutes=st.sampled_from([0, 1, 1, 5, -1]))
    def update(self, lease: str, pause: float, minutes: int) -> None:
        """Somebody moves the end of a lease, perhaps to where it is."""
        if not self._is_free(lease):
            return
        self.blazar.begin_update(lease)
        self._wait(min(pause, 3.0))
        self._finish(lease, minutes=minutes)

    @rule(lease=leases)
    def begin_update(self, lease: str) -> None:
        """An update begins, and takes its time."""
        if self._is_free(lease):
            self.blazar.begin_update(lease)
            self.updating.add(lease)
            self.updating_since = self.clock

    @precondition(lambda self: self.updating)
    @rule(pause=st.sampled_from([0.0, 0.3, 2.0]), minutes=st.sampled_from([0, 1, 5]))
    def finish_update(self, pause: float, minutes: int) -> None:
        """The update is over."""
        self._wait(pause)
        for lease in self.updating:
            self._finish(lease, minutes=minutes)
        self.updating.clear()

    @rule(lease=leases, minutes=st.sampled_from([0, 2]))
    def kill(self, lease: str, minutes: int) -> None:
        """The manager is killed between what it writes and what it sends."""
        if self._is_free(lease):
            self.blazar.begin_update(lease)
            self._finish(lease, minutes=minutes, killed=True)
            self.stuck.add(lease)

    @rule(lease=leases, name=st.sampled_from('ab'), pause=pauses)
    def rename(self, lease: str, name: str, pause: float) -> None:
        """Somebody renames a lease; nothing is sent."""
        if self._is_free(lease) and self.blazar.leases[lease]['name'] != name:
            self._wait(pause)
            self.blazar.begin_update(lease)
            self._finish(lease, name=name)

    @rule(lease=leases, pause=pauses, failed=st.booleans())
    def carry_out(self, lease: str, pause: float, failed: bool) -> None:
        """The next event of a lease is due."""
        if not self._is_free(lease):
            return
        self._wait(pause)
        for kind in ('start_lease', 'before_end_lease', 'end_lease'):
            if self.blazar.row(lease, kind)['status'] == 'UNDONE':
                failed = failed and kind == 'end_lease'
                self.blazar.carry_out(lease, kind, failed=failed)
                self.happened[lease].add('failed' if failed else kind)
                return

    @rule(lease=leases)
    def degrade(self, lease: str) -> None:
        """A host is lost."""
        if self._is_free(lease) and not self.blazar.leases[lease]['degraded']:
            self.blazar.degrade(lease)
            self.happened[lease].add('degraded')

    @rule(lease=consumes(leases), pause=pauses)
    def delete(self, lease: str, pause: float) -> None:
        """Somebody deletes a lease."""
        if lease in self.updating:
            return
        self._wait(pause)
        self.blazar.delete(lease)
        self.gone.add(lease)

    # ------------------------------------------------------------- what is heard

    @precondition(lambda self: self.blazar.bus)
    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        """The bus brings what was sent first."""
        for _ in range(min(count, len(self.blazar.bus))):
            self._deliver(0)

    @precondition(lambda self: self.blazar.bus)
    @rule(which=pick)
    def deliver_any(self, which: int) -> None:
        """The bus brings something, out of order."""
        self._deliver(which)

    @precondition(lambda self: self.delivered)
    @rule(which=pick)
    def deliver_again(self, which: int) -> None:
        """The bus brings something twice."""
        known = sorted(self.delivered)
        self._hear(self.sent[known[which % len(known)]])

    @precondition(lambda self: self.blazar.bus)
    @rule(which=pick, count=st.integers(1, 3))
    def lose(self, which: int, count: int) -> None:
        """The bus loses something."""
        for _ in range(min(count, len(self.blazar.bus))):
            self._note(self.blazar.bus.pop(which % len(self.blazar.bus)))

    # -------------------------------------------------------------- what is seen

    @rule(pause=pauses, in_answer=st.lists(pick, max_size=3))
    def look(self, pause: float, in_answer: list[int]) -> None:
        """The list is looked at; while the answer travels messages arrive."""
        self._wait(pause)
        self.in_answer = in_answer
        self.comparison.look()
        self._check_grace()

    @precondition(lambda self: self.comparison.doubts)
    @rule(
        pause=st.sampled_from([0.0, GRACE, GRACE, PATIENCE]), in_answer=st.lists(pick, max_size=2)
    )
    def look_again(self, pause: float, in_answer: list[int]) -> None:
        """What was in doubt is looked at again."""
        self._wait(pause)
        self.in_answer = in_answer
        self.comparison.look_again()
        self._check_grace()

    def list_leases(self) -> list[dict[str, Any]]:
        """The answer of Blazar, which is a little old when it arrives."""
        found = self.blazar.list_leases()
        self._arrive()
        return found

    def get_lease(self, lease_id: str) -> dict[str, Any] | None:
        """The same for one lease."""
        found = self.blazar.get_lease(lease_id)
        self._arrive()
        return found

    # ------------------------------------------------------------ what must hold

    def _check_grace(self) -> None:
        """The comparison takes nothing from the bus that the bus may be about to bring."""
        with DATABASE.transaction(write=False) as connection:
            entries = log.entries(connection, after=0, limit=10_000)
        shown: dict[str, int] = defaultdict(lambda: -1)
        for each in entries:
            lease, number = each['lease_id'], each['data']['lease']['n']
            if each['type'] not in ('lease.created', 'lease.updated'):
                continue
            if each['sequence'] > self.seen and each['source'] == 'comparison':
                for change in range(max(1, shown[lease] + 1), number + 1):
                    age = self.clock - self.made[lease, change]
                    assert age >= GRACE, ('too early', lease, change, age)
            shown[lease] = max(shown[lease], number)
        self.seen = entries[-1]['sequence'] if entries else 0

    def teardown(self) -> None:
        """Let the rest arrive, look until there is no doubt, and count."""
        if not hasattr(self, 'comparison'):
            return
        self.finish_update(0.3, 1)
        lost = {each for each in self.sent if each not in self.delivered}
        while self.blazar.bus:
            self._deliver(self.random.randrange(3) and self.random.randrange(1000))
        self._wait(1.0)
        self.comparison.look()
        for _ in range(20):
            if not self.comparison.doubts:
                break
            self._wait(PATIENCE)
            self.comparison.look_again()
        assert not self.comparison.doubts
        assert self.comparison.look() == 0, 'what was published is published again'
        with DATABASE.transaction(write=False) as connection:
            entries = log.entries(connection, after=0, limit=10_000)
        by_lease: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for each in entries:
            by_lease[each['lease_id']].append(each)
        assert by_lease.keys() <= self.blazar.changes.keys()
        for lease in self.blazar.changes:
            self._check(lease, by_lease[lease], lost)

    def _check(self, lease: str, entries: list[dict[str, Any]], lost: set[str]) -> None:
        of_lease = [each for each in self.sent.values() if each['payload']['lease_id'] == lease]
        told = {each['event_type'] for each in of_lease if each['message_id'] in self.delivered}
        count = Counter(each['type'] for each in entries)
        is_there = lease not in self.gone
        text = [(each['source'], each['type'], each['data']['lease']['n']) for each in entries]
        if is_there or told:
            assert count['lease.created'] == 1, text
        assert count['lease.created'] <= 1, text
        if not is_there and count['lease.created']:
            assert count['lease.deleted'] == 1, text
        for kind, name in (('start_lease', 'lease.started'), ('end_lease', 'lease.ended')):
            is_seen = is_there or f'lease.event.{kind}' in told
            assert count[name] <= (kind in self.happened[lease]), text
            if kind in self.happened[lease] and is_seen:
                assert count[name] == 1, text
        if 'degraded' in self.happened[lease] and is_there:
            assert count['lease.degraded'] == 1, text
        assert count['lease.degraded'] <= 1, text
        assert count['lease.failed'] <= ('failed' in self.happened[lease]), text
        if 'failed' in self.happened[lease] and is_there:
            assert count['lease.failed'] == 1, text
        self._check_updates(lease, entries, of_lease, text)

    def _check_updates(
        self,
        lease: str,
        entries: list[dict[str, Any]],
        sent: list[dict[str, Any]],
        text: list[Any],
    ) -> None:
        by_message: dict[str, int] = {}
        covered: set[int] = set()
        shown = -1
        for each in entries:
            number = each['data']['lease']['n']
            if each['type'] == 'lease.updated':
                if each['source'] == 'bus':
                    by_message[each['transition'].removeprefix('updated:')] = number
                else:
                    assert number > shown, ('nothing new', text)
                    covered |= {*range(shown + 1, number + 1)}
            # What a message shows besides what it tells of (a rename) is not published by it.
            if each['type'] in ('lease.created', 'lease.updated'):
                shown = max(shown, number)
        doubled = covered & {*by_message.values()}
        assert not doubled, ('doubled', doubled, text)
        for message in sent:
            if message['event_type'] != 'lease.update':
                continue
            if message['message_id'] in self.delivered:
                number = message['payload']['n']
                assert message['message_id'] in by_message or number in covered, (
                    'swallowed',
                    number,
                    text,
                )
        if lease not in self.gone:
            assert shown >= self.blazar.changes[lease] or self._is_as_shown(lease, entries), (
                'not seen',
                self.blazar.changes[lease],
                text,
            )

    def _is_as_shown(self, lease: str, entries: list[dict[str, Any]]) -> bool:
        """Whether the lease is as it was published last: it was changed and changed back."""
        now = self.blazar.leases[lease]
        told = [each for each in entries if each['type'] in ('lease.created', 'lease.updated')]
        known = max(told, key=lambda each: each['data']['lease']['n'])['data']['lease']
        return all(known[name] == now[name] for name in ('name', 'start_date', 'end_date'))

    # -------------------------------------------------------------------- helpers

    def _context(self) -> RequestContext:
        return RequestContext.for_service(DATABASE, POLICY, Settings())

    def _finish(self, lease: str, **how: Any) -> None:
        number = self.blazar.finish_update(lease, **how)
        self.made[lease, number] = self.clock

    def _is_free(self, lease: str) -> bool:
        return lease not in self.updating | self.stuck | self.gone

    def _wait(self, seconds: float) -> None:
        # An update that takes longer than the patience is taken for one that was killed.
        if self.updating and self.clock + seconds - self.updating_since > PATIENCE / 2:
            self.finish_update(0.0, 0)
        self.clock += seconds
        self.blazar.wait(seconds)

    def _arrive(self) -> None:
        waiting, self.in_answer = self.in_answer, []
        for which in waiting:
            if self.blazar.bus:
                self._deliver(which)

    def _note(self, message: dict[str, Any]) -> dict[str, Any]:
        self.sent[message['message_id']] = message
        return message

    def _deliver(self, which: int) -> None:
        message = self._note(self.blazar.bus.pop(which % len(self.blazar.bus)))
        self.delivered.add(message['message_id'])
        self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        agreement.hear(self._context(), messages.read(message))


TestInterleavings = Interleavings.TestCase
TestInterleavings.__doc__ = 'Nothing is published twice, and nothing is swallowed.'
TestInterleavings.settings = settings(
    max_examples=1500 if FULL else 60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
