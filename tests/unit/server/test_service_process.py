"""``blazar-gateway api`` as a process: what it logs, and how it ends."""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from blazarclient.server import gateway
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.receiver import Receiver, Reply
from tests.recorded import RecordedBlazar

PATIENCE = 30
LEASE = {'name': 'now', 'start_date': 'now', 'end_date': '2030-01-01 12:00', 'reservations': []}


@dataclasses.dataclass
class Gateway:
    """A running process, with a database of its own and the Keystone of the tests."""

    server: RecordedBlazar
    address: tuple[str, int]
    process: subprocess.Popen[bytes]
    log: pathlib.Path
    #: What must never be logged.
    secrets: set[str]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """A request of alice's at 1.2."""
        token = self.server.issue_token('alice')
        self.secrets.add(token)
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        with contextlib.closing(connection):
            headers = {
                'X-Auth-Token': token,
                'OpenStack-API-Version': 'reservation 1.2',
                'Content-Type': 'application/json',
            }
            data = None if body is None else json.dumps(body)
            connection.request(method, f'/v1{path}', data, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(2 * PATIENCE) == 0


@pytest.fixture
def process(server: RecordedBlazar, tmp_path: pathlib.Path) -> Iterator[Gateway]:
    """A process that logs as much as it can."""
    key, password = new_key(), 'admin-secret'
    url = f'sqlite:///{tmp_path}/gateway.db'
    database = Database(url)
    database.upgrade()
    database.dispose()
    path, log = tmp_path / 'gateway.conf', tmp_path / 'gateway.log'
    path.write_text(
        f"""
[DEFAULT]
debug = true
[api]
port = 0
[database]
connection = {url}
[delivery]
allow_loopback = true
[keystone_authtoken]
www_authenticate_uri = {server.url}/identity
auth_type = password
auth_url = {server.auth_url}
username = admin
user_domain_name = Default
password = {password}
project_name = admin
project_domain_name = Default
[subscriptions]
secret_key = {key}
"""
    )
    command = ['api', '--config-file', str(path), '--log-format', 'json']
    with log.open('wb') as output:
        running = subprocess.Popen(
            [sys.executable, '-m', 'blazarclient.server.gateway', *command],
            env={**os.environ, 'PYTHONUNBUFFERED': '1'},
            stdout=output,
            stderr=output,
            cwd=pathlib.Path(gateway.__file__).parents[2],
        )
    try:
        yield Gateway(server, listening(running, log), running, log, {key, password})
    finally:
        running.kill()
        running.wait()


def listening(process: subprocess.Popen[bytes], log: pathlib.Path) -> tuple[str, int]:
    """The address that a process names in its log."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not (found := re.search(r'listening on (http://[0-9.:]+)', log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    split = urllib.parse.urlsplit(found.group(1))
    assert split.hostname
    assert split.port
    return split.hostname, split.port


def test_a_whole_run_logs_no_secret(process: Gateway) -> None:
    """Neither tokens, nor secrets and keys, nor where in a host a webhook goes, whatever happens.

    Each line of the log is JSON, and those of a request name it.
    """
    with Receiver() as good, Receiver(Reply(500)) as bad:
        good_url = good.url('/hook/path-token?key=query-token')
        made = []
        for url in (good_url, bad.url('/path-token?key=query-token')):
            wanted = {'notify_endpoint': {'url': url}, 'types': ['*'], 'verify': 'test'}
            status, answer = process.call('POST', '/subscriptions', {'subscription': wanted})
            assert status == 201, answer
            made.append(answer['subscription'])
        one = f'/subscriptions/{made[0]["id"]}'
        status, answer = process.call('POST', f'{one}/secret', {'overlap': 60})
        assert status == 200
        made.append(answer)
        process.secrets |= {each['secret'].removeprefix('whsec_') for each in made}
        status, answer = process.call('POST', '/leases', LEASE)
        assert status == 201, answer
        assert good.wait(3, PATIENCE)
        for path in ('tests', 'replays'):
            process.call('POST', f'{one}/{path}', {})
        # Refused in every way.
        forbidden = {'notify_endpoint': {'url': 'http://user:userinfo@127.0.0.1/path-token'}}
        assert process.call('POST', '/subscriptions', {'subscription': forbidden})[0] == 400
        assert process.call('GET', '/subscriptions?marker=query-token')[0] == 400
        assert bad.wait(1, PATIENCE)
        process.secrets |= {each.headers['webhook-signature'] for each in good.received}
    process.end()
    text = process.log.read_text()
    lines = text.splitlines()
    records = [json.loads(line) for line in lines]
    assert {'blazarclient.server.app'} < {each['logger'] for each in records}
    requests = [each for each in records if each['logger'] == 'blazarclient.server.app']
    assert len({each['request_id'] for each in requests}) == len(requests) >= 8
    secrets = process.secrets | {'path-token', 'query-token', 'userinfo'}
    assert not [line for line in lines if any(secret in line for secret in secrets)]


def test_waiting_requests_are_answered_when_it_ends(process: Gateway) -> None:
    """A long poll gets its answer at once, not half a minute later, and the process ends well."""
    answers: list[tuple[int, Any]] = []
    cursor = process.call('GET', '/notifications?after=latest')[1]['cursor']
    waiting = [
        threading.Thread(
            target=lambda: answers.append(
                process.call('GET', f'/notifications?after={cursor}&wait=30')
            )
        )
        for _ in range(3)
    ]
    for each in waiting:
        each.start()
    # They need not all have begun to wait: one that is on its way is answered as well.
    time.sleep(1)
    begun = time.monotonic()
    process.end()
    for each in waiting:
        each.join(PATIENCE)
    assert time.monotonic() - begun < 20
    assert answers == [(200, {'notifications': [], 'cursor': cursor})] * 3
