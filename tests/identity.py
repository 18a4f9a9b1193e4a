"""A small Keystone v3: tokens for the users of the recordings, and a catalog.

Answers have the form that Keystone 29 gives; only what a client of one service asks for is there.
"""

import base64
import dataclasses
import datetime
import json
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.http1 import Headers

Answered = tuple[int, dict[str, str], Any]

UNAUTHORIZED = {
    'error': {
        'code': 401,
        'message': 'The request you have made requires authentication.',
        'title': 'Unauthorized',
    }
}
_DOMAIN = {'id': 'default', 'name': 'Default'}
_ROLE_IDS = {
    'admin': '5bb1a56099904bcd833cdd7aeda8d5db',
    'manager': '2ef03a5d420744a58f8b45de2be71b76',
    'member': '939187612ba845eb8fbabf18be7320ad',
    'reader': 'ec219c456e5147e6aae3fe7baf17e170',
}


@dataclasses.dataclass(frozen=True)
class User:
    """A user of the recordings, who has roles in one project."""

    id: str
    name: str
    project_id: str
    project_name: str
    roles: tuple[str, ...]

    @property
    def password(self) -> str:
        """The password, a constant of the tests."""
        return f'{self.name}-secret'


_RESEARCH = 'dd09f65678b848e1a79f76e275b476a3'
ADMIN = User(
    'a8b908e07ea74f779fd5779f335ec1ab',
    'admin',
    '88d07c2fdc3041dfab3c4b117377eb74',
    'admin',
    ('admin', 'manager', 'member', 'reader'),
)
ALICE = User(
    'c5a39535a9964fe593506f60c05e47d6', 'alice', _RESEARCH, 'research', ('member', 'reader')
)
RITA = User('b1081299a77a45d28ce65e2ea667c1c8', 'rita', _RESEARCH, 'research', ('reader',))
BOB = User(
    'f73ed83986334ac796e365e1a755f250',
    'bob',
    'fbe809b5bbd1404aa05cb427fc8dc49a',
    'teaching',
    ('member', 'reader'),
)
USERS = {user.name: user for user in (ADMIN, ALICE, RITA, BOB)}

#: Alice's application credential.
APPCRED_ID = '7c1f7c9b8e0f4f0f9a8d0a3c5c1d9b42'
APPCRED_NAME = 'ci'
APPCRED_SECRET = 'alice-appcred-secret'


@dataclasses.dataclass(frozen=True)
class _Token:
    user: User
    methods: tuple[str, ...]
    scoped: bool
    issued_at: datetime.datetime
    expires_at: datetime.datetime


class Identity:
    """Gives tokens and says whose they are.

    ``url`` is the address of the version documents, ``catalog_url`` returns what the catalog says
    about the reservation service at the moment.
    """

    def __init__(self, url: str, catalog_url: Callable[[], str]) -> None:
        self.url = url
        self.token_lifetime = 3600.0
        self._catalog_url = catalog_url
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def issue(self, user: User, methods: tuple[str, ...], scoped: bool = True) -> str:
        """Make a token for a user."""
        # As long as a Fernet token, so that a look at a log finds it and nothing else.
        token = 'gAAAAAB' + base64.urlsafe_b64encode(os.urandom(132)).decode()
        now = datetime.datetime.now(datetime.UTC)
        lifetime = datetime.timedelta(seconds=self.token_lifetime)
        with self._lock:
            self._tokens[token] = _Token(user, methods, scoped, now, now + lifetime)
        return token

    def expire_all(self) -> None:
        """Forget every token."""
        with self._lock:
            self._tokens.clear()

    def owner(self, token: str | None) -> User | None:
        """Whose token this is, None when it is unknown or has expired."""
        held = self._valid(token)
        return held.user if held else None

    def answer(self, method: str, path: str, headers: Headers, body: Any) -> Answered | None:
        """Answer a request below ``/identity`` with status, headers and body, None if unknown."""
        path = path.rstrip('/')
        if method == 'GET' and path == '/identity':
            return 300, {'Location': f'{self.url}/v3/'}, {'versions': {'values': [self._version()]}}
        if method == 'GET' and path == '/identity/v3':
            return 200, {}, {'version': self._version()}
        if path != '/identity/v3/auth/tokens':
            return None
        if method == 'POST':
            return self._authenticate(body)
        subject = headers.get('X-Subject-Token')
        if self._valid(headers.get('X-Auth-Token')) is None:
            return self._refuse()
        if method == 'DELETE':
            with self._lock:
                self._tokens.pop(subject or '', None)
            return 204, {}, None
        held = self._valid(subject)
        if method != 'GET' or held is None:
            return None
        return 200, {'X-Subject-Token': subject or ''}, {'token': self._document(held)}

    def _valid(self, token: str | None) -> _Token | None:
        with self._lock:
            held = self._tokens.get(token or '')
        now = datetime.datetime.now(datetime.UTC)
        return held if held and now < held.expires_at else None

    def _authenticate(self, body: Any) -> Answered:
        auth = body['auth']
        methods = tuple(auth['identity']['methods'])
        user = self._who(auth['identity'], methods)
        scope = auth.get('scope')
        if user is None or not _may_enter(user, scope):
            return self._refuse()
        scoped = scope is not None or 'application_credential' in methods
        token = self.issue(user, methods, scoped)
        document = self._document(self._tokens[token])
        return 201, {'X-Subject-Token': token}, {'token': document}

    def _who(self, identity: Mapping[str, Any], methods: tuple[str, ...]) -> User | None:
        if methods == ('token',):
            return self.owner(identity['token']['id'])
        if methods == ('application_credential',):
            given = identity['application_credential']
            named = given.get('name') == APPCRED_NAME and _find(given.get('user', {})) == ALICE
            right = given.get('id') == APPCRED_ID or named
            return ALICE if right and given.get('secret') == APPCRED_SECRET else None
        if methods == ('password',):
            user = _find(identity['password']['user'])
            return (
                user if user and identity['password']['user']['password'] == user.password else None
            )
        return None

    def _refuse(self) -> Answered:
        return 401, {'WWW-Authenticate': f'Keystone uri="{self.url}/v3"'}, UNAUTHORIZED

    def _version(self) -> dict[str, Any]:
        return {
            'id': 'v3.14',
            'status': 'stable',
            'updated': '2020-04-07T00:00:00Z',
            'links': [{'rel': 'self', 'href': f'{self.url}/v3/'}],
            'media-types': [
                {
                    'base': 'application/json',
                    'type': 'application/vnd.openstack.identity-v3+json',
                }
            ],
        }

    def _document(self, token: _Token) -> dict[str, Any]:
        user = token.user
        document: dict[str, Any] = {
            'methods': list(token.methods),
            'user': {
                'domain': _DOMAIN,
                'id': user.id,
                'name': user.name,
                'password_expires_at': None,
            },
            'audit_ids': ['mcFSnfGGRaOItp36BSnXMw'],
            'expires_at': f'{token.expires_at:%Y-%m-%dT%H:%M:%S.%fZ}',
            'issued_at': f'{token.issued_at:%Y-%m-%dT%H:%M:%S.%fZ}',
        }
        if token.scoped:
            document |= {
                'project': {'domain': _DOMAIN, 'id': user.project_id, 'name': user.project_name},
                'is_domain': False,
                'roles': [{'id': _ROLE_IDS[role], 'name': role} for role in user.roles],
                'catalog': [
                    _service('identity', 'keystone', f'{self.url}/v3'),
                    _service('reservation', 'blazar', self._catalog_url()),
                ],
            }
        return document


def _find(given: Mapping[str, Any]) -> User | None:
    return next(
        (
            each
            for each in USERS.values()
            if given.get('id', given.get('name')) in (each.id, each.name)
        ),
        None,
    )


def _may_enter(user: User, scope: Mapping[str, Any] | None) -> bool:
    if scope is None:
        return True
    project = scope.get('project', {})
    if 'id' in project:
        return bool(project['id'] == user.project_id)
    return bool(project.get('name') == user.project_name)


def _service(kind: str, name: str, url: str) -> dict[str, Any]:
    return {
        'endpoints': [
            {
                'id': uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {interface}').hex,
                'interface': interface,
                'region_id': 'RegionOne',
                'url': url,
                'region': 'RegionOne',
            }
            for interface in ('public', 'internal', 'admin')
        ],
        'id': uuid.uuid5(uuid.NAMESPACE_URL, kind).hex,
        'type': kind,
        'name': name,
    }


def clouds(auth_url: str, endpoint: str, token: Callable[[], str]) -> str:
    """The text of a clouds.yaml for every user, and for other ways in for alice."""
    scope = {'project_name': ALICE.project_name, 'project_domain_name': 'Default'}
    ways: dict[str, dict[str, Any]] = {
        user.name: {
            'auth_type': 'v3password',
            'auth': {
                'auth_url': auth_url,
                'username': user.name,
                'password': user.password,
                'project_name': user.project_name,
                'user_domain_name': 'Default',
                'project_domain_name': 'Default',
            },
        }
        for user in USERS.values()
    }
    ways['alice-token'] = {
        'auth_type': 'v3token',
        'auth': {'auth_url': auth_url, 'token': token(), **scope},
    }
    ways['alice-appcred'] = {
        'auth_type': 'v3applicationcredential',
        'auth': {
            'auth_url': auth_url,
            'application_credential_id': APPCRED_ID,
            'application_credential_secret': APPCRED_SECRET,
        },
    }
    ways['alice-endpoint'] = {
        'auth_type': 'admin_token',
        'auth': {'endpoint': endpoint, 'token': token()},
    }
    common = {
        'region_name': 'RegionOne',
        'interface': 'public',
        'identity_api_version': '3',
    }
    # JSON is YAML, and needs no library here.
    return json.dumps({'clouds': {name: way | common for name, way in ways.items()}}, indent=2)
