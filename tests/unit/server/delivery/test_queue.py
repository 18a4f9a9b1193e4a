"""The queue of deliveries in the database: what is due, who has it, and whose it was."""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import Connection

from blazarclient.server.store import deliveries, due_deliveries, sending
from blazarclient.server.store.deliveries import Wanted
from blazarclient.server.store.due_deliveries import Due
from blazarclient.server.store.sending import Claim
from tests.deliveries import Deliveries

PATIENT = 1e12


def queue(service: Deliveries, connection: Connection, subscription: str, lanes: int) -> list[str]:
    """Queue one delivery in each of some lanes."""
    wanted = [
        Wanted(subscription, f'lane-{number}', number, f'n-{number}', None)
        for number in range(lanes)
    ]
    return deliveries.insert(connection, wanted, service.now, '1.0')


def first(connection: Connection, subscription: str, service: Deliveries) -> Due:
    return due_deliveries.top(connection, [(subscription, 1)], service.now)[0]


def test_what_is_due(service: Deliveries) -> None:
    """Each subscription with something queued, however much there is, and since when."""
    subscriptions = [service.subscribe(f'http://127.0.0.1:9/{number}') for number in range(4)]
    long, short, later, _ = subscriptions
    with service.database.transaction() as connection:
        queue(service, connection, short, 3)
        soon = service.now + timedelta(minutes=1)
        deliveries.insert(connection, [Wanted(later, 'x', 1, 'n', None)], soon, '1.0')
        assert dict(due_deliveries.due(connection)) == {short: service.now, later: soon}
        queue(service, connection, long, 700)
        expected = {long: service.now, short: service.now, later: soon}
        assert dict(due_deliveries.due(connection)) == expected
        found = due_deliveries.top(connection, [(each, 16) for each in subscriptions], service.now)
        assert [each.subscription_id for each in found].count(long) == 16
        assert [each.subscription_id for each in found].count(short) == 3
        assert later not in {each.subscription_id for each in found}


def test_many_subscriptions(service: Deliveries) -> None:
    """More of them than one query asks for."""
    with service.database.transaction() as connection:
        nobody = [(f'nobody-{number}', 3) for number in range(250)]
        assert due_deliveries.top(connection, nobody, service.now) == []


def test_one_of_a_lane(service: Deliveries) -> None:
    """Of each lane one is queued, and the next when that has ended."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    with service.database.transaction() as connection:
        for sequence in (5, 3, 4):
            wanted = Wanted(subscription, 'lane', sequence, f'n-{sequence}', None)
            deliveries.insert(connection, [wanted], service.now, '1.0')
        order = []
        for _ in range(3):
            due = first(connection, subscription, service)
            order.append(due.sequence)
            assert len(due_deliveries.top(connection, [(subscription, 16)], service.now)) == 1
            sending.end(connection, [due.id], 'cancelled', service.now)
            sending.promote(connection, [(subscription, 'lane')], service.now)
        # What came first keeps its place; the rest is in the order of the log.
        assert order == [5, 3, 4]
        assert due_deliveries.due(connection) == []


def test_what_expires_behind_others(service: Deliveries) -> None:
    """When something ends that waits in a lane, its first one is still the only one queued."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    lane = (subscription, 'lane')
    with service.database.transaction() as connection:
        for sequence, expires_at in ((1, None), (2, service.now), (3, None)):
            wanted = Wanted(*lane, sequence, f'n-{sequence}', expires_at)
            deliveries.insert(connection, [wanted], service.now, '1.0')
        assert sending.expired(connection, service.now, limit=10) == [lane]
        assert sending.expire_lanes(connection, [lane], service.now) == 1
        assert sending.promote(connection, [lane], service.now) == 0
        states = {
            row['sequence']: row['state']
            for row in deliveries.page(connection, subscription, limit=9)
        }
    assert states == {1: 'queued', 2: 'expired', 3: 'waiting'}


def test_nobody_claims_what_somebody_has(service: Deliveries) -> None:
    """A claim meets what is queued, and what is queued for this attempt."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    with service.database.transaction() as connection:
        (one,) = queue(service, connection, subscription, 1)
        assert sending.claim(connection, [Claim(one, 'one/1', 1)], PATIENT) == 1
        assert sending.claim(connection, [Claim(one, 'two/1', 1)], PATIENT) == 0
        assert sending.claim(connection, [Claim(one, 'two/1', 2)], PATIENT) == 0
        assert due_deliveries.in_flight(connection, time.time(), 'one/') == []
        assert due_deliveries.in_flight(connection, time.time(), 'two/') == ['127.0.0.1:9']


def test_whose_it_is(service: Deliveries) -> None:
    """Only who has a delivery, and for this attempt, can finish it or give it back."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    with service.database.transaction() as connection:
        (one,) = queue(service, connection, subscription, 1)
        mine = Claim(one, 'one/1', 1)
        assert sending.claim(connection, [mine], PATIENT) == 1
        others = [Claim(one, 'one/2', 1), Claim(one, 'one/1', 2), Claim('x', 'one/1', 1)]
        before = deliveries.delivery(connection, subscription, one)
        for each in others:
            assert sending.held(connection, [each]) == set()
            sending.give_back(connection, [each])
            ended = sending.Ended(
                *each, 'delivered', service.now, '[]', 204, None, None, service.now
            )
            assert sending.finish(connection, [ended], service.now) == 0
        assert deliveries.delivery(connection, subscription, one) == before
        assert sending.held(connection, [mine, *others]) == {one}
        sending.give_back(connection, [mine])
        given_back = deliveries.delivery(connection, subscription, one)
        assert given_back is not None
        assert (given_back['state'], given_back['attempt']) == ('queued', 0)


def test_taken_over_in_time(service: Deliveries) -> None:
    """What has not been finished by its deadline is queued again, and not before."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    with service.database.transaction() as connection:
        one, two = queue(service, connection, subscription, 2)
        sending.claim(connection, [Claim(one, 'one/1', 1)], 100.0)
        sending.claim(connection, [Claim(two, 'one/1', 1)], 200.0)
        assert sending.take_over(connection, service.now, 150.0) == 1
        assert sending.held(connection, [Claim(one, 'one/1', 1)]) == set()
        assert sending.held(connection, [Claim(two, 'one/1', 1)]) == {two}
        assert first(connection, subscription, service).attempt == 1


def test_any_text_is_kept(service: Deliveries) -> None:
    """What a receiver has answered is kept as it came, in any script."""
    subscription = service.subscribe('http://127.0.0.1:9/')
    text = '租约 "Ångström" \\ \n\t 🙂 %s :x ' + 'y' * 4000
    with service.database.transaction() as connection:
        (one,) = queue(service, connection, subscription, 1)
        mine = Claim(one, 'one/1', 1)
        sending.claim(connection, [mine], PATIENT)
        ended = sending.Ended(*mine, 'queued', service.now, '[1]', 500, text, 'http-500', None)
        assert sending.finish(connection, [ended], service.now) == 1
        row = deliveries.delivery(connection, subscription, one)
        assert row is not None
        assert (row['response_head'], row['finished_at'], row['owner']) == (text, None, None)
