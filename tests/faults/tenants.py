"""Two projects, an administrator and a reader: who tries to learn what of whom."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.deliveries import Deliveries
from tests.faults.hostile_tenant import PLANTED, Estate, Hostile, fill, machines, settle, subscribe
from tests.receiver import Received, Receiver

__all__ = ['attack', 'opened']

LEASES = 8
#: How much of what happens is also sent to subscribers, at most.
DELIVERED = 2_000


@contextlib.contextmanager
def opened(url: str) -> Iterator[tuple[Deliveries, Receiver]]:
    """A service with hosts, and a receiver."""
    door = Deliveries(url)
    with contextlib.closing(door), Receiver() as receiver:
        door.surround(machines())
        for each in machines():
            assert door.add_host(each).status == 201
        yield door, receiver


def attack(door: Deliveries, receiver: Receiver, *, count: int, guesses: int) -> Hostile:
    """Let bob, and a member of the administrator's project, try to learn what alice has.

    :param count: how much happens to the leases of alice and bob.
    :param guesses: of how many of alice's things of a kind the ID is tried.
    """
    alice = settle(door, 'alice', 'p-demo', leases=LEASES, planted=PLANTED)
    # What bob has is named otherwise.
    bob = settle(door, 'bob', 'p-other', leases=2, planted='OWN')
    sent = min(count, DELIVERED)
    fill(door, [alice, bob, alice], count - sent, PLANTED)
    subscribe(door, alice, receiver.url(), PLANTED)
    subscribe(door, bob, receiver.url('/bob'), 'OWN')
    shared = subscribe_to_all(door, receiver)
    fill(door, [alice, bob, alice], sent, PLANTED)
    door.worker().run_once()
    collect(door, alice, shared, guesses)
    words = ['p-demo', 'u-alice', f'{PLANTED}-p-demo', receiver.url(f'/{PLANTED}')]
    hostile = Hostile(door, alice, words)
    for user in ('bob', 'max'):
        read = hostile.read_everything(user)
        assert read >= (count // 3 if user == 'bob' else 0)
        hostile.guess_leases(user, alice.leases[:guesses])
        hostile.guess_subscriptions(user, alice.subscriptions[:guesses], alice.deliveries[:guesses])
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


def collect(door: Deliveries, alice: Estate, shared: str, guesses: int) -> None:
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
    alice.deliveries = alice.deliveries[:: max(1, len(alice.deliveries) // guesses)]
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
