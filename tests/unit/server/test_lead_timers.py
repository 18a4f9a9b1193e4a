"""Warnings at the lead times that subscriptions ask for, and the end of subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications.timers import Timers
from blazarclient.server.objects.lead_timer import LeadTimer, iso_duration
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.vault import new_key
from tests.front_door import BEGIN, FrontDoor

END = BEGIN + timedelta(hours=10)


@pytest.fixture
def door(database_url: str) -> Iterator[FrontDoor]:
    made = FrontDoor(database_url, settings=Settings(secret_keys=(new_key(),)))
    yield made
    made.close()


def subscribe(door: FrontDoor, *leads: str, **values: Any) -> Subscription:
    user = values.pop('user', ('u-alice', 'p-demo', 'member'))
    ctx = RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id=user[0],
        project_id=user[1],
        roles=frozenset({user[2], 'reader'}),
    )
    body = {
        'notify_endpoint': {'url': 'https://ci.example/hook'},
        'before_end': [*leads],
        **values,
    }
    return Subscription.create(ctx, body, '1.2')[0]


def record(
    door: FrontDoor, end: datetime = END, lease_id: str = 'one', status: str = 'ACTIVE'
) -> None:
    """Let a lease be seen."""
    document = {
        'id': lease_id,
        'name': 'first',
        'project_id': 'p-demo',
        'user_id': 'u-alice',
        'status': status,
        'start_date': BEGIN.isoformat(timespec='microseconds'),
        'end_date': end.isoformat(timespec='microseconds'),
        'reservations': [{'id': 'r', 'resource_type': 'physical:host'}],
        'events': [],
    }
    LeaseCopy.record(door.context(), document)


def at(door: FrontDoor, moment: datetime) -> list[tuple[str | None, int | None]]:
    """Let the clock show a time, do what is due, and say what was published of it."""
    before = len(log(door))
    door.set_clock(moment)
    Timers(door.context).run_once()
    return [(each.lease_id, each.lead_seconds) for each in log(door)[before:]]


def log(door: FrontDoor) -> list[Notification]:
    return Notification.feed(door.context(), after=0, limit=1000, all_projects=True)[0]


@pytest.mark.parametrize('lease_first', [True, False])
def test_a_warning_is_given_at_each_lead_time(door: FrontDoor, lease_first: bool) -> None:
    """Whichever was first, the lease or the subscription: each lead time is told of once."""
    if lease_first:
        record(door)
    subscribe(door, 'PT1H', 'PT10M')
    if not lease_first:
        record(door)

    assert at(door, END - timedelta(minutes=61)) == []
    assert at(door, END - timedelta(minutes=60)) == [('one', 3600)]
    assert at(door, END - timedelta(minutes=59)) == []
    assert at(door, END - timedelta(minutes=9)) == [('one', 600)]
    last = log(door)[-1]
    assert (last.type, last.source) == ('lease.before_end', 'timer')
    assert last.time == END - timedelta(minutes=10)
    assert last.expires_at == END
    assert (last.data['lead_time'], last.data['remaining_seconds']) == ('PT10M', 540)
    assert LeadTimer.next_due(door.context()) is None


def test_a_lease_that_is_moved(door: FrontDoor) -> None:
    """Only the end that a lease has counts, and the same warning is not given again."""
    subscribe(door, 'PT1H')
    record(door)
    record(door, END + timedelta(hours=1))
    assert at(door, END - timedelta(hours=1)) == []
    assert at(door, END) == [('one', 3600)]
    record(door, END + timedelta(hours=3))
    record(door, END + timedelta(hours=1))

    assert at(door, END + timedelta(minutes=1)) == []


@pytest.mark.parametrize('status', ['TERMINATED', 'TERMINATING', 'DELETING'])
def test_a_lease_that_is_over(door: FrontDoor, status: str) -> None:
    """Nobody is warned of the end of a lease that is over."""
    subscribe(door, 'PT1H')
    record(door)
    record(door, status=status)

    assert LeadTimer.next_due(door.context()) is None
    assert at(door, END - timedelta(minutes=50)) == []


def test_a_lease_that_is_gone(door: FrontDoor) -> None:
    """Nobody is warned of the end of a lease that is gone."""
    subscribe(door, 'PT1H')
    record(door)
    LeaseCopy.forget(door.context(), 'one')

    assert at(door, END - timedelta(minutes=50)) == []


def test_a_moment_that_has_passed(door: FrontDoor) -> None:
    """A lease that ends sooner than the lead time is not told of, but for the last 5 minutes."""
    subscribe(door, 'PT1H', 'PT30M', 'PT10M')
    record(door, BEGIN + timedelta(minutes=27))

    assert at(door, BEGIN) == [('one', 1800)]
    assert at(door, BEGIN + timedelta(minutes=17)) == [('one', 600)]


@pytest.mark.parametrize(
    ('values', 'is_warned'),
    [
        ({}, True),
        ({'scope': 'user'}, True),
        ({'scope': 'user', 'user': ('u-rita', 'p-demo', 'member')}, False),
        ({'user': ('u-bob', 'p-other', 'member')}, False),
        ({'resource_types': ['physical:host']}, True),
        ({'resource_types': ['virtual:floatingip']}, False),
    ],
)
def test_only_who_could_hear_of_it_arms_a_timer(
    door: FrontDoor, values: dict[str, Any], is_warned: bool
) -> None:
    """A lease has timers for the lead times of those who may hear of it, before and after."""
    record(door, lease_id='before')
    subscribe(door, 'PT1H', **values)
    record(door, lease_id='after')

    expected = [('after', 3600), ('before', 3600)] if is_warned else []
    assert at(door, END - timedelta(minutes=60)) == expected


def test_an_administrator_hears_of_every_project(door: FrontDoor) -> None:
    """The lead times of a subscription to all leases hold for those of every project."""
    expires = f'{END + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}'
    subscribe(door, 'PT1H', scope='all', expires_at=expires, user=('u-admin', 'p-admin', 'admin'))
    record(door)

    assert at(door, END - timedelta(minutes=60)) == [('one', 3600)]


def test_what_nobody_asks_for_any_more(door: FrontDoor) -> None:
    """The warning of a subscription that is gone is not given."""
    made = subscribe(door, 'PT1H')
    record(door)
    made.destroy()

    assert at(door, END - timedelta(minutes=50)) == []


def test_a_lead_time_that_is_asked_for_later(door: FrontDoor) -> None:
    """A subscription whose lead times are changed has those that it names now."""
    made = subscribe(door, 'PT1H')
    record(door)
    made.patch({'before_end': ['PT10M']}, None, '1.2')

    assert at(door, END - timedelta(minutes=60)) == []
    assert at(door, END - timedelta(minutes=10)) == [('one', 600)]


def test_a_subscription_ends(door: FrontDoor) -> None:
    """A day before its end its project is told of it, once, and then it is over."""
    expires = BEGIN + timedelta(days=3)
    made = subscribe(door, expires_at=f'{expires:%Y-%m-%dT%H:%M:%SZ}')
    at(door, expires - timedelta(hours=25))
    assert log(door) == []
    for minutes in (0, 1):
        at(door, expires - timedelta(hours=24) + timedelta(minutes=minutes))
    (told,) = log(door)
    assert (told.type, told.subscription_id) == ('subscription.expiring', made.id)
    assert told.project_id == 'p-demo'
    at(door, expires)

    after = Subscription.for_service(door.context(), made.id)
    assert after is not None
    assert after.status == 'expired'
    assert len(log(door)) == 1


def test_a_subscription_that_lasts_less_than_a_day(door: FrontDoor) -> None:
    """One that was made to end soon is no news, and ends."""
    expires = BEGIN + timedelta(hours=2)
    made = subscribe(door, expires_at=f'{expires:%Y-%m-%dT%H:%M:%SZ}')
    at(door, BEGIN + timedelta(hours=1))
    at(door, expires)

    after = Subscription.for_service(door.context(), made.id)
    assert after is not None
    assert after.status == 'expired'
    assert log(door) == []


@pytest.mark.parametrize(
    ('seconds', 'text'),
    [(0, 'PT0S'), (60, 'PT1M'), (5400, 'PT1H30M'), (86400, 'P1D'), (90061, 'P1DT1H1M1S')],
)
def test_durations(seconds: int, text: str) -> None:
    """A lead time is written in ISO 8601, in the largest units."""
    assert iso_duration(seconds) == text
