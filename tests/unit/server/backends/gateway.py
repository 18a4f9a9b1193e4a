"""A whole gateway before an address: the API with its own database, and what passes through."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.datastructures import Headers

from blazarclient.server import vault
from blazarclient.server.app import Identity, create_app
from blazarclient.server.backends.blazar.connections import Connections
from blazarclient.server.backends.blazar.pass_through import PassThrough
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.front import Front
from blazarclient.server.policy import Policy
from blazarclient.server.sandbox.users import USERS
from blazarclient.server.store.database import Database
from tests.unit.server.backends.upstream import served

__all__ = ['Gateway', 'Reply', 'gateway', 'get']

VERSION = 'OpenStack-API-Version'


@dataclasses.dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: bytes

    @property
    def body(self) -> Any:
        """The body as JSON reads it."""
        return json.loads(self.text) if self.text else None


def get(
    port: int,
    path: str,
    *,
    user: str = 'alice',
    method: str = 'GET',
    values: Any = None,
    microversion: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send a request to a port of this machine.

    :param path: as it shall travel.
    """
    sent = {'X-Auth-Token': user, 'Accept': 'application/json', **(headers or {})}
    if microversion is not None:
        sent[VERSION] = f'reservation {microversion}'
    body = None
    if values is not None:
        body, sent['Content-Type'] = json.dumps(values), 'application/json'
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())


@dataclasses.dataclass(frozen=True)
class Gateway:
    """A gateway that is running."""

    port: int
    database: Database
    settings: Settings

    def __call__(self, path: str, **options: Any) -> Reply:
        return get(self.port, path, **options)

    def context(self) -> RequestContext:
        """The service's own context."""
        return RequestContext.for_service(self.database, Policy(), self.settings)


@contextlib.contextmanager
def gateway(url: str, **options: Any) -> Iterator[Gateway]:
    """A gateway before an address. Users and tokens are those of a sandbox."""
    settings = Settings(in_front_of_blazar=True, secret_keys=(vault.new_key(),), **options)
    database = Database('sqlite://')
    database.upgrade()
    connections = Connections(url)
    app = create_app(database, Policy(), settings, _authenticate, blazar=connections)
    front = Front(PassThrough(connections, pin=settings.pin), app, pin=settings.pin)
    try:
        with served(front) as port:
            yield Gateway(port, database, settings)
    finally:
        connections.close()
        database.dispose()


def _authenticate(headers: Headers) -> Identity | None:
    user = USERS.get(headers.get('X-Auth-Token', ''))
    if user is None:
        return None
    return Identity(user.id, user.project_id, frozenset(user.roles), user.name)
