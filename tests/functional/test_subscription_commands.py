"""``subscription ...`` as typed: what is told beside the output, and the exit code."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from blazarclient.client import Client
from tests.commands import Ran
from tests.functional.conftest import AsUser, Command, Name, Reservation, Slot, as_option
from tests.receiver import Receiver

DOOR = 'blazar'


@pytest.fixture
def alice(as_user: AsUser) -> Iterator[Client]:
    """A client of a service that tells what happens; what is made meanwhile is removed."""
    client = as_user('alice')
    if str(client.api_versions()['spoken']) < '1.2':
        pytest.skip('no gateway is there, or less than 1.2 is spoken')
    before = {each['id'] for each in client.subscriptions.list()}
    yield client
    for each in client.subscriptions.list():
        if each['id'] not in before:
            client.subscriptions.delete(each['id'])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes webhooks."""
    with Receiver() as made:
        yield made


def own_name() -> str:
    """A name that no other subscription has."""
    return f'hook-{secrets.token_hex(4)}'


def kept(ran: Ran) -> str:
    """The secret that a command tells to keep."""
    assert ran.code == 0, ran.stderr
    [line] = [each for each in ran.stderr.splitlines() if each.startswith('Keep the secret')]
    found = line.partition(': receivers')[0].split()[-1]
    assert found.startswith('whsec_')
    return found


def test_the_secret_is_told_whatever_is_shown(
    alice: Client, command: Command, receiver: Receiver
) -> None:
    """Either the output has it, or standard error."""
    first_url, url = receiver.url('/first'), ('--url', receiver.url(), '--name')
    shown = command(DOOR, 'alice', 'subscription create', '--url', first_url, '-f', 'json')
    assert json.loads(shown.stdout)['secret'].startswith('whsec_')
    assert 'Keep the secret: ' in shown.stderr
    assert 'whsec_' not in shown.stderr
    name = own_name()
    hidden = command(DOOR, 'alice', 'subscription create', *url, name, '-f', 'value', '-c', 'id')
    assert hidden.stdout.strip() == alice.subscriptions.find(name)['id']
    first = kept(hidden)
    rotated = command(DOOR, 'alice', 'subscription secret rotate', name, '-f', 'value', '-c', 'id')
    assert kept(rotated) != first
    assert 'whsec_' not in hidden.stdout + rotated.stdout


def test_the_secret_of_a_leases_own(
    alice: Client,
    command: Command,
    receiver: Receiver,
    name: Name,
    slot: Slot,
    reservation: Reservation,
) -> None:
    """``lease create --subscribe`` tells the secret, though the output shows the ID alone."""
    start, end = slot()
    ran = command(
        DOOR,
        'alice',
        'lease create',
        *('--start-date', f'{start:%Y-%m-%d %H:%M}', '--end-date', f'{end:%Y-%m-%d %H:%M}'),
        *('--reservation', as_option(reservation('physical:host'))),
        *('--subscribe', receiver.url(), '-f', 'value', '-c', 'id'),
        name(),
    )
    assert kept(ran)
    assert f' of {receiver.url()}, whsec_' in ran.stderr
    assert 'whsec_' not in ran.stdout


def test_a_test_that_fails_says_so(alice: Client, command: Command, receiver: Receiver) -> None:
    """Scripts learn by the exit code whether the endpoint takes what it is sent."""
    name = own_name()
    alice.subscriptions.create({'url': receiver.url()}, name=name)
    taken = command(DOOR, 'alice', 'subscription test', name, '-f', 'json')
    assert (taken.code, json.loads(taken.stdout)['error']) == (0, None)
    alice.subscriptions.patch(alice.subscriptions.find(name)['id'], {
        'notify_endpoint': {'url': 'http://127.0.0.1:9/nobody'}
    })  # fmt: skip
    refused = command(DOOR, 'alice', 'subscription test', name, '-f', 'json')
    assert (refused.code, json.loads(refused.stdout)['error']) == (1, 'connection-failed')


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['subscription create', '--url', 'http://127.0.0.1:9/', '--scope', 'all'], '--expires +'),
        (['subscription replay', 'x', '--since', '+2h'], "--since '+2h' lies ahead ("),
        (['subscription replay', 'x', '--since', '2h', '--until', '+2h'], "--until '+2h' lies"),
        (['notification list', '--since', 'soon'], "--since 'soon' is no time that has passed"),
        (['subscription listen', '--exec', 'no-such-program x'], "no program 'no-such-program'"),
    ],
)
def test_bad_options(alice: Client, command: Command, words: list[Any], said: str) -> None:
    """One sentence, before anything is asked."""
    ran = command(DOOR, 'alice', *words)
    assert (ran.code, ran.stdout) == (1, '')
    assert said in ran.stderr
    assert ran.stderr.count('\n') == 1
