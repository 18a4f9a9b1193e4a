"""Leases with subscriptions and with IDs of their own, wherever the leases are kept."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blazarclient import testing
from blazarclient.server import vault
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery.dispatcher import Dispatcher
from blazarclient.server.objects import transitions
from blazarclient.server.objects.notification import Notification
from tests.front_door import FrontDoor, Machine
from tests.http1 import Message
from tests.unit.server.backends.gateway import Gateway, gateway
from tests.unit.server.backends.upstream import Upstream

HOOK = {'notify_endpoint': {'url': 'https://ci.example/hook'}}
OTHER = {'notify_endpoint': {'url': 'https://ci.example/other'}, 'types': ['lease.ended']}
DATES = {'start_date': '2031-05-05 10:00', 'end_date': '2031-05-06 10:00'}
HOST = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
LEASE = {'name': 'x', **DATES, 'reservations': []}


class Service:
    """A service of one of the kinds."""

    def __init__(
        self, call: Callable[..., tuple[int, Any]], context: Callable[[], RequestContext]
    ) -> None:
        self._call, self.context = call, context

    def __call__(
        self,
        method: str,
        path: str,
        values: Any = None,
        *,
        user: str = 'alice',
        microversion: str = '1.1',
    ) -> tuple[int, Any]:
        """Send a request; answers with status and body."""
        return self._call(user, method, path, values, microversion)

    def make(self, **values: Any) -> dict[str, Any]:
        status, body = self('POST', '/leases', {**LEASE, **values})
        assert status == 201, body
        made: dict[str, Any] = body['lease']
        return made

    def leases(self, user: str = 'alice') -> list[dict[str, Any]]:
        status, body = self('GET', '/leases', user=user)
        assert status == 200
        found: list[dict[str, Any]] = body['leases']
        return found

    def subscriptions(self) -> list[str]:
        """The URLs of all that there are."""
        found = self('GET', '/subscriptions')[1]['subscriptions']
        return [each['notify_endpoint']['url'] for each in found]


@pytest.fixture(params=['memory', 'file', 'mariadb', 'blazar'])
def service(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Service]:
    """The embedded backend on each database, and a gateway before a service."""
    settings = Settings(secret_keys=(vault.new_key(),), subscriptions_per_project=4)
    if request.param == 'blazar':
        with (
            testing.sandbox(hosts=1, speed=0) as box,
            gateway(box.url, subscriptions_per_project=4) as gate,
        ):
            yield before_blazar(gate)
        return
    url = {'memory': 'sqlite://', 'file': f'sqlite:///{tmp_path}/x.db'}.get(request.param)
    door = FrontDoor(url or request.getfixturevalue('mariadb_url'), settings=settings)
    door.surround([Machine(1, 4, 4096, 40)])
    assert door.add_host(Machine(1, 4, 4096, 40)).status == 201

    def call(user: str, method: str, path: str, values: Any, microversion: str) -> tuple[int, Any]:
        answer = door.call(user, method, path, values, microversion=microversion)
        return answer.status, answer.body

    yield Service(call, door.context)
    door.close()


def before_blazar(gate: Gateway) -> Service:
    def call(user: str, method: str, path: str, values: Any, microversion: str) -> tuple[int, Any]:
        reply = gate(
            f'/v1{path}', user=user, method=method, values=values, microversion=microversion
        )
        return reply.status, reply.body

    return Service(call, gate.context)


# --------------------------------------------------------------- subscriptions


def test_made_with_the_lease(service: Service) -> None:
    """The answer shows each with its secret; later ones without, and 1.0 shows none."""
    lease = service.make(subscriptions=[HOOK, OTHER])
    shown = [
        {name: each[name] for name in ('id', 'url', 'status')} for each in lease['subscriptions']
    ]
    assert [each['url'] for each in shown] == [
        'https://ci.example/hook',
        'https://ci.example/other',
    ]
    assert all(each['secret'].startswith('whsec_') for each in lease['subscriptions'])
    path = f'/leases/{lease["id"]}'
    assert service('GET', path)[1]['lease']['subscriptions'] == shown
    assert [each['subscriptions'] for each in service.leases()] == [shown]
    assert [each['subscriptions'] for each in service.leases('admin')] == [shown]
    assert service.leases('bob') == []
    assert 'subscriptions' not in service('GET', path, microversion='1.0')[1]['lease']
    _, one = service('GET', f'/subscriptions/{shown[0]["id"]}')
    assert one['subscription']['lease_ids'] == [lease['id']]


def test_a_lease_without(service: Service) -> None:
    """It shows that it has none."""
    assert service.make()['subscriptions'] == []
    assert service.make(subscriptions=[])['subscriptions'] == []
    assert [each['subscriptions'] for each in service.leases()] == [[], []]


#: IDs of version 4, as they have to be, and of version 1.
GOOD = '0c858803-38f0-410e-8376-7cd1b1383fab'
VERSION_1 = 'b9d9cfce-e58b-11f1-b813-02fc00000001'


@pytest.mark.parametrize(
    'bad',
    [
        {},
        7,
        {'notify_endpoint': {}},
        {'notify_endpoint': {'url': 'ftp://x'}},
        {'notify_endpoint': {'url': 'http://127.0.0.1/'}},
        {'notify_endpoint': {'ip_address': '169.254.169.254', 'port': 80}},
        {'subscription': {'notify_endpoint': {'url': 'http://127.0.0.1/'}}},
        {**HOOK, 'name': 'the same endpoint and filter as the first one'},
        {**HOOK, 'types': ['nonsense']},
        {**HOOK, 'lease_ids': ['x']},
        {**HOOK, 'before_end': ['PT1H']},
        {'id': 'kept', 'url': 'x', 'status': 'active'},
    ],
)
def test_one_bad_entry(bad: Any, service: Service) -> None:
    """It is named, and nothing is made."""
    status, body = service('POST', '/leases', {**LEASE, 'subscriptions': [HOOK, bad]})
    assert status == 400, body
    assert body['error_message'].startswith('subscriptions[1]: ')
    assert service.leases() == []
    assert service.subscriptions() == []


@pytest.mark.parametrize('bad', [7, 'x', {}, [HOOK] * 51])
def test_no_list(bad: Any, service: Service) -> None:
    """Neither is what is no list, or too long a one."""
    status, body = service('POST', '/leases', {**LEASE, 'subscriptions': bad})
    assert (status, body['errors'][0]['code']) == (400, 'reservation.invalid-input')
    assert service.leases() == []


def test_a_lease_that_is_not_made(service: Service) -> None:
    """Its subscriptions are not there either, nor is its ID taken."""
    mine = str(uuid.uuid4())
    wrong = {**LEASE, 'id': mine, 'subscriptions': [HOOK]}
    assert service('POST', '/leases', {**wrong, 'end_date': 'x'})[0] == 400
    reservations = [{**HOST, 'min': 9, 'max': 9}]
    assert service('POST', '/leases', {**wrong, 'reservations': reservations})[0] == 409
    assert service.subscriptions() == []
    assert service.make(id=mine, subscriptions=[HOOK])['id'] == mine


def test_more_than_there_may_be(service: Service) -> None:
    """The quota holds, and nothing is made of what is beyond it."""
    many = [{'notify_endpoint': {'url': f'https://ci.example/{number}'}} for number in range(5)]
    status, body = service('POST', '/leases', {**LEASE, 'subscriptions': many})
    assert (status, body['errors'][0]['code']) == (403, 'reservation.quota-exceeded')
    assert (service.leases(), service.subscriptions()) == ([], [])


def test_its_first_notification_reaches_them(service: Service) -> None:
    """They are there before the lease is."""
    lease = service.make(subscriptions=[HOOK])
    ctx = service.context()
    Notification.publish(
        ctx,
        'lease.created',
        transitions.created(lease['id']),
        source='bus',
        time=ctx.now(),
        lease=lease,
    )
    Dispatcher('test', ctx.settings).step(ctx, [], [])
    path = f'/subscriptions/{lease["subscriptions"][0]["id"]}/deliveries'
    (delivery,) = service('GET', path)[1]['deliveries']
    assert delivery['type'] == 'lease.created'


def test_another_set(service: Service) -> None:
    """PUT replaces them; one with an ID that the lease shows is kept as it is."""
    lease = service.make(subscriptions=[HOOK])
    path, first = f'/leases/{lease["id"]}', lease['subscriptions'][0]
    shown = service('GET', path)[1]['lease']['subscriptions']
    status, body = service('PUT', path, {'subscriptions': [*shown, OTHER]})
    assert status == 200
    kept, new = body['lease']['subscriptions']
    assert kept == {name: first[name] for name in ('id', 'url', 'status')}
    assert (new['url'], 'secret' in new) == ('https://ci.example/other', True)
    # What says nothing of them changes nothing.
    assert service('PUT', path, {'name': 'y'})[1]['lease']['subscriptions'] == [
        kept,
        {name: new[name] for name in ('id', 'url', 'status')},
    ]
    status, body = service('PUT', path, {'name': 'z', 'subscriptions': [OTHER]})
    assert [each['url'] for each in body['lease']['subscriptions']] == ['https://ci.example/other']
    lease = service('GET', path)[1]['lease']
    assert (lease['name'], len(lease['subscriptions'])) == ('z', 1)
    assert service('PUT', path, {'subscriptions': []})[1]['lease']['subscriptions'] == []
    assert service.subscriptions() == []


@pytest.mark.parametrize(
    ('bad', 'status'),
    [
        ([{'id': 'nonsense'}], 400),
        ([HOOK, HOOK], 400),
        ([{'notify_endpoint': {'url': 'http://127.0.0.1/'}}], 400),
        ([{'notify_endpoint': {'url': f'https://ci.example/{n}'}} for n in range(5)], 403),
    ],
)
def test_another_set_that_cannot_be(bad: Any, status: int, service: Service) -> None:
    """Neither the lease nor its subscriptions change."""
    lease = service.make(subscriptions=[OTHER])
    path = f'/leases/{lease["id"]}'
    before = service('GET', path)
    assert service('PUT', path, {'name': 'y', 'subscriptions': bad})[0] == status
    assert service('GET', path) == before


def test_other_projects(service: Service) -> None:
    """They have no lease to subscribe to; what an administrator adds is the administrator's."""
    lease = service.make(subscriptions=[HOOK])
    path = f'/leases/{lease["id"]}'
    assert service('PUT', path, {'subscriptions': []}, user='bob')[0] == 404
    assert service('PUT', path, {'subscriptions': [OTHER]}, user='admin')[0] == 200
    assert [each['url'] for each in service('GET', path)[1]['lease']['subscriptions']] == [
        'https://ci.example/hook'
    ]
    assert len(service('GET', path, user='admin')[1]['lease']['subscriptions']) == 2


# --------------------------------------------------------------------- own IDs


def test_an_id_of_its_own(service: Service) -> None:
    """The same request again has the same result, and another request is refused."""
    mine = str(uuid.uuid4())
    wanted = {**LEASE, 'id': mine, 'subscriptions': [HOOK]}
    first = service('POST', '/leases', wanted)
    assert first[0] == 201
    assert first[1]['lease']['id'] == mine
    assert service('POST', '/leases', wanted) == first
    for user, values in (
        ('alice', {**wanted, 'name': 'y'}),
        ('alice', {**wanted, 'subscriptions': []}),
        ('bob', wanted),
        ('admin', wanted),
    ):
        status, body = service('POST', '/leases', values, user=user)
        assert (status, body['errors'][0]['code']) == (409, 'reservation.id-taken')
        assert body['error_message'] == (
            f'The id {mine} is taken by another request. Send the same body as then, or another id.'
        )
    assert len(service.leases()) == len(service.subscriptions()) == 1


@pytest.mark.parametrize(
    'bad',
    ['', 'abc', 7, True, VERSION_1, GOOD.upper(), GOOD.replace('-', ''), ['x']],
)
def test_what_cannot_be_an_id(bad: Any, service: Service) -> None:
    """Only a random UUID can, from 1.1 on."""
    status, body = service('POST', '/leases', {**LEASE, 'id': bad})
    assert (status, body['errors'][0]['code']) == (400, 'reservation.invalid-id')


@pytest.mark.parametrize('user', ['alice', 'bob'])
def test_an_id_that_a_lease_has(user: str, service: Service) -> None:
    """A lease that was made at 1.0 is nobody's answer; and nothing is said of whose it is."""
    mine = str(uuid.uuid4())
    assert service('POST', '/leases', {**LEASE, 'id': mine}, microversion='1.0')[0] == 201
    wanted = {**LEASE, 'id': mine, 'subscriptions': [HOOK]}
    for _ in range(2):
        status, body = service('POST', '/leases', wanted, user=user)
        assert (status, body['errors'][0]['code']) == (409, 'reservation.id-taken')
    assert service.subscriptions() == []


def test_a_lease_that_is_gone(service: Service) -> None:
    """A request that comes again very late does not make it once more."""
    mine = str(uuid.uuid4())
    wanted = {**LEASE, 'id': mine}
    lease = service.make(**wanted)
    assert service('DELETE', f'/leases/{mine}')[0] == 204
    ctx = service.context()
    # Before a Blazar it is the bus, or the comparison, that says so.
    Notification.publish(
        ctx,
        'lease.deleted',
        transitions.deleted(mine),
        source='bus',
        time=ctx.now(),
        lease=lease,
    )
    status, body = service('POST', '/leases', wanted)
    assert (status, body['errors'][0]['code']) == (409, 'reservation.id-taken')
    assert 'is gone' in body['error_message']


def test_many_at_one_time(service: Service) -> None:
    """They make one lease with one set of subscriptions, and all have the same answer."""
    mine = str(uuid.uuid4())
    wanted = {**LEASE, 'id': mine, 'reservations': [HOST], 'subscriptions': [HOOK, OTHER]}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: service('POST', '/leases', wanted), range(6)))
    assert [status for status, _ in answers] == [201] * 6, answers
    ids = {json.dumps(body['lease']['subscriptions']) for _, body in answers}
    assert len(ids) == 1
    assert len(service.leases()) == 1
    assert len(service.subscriptions()) == 2


# ------------------------------------------------------------ before a Blazar only


@contextlib.contextmanager
def scripted(*answers: tuple[str, int, Any] | None) -> Iterator[tuple[Service, Upstream]]:
    """A gateway before a Blazar that answers in turn: to a method, with a status and a body."""
    left = list(answers)

    def answer(connection: socket.socket, message: Message) -> bool:
        following = left.pop(0)
        if following is None:
            return False
        method, status, content = following
        assert message.start.startswith(f'{method} '), (message.start, following)
        text = json.dumps(content).encode()
        connection.sendall(
            b'HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b'
            % (status, len(text), text)
        )
        return True

    with Upstream(answer) as upstream, gateway(upstream.url) as gate:
        yield before_blazar(gate), upstream
        assert left == []


MINE = '6d8b0c0e-2c1f-4b7c-9f2e-0f6a5f0d3c11'
MADE = {'lease': {**LEASE, 'id': MINE, 'status': 'PENDING'}}
MAKING = {'lease': {**LEASE, 'id': MINE, 'status': 'CREATING'}}
UNKNOWN = {'error_code': 404, 'error_message': 'No.'}
SUBSCRIBING = {**LEASE, 'id': MINE, 'subscriptions': [HOOK]}


def test_what_blazar_is_asked() -> None:
    """It never hears of subscriptions, and a lease with some has an ID that is known before."""
    with scripted(('POST', 201, MADE), ('POST', 201, MADE)) as (service, upstream):
        service.make(subscriptions=[HOOK])
        sent = json.loads(upstream.asked[0].body)
        assert uuid.UUID(sent.pop('id')).version == 4
        assert sent == LEASE
        service.make()
        assert json.loads(upstream.asked[1].body) == LEASE


def test_a_lost_answer() -> None:
    """The gateway looks whether the lease was made, waits until it is, and says so."""
    answers = [('GET', 404, UNKNOWN), None, ('GET', 200, MAKING), ('GET', 200, MADE)]
    with scripted(*answers) as (service, _):
        status, body = service('POST', '/leases', SUBSCRIBING)
        assert (status, body['lease']['status']) == (201, 'PENDING')
        assert len(service.subscriptions()) == 1


@pytest.mark.parametrize('again', [('POST', 201, MADE), ('POST', 409, UNKNOWN)])
def test_a_lost_answer_of_which_nobody_knows(again: Any) -> None:
    """Its subscriptions stay, and the same request again finishes what it has begun."""
    answers = [('GET', 404, UNKNOWN), None, ('GET', 404, UNKNOWN), ('GET', 404, UNKNOWN), again]
    if again[1] == 409:
        answers.append(('GET', 200, MADE))
    with scripted(*answers) as (service, _):
        assert service('POST', '/leases', SUBSCRIBING)[0] == 502
        assert len(service.subscriptions()) == 1
        assert service('POST', '/leases', {**SUBSCRIBING, 'name': 'y'})[0] == 409
        status, body = service('POST', '/leases', SUBSCRIBING)
        assert (status, len(body['lease']['subscriptions'])) == (201, 1)
        assert len(service.subscriptions()) == 1


def test_a_failure_after_which_there_is_no_lease() -> None:
    """Nothing is left of it."""
    failure = {'error_code': 500, 'error_message': 'Internal Server Error'}
    answers = [('GET', 404, UNKNOWN), ('POST', 500, failure), ('GET', 404, UNKNOWN)]
    with scripted(*answers, *answers) as (service, _):
        assert service('POST', '/leases', SUBSCRIBING)[0] == 500
        assert service.subscriptions() == []
        assert service('POST', '/leases', {**SUBSCRIBING, 'name': 'y'})[0] == 500


def test_an_id_of_another_projects_lease() -> None:
    """Blazar says 403 of it, and the gateway that it is taken."""
    with scripted(('GET', 403, UNKNOWN)) as (service, _):
        assert service('POST', '/leases', SUBSCRIBING)[0] == 409
        assert service.subscriptions() == []


def test_nobody_there() -> None:
    """Where the request has not reached Blazar nothing is left of it."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        url = f'http://127.0.0.1:{free.getsockname()[1]}'
    with gateway(url) as gate:
        service = before_blazar(gate)
        for wanted in (SUBSCRIBING, {**LEASE, 'subscriptions': [HOOK]}):
            assert service('POST', '/leases', wanted)[0] == 502
        assert service.subscriptions() == []


@pytest.mark.parametrize('content', [[], {}, {'lease': 7}, 'x'])
def test_an_answer_that_is_no_lease(content: Any) -> None:
    """It is a bad gateway, and no error of this service."""
    with scripted(('GET', 200, content), ('PUT', 200, content)) as (service, _):
        assert service('GET', '/leases/x')[0] == 502
        assert service('PUT', '/leases/x', {'name': 'y'})[0] == 502


def test_who_may_not_subscribe() -> None:
    """A reader makes no subscription, and Blazar is not asked for the lease."""
    with scripted() as (service, _):
        status, body = service('POST', '/leases', {**LEASE, 'subscriptions': [HOOK]}, user='rita')
        assert (status, body['errors'][0]['code']) == (403, 'reservation.policy-forbidden')
