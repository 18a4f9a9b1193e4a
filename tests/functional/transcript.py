"""A day with a subscription, typed as a user does, as text for the documentation.

``python -m tests.functional.transcript`` does it on a sandbox, and with
``BLAZARCLIENT_TEST_CLOUD=1`` on the real cloud behind a gateway (``tests/cloud/gateway up``), whose
``clouds.yaml`` OS_CLIENT_CONFIG_FILE names. It takes four minutes, and writes
``doc/source/user/transcript-sandbox.txt`` or ``transcript-cloud.txt``.
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from blazarclient import testing, webhooks
from tests.commands import INTERRUPTIBLE
from tests.receiver import Received, Receiver

DOCS = pathlib.Path(__file__).parents[2] / 'doc/source/user'
SCRIPT = pathlib.Path(sys.executable).parent / 'blazar'
PORT = 8217
URL = f'http://127.0.0.1:{PORT}/hook'
RESERVATION = 'resource_type=physical:host,min=1,max=1'
REAL = os.environ.get('BLAZARCLIENT_TEST_CLOUD') == '1'
#: Seconds within which something arrives that is due.
PATIENCE = 240


class Transcript:
    """A terminal: what was typed, and what came."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Write a line that is neither typed nor printed by a command."""
        self.lines.append(text)

    def type(self, *words: str) -> str:
        """Type a command that has to succeed, and note what it prints."""
        ran = subprocess.run(
            [str(SCRIPT), *words], capture_output=True, text=True, check=False, timeout=300
        )
        shown = ' '.join(word if word == RESERVATION else shlex.quote(word) for word in words)
        self.lines += [f'$ blazar {shown}', *(ran.stderr + ran.stdout).splitlines(), '']
        if ran.returncode:
            raise SystemExit('\n'.join(self.lines))
        return ran.stdout


class Listener:
    """``subscription listen`` in another terminal."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*INTERRUPTIBLE, str(SCRIPT), 'subscription', 'listen'],
            stdout=subprocess.PIPE,
            text=True,
        )
        # From when on it listens, it does not say.
        time.sleep(3)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> list[str]:
        """Type Ctrl-C, and return the lines that were printed."""
        self._process.send_signal(signal.SIGINT)
        out, _ = self._process.communicate(timeout=30)
        return out.splitlines()


def awaited(receiver: Receiver, kind: str) -> None:
    """Wait until a notification of a type has arrived."""
    deadline = time.monotonic() + PATIENCE
    while not any(_kind(each) == kind for each in receiver.received):
        if time.monotonic() > deadline:
            raise SystemExit(f'{kind} does not arrive: {[_kind(e) for e in receiver.received]}')
        time.sleep(0.2)


def _kind(received: Received) -> str:
    if received.method != 'POST':
        return received.method
    return str(received.event['type']).removeprefix('org.openstack.reservation.')


def received_by(receiver: Receiver, secrets: dict[str, str]) -> list[str]:
    """What a receiver took: type, lease, and whose signature it has."""
    lines = []
    for each in receiver.received:
        if each.method != 'POST':
            continue
        signers = []
        for name, secret in secrets.items():
            with contextlib.suppress(webhooks.WebhookRefused):
                notification = webhooks.unwrap(each.body, each.headers, secret)
                signers.append(name)
        lease = notification.lease
        attempt = each.headers['blazar-delivery-attempt']
        lines.append(
            f'{notification.kind:18} {lease.name if lease else "-":8} attempt {attempt}  '
            f'signed with {" and ".join(signers)}'
        )
    return lines


def secret_in(output: str) -> str:
    """The secret that a command has shown."""
    found = re.search(r'whsec_[A-Za-z0-9+/=]+', output)
    assert found, output
    return found[0]


@contextlib.contextmanager
def cloud() -> Iterator[None]:
    """The cloud that commands go to."""
    os.environ['OS_CLOUD'] = 'alice'
    if REAL:
        yield
        return
    with testing.sandbox(hosts=4) as box:
        os.environ['OS_CLIENT_CONFIG_FILE'] = str(box.config_file)
        yield


def main() -> None:
    """Do it, and write it down."""
    terminal = Transcript()
    with cloud(), Listener() as listener:
        with Receiver(port=PORT) as receiver:
            terminal.say(f'# A receiver listens on {URL}.')
            made = terminal.type(
                *('subscription', 'create', '--url', URL, '--name', 'ci', '--before-end', '1m'),
                *('-c', 'id', '-c', 'secret', '-c', 'status'),
            )
            columns = ('-c', 'id', '-c', 'status')
            terminal.type(
                *('lease', 'create', 'demo', '--reservation', RESERVATION),
                *('--end-date', '+3m', '--wait', *columns),
            )
            awaited(receiver, 'lease.started')
            secrets = {'the first secret': secret_in(made)}
            rotated = terminal.type('subscription', 'secret', 'rotate', 'ci')
            secrets['the second'] = secret_in(rotated)
            terminal.say('# A minute before its end:')
            awaited(receiver, 'lease.before_end')
            terminal.say('# The receiver took:')
            terminal.lines += [*received_by(receiver, secrets), '']
        terminal.say('# The receiver is stopped, and comes back after the end of the lease.')
        terminal.type('lease', 'wait', 'demo', '--for', 'TERMINATED', '--wait-timeout', '5m')
        time.sleep(3)
        terminal.type('subscription', 'show', 'ci', '-c', 'status', '-c', 'queued')
        with Receiver(port=PORT) as receiver:
            terminal.say('# The receiver is back; nothing has to be typed for what is queued.')
            awaited(receiver, 'lease.ended')
            terminal.type('subscription', 'replay', 'ci', '--since', '10m', '--dry-run')
            terminal.type(
                'subscription', 'replay', 'ci', '--since', '10m', '--type', 'lease.started'
            )
            awaited(receiver, 'lease.started')
            terminal.say('# The receiver took:')
            terminal.lines += [*received_by(receiver, secrets), '']
        delivered = ('-c', 'type', '-c', 'status')
        terminal.type('subscription', 'delivery', 'list', 'ci', *delivered)
        terminal.type('subscription', 'delete', 'ci')
        terminal.type('lease', 'delete', 'demo')
        time.sleep(2)
        terminal.say('# In another terminal, all the time:')
        terminal.say('$ blazar subscription listen | jq -c "[.type, .data.lease.name]"')
        for line in listener.end():
            event = json.loads(line)
            terminal.say(json.dumps([event['type'], event['data']['lease']['name']]))
    name = 'transcript-cloud.txt' if REAL else 'transcript-sandbox.txt'
    (DOCS / name).write_text('\n'.join([*terminal.lines, '']))


if __name__ == '__main__':
    main()
