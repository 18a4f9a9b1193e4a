"""An endpoint is asked whether it wants to be told, before anything is sent to it."""

from __future__ import annotations

import pytest

from tests.deliveries import Deliveries
from tests.receiver import Received, Receiver, Reply

ORIGIN = 'reservation-gateway'


@pytest.mark.parametrize(
    ('way', 'method', 'reply'),
    [
        ('auto', 'OPTIONS', Reply(200, {'WebHook-Allowed-Origin': ORIGIN})),
        ('auto', 'POST', Reply(204)),
        ('auto', 'GET', Reply(204)),
        ('options', 'OPTIONS', Reply(200, {'WebHook-Allowed-Origin': '*'})),
        ('test', 'POST', Reply(201)),
        ('get', 'GET', Reply(204)),
    ],
)
def test_what_counts_as_yes(
    service: Deliveries, receiver: Receiver, way: str, method: str, reply: Reply
) -> None:
    """Each way by which an endpoint can say yes; then what was queued goes out."""
    receiver.reply = lambda one: reply if one.method == method else Reply(405)
    subscription = service.subscribe(receiver.url(), verified=False, verify=way)
    (sent,) = service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    assert service.subscription(subscription).status in {'active', 'failing'}
    # It may not take by POST what it has agreed to otherwise.
    receiver.reply = Reply()
    service.advance(1)
    worker.run_once()
    assert service.subscription(subscription).status == 'active'
    last = receiver.received[-1]
    assert (last.method, last.id) == ('POST', sent)


@pytest.mark.parametrize(
    ('way', 'reply', 'error'),
    [
        ('options', Reply(200), 'bad-response'),
        ('options', Reply(200, {'WebHook-Allowed-Origin': 'elsewhere.example'}), 'bad-response'),
        ('get', Reply(200), 'http-200'),
        ('test', Reply(302, {'location': '/'}), 'redirect'),
        ('auto', Reply(403), 'http-403'),
        ('auto', Reply(0), 'connection-failed'),
    ],
)
def test_what_counts_as_no(
    service: Deliveries, receiver: Receiver, way: str, reply: Reply, error: str
) -> None:
    """Nothing is sent to an endpoint that has not said yes, and it is asked again."""
    receiver.reply = reply
    subscription = service.subscribe(receiver.url(), verified=False, verify=way)
    service.publish('lease-1')
    worker = service.worker()
    worker.run_once()
    found = service.subscription(subscription)
    assert found.status == 'pending'
    assert error in str(found.status_reason)
    assert all(b'lease-1' not in each.body for each in receiver.received)
    assert service.stored()[0]['state'] == 'queued'
    asked = len(receiver.received)
    assert worker.run_once() == 0
    service.advance(0.1)
    worker.run_once()
    assert len(receiver.received) > asked


def test_the_handshake(service: Deliveries, receiver: Receiver) -> None:
    """The origin is the name of this service; a test is signed as everything else."""
    receiver.reply = lambda one: Reply(204 if one.method == 'POST' else 405)
    subscription = service.subscribe(receiver.url(), verified=False)
    service.worker().run_once()
    options, test = receiver.received
    assert (options.method, options.headers['webhook-request-origin']) == ('OPTIONS', ORIGIN)
    assert test.headers['webhook-signature'].startswith('v1,')
    assert test.headers['blazar-subscription-id'] == subscription
    assert test.event['type'].endswith('subscription.test')
    assert test.event['id'] == test.id


def test_never_a_yes(service: Deliveries, receiver: Receiver) -> None:
    """An endpoint that never says yes is disabled when its last attempt has failed."""
    receiver.reply = Reply(403)
    subscription = service.subscribe(receiver.url(), verified=False, verify='test')
    worker = service.worker()
    for _ in range(13):
        worker.run_once()
        service.advance(24 * 60 * 1.2 + 1)
    found = service.subscription(subscription)
    assert found.status == 'disabled'
    assert 'http-403' in str(found.status_reason)


def test_an_endpoint_that_changes_meanwhile(service: Deliveries, receiver: Receiver) -> None:
    """A yes that comes from where it led before is none."""
    subscription = service.subscribe(receiver.url('/old'), verified=False, verify='test')
    path = f'/subscriptions/{subscription}'

    def reply(one: Received) -> Reply:
        if one.path == '/old':
            body = {'subscription': {'notify_endpoint': {'url': receiver.url('/new')}}}
            assert service.call('alice', 'PATCH', path, body, microversion='1.2').status == 200
            return Reply()
        return Reply(403)

    receiver.reply = reply
    service.worker().run_once()
    assert service.subscription(subscription).status == 'pending'
