"""Each way in which a create can go, against a service that keeps leases in its memory."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception, transport
from blazarclient.client import Client
from blazarclient.resources import create_once
from blazarclient.resources.lease import Lease
from tests.conftest import ClientFactory
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
from tests.recorded import Answer, RecordedBlazar, Request

GIVEN = '3f0c2a52-8a3c-4d55-9b0e-2f1f6f3a1b77'
FULL = Answer(409, {'error_code': 409, 'error_message': 'Not enough hosts available'})
LOST = (CUT_BEFORE, CUT_AT_ONCE, CUT_BEFORE_ANSWER, cut_answer(1), cut_answer(300), CUT_LAST_BYTE)


class Stateful:
    """As much of Blazar as a create needs.

    ``looks`` is how often a new lease is still CREATING when it is asked for, ``fails`` how many
    of them fail then, ``hidden`` how often it is not there yet.
    """

    def __init__(self, server: RecordedBlazar) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.looks = self.fails = self.hidden = 0
        self.heeds_ids = True
        self.capacity = 1000
        self.template = server.leases(1)[0]
        self._server = server
        server.on('POST', '/v1/leases', self.create)
        server.on('GET', re.compile('/v1/leases/[^/]+'), self.show)

    def create(self, request: Request) -> Answer:
        body = request.json
        lease_id = body['id'] if self.heeds_ids else str(uuid.uuid4())
        if len(self.leases) >= self.capacity:
            return FULL
        if lease_id in self.leases:
            text = f'The lease with name: {body["name"]} already exists'
            return Answer(409, {'error_code': 409, 'error_message': text})
        lease = {**self.template, 'id': lease_id, 'name': body['name'], 'status': 'PENDING'}
        self.leases[lease_id] = lease
        return Answer(201, {'lease': lease})

    def show(self, request: Request) -> Answer | None:
        lease = self.leases.get(request.path.rpartition('/')[2])
        if lease is None:
            return None
        if self.hidden:
            self.hidden -= 1
            return None
        if self.looks:
            self.looks -= 1
            return Answer(200, {'lease': {**lease, 'status': 'CREATING'}})
        if self.fails:
            self.fails -= 1
            del self.leases[lease['id']]
            return None
        return Answer(200, {'lease': lease})

    @property
    def posts(self) -> list[Any]:
        """The IDs that were sent."""
        return [each.json['id'] for each in self._server.sent('POST', '/v1/leases')]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a fraction of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.02)
    monkeypatch.setattr(create_once, 'SHOW_UP', 0.5)
    monkeypatch.setattr(create_once, 'SHOW_UP_SOON', 0.02)
    monkeypatch.setattr(create_once, 'SHOW_UP_ANSWERED', 0.05)


@pytest.fixture
def service(server: RecordedBlazar) -> Stateful:
    """The service behind the recorded server's port."""
    return Stateful(server)


def create(client: Client, **more: Any) -> Lease:
    """Make a lease."""
    return client.leases.create(
        'a', '2098-01-01 00:00', '2098-01-01 01:00', [{'resource_type': 'physical:host'}], **more
    )


def only(method: str, *steps: Step) -> Callable[[Seen], Step]:
    """A plan for one method; the rest passes. The last step stays."""
    left = list(steps)

    def plan(seen: Seen) -> Step:
        if seen.method != method:
            return PASS
        return left.pop(0) if len(left) > 1 else left[0]

    return plan


def test_one_request(service: Stateful, server: RecordedBlazar, client: ClientFactory) -> None:
    """Without trouble a create is one POST with an ID of version 4."""
    lease = create(client())
    assert service.posts == [lease['id']]
    assert uuid.UUID(lease['id']).version == 4
    assert server.calls('reservation') == ['POST /v1/leases']


@pytest.mark.parametrize('step', [*LOST, *(unavailable(0, s) for s in (502, 503, 504))])
def test_lost_once(service: Stateful, client: ClientFactory, proxy: Proxy, step: Step) -> None:
    """Whichever part is lost, there is one lease, and it is the one returned."""
    proxy.plan([step])
    lease = create(client())
    assert list(service.leases) == [lease['id']]
    arrived = step.forward
    assert proxy.count('pass') >= 1
    assert service.posts == [lease['id']] if arrived else len(set(service.posts)) == 1


def test_creating_for_a_while(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """A lease that is being made is waited for, and not made again."""
    service.looks, service.hidden = 3, 1
    proxy.plan([CUT_AT_ONCE])
    assert create(client())['status'] == 'PENDING'
    assert len(service.posts) == 1


def test_creating_for_ever(
    service: Stateful, client: ClientFactory, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is being made for longer than anything takes is left to the user, with its ID."""
    monkeypatch.setattr(create_once, 'BE_MADE', 0.2)
    service.looks = 1000
    proxy.plan([CUT_BEFORE_ANSWER])
    with pytest.raises(exception.OutcomeUnknown) as caught:
        create(client())
    assert caught.value.lease_id == service.posts[0]
    assert str(caught.value).startswith('Whether the lease was made is not known: ')
    assert caught.value.lease_id in str(caught.value)


def test_vanished_while_creating(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """One that failed is made again under its ID, which tells why or works."""
    service.looks, service.fails = 1, 1
    proxy.plan([CUT_BEFORE_ANSWER])
    lease = create(client())
    assert service.posts == [lease['id']] * 2
    assert list(service.leases) == [lease['id']]


def test_failed_after_a_conflict(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """A 409 about the own earlier try, which fails then, is never shown: the true reason is."""
    refusals = iter([None, Answer(409, {'error_message': 'The lease with name: a exists'}), FULL])
    server.on('POST', '/v1/leases', lambda _: next(refusals, None), times=2)
    service.hidden = 1000
    proxy.plan([CUT_BEFORE_ANSWER])
    with pytest.raises(exception.NotEnoughResources):
        create(client())
    assert len(set(service.posts)) == 1
    assert len(service.posts) == 3


def test_conflict_with_the_own_first_try(
    service: Stateful, client: ClientFactory, proxy: Proxy
) -> None:
    """The second POST is a 409 when the first was only slow; the lease is returned."""
    service.hidden = 3
    proxy.plan([CUT_AT_ONCE])
    lease = create(client())
    assert list(service.leases) == [lease['id']]
    assert service.posts[0] == lease['id']


def test_full_because_of_the_own_first_try(
    service: Stateful, client: ClientFactory, proxy: Proxy
) -> None:
    """Not enough is free any more, because the first POST has taken it: that is success."""
    service.capacity, service.hidden = 1, 4
    proxy.plan([CUT_AT_ONCE])
    lease = create(client())
    assert list(service.leases) == [lease['id']]


def test_full(service: Stateful, client: ClientFactory) -> None:
    """Not enough is free: a sure answer, after one request."""
    service.capacity = 0
    with pytest.raises(exception.NotEnoughResources, match='Not enough hosts'):
        create(client())
    assert len(service.posts) == 1


def test_refused_after_a_lost_one(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """A POST that never arrived, then a refusal: no lease, and the refusal is what is told."""
    server.on('POST', '/v1/leases', status=400, body={'error_message': 'Start date is past.'})
    proxy.plan([CUT_BEFORE])
    with pytest.raises(exception.BadRequest, match='Start date is past'):
        create(client())
    assert not service.leases


@pytest.mark.parametrize('status', [400, 403, 404, 500])
def test_refused(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, status: int
) -> None:
    """What the service says to the only request is told; a 500 is looked into first."""
    server.on('POST', '/v1/leases', status=status, body={'error_message': 'No.'})
    with pytest.raises(exception.HTTPError, match=rf'No\. \(HTTP {status}, request req-'):
        create(client())
    assert len(service.posts) == 1


def test_500_that_was_none(
    service: Stateful, server: RecordedBlazar, client: ClientFactory
) -> None:
    """Blazar's API gives up on its manager with a 500 while that makes the lease."""

    def slow(request: Request) -> Answer:
        service.create(request)
        return Answer(500, {'error_message': 'Internal Server Error'})

    server.on('POST', '/v1/leases', slow)
    service.looks = 2
    assert create(client())['id'] in service.leases
    assert len(service.posts) == 1


def test_never_arrived(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """When no POST gets through, and the service says there is none, there is none."""
    proxy.plan(only('POST', CUT_BEFORE))
    with pytest.raises(exception.ConnectionFailed, match=r'^No lease was made: ') as caught:
        create(client())
    assert not isinstance(caught.value, exception.OutcomeUnknown)
    assert not service.leases
    assert proxy.count(CUT_BEFORE) == create_once.TRIES


def test_busy(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """A gateway without a service is what is told after the last try."""
    proxy.plan(only('POST', unavailable(0)))
    with pytest.raises(exception.ServiceUnavailable, match='HTTP 503'):
        create(client())
    assert len([each for each in proxy.done if each[0] == 'POST']) == create_once.TRIES


def test_busy_for_an_hour(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """A long Retry-After is not waited for, and the lease looked for once more."""
    proxy.plan(only('POST', unavailable(3600)))
    with pytest.raises(exception.ServiceUnavailable, match='try again in 3600 s'):
        create(client())
    assert [each[0] for each in proxy.done].count('POST') == 1
    assert not service.leases


@pytest.mark.parametrize('post', [CUT_BEFORE, CUT_BEFORE_ANSWER])
def test_nobody_can_be_asked(
    service: Stateful, client: ClientFactory, proxy: Proxy, post: Step
) -> None:
    """When no GET gets through either, nobody knows; the error names the ID."""
    proxy.plan(lambda seen: post if seen.method == 'POST' else CUT_BEFORE)
    with pytest.raises(exception.OutcomeUnknown) as caught:
        create(client(connect_retries=2))
    assert list(service.leases) == ([] if post is CUT_BEFORE else [caught.value.lease_id])
    assert proxy.count(CUT_BEFORE) >= 3


def test_keystone_is_gone_meanwhile(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """An error of Keystone while the lease is looked for does not pass as one of the create."""

    def expire(request: Request) -> Answer | None:
        server.expire_tokens()
        return None

    someone = client()
    someone.transport.endpoint()
    server.on('POST', '/identity/v3/auth/tokens', status=500, body={'error': {'message': 'x'}})
    server.on('POST', '/v1/leases', expire)
    proxy.plan([CUT_BEFORE_ANSWER])
    with pytest.raises(exception.OutcomeUnknown):
        create(someone)


def test_keystone_is_gone_before_the_second_try(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """Nor does one before the request is sent again."""
    someone = client()
    someone.transport.endpoint()
    server.on('POST', '/identity/v3/auth/tokens', status=500, body={'error': {'message': 'x'}})

    def plan(seen: Seen) -> Step:
        if seen.method == 'POST':
            if seen.number:
                server.expire_tokens()
                return PASS
            return CUT_BEFORE
        return PASS

    proxy.plan(plan)
    with pytest.raises(exception.OutcomeUnknown):
        create(someone)
    assert not service.leases


def test_given_id(service: Stateful, client: ClientFactory) -> None:
    """An ID of the user's is used, and taken is an error that speaks of the ID."""
    someone = client()
    assert create(someone, id=GIVEN)['id'] == GIVEN
    with pytest.raises(exception.Conflict, match=f'with the ID {GIVEN} exists already') as caught:
        create(someone, id=GIVEN)
    assert caught.value.status == 409
    assert str(caught.value.request_id) in str(caught.value)
    assert len(service.posts) == 2


@pytest.mark.parametrize('bad', ['', 'abc', GIVEN.upper(), '3f0c2a52-8a3c-1d55-9b0e-2f1f6f3a1b77'])
def test_bad_id(server: RecordedBlazar, client: ClientFactory, bad: str) -> None:
    """Blazar takes anything for an ID, and cannot delete some of it: refused before."""
    with pytest.raises(exception.InvalidInput, match=f'{bad!r} cannot be the ID of a lease'):
        create(client(), id=bad)
    assert not server.calls()


def test_somebody_elses_id(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """A 403 for a given ID means that another project has it."""
    server.on('GET', f'/v1/leases/{GIVEN}', status=403, body={'error_message': 'No.'})
    server.on('POST', '/v1/leases', status=409, body={'error_message': 'exists'})
    proxy.plan([CUT_BEFORE])
    with pytest.raises(exception.Conflict, match=f'with the ID {GIVEN} exists already'):
        create(client(), id=GIVEN)


def test_not_allowed_to_look(
    service: Stateful, server: RecordedBlazar, client: ClientFactory, proxy: Proxy
) -> None:
    """A policy that lets nobody look says nothing of a lease with an ID of our own."""
    server.on('GET', re.compile('/v1/leases/.*'), status=403, body={'error_message': 'No.'})
    proxy.plan([CUT_BEFORE_ANSWER])
    with pytest.raises(exception.OutcomeUnknown):
        create(client())


def test_server_that_ignores_the_id(service: Stateful, client: ClientFactory, proxy: Proxy) -> None:
    """Its lease is returned; after a lost answer there may be two, and that is said."""
    service.heeds_ids = False
    someone = client()
    assert [create(someone)['id']] == list(service.leases)
    proxy.plan([CUT_BEFORE_ANSWER])
    with pytest.raises(exception.OutcomeUnknown, match='does not heed the ID') as caught:
        create(someone)
    assert caught.value.lease_id == list(service.leases)[-1]
