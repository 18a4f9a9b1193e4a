"""Who listens misses nothing and hears nothing twice, however often the service is killed."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.notification import Notification
from blazarclient.server.policy import Policy
from blazarclient.server.sandbox.users import USERS
from blazarclient.server.store.database import Database
from tests.commands import INTERRUPTIBLE

FULL = os.environ.get('BLAZARCLIENT_FAULTS') == 'full'
NOTIFICATIONS, KILLS = (2000, 20) if FULL else (200, 4)
SCRIPT = pathlib.Path(sys.executable).parent / 'blazar'
#: Seconds for which a service that was killed is away.
AWAY = 0.3


class Service:
    """A sandbox on one database and one port, that can be killed and started again."""

    def __init__(self, folder: pathlib.Path) -> None:
        with socket.create_server(('127.0.0.1', 0)) as free:
            self.port = free.getsockname()[1]
        self.database = folder / 'sandbox.db'
        self.config_file = folder / 'clouds.yaml'
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is there."""
        self._process = subprocess.Popen(
            [
                *(str(SCRIPT), 'sandbox', '--seed', 'empty', '--port', str(self.port)),
                *('--db', str(self.database), '--config-file', str(self.config_file)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self.port)) == 0 and self.config_file.exists():
                    return
            time.sleep(0.05)
        raise AssertionError('the sandbox does not start')

    def kill(self) -> None:
        """End it as a machine without power does."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def service(tmp_path: pathlib.Path) -> Iterator[Service]:
    made = Service(tmp_path)
    made.start()
    yield made
    made.kill()


def publish(path: pathlib.Path, done: threading.Event) -> None:
    """Let things happen to leases of alice's project, while the service comes and goes."""
    database = Database(f'sqlite:///{path}')
    alice = USERS['alice']
    for number in range(NOTIFICATIONS):
        ctx = RequestContext.for_service(database, Policy(), Settings())
        lease = {
            'id': f'lease-{number % 7}',
            'name': 'a',
            'project_id': alice.project_id,
            'user_id': alice.id,
            'reservations': [],
        }
        with ctx.transaction():
            Notification.publish(
                ctx, 'lease.updated', f'n:{number}', source='backend', time=ctx.now(), lease=lease
            )
        time.sleep(random.uniform(0, 0.02))
    database.dispose()
    done.set()


def test_nothing_missing_nothing_twice(service: Service, tmp_path: pathlib.Path) -> None:
    """What is printed is the log, in its order, each entry once."""
    heard = tmp_path / 'heard.jsonl'
    environment = {**os.environ, 'OS_CLIENT_CONFIG_FILE': str(service.config_file)}
    done = threading.Event()
    said = tmp_path / 'said.txt'
    with heard.open('wb') as out, said.open('wb') as err:
        listening = subprocess.Popen(
            [
                *INTERRUPTIBLE,
                str(SCRIPT),
                *('--os-cloud', 'alice', 'subscription', 'listen', '--after', '0'),
            ],
            stdout=out,
            stderr=err,
            env=environment,
        )
        writer = threading.Thread(target=publish, args=(service.database, done))
        writer.start()
        for _ in range(KILLS):
            time.sleep(random.uniform(0.2, 0.8))
            service.kill()
            time.sleep(AWAY)
            service.start()
        writer.join()
        assert done.is_set()
        deadline = time.monotonic() + 60
        while (
            listening.poll() is None
            and len(heard.read_bytes().splitlines()) < NOTIFICATIONS
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        # It would hear a double now.
        time.sleep(1)
        listening.send_signal(signal.SIGINT)
        code = listening.wait(30)
    assert code == 130, said.read_text()
    numbers = [int(json.loads(line)['sequence']) for line in heard.read_text().splitlines()]
    assert numbers == [*range(1, NOTIFICATIONS + 1)]
