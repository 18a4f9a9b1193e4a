"""The delivery worker: what has happened arrives, in order, and again when it did not."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.delivery import schedule
from blazarclient.server.delivery.worker import Worker
from tests.deliveries import Deliveries
from tests.receiver import Received, Receiver, Reply

PATIENCE = 30.0


def states(service: Deliveries, subscription_id: str | None = None) -> list[str]:
    return [row['state'] for row in service.stored(subscription_id)]


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def by_lease(receiver: Receiver) -> dict[str, list[str]]:
    """The IDs that came, by the lease, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for each in receiver.received:
        found.setdefault(each.event['partitionkey'], []).append(each.id)
    return found


# ------------------------------------------------------------------------ order


def test_each_lease_in_order(service: Deliveries, receiver: Receiver) -> None:
    """All arrive once; those of one lease in the order of the log."""
    subscription = service.subscribe(receiver.url())
    sent = {f'lease-{n}': service.publish(f'lease-{n}', count=7) for n in range(5)}
    assert service.worker().run_once() == 35
    assert by_lease(receiver) == sent
    assert Counter(states(service)) == {'delivered': 35}
    assert service.subscription(subscription).cursor == f'{35:020d}'


def test_two_at_work(service: Deliveries, receiver: Receiver) -> None:
    """Several workers send each notification once, and those of one lease in order."""
    for host in range(1, 4):
        service.subscribe(receiver.url(host=f'127.0.0.{host}'))
    sent = {f'lease-{n}': service.publish(f'lease-{n}', count=5) for n in range(20)}
    with service.working(*(service.worker(f'worker-{n}') for n in range(3))):
        receiver.wait(300)
        wait_for(lambda: Counter(states(service)) == {'delivered': 300})
    found: dict[tuple[str, str], list[str]] = {}
    for each in receiver.received:
        found.setdefault((each.host, each.event['partitionkey']), []).append(each.id)
    assert len(receiver.received) == 300
    assert all(ids == sent[lease] for (_, lease), ids in found.items())
    assert max(receiver.most.values()) <= 4


def test_a_lane_waits_for_its_head(service: Deliveries, receiver: Receiver) -> None:
    """What comes after a failure in one lease waits; other leases do not."""
    service.subscribe(receiver.url())
    receiver.reply = lambda one: Reply(404 if one.event['partitionkey'] == 'bad' else 204)
    bad, good = service.publish('bad', count=3), service.publish('good', count=3)
    worker = service.worker()
    worker.run_once()
    assert by_lease(receiver) == {'bad': bad[:1], 'good': good}
    receiver.reply = Reply()
    receiver.clear()
    service.advance(1)
    worker.run_once()
    assert by_lease(receiver) == {'bad': bad}


# ---------------------------------------------------------------------- retries


def test_the_same_id_on_each_attempt(service: Deliveries, receiver: Receiver) -> None:
    """Attempts are counted in a header, and written down with what came of them."""
    subscription = service.subscribe(receiver.url())
    receiver.reply = Reply(404, body=b'no such hook')
    (sent,) = service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    service.advance(1)
    receiver.reply = Reply(200, body=b'thanks')
    worker.run_once()
    assert [each.id for each in receiver.received] == [sent] * 2
    attempts = [each.headers['blazar-delivery-attempt'] for each in receiver.received]
    assert attempts == ['1', '2']
    (row,) = service.stored(subscription)
    assert (row['state'], row['response_status'], row['response_head']) == (
        'delivered',
        200,
        'thanks',
    )
    assert '"status": 404, "error": "http-404"' in row['attempts']


def test_given_up(service: Deliveries, receiver: Receiver) -> None:
    """After twelve attempts a delivery has failed, and its lane goes on."""
    subscription = service.subscribe(receiver.url())
    first, second = service.publish('lease-1', count=2)
    receiver.reply = lambda one: Reply(404 if one.id == first else 204)
    worker = service.worker()
    worker.run_once()
    for pause in schedule.BACK_OFF:
        service.advance(pause * 1.21 / 60)
        worker.run_once()
    assert [each.id for each in receiver.received] == [first] * 12 + [second]
    assert states(service) == ['failed', 'delivered']
    assert service.subscription(subscription).status == 'active'


@pytest.mark.parametrize('status', [301, 302, 307, 308])
def test_redirects_are_failures(service: Deliveries, receiver: Receiver, status: int) -> None:
    """Nothing is sent where a receiver points to."""
    service.subscribe(receiver.url('/one'))
    receiver.reply = Reply(status, {'location': receiver.url('/two')})
    service.publish('lease-1')
    service.worker().run_once()
    assert [each.path for each in receiver.received] == ['/one']
    (row,) = service.stored()
    assert (row['state'], row['error']) == ('queued', 'redirect')


@pytest.mark.parametrize('status', [429, 503])
def test_retry_after_is_honoured(service: Deliveries, receiver: Receiver, status: int) -> None:
    """A receiver that asks to be left alone is."""
    service.subscribe(receiver.url())
    receiver.reply = Reply(status, {'retry-after': '600'})
    service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    receiver.reply = Reply()
    service.advance(9)
    assert worker.run_once() == 0
    service.advance(2)
    assert worker.run_once() == 1


def test_retry_after_as_a_date(service: Deliveries, receiver: Receiver) -> None:
    """A date means the same, and never more than an hour."""
    service.subscribe(receiver.url())
    later = datetime.now(UTC) + timedelta(days=2)
    receiver.reply = Reply(503, {'retry-after': format_datetime(later, usegmt=True)})
    service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    service.advance(59)
    assert worker.run_once() == 0
    service.advance(2)
    assert worker.run_once() == 1


def test_gone(service: Deliveries, receiver: Receiver) -> None:
    """An endpoint that answers 410 is sent nothing more; the project's others hear of it."""
    gone = service.subscribe(receiver.url('/gone'))
    watching = service.subscribe(receiver.url('/watching'), types=['subscription.*'])
    receiver.reply = lambda one: Reply(410 if one.path == '/gone' else 204)
    service.publish('lease-1', count=3)
    service.worker().run_once()
    assert [each.path for each in receiver.received] == ['/gone', '/watching']
    assert states(service, gone) == ['cancelled', 'cancelled', 'cancelled']
    found = service.subscription(gone)
    assert (found.status, found.enabled) == ('disabled', False)
    assert '410' in str(found.status_reason)
    event = receiver.received[-1].event
    assert event['type'].endswith('subscription.disabled')
    assert event['data']['subscription']['id'] == gone
    assert states(service, watching) == ['delivered']


def test_disabled_after_120_hours(service: Deliveries, receiver: Receiver) -> None:
    """An endpoint to which nothing arrives for five days is given up, with the reason."""
    subscription = service.subscribe(receiver.url())
    receiver.reply = Reply(404)
    worker = service.worker()
    service.publish('lease-1')
    worker.run_once()
    assert service.subscription(subscription).status == 'failing'
    service.advance(119 * 60)
    service.publish('lease-2')
    worker.run_once()
    assert service.subscription(subscription).status == 'failing'
    service.advance(61)
    service.publish('lease-3')
    worker.run_once()
    found = service.subscription(subscription)
    assert found.status == 'disabled'
    assert found.status_reason == 'Nothing has arrived for 120 hours; the last error was http-404.'
    assert set(states(service)) == {'cancelled'}


def test_failing_and_back(service: Deliveries, receiver: Receiver) -> None:
    """A subscription is failing from its first failure to its next success."""
    subscription = service.subscribe(receiver.url())
    receiver.reply = Reply(404)
    service.publish('lease-1')
    service.publish('lease-2')
    worker = service.worker()
    worker.run_once()
    found = service.subscription(subscription)
    assert (found.status, found.consecutive_failures) == ('failing', 2)
    assert found.last_failure_at == service.now
    receiver.reply = Reply()
    service.advance(1)
    worker.run_once()
    found = service.subscription(subscription)
    assert (found.status, found.consecutive_failures) == ('active', 0)
    assert (found.failing_since, found.last_success_at) == (None, service.now)


# ----------------------------------------------------------------------- expiry


def test_expired(service: Deliveries, receiver: Receiver) -> None:
    """What nobody wants any more is not sent: it has expired, not failed."""
    service.subscribe(receiver.url())
    service.publish('lease-1', count=3, expires_at=service.now + timedelta(minutes=5))
    (last,) = service.publish('lease-1')
    service.advance(6)
    service.worker().run_once()
    assert [each.id for each in receiver.received] == [last]
    assert states(service) == ['expired', 'expired', 'expired', 'delivered']


def test_no_retry_after_the_expiry(service: Deliveries, receiver: Receiver) -> None:
    """A retry that would come too late is none, and the lane goes on at once."""
    service.subscribe(receiver.url())
    (first,) = service.publish('lease-1', expires_at=service.now + timedelta(seconds=1))
    (second,) = service.publish('lease-1')
    receiver.reply = lambda one: Reply(404 if one.id == first else 204)
    service.worker().run_once()
    assert [each.id for each in receiver.received] == [first, second]
    assert states(service) == ['expired', 'delivered']


# ------------------------------------------------------------ who may be sent what


def test_the_filter_is_looked_at_again(service: Deliveries, receiver: Receiver) -> None:
    """What a subscription does not want any more by the time it is due is not sent."""
    subscription = service.subscribe(receiver.url())
    service.publish('lease-1', count=2)
    (wanted,) = service.publish('lease-1', kind='lease.ended')
    receiver.reply = Reply(404)
    worker = service.worker()
    worker.run_once()
    receiver.clear()
    receiver.reply = Reply()
    path = f'/subscriptions/{subscription}'
    service.advance(1)
    changed = {'types': ['lease.ended'], 'notify_endpoint': {'url': receiver.url()}}
    answer = service.call('alice', 'PATCH', path, {'subscription': changed}, microversion='1.2')
    assert answer.status == 200, answer.sentence
    worker.run_once()
    assert [each.id for each in receiver.received] == [wanted]
    assert states(service) == ['cancelled', 'cancelled', 'delivered']


def test_other_projects_hear_nothing(service: Deliveries, receiver: Receiver) -> None:
    """A project's subscriptions hear of its own leases; one with scope all of every one."""
    service.subscribe(receiver.url('/own'), project='p-demo')
    service.subscribe(receiver.url('/other'), project='p-other')
    until = (service.now + timedelta(days=30)).isoformat()
    body = {
        'notify_endpoint': {'url': receiver.url('/all')},
        'scope': 'all',
        'expires_at': f'{until}Z',
    }
    answer = service.call(
        'admin', 'POST', '/subscriptions', {'subscription': body}, microversion='1.2'
    )
    assert answer.status == 201, answer.sentence
    service.subscription(answer.body['subscription']['id']).verified()
    service.publish('lease-1', project='p-other')
    service.worker().run_once()
    assert sorted(each.path for each in receiver.received) == ['/all', '/other']


def test_only_what_comes_after_it(service: Deliveries, receiver: Receiver) -> None:
    """A new subscription hears of what happens from then on."""
    service.publish('lease-1')
    service.subscribe(receiver.url())
    (after,) = service.publish('lease-1')
    service.worker().run_once()
    assert [each.id for each in receiver.received] == [after]


def test_a_deleted_subscription(service: Deliveries, receiver: Receiver) -> None:
    """What was queued for it goes with it."""
    subscription = service.subscribe(receiver.url())
    receiver.reply = Reply(404)
    service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    path = f'/subscriptions/{subscription}'
    assert service.call('alice', 'DELETE', path, microversion='1.2').status == 204
    service.advance(1)
    assert worker.run_once() == 0
    assert service.stored() == []


# --------------------------------------------------------------- limits and turns


def test_four_to_a_host(service: Deliveries, receiver: Receiver) -> None:
    """However much is due, and for whomever, a host gets four at one time."""
    receiver.reply = Reply(delay=0.05)
    for number in range(3):
        project = f'p-{number}'
        service.subscribe(receiver.url(f'/{number}'), project=project)
        for lease in range(20):
            service.publish(f'{project}-{lease}', project=project)
    with service.working(service.worker('one'), service.worker('two')):
        receiver.wait(60)
    assert len(receiver.received) == 60
    assert receiver.most['127.0.0.1'] <= 4


def test_breaker(service: Deliveries, receiver: Receiver) -> None:
    """After five failures an endpoint is left alone; then one attempt shows how it is."""
    service.subscribe(receiver.url())
    receiver.reply = Reply(500)
    for number in range(40):
        service.publish(f'lease-{number}')
    worker = service.worker()
    worker.run_once()
    tried = len(receiver.received)
    assert 5 <= tried <= 8
    service.advance(4 / 60)
    assert worker.run_once() == 0
    service.advance(2 / 60)
    assert worker.run_once() == 1
    service.advance(5 / 60)
    assert worker.run_once() == 0
    receiver.reply = Reply()
    service.advance(6 / 60)
    worker.run_once()
    service.advance(1)
    worker.run_once()
    assert Counter(states(service)) == {'delivered': 40}


def test_slow_endpoints_keep_nobody_waiting(service: Deliveries, receiver: Receiver) -> None:
    """While every connection that slow endpoints may have is taken, others are sent to at once."""
    hold = threading.Event()

    def reply(one: Received) -> Reply:
        if one.path == '/slow':
            hold.wait(PATIENCE)
        return Reply()

    receiver.reply = reply
    for number in range(20):
        project = f'p-{number}'
        service.subscribe(receiver.url('/slow', host=f'127.0.1.{number + 1}'), project=project)
        for lease in range(10):
            service.publish(f'{project}-{lease}', project=project)
    service.subscribe(receiver.url('/fast'), project='p-fast')
    worker = Worker(service.context, 'small', service.outbound)
    try:
        with service.working(worker):
            receiver.wait(20)
            service.publish('lease', project='p-fast')
            wait_for(lambda: any(each.path == '/fast' for each in receiver.received))
            hold.set()
    finally:
        hold.set()


# -------------------------------------------------------------- workers that fail


def claimed(service: Deliveries, worker: Worker) -> Callable[[], None]:
    """Let a worker claim what is due and stand still; what it does when it goes on."""
    step = worker._step()
    assert step.batches

    def go_on() -> None:
        for batch in step.batches:
            worker._send(batch)
        worker._step()

    return go_on


def test_taken_over(service: Deliveries, receiver: Receiver) -> None:
    """What a dead worker had is sent by another one when its time is over."""
    service.subscribe(receiver.url())
    service.publish('lease-1')
    claimed(service, service.worker('dead', claim_seconds=0.2))
    other = service.worker('other')
    assert other.run_once() == 0
    time.sleep(1.1)
    assert other.run_once() == 1
    assert receiver.received[0].headers['blazar-delivery-attempt'] == '2'
    assert states(service) == ['delivered']


def test_too_late(service: Deliveries, receiver: Receiver) -> None:
    """A worker that slept past its deadline sends nothing and changes nothing."""
    service.subscribe(receiver.url())
    service.publish('lease-1')
    go_on = claimed(service, service.worker('late', claim_seconds=0.2))
    time.sleep(1.1)
    receiver.reply = Reply(404)
    assert service.worker('other').run_once() == 1
    before = service.stored()
    receiver.reply = Reply()
    go_on()
    assert len(receiver.received) == 1
    assert service.stored() == before


def test_an_answer_that_comes_too_late(service: Deliveries, receiver: Receiver) -> None:
    """What was sent in time and recorded too late changes nothing either."""
    service.subscribe(receiver.url())
    service.publish('lease-1')
    late = service.worker('late', claim_seconds=2)
    step = late._step()
    receiver.reply = Reply(404)
    late._send(step.batches[0])
    time.sleep(2.2)
    receiver.reply = Reply()
    assert service.worker('other').run_once() == 1
    before = service.stored()
    late._step()
    assert service.stored() == before
    assert service.subscription(before[0]['subscription_id']).status == 'active'


def test_what_was_not_sent_is_given_back(service: Deliveries, receiver: Receiver) -> None:
    """A batch that takes too long ends, and what it leaves was no attempt."""
    service.subscribe(receiver.url())
    numbers = itertools.count()
    receiver.reply = lambda one: Reply(delay=2.1 if next(numbers) == 0 else 0)
    for number in range(12):
        service.publish(f'lease-{number}')
    service.worker().run_once()
    assert len({each.id for each in receiver.received}) == len(receiver.received) == 12
    assert {each.headers['blazar-delivery-attempt'] for each in receiver.received} == {'1'}


def test_the_end_records_what_is_on_its_way(service: Deliveries, receiver: Receiver) -> None:
    """A worker that is told to stop records what it sends, and gives the rest back."""
    service.subscribe(receiver.url())
    receiver.reply = Reply(delay=0.3)
    for number in range(40):
        service.publish(f'lease-{number}')
    with service.working():
        receiver.wait(4)
    assert Counter(states(service)) == {
        'delivered': len(receiver.received),
        'queued': 40 - len(receiver.received),
    }


def test_woken_by_the_bell(service: Deliveries, receiver: Receiver) -> None:
    """What is published while a worker is idle is sent at once."""
    service.subscribe(receiver.url())
    with service.working():
        time.sleep(0.3)
        service.publish('lease-1')
        assert receiver.wait(1)


def test_a_clock_that_is_fast(service: Deliveries, receiver: Receiver) -> None:
    """Where the service's clock is fast, retries come as fast."""
    service.set_clock(service.now, speed=1000)
    service.subscribe(receiver.url())
    receiver.reply = lambda one: Reply(
        404 if int(one.headers['blazar-delivery-attempt']) < 5 else 204
    )
    service.publish('lease-1')
    with service.working():
        assert len(receiver.wait(5)) == 5


def test_a_database_that_is_away(
    service: Deliveries, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker goes on when the database is back, and loses nothing of what it has sent."""
    service.subscribe(receiver.url())
    (first,) = service.publish('lease-1')
    away, refused = threading.Event(), threading.Event()
    transaction = service.database.transaction

    def broken(*, write: bool = True) -> Any:
        if away.is_set():
            refused.set()
            raise errors.Busy('The database is away.')
        return transaction(write=write)

    def reply(one: Received) -> Reply:
        if one.id == first:
            away.set()
        return Reply()

    monkeypatch.setattr(service.database, 'transaction', broken)
    receiver.reply = reply
    with service.working():
        assert refused.wait(PATIENCE)
        away.clear()
        (second,) = service.publish('lease-1')
        wait_for(lambda: states(service) == ['delivered', 'delivered'])
    assert [each.id for each in receiver.received] == [first, second]
