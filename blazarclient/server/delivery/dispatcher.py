"""All that one worker does in the database: record, hand out, claim.

One step is one transaction under the lock ``deliveries``, about all that has come together since
the last one. What other threads have sent meanwhile waits in a queue.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery import recording, trial
from blazarclient.server.delivery.batches import (
    Batch,
    Item,
    Question,
    Result,
    host_of,
    subscription_of,
)
from blazarclient.server.delivery.due_work import DueWork
from blazarclient.server.delivery.known import Known
from blazarclient.server.delivery.turns import Group, InUse, Turns
from blazarclient.server.objects.audience import Audience
from blazarclient.server.objects.delivery import Delivery
from blazarclient.server.store import clock as stored_clock
from blazarclient.server.store import deliveries, due_deliveries, endpoints, fan_out, sending
from blazarclient.server.store.deliveries import Wanted
from blazarclient.server.store.due_deliveries import Due
from blazarclient.server.store.rows import Row
from blazarclient.server.store.sending import Claim, Lane

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from blazarclient.server.config import Settings

__all__ = ['LONGEST_BATCH', 'Dispatcher', 'Step']

#: Seconds that a batch may take, but for its last delivery.
LONGEST_BATCH = 2.0
#: How many deliveries are sent over one connection before it is somebody else's turn.
_BATCH = 16
#: So many batches more than there are connections are claimed, so that none waits for a step.
_SPARE = 8
#: How many batches are claimed, entries handed out and deliveries made in one step.
_BATCHES, _ENTRIES, _FANNED_OUT = 32, 500, 2000
#: Seconds between two looks for what others have left behind, and for what has expired.
_TAKE_OVER, _EXPIRE = 1.0, 60.0


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """What one step has come to."""

    batches: Sequence[Batch]
    #: Whether there is more to do at once.
    again: bool
    #: When something is due next: real seconds since 1970; None for nothing that is known of.
    next_due: float | None


class Dispatcher:
    """Gives a worker what it is to send, and records what became of it.

    :param owner: the name of the worker; no two may share one.
    :param claim_seconds: real seconds after which a worker is taken for dead.
    :param chance: a number from 0 to 1, for pauses that differ.
    """

    def __init__(
        self,
        owner: str,
        settings: Settings,
        *,
        claim_seconds: float = 60.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.owner = owner
        self._settings = settings
        self._claim_seconds = claim_seconds
        self._chance = chance
        self._turns = Turns(settings.connections, settings.connections_per_host)
        self._known = Known()
        #: Batches that are being sent, by owner.
        self.in_flight: dict[str, Batch] = {}
        self._numbers = 0
        #: Seconds that endpoints take for an answer.
        self._latency: dict[str, float] = {}
        self._take_over_at = self._expire_at = 0.0

    def step(self, ctx: RequestContext, results: Sequence[Result], ended: Iterable[Batch]) -> Step:
        """One transaction.

        When it fails nothing has changed, and the same can be given again.

        :param results: what was sent, or not, since the last step.
        :param ended: batches whose connections are free again.
        """
        over = {batch.owner for batch in ended}
        in_flight = [each for each in self.in_flight.values() if each.owner not in over]
        self._measure(results)
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            anchor = Anchor(*stored_clock.read(connection))
            now = anchor.now(time.time())
            counts = recording.record(ctx, connection, results, anchor, now, self._chance)
            self._clean(ctx, connection, now)
            reached = self._fan_out(connection, now)
            claimed, again, moment = self._claim(ctx, connection, in_flight, anchor, now)
            if reached is not None:
                fan_out.advance(connection, reached)
        counts.tell()
        for owner in over:
            self.in_flight.pop(owner, None)
        self.in_flight |= {batch.owner: batch for batch in claimed}
        next_due = None if moment is None else anchor.real_at(moment)
        return Step(claimed, again or reached is not None, next_due)

    def record(self, ctx: RequestContext, results: Sequence[Result]) -> None:
        """One transaction in which nothing is claimed: the last one of a worker."""
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            anchor = Anchor(*stored_clock.read(connection))
            recording.record(ctx, connection, results, anchor, ctx.now(), self._chance).tell()

    def _measure(self, results: Sequence[Result]) -> None:
        if len(self._latency) > 10_000:
            self._latency.clear()
        for each in results:
            if each.outcome is not None:
                seconds = each.outcome.latency_ms / 1000
                endpoint = each.of.target.endpoint
                before = self._latency.get(endpoint, seconds)
                self._latency[endpoint] = (before + seconds) / 2

    # ----------------------------------------------------------------- now and then

    def _clean(self, ctx: RequestContext, connection: Connection, now: datetime) -> None:
        """Take over what a dead worker had, and end what nobody wants any more."""
        real_now = time.time()
        if real_now >= self._take_over_at:
            self._take_over_at = real_now + _TAKE_OVER
            sending.take_over(connection, now, real_now)
        if real_now >= self._expire_at:
            self._expire_at = real_now + _EXPIRE
            self._expire(connection, sending.expired(connection, now, limit=500), now)
            recording.give_up_failing(ctx, connection, now)

    def _expire(self, connection: Connection, lanes: Sequence[Lane], now: datetime) -> None:
        if lanes:
            sending.expire_lanes(connection, lanes, now)
            sending.promote(connection, lanes, now)

    # --------------------------------------------------------------------- handing out

    def _fan_out(self, connection: Connection, now: datetime) -> int | None:
        """Work out who is sent new entries of the log; up to which one, where there are any."""
        reached, head = fan_out.reached_and_head(connection)
        if head <= reached:
            return None
        found = fan_out.entries(connection, after=reached, until=head, limit=_ENTRIES)
        rows = fan_out.audiences(connection, {entry['project_id'] for entry in found})
        by_project: dict[str, list[tuple[Audience, Row]]] = defaultdict(list)
        everywhere: list[tuple[Audience, Row]] = []
        for row in rows:
            if row['expires_at'] is None or row['expires_at'] > now:
                place = everywhere if row['scope'] == 'all' else by_project[row['project_id']]
                place.append((Audience.of(row), row))
        wanted: list[Wanted] = []
        for entry in found:
            reached = entry['sequence']
            wanted += [
                Wanted(
                    audience.subscription_id,
                    entry['lease_id'] or audience.subscription_id,
                    reached,
                    entry['id'],
                    entry['expires_at'],
                )
                for audience, row in (*by_project.get(entry['project_id'], ()), *everywhere)
                if row['start_sequence'] < reached and audience.hears(entry)
            ]
            if len(wanted) >= _FANNED_OUT:
                break
        else:
            # What is no longer kept is nobody's.
            reached = head if len(found) < _ENTRIES else reached
        deliveries.insert(connection, wanted, now, Delivery.VERSION)
        return reached

    # ------------------------------------------------------------------------- claiming

    def _claim(
        self,
        ctx: RequestContext,
        connection: Connection,
        in_flight: Sequence[Batch],
        anchor: Anchor,
        now: datetime,
    ) -> tuple[list[Batch], bool, datetime | None]:
        """Take what is due.

        :returns: the batches, whether there is more, and when the next is due.
        """
        connections = self._settings.connections
        free = min(connections + min(_SPARE, connections // 2) - len(in_flight), _BATCHES)
        if free <= 0:
            # Whatever is due waits for a connection.
            return [], False, None
        asked = {batch.question.target.id for batch in in_flight if batch.question}
        work = DueWork(ctx, connection, now, self._known, self._latency)
        work.look(asked)
        if not work.groups:
            return [], False, work.next_due
        granted = self._turns.give([*work.groups], self._in_use(connection, in_flight), free)
        deadline = time.time() + self._claim_seconds
        batches = [
            batch
            for group in granted
            if group.asked and (batch := self._ask(ctx, connection, work, group, anchor, deadline))
        ]
        counts = Counter(group for group in granted if not group.asked)
        batches += self._fill(ctx, connection, work, counts, deadline)
        return batches, work.again or len(granted) == _BATCHES, work.next_due

    def _in_use(self, connection: Connection, in_flight: Sequence[Batch]) -> InUse:
        others = due_deliveries.in_flight(connection, time.time(), f'{self.owner}/')
        everywhere = [*others, *(batch.endpoint for batch in in_flight)]
        return InUse(
            projects=Counter(batch.project_id for batch in in_flight),
            slow=sum(batch.slow for batch in in_flight),
            hosts=Counter(map(host_of, everywhere)),
            endpoints=Counter(everywhere),
        )

    def _ask(
        self,
        ctx: RequestContext,
        connection: Connection,
        work: DueWork,
        group: Group,
        anchor: Anchor,
        deadline: float,
    ) -> Batch | None:
        """Ask an endpoint whether it wants to be told; nobody else does so meanwhile."""
        row = work.rows[group.asked or '']
        attempts = row['verify_attempts']
        until = anchor.now(deadline)
        if not endpoints.postpone_verification(connection, row['id'], attempts, until):
            return None
        event = trial.event(ctx, subscription_of(ctx, row))
        text = json.dumps(event).encode()
        question = Question(work.targets[row['id']], row['verify'], attempts, event['id'], text)
        return self._batch(group, deadline, question=question)

    def _fill(
        self,
        ctx: RequestContext,
        connection: Connection,
        work: DueWork,
        granted: Mapping[Group, int],
        deadline: float,
    ) -> list[Batch]:
        """Claim deliveries for connections."""
        wanted: list[tuple[str, int]] = []
        sizes: dict[Group, int] = {}
        for group, count in granted.items():
            sizes[group] = size = self._size(group)
            room = count * size
            ids = work.groups[group][:room]
            wanted += [(each, -(-room // len(ids))) for each in ids]
        found: dict[str, list[Due]] = defaultdict(list)
        for due in self._wanted_still(ctx, connection, work, wanted):
            found[due.subscription_id].append(due)
        batches: list[Batch] = []
        for group, count in granted.items():
            mine = _in_turn([found[each] for each in work.groups[group] if each in found])
            mine = mine[: count * sizes[group]]
            # A few go at one time rather than one after the other.
            portions = [portion for n in range(count) if (portion := mine[n::count])]
            for portion in portions:
                batch = self._batch(group, deadline)
                batch.items = [
                    Item(
                        Claim(due.id, batch.owner, due.attempt + 1),
                        due,
                        work.targets[due.subscription_id],
                        self._known.events[due.sequence],
                        group.has_failed,
                    )
                    for due in portion
                ]
                batches.append(batch)
        claims = [item.claim for batch in batches for item in batch.items]
        if claims:
            sending.claim(connection, claims, deadline)
        return batches

    def _wanted_still(
        self,
        ctx: RequestContext,
        connection: Connection,
        work: DueWork,
        wanted: Sequence[tuple[str, int]],
    ) -> list[Due]:
        """What is due, as far as its subscription still hears of it; the rest ends here."""
        now = work.now
        found = due_deliveries.top(connection, wanted, now)
        self._known.load(ctx, connection, {due.sequence for due in found})
        late = [due for due in found if due.expires_at is not None and due.expires_at <= now]
        self._expire(connection, [(due.subscription_id, due.lane) for due in late], now)
        unheard = [due for due in found if due not in late and not self._hears(work, due)]
        if unheard:
            sending.end(connection, [due.id for due in unheard], 'cancelled', now)
            sending.promote(connection, {(due.subscription_id, due.lane) for due in unheard}, now)
        if late or unheard:
            # What comes after it in its lane is due now.
            work.again = True
            gone = {due.id for due in (*late, *unheard)}
            return [due for due in found if due.id not in gone]
        return found

    def _hears(self, work: DueWork, due: Due) -> bool:
        event = self._known.events.get(due.sequence)
        return event is not None and work.targets[due.subscription_id].audience.hears(event.entry)

    def _size(self, group: Group) -> int:
        """How many deliveries go to an endpoint in one batch."""
        if group.is_probe:
            return 1
        seconds = self._latency.get(group.endpoint, 0.0)
        return max(1, min(_BATCH, int(LONGEST_BATCH / seconds))) if seconds else _BATCH

    def _batch(self, group: Group, deadline: float, question: Question | None = None) -> Batch:
        self._numbers += 1
        return Batch(
            f'{self.owner}/{self._numbers}',
            group.project_id,
            group.endpoint,
            deadline,
            question=question,
            slow=group.is_slow,
        )


def _in_turn(found: Sequence[Sequence[Due]]) -> list[Due]:
    """One of each subscription, then the next of each."""
    return [due for row in itertools.zip_longest(*found) for due in row if due is not None]
