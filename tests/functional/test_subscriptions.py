"""What happens to a lease reaches a webhook receiver and a reader of the feed.

On a sandbox of its own, whose clock goes on as the test wants; with ``BLAZARCLIENT_TEST_CLOUD=1``
on the real cloud behind a gateway, where the same takes five minutes.
"""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from keystoneauth1 import session as keystone_session
from standardwebhooks import Webhook, WebhookVerificationError

from blazarclient import testing
from tests.functional import plain
from tests.functional.conftest import HYPERVISORS, REAL
from tests.receiver import Received, Receiver

LIFE = ('created', 'started', 'before_end', 'ended')
#: Seconds within which something arrives that has happened.
PATIENCE = 60.0
_PREFIX = 'org.openstack.reservation.lease.'


@dataclasses.dataclass(frozen=True)
class Place:
    """Where there are leases: who asks, and how time goes by."""

    session: keystone_session.Session
    now: Callable[[], datetime]
    #: Return when it is so late.
    wait_until: Callable[[datetime], None]

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request at 1.2, and return any answer."""
        return plain.request(self.session, method, path, microversion='1.2', **options)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if REAL:
        session = request.getfixturevalue('cloud').session('alice')
        request.getfixturevalue('hosts')
        if plain.request(session, 'GET', 'subscriptions', microversion='1.2').status_code != 200:
            pytest.skip('the cloud is not behind a gateway')
        yield Place(session, lambda: datetime.now(UTC), _sleep_until)
        return
    with testing.sandbox(hosts=len(HYPERVISORS)) as box:

        def move(moment: datetime) -> None:
            if moment > box.clock.now():
                box.clock.set(moment)

        yield Place(box.session('alice'), box.clock.now, move)


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


@dataclasses.dataclass(frozen=True)
class Subscribed:
    """A subscription whose endpoint is known to want notifications."""

    id: str
    secret: str


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def subscribe(place: Place, receiver: Receiver, **values: Any) -> Subscribed:
    """Subscribe, and wait until the endpoint was asked."""
    body = {'notify_endpoint': {'url': receiver.url()}, **values}
    answer = place.ask('POST', 'subscriptions', json={'subscription': body})
    assert answer.status_code == 201, answer.text
    made = answer.json()['subscription']
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = place.ask('GET', f'subscriptions/{made["id"]}').json()['subscription']
        if shown['status'] == 'active':
            return Subscribed(made['id'], made['secret'])
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)


def make_lease(place: Place, end: datetime, **values: Any) -> str:
    """A lease of one host, from now on."""
    wanted = {
        'name': f'subscriptions-{secrets.token_hex(4)}',
        'start_date': 'now',
        'end_date': f'{end:%Y-%m-%d %H:%M}',
        'events': [],
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
        **values,
    }
    answer = place.ask('POST', 'leases', json=wanted)
    assert answer.status_code == 201, answer.text
    lease_id: str = answer.json()['lease']['id']
    return lease_id


def await_active(place: Place, lease_id: str) -> None:
    """Wait until a lease has begun; while it does nobody may delete it."""
    deadline = time.monotonic() + PATIENCE
    while place.ask('GET', f'leases/{lease_id}').json()['lease']['status'] != 'ACTIVE':
        assert time.monotonic() < deadline
        time.sleep(0.1)


def of_lease(receiver: Receiver, lease_id: str) -> list[Received]:
    """What was received of a lease, each once; a cloud may have others in the project."""
    found: dict[str, Received] = {}
    for each in receiver.received:
        if each.method == 'POST' and each.event['subject'] == f'leases/{lease_id}':
            found.setdefault(each.id, each)
    return [*found.values()]


def await_type(receiver: Receiver, lease_id: str, kind: str) -> Received:
    """Wait for a notification of a type."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for each in of_lease(receiver, lease_id):
            if each.event['type'] == _PREFIX + kind:
                return each
        time.sleep(0.05)
    raise AssertionError(
        f'no {kind} among {[each.event["type"] for each in of_lease(receiver, lease_id)]}'
    )


def opens(secret: str, received: Received) -> bool:
    """Whether the signature is of this secret, as the library of Standard Webhooks sees it."""
    try:
        Webhook(secret).verify(received.body, {**received.headers})
    except WebhookVerificationError:
        return False
    return True


def event_of(received: Received) -> BaseCloudEvent:
    """The notification as the library of CloudEvents reads it."""
    return from_structured_event(HTTPMessage(headers={**received.headers}, body=received.body))


def feed(place: Place, **query: Any) -> tuple[list[Mapping[str, Any]], str]:
    answer = place.ask('GET', 'notifications', params=query)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    return content['notifications'], content['cursor']


def test_a_life_of_a_lease(place: Place, receiver: Receiver) -> None:
    """Each step arrives once, in order, signed also with a new secret; the feed has the same."""
    _, cursor = feed(place, after='latest')
    made = subscribe(place, receiver, before_end=['PT1M'])
    minute = place.now().replace(second=0, microsecond=0)
    end = minute + timedelta(minutes=4)

    lease_id = make_lease(place, end)
    for kind in ('created', 'started'):
        assert opens(made.secret, await_type(receiver, lease_id, kind))
    answer = place.ask('POST', f'subscriptions/{made.id}/secret', json={'overlap': 3600})
    assert answer.status_code == 200, answer.text
    new = answer.json()['secret']
    place.wait_until(end - timedelta(seconds=59))
    warning = await_type(receiver, lease_id, 'before_end')
    assert opens(new, warning)
    assert opens(made.secret, warning)
    place.wait_until(end + timedelta(seconds=1))
    assert opens(new, await_type(receiver, lease_id, 'ended'))
    assert place.ask('DELETE', f'leases/{lease_id}').status_code == 204
    await_type(receiver, lease_id, 'deleted')

    received = of_lease(receiver, lease_id)
    kinds = [each.event['type'].removeprefix(_PREFIX) for each in received]
    assert kinds == [*LIFE, 'deleted']
    for each in received:
        event = event_of(each)
        assert event.get_id() == each.id
        assert event.get_subject() == f'leases/{lease_id}'
        assert event.get_extension('partitionkey') == lease_id
        assert 'trust_id' not in each.body.decode()
    data = event_of(warning).get_data()
    assert isinstance(data, dict)
    assert data['lead_time'] == 'PT1M'
    assert 0 < data['remaining_seconds'] <= 60
    assert data['lease']['end_date'] == f'{end:%Y-%m-%dT%H:%M:%SZ}'

    entries, _ = feed(place, after=cursor, lease_id=lease_id, types='lease.*')
    without_blazars = [each for each in entries if each['id'] in {one.id for one in received}]
    assert [each['id'] for each in without_blazars] == [each.id for each in received]
    assert without_blazars == [each.event for each in received]
    deadline = time.monotonic() + PATIENCE
    while True:
        shown = place.ask('GET', f'subscriptions/{made.id}/deliveries').json()['deliveries']
        if {each['status'] for each in shown} == {'delivered'}:
            break
        # What has arrived is noted a moment later.
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    assert place.ask('DELETE', f'subscriptions/{made.id}').status_code == 204


def test_made_with_a_lease(place: Place, receiver: Receiver) -> None:
    """A subscription that is made with a lease hears of that one alone, from its making on."""
    end = place.now().replace(second=0, microsecond=0) + timedelta(minutes=3)
    endpoint = {'notify_endpoint': {'url': receiver.url('/inline')}}
    lease_id = make_lease(place, end, subscriptions=[endpoint])
    other = make_lease(place, end)
    for kind in ('created', 'started'):
        await_type(receiver, lease_id, kind)
    for each in (lease_id, other):
        await_active(place, each)
        assert place.ask('DELETE', f'leases/{each}').status_code == 204
    await_type(receiver, lease_id, 'deleted')

    subjects = {
        each.event['subject']
        for each in receiver.received
        if each.method == 'POST' and each.event['type'].startswith(_PREFIX)
    }
    assert subjects == {f'leases/{lease_id}'}
    kinds = [each.event['type'].removeprefix(_PREFIX) for each in of_lease(receiver, lease_id)]
    assert [kind for kind in kinds if kind != 'before_end'] == ['created', 'started', 'deleted']


def test_a_listener_hears_at_once(place: Place) -> None:
    """A reader of the feed that waits is answered when something happens."""
    _, cursor = feed(place, after='latest')
    began = time.monotonic()
    end = place.now().replace(second=0, microsecond=0) + timedelta(hours=1)
    lease_id = make_lease(place, end)
    entries, cursor = feed(place, after=cursor, wait=30, lease_id=lease_id)
    while not any(each['type'] == _PREFIX + 'started' for each in entries):
        assert time.monotonic() < began + PATIENCE
        more, cursor = feed(place, after=cursor, wait=30, lease_id=lease_id)
        entries = [*entries, *more]
    assert place.ask('DELETE', f'leases/{lease_id}').status_code == 204

    assert [each['type'].removeprefix(_PREFIX) for each in entries][:2] == ['created', 'started']
    ids = [each['id'] for each in entries]
    assert len(ids) == len({*ids})
