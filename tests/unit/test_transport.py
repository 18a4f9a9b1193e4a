"""What is repeated, when, and what is said when it was in vain."""

import concurrent.futures
import contextlib
import email.utils
import logging
import socket
import time
from collections.abc import Callable
from functools import partial

import pytest
from keystoneauth1 import exceptions as ksa_exceptions

from blazarclient import exception, transport
from blazarclient.client import Client
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
NAMES = [each.name for each in LOST]
UNKNOWN = '0d8e2f3a-0000-4000-8000-000000000000'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a hundredth of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.08)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the transport wanted to sleep; it does not."""
    times: list[float] = []
    monkeypatch.setattr(time, 'sleep', times.append)
    return times


@pytest.fixture
def lease_id(server: RecordedBlazar) -> str:
    """The ID of the one lease that there is."""
    leases = server.leases(1)
    server.hold(leases)
    return str(leases[0]['id'])


def upstream_create(client: Client) -> object:
    """A create in upstream's style, which is sent once."""
    return client.lease.create('a', '2026-01-01 00:00', '2026-01-01 01:00', [], [])


def closed_port() -> int:
    """A port that nobody listens at."""
    with contextlib.closing(socket.socket()) as free:
        free.bind(('127.0.0.1', 0))
        port: int = free.getsockname()[1]
    return port


# ------------------------------------------------------------------------------ reading


@pytest.mark.parametrize('step', [*LOST, *(unavailable(0, s) for s in (502, 503, 504))])
def test_reads_are_repeated(client: ClientFactory, proxy: Proxy, lease_id: str, step: Step) -> None:
    """A GET that was cut anywhere, or that found nobody, is sent again."""
    proxy.plan([step, step])
    assert client().leases.get(lease_id)['id'] == lease_id
    assert [each[2] for each in proxy.done] == [step.name, step.name, 'pass']


@pytest.mark.parametrize('step', [*LOST, cut_answer(20_000), unavailable(0)])
def test_lists_are_read_again(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy, step: Step
) -> None:
    """A list that breaks off is read anew, and each lease comes once."""
    server.hold(server.leases(200))
    proxy.plan([step, step])
    assert len({each['id'] for each in client().leases.list()}) == 200
    assert len(client().leases.list()) == 200
    proxy.plan([step])
    assert client().leases.find('lease-00007')['name'] == 'lease-00007'


def test_iterating_over_a_list_that_breaks_off(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """What was given cannot be taken back: the error says that the rest is missing."""
    server.hold(server.leases(2000))
    proxy.plan([cut_answer(2_000_000)])
    got: list[object] = []
    with pytest.raises(exception.ConnectionFailed):
        got.extend(lease['id'] for lease in client().leases.iterate())
    assert 0 < len(got) < 2000
    assert len(set(got)) == len(got)


def test_iterating_no_further(server: RecordedBlazar, client: ClientFactory) -> None:
    """Whoever stops in the middle leaves no connection open (which would be a warning)."""
    server.hold(server.leases(2000))
    assert next(iter(client().leases.iterate()))['name'] == 'lease-00000'


def test_in_vain(client: ClientFactory, proxy: Proxy, lease_id: str) -> None:
    """After so many tries the error says who gave no answer, and why."""
    someone = client(connect_retries=2)
    proxy.plan(lambda _: CUT_BEFORE)
    with pytest.raises(exception.ConnectionFailed) as caught:
        someone.leases.get(lease_id)
    assert len(proxy.done) == 3
    assert str(caught.value).startswith(f'{proxy.url}/v1/leases/{lease_id} gave no answer (GET: ')
    assert caught.value.sent
    assert isinstance(caught.value, ksa_exceptions.ConnectFailure)
    assert caught.value.code == 503


def test_nobody_there(client: ClientFactory) -> None:
    """A refused connection is tried again, and surely nothing was sent."""
    address = f'http://127.0.0.1:{closed_port()}'
    someone = client(endpoint_override=address, connect_retries=1)
    for call in (someone.leases.list, partial(upstream_create, someone)):
        with pytest.raises(exception.ConnectionFailed, match='cannot be reached') as caught:
            call()
        assert not caught.value.sent
        assert address in str(caught.value)
        assert 'refused' in str(caught.value)


def test_refused_for_a_while(server: RecordedBlazar, client: ClientFactory) -> None:
    """Nothing was sent when no connection was made, so even a POST is tried again."""
    port = closed_port()
    someone = client(endpoint_override=f'http://127.0.0.1:{port}')
    someone.transport.endpoint()
    sleep = time.sleep
    proxies: list[Proxy] = []

    def late(seconds: float) -> None:
        if not proxies:
            proxies.append(_proxy_at(port, server))
        sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, 'sleep', late)
        server.on('POST', '/v1/leases', status=201, body={'lease': {'id': 'x'}})
        assert upstream_create(someone) == {'id': 'x'}
    assert len(server.sent('POST', '/v1/leases')) == 1
    proxies[0].stop()


def _proxy_at(port: int, server: RecordedBlazar) -> Proxy:
    create = socket.create_server
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, 'create_server', lambda _, **kw: create(('127.0.0.1', port), **kw))
        return Proxy(server.host, server.port)


@pytest.mark.parametrize('status', [500, 501, 400, 404, 409])
def test_other_errors_are_not_repeated(
    server: RecordedBlazar, client: ClientFactory, status: int
) -> None:
    """What the service answers with is its answer."""
    server.on('GET', '/v1/leases/x', status=status, body={'error_message': 'No.'})
    with pytest.raises(exception.HTTPError, match=rf'^No\. \(HTTP {status}, request req-'):
        client().leases.get('x')
    assert len(server.sent('GET')) == 1


# ---------------------------------------------------------------------- how long to wait


def test_growing_pauses_with_jitter(
    client: ClientFactory,
    proxy: Proxy,
    lease_id: str,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From half a second to eight, each between half and all of it."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.5)
    monkeypatch.setattr(transport, 'LAST_DELAY', 8.0)
    someone = client(connect_retries=7)
    someone.transport.endpoint()
    del slept[:]
    proxy.plan([CUT_BEFORE] * 7)
    someone.leases.get(lease_id)
    longest = [0.5, 1, 2, 4, 8, 8, 8]
    mine = [each for each in slept if each >= 0.2]
    assert all(top / 2 <= got <= top for got, top in zip(mine, longest, strict=True))


@pytest.mark.parametrize(
    ('header', 'least', 'most'),
    [
        ('7', 7, 7.1),
        ('0', 0, 0.1),
        (lambda: email.utils.formatdate(time.time() + 20, usegmt=True), 18, 20.1),
        (lambda: email.utils.formatdate(time.time() - 20, usegmt=True), 0, 0.1),
        ('soon', 0, 0.1),
        ('Fri, 99 Nov 2026 99:99:99 GMT', 0, 0.1),
        ('²', 0, 0.1),
    ],
)
def test_retry_after(
    server: RecordedBlazar,
    client: ClientFactory,
    lease_id: str,
    slept: list[float],
    header: str | Callable[[], str],
    least: float,
    most: float,
) -> None:
    """The service is left alone for as long as it asks, in seconds or until a date."""
    text = header if isinstance(header, str) else header()
    someone = client()
    someone.leases.get(lease_id)
    del slept[:]
    path = f'/v1/leases/{lease_id}'
    server.on('GET', path, status=503, headers={'Retry-After': text}, times=1)
    someone.leases.get(lease_id)
    assert len(slept) == 1
    assert least <= slept[0] <= most


def test_retry_after_too_long(
    server: RecordedBlazar, client: ClientFactory, slept: list[float]
) -> None:
    """An hour is not waited for, but told."""
    busy = {'Retry-After': '3600'}
    server.on('GET', '/v1/leases', status=503, headers=busy, body='<h1>Maintenance</h1>')
    someone = client()
    with pytest.raises(exception.ServiceUnavailable) as caught:
        someone.leases.list()
    assert str(caught.value).startswith('Maintenance (HTTP 503, request req-')
    assert str(caught.value).endswith('The service asks to try again in 3600 s.')
    assert len(server.sent('GET')) == 1
    assert not slept


def test_nothing_is_repeated_for_ever(
    server: RecordedBlazar, client: ClientFactory, slept: list[float]
) -> None:
    """No try begins later than two minutes after the first, whatever the service asks for."""
    clock = time.monotonic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, 'monotonic', lambda: clock() + sum(slept))
        server.on('GET', '/v1/leases', status=503, headers={'Retry-After': '50'})
        with pytest.raises(exception.ServiceUnavailable):
            client(connect_retries=100).leases.list()
    assert len(server.sent('GET')) == 3


# ------------------------------------------------------------------------------- writing


@pytest.mark.parametrize('step', LOST, ids=NAMES)
def test_lost_posts_are_not_repeated(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy, step: Step
) -> None:
    """A POST whose answer was lost is sent once, by us and by keystoneauth1."""
    server.on('POST', '/v1/leases', status=201, body={'lease': {'id': 'x', 'name': 'a' * 500}})
    proxy.plan([step])
    with pytest.raises(exception.ConnectionFailed) as caught:
        upstream_create(client())
    assert caught.value.sent
    assert [each[2] for each in proxy.done] == [step.name]


@pytest.mark.parametrize('status', [502, 503, 504])
def test_posts_are_not_repeated_after_a_gateways_answer(
    client: ClientFactory, proxy: Proxy, status: int
) -> None:
    """A gateway does not say whether the service has had the request."""
    proxy.plan(lambda _: unavailable(0, status))
    with pytest.raises(exception.ServiceUnavailable):
        upstream_create(client())
    assert len(proxy.done) == 1


@pytest.mark.parametrize('step', [*LOST, unavailable(0)])
@pytest.mark.parametrize('first', [204, 404])
def test_delete_is_repeated(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy, step: Step, first: int
) -> None:
    """Gone is gone, once a DELETE may have arrived; a first answer of 404 is an error."""
    there = [True]

    def delete(_: Request) -> Answer:
        answer = Answer(204, b'') if there else Answer(404, {'error_message': 'Not found.'})
        there.clear()
        return answer

    server.on('DELETE', '/v1/os-hosts/1', delete)
    if first == 404:
        there.clear()
    else:
        proxy.plan([step])
    if first == 404:
        with pytest.raises(exception.NotFound):
            client('admin').hosts.delete('1')
    else:
        client('admin').hosts.delete('1')
    assert there == []


@pytest.mark.parametrize('step', [*LOST, unavailable(0)])
def test_put_of_a_host_is_repeated(
    server: RecordedBlazar, client: ClientFactory, proxy: Proxy, step: Step
) -> None:
    """Setting a capability twice is setting it."""
    server.on('PUT', '/v1/os-hosts/1', body={'host': {'id': '1', 'gpu': 'x' * 300}})
    proxy.plan([step, step])
    assert client('admin').hosts.update('1', gpu='x')['id'] == '1'
    assert len(proxy.done) == 3


def test_expired_token(server: RecordedBlazar, client: ClientFactory) -> None:
    """A token that has expired is renewed once, for a GET and for a POST."""
    someone = client()
    someone.leases.list()
    server.on('POST', '/v1/leases', status=201, body={'lease': {'id': 'x'}})
    for call in (someone.leases.list, partial(upstream_create, someone)):
        server.expire_tokens()
        server.forget()
        assert call()
        assert len(server.calls('identity')) == 1
        assert [each.status for each in server.requests if each.service == 'reservation'] in (
            [401, 200],
            [401, 201],
        )


def test_expired_token_in_many_threads(server: RecordedBlazar, client: ClientFactory) -> None:
    """Threads that find out together do not throw away each other's new tokens."""
    someone = client()
    someone.leases.list()
    server.expire_tokens()
    server.forget()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda _: someone.leases.list(), range(64)))
    assert len(server.calls('identity')) <= 8


def test_token_that_is_never_good(server: RecordedBlazar, client: ClientFactory) -> None:
    """A 401 that stays is told, and not tried for ever."""
    someone = client()
    someone.leases.list()
    server.on('GET', '/v1/leases', status=401, body={'error_message': 'No.'})
    server.forget()
    with pytest.raises(exception.Unauthorized, match='request req-'):
        someone.leases.list()
    assert len(server.sent('GET')) == 2


def test_retries_are_in_the_debug_log(
    client: ClientFactory, proxy: Proxy, lease_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks for why a command is slow finds it."""
    caplog.set_level(logging.DEBUG, 'blazarclient')
    proxy.plan([CUT_BEFORE, PASS])
    client().leases.get(lease_id)
    assert any('gave no answer' in text and 'next try in' in text for text in caplog.messages)


@pytest.mark.parametrize('date', [None, 'soon', 'Mon, 07 Jan 2030 08:00:00 GMT'])
def test_clock_of_the_service(
    client: ClientFactory, server: RecordedBlazar, date: str | None
) -> None:
    """It is known from the last answer, if that has a date."""
    asking = client().transport
    assert asking.skew == 0.0
    answer = Answer(body={'leases': []}, headers={'Date': date})
    server.on('GET', '/v1/leases', lambda _request: answer)
    asking.read('/leases')
    there = asking.skew + time.time()
    assert there == pytest.approx(1894003200.0 if date and '2030' in date else time.time(), abs=30)
