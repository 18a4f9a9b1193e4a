"""200 answers of a real Blazar are lost; no report is ever wrong, and no lease made twice."""

import concurrent.futures
import contextlib
import dataclasses
import os
import random
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from blazarclient import exception, times, transport
from blazarclient.client import Client
from blazarclient.resources.lease import Lease
from tests.functional import plain
from tests.functional.conftest import MODERN, AsUser, Cloud, Name, Reservation, Slot
from tests.proxy import (
    CUT_AT_ONCE,
    CUT_BEFORE,
    CUT_BEFORE_ANSWER,
    CUT_LAST_BYTE,
    PASS,
    Proxy,
    Seen,
    Step,
    cut_answer,
    unavailable,
)

CUTS = 200
#: Another number gives other weather.
SEED = int(os.environ.get('BLAZARCLIENT_TEST_SEED', '17'))
THREADS = 2
#: Seconds after which a request that Blazar has is sure to have left a trace.
TRACE = 3.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between tries are shorter; how long a lease may take to show up is not."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.1)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.4)


def some_step(dice: random.Random) -> Step:
    """Some way to lose a request or its answer."""
    return dice.choice(
        [
            CUT_BEFORE,
            CUT_AT_ONCE,
            CUT_BEFORE_ANSWER,
            cut_answer(dice.randrange(1, 1500)),
            CUT_LAST_BYTE,
            unavailable(dice.choice((None, 0, 1)), dice.choice((502, 503, 504))),
        ]
    )


class Weather:
    """What happens to the requests of one client; it counts what was lost."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.lost = 0
        self.chances: dict[str, float] = {}
        #: GETs in a row that were lost.
        self.blind = 0

    def change(self) -> None:
        """Decide what the next call goes through; now and then nobody can be asked any more."""
        looks = 1.0 if self.dice.random() < 0.08 else self.dice.choice((0, 0.3, 0.6))
        sends = self.dice.choice((0.5, 0.8, 0.8, 1.0))
        self.chances = {'GET': looks, 'POST': sends, 'PUT': sends, 'DELETE': sends}
        self.blind = 0

    def clear(self) -> None:
        """Let everything pass."""
        self.chances = {}

    def __call__(self, seen: Seen) -> Step:
        lost = self.dice.random() < self.chances.get(seen.method, 0)
        if seen.method == 'GET':
            self.blind = self.blind + 1 if lost else 0
        if not lost:
            return PASS
        self.lost += 1
        return some_step(self.dice)


@dataclasses.dataclass
class Cloudy:
    """A client behind a proxy with weather."""

    client: Client
    proxy: Proxy
    weather: Weather
    retries: int = 4

    @property
    def blind(self) -> bool:
        """Whether every question was lost that was asked to settle the last doubt."""
        return self.weather.blind > self.retries


@contextlib.contextmanager
def cloudy(cloud: Cloud, as_user: AsUser, seed: int) -> Iterator[Cloudy]:
    endpoint = cloud.session('alice').get_endpoint(service_type='reservation')
    target = urllib.parse.urlsplit(str(endpoint))
    assert target.hostname
    with Proxy(target.hostname, target.port or 80) as proxy:
        weather = Weather(seed)
        proxy.plan(weather)
        yield Cloudy(as_user('alice', endpoint_override=f'{proxy.url}/v1'), proxy, weather)


@pytest.fixture
def named(cloud: Cloud) -> Callable[[str], list[dict[str, Any]]]:
    """The leases of a name, by plain HTTP past every proxy."""

    def find(name: str) -> list[dict[str, Any]]:
        answer = plain.request(cloud.session('alice'), 'GET', 'leases').json()
        return [each for each in answer['leases'] if each['name'] == name]

    return find


Named = Callable[[str], list[dict[str, Any]]]


def create(there: Cloudy, name: str, reservation: dict[str, Any], slot: Slot) -> Lease:
    start, end = slot()
    return there.client.leases.create(name, start, end, [reservation])


def life(there: Cloudy, name: str, reservation: dict[str, Any], slot: Slot, named: Named) -> str:
    """Make a lease, extend it and delete it in bad weather; how that ended."""
    there.weather.change()
    try:
        lease = create(there, name, reservation, slot)
    except (exception.ConnectionFailed, exception.ServiceUnavailable) as error:
        return failed(there, name, error, named)
    (found,) = named(name)
    assert found['id'] == lease['id']
    assert found['status'] == 'PENDING'
    if there.weather.dice.random() < 0.4:
        extend(there, lease, named)
    delete(there, lease, named)
    return 'made'


def failed(there: Cloudy, name: str, error: Exception, named: Named) -> str:
    """What an error says has to be so: there is no lease, or nobody could know."""
    time.sleep(TRACE)
    ids = [each['id'] for each in named(name)]
    if isinstance(error, exception.OutcomeUnknown):
        assert there.blind, error
        assert ids in ([], [error.lease_id])
        return 'unknown'
    assert ids == [], error
    return 'not made'


def extend(there: Cloudy, lease: Lease, named: Named) -> None:
    """It ends an hour later: after success surely, and never two hours."""
    there.weather.change()
    end = lease.end_date
    with contextlib.suppress(exception.ConnectionFailed, exception.ServiceUnavailable):
        lease.extend('1h')
        (found,) = named(lease['name'])
        assert times.from_wire(found['end_date']) == lease.end_date != end
    there.weather.clear()
    time.sleep(0.5)
    lease.refresh().wait('PENDING', timeout=30)
    assert end is not None
    assert lease.end_date is not None
    assert (lease.end_date - end).total_seconds() in (0, 3600)


def delete(there: Cloudy, lease: Lease, named: Named) -> None:
    """It is gone: after success surely; never is an error told for a lease that is gone."""
    there.weather.change()
    try:
        lease.delete()
    except (exception.ConnectionFailed, exception.ServiceUnavailable):
        # It says that it does not know; NotFound would be a wrong report.
        return
    assert named(lease['name']) == []


def test_200_cuts(
    cloud: Cloud,
    as_user: AsUser,
    reservation: Reservation,
    slot: Slot,
    name: Name,
    named: Named,
) -> None:
    """Two programs make, extend and delete leases until so many answers were lost."""
    small = reservation('physical:host')
    names = threading.Lock()

    def run(number: int) -> tuple[list[str], int]:
        ends = []
        with cloudy(cloud, as_user, SEED + number) as there:
            while there.weather.lost < CUTS // THREADS:
                with names:
                    called = name()
                ends.append(life(there, called, dict(small), slot, named))
            return ends, there.weather.lost

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(run, range(THREADS)))
    ends = [each for result in results for each in result[0]]
    assert sum(lost for _, lost in results) >= CUTS
    assert ends.count('made') > len(ends) / 2
    print(f'{sum(lost for _, lost in results)} cuts, {len(ends)} leases: ', end='')
    print(', '.join(f'{ends.count(each)} {each}' for each in sorted(set(ends))))


def _always(step: Step, _: Seen) -> Step:
    return step


def test_upstreams_style(
    cloud: Cloud,
    as_user: AsUser,
    reservation: Reservation,
    slot: Slot,
    name: Name,
    named: Named,
) -> None:
    """The create of python-blazarclient 4 is sent once, whatever happens to it."""
    dice = random.Random(5)
    small = reservation('physical:host')
    with cloudy(cloud, as_user, 5) as there:
        for _ in range(12):
            step = some_step(dice)
            there.proxy.plan(partial(_always, step))
            del there.proxy.done[:]
            called = name()
            start, end = (f'{each:%Y-%m-%d %H:%M}' for each in slot())
            with pytest.raises((exception.ConnectionFailed, exception.ServiceUnavailable)):
                there.client.lease.create(called, start, end, [small], [])
            assert [each[0] for each in there.proxy.done] == ['POST']
            deadline = time.monotonic() + TRACE
            while not named(called) and time.monotonic() < deadline:
                time.sleep(0.3)
            # A server may see that nobody waits for an answer before it begins.
            allowed = {0, 1} if step == CUT_AT_ONCE else {int(step.forward)}
            assert len(named(called)) in allowed, step


def test_two_creates_with_one_id(
    as_user: AsUser, reservation: Reservation, slot: Slot, name: Name, named: Named
) -> None:
    """Of two creates at the same time with one ID one is carried out: what all relies on.

    From 1.1 on the other one is answered with the same lease.
    """
    small = reservation('physical:host')
    client = as_user('alice')
    client.leases.list()
    for _ in range(5):
        called, lease_id, (start, end) = name(), str(uuid.uuid4()), slot()
        make = partial(client.leases.create, called, start, end, [dict(small)], id=lease_id)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            both = [pool.submit(make), pool.submit(make)]
        errors = [each.exception() for each in both]
        refused = [] if MODERN else [exception.Conflict]
        assert [type(each) for each in errors if each] == refused
        made = {each.result()['id'] for each in both if not each.exception()}
        assert made == {lease_id}
        time.sleep(0.5)
        (found,) = named(called)
        assert (found['status'], len(found['reservations'])) == ('PENDING', 1)


def test_two_at_a_time(
    as_user: AsUser, reservation: Reservation, slot: Slot, name: Name, named: Named
) -> None:
    """Two programs extend one lease and then delete it: each waits for the other."""
    client = as_user('alice')
    start, end = slot()
    for _ in range(3):
        lease = client.leases.create(name(), start, end, [reservation('physical:host')])
        lease_id = lease['id']
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _, i=lease_id: client.leases.get(i).extend('1h'), range(2)))
        assert lease.refresh().wait('PENDING')['status'] == 'PENDING'
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _, i=lease_id: _delete(client, i), range(2)))
        assert named(lease['name']) == []


def _delete(client: Client, lease_id: str) -> None:
    # The slower one may find nothing any more when it begins.
    with contextlib.suppress(exception.NotFound):
        client.leases.delete(lease_id)
