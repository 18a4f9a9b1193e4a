"""What the tests of the API send."""

from collections.abc import Callable

from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from blazarclient.server.app import Identity
from tests.identity import USERS

KEYSTONE = 'http://127.0.0.1:5000/identity'
LEASE = {
    'name': 'first',
    'start_date': '2030-01-01 10:00',
    'end_date': '2030-01-01 12:00',
    'reservations': [],
    'events': [],
}
UNKNOWN = '00000000-0000-0000-0000-000000000000'

Call = Callable[..., TestResponse]


def authenticate(headers: Headers) -> Identity | None:
    """A token is the user's name."""
    user = USERS.get(headers.get('X-Auth-Token', ''))
    if user is None:
        return None
    return Identity(user.id, user.project_id, frozenset(user.roles), user.name)
