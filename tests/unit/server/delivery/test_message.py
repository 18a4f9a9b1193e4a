"""What a webhook says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from blazarclient.server.delivery import message
from tests.deliveries import Deliveries
from tests.front_door import BEGIN
from tests.receiver import Receiver

SECRET = 'whsec_' + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with Receiver() as running:
        yield running


@pytest.fixture
def service() -> Iterator[Deliveries]:
    """A service whose clock stands still."""
    made = Deliveries(longest_body=2048)
    yield made
    made.close()


def test_headers() -> None:
    """Exactly those of the contract, signed by every secret over id, time and body."""
    found = message.headers([SECRET, SECRET], 'sub', 'msg', 3, b'{}', now=1795187200.9)
    digest = hmac.digest(bytes(range(32)), b'msg.1795187200.{}', hashlib.sha256)
    signature = f'v1,{base64.b64encode(digest).decode()}'
    assert found == {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'user-agent': 'reservation-gateway/5.0',
        'webhook-id': 'msg',
        'webhook-timestamp': '1795187200',
        'webhook-signature': f'{signature} {signature}',
        'blazar-subscription-id': 'sub',
        'blazar-delivery-attempt': '3',
    }


def test_what_arrives(service: Deliveries, receiver: Receiver) -> None:
    """A CloudEvent with the lease in the form that the subscription asks for."""
    new = service.subscribe(receiver.url('/new'))
    old = service.subscribe(receiver.url('/old'), payload_version='1.1', payload='thin')
    (notification,) = service.publish('lease-1', kind='lease.started')
    assert service.worker().run_once() == 2
    found = {each.path: each for each in receiver.received}
    assert found['/new'].headers['blazar-subscription-id'] == new
    assert found['/old'].headers['blazar-subscription-id'] == old
    assert {each.id for each in receiver.received} == {notification}
    event = found['/new'].event
    assert event['id'] == notification
    assert event['type'] == 'org.openstack.reservation.lease.started'
    assert event['subject'] == 'leases/lease-1'
    assert event['sequence'] == f'{1:020d}'
    assert event['time'] == f'{BEGIN.isoformat()}Z'
    assert event['data']['lease']['start_date'] == '2030-01-07T08:00:00Z'
    assert found['/old'].event['data']['lease'] == {'id': 'lease-1'}


def test_a_body_that_is_too_long_becomes_thin(service: Deliveries, receiver: Receiver) -> None:
    """Above the limit only the ID of the lease is sent."""
    service.subscribe(receiver.url())
    service.publish('short')
    service.publish('long', document={'name': 'x' * 2048})
    service.worker().run_once()
    by_lease = {each.event['partitionkey']: each for each in receiver.received}
    assert by_lease['short'].event['data']['lease']['name'] == 'lease short'
    assert by_lease['long'].event['data']['lease'] == {'id': 'long'}
    assert len(by_lease['long'].body) <= 2048


def test_any_text(service: Deliveries, receiver: Receiver) -> None:
    """Names in any script arrive, and also half of a surrogate pair does not stop anything."""
    service.subscribe(receiver.url())
    service.publish('lease-1', document={'name': 'Ångström 租约 \ud800'})
    service.worker().run_once()
    (found,) = receiver.received
    assert json.loads(found.body)['data']['lease']['name'] == 'Ångström 租约 \ud800'
