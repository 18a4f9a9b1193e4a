"""A gateway's listener in a process of its own, in front of the real cloud."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import kombu
import sqlalchemy as sa

from blazarclient.server.store import log
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.real_cloud import RealCloud, until

__all__ = ['INTERVAL', 'Listening']

#: A topic to which Blazar publishes, and nobody else listens.
TOPIC = 'notifications'
#: Seconds between two looks.
INTERVAL = 10
#: Its types are half of them there.
_kombu: Any = kombu
_TICKS = os.sysconf('SC_CLK_TCK')


class Listening:
    """``blazar-gateway listener``, and its database."""

    def __init__(self, cloud: RealCloud, url: str, folder: pathlib.Path) -> None:
        self.database = Database(url)
        self.database.upgrade()
        self._cloud = cloud
        self._url = url
        self._log = folder / 'listener.log'
        self._file = folder / 'gateway.conf'
        self._file.write_text(
            f'[DEFAULT]\ndebug = true\n'
            f'[backend]\ntype = blazar\n'
            f'[blazar]\nendpoint = {cloud.blazar_url.removesuffix("/v1")}\n'
            f'comparison_interval = {INTERVAL}\n'
            f'[database]\nconnection = {url.replace("%", "%%")}\n'
            f'[notifications]\ntransport_url = {cloud.amqp_url}\ntopic = {TOPIC}\n'
            f'[service_auth]\nauth_type = password\nauth_url = {cloud.auth_url}\n'
            'username = admin\npassword = admin-secret\nproject_name = admin\n'
            'user_domain_id = default\nproject_domain_id = default\n'
            f'[subscriptions]\nsecret_key = {new_key()}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------- the process

    def start(self) -> None:
        """Start it, and return when it has looked at the list and listens."""
        with self._log.open('ab') as output:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    '-m',
                    'blazarclient.server.gateway',
                    'listener',
                    '--config-file',
                    str(self._file),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        until(self._is_listening)

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        with self._queue() as queue, self.database.transaction(write=False) as connection:
            consumers = queue.queue_declare(passive=True).consumer_count
            looked = connection.scalar(sa.text('SELECT compared_at FROM log_head'))
        return bool(consumers and looked)

    def kill(self) -> None:
        """End it with -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(30) == 0, self._log.read_text()
            self._process = None

    def seconds_used(self) -> float:
        """Seconds of a processor that it has used so far."""
        assert self._process is not None
        stat = pathlib.Path(f'/proc/{self._process.pid}/stat').read_text()
        fields = stat.rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    # ----------------------------------------------------------------- the bus

    @contextlib.contextmanager
    def _queue(self) -> Iterator[Any]:
        url, name = self._cloud.amqp_url.replace('rabbit://', 'amqp://'), f'{TOPIC}.info'
        exchange = _kombu.Exchange('openstack', type='topic', durable=False)
        with _kombu.Connection(url) as connection:
            channel = connection.default_channel
            yield _kombu.Queue(name, exchange, name, channel, durable=False, auto_delete=False)

    def purge(self) -> int:
        """Throw away what waits in the queue; how many messages that were."""
        with self._queue() as queue:
            queue.declare()
            return int(queue.purge())

    # ------------------------------------------------------------ the database

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """Close the database's door, and throw out who is in."""
        self.database.dispose()
        socket = pathlib.Path(self._url.partition('unix_socket=')[2])
        hidden = socket.with_name('away')
        engine = sa.create_engine(self._url, poolclass=sa.StaticPool)
        query = 'SELECT id FROM information_schema.processlist WHERE db = DATABASE()'
        with engine.connect() as connection:
            socket.rename(hidden)
            try:
                own = connection.scalar(sa.text('SELECT CONNECTION_ID()'))
                for number in connection.scalars(sa.text(query)).all():
                    if number != own:
                        with contextlib.suppress(sa.exc.DBAPIError):
                            connection.exec_driver_sql(f'KILL {int(number)}')
                yield
            finally:
                hidden.rename(socket)
        engine.dispose()

    @contextlib.contextmanager
    def hanging_database(self) -> Iterator[None]:
        """Let the database's server stand still."""
        self.database.dispose()
        socket = pathlib.Path(self._url.partition('unix_socket=')[2])
        pid = int(socket.with_name('pid').read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def entries(self, lease_id: str | None = None) -> list[dict[str, Any]]:
        """The log, or what is in it of a lease."""
        with self.database.transaction(write=False) as connection:
            found = log.entries(connection, after=0, limit=100_000)
        return [each for each in found if lease_id in (None, each['lease_id'])]

    def count(self, lease_id: str) -> Counter[str]:
        """How often each type is in the log of a lease."""
        return Counter(each['type'] for each in self.entries(lease_id))

    def settled(self, expected: Mapping[str, Mapping[str, int]], seconds: float = 120.0) -> float:
        """Wait until what is expected is there, and then for what should not be.

        :param expected: lease -> type -> how often.
        :returns: how many seconds it took.
        """
        begin = time.monotonic()

        def is_there() -> bool:
            return all(
                self.count(lease)[kind] >= number
                for lease, kinds in expected.items()
                for kind, number in kinds.items()
            )

        try:
            until(is_there, seconds)
        except AssertionError:
            counts = {lease: self.count(lease) for lease in expected}
            end = self._log.read_text()[-8000:]
            raise AssertionError(f'{counts} instead of {expected}\n{end}') from None
        took = time.monotonic() - begin
        # Whatever would come twice has time to: one look, its doubts, and another look.
        time.sleep(2 * INTERVAL)
        for lease, kinds in expected.items():
            assert self.count(lease) == kinds, (lease, self.entries(lease), kinds)
        return took
