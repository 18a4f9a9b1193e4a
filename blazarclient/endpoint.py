"""Where the service is, and the connections to it."""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import session as ksa_session

from blazarclient import exception

__all__ = [
    'CONNECTIONS',
    'EndpointMissing',
    'given_address',
    'keep_connections',
    'missing',
    'project_of',
    'proxies_spared',
    'session_with',
    'timeout_of',
    'with_version',
]

#: Connections kept to one service: as many as a ThreadPoolExecutor has threads at most.
CONNECTIONS = 32

_VERSIONED_PATH = re.compile(r'/v\d+(\.\d+)?(/|$)')
_HOST = re.compile(r'^[A-Za-z][A-Za-z0-9+.-]*://[^/]+')


def with_version(address: str) -> str:
    """The address of version 1, whatever form the catalog gives it in.

    :raises blazarclient.exception.InvalidInput: for a text that is no address.
    """
    if not _HOST.match(address):
        raise exception.InvalidInput(
            f'{exception.redact(address)!r} is not the address of a service: expected one that '
            'begins with http:// or https://, such as http://203.0.113.7:1234/v1.'
        )
    address = address.rstrip('/')
    path = _HOST.sub('', address)
    return address if _VERSIONED_PATH.search(path) else address + '/v1'


class EndpointMissing(exception.NoBlazarEndpoint, ksa_exceptions.EndpointNotFound):
    """No endpoint; also keystoneauth1's own class, which programs have learned to catch."""


def given_address(session: Any, auth: object, address: str) -> str:
    """An address that the user gave, with the project in it where a place is left for it."""
    if hasattr(session, 'get_auth_headers'):
        # So that an error of Keystone is Keystone's, as it is with a catalog. Some services are
        # used without.
        with contextlib.suppress(ksa_exceptions.MissingAuthPlugin):
            session.get_auth_headers(auth)
    if '%(' not in address:
        return address
    project = project_of(session, auth)
    return address % {'project_id': project, 'tenant_id': project}


def project_of(session: Any, auth: object) -> str | None:
    """The project of a session that has a token; None when it has none, or cannot tell."""
    if not hasattr(session, 'get_project_id'):
        return None
    try:
        found: str | None = session.get_project_id(auth)
    except ksa_exceptions.MissingAuthPlugin:
        return None
    return found


def missing(endpoint_filter: Mapping[str, Any]) -> EndpointMissing:
    """The error for a catalog without the service, naming what was looked for."""
    looked = ', '.join(f'{key}={value}' for key, value in endpoint_filter.items() if value)
    return EndpointMissing(
        f'The service catalog has no endpoint with {looked}. Check the region and '
        'interface, or name the address: with endpoint_override in Python, '
        'reservation_endpoint_override in clouds.yaml, OS_RESERVATION_ENDPOINT_OVERRIDE where the '
        'environment names the cloud, or blazar --os-endpoint-override.'
    )


def session_with(token: str, address: str) -> ksa_session.Session:
    """A session for a token and an address, which asks Keystone nothing."""
    from keystoneauth1 import token_endpoint

    return ksa_session.Session(auth=token_endpoint.Token(address, token))


def timeout_of(session: object) -> Any:
    """The timeout that the user gave to a session; None when there is none."""
    own = (getattr(each, 'timeout', None) for each in _layers(session))
    return next((seconds for seconds in own if seconds is not None), None)


def keep_connections(session: object, address: str) -> None:
    """Keep as many connections to the address as there may be threads.

    requests keeps 10 and drops the others. Only an adapter that nobody has chosen is replaced,
    and only for this address.
    """
    http = next((each for each in _layers(session) if isinstance(each, requests.Session)), None)
    if http is None:
        return
    try:
        adapter = http.get_adapter(address)
    except requests.exceptions.InvalidSchema:
        # The request will say so.
        return
    kind = type(adapter)
    if kind not in (requests.adapters.HTTPAdapter, ksa_session.TCPKeepAliveAdapter):
        return
    if _settings(adapter) == _settings(kind()):
        http.mount(address, kind(pool_maxsize=CONNECTIONS))


def proxies_spared(session: object, address: str) -> dict[str, Any]:
    """Arguments that spare requests from looking for proxies, where there are none.

    It goes through the whole environment twice for each request, which is a fifth of what a
    request costs. Proxies that the session was given are used all the same.
    """
    if not any(isinstance(each, requests.Session) for each in _layers(session)):
        return {}
    host = urllib.parse.urlsplit(address).hostname
    if not host or requests.utils.get_environ_proxies(address):
        return {}
    return {'proxies': {'no_proxy': host}}


def _layers(session: object) -> Iterator[object]:
    """An Adapter, the Session in it, and the requests.Session in that."""
    for _ in range(3):
        if session is None:
            return
        yield session
        session = getattr(session, 'session', None)


def _settings(adapter: object) -> dict[str, str]:
    state: Any = adapter.__getstate__()
    return {key: repr(value) for key, value in state.items()}
