"""The listener to the bus, on oslo.messaging's bus within one process.

tests/cloud_gateway and tests/faults try it on a RabbitMQ.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from blazarclient.server import config
from blazarclient.server.notifications.blazar import Unavailable
from blazarclient.server.notifications.bus import Listener
from blazarclient.server.store import tables
from tests.unit.server.notifications.conftest import Gateway
from tests.unit.server.notifications.model_blazar import ModelBlazar


class Bus:
    """A bus with a Blazar at one end and a listener at the other."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.gateway = gateway
        self.model = ModelBlazar()
        #: How often the leases were compared.
        self.compared = 0
        #: How often Blazar was asked for a lease, and what comes of it the next times.
        self.asked = 0
        self.failures: list[Exception] = []
        path = folder / 'gateway.conf'
        path.write_text(f'[notifications]\ntransport_url = fake://\ntopic = {folder.name}\n')
        self.config = config.load([str(path)])
        self.listener = Listener(gateway.context, self.config, self._get_lease, self._compare)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.listener.run, args=[self._stop])
        options = cfg.ConfigOpts()
        options([], default_config_files=[], default_config_dirs=[])
        self._transport = oslo_messaging.get_notification_transport(options, url='fake://')
        self._target = oslo_messaging.Target(exchange='openstack', topic=f'{folder.name}.info')

    def _compare(self) -> None:
        self.compared += 1

    def _get_lease(self, lease_id: str) -> dict[str, Any] | None:
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        return self.model.get_lease(lease_id)

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        until(lambda: self.compared == 1)

    def stop(self) -> None:
        """End the listener."""
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def send(self, raw: object) -> None:
        """Put something on the bus, as Blazar's oslo.messaging does."""
        self._transport._send_notification(self._target, {}, raw, version=2.0)

    def send_all(self) -> None:
        """Send what the model has to say."""
        while self.model.bus:
            self.send(self.model.bus.pop(0))


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def bus(small_gateway: Gateway, tmp_path: Path) -> Iterator[Bus]:
    """A listener at work."""
    made = Bus(small_gateway, tmp_path)
    made.start()
    yield made
    made.stop()


def rows(gateway: Gateway, table: Any) -> list[Any]:
    """The rows of a table."""
    with gateway.database.transaction(write=False) as connection:
        return list(connection.execute(table.select()))


def test_messages_become_entries_in_order(small_gateway: Gateway, bus: Bus) -> None:
    """What Blazar sends is published in its order, once, also when the bus brings it twice."""
    lease = bus.model.create()
    bus.model.carry_out(lease, 'start_lease')
    bus.model.begin_update(lease)
    bus.model.finish_update(lease, minutes=3)
    bus.model.delete(lease)
    bus.model.bus += bus.model.bus
    bus.send_all()
    until(lambda: len(rows(small_gateway, tables.bus_messages)) == 4)
    last = bus.model.create()
    bus.send_all()
    until(lambda: bool(small_gateway.entries()) and small_gateway.entries()[-1]['lease_id'] == last)
    assert [kind for source, kind in small_gateway.told()] == [
        'lease.created',
        'lease.started',
        'lease.updated',
        'lease.deleted',
        'lease.created',
    ]
    assert 'SECRET-TRUST' not in repr(small_gateway.entries())


def short(raw: dict[str, Any]) -> dict[str, Any]:
    """A message as Blazar 16 sends it."""
    names = ('lease_id', 'user_id', 'project_id', 'start_date', 'end_date')
    return {**raw, 'payload': {name: raw['payload'][name] for name in names}}


def test_short_messages(small_gateway: Gateway, bus: Bus) -> None:
    """Blazar 16 names only the lease: it is asked for it, and what is gone is as it was known."""

    def say(count: int) -> None:
        for raw in [*bus.model.bus]:
            bus.send(short(raw))
        bus.model.bus.clear()
        until(lambda: len(small_gateway.entries()) == count)

    lease = bus.model.create()
    say(1)
    bus.model.carry_out(lease, 'start_lease')
    say(2)
    bus.failures.append(Unavailable('away'))
    bus.model.begin_update(lease)
    bus.model.finish_update(lease, minutes=3)
    say(3)
    bus.model.delete(lease)
    say(4)
    kinds = ('created', 'started', 'updated', 'deleted')
    assert small_gateway.told() == [('bus', f'lease.{each}') for each in kinds]
    assert 'SECRET-TRUST' not in repr(small_gateway.entries())
    assert rows(small_gateway, tables.unreadable_messages) == []


def test_short_message_about_nothing(small_gateway: Gateway, bus: Bus) -> None:
    """What Blazar refuses to tell is left to the comparison; a lease that nobody knows is none."""
    lease = bus.model.create()
    (raw,) = bus.model.bus
    bus.failures.append(Unavailable('500', is_answer=True))
    bus.send(short(raw))
    until(lambda: bus.compared == 2)
    del bus.model.leases[lease]
    bus.send(short(raw))
    until(lambda: bus.asked == 2)
    bus.model.bus.clear()
    bus.model.create()
    bus.send_all()
    until(lambda: len(small_gateway.entries()) == 1)
    assert rows(small_gateway, tables.unreadable_messages) == []
    assert bus.listener.trouble() is None


NO_MESSAGES: list[object] = [
    'text',
    [1],
    {},
    {'priority': None},
    {'priority': 'info', 'message_id': 'x'},
    {'message_id': 'y', 'event_type': 'lease.create', 'payload': {'trust_id': 'SECRET-TRUST'}},
]


@pytest.mark.parametrize('raw', NO_MESSAGES, ids=range(len(NO_MESSAGES)))
def test_unreadable(small_gateway: Gateway, bus: Bus, raw: object) -> None:
    """What is no message is kept once, without what may be secret, and stops nothing."""
    bus.send(raw)
    bus.model.create()
    bus.send_all()
    until(lambda: len(small_gateway.entries()) == 1)
    (kept,) = rows(small_gateway, tables.unreadable_messages)
    assert kept.reason
    assert 'SECRET' not in kept.message
    json.loads(kept.message)


def test_message_that_cannot_be_worked_on(small_gateway: Gateway, bus: Bus) -> None:
    """A message that can be read, and breaks what comes after, is kept as unreadable."""
    lease = bus.model.create()
    bus.send_all()
    until(lambda: len(small_gateway.entries()) == 1)
    # What the copy is compared with is no lease any more.
    with small_gateway.database.transaction() as connection:
        connection.execute(tables.lease_copies.update().values(document='{"id": 1}'))
    bus.model.carry_out(lease, 'start_lease')
    bus.send_all()
    until(lambda: len(rows(small_gateway, tables.unreadable_messages)) == 1)
    assert not bus.listener.trouble()


def test_database_is_away(small_gateway: Gateway, bus: Bus) -> None:
    """While the database cannot be used messages wait, in their order, and none is lost."""
    with small_gateway.database.transaction() as connection:
        connection.exec_driver_sql('ALTER TABLE bus_messages RENAME TO away')
    lease = bus.model.create()
    bus.model.carry_out(lease, 'start_lease')
    bus.send_all()
    until(lambda: bus.listener.trouble() is not None)
    assert small_gateway.entries() == []
    with small_gateway.database.transaction() as connection:
        connection.exec_driver_sql('ALTER TABLE away RENAME TO bus_messages')
    until(lambda: len(small_gateway.entries()) == 2)
    assert [kind for source, kind in small_gateway.told()] == ['lease.created', 'lease.started']
    until(lambda: bus.listener.trouble() is None)


def test_each_database(gateway: Gateway, tmp_path: Path) -> None:
    """Messages become entries on each kind of database."""
    bus = Bus(gateway, tmp_path)
    bus.start()
    lease = bus.model.create()
    for kind in ('start_lease', 'before_end_lease', 'end_lease'):
        bus.model.carry_out(lease, kind)
    bus.model.delete(lease)
    bus.send_all()
    until(lambda: len(gateway.entries()) == 5)
    bus.stop()
    assert gateway.told()[-1] == ('bus', 'lease.deleted')


def test_no_such_bus(small_gateway: Gateway, tmp_path: Path) -> None:
    """A bus that cannot be is said to be wrong, tried again, and ends with the service."""
    path = tmp_path / 'gateway.conf'
    path.write_text('[notifications]\ntransport_url = nothing://\n')
    listener = Listener(
        small_gateway.context, config.load([str(path)]), lambda lease_id: None, lambda: None
    )
    stop = threading.Event()
    running = threading.Thread(target=listener.run, args=[stop])
    running.start()
    until(lambda: listener.trouble() is not None)
    stop.set()
    running.join(20)
    assert not running.is_alive()
