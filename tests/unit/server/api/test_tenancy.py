"""Who may see and change which lease."""

from typing import Any

import flask
import pytest
from werkzeug.datastructures import Headers

from blazarclient.server import errors
from blazarclient.server.api import rest
from blazarclient.server.app import Identity, create_app
from blazarclient.server.config import Settings
from blazarclient.server.objects.lease import Lease
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from tests import recordings
from tests.unit.server.api.requests import LEASE, Call


@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE'])
def test_no_lease_of_another_project(call: Call, lease_id: str, method: str) -> None:
    """At 1.0 a lease of another project is forbidden, as in Blazar, and says nothing of itself."""
    options = {'json': {'name': 'stolen'}} if method == 'PUT' else {}
    answer = call(method, f'/v1/leases/{lease_id}', user='bob', **options)
    assert answer.status_code == 403
    assert answer.get_json() == recordings.load('lease-show-bob-403').json
    assert call('GET', f'/v1/leases/{lease_id}').get_json()['lease']['name'] == 'first'


def test_a_token_for_a_domain(database: Database) -> None:
    """Its roles count in no project: not even for what an administrator has in none."""

    def scoped_to_a_domain(headers: Headers) -> Identity:
        return Identity('somebody', '', frozenset(headers['X-Roles'].split(',')))

    web = create_app(database, Policy(), Settings(), scoped_to_a_domain).test_client()

    def ask(method: str, url: str, *roles: str) -> int:
        body = LEASE if method == 'POST' else None
        headers = {'X-Roles': ','.join(roles)}
        return web.open(url, method=method, json=body, headers=headers).status_code

    assert ask('POST', '/v1/leases', 'member', 'reader') == 403
    assert ask('POST', '/v1/leases', 'admin', 'member', 'reader') == 201
    made = web.get('/v1/leases', headers={'X-Roles': 'admin'}).get_json()['leases'][0]['id']
    assert ask('GET', '/v1/leases', 'member', 'reader') == 403
    assert ask('GET', f'/v1/leases/{made}', 'member', 'reader') == 403
    assert ask('DELETE', f'/v1/leases/{made}', 'member', 'reader') == 403


def test_an_administrator_has_every_lease(call: Call, lease_id: str) -> None:
    """Admin sees it in the list, changes it and deletes it."""
    path = f'/v1/leases/{lease_id}'
    assert len(call('GET', '/v1/leases', user='admin').get_json()['leases']) == 1
    assert call('PUT', path, user='admin', json={'name': 'mine'}).status_code == 200
    assert call('DELETE', path, user='admin').status_code == 204


def test_a_reader_changes_nothing(call: Call, lease_id: str) -> None:
    """Rita may look."""
    path = f'/v1/leases/{lease_id}'
    assert call('GET', path, user='rita').status_code == 200
    assert call('PUT', path, user='rita', json={'name': 'x'}).status_code == 403
    assert call('DELETE', path, user='rita').status_code == 403


def test_a_route_without_any_check(app: flask.Flask, call: Call) -> None:
    """Whoever forgets to check gives nothing away: objects know who asks."""

    @app.get('/unchecked/<lease_id>')
    def unchecked(lease_id: str) -> dict[str, Any]:
        return Lease.get_by_id(rest.context(), lease_id).render()

    @app.get('/unchecked')
    def every() -> list[str]:
        return [lease.id for lease in Lease.list(rest.context())]

    @app.get('/caught/<lease_id>')
    def caught(lease_id: str) -> str:
        with pytest.raises(errors.NotFound):
            Lease.get_by_id(rest.context(), lease_id)
        return 'not found'

    lease_id = call('POST', '/v1/leases', json=LEASE).get_json()['lease']['id']
    mine, foreign = (call('GET', f'/unchecked/{lease_id}', user=each) for each in ('alice', 'bob'))
    assert mine.get_json()['name'] == 'first'
    assert foreign.status_code == 403
    assert 'first' not in foreign.text
    assert call('GET', f'/caught/{lease_id}', user='bob').text == 'not found'
    assert call('GET', '/unchecked', user='alice').get_json() == [lease_id]
    assert call('GET', '/unchecked', user='bob').get_json() == []
    assert call('GET', f'/unchecked/{lease_id}', user=None).status_code == 401
