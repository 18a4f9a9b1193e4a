"""What a WSGI server knows of a request as it travelled: its target, its headers, its body."""

from __future__ import annotations

import socket
import urllib.parse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from blazarclient.server.backends.blazar.connections import Gone, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ['HOP_BY_HOP', 'client_has_gone', 'headers', 'keep_headers', 'request', 'target']

#: Where the headers of the client are kept, before a middleware adds its own.
_KEPT = 'reservation.wire_headers'
#: For one connection only. Expect is answered by the WSGI server already.
HOP_BY_HOP = frozenset(
    {
        'connection',
        'expect',
        'keep-alive',
        'proxy-authenticate',
        'proxy-authorization',
        'proxy-connection',
        'te',
        'trailer',
        'trailers',
        'transfer-encoding',
        'upgrade',
    }
)
#: Nobody may say of these that they are for one connection only: other bytes would be the body.
_NEVER_DROPPED = frozenset({'content-length', 'content-type', 'host'})
_CHUNK = 64 * 1024
#: What is written as it is in a path; a server that tells no raw target has decoded all else.
_PLAIN = "/:@!$&'()*+,;=~-._"


def target(environ: WSGIEnvironment, base: str = '') -> str:
    """The target of a request, as it travelled where the server says so.

    waitress, uWSGI, mod_wsgi and Werkzeug say it as ``REQUEST_URI``, gunicorn as ``RAW_URI``.

    :param base: the path below which Blazar has its own; it stands in the place of the path below
        which this application is mounted.
    """
    mount = environ.get('SCRIPT_NAME', '')
    raw = environ.get('REQUEST_URI') or environ.get('RAW_URI')
    if not raw:
        path = _quoted(environ.get('PATH_INFO', '') or '/')
        query = environ.get('QUERY_STRING', '')
        raw, mount = f'{path}?{query}' if query else path, ''
    if not (mount or base):
        return str(raw)
    if '://' in raw.partition('?')[0] and not raw.startswith('/'):
        # As one sends it to a proxy.
        parts = urllib.parse.urlsplit(raw)
        raw = urllib.parse.urlunsplit(('', '', parts.path or '/', parts.query, ''))
    for written in (mount, _quoted(mount)):
        if mount and raw.startswith(written):
            raw = raw[len(written) :]
            break
    return f'{base}{raw}' if raw.startswith('/') else f'{base}/{raw}'


def headers(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """The headers that the client sent, but for those that frame the body or are for one hop."""
    kept: list[tuple[str, str]] | None = environ.get(_KEPT)
    if kept is not None:
        return kept
    named = {each.strip().lower() for each in str(environ.get('HTTP_CONNECTION') or '').split(',')}
    dropped = HOP_BY_HOP | (named - _NEVER_DROPPED) | {'content-length'}
    found = []
    if environ.get('CONTENT_TYPE'):
        found.append(('Content-Type', str(environ['CONTENT_TYPE'])))
    for key, value in environ.items():
        # A middleware may leave None in the place of what the client did not say.
        if not key.startswith('HTTP_') or not isinstance(value, str):
            continue
        name = key[5:].replace('_', '-')
        # Some servers say the type twice, the second time as if it were a header like others.
        if name.lower() not in dropped and key != 'HTTP_CONTENT_TYPE':
            found.append((name.title(), value))
    return found


def keep_headers(environ: WSGIEnvironment) -> None:
    """Remember the client's headers, before a middleware adds what it has found out."""
    environ[_KEPT] = headers(environ)


def request(environ: WSGIEnvironment, base: str, host: str) -> Request:
    """A request as it came, for Blazar.

    :param base: the path of Blazar's endpoint.
    :param host: what ``Host`` is where the client does not say.
    """
    sent = headers(environ)
    names = {name.lower() for name, _ in sent}
    if 'host' not in names:
        sent = [('Host', host), *sent]
    if 'accept' not in names:
        # Blazar closes the connection without an answer.
        sent = [*sent, ('Accept', 'application/json')]
    given = environ.get('CONTENT_LENGTH')
    length: int | None = int(given) if given else 0
    if not given and 'chunked' in str(environ.get('HTTP_TRANSFER_ENCODING', '')).lower():
        length = None
    return Request(
        method=environ['REQUEST_METHOD'],
        target=target(environ, base),
        headers=sent,
        body=() if length == 0 else _body(environ, length),
        length=length,
        says_length=bool(given),
    )


def client_has_gone(environ: WSGIEnvironment) -> Callable[[], bool]:
    """What tells whether the client has closed its connection, where the server lets us know."""
    told: Callable[[], bool] | None = environ.get('waitress.client_disconnected')
    if told is not None:
        return told
    connection = environ.get('gunicorn.socket')
    if isinstance(connection, socket.socket):
        return lambda: _is_closed(connection)
    return lambda: False


def _body(environ: WSGIEnvironment, length: int | None) -> Iterator[bytes]:
    """The parts of a body; fewer bytes than it should have when the client goes away."""
    stream = environ['wsgi.input']
    left = length
    while left is None or left:
        try:
            part = stream.read(_CHUNK if left is None else min(_CHUNK, left))
        except OSError as error:
            raise Gone from error
        if not part:
            return
        left = None if left is None else left - len(part)
        yield part


def _is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except (OSError, ValueError):
        # TLS cannot be looked into like this.
        return False


def _quoted(path: str) -> str:
    """A path that WSGI has decoded: bytes as latin-1."""
    return urllib.parse.quote(path.encode('latin-1'), safe=_PLAIN)
