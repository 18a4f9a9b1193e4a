"""A small Keystone: tokens for the users of a sandbox, and a catalog.

A token is its user's name, so that ``curl -H 'X-Auth-Token: alice'`` works, and is good for the
user's one project. Answers have the form that Keystone gives; only what the clients of the other
services ask for is there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import flask
from werkzeug.datastructures import Headers

from blazarclient.server.sandbox.state import current
from blazarclient.server.sandbox.users import USERS, User, stable_id
from blazarclient.server.store import surroundings as stored

__all__ = ['REGION', 'USERS', 'blueprint', 'catalog', 'owner', 'unauthorized']

REGION = 'RegionOne'

_DOMAIN = {'id': 'default', 'name': 'Default'}
_LIFETIME = timedelta(days=1)
#: Type -> name, and the path of the endpoint.
_SERVICES: Mapping[str, tuple[str, str]] = {
    'compute': ('nova', '/compute/v2.1'),
    'identity': ('keystone', '/identity/v3'),
    'network': ('neutron', '/network'),
    'reservation': ('blazar', '/v1'),
}


def owner(headers: Headers) -> User | None:
    """Who sends a request; None without a token, or with one that nobody has."""
    return USERS.get(headers.get('X-Auth-Token', ''))


def unauthorized(address: str) -> flask.Response:
    """The answer to a request without a good token."""
    answer = _error(401, 'The request you have made requires authentication.', 'Unauthorized')
    answer.headers['WWW-Authenticate'] = f'Keystone uri="{address}/identity"'
    return answer


def catalog(address: str) -> list[dict[str, object]]:
    """The services of a sandbox.

    :param address: the sandbox's own, such as ``http://127.0.0.1:12340``.
    """
    return [
        {
            'id': stable_id('service', kind),
            'type': kind,
            'name': name,
            'endpoints': [
                {
                    'id': stable_id(f'{interface} endpoint', kind),
                    'interface': interface,
                    'region': REGION,
                    'region_id': REGION,
                    'url': f'{address}{path}',
                }
                for interface in ('public', 'internal', 'admin')
            ],
        }
        for kind, (name, path) in _SERVICES.items()
    ]


blueprint = flask.Blueprint('identity', __name__, url_prefix='/identity')

#: Calls that need no token.
_OPEN = frozenset({'identity.authenticate', 'identity.unknown', 'identity.v3', 'identity.versions'})


@blueprint.before_request
def _check_token() -> flask.Response | None:
    if flask.request.endpoint in _OPEN or owner(flask.request.headers):
        return None
    return unauthorized(current().address)


@blueprint.get('/', strict_slashes=False)
def versions() -> flask.Response:
    """The versions that there are: one."""
    location = f'{current().address}/identity/v3/'
    answer = flask.jsonify({'versions': {'values': [_version(location)]}})
    answer.status_code = 300
    answer.headers['Location'] = location
    return answer


@blueprint.get('/v3/', strict_slashes=False)
def v3() -> flask.Response:
    """The version document."""
    return flask.jsonify({'version': _version(f'{current().address}/identity/v3/')})


@blueprint.post('/v3/auth/tokens')
def authenticate() -> flask.Response:
    """Give a token for a password, another token or an application credential."""
    try:
        given: Any = flask.request.get_json(force=True, silent=True)
        methods = list(given['auth']['identity']['methods'])
        user = _find(methods, given['auth']['identity'])
        scope = given['auth'].get('scope')
        if user is None or not _may_enter(user, scope):
            return unauthorized(current().address)
    except (AttributeError, KeyError, RecursionError, TypeError, UnicodeError):
        return _error(400, 'This is no request for a token.', 'Bad Request')
    scoped = 'application_credential' in methods or isinstance(scope, dict)
    answer = flask.jsonify({'token': _token(user, methods, scoped)})
    answer.status_code = 201
    answer.headers['X-Subject-Token'] = user.name
    answer.headers['Vary'] = 'X-Auth-Token'
    return answer


@blueprint.get('/v3/auth/tokens')
def validate() -> flask.Response:
    """Say whose a token is."""
    subject = USERS.get(flask.request.headers.get('X-Subject-Token', ''))
    if subject is None:
        return _not_found('Could not find token.')
    answer = flask.jsonify({'token': _token(subject, ['password'], scoped=True)})
    answer.headers['X-Subject-Token'] = subject.name
    answer.headers['Vary'] = 'X-Auth-Token'
    return answer


@blueprint.delete('/v3/auth/tokens')
def revoke() -> flask.Response:
    """Nothing is forgotten: a token is a name."""
    return flask.Response(status=204)


@blueprint.get('/v3/auth/catalog')
def show_catalog() -> flask.Response:
    """The catalog alone."""
    address = current().address
    links = {'self': f'{address}/identity/v3/auth/catalog'}
    return flask.jsonify({'catalog': catalog(address), 'links': links})


@blueprint.get('/v3/auth/projects')
def projects() -> flask.Response:
    """The user's project."""
    user = USERS[flask.request.headers['X-Auth-Token']]
    project = {
        'id': user.project_id,
        'name': user.project_name,
        'domain_id': _DOMAIN['id'],
        'enabled': True,
        'description': '',
    }
    self = f'{current().address}/identity/v3/auth/projects'
    links = {'self': self, 'next': None, 'previous': None}
    return flask.jsonify({'projects': [project], 'links': links})


@blueprint.post('/v3/users/<user_id>/application_credentials')
def create_credential(user_id: str) -> flask.Response:
    """Make an application credential for the user who asks."""
    user = USERS[flask.request.headers['X-Auth-Token']]
    given = flask.request.get_json(force=True, silent=True)
    wanted = given.get('application_credential') if isinstance(given, dict) else None
    if not isinstance(wanted, dict) or not wanted.get('name'):
        return _error(400, "'name' is a required property", 'Bad Request')
    if user_id != user.id:
        sentence = (
            'You are not authorized to perform the requested action: '
            'identity:create_application_credential.'
        )
        return _error(403, sentence, 'Forbidden')
    secret = str(wanted.get('secret') or secrets.token_urlsafe(48))
    made = {'id': uuid.uuid4().hex, 'name': str(wanted['name'])}
    row = {**made, 'user_name': user.name, 'secret_hash': _hashed(secret)}
    with current().database.transaction() as connection:
        stored.insert_application_credential(connection, row)
    shown = {
        **made,
        'secret': secret,
        'description': wanted.get('description'),
        'project_id': user.project_id,
        'roles': _roles(user),
        'expires_at': None,
        'unrestricted': False,
    }
    answer = flask.jsonify({'application_credential': shown})
    answer.status_code = 201
    return answer


@blueprint.delete('/v3/users/<user_id>/application_credentials/<credential_id>')
def delete_credential(user_id: str, credential_id: str) -> flask.Response:
    """Forget an application credential of the user who asks."""
    user = USERS[flask.request.headers['X-Auth-Token']]
    with current().database.transaction() as connection:
        found = stored.application_credential(connection, credential_id)
        if found is None or found['user_name'] != user.name or user_id != user.id:
            return _not_found(f'Could not find Application Credential: {credential_id}.')
        stored.delete_application_credential(connection, credential_id)
    return flask.Response(status=204)


@blueprint.route('/<path:rest>', methods=('DELETE', 'GET', 'PATCH', 'POST', 'PUT'))
def unknown(rest: str) -> flask.Response:
    """What else Keystone has is not here."""
    return _not_found('The resource could not be found.')


def _version(location: str) -> dict[str, object]:
    return {
        'id': 'v3.14',
        'status': 'stable',
        'updated': '2020-04-07T00:00:00Z',
        'links': [{'rel': 'self', 'href': location}],
        'media-types': [
            {
                'base': 'application/json',
                'type': 'application/vnd.openstack.identity-v3+json',
            }
        ],
    }


def _find(methods: Sequence[str], identity: Mapping[str, Any]) -> User | None:
    """Whose authentication this is; None when the password or secret is wrong."""
    if methods == ['token']:
        return USERS.get(str(identity['token']['id']))
    if methods == ['password']:
        given = identity['password']['user']
        user = _named(given)
        right = user is not None and _same(str(given['password']), user.password)
        return user if right else None
    if methods == ['application_credential']:
        return _by_credential(identity['application_credential'])
    return None


def _by_credential(given: Mapping[str, Any]) -> User | None:
    with current().database.transaction(write=False) as connection:
        if 'id' in given:
            found = stored.application_credential(connection, str(given['id']))
        else:
            user = _named(given['user'])
            name = user.name if user else ''
            found = stored.application_credential_named(connection, name, str(given['name']))
    if found is None or not _same(_hashed(str(given['secret'])), found['secret_hash']):
        return None
    return USERS.get(found['user_name'])


def _named(given: Mapping[str, Any]) -> User | None:
    """A user by its ID, or by name and domain."""
    if 'id' in given:
        return next((user for user in USERS.values() if user.id == given['id']), None)
    return USERS.get(str(given['name'])) if _is_ours(given['domain']) else None


def _is_ours(domain: Mapping[str, Any]) -> bool:
    return bool(domain.get('id') == _DOMAIN['id'] or domain.get('name') == _DOMAIN['name'])


def _may_enter(user: User, scope: Mapping[str, Any] | str | None) -> bool:
    """Whether a user has roles in what a token is wanted for."""
    if scope is None or scope == 'unscoped':
        return True
    if isinstance(scope, str) or 'project' not in scope:
        return False
    project = scope['project']
    if 'id' in project:
        return bool(project['id'] == user.project_id)
    return bool(project['name'] == user.project_name) and _is_ours(project['domain'])


def _token(user: User, methods: Sequence[str], scoped: bool) -> dict[str, object]:
    now = current().clock.now()
    # Clients compare the end with their own clock, whatever the sandbox's shows.
    expires = max(now, datetime.now(UTC).replace(tzinfo=None)) + _LIFETIME
    token: dict[str, object] = {
        'methods': list(methods),
        'user': {
            'domain': _DOMAIN,
            'id': user.id,
            'name': user.name,
            'password_expires_at': None,
        },
        'audit_ids': [stable_id('audit', user.name)[:22]],
        'expires_at': f'{expires:%Y-%m-%dT%H:%M:%S.%fZ}',
        'issued_at': f'{now:%Y-%m-%dT%H:%M:%S.%fZ}',
    }
    if scoped:
        token |= {
            'is_domain': False,
            'project': {'domain': _DOMAIN, 'id': user.project_id, 'name': user.project_name},
            'roles': _roles(user),
            'catalog': catalog(current().address),
        }
    return token


def _roles(user: User) -> list[dict[str, str]]:
    return [{'id': stable_id('role', role), 'name': role} for role in user.roles]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _not_found(sentence: str) -> flask.Response:
    return _error(404, sentence, 'Not Found')


def _error(status: int, sentence: str, title: str) -> flask.Response:
    """An error in Keystone's form."""
    answer = flask.jsonify({'error': {'code': status, 'message': sentence, 'title': title}})
    answer.status_code = status
    return answer
