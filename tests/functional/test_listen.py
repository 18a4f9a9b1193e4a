"""``subscription listen``: what happens, on a terminal, at a receiver, and to a command."""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from blazarclient import webhooks
from blazarclient.client import Client
from tests.commands import INTERRUPTIBLE
from tests.functional.conftest import AsUser, Cloud, Name, Reservation, Slot
from tests.receiver import Receiver, Reply

SCRIPT = pathlib.Path(sys.executable).parent / 'blazar'
#: Seconds within which something is heard that has happened.
PATIENCE = 90.0


@pytest.fixture
def alice(as_user: AsUser) -> Client:
    """A client of a service that tells what happens."""
    client = as_user('alice')
    if str(client.api_versions()['spoken']) < '1.1':
        pytest.skip('no gateway is there, or 1.0 is spoken')
    return client


class Listening:
    """A process that listens."""

    def __init__(self, process: subprocess.Popen[str], said: pathlib.Path) -> None:
        self._process = process
        self._said = said
        self.lines: list[str] = []

    def next(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, self._said.read_text()
        self.lines.append(line)
        return line.rstrip('\n')

    def hear(self, kind: str, lease_id: str) -> dict[str, Any]:
        """Go on to a notification about a lease."""
        while True:
            line = self.next()
            with contextlib.suppress(ValueError):
                event: Any = json.loads(line)
                if event['subject'] == f'leases/{lease_id}' and event['type'].endswith(kind):
                    return dict(event)

    def end(self) -> tuple[int, str]:
        """Type Ctrl-C: the exit code, and what was said on standard error."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(30), self._said.read_text()


@contextlib.contextmanager
def listening(cloud: Cloud, folder: pathlib.Path, *options: str) -> Iterator[Listening]:
    """Listen in a process of its own."""
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(cloud.config_file)}
    command = [*INTERRUPTIBLE, str(SCRIPT), '--os-cloud', 'alice']
    command += ['subscription', 'listen', *options]
    said = folder / 'said.txt'
    with (
        said.open('w') as err,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=err,
            env=environment,
            text=True,
        ) as process,
    ):
        # A test that waits for a line in vain fails, and does not hang.
        give_up = threading.Timer(PATIENCE, process.kill)
        give_up.start()
        try:
            yield Listening(process, said)
        finally:
            give_up.cancel()
            process.kill()


def test_past_and_present(
    alice: Client,
    cloud: Cloud,
    tmp_path: pathlib.Path,
    name: Name,
    slot: Slot,
    reservation: Reservation,
) -> None:
    """--since prints first what has happened, then what happens; Ctrl-C ends it with 130."""
    lease = alice.leases.create(name(), *slot(), [reservation('physical:host')])
    with listening(cloud, tmp_path, '--since', '2m', '--type', 'lease.*') as heard:
        first = heard.hear('.created', lease.id)
        assert first['data']['lease']['name'] == lease.name
        lease.delete()
        last = heard.hear('.deleted', lease.id)
        assert first['sequence'] < last['sequence']
        assert heard.end() == (130, '')
    assert all(json.loads(line)['specversion'] == '1.0' for line in heard.lines)
    # A program goes on after the last line that it has seen.
    with listening(cloud, tmp_path, '--after', first['sequence'], '--lease', lease.id) as heard:
        assert heard.hear('.deleted', lease.id)['id'] == last['id']
        assert len(heard.lines) == 1
        assert heard.end()[0] == 130


def test_a_wait_is_told(
    alice: Client,
    as_user: AsUser,
    name: Name,
    slot: Slot,
    reservation: Reservation,
) -> None:
    """A wait holds a request until something happens, also of a client that only made a lease."""
    client = as_user('alice')
    lease = client.leases.create(name(), *slot(), [reservation('physical:host')])
    asked: list[str] = []
    read = client.transport.read

    def reading(path: str, **options: Any) -> Any:
        asked.append(path)
        return read(path, **options)

    client.transport.read = reading  # type: ignore[method-assign]
    waiting = threading.Thread(target=lambda: lease.wait('deleted', timeout=PATIENCE))
    waiting.start()
    time.sleep(3)
    before = len(asked)
    alice.leases.delete(lease.id)
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    # One look, for the request that was held is the last one before.
    assert 'wait=' in asked[before - 1]
    assert asked[before:] == [f'/leases/{lease.id}']


def test_forward_and_exec(
    alice: Client,
    cloud: Cloud,
    tmp_path: pathlib.Path,
    name: Name,
    slot: Slot,
    reservation: Reservation,
) -> None:
    """A receiver gets each one signed with the secret given, and a command on its input."""
    secret, taken = webhooks.new_secret(), tmp_path / 'taken.jsonl'
    keep = tmp_path / 'keep.py'
    keep.write_text('import sys\nopen(sys.argv[1], "a").write(sys.stdin.read() + "\\n")\n')
    command = shlex.join([sys.executable, str(keep), str(taken)])
    with Receiver() as receiver:
        options = ('--forward-to', receiver.url(), '--secret', secret, '--exec', command)
        # From before the process is there to listen.
        with listening(cloud, tmp_path, '--since', '1m', *options) as heard:
            lease = alice.leases.create(name(), *slot(), [reservation('physical:host')])
            event = heard.hear('.created', lease.id)
            receiver.reply = Reply(500)
            lease.delete()
            heard.hear('.deleted', lease.id)
            deadline = time.monotonic() + PATIENCE
            while lease.id not in taken.read_text().splitlines()[-1]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            code, said = heard.end()
    assert code == 130
    assert f'{receiver.url()} answered 500' in said
    [forwarded] = [each for each in receiver.received if each.id == event['id']]
    notification = webhooks.unwrap(forwarded.body, forwarded.headers, secret)
    assert notification == event
    assert event['id'] in {json.loads(line)['id'] for line in taken.read_text().splitlines()}


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--forward-to', 'localhost:3000'], 'is no URL: expected http://localhost:3000/hook'),
        (['--secret', 'x'], '--secret does nothing without --forward-to'),
        (['--forward-to', 'http://127.0.0.1:9/', '--secret', 'x'], 'A secret is whsec_ and base64'),
        (['--exec', ''], '--exec is empty: name a command'),
        (['--exec', '"'], "--exec '\"': No closing quotation"),
        (['--since', 'soon'], "--since 'soon' is no time that has passed"),
        (['--type', 'lease.sold'], "'lease.sold' is no type of notification"),
        (['--after', 'x'], 'after=x cannot be: expected the cursor'),
    ],
)
def test_bad_options(
    alice: Client, cloud: Cloud, tmp_path: pathlib.Path, options: list[str], said: str
) -> None:
    """One sentence names the option, the value and what is right, before anything is waited for."""
    with listening(cloud, tmp_path, *options) as heard:
        assert heard._process.wait(PATIENCE) == 1
        text = heard._said.read_text()
    assert said in text
    assert text.count('\n') == 1
