"""Tokens, the catalog and application credentials."""

import json
from typing import Any

import pytest

from blazarclient import testing
from blazarclient.server.sandbox.users import USERS
from tests.unit.server.sandbox.conftest import Ask

PROJECT = {'name': 'research', 'domain': {'name': 'Default'}}
UNAUTHORIZED = 'The request you have made requires authentication.'


def password(user: str, word: str | None = None, scope: object = None) -> dict[str, Any]:
    """A request for a token."""
    given = {'name': user, 'domain': {'id': 'default'}, 'password': word or f'{user}-secret'}
    identity = {'methods': ['password'], 'password': {'user': given}}
    return {'auth': {'identity': identity} | ({} if scope is None else {'scope': scope})}


def test_versions(box: testing.Sandbox, ask: Ask) -> None:
    """Clients look here for the version, and need no token for it."""
    document = ask('GET', '/identity', X_Auth_Token='').json['versions']['values'][0]
    assert ask('GET', '/identity').status == 300
    assert ask('GET', '/identity/v3/', X_Auth_Token='').json == {'version': document}
    assert document['links'] == [{'rel': 'self', 'href': f'{box.url}/identity/v3/'}]


@pytest.mark.parametrize('user', USERS)
def test_password(ask: Ask, user: str) -> None:
    """The token is the user's name; it says who the user is, and where."""
    known = USERS[user]
    answer = ask('POST', '/identity/v3/auth/tokens', password(user, None, {'project': PROJECT}))
    if known.project_name != 'research':
        assert answer.status == 401
        answer = ask(
            'POST',
            '/identity/v3/auth/tokens',
            password(user, None, {'project': {'id': known.project_id}}),
        )
    assert (answer.status, answer.headers['X-Subject-Token']) == (201, user)
    token = answer.json['token']
    assert token['user']['id'] == known.id
    assert token['project']['id'] == known.project_id
    assert {each['name'] for each in token['roles']} == {*known.roles}
    again = ask('GET', '/identity/v3/auth/tokens', X_Subject_Token=user).json['token']
    assert {**again, 'issued_at': '', 'expires_at': ''} == {
        **token,
        'issued_at': '',
        'expires_at': '',
    }


def test_catalog(box: testing.Sandbox, ask: Ask) -> None:
    """Four services, in one region, under three interfaces each."""
    services = ask('GET', '/identity/v3/auth/catalog').json['catalog']
    urls = {
        each['type']: {(end['interface'], end['region'], end['url']) for end in each['endpoints']}
        for each in services
    }
    assert urls == {
        kind: {
            (interface, 'RegionOne', f'{box.url}{path}')
            for interface in ('public', 'internal', 'admin')
        }
        for kind, path in (
            ('compute', '/compute/v2.1'),
            ('identity', '/identity/v3'),
            ('network', '/network'),
            ('reservation', '/v1'),
        )
    }


def test_a_token_without_a_project(ask: Ask) -> None:
    """Without a scope the token names no project, as in Keystone; the user's is listed."""
    for scope in (None, 'unscoped'):
        token = ask('POST', '/identity/v3/auth/tokens', password('alice', scope=scope)).json
        assert token['token']['user']['name'] == 'alice'
        assert 'project' not in token['token']
    (project,) = ask('GET', '/identity/v3/auth/projects').json['projects']
    assert (project['id'], project['name']) == (USERS['alice'].project_id, 'research')


@pytest.mark.parametrize(
    'body',
    [
        password('alice', 'wrong'),
        password('nobody'),
        password('alice', scope={'system': {'all': True}}),
        password('alice', scope={'project': {'id': USERS['bob'].project_id}}),
        password('alice', scope={'project': {'name': 'research', 'domain': {'name': 'Other'}}}),
        {'auth': {'identity': {'methods': ['token'], 'token': {'id': 'nobody'}}}},
        {'auth': {'identity': {'methods': ['totp'], 'totp': {}}}},
        {
            'auth': {
                'identity': {
                    'methods': ['application_credential'],
                    'application_credential': {'id': 'none', 'secret': 'x'},
                }
            }
        },
    ],
)
def test_refused(ask: Ask, box: testing.Sandbox, body: object) -> None:
    """Keystone's own sentence, whatever was wrong."""
    answer = ask('POST', '/identity/v3/auth/tokens', body)
    assert (answer.status, answer.json['error']['message']) == (401, UNAUTHORIZED)
    assert answer.headers['WWW-Authenticate'] == f'Keystone uri="{box.url}/identity"'


@pytest.mark.parametrize(
    'body',
    [
        'no JSON',
        '[]',
        '{}',
        '{"auth": {"identity": {}}}',
        pytest.param('[' * 50_000, id='nested'),
        pytest.param(
            json.dumps(
                {
                    'auth': {
                        'identity': {
                            'methods': ['password'],
                            'password': {
                                'user': {'id': USERS['alice'].id, 'password': 'half \ud800'}
                            },
                        }
                    }
                }
            ),
            id='half of a surrogate pair',
        ),
    ],
)
def test_no_request_for_a_token(ask: Ask, body: str) -> None:
    assert ask('POST', '/identity/v3/auth/tokens', body).status == 400


def test_token_for_a_token(ask: Ask) -> None:
    """How `v3token` works."""
    identity = {'methods': ['token'], 'token': {'id': 'alice'}}
    body = {'auth': {'identity': identity, 'scope': {'project': PROJECT}}}
    answer = ask('POST', '/identity/v3/auth/tokens', body, X_Auth_Token='')
    assert (answer.status, answer.headers['X-Subject-Token']) == (201, 'alice')
    # Nothing is forgotten: a token is a name.
    assert ask('DELETE', '/identity/v3/auth/tokens', X_Subject_Token='alice').status == 204
    assert ask('GET', '/identity/v3/auth/tokens', X_Subject_Token='alice').status == 200
    assert ask('GET', '/identity/v3/auth/tokens', X_Subject_Token='nobody').status == 404
    assert ask('GET', '/identity/v3/auth/tokens', X_Auth_Token='nobody').status == 401


def test_application_credential(ask: Ask) -> None:
    """It is made, is as good as a password by id and by name, and is gone when deleted."""
    url = f'/identity/v3/users/{USERS["alice"].id}/application_credentials'
    answer = ask('POST', url, {'application_credential': {'name': 'ci'}})
    made = answer.json['application_credential']
    assert answer.status == 201

    def log_in(**given: object) -> int:
        identity = {'methods': ['application_credential'], 'application_credential': given}
        return ask('POST', '/identity/v3/auth/tokens', {'auth': {'identity': identity}}).status

    alice = {'name': 'alice', 'domain': {'name': 'Default'}}
    assert log_in(id=made['id'], secret=made['secret']) == 201
    assert log_in(name='ci', user=alice, secret=made['secret']) == 201
    assert log_in(name='ci', user={'id': USERS['bob'].id}, secret=made['secret']) == 401
    assert log_in(id=made['id'], secret='wrong') == 401
    # Nobody else's business.
    assert ask('DELETE', f'{url}/{made["id"]}', X_Auth_Token='bob').status == 404
    assert ask('DELETE', f'{url}/{made["id"]}').status == 204
    assert log_in(id=made['id'], secret=made['secret']) == 401
    assert ask('DELETE', f'{url}/{made["id"]}').status == 404


@pytest.mark.parametrize(
    ('user', 'body', 'status'),
    [
        ('alice', {'application_credential': {}}, 400),
        ('alice', {}, 400),
        ('alice', [], 400),
        ('bob', {'application_credential': {'name': 'x'}}, 403),
    ],
)
def test_application_credential_refused(ask: Ask, user: str, body: object, status: int) -> None:
    url = f'/identity/v3/users/{USERS["alice"].id}/application_credentials'
    assert ask('POST', url, body, X_Auth_Token=user).status == status


@pytest.mark.parametrize('path', ['/identity/v3/leases', '/identity/v2.0', '/identity/v3/users'])
def test_what_is_not_here(ask: Ask, path: str) -> None:
    """404 in Keystone's form, also for who asks for another service here."""
    for token in ('alice', ''):
        answer = ask('GET', path, X_Auth_Token=token)
        assert (answer.status, answer.json['error']['code']) == (404, 404)
