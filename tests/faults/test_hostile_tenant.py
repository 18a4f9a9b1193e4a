"""A tenant who tries everything learns nothing of what others have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deliveries import Deliveries
from tests.faults import FULL
from tests.faults.hostile_tenant import PLANTED, Estate, Hostile, fill, machines, settle
from tests.receiver import Received, Receiver

COUNT = 100_000 if FULL else 300
LEASES = 8
GUESSES = 8 if FULL else 3


@pytest.fixture
def door(shared_database_url: str) -> Iterator[Deliveries]:
    """A service with hosts."""
    made = Deliveries(shared_database_url)
    made.surround(machines())
    for each in machines():
        assert made.add_host(each).status == 201
    yield made
    made.close()


def test_others_learn_nothing(door: Deliveries) -> None:
    """Lists, guesses, forgeries, markers, cursors, replays, webhooks: nothing foreign is in any."""
    with Receiver() as receiver:
        found = attack(door, receiver, COUNT)
        assert found.leaks == []
        assert found.tells == []
        assert found.answers > 300


def attack(door: Deliveries, receiver: Receiver, count: int) -> Hostile:
    """Let bob, and a member of the administrator's project, try to learn what alice has."""
    alice = settle(door, 'alice', 'p-demo', receiver.url(), leases=LEASES, planted=PLANTED)
    bob = settle(door, 'bob', 'p-other', receiver.url('/bob'), leases=2, planted='OWN')
    shared = subscribe_to_all(door, receiver)
    fill(door, [alice, bob, alice], count, PLANTED)
    # What bob has is named otherwise.
    door.worker().run_once()
    collect(door, alice, shared)
    words = ['p-demo', 'u-alice', f'{PLANTED}-p-demo', receiver.url(f'/{PLANTED}')]
    hostile = Hostile(door, alice, words)
    for user in ('bob', 'max'):
        read = hostile.read_everything(user)
        assert read >= (count // 3 if user == 'bob' else 0)
        hostile.guess_leases(user, alice.leases[:GUESSES])
        hostile.guess_subscriptions(user, alice.subscriptions[:GUESSES], alice.deliveries[:GUESSES])
        hostile.forge(user)
        hostile.use_cursors(user, alice.cursors)
    use_what_the_administrator_has(hostile, shared)
    look_as_a_reader(hostile, alice)
    door.worker().run_once()
    hostile.search_received(_text(each) for each in receiver.received if '/bob' in each.path)
    return hostile


def subscribe_to_all(door: Deliveries, receiver: Receiver) -> str:
    """Let the administrator subscribe to everybody's leases; the ID."""
    body: dict[str, Any] = {
        'name': f'{PLANTED}-p-demo-shared',
        'notify_endpoint': {'url': receiver.url(f'/{PLANTED}-shared')},
        'scope': 'all',
        'expires_at': '2030-02-07T08:00:00Z',
    }
    made = door.call('admin', 'POST', '/subscriptions', body, microversion='1.2')
    assert made.status == 201, made
    shared: str = made.body['subscription']['id']
    door.subscription(shared).verified()
    return shared


def collect(door: Deliveries, alice: Estate, shared: str) -> None:
    """Note what alice has, as far as she and the administrator can see it."""
    for subscription in (*alice.subscriptions, shared):
        user = 'admin' if subscription == shared else 'alice'
        path = f'/subscriptions/{subscription}/deliveries'
        listed = door.call(user, 'GET', f'{path}?limit=1000', microversion='1.2')
        ids = [each['id'] for each in listed.body['deliveries']]
        assert ids
        alice.deliveries += ids
        alice.ids |= {*ids}
    # In turns, so that those of one subscription are not all that is tried.
    alice.deliveries = alice.deliveries[:: max(1, len(alice.deliveries) // GUESSES)]
    told = door.call('alice', 'GET', '/notifications?limit=1000', microversion='1.2')
    events = told.body['notifications']
    alice.ids |= {each['id'] for each in events}
    alice.cursors = [each['sequence'] for each in events[:: max(1, len(events) // 20)]]


def use_what_the_administrator_has(hostile: Hostile, shared: str) -> None:
    """A member of the administrator's project is no administrator: the shared one is closed."""
    one = f'/subscriptions/{shared}'
    for method, path, values in (
        ('GET', one, None),
        ('GET', f'{one}/deliveries', None),
        ('GET', f'/subscriptions?marker={shared}', None),
        ('PATCH', one, {'notify_endpoint': {'url': 'http://127.0.0.1:9/mine'}}),
        ('PATCH', one, {'scope': 'project'}),
        ('POST', f'{one}/secret', {'overlap': 0}),
        ('POST', f'{one}/tests', {}),
        ('POST', f'{one}/replays', {'after': '0'}),
        ('DELETE', one, None),
    ):
        answer = hostile.ask('max', method, path, values)
        if answer.status not in (400, 403, 404):
            hostile.leaks.append(f'max {method} {path}: {answer}')
    # Nor is it opened by whoever may.
    answer = hostile.door.call('admin', 'PATCH', one, {'scope': 'project'}, microversion='1.2')
    assert answer.status == 409


def look_as_a_reader(hostile: Hostile, alice: Estate) -> None:
    """A reader of alice's project sees what she has, and changes nothing."""
    one = f'/subscriptions/{alice.subscriptions[0]}'
    door = hostile.door
    shown = door.call('rita', 'GET', one, microversion='1.2')
    assert shown.status == 200
    assert 'whsec_' not in str(shown.body)
    for method, path, values in (
        ('POST', '/subscriptions', {'notify_endpoint': {'url': 'http://127.0.0.1:9/r'}}),
        ('PATCH', one, {'enabled': False}),
        ('POST', f'{one}/secret', {}),
        ('POST', f'{one}/tests', {}),
        ('POST', f'{one}/replays', {'after': '0'}),
        ('POST', f'{one}/deliveries/{alice.deliveries[0]}/resend', {}),
        ('DELETE', one, None),
    ):
        answer = door.call('rita', method, path, values, microversion='1.2')
        assert answer.status == 403, (method, path, answer)


def _text(received: Received) -> str:
    headers = ''.join(f'{name}: {value}\n' for name, value in received.headers.items())
    return f'{received.path}\n{headers}{received.body.decode()}'
