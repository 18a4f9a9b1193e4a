"""Changing and deleting a lease when answers are lost or the lease is between two states."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception, transport, waiting
from tests.conftest import ClientFactory
from tests.proxy import (
    CUT_AT_ONCE,
    CUT_BEFORE,
    CUT_BEFORE_ANSWER,
    CUT_LAST_BYTE,
    PASS,
    Proxy,
    Step,
    cut_answer,
    unavailable,
)
from tests.recorded import Answer, RecordedBlazar, Request

LOST = (CUT_BEFORE, CUT_AT_ONCE, CUT_BEFORE_ANSWER, cut_answer(1), cut_answer(300), CUT_LAST_BYTE)
AWAY = tuple(unavailable(0, status) for status in (502, 503, 504))
BUSY = Answer(500, {'error_code': 500, 'error_message': 'Invalid lease status.'})
BROKEN = Answer(500, {'error_code': 500, 'error_message': 'Internal Server Error'})
UNTIL = '2098-01-01 02:00'


class Stateful:
    """One lease; ``looks`` is how often it is still between two states when it is asked for."""

    def __init__(self, server: RecordedBlazar) -> None:
        self.lease: dict[str, Any] | None = server.leases(1, status='PENDING')[0]
        self.id = self.lease['id']
        self.looks = 0
        self.server = server
        path = re.compile('/v1/leases/[^/]+')
        server.on('GET', path, self.show)
        server.on('PUT', path, self.change)
        server.on('DELETE', path, self.delete)

    def show(self, _: Request) -> Answer | None:
        if self.lease is None:
            return None
        self.looks -= 1
        status = 'UPDATING' if self.looks >= 0 else self.lease['status']
        return Answer(200, {'lease': {**self.lease, 'status': status}})

    def change(self, request: Request) -> Answer | None:
        if self.lease is None:
            return None
        if self.looks > 0:
            return BUSY
        self.lease = {**self.lease, **request.json}
        return Answer(200, {'lease': {**self.lease, 'status': 'UPDATING'}})

    def delete(self, _: Request) -> Answer | None:
        if self.lease is None:
            return None
        if self.looks > 0:
            return BUSY
        self.lease = None
        return Answer(204, b'')

    def first(self, method: str, answer: Answer, *, vanishes: bool = False) -> None:
        """Let the next such request fail, and the lease vanish with it."""

        def fail(_: Request) -> Answer:
            if vanishes:
                self.lease = None
            return answer

        self.server.on(method, f'/v1/leases/{self.id}', fail, times=1)

    def sent(self, method: str) -> int:
        return len(self.server.sent(method))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a fraction of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.02)
    monkeypatch.setattr(waiting, '_SHORTEST', 0.005)


@pytest.fixture
def service(server: RecordedBlazar) -> Stateful:
    """The service behind the recorded server's port."""
    return Stateful(server)


@pytest.mark.parametrize('step', [*LOST, *AWAY], ids=lambda step: step.name)
def test_lost_change(service: Stateful, client: ClientFactory, proxy: Proxy, step: Step) -> None:
    """A change whose answer was lost is made again, which makes no difference."""
    proxy.plan([step, step])
    assert client().leases.update(service.id, end_date=UNTIL)['end_date'] == UNTIL
    assert service.lease is not None
    assert service.lease['end_date'] == UNTIL


@pytest.mark.parametrize('step', [*LOST, *AWAY], ids=lambda step: step.name)
def test_lost_delete(service: Stateful, client: ClientFactory, proxy: Proxy, step: Step) -> None:
    """A delete whose answer was lost is looked into; a lease that is gone was deleted."""
    proxy.plan([step, step])
    client().leases.delete(service.id)
    assert service.lease is None
    assert service.sent('DELETE') == 1


def test_lost_change_that_is_still_at_work(
    service: Stateful, client: ClientFactory, proxy: Proxy
) -> None:
    """The change is not sent again before the lease is at rest: two at a time break it."""
    service.looks = 3
    service.first('PUT', BUSY)
    proxy.plan([CUT_BEFORE_ANSWER])
    client().leases.update(service.id, end_date=UNTIL)
    assert service.sent('PUT') == 2
    assert service.server.calls('reservation')[1:].count(f'GET /v1/leases/{service.id}') == 4


def test_delete_that_is_still_at_work(
    service: Stateful, client: ClientFactory, proxy: Proxy
) -> None:
    """Blazar refuses a second DELETE while it carries out the first; it is gone in the end."""
    service.first('DELETE', BUSY, vanishes=True)
    client().leases.delete(service.id)
    assert service.sent('DELETE') == 1


@pytest.mark.parametrize('answer', [BUSY, BROKEN])
def test_starting(service: Stateful, client: ClientFactory, answer: Answer) -> None:
    """A lease between two states is waited for, whatever words Blazar has for it."""
    for method in ('PUT', 'DELETE'):
        service.looks = 2
        service.first(method, answer)
        someone = client()
        if method == 'PUT':
            someone.leases.update(service.id, end_date=UNTIL)
        else:
            someone.leases.delete(service.id)
        assert service.sent(method) == 2


def test_just_started(service: Stateful, client: ClientFactory) -> None:
    """It was between two states, and is no more when it is looked at."""
    service.first('DELETE', BUSY)
    client().leases.delete(service.id)
    assert service.sent('DELETE') == 2


def test_500_that_means_it(service: Stateful, client: ClientFactory) -> None:
    """Of a lease at rest, a 500 is the answer; deleting is tried again, as it does no harm."""
    someone = client()
    calls: tuple[Callable[[], object], ...] = (
        lambda: someone.leases.update(service.id, end_date=UNTIL),
        lambda: someone.leases.delete(service.id),
    )
    for method, call, times in zip(('PUT', 'DELETE'), calls, (1, 3), strict=True):
        service.server.on(method, f'/v1/leases/{service.id}', lambda _: BROKEN, times=3)
        with pytest.raises(exception.ServerError, match='request req-'):
            call()
        assert service.sent(method) == times


def test_gone(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """No such lease is an error at first; of a change also when it vanished meanwhile."""
    service.lease = None
    someone = client()
    with pytest.raises(exception.NotFound):
        someone.leases.delete(service.id)
    with pytest.raises(exception.NotFound):
        someone.leases.update(service.id, name='x')
    proxy.plan([CUT_BEFORE])
    with pytest.raises(exception.NotFound):
        someone.leases.update(service.id, name='x')
    assert service.sent('PUT') == 1


def test_404_about_something_else(service: Stateful, client: ClientFactory) -> None:
    """Two DELETEs at a time: one does not find the aggregate that the other has removed."""
    other = Answer(404, {'error_message': 'Aggregate 194 could not be found.'})
    service.first('DELETE', other)
    client().leases.delete(service.id)
    assert service.lease is None
    assert service.sent('DELETE') == 2


def test_404_of_few_words(service: Stateful, client: ClientFactory) -> None:
    """A 404 that does not name the lease is believed once the lease cannot be read either."""
    service.first('DELETE', Answer(404, {'error_message': 'No.'}), vanishes=True)
    with pytest.raises(exception.NotFound):
        client().leases.delete(service.id)
    assert service.sent('DELETE') == 1


def test_vanished_between_two_tries(service: Stateful, client: ClientFactory) -> None:
    """It was there when it was looked at, and gone when the DELETE came again."""
    service.first('DELETE', BUSY)

    def last_look(_: Request) -> Answer:
        lease, service.lease = service.lease, None
        return Answer(200, {'lease': lease})

    service.server.on('GET', f'/v1/leases/{service.id}', last_look, times=1)
    client().leases.delete(service.id)
    assert service.sent('DELETE') == 2


def test_in_vain(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """When no answer ever comes, that is what is told, and that it may have been carried out."""
    someone = client(connect_retries=2)
    proxy.plan(lambda seen: PASS if seen.method == 'GET' else CUT_BEFORE)
    with pytest.raises(exception.ConnectionFailed) as caught:
        someone.leases.update(service.id, end_date=UNTIL)
    assert caught.value.sent
    assert proxy.count(CUT_BEFORE) == 3
    proxy.plan(lambda seen: PASS if seen.method == 'GET' else unavailable(3600))
    with pytest.raises(exception.ServiceUnavailable, match='try again in 3600 s'):
        someone.leases.delete(service.id)
    assert proxy.count('unavailable-503') == 1


def test_deleted_with_the_last_try(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """Without retries, too, a lost DELETE is looked into."""
    proxy.plan([CUT_BEFORE_ANSWER])
    client(connect_retries=0).leases.delete(service.id)
    assert service.lease is None


def test_nobody_there(service: Stateful, client: ClientFactory) -> None:
    """Nothing was sent, so there is nothing to look into."""
    someone = client(endpoint_override='http://127.0.0.1:9', connect_retries=0)
    with pytest.raises(exception.ConnectionFailed) as caught:
        someone.leases.delete(service.id)
    assert not caught.value.sent
    assert not service.server.sent('GET')
