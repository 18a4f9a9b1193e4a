"""A lease on a real Blazar, through RabbitMQ and the gateway, to a receiver of webhooks.

It takes three minutes: Blazar counts in whole ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks import Webhook

from tests.real_cloud import REAL, RealCloud, until
from tests.receiver import Received, Receiver

pytestmark = pytest.mark.skipif(not REAL, reason='needs the real cloud of tests/cloud')

KINDS = ('created', 'updated', 'started', 'before_end', 'ended', 'deleted')
PREFIX = 'org.openstack.reservation.lease.'
VERSION = {'Accept': 'application/json', 'OpenStack-API-Version': 'reservation 1.1'}
#: Seconds that a comparison, its doubts and a delivery may take.
SETTLED = 15.0


@pytest.fixture
def cloud() -> Iterator[RealCloud]:
    """The cloud."""
    made = RealCloud()
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes webhooks."""
    with Receiver() as made:
        yield made


def test_each_arrives_once(cloud: RealCloud, receiver: Receiver) -> None:
    """Each part of a lease's life arrives once, signed, as a CloudEvent, and by the bus."""
    session = cloud.session('alice')
    with cloud.gateway() as gateway:

        def ask(method: str, path: str, **options: Any) -> Any:
            return session.request(
                gateway + path, method, raise_exc=False, headers=VERSION, **options
            )

        wanted = {'notify_endpoint': {'url': receiver.url()}, 'types': ['lease.*']}
        answer = ask('POST', '/subscriptions', json={'subscription': wanted})
        assert answer.status_code == 201, answer.text
        made = answer.json()['subscription']
        path = f'/subscriptions/{made["id"]}'
        try:
            until(lambda: ask('GET', path).json()['subscription']['status'] == 'active')
            lease = _live(cloud, receiver, made['secret'])
            # Whatever would come twice has time to.
            time.sleep(SETTLED)
        finally:
            ask('DELETE', path)
    arrived = _of(receiver, lease)
    assert [_kind(each) for each in arrived] == list(KINDS)
    assert {each.event['data']['source'] for each in arrived} == {'bus'}
    assert b'trust' not in b''.join(each.body for each in arrived)


def _live(cloud: RealCloud, receiver: Receiver, secret: str) -> str:
    """Let a lease live and go, and return its ID when all of it has arrived."""
    lease = cloud.create(start=1, end=60)
    for kind in KINDS:
        if kind == 'updated':
            cloud.move(lease, 3)
        elif kind == 'deleted':
            cloud.delete(lease)
        until(lambda kind=kind: kind in [_kind(each) for each in _of(receiver, lease)], 240)  # type: ignore[misc]
        # A signature is good for five minutes.
        event = _verified(_of(receiver, lease)[-1], secret)
        assert event.get_type() == PREFIX + kind
        assert event.get_subject() == f'leases/{lease}'
    return lease


def _of(receiver: Receiver, lease: str) -> list[Received]:
    """What has arrived of a lease."""
    return [
        each
        for each in receiver.received
        if each.method == 'POST' and each.event.get('subject') == f'leases/{lease}'
    ]


def _kind(received: Received) -> str:
    kind: str = received.event['type']
    return kind.removeprefix(PREFIX)


def _verified(received: Received, secret: str) -> BaseCloudEvent:
    """The CloudEvent, as libraries of others verify and read it."""
    Webhook(secret).verify(received.body, {**received.headers})
    return from_structured_event(HTTPMessage({**received.headers}, received.body))
