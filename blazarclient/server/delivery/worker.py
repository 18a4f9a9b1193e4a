"""The delivery worker: hands out what has happened, and sends it.

One thread, the dispatcher, does all that concerns the database, in transactions about all that has
come together since the last one. Others send: each takes a batch, deliveries to one endpoint, and
sends one after the other.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import exc

from blazarclient.server import errors, metrics, retrying
from blazarclient.server.delivery import message, schedule
from blazarclient.server.delivery.batches import Batch, Item, Question, Result
from blazarclient.server.delivery.dispatcher import LONGEST_BATCH, Dispatcher, Step
from blazarclient.server.delivery.outbound import CONNECTION_FAILED, Outbound, Outcome
from blazarclient.server.delivery.verification import verify
from blazarclient.server.store.watch import LogWatch

if TYPE_CHECKING:
    from blazarclient.server.context import RequestContext

__all__ = ['Worker']

LOG = logging.getLogger(__name__)

#: Seconds between two looks at the log, which another process may have written to, and between two
#: looks at all that may have become due.
_GLANCE, _LOOK = 0.02, 0.5
#: Seconds from one step to the next: at least, and at most after one that took long.
_PACE, _LONGEST_PACE = 0.01, 0.03
#: Seconds after which it is recorded what was sent, also while no connection is free.
_GATHER = 0.05
#: Seconds that the end waits for what is being sent: an attempt takes 15 at most.
_PATIENCE = 16.0
#: Seconds without a step after which something is wrong.
_LONGEST_STEP = 60.0
#: Seconds before the deadline of a claim from which on nothing is sent any more: an attempt may
#: take so long. Where claims are short, half of their time.
_MARGIN = 20.0


class Worker:
    """Sends notifications.

    :param context_factory: makes a context of the service; one is used by one thread.
    :param owner: the name under which deliveries are claimed; no two workers may share one.
    :param outbound: what sends.
    :param claim_seconds: real seconds after which a worker is taken for dead.
    """

    def __init__(
        self,
        context_factory: Callable[[], RequestContext],
        owner: str,
        outbound: Outbound,
        *,
        claim_seconds: float = 60.0,
    ) -> None:
        self._context_factory = context_factory
        self.owner = owner
        self._outbound = outbound
        ctx = context_factory()
        self._database, self._settings = ctx.database, ctx.settings
        self._watch = LogWatch(ctx.database)
        self._margin = min(_MARGIN, claim_seconds / 2)
        self._dispatcher = Dispatcher(owner, ctx.settings, claim_seconds=claim_seconds)
        self._woken = threading.Event()
        self._stop = threading.Event()
        #: For senders, and from senders.
        self._batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._sent: queue.SimpleQueue[Result | Batch] = queue.SimpleQueue()
        #: What was sent and is not recorded yet.
        self._results: list[Result] = []
        self._ended: list[Batch] = []
        self._senders: list[threading.Thread] = []
        #: When the last step was done, by the monotonic clock.
        self._stepped_at = time.monotonic()

    def trouble(self) -> str | None:
        """What is wrong; None where it gets on."""
        seconds = time.monotonic() - self._stepped_at
        return None if seconds < _LONGEST_STEP else f'It has done nothing for {seconds:.0f} s.'

    def wake(self) -> None:
        """Look at once: this process has made something due, or moved the clock."""
        self._woken.set()

    def run_once(self) -> int:
        """Hand out and send all that is due now, in this thread.

        :returns: how many attempts there were.
        """
        count = 0
        while True:
            step = self._step()
            for batch in step.batches:
                self._send(batch)
            self._collect()
            count += sum(each.outcome is not None for each in self._results)
            if not (step.again or self._results or self._ended):
                return count

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; what is on its way by then is still recorded.

        Errors are logged, and it goes on after a pause that grows from one to the next.
        """
        self._stop = stop
        LOG.info('%s: sending notifications', self.owner)
        ear = threading.Thread(target=self._listen, name=f'{self.owner}-bell', daemon=True)
        ear.start()
        pauses = retrying.pauses()
        while not stop.is_set():
            try:
                self._turn()
            except retrying.PASSING as error:
                pause = next(pauses)
                LOG.warning(
                    '%s: trying again in %.1f s: %s', self.owner, pause, retrying.brief(error)
                )
                stop.wait(pause)
            except Exception:
                # Without a worker nobody would ever be told of anything again.
                pause = next(pauses)
                LOG.exception('%s: trying again in %.1f s', self.owner, pause)
                stop.wait(pause)
            else:
                pauses = retrying.pauses()
        self._drain()
        # It waits for the bell and for nothing else.
        self._database.bell.ring()
        ear.join()
        self._watch.close()
        LOG.info('%s: stopped', self.owner)

    # ---------------------------------------------------------------- the dispatcher

    def _turn(self) -> None:
        self._woken.clear()
        begun = time.monotonic()
        step = self._step()
        self._hand_over(step)
        if not step.again:
            took = time.monotonic() - begun
            # Others want to have their turn in the database, too.
            next_at = time.monotonic() + min(max(took, _PACE), _LONGEST_PACE)
            self._sleep(begun, step)
            self._stop.wait(max(0.0, next_at - time.monotonic()))

    def _step(self) -> Step:
        self._collect()
        step = self._dispatcher.step(self._context_factory(), self._results, self._ended)
        self._results, self._ended = [], []
        self._stepped_at = time.monotonic()
        return step

    def _collect(self) -> None:
        """Take over what senders have sent; it is kept until it is recorded."""
        with contextlib.suppress(queue.Empty):
            while True:
                sent = self._sent.get_nowait()
                if isinstance(sent, Batch):
                    self._ended.append(sent)
                else:
                    self._results.append(sent)

    def _hand_over(self, step: Step) -> None:
        for batch in step.batches:
            self._batches.put(batch)
        wanted = min(len(self._dispatcher.in_flight), self._settings.connections)
        while len(self._senders) < wanted:
            name = f'{self.owner}-{len(self._senders)}'
            sender = threading.Thread(target=self._run_sender, name=name, daemon=True)
            self._senders.append(sender)
            sender.start()

    def _sleep(self, begun: float, step: Step) -> None:
        """Sleep until there may be something to do."""
        look_at = time.monotonic() + _LOOK
        if step.next_due is not None:
            look_at = min(look_at, time.monotonic() + step.next_due - time.time())
        while not self._stop.is_set():
            left = look_at - time.monotonic()
            if left <= 0 or self._woken.wait(min(left, _GLANCE)) or self._watch.has_news():
                break
            if not self._sent.empty() and time.monotonic() >= begun + _GATHER:
                break

    def _listen(self) -> None:
        """Hear the bell, also while the dispatcher waits for senders."""
        count = self._database.bell.count
        while not self._stop.is_set():
            before, count = count, self._database.bell.wait(count, 1.0)
            if count != before:
                self._woken.set()

    def _drain(self) -> None:
        """Record what is on its way, as far as it comes to an end soon."""
        for _ in self._senders:
            self._batches.put(None)
        deadline = time.monotonic() + _PATIENCE
        for sender in self._senders:
            sender.join(max(0.0, deadline - time.monotonic()))
        self._collect()
        if self._results:
            try:
                self._dispatcher.record(self._context_factory(), self._results)
            except (errors.ServiceError, exc.SQLAlchemyError) as error:
                # It is taken over when its time is up.
                LOG.warning('%s: left to the next worker: %s', self.owner, retrying.brief(error))

    # ---------------------------------------------------------------------- senders

    def _run_sender(self) -> None:
        while (batch := self._batches.get()) is not None:
            self._send(batch)

    def _send(self, batch: Batch) -> None:
        """Send a batch, and give back what there is no time for."""
        until = time.monotonic() + LONGEST_BATCH
        goes_on = True
        for each in batch.items if batch.question is None else [batch.question]:
            begun = time.time()
            is_late = begun > batch.deadline - self._margin or self._stop.is_set()
            outcome = None
            if goes_on and not is_late:
                outcome = self._attempt(each)
                metrics.DELIVERY_SECONDS.observe(time.time() - begun)
                # When it is the endpoint that does not work, the rest would fail as well.
                goes_on = time.monotonic() < until and not schedule.is_endpoints_fault(
                    outcome.status, outcome.error
                )
            self._sent.put(Result(each, outcome, begun))
        self._sent.put(batch)
        # Only now is there something to give to this thread.
        self._woken.set()

    def _attempt(self, it: Item | Question) -> Outcome:
        try:
            if isinstance(it, Question):
                return verify(self._outbound, it, self._settings.source)
            return self._deliver(it)
        except Exception:
            LOG.exception('%s: an attempt has failed (%s)', self.owner, it.target.endpoint)
            return Outcome(None, CONNECTION_FAILED, 0.0)

    def _deliver(self, item: Item) -> Outcome:
        target, event = item.target, item.event
        form = (target.version, target.thin)
        text = event.bodies.get(form)
        if text is None:
            text = event.bodies[form] = message.body(
                event.notification,
                target.version,
                thin=target.thin,
                longest=self._settings.longest_body,
            )
        sent = message.headers(
            target.secrets, target.id, event.notification.id, item.claim.attempt, text
        )
        return self._outbound.send('POST', target.url, sent, text)
