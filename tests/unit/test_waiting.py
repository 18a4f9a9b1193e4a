"""Waiting for a lease: until when, how often it is looked at, and when it is given up."""

import datetime
from typing import Any, Protocol

import pytest

from blazarclient import exception, times, waiting
from blazarclient.resources.lease import Lease
from blazarclient.versions import OLDEST, Spoken
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

START = datetime.datetime(2026, 11, 20, 15, 30, tzinfo=datetime.UTC)


class Clock:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    def utcnow(self) -> datetime.datetime:
        return START + datetime.timedelta(seconds=self.passed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time as waiting sees it."""
    clock = Clock()
    monkeypatch.setattr(waiting, 'time', clock)
    monkeypatch.setattr(times, 'utcnow', clock.utcnow)
    return clock


#: From so many seconds on a status; None when the lease is gone.
Plan = list[tuple[float, str | None]]


class LeaseFactory(Protocol):
    def __call__(self, plan: Plan, events: object = ()) -> Lease: ...


@pytest.fixture
def lease(clock: Clock, server: RecordedBlazar, client: ClientFactory) -> LeaseFactory:
    """Make a lease that goes by a plan, with these events."""
    [wire] = server.leases(1)

    def make(plan: Plan, events: object = ()) -> Lease:
        def show(_request: Request) -> Answer | None:
            status = [status for since, status in plan if since <= clock.passed][-1]
            now = {**wire, 'status': status, 'events': events}
            return None if status is None else Answer(body={'lease': now})

        server.on('GET', f'/v1/leases/{wire["id"]}', show)
        return Lease.read(wire, Spoken(OLDEST, 'a test says so'), client())

    return make


def event(kind: str, after: float) -> dict[str, Any]:
    moment = START + datetime.timedelta(seconds=after)
    return {'event_type': kind, 'time': moment.strftime('%Y-%m-%dT%H:%M:%S.000000')}


def test_until_active(lease: LeaseFactory, clock: Clock) -> None:
    """The same lease comes back, as it was last seen; each status was reported once."""
    seen: list[str] = []
    one = lease([(0, 'PENDING'), (3, 'STARTING'), (9, 'ACTIVE')])
    assert one.wait(report=seen.append) is one
    assert one.status == 'ACTIVE'
    assert seen == ['PENDING', 'STARTING', 'ACTIVE']
    assert 9 <= clock.passed < 15


def test_already_there(lease: LeaseFactory, clock: Clock) -> None:
    """One look, and no sleep; the status may be written in any case."""
    for wanted in ('ACTIVE', 'active'):
        assert lease([(0, 'ACTIVE')]).wait(wanted).status == 'ACTIVE'
    assert clock.slept == []


@pytest.mark.parametrize('ahead', [-7200.0, 3.0, 7200.0])
def test_the_clock_of_the_service_counts(
    lease: LeaseFactory, clock: Clock, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    """An event is due by the service's clock; one that is another clock may go faster."""
    one = lease([(0, 'PENDING'), (50, 'ACTIVE')], [event('start_lease', 50 + ahead)])
    monkeypatch.setattr(type(one.client.transport), 'skew', ahead)
    one.wait()
    assert max(clock.slept) == pytest.approx(50 - ahead if ahead == 3.0 else 3.0, abs=7)
    # One that is overdue is looked for every ten seconds, as often as Blazar does.
    assert clock.passed < (55 if ahead > 0 else 61)


def test_looks_ever_less_often(lease: LeaseFactory, clock: Clock) -> None:
    """From one second to ten, and often again once something changed."""
    lease([(0, 'STARTING'), (200, 'UPDATING'), (230, 'ACTIVE')]).wait()
    growing = clock.slept[: clock.slept.index(max(clock.slept))]
    assert clock.slept[0] <= 1.0
    assert max(clock.slept) <= 10.0
    assert len(growing) >= 5
    after = next(i for i in range(len(clock.slept)) if sum(clock.slept[:i]) >= 200)
    assert clock.slept[after] <= 1.0


@pytest.mark.parametrize('due', [45.0, 59.0])
def test_sleeps_until_the_event_is_due(
    lease: LeaseFactory, clock: Clock, server: RecordedBlazar, due: float
) -> None:
    """Nothing is asked before the event that brings the change, and soon after it."""
    events = [event('start_lease', due), event('end_lease', 900)]
    lease([(0, 'PENDING'), (due + 0.5, 'ACTIVE')], events).wait()
    assert clock.slept[0] == pytest.approx(due)
    assert clock.passed < due + 3
    assert len(server.calls('reservation')) == len(clock.slept) + 1


def test_few_requests_once_it_is_due(
    lease: LeaseFactory, clock: Clock, server: RecordedBlazar
) -> None:
    """Blazar looks for due events every ten seconds: three looks see what it does."""
    one = lease([(0, 'PENDING'), (55, 'ACTIVE')], [event('start_lease', 45)])
    server.forget()
    one.wait()
    # One at the beginning, when it was not due.
    assert len(server.calls('reservation')) <= 1 + 3


def test_looks_once_a_minute_all_the_same(
    lease: LeaseFactory, clock: Clock, server: RecordedBlazar
) -> None:
    """Somebody may move the lease: a day is not slept through."""
    one = lease([(0, 'ACTIVE'), (100, 'TERMINATED')], [event('end_lease', 86_400)])
    one.wait('TERMINATED')
    assert clock.slept == [60.0, 60.0]


def test_events_that_say_nothing(lease: LeaseFactory, clock: Clock, server: RecordedBlazar) -> None:
    """Without events, or with one that has no readable time, it just looks often."""
    nothing: list[object] = [None, [], [{'event_type': 'end_lease', 'time': 'soon'}], [{}]]
    for events in nothing:
        clock.passed = 0.0
        clock.slept.clear()
        lease([(0, 'ACTIVE'), (5, 'TERMINATED')], events).wait('TERMINATED')
        assert max(clock.slept) < 5


@pytest.mark.parametrize('wanted', ['ACTIVE', 'TERMINATED', 'PENDING'])
def test_error_fails_at_once(lease: LeaseFactory, clock: Clock, wanted: str) -> None:
    """A lease in ERROR gets nowhere, and nobody waits for the time-out."""
    with pytest.raises(exception.WaitFailed) as raised:
        lease([(0, 'ERROR')]).wait(wanted)
    assert f'is ERROR and will not be {wanted} any more' in str(raised.value)
    assert 'lease-00000 (' in str(raised.value)
    assert clock.slept == []


@pytest.mark.parametrize(
    ('seen', 'wanted'),
    [('TERMINATED', 'ACTIVE'), ('TERMINATING', 'ACTIVE'), ('ACTIVE', 'PENDING')],
)
def test_status_that_lies_behind(lease: LeaseFactory, clock: Clock, seen: str, wanted: str) -> None:
    """It can no longer come."""
    with pytest.raises(exception.WaitFailed, match=f'is {seen} and will not be {wanted}'):
        lease([(0, seen)]).wait(wanted)
    assert clock.slept == []


def test_deleted_meanwhile(lease: LeaseFactory) -> None:
    """Who waits for something else is told."""
    seen: list[str] = []
    with pytest.raises(exception.WaitFailed, match='was deleted while waiting for it to be ACT'):
        lease([(0, 'PENDING'), (5, None)]).wait(report=seen.append)
    assert seen == ['PENDING', 'deleted']


@pytest.mark.parametrize('wanted', ['deleted', 'DELETED'])
@pytest.mark.parametrize('before', ['ACTIVE', 'DELETING', 'ERROR', None])
def test_until_deleted(lease: LeaseFactory, wanted: str, before: str | None) -> None:
    """Until it is not found, through every status, ERROR too."""
    one = lease([(0, before), (4, None)])
    assert one.wait(wanted) is one


def test_until_deleted_does_not_wait_for_events(
    lease: LeaseFactory, clock: Clock, server: RecordedBlazar
) -> None:
    """No event brings that."""
    lease([(0, 'ACTIVE'), (5, None)], [event('end_lease', 50)]).wait('deleted')
    assert clock.passed < 15


@pytest.mark.parametrize('timeout', [0.0, 7.0])
def test_time_out(lease: LeaseFactory, clock: Clock, timeout: float) -> None:
    """The last status is named; one look is always made, and one at the very end."""
    with pytest.raises(exception.WaitTimeout) as raised:
        lease([(0, 'PENDING')]).wait(timeout=timeout)
    assert f'was still PENDING after {timeout:.0f} s of waiting for it to be ACTIVE' in str(
        raised.value
    )
    assert clock.passed == timeout


@pytest.mark.parametrize('status', ['ERROR', 'UPDATING', 'nope', ''])
def test_status_that_nobody_can_wait_for(
    lease: LeaseFactory, server: RecordedBlazar, status: str
) -> None:
    """It is refused before any request, with those that are possible."""
    one = lease([(0, 'ACTIVE')])
    server.forget()
    with pytest.raises(exception.InvalidInput, match=r'no status to wait for\. Expected CREATING'):
        one.wait(status)
    assert server.requests == []


def test_until_stable(lease: LeaseFactory, clock: Clock) -> None:
    """Whatever it is then, also ERROR, also gone."""
    for end in ('ACTIVE', 'ERROR'):
        clock.passed = 0.0
        one = lease([(0, 'UPDATING'), (3, end)])
        assert waiting.until_stable(one).status == end
    clock.passed = 0.0
    one = lease([(0, 'DELETING'), (3, None)])
    assert waiting.until_stable(one) is one
    clock.passed = 0.0
    with pytest.raises(exception.WaitTimeout, match='to be stable'):
        waiting.until_stable(lease([(0, 'UPDATING')]), timeout=20)


def test_other_errors_end_the_wait(server: RecordedBlazar, lease: LeaseFactory) -> None:
    """Blazar's refusal is passed on."""
    one = lease([(0, 'ACTIVE')])
    server.play('lease-show-bob-403', path=f'/v1/leases/{one.id}')
    with pytest.raises(exception.Forbidden):
        one.wait('TERMINATED')
