"""What is secret is nowhere: not in the database, the logs, the answers or the errors."""

from __future__ import annotations

import base64
import json
import logging
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from blazarclient.server import gateway
from blazarclient.server.notifications import bus
from blazarclient.server.store import tables
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests import recordings
from tests.deliveries import SETTINGS, Deliveries
from tests.faults.hostile_tenant import lease_body, machines
from tests.front_door import Answer
from tests.receiver import Receiver, Reply
from tests.recorded import RecordedBlazar

#: In the path and the query of a webhook; the database has them, since they are needed.
URL_TOKENS = ('path-token-4711', 'query-token-4711')
#: In a message of the bus that is none, and in its context.
TOKEN, PASSWORD = 'gAAAAABtoken4711', 'transport-password-4711'
_PATIENCE = 30


class Run:
    """A service, all that was answered, and all that must be in none of it."""

    def __init__(self, door: Deliveries) -> None:
        self.door = door
        self.secrets: list[str] = []
        self.texts: list[str] = []

    def call(self, user: str, method: str, path: str, values: Any = None) -> Answer:
        """Send a request, and keep the answer but for what it is there to show."""
        answer = self.door.call(user, method, path, values, microversion='1.2')
        body = json.loads(json.dumps(answer.body))
        for shown in (body or {}, (body or {}).get('subscription', {})):
            if method == 'POST' and answer.status < 300 and 'secret' in shown:
                self.secrets.append(shown.pop('secret'))
        self.texts.append(f'{answer.status} {json.dumps(body)} {answer.headers}')
        return answer

    def subscribe(self, url: str, **values: Any) -> str:
        """Subscribe; the path for what follows."""
        body = {'notify_endpoint': {'url': url}, **values}
        made = self.call('alice', 'POST', '/subscriptions', body)
        assert made.status == 201, made
        return f'/subscriptions/{made.body["subscription"]["id"]}'


def test_nothing_secret_after_a_whole_run(
    shared_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Subscribe, rotate, test, deliver, fail, replay, hear, err: no secret is anywhere after."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger('sqlalchemy.engine').setLevel(logging.INFO)
    door = Deliveries(shared_database_url)
    run = Run(door)
    try:
        with Receiver() as receiver:
            live(run, receiver)
            assert len(receiver.received) > 4
        trusts = hear(door)
        spelled = [each for secret in run.secrets for each in spellings(secret)]
        assert len(run.secrets) == 4
        stored = dump(door.database)
        told = '\n'.join([*run.texts, caplog.text])
        names = [*spelled, *SETTINGS.secret_keys, TOKEN, *trusts]
        assert missing(names, stored)
        assert missing(names, told)
        # Of a webhook the logs have the address only.
        assert missing(URL_TOKENS, caplog.text)
        assert 'http://127.0.0.1:9' in caplog.text
        # What a lease of this service acts by is in its own row, as in Blazar's, and in no other.
        own = trusts_of(door.database)
        assert own
        assert missing(own, dump(door.database, but=('leases', 'hosts')))
        assert missing(own, caplog.text)
    finally:
        logging.getLogger('sqlalchemy.engine').setLevel(logging.NOTSET)
        door.close()
    if door.database.is_sqlite:
        assert missing(names, files(shared_database_url))


def live(run: Run, receiver: Receiver) -> None:
    """Do all that a project can do."""
    door = run.door
    door.surround(machines())
    for each in machines():
        assert door.add_host(each).status == 201
    one = run.subscribe(receiver.url(f'/{URL_TOKENS[0]}?token={URL_TOKENS[1]}'), verify='test')
    # A port that nobody listens on.
    other = run.subscribe(f'http://127.0.0.1:9/{URL_TOKENS[0]}?token={URL_TOKENS[1]}')
    lease = run.call('alice', 'POST', '/leases', lease_body('lease')).body['lease']
    door.worker().run_once()
    run.call('alice', 'POST', f'{one}/secret', {'overlap': 3600})
    run.call('alice', 'POST', f'{one}/tests')
    run.call('alice', 'POST', f'{other}/tests')
    run.call('alice', 'PUT', f'/leases/{lease["id"]}', {'name': 'another'})
    for status in (500, 302, 204):
        headers = {'location': receiver.url(f'/{URL_TOKENS[0]}')}
        receiver.reply = Reply(status, headers)
        run.call('alice', 'POST', f'{one}/replays', {'after': '0'})
        run.door.worker().run_once()
        run.door.advance(5)
        run.door.worker().run_once()
    # 120 hours without a success.
    for _ in range(6):
        door.advance(60 * 25)
        run.call('alice', 'PUT', f'/leases/{lease["id"]}', {'name': 'late'})
        door.worker().run_once()
    run.call('alice', 'POST', f'{other}/secret', {'overlap': 0})
    run.call('alice', 'PATCH', other, {'enabled': True})
    secret = run.secrets[0]
    wrong: list[Any] = [{'secret': 'mine'}, {'verify': 7}, [], {'types': ['nothing']}]
    for values in wrong:
        assert run.call('alice', 'PATCH', one, values).status == 400
    assert run.call('alice', 'GET', f'{one}?secret={secret}').status == 200
    for path in (
        '/subscriptions',
        one,
        other,
        f'{one}/deliveries?limit=1000',
        f'{other}/deliveries?limit=1000',
        '/notifications',
        '/notification-types',
    ):
        for user in ('alice', 'rita', 'admin', 'bob'):
            run.call(user, 'GET', path)
    run.call('alice', 'DELETE', f'/leases/{lease["id"]}')
    run.call('alice', 'DELETE', other)


def hear(door: Deliveries) -> list[str]:
    """Take every message that was recorded, and some that are none; the trusts in them."""
    hearing = bus._Hearing(door.context, lambda lease_id: None, lambda: None, threading.Event())
    trusts = []
    for path in sorted((recordings.WIRE / 'notifications').glob('*.message.json')):
        raw = json.loads(path.read_text())
        trusts.append(raw['payload']['trust_id'])
        raw['_context_auth_token'] = TOKEN
        hearing.dispatch(types.SimpleNamespace(message=raw))
        # Not one of Blazar's any more.
        broken = {**raw, 'message_id': f'broken {path.name}', 'payload': {**raw['payload']}}
        del broken['payload']['start_date']
        hearing.dispatch(types.SimpleNamespace(message=broken))
        hearing.dispatch(types.SimpleNamespace(message=json.dumps(raw)))
    return trusts


def spellings(secret: str) -> Iterator[str]:
    """A secret in the forms in which it might be written."""
    text = secret.removeprefix('whsec_')
    yield text
    raw = base64.b64decode(text)
    yield raw.hex()
    yield base64.urlsafe_b64encode(raw).decode().rstrip('=')


def dump(database: Database, *, but: Iterable[str] = ()) -> str:
    """Every value of every table."""
    with database.transaction(write=False) as connection:
        return '\n'.join(
            repr([*row])
            for table in tables.metadata.sorted_tables
            if table.name not in but
            for row in connection.execute(sa.select(table))
        )


def trusts_of(database: Database) -> list[str]:
    """By what the leases of this service act; made again where one was deleted."""
    with database.transaction(write=False) as connection:
        query = sa.select(tables.hosts.c.trust_id)
        return [row[0] for row in connection.execute(query) if row[0]]


def files(url: str) -> str:
    """The bytes of the database's files, as text."""
    path = pathlib.Path(sa.make_url(url).database or '')
    found = sorted(path.parent.glob(f'{path.name}*'))
    assert found
    return ''.join(each.read_bytes().decode('latin-1') for each in found)


def missing(secrets: Iterable[str], text: str) -> bool:
    """Whether none of some secrets is in a text."""
    found = [each for each in secrets if each in text]
    assert not found, [text[max(0, text.index(each) - 200) :][:400] for each in found[:3]]
    return True


# ------------------------------------------------------------------------ the process


def test_nothing_secret_in_the_log_of_a_process(
    server: RecordedBlazar, tmp_path: pathlib.Path
) -> None:
    """With debug on, a bus that is away and a Keystone: the log has no password and no token."""
    key = new_key()
    options = tmp_path / 'gateway.conf'
    options.write_text(
        f"""
[DEFAULT]
debug = true
[api]
port = 0
[database]
connection = sqlite:///{tmp_path}/gateway.db
[subscriptions]
secret_key = {key}
[delivery]
worker = false
[backend]
type = blazar
[blazar]
endpoint = {server.url}
[service_auth]
auth_type = password
auth_url = {server.auth_url}
username = admin
user_domain_name = Default
password = admin-secret
project_name = admin
project_domain_name = Default
[notifications]
transport_url = rabbit://gateway:{PASSWORD}@127.0.0.1:9/
[keystone_authtoken]
www_authenticate_uri = {server.url}/identity
auth_type = password
auth_url = {server.auth_url}
username = admin
user_domain_name = Default
password = admin-secret
project_name = admin
project_domain_name = Default
"""
    )
    database = Database(f'sqlite:///{tmp_path}/gateway.db')
    database.upgrade()
    database.dispose()
    token = server.issue_token('alice')
    with (tmp_path / 'log').open('wb') as log:
        process = subprocess.Popen(
            [sys.executable, '-m', gateway.__name__, 'api', '--config-file', str(options)],
            env={**os.environ},
            stderr=log,
            cwd=pathlib.Path(gateway.__file__).parents[2],
        )
    try:
        address = address_of(process, tmp_path / 'log')
        secret, answers = talk(address, token)
        # Until it has tried to reach the bus.
        until_said(process, tmp_path / 'log', 'Connection refused')
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)
    text = (tmp_path / 'log').read_text()
    names = [secret, key, PASSWORD, 'admin-secret', token, *URL_TOKENS]
    assert 'POST' in text
    assert missing(names, text)
    assert missing([key, PASSWORD, 'admin-secret', token], answers)
    stored = files(f'sqlite:///{tmp_path}/gateway.db')
    assert missing([*spellings(secret), key, PASSWORD, 'admin-secret', token], stored)


def address_of(process: subprocess.Popen[bytes], log: pathlib.Path) -> str:
    """Where the process answers, as its log says."""
    said = until_said(process, log, 'listening on http://')
    return 'http://' + said.partition('listening on http://')[2].split()[0]


def until_said(process: subprocess.Popen[bytes], log: pathlib.Path, words: str) -> str:
    """The log, as soon as there is a whole line in it with some words."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        text = log.read_text()
        if '\n' in text.partition(words)[2]:
            return text
        assert process.poll() is None, text
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def talk(address: str, token: str) -> tuple[str, str]:
    """Subscribe, look, and ask wrongly; the secret, and what was answered besides."""
    hook = f'https://hook.invalid/{URL_TOKENS[0]}?token={URL_TOKENS[1]}'
    status, made = send(
        address, token, 'POST', '/subscriptions', {'notify_endpoint': {'url': hook}}
    )
    assert status == 201, made
    secret = str(made['subscription'].pop('secret'))
    path = f'/subscriptions/{made["subscription"]["id"]}'
    answers = [made]
    for method, where, values in (
        ('GET', path, None),
        ('PATCH', path, {'secret': secret}),
        ('PATCH', path, {'notify_endpoint': {'url': 'http://user:pass@hook.invalid/'}}),
        ('GET', f'/leases?token={token}', None),
        ('GET', f'{path}/deliveries', None),
    ):
        answers.append(send(address, token, method, where, values)[1])
    return secret, json.dumps(answers[1:])


def send(address: str, token: str, method: str, path: str, values: Any) -> tuple[int, Any]:
    """Send a request; the status, and the content."""
    request = urllib.request.Request(
        f'{address}/v1{path}',
        method=method,
        data=None if values is None else json.dumps(values).encode(),
        headers={
            'X-Auth-Token': token,
            'Content-Type': 'application/json',
            'OpenStack-API-Version': 'reservation 1.2',
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
            return answer.status, json.loads(answer.read() or b'null')
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
