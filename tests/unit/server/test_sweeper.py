"""The sweeper: what is no longer kept goes, and nothing else."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from blazarclient.server.config import Settings
from blazarclient.server.notifications.sweeper import Sweeper
from blazarclient.server.objects.notification import Notification
from blazarclient.server.store import tables
from tests.front_door import BEGIN, FrontDoor


@pytest.fixture
def door(database_url: str) -> Iterator[FrontDoor]:
    made = FrontDoor(database_url, settings=Settings(keep_notifications=14, keep_deliveries=30))
    yield made
    made.close()


def count(door: FrontDoor, table: sa.Table) -> int:
    with door.database.transaction(write=False) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def insert(door: FrontDoor, table: sa.Table, **values: Any) -> None:
    with door.database.transaction() as connection:
        connection.execute(table.insert().values(**values))


def publish(door: FrontDoor, number: int, kind: str = 'lease.created', lease: str = 'x') -> None:
    Notification.publish(
        door.context(),
        kind,
        f'test:{number}',
        source='backend',
        time=door.now,
        lease={'id': lease, 'project_id': 'p', 'user_id': 'u', 'reservations': []},
    )


def fan_out(door: FrontDoor) -> None:
    """Let every entry of the log be one that delivery workers have looked at."""
    with door.database.transaction() as connection:
        head = tables.log_head
        connection.execute(head.update().values(fanned_out=head.c.sequence))


def subscribe(door: FrontDoor, **values: Any) -> str:
    subscription_id = str(uuid.uuid4())
    insert(
        door,
        tables.subscriptions,
        **{
            'id': subscription_id,
            'project_id': 'p',
            'user_id': 'u',
            'notify_endpoint': '{}',
            'url': 'http://127.0.0.1/',
            'endpoint': '127.0.0.1:80',
            'scope': 'project',
            'types': '["lease.*"]',
            'lease_ids': '[]',
            'resource_types': '[]',
            'before_end': '[]',
            'payload': 'full',
            'payload_version': '1.1',
            'verify': 'auto',
            'enabled': True,
            'status': 'active',
            'consecutive_failures': 0,
            'secret': '',
            'start_sequence': 0,
            'verify_attempts': 0,
            'digest': subscription_id,
            'revision': 1,
            'created_at': door.now,
            'version': '1.1',
            **values,
        },
    )
    return subscription_id


def deliver(door: FrontDoor, subscription_id: str, **values: Any) -> str:
    delivery_id = str(uuid.uuid4())
    insert(
        door,
        tables.deliveries,
        **{
            'id': delivery_id,
            'subscription_id': subscription_id,
            'sequence': 1,
            'notification_id': 'x',
            'lane': 'x',
            'state': 'delivered',
            'due_at': door.now,
            'attempt': 1,
            'attempts': '[]',
            'created_at': door.now,
            'version': '1.0',
            **values,
        },
    )
    return delivery_id


def test_the_log_has_no_gap(door: FrontDoor) -> None:
    """Entries go from the oldest on, a batch at a time, and a cursor before them is refused."""
    for number in range(5):
        publish(door, number)
    fan_out(door)
    door.advance(60)
    publish(door, 5)
    fan_out(door)
    door.set_clock(BEGIN + timedelta(days=14, minutes=30))
    sweeper = Sweeper(door.context, batch=3)
    assert [sweeper.run_once() for _ in range(3)] == [3, 2, 0]
    assert count(door, tables.notifications) == 1
    with door.database.transaction(write=False) as connection:
        assert connection.scalar(sa.select(tables.log_head.c.swept)) == 5


def test_what_nobody_was_sent_is_kept(door: FrontDoor) -> None:
    """An entry of which it is not worked out yet who is sent it stays, however old it is."""
    publish(door, 1)
    fan_out(door)
    publish(door, 2)
    door.set_clock(BEGIN + timedelta(days=100))
    Sweeper(door.context).run_once()
    assert count(door, tables.notifications) == 1


def test_deliveries(door: FrontDoor) -> None:
    """Those that are over go after their time; one that is not over stays."""
    subscription = subscribe(door)
    deliver(door, subscription, finished_at=BEGIN)
    deliver(door, subscription, finished_at=BEGIN + timedelta(days=2))
    deliver(door, subscription, state='queued')
    door.set_clock(BEGIN + timedelta(days=31))
    sweeper = Sweeper(door.context)
    assert sweeper.run_once() == 1
    assert count(door, tables.deliveries) == 2
    door.set_clock(BEGIN + timedelta(days=300))
    assert sweeper.run_once() == 1
    assert count(door, tables.deliveries) == 1


@pytest.mark.parametrize(
    ('table', 'days', 'values'),
    [
        (tables.bus_messages, 2, {'message_id': 'm', 'received_at': BEGIN}),
        (
            tables.unreadable_messages,
            14,
            {'id': 'm', 'received_at': BEGIN, 'reason': '', 'message': ''},
        ),
        (
            tables.own_ids,
            14,
            {
                'kind': 'lease',
                'id': 'm',
                'project_id': 'p',
                'user_id': 'u',
                'digest': '',
                'created_at': BEGIN,
            },
        ),
    ],
)
def test_what_is_remembered_for_a_while(
    door: FrontDoor, table: sa.Table, days: int, values: dict[str, Any]
) -> None:
    """It is there until its time has come, and then it is gone."""
    insert(door, table, **values)
    sweeper = Sweeper(door.context)
    door.set_clock(BEGIN + timedelta(days=days, minutes=-1))
    sweeper.run_once()
    assert count(door, table) == 1
    door.set_clock(BEGIN + timedelta(days=days, minutes=1))
    sweeper.run_once()
    assert count(door, table) == 0


def test_an_inline_subscription_goes_when_all_is_told(door: FrontDoor) -> None:
    """It outlives its lease until nothing is left to tell of it; others are not touched."""
    subscribe(door)
    subscription = subscribe(door, inline_lease_id='gone')
    sweeper = Sweeper(door.context)

    def is_there() -> bool:
        sweeper.run_once()
        assert count(door, tables.subscriptions) in (1, 2)
        return count(door, tables.subscriptions) == 2

    # Its lease may not have been seen yet.
    assert is_there()
    publish(door, 1, 'lease.deleted', 'gone')
    assert is_there()
    delivery = deliver(door, subscription, state='sending')
    fan_out(door)
    assert is_there()
    with door.database.transaction() as connection:
        connection.execute(
            tables.deliveries.update()
            .where(tables.deliveries.c.id == delivery)
            .values(state='failed', finished_at=door.now)
        )
    assert not is_there()


def test_an_inline_subscription_of_a_lease_that_has_ended(door: FrontDoor) -> None:
    """A day after its end a lease is over, also when nobody has deleted it."""
    subscribe(door, inline_lease_id='over')
    insert(
        door,
        tables.lease_copies,
        lease_id='over',
        project_id='p',
        user_id='u',
        status='TERMINATED',
        end_date=BEGIN,
        digest='',
        document='{}',
    )
    sweeper = Sweeper(door.context)
    door.set_clock(BEGIN + timedelta(hours=23))
    assert sweeper.run_once() == 0
    door.set_clock(BEGIN + timedelta(hours=25))
    assert sweeper.run_once() == 1


def test_it_runs_until_it_is_told_to_stop(door: FrontDoor) -> None:
    """In a thread it does the same, batch after batch."""
    for number in range(3):
        insert(door, tables.bus_messages, message_id=str(number), received_at=BEGIN)
    door.set_clock(BEGIN + timedelta(days=3))
    stop = threading.Event()
    thread = threading.Thread(target=Sweeper(door.context, batch=1).run, args=[stop])
    thread.start()
    for _ in range(600):
        if count(door, tables.bus_messages) == 0:
            break
        stop.wait(0.05)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert count(door, tables.bus_messages) == 0
