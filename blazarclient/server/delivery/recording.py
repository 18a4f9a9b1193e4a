"""What became of attempts: of the deliveries, their lanes, subscriptions and endpoints."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from blazarclient.server import metrics
from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery import schedule
from blazarclient.server.delivery.batches import Item, Question, Result, subscription_of
from blazarclient.server.delivery.outbound import Outcome
from blazarclient.server.delivery.schedule import Breaker
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.objects.subscription_state import PATIENCE
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import endpoints, sending
from blazarclient.server.store.sending import Ended

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ['Counts', 'give_up_failing', 'record']

_NOT_STARTED = '[]'
#: When nothing has arrived yet.
_NEVER = datetime.min  # noqa: DTZ901
#: Of a success that is no older nobody need write down another one.
_FRESH = timedelta(seconds=1)


@dataclasses.dataclass(slots=True)
class Counts:
    """How many deliveries have ended in one step."""

    delivered: int = 0
    failed: int = 0
    expired: int = 0
    #: Seconds from when something was noticed to when it was delivered.
    lags: list[float] = dataclasses.field(default_factory=list)

    def add(self, item: Item, state: str, now: datetime) -> None:
        """Count one that has ended in a state."""
        if state == 'delivered':
            self.delivered += 1
            noticed_at = item.event.notification.noticed_at
            self.lags.append(max(0.0, (now - noticed_at).total_seconds()))
        elif state == 'failed':
            self.failed += 1
        elif state == 'expired':
            self.expired += 1

    def tell(self) -> None:
        """Tell Prometheus."""
        metrics.DELIVERED.inc(self.delivered)
        metrics.FAILED.inc(self.failed)
        metrics.EXPIRED.inc(self.expired)
        for each in self.lags:
            metrics.LAG_SECONDS.observe(each)


def record(
    ctx: RequestContext,
    connection: Connection,
    results: Sequence[Result],
    anchor: Anchor,
    now: datetime,
    chance: Callable[[], float],
) -> Counts:
    """Record what became of attempts, as far as their deliveries still belong to this worker.

    :param now: naive UTC, by the service's clock.
    :param chance: a number from 0 to 1, for pauses that differ.
    """
    counts = Counts()
    for result in results:
        if isinstance(result.of, Question) and result.outcome is not None:
            _answered(ctx, result.of, result.outcome, now, chance)
    mine = [(each.of, each) for each in results if isinstance(each.of, Item)]
    if not mine:
        return counts
    held = sending.held(connection, [item.claim for item, _ in mine])
    back = [item.claim for item, each in mine if each.outcome is None and item.claim.id in held]
    if back:
        sending.give_back(connection, back)
    tried = [
        (item, each.outcome, each.begun)
        for item, each in mine
        if each.outcome is not None and item.claim.id in held
    ]
    if not tried:
        return counts
    ended: list[Ended] = []
    free: set[sending.Lane] = set()
    for item, outcome, begun in tried:
        row = _ended(item, outcome, anchor.now(begun), now, chance)
        ended.append(row)
        if row.finished_at is not None:
            free.add((item.due.subscription_id, item.due.lane))
            counts.add(item, row.state, now)
    sending.finish(connection, ended, now)
    if free:
        sending.promote(connection, free, now)
    _tell_breakers(connection, tried, now)
    _tell_subscriptions(ctx, connection, tried, now)
    return counts


def _ended(
    item: Item, outcome: Outcome, at: datetime, now: datetime, chance: Callable[[], float]
) -> Ended:
    """The row of a delivery after an attempt."""
    before = item.due.attempts
    attempt = {
        'at': wire_utc(at),
        'status': outcome.status,
        'error': outcome.error,
        'latency_ms': round(outcome.latency_ms, 1),
    }
    text = json.dumps([attempt])
    failures = 1
    if before != _NOT_STARTED:
        attempts = [*json.loads(before), attempt]
        text, failures = json.dumps(attempts), len(attempts)
    state, due_at = 'delivered', now
    if outcome.error is not None:
        state, due_at = _after_failure(item, outcome, failures, now, chance)
    return Ended(
        *item.claim,
        state,
        due_at,
        text,
        outcome.status,
        outcome.head or None,
        outcome.error,
        None if state == 'queued' else now,
    )


def _after_failure(
    item: Item, outcome: Outcome, failures: int, now: datetime, chance: Callable[[], float]
) -> tuple[str, datetime]:
    """The state of a delivery whose attempt has failed, and when it is due again."""
    if schedule.wants_no_more(outcome.status):
        # It is cancelled with all others when its subscription is disabled, and so was missed.
        return 'queued', now
    pause = schedule.retry_in(failures, chance, status=outcome.status, wish=outcome.retry_after)
    if pause is None:
        return 'failed', now
    due_at = now + timedelta(seconds=pause)
    if item.due.expires_at is not None and item.due.expires_at <= due_at:
        return 'expired', now
    return 'queued', due_at


#: A delivery with what became of it, and when it was sent.
_Tried = Iterable[tuple[Item, Outcome, float]]


def _tell_breakers(connection: Connection, tried: _Tried, now: datetime) -> None:
    by_endpoint: dict[str, list[bool]] = defaultdict(list)
    concerned = set()
    for item, outcome, _ in tried:
        is_fault = schedule.is_endpoints_fault(outcome.status, outcome.error)
        by_endpoint[item.target.endpoint].append(is_fault)
        if is_fault or item.has_failed:
            concerned.add(item.target.endpoint)
    if not concerned:
        return
    known = endpoints.breakers_of(connection, concerned)
    closed = []
    for endpoint in concerned:
        breaker = before = Breaker(*known.get(endpoint, (0, None)))
        failures = 0
        for is_fault in by_endpoint[endpoint]:
            if is_fault:
                failures += 1
            else:
                # It has answered, and not with an error of its own.
                breaker, failures = Breaker(), 0
        if failures:
            breaker = breaker.after(failures, now)
        if breaker == before:
            continue
        if breaker == Breaker():
            closed.append(endpoint)
        else:
            endpoints.set_breaker(connection, endpoint, breaker.failures, breaker.open_until)
    endpoints.close_breakers(connection, closed)


def _tell_subscriptions(
    ctx: RequestContext, connection: Connection, tried: _Tried, now: datetime
) -> None:
    by_id: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for item, outcome, _ in tried:
        by_id[item.target.id].append((item.target.url, outcome.error))
    healthy: list[str] = []
    others: dict[str, list[str | None]] = {}
    for row in endpoints.health_of(connection, by_id):
        # Of where it led before nobody wants to know any more.
        errors = [error for url, error in by_id[row['id']] if url == row['url']]
        if any(errors) or row['status'] != 'active' or row['consecutive_failures']:
            others[row['id']] = errors
        elif errors and (row['last_success_at'] or _NEVER) < now - _FRESH:
            healthy.append(row['id'])
    if healthy:
        endpoints.has_heard(connection, healthy, now)
    if others:
        for row in endpoints.subscriptions_of(connection, others):
            _tell(subscription_of(ctx, row), others[row['id']], now)


def _tell(subscription: Subscription, errors: Sequence[str | None], now: datetime) -> None:
    """Tell a subscription how it went: in order, None for what has arrived."""
    if None in errors:
        subscription.succeeded(now)
    failed = [each for each in _after_last_success(errors) if each]
    if failed:
        gone = next((each for each in failed if each == 'http-410'), failed[-1])
        subscription.failed(now, gone, attempts=len(failed))


def _after_last_success(errors: Sequence[str | None]) -> Sequence[str | None]:
    for place in range(len(errors), 0, -1):
        if errors[place - 1] is None:
            return errors[place:]
    return errors


def _answered(
    ctx: RequestContext,
    question: Question,
    outcome: Outcome,
    now: datetime,
    chance: Callable[[], float],
) -> None:
    """Record what an endpoint has said to being asked whether it wants to be told."""
    subscription = Subscription.for_service(ctx, question.target.id)
    if (
        subscription is None
        or subscription.status != 'pending'
        or subscription.url != question.target.url
        or subscription.verify_attempts != question.attempts + 1
    ):
        # Somebody else has asked meanwhile, or it leads elsewhere now.
        return
    if outcome.error is None:
        subscription.verified()
        return
    pause = schedule.retry_in(
        question.attempts + 1, chance, status=outcome.status, wish=outcome.retry_after
    )
    if pause is None:
        subscription.disable(f'Its endpoint could not be verified: {outcome.error}.')
        return
    subscription.failed(now, outcome.error)
    if subscription.status == 'pending':
        subscription.change(verify_at=now + timedelta(seconds=pause))


def give_up_failing(ctx: RequestContext, connection: Connection, now: datetime) -> None:
    """Disable subscriptions to which nothing has arrived for too long."""
    for each in endpoints.failing_since(connection, now - PATIENCE):
        subscription = Subscription.for_service(ctx, each)
        if subscription is not None:
            hours = int(PATIENCE.total_seconds() // 3600)
            subscription.disable(f'Nothing has arrived for {hours} hours.')
