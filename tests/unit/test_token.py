"""The token is kept between requests, and renewed when it has to be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from blazarclient import exception, token
from blazarclient.client import Client
from tests.conftest import SessionFactory
from tests.recorded import RecordedBlazar

TOKENS = 'POST /identity/v3/auth/tokens'


def test_one_token_for_many_requests(server: RecordedBlazar, client: Callable[..., Client]) -> None:
    """Keystone is asked once, however many requests follow."""
    server.hold(server.leases(1))
    mine = client()
    for _ in range(5):
        mine.leases.list()
    assert server.calls().count(TOKENS) == 1


def test_refused_token_is_renewed_once(
    server: RecordedBlazar, client: Callable[..., Client]
) -> None:
    """A token that was revoked costs one 401 and one new token, for reads and writes alike."""
    server.hold(server.leases(1))
    mine = client()
    mine.leases.list()
    server.expire_tokens()
    server.forget()
    assert len(mine.leases.list()) == 1
    assert [request.status for request in server.sent('GET', '/v1/leases')] == [401, 200]
    assert server.calls().count(TOKENS) == 1


def test_lasting_refusal_is_an_error(server: RecordedBlazar, client: Callable[..., Client]) -> None:
    """A service that refuses every token is asked twice, not for ever."""
    server.on('GET', '/v1/leases', status=401, body={'error': {'code': 401, 'message': 'No.'}})
    with pytest.raises(exception.Unauthorized, match='No'):
        client().leases.list()
    assert len(server.sent('GET', '/v1/leases')) == 2


def test_token_near_its_end_is_not_kept(
    server: RecordedBlazar, client: Callable[..., Client]
) -> None:
    """A token with little time left is asked of keystoneauth1 for each request, which renews it."""
    server.token_lifetime = int(token.MARGIN) - 60
    server.hold(server.leases(1))
    mine = client()
    for _ in range(3):
        mine.leases.list()
    # keystoneauth1 itself renews a token that has less than half a minute.
    assert server.calls().count(TOKENS) >= 1
    assert {request.status for request in server.sent('GET', '/v1/leases')} == {200}


def test_another_plugin_of_the_session_is_noticed(
    server: RecordedBlazar,
    client: Callable[..., Client],
    session: SessionFactory,
) -> None:
    """A program may give its session another user; the next request is that user's."""
    server.hold(server.leases(1))
    shared = session('alice')
    mine = Client(session=shared)
    mine.leases.list()
    shared.auth = session('bob').auth
    server.forget()
    mine.leases.list()
    assert server.sent('GET', '/v1/leases')[0].user == 'bob'
