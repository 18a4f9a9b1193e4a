"""Deliveries as the API shows them, and sends them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.deliveries import Deliveries
from tests.front_door import Answer
from tests.receiver import Receiver, Reply


def call(
    service: Deliveries,
    subscription: str,
    method: str,
    path: str,
    body: Any = None,
    user: str = 'alice',
) -> Answer:
    return service.call(
        user, method, f'/subscriptions/{subscription}{path}', body, microversion='1.2'
    )


def listed(service: Deliveries, subscription: str, query: str = '') -> list[dict[str, Any]]:
    answer = call(service, subscription, 'GET', f'/deliveries{query}')
    assert answer.status == 200, answer.sentence
    found: list[dict[str, Any]] = answer.body['deliveries']
    return found


def replay(service: Deliveries, subscription: str, **wanted: Any) -> Answer:
    return call(service, subscription, 'POST', '/replays', wanted)


def test_what_is_shown(service: Deliveries, receiver: Receiver) -> None:
    """Attempts with status, error and latency, the start of the answer, and when it goes on."""
    subscription = service.subscribe(receiver.url())
    receiver.reply = Reply(500, body=b'\xff' + b'x' * 10_000)
    first, second = service.publish('lease-1', count=2)
    service.worker().run_once()
    waiting, failing = listed(service, subscription)
    assert (waiting['notification_id'], failing['notification_id']) == (second, first)
    assert (waiting['status'], waiting['attempts'], waiting['next_attempt_at']) == (
        'queued',
        [],
        None,
    )
    assert failing['status'] == 'queued'
    assert failing['type'] == 'lease.updated'
    assert failing['lease_id'] == 'lease-1'
    (attempt,) = failing['attempts']
    assert (attempt['status'], attempt['error']) == (500, 'http-500')
    assert attempt['latency_ms'] > 0
    assert failing['next_attempt_at'] > attempt['at']
    assert failing['response_head'].startswith('\ufffdxxx')
    assert len(failing['response_head']) <= 4096
    shown = call(service, subscription, 'GET', f'/deliveries/{failing["id"]}')
    assert shown.body['delivery'] == failing


def test_pages(service: Deliveries, receiver: Receiver) -> None:
    """The newest first, page by page, and by status."""
    subscription = service.subscribe(receiver.url())
    sent = service.publish('lease-1', count=5)
    service.worker().run_once()
    last = service.publish('lease-1')
    service.worker()._step()
    found = listed(service, subscription, '?limit=4')
    assert [each['notification_id'] for each in found] == [*last, *reversed(sent[2:])]
    rest = listed(service, subscription, f'?limit=4&marker={found[-1]["id"]}')
    assert [each['notification_id'] for each in rest] == [sent[1], sent[0]]
    open_ones = listed(service, subscription, '?status=queued')
    assert [each['notification_id'] for each in open_ones] == last
    assert call(service, subscription, 'GET', '/deliveries?marker=x').status == 400
    assert call(service, subscription, 'GET', '/deliveries?status=x').status == 400


def test_nobody_elses(service: Deliveries, receiver: Receiver) -> None:
    """Another project finds neither the deliveries nor what to send again."""
    subscription = service.subscribe(receiver.url())
    service.publish('lease-1')
    service.worker().run_once()
    (mine,) = listed(service, subscription)
    for method, path, body in (
        ('GET', '/deliveries', None),
        ('GET', f'/deliveries/{mine["id"]}', None),
        ('POST', f'/deliveries/{mine["id"]}/resend', {}),
        ('POST', '/replays', {'after': '0'}),
    ):
        assert call(service, subscription, method, path, body, 'bob').status == 404
    theirs = service.subscribe(receiver.url('/bob'), project='p-other')
    assert call(service, theirs, 'GET', f'/deliveries/{mine["id"]}', None, 'bob').status == 404


def test_resend(service: Deliveries, receiver: Receiver) -> None:
    """A delivery is sent again under its first ID, but not while it is on its way."""
    subscription = service.subscribe(receiver.url())
    (sent,) = service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    (before,) = listed(service, subscription)
    again = call(service, subscription, 'POST', f'/deliveries/{before["id"]}/resend', {})
    assert again.status == 202, again.sentence
    assert again.body['delivery']['id'] != before['id']
    twice = call(service, subscription, 'POST', f'/deliveries/{before["id"]}/resend', {})
    assert twice.status == 409
    worker.run_once()
    assert [each.id for each in receiver.received] == [sent, sent]
    assert [each['status'] for each in listed(service, subscription)] == ['delivered'] * 2


def test_replay(service: Deliveries, receiver: Receiver) -> None:
    """What has happened since, in order, as far as it is not on its way already."""
    subscription = service.subscribe(receiver.url())
    sent = service.publish('lease-1', count=3)
    worker = service.worker()
    worker.run_once()
    service.advance(10)
    later = service.publish('lease-1', kind='lease.ended')
    worker.run_once()
    receiver.clear()
    dry = replay(service, subscription, after='0', dry_run=True)
    assert (dry.status, dry.body['replay']['count']) == (200, 4)
    assert worker.run_once() == 0
    real = replay(service, subscription, after=f'{1:020d}')
    assert (real.status, real.body['replay']['count']) == (202, 3)
    assert replay(service, subscription, after='0').body['replay']['count'] == 1
    worker.run_once()
    assert sorted(each.id for each in receiver.received) == sorted(sent + later)
    assert [each.id for each in receiver.received if each.id in sent[1:]] == sent[1:]
    since = f'{(service.now - timedelta(minutes=5)).isoformat()}Z'
    by_time = replay(service, subscription, since=since, dry_run=True)
    assert by_time.body['replay']['count'] == 1
    until = replay(service, subscription, after='0', until=since, dry_run=True)
    assert until.body['replay']['count'] == 3
    types = replay(service, subscription, after='0', types=['lease.ended'], dry_run=True)
    assert types.body['replay']['count'] == 1


def test_replay_of_what_has_failed(service: Deliveries, receiver: Receiver) -> None:
    """With a status only what was not received at last."""
    subscription = service.subscribe(receiver.url())
    missed = service.publish('lease-1', count=2, expires_at=service.now + timedelta(minutes=1))
    service.worker()._step()
    path = f'/subscriptions/{subscription}'
    off = {'subscription': {'enabled': False}}
    assert service.call('alice', 'PATCH', path, off, microversion='1.2').status == 200
    assert replay(service, subscription, after='0').status == 409
    on = {'subscription': {'enabled': True}}
    assert service.call('alice', 'PATCH', path, on, microversion='1.2').status == 200
    service.subscription(subscription).verified()
    service.publish('lease-2', count=3)
    service.worker('other').run_once()
    receiver.clear()
    answer = replay(service, subscription, after='0', status='failed')
    assert answer.body['replay']['count'] == 2
    service.worker('other').run_once()
    assert [each.id for each in receiver.received] == missed


def test_replay_from_a_cursor(service: Deliveries, receiver: Receiver) -> None:
    """The cursor of a subscription that was disabled leads to all that it has missed."""
    subscription = service.subscribe(receiver.url())
    service.publish('lease-1', count=2)
    worker = service.worker()
    worker.run_once()
    receiver.reply = Reply(410)
    service.publish('lease-2')
    worker.run_once()
    found = service.subscription(subscription)
    assert (found.status, found.cursor) == ('disabled', f'{2:020d}')
    receiver.clear()
    receiver.reply = Reply()
    path = f'/subscriptions/{subscription}'
    on = {'subscription': {'enabled': True}}
    assert service.call('alice', 'PATCH', path, on, microversion='1.2').status == 200
    service.subscription(subscription).verified()
    assert replay(service, subscription, after=found.cursor).body['replay']['count'] == 1
    worker.run_once()
    (again,) = (each for each in receiver.received if each.id)
    assert again.event['partitionkey'] == 'lease-2'


def test_replay_of_what_is_not_kept(service: Deliveries, receiver: Receiver) -> None:
    """A cursor that nobody knows any more is told, and no gap; but not how much others do."""
    subscription = service.subscribe(receiver.url())
    service.publish('lease-1', project='p-other', count=7)
    answer = replay(service, subscription, after='99')
    assert answer.status == 410
    assert '7' not in answer.sentence
