"""The comparison with the list of leases, asked for over HTTP as it asks a Blazar."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient.server.notifications import agreement, messages
from blazarclient.server.notifications.blazar import Blazar, Unavailable
from blazarclient.server.notifications.comparison import Comparison
from blazarclient.server.objects.lease_copy import LeaseCopy
from tests.conftest import SessionFactory
from tests.recorded import Answer, RecordedBlazar
from tests.unit.server.notifications.conftest import Gateway
from tests.unit.server.notifications.model_blazar import ModelBlazar

NOT_FOUND = {'error_code': 404, 'error_message': 'Object with ... not found', 'error_name': 404}


class Served:
    """A model of Blazar behind HTTP, and answers that are none."""

    def __init__(self, server: RecordedBlazar) -> None:
        self.model = ModelBlazar()
        self.instead: Callable[[str], Answer | None] = lambda path: None
        self.asked: list[str] = []
        server.on('GET', '/v1/leases', self._list)
        import re

        server.on('GET', re.compile('/v1/leases/[^/]+'), self._one)

    def _list(self, request: Any) -> Answer:
        self.asked.append(request.path)
        return self.instead(request.path) or Answer(body={'leases': self.model.list_leases()})

    def _one(self, request: Any) -> Answer:
        self.asked.append(request.path)
        found = self.model.get_lease(request.path.rpartition('/')[2])
        if found is None:
            usual = Answer(status=404, body=NOT_FOUND)
        else:
            usual = Answer(body={'lease': found})
        return self.instead(request.path) or usual


@pytest.fixture
def served(server: RecordedBlazar) -> Served:
    """A Blazar."""
    return Served(server)


@pytest.fixture
def blazar(server: RecordedBlazar, served: Served, session: SessionFactory) -> Blazar:
    """Asks it with credentials of its own."""
    return Blazar(session('admin'), server.url, timeout=(2.0, 2.0))


@pytest.fixture
def comparison(small_gateway: Gateway, blazar: Blazar) -> Comparison:
    """Compares, and believes at once what it sees twice."""
    return Comparison(small_gateway.context, blazar, 60, grace=0.0, patience=0.0)


def test_first_look_is_no_news(
    small_gateway: Gateway, served: Served, comparison: Comparison
) -> None:
    """What is there at the first look is kept and not published; what comes after it is."""
    old = served.model.create()
    served.model.carry_out(old, 'start_lease')
    comparison.run_once()
    assert small_gateway.entries() == []
    new = served.model.create()
    served.model.carry_out(new, 'start_lease')
    served.model.carry_out(old, 'end_lease')
    comparison.run_once()
    assert sorted(small_gateway.told()) == [
        ('comparison', 'lease.created'),
        ('comparison', 'lease.ended'),
        ('comparison', 'lease.started'),
    ]
    assert comparison.run_once() == 0


def test_first_lease_after_an_empty_first_look_is_news(
    small_gateway: Gateway, served: Served, comparison: Comparison
) -> None:
    """That there was a first look is known although there was nothing to see."""
    comparison.run_once()
    served.model.create()
    comparison.run_once()
    assert small_gateway.told() == [('comparison', 'lease.created')]


def test_rename_and_degraded(
    small_gateway: Gateway, served: Served, comparison: Comparison
) -> None:
    """What Blazar sends nothing about is published, once, with what has changed."""
    lease = served.model.create()
    comparison.run_once()
    served.model.begin_update(lease)
    served.model.finish_update(lease, name='another')
    comparison.run_once()
    served.model.degrade(lease)
    comparison.run_once()
    comparison.run_once()
    updated, degraded = small_gateway.entries()
    assert updated['type'] == 'lease.updated'
    assert updated['data']['changed'] == ['name']
    assert degraded['type'] == 'lease.degraded'
    assert 'SECRET-TRUST' not in repr([updated, degraded])


def test_vanished(small_gateway: Gateway, served: Served, comparison: Comparison) -> None:
    """A lease that is in no list any more is gone when Blazar says that there is none."""
    lease = served.model.create()
    comparison.run_once()
    served.model.delete(lease)
    served.asked.clear()
    comparison.run_once()
    assert small_gateway.told() == [('comparison', 'lease.deleted')]
    assert f'/v1/leases/{lease}' in served.asked
    assert LeaseCopy.all(small_gateway.context()) == []


def test_came_and_went(small_gateway: Gateway, served: Served, blazar: Blazar) -> None:
    """A lease that was seen once, and is gone at the second look, was made and deleted."""
    now = 0.0
    comparison = Comparison(small_gateway.context, blazar, 60, clock=lambda: now)
    comparison.look()
    lease = served.model.create()
    comparison.look()
    assert small_gateway.entries() == []
    served.model.delete(lease)
    now = 10.0
    comparison.look_again()
    assert small_gateway.told() == [
        ('comparison', 'lease.created'),
        ('comparison', 'lease.deleted'),
    ]
    assert not comparison.doubts


NO_ANSWERS = {
    'no lease in the list': (Answer(body={'leases': []}), None),
    'a list that is none': (Answer(body={'leases': None}), Unavailable),
    'another object': (Answer(body={'hosts': []}), Unavailable),
    'leases without an ID': (Answer(body={'leases': [{}]}), Unavailable),
    '500': (Answer(status=500, body={'error_code': 500}), Unavailable),
    '503 without JSON': (Answer(status=503, body='<html>'), Unavailable),
    '401': (Answer(status=401, body={'error': {'code': 401}}), Unavailable),
    'a redirect': (Answer(status=302, headers={'Location': '/v1/leases'}), Unavailable),
    'half an answer': (Answer(body={'leases': []}, cut=80), Unavailable),
    'no answer': (Answer(cut=0), Unavailable),
    'a late answer': (Answer(body={'leases': []}, delay=3.0), Unavailable),
}


@pytest.mark.parametrize('name', NO_ANSWERS)
def test_no_answer_is_no_news(
    small_gateway: Gateway, served: Served, comparison: Comparison, name: str
) -> None:
    """Whatever is answered instead of the list: no lease is taken for gone."""
    answer, error = NO_ANSWERS[name]
    served.model.create()
    comparison.run_once()
    served.instead = lambda path: answer if path == '/v1/leases' else None
    if error is None:
        comparison.run_once()
    else:
        with pytest.raises(error):
            comparison.run_once()
    served.instead = lambda path: None
    comparison.run_once()
    assert small_gateway.entries() == []


@pytest.mark.parametrize(
    'answer',
    [
        Answer(status=403, body={'error_code': 403}),
        Answer(status=500, body={'error_code': 500}),
        Answer(status=404, body={'message': 'no such page'}),
        Answer(status=404, body='<html>not found</html>'),
        Answer(body={'lease': {}}),
        Answer(body={'lease': {'id': 'another'}}),
    ],
    ids=range(6),
)
def test_gone_is_only_what_blazar_says_is_gone(
    small_gateway: Gateway, served: Served, comparison: Comparison, answer: Answer
) -> None:
    """A lease that is in no list, but is not known to be gone, stays."""
    served.model.create()
    comparison.run_once()
    empty = Answer(body={'leases': []})
    served.instead = lambda path: empty if path == '/v1/leases' else answer
    try:
        comparison.look()
        comparison.look_again()
    except Unavailable:
        pass
    assert small_gateway.entries() == []
    assert len(LeaseCopy.all(small_gateway.context())) == 1


def test_one_lease_that_cannot_be_read(
    small_gateway: Gateway, served: Served, comparison: Comparison
) -> None:
    """A lease that is not as Blazar writes them keeps no other from being compared."""
    comparison.run_once()
    served.model.create()
    bad = served.model.create()
    served.model.leases[bad]['end_date'] = 'soon'
    comparison.run_once()
    assert small_gateway.told() == [('comparison', 'lease.created')]


def test_updating_is_not_believed(small_gateway: Gateway, served: Served, blazar: Blazar) -> None:
    """Half of an update is not published; what a killed manager has left is, after a while."""
    moment = [0.0]
    comparison = Comparison(small_gateway.context, blazar, 60, clock=lambda: moment[0])
    lease = served.model.create()
    comparison.look()
    served.model.begin_update(lease)
    for now in (0.0, 10.0, 20.0):  # noqa: B007
        comparison.look()
        comparison.look_again()
    assert small_gateway.entries() == []
    served.model.finish_update(lease, minutes=5, killed=True)
    for moment[0] in (21.0, 31.0, 41.0, 51.5):
        comparison.look()
        comparison.look_again()
    assert small_gateway.told() == [('comparison', 'lease.updated')]


def test_waits_for_a_bus_that_is_behind(
    small_gateway: Gateway, served: Served, comparison: Comparison
) -> None:
    """While messages wait to be taken nothing is settled: each update is told of by its own."""
    idle = [math.inf]
    comparison.follow(lambda: idle[0])
    lease = served.model.create()
    comparison.run_once()
    served.model.bus.clear()
    for minutes in (1, 2, 3):
        served.model.wait(0.2)
        served.model.begin_update(lease)
        served.model.finish_update(lease, minutes=minutes)
    idle[0] = 0.0
    comparison.look()
    comparison.look_again()
    assert small_gateway.entries() == []
    for message in served.model.bus:
        agreement.hear(small_gateway.context(), messages.read(message))
    idle[0] = 2.0
    comparison.run_once()
    assert small_gateway.told() == [('bus', 'lease.updated')] * 3


def test_bus_and_looks_on_each_database(gateway: Gateway) -> None:
    """The same rule holds on each kind of database: 30 updates while looks go on."""
    model = ModelBlazar()
    comparison = Comparison(gateway.context, model, 60, grace=0.05, patience=0.05)
    comparison.look()
    lease = model.create()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            comparison.run_once()

    looking = threading.Thread(target=look)
    looking.start()
    for minutes in range(30):
        model.wait(0.2)
        model.begin_update(lease)
        model.finish_update(lease, minutes=minutes % 5 + 1)
        while model.bus:
            message = model.bus.pop(0)
            # A bus that brings some things twice.
            for _ in range(1 + minutes % 2):
                agreement.hear(gateway.context(), messages.read(message))
    stop.set()
    looking.join()
    comparison.run_once()
    told = gateway.told()
    assert told.count(('bus', 'lease.updated')) == 30
    assert len(told) == 31


def test_run(small_gateway: Gateway, served: Served, blazar: Blazar) -> None:
    """It looks at its start, when it is woken, and again after an error; it stops when told."""
    comparison = Comparison(small_gateway.context, blazar, 3600, grace=0.0)
    stop = threading.Event()
    running = threading.Thread(target=comparison.run, args=[stop])
    served.instead = lambda path: Answer(status=500, body={})
    running.start()
    _until(lambda: comparison.trouble() is not None)
    served.instead = lambda path: None
    _until(lambda: comparison.trouble() is None)
    served.model.create()
    comparison.wake()
    _until(lambda: len(small_gateway.entries()) == 1)
    stop.set()
    comparison.wake()
    running.join(10)
    assert not running.is_alive()


def test_run_where_lists_are_looked_at_often(
    small_gateway: Gateway, served: Served, blazar: Blazar
) -> None:
    """A lease that is gone is noticed, too, where the next list comes before the grace is over."""
    lease = served.model.create()
    comparison = Comparison(small_gateway.context, blazar, 0.05, grace=0.2)
    stop = threading.Event()
    running = threading.Thread(target=comparison.run, args=[stop])
    running.start()
    _until(lambda: LeaseCopy.get(small_gateway.context(), lease) is not None)
    served.model.delete(lease)
    _until(lambda: small_gateway.told() == [('comparison', 'lease.deleted')])
    stop.set()
    comparison.wake()
    running.join(10)
    assert not running.is_alive()


def test_hosts_and_allocations(server: RecordedBlazar, session: SessionFactory) -> None:
    """Hosts and allocations are those that Blazar lists."""
    blazar = Blazar(session('admin'), f'{server.url}/v1/')
    hosts, allocations = blazar.list_hosts(), blazar.list_allocations()
    assert hosts
    assert {each['hypervisor_hostname'] for each in hosts}
    assert all('reservations' in each for each in allocations)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
