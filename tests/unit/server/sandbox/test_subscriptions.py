"""What a sandbox needs to tell receivers of leases."""

from __future__ import annotations

import json
import stat
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from blazarclient import testing
from blazarclient.server.sandbox import keys
from tests.functional import plain
from tests.receiver import Received, Receiver


def ask(box: testing.Sandbox, method: str, path: str, body: Any = None) -> Any:
    return plain.request(box.session(), method, path, microversion='1.2', json=body)


def subscribe(box: testing.Sandbox, receiver: Receiver, **values: Any) -> str:
    """Subscribe, and return the secret."""
    body = {'notify_endpoint': {'url': receiver.url()}, 'verify': 'get', **values}
    answer = ask(box, 'POST', 'subscriptions', body)
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()['subscription']['secret']
    return secret


def wait_until_active(box: testing.Sandbox) -> None:
    """Wait until the endpoint was asked whether it wants notifications."""
    deadline = time.monotonic() + 30
    while ask(box, 'GET', 'subscriptions').json()['subscriptions'][0]['status'] != 'active':
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lease(box: testing.Sandbox, minutes: int) -> str:
    end = box.clock.now() + timedelta(minutes=minutes)
    body = {
        'name': 'x',
        'start_date': 'now',
        'end_date': f'{end:%Y-%m-%d %H:%M}',
        'before_end_date': '',
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
        'events': [],
    }
    answer = ask(box, 'POST', 'leases', body)
    assert answer.status_code == 201, answer.text
    lease_id: str = answer.json()['lease']['id']
    return lease_id


def wait_for(receiver: Receiver, kind: str) -> Received:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for each in receiver.received:
            if each.method == 'POST' and each.event['type'].endswith(f'.lease.{kind}'):
                return each
        time.sleep(0.02)
    raise AssertionError(f'no {kind}')


def test_a_subscription_outlives_the_process(tmp_path: Path) -> None:
    """A sandbox on the same file sends what happens then, signed with the secret of before."""
    database = tmp_path / 'leases.db'
    with Receiver() as receiver:
        with testing.sandbox(hosts=2, database=database) as box:
            secret = subscribe(box, receiver)
            wait_until_active(box)
        with testing.sandbox(hosts=2, database=database) as box:
            lease(box, 60)
            received = wait_for(receiver, 'created')

    Webhook(secret).verify(received.body, {**received.headers})
    key = tmp_path / 'leases.db.secret-key'
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'leases.db', key.name} or left == {
        'leases.db', 'leases.db-shm', 'leases.db-wal', key.name
    }  # fmt: skip
    # The secret is in no file as it is.
    assert secret.encode() not in database.read_bytes()


def test_what_is_due_when_the_clock_is_moved(tmp_path: Path) -> None:
    """When the answer of the clock is there, warnings that were due are in the feed."""
    with testing.sandbox(hosts=1) as box, Receiver() as receiver:
        subscribe(box, receiver, before_end=['PT1H', 'PT10M'])
        lease(box, 240)
        wait_for(receiver, 'started')
        box.clock.advance('3h30m')
        assert leads(box) == ['PT1H']
        # Past all that is left of the lease.
        box.clock.advance('2h')
        assert leads(box) == ['PT1H', 'PT10M']
        entries = ask(box, 'GET', 'notifications').json()['notifications']

    # Nobody hears of the end before the warnings.
    kinds = [each['type'].rpartition('lease.')[2] for each in entries]
    assert kinds == ['created', 'started', 'before_end', 'before_end', 'before_end', 'ended']


def leads(box: testing.Sandbox) -> list[str]:
    """The lead times of the warnings that somebody has asked for, so far."""
    entries = ask(box, 'GET', 'notifications').json()['notifications']
    return [each['data']['lead_time'] for each in entries if each['data']['source'] == 'timer']


def test_the_controls_show_no_secret(tmp_path: Path) -> None:
    """Neither the controls nor what the sandbox writes has the key or a secret."""
    database = tmp_path / 'leases.db'
    with testing.sandbox(hosts=1, database=database) as box, Receiver() as receiver:
        secret = subscribe(box, receiver)
        shown = json.dumps(box.request('GET', '/sandbox'))
        clouds = box.config_file.read_text()

    key = (tmp_path / 'leases.db.secret-key').read_text().strip()
    for text in (shown, clouds):
        assert key not in text
        assert secret not in text


def test_keys(tmp_path: Path) -> None:
    """A key lives as long as its database, and is that of no other."""
    import sqlalchemy as sa

    def key(text: str) -> str:
        return keys.key_for(sa.make_url(text))

    file = f'sqlite:///{tmp_path / "x.db"}'
    server = 'mysql+pymysql://root:secret@localhost/reservation'
    assert key(file) == key(file)
    assert key(server) == key(server)
    different = [key(file), key(f'{file}2'), key(server), key(f'{server}2')]
    different += [key('sqlite://'), key('sqlite://')]
    assert len({*different}) == 6
