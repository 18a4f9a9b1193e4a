"""The clock of a sandbox, and its other controls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from blazarclient import testing
from tests.unit.server.sandbox.conftest import Ask
from tests.unit.server.sandbox.test_faults import HOSTS

MONDAY = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)


@pytest.fixture(scope='module')
def box() -> Iterator[testing.Sandbox]:
    """One of these tests' own: they move its clock, which stands."""
    with testing.sandbox(hosts=2, clock=MONDAY, speed=0) as box:
        yield box


def test_what_is_here(box: testing.Sandbox, ask: Ask) -> None:
    """One address tells all that there is to know, and that it is not for production."""
    about = ask('GET', '/sandbox').json['sandbox']
    assert 'not for production' in about['about']
    assert about['endpoints']['reservation'] == f'{box.url}/v1'
    assert [(each['name'], each['password'], each['token']) for each in about['users']] == [
        (name, f'{name}-secret', name) for name in ('admin', 'alice', 'rita', 'bob')
    ]
    assert about['clock']['speed'] == 0
    assert about['faults'] == []


def test_a_clock_that_stands_is_moved(box: testing.Sandbox) -> None:
    box.clock.set(MONDAY)
    assert box.clock.now() == box.clock.now() == MONDAY
    assert box.clock.advance('1d2h') == MONDAY + timedelta(hours=26)
    assert box.clock.advance(timedelta(minutes=1)) == MONDAY + timedelta(hours=26, minutes=1)
    assert box.clock.set('2030-01-07 08:00') == MONDAY
    assert box.clock.set(datetime(2030, 1, 7, 9, 0)) == MONDAY + timedelta(hours=1)  # noqa: DTZ001
    assert box.clock.set('2030-01-07T08:00+01:00') == MONDAY - timedelta(hours=1)


def test_answers_are_dated_by_the_clock(box: testing.Sandbox, ask: Ask) -> None:
    """Once each."""
    box.clock.set(MONDAY)
    for path in ('/v1/leases', '/identity/v3'):
        headers = ask('GET', path).headers
        assert headers.get_all('Date') == ['Mon, 07 Jan 2030 08:00:00 GMT']


def test_tokens_outlive_the_clock(box: testing.Sandbox) -> None:
    """A token is good by the clock of the client and by that of the sandbox."""
    box.clock.set('2000-01-01')
    assert isinstance(box.client('bob').leases.list(), list)
    box.clock.set('2100-01-01')
    assert isinstance(box.client('rita').leases.list(), list)


def test_what_is_due_is_done_when_the_clock_was_moved(box: testing.Sandbox) -> None:
    """A lease of a week is seen to its end in three calls, none of which has to wait."""
    start = box.clock.set(MONDAY) + timedelta(hours=1)
    alice = box.client('alice')
    lease = alice.leases.create('week', start, start + timedelta(days=7), [HOSTS])
    seen = [lease.status]
    for step in ('1h', '6d', '1d'):
        box.clock.advance(step)
        seen.append(lease.refresh().status)
    assert seen == ['PENDING', 'ACTIVE', 'ACTIVE', 'TERMINATED']
    assert {each.status for each in lease.events or []} == {'DONE'}
    # From before its start to after its end at once.
    lease = alice.leases.create(
        'both', start + timedelta(days=8), start + timedelta(days=9), [HOSTS]
    )
    box.clock.advance('30d')
    assert lease.refresh().status == 'TERMINATED'


def test_speed(box: testing.Sandbox) -> None:
    """The clock runs so many times as fast, and can be stopped."""
    before = box.clock.set(MONDAY)
    box.clock.run(1_000_000)
    try:
        assert box.clock.now() > before
    finally:
        stopped = box.clock.run(0)
    assert box.clock.now() == stopped > before


@pytest.mark.parametrize(
    ('body', 'why'),
    [
        ({}, 'Expected {"now": TIME}'),
        ({'nwo': 1}, 'Expected {"now": TIME}'),
        ({'now': '2030-01-01', 'advance': '1h'}, 'Expected {"now": TIME}'),
        ({'now': 'tomorrow'}, "'tomorrow' is not a time"),
        ({'advance': '1 fortnight'}, "'1 fortnight' is not a duration"),
        ({'advance': -1}, 'cannot be advanced by -1'),
        ({'advance': 1e300}, '"advance" is a DURATION'),
        ({'advance': '9000w', 'speed': 'fast'}, '"speed" is a number'),
        ({'speed': True}, '"speed" is a number'),
        ({'speed': -1}, 'cannot run at speed -1'),
        ({'speed': 10**400}, '"speed" is a number'),
        ({'advance': '600000w'}, 'year 9999'),
        ('[]', 'a JSON object'),
        ('no JSON', 'a JSON object'),
    ],
)
def test_refusals(box: testing.Sandbox, ask: Ask, body: object, why: str) -> None:
    """The error says what is expected, and the clock stays as it is."""
    before = box.clock.now()
    answer = ask('POST', '/sandbox/clock', body)
    assert answer.status == 400
    assert why in answer.json['error']
    assert box.clock.now() == before


def test_faults_are_listed_and_taken_away(box: testing.Sandbox, ask: Ask) -> None:
    assert ask('POST', '/sandbox/faults', {'rule': 'GET /x 500'}).status == 201
    assert [each['rule'] for each in ask('GET', '/sandbox/faults').json['faults']] == ['GET /x 500']
    assert ask('DELETE', '/sandbox/faults').status == 204
    assert box.faults() == []
    bodies: tuple[object, ...] = ({'rule': 'GET'}, {'rules': []}, [])
    for body in bodies:
        answer = ask('POST', '/sandbox/faults', body)
        assert answer.status == 400
        assert 'METHOD PATH WHAT' in answer.json['error'] or 'a JSON object' in answer.json['error']


def test_json_only(ask: Ask) -> None:
    """What a page in a browser may send without asking is refused."""
    answer = ask('POST', '/sandbox/faults', '{"rule": "GET /x 500"}', Content_Type='text/plain')
    assert answer.status == 400


def test_what_is_not_here(ask: Ask) -> None:
    answer = ask('GET', '/sandbox/clocks')
    assert (answer.status, '/sandbox/clock' in answer.json['error']) == (404, True)
