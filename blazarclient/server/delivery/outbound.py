"""How a request leaves for a receiver that nobody here knows or trusts.

A name is resolved once per attempt, *every* address that it has is judged, and what is connected to
is one of those addresses. Nothing is done that the caller has not asked for: no redirect is
followed, no proxy of the environment used, no cookie kept, no body unpacked.

``http.client`` reads the answer, from a stream that knows when the attempt has to be over and how
much may be read: a timeout of a socket holds for one call only, and a receiver that sends a byte
now and then would never reach it.
"""

from __future__ import annotations

import dataclasses
import email.utils
import functools
import http.client
import logging
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from blazarclient.server import errors
from blazarclient.server.delivery import addresses, target
from blazarclient.server.delivery.addresses import Address
from blazarclient.server.delivery.connections import Attempt, Connection, Connections
from blazarclient.server.delivery.resolver import Resolve, Resolver, Unresolved
from blazarclient.server.delivery.target import Target

__all__ = ['BAD_RESPONSE', 'CONNECTION_FAILED', 'REDIRECT', 'TIMEOUT', 'TLS', 'Outbound', 'Outcome']

#: What a user is told of an attempt that failed, besides ``http-503`` and the like. Refused,
#: filtered, closed, forbidden and unknown are one: the rest is nobody's business.
CONNECTION_FAILED = 'connection-failed'
TIMEOUT = 'timeout'
TLS = 'tls'
REDIRECT = 'redirect'
BAD_RESPONSE = 'bad-response'

#: Of the addresses of one name so many are tried.
_TRIED = 4
#: How many addresses are remembered with whether they may be reached.
_JUDGED = 10_000

#: Seconds that nobody asks for in earnest.
_LONGEST_PAUSE = 86400.0

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*")

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt."""

    #: The status of the answer, where there was one.
    status: int | None
    #: None for success: a status of 2xx.
    error: str | None
    #: Milliseconds to the end of the answer; 0 when there was no connection, since the time that
    #: this took would tell what the error does not.
    latency_ms: float
    #: The start of the answer's body, as far as it is text.
    head: str = ''
    #: The answer's headers, by names in lower case.
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def retry_after(self) -> float | None:
        """Seconds for which the receiver asks to be left alone."""
        return _retry_after(self.headers.get('retry-after', ''))


class _Failed(Exception):
    """An attempt that has failed: the word that the user sees, and why, for the log."""

    def __init__(self, error: str, why: object) -> None:
        super().__init__(why)
        self.error = error


class _Stale(Exception):
    """A kept connection that the receiver has closed before it answered anything."""


class Outbound:
    """Sends requests to receivers. Any number of threads may send at one time.

    :param allow_cidrs: private networks that may be reached.
    :param deny_cidrs: networks that may not be reached, whatever else is said.
    :param allow_loopback: whether this machine may be reached: in a sandbox only.
    :param timeout: seconds that an attempt may take, all in all.
    :param connect_timeout: seconds of them for the connection.
    :param read_limit: bytes of an answer's body that are read.
    :param resolve: what resolves names.
    :param tls: how certificates are judged; by default as everywhere on this machine.
    :raises blazarclient.server.errors.InvalidInput: for a network that is none.
    """

    def __init__(
        self,
        allow_cidrs: Sequence[str] = (),
        deny_cidrs: Sequence[str] = (),
        allow_loopback: bool = False,
        timeout: float = 15.0,
        connect_timeout: float = 5.0,
        read_limit: int = 4096,
        *,
        resolve: Resolve = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = addresses.networks(allow_cidrs, '[delivery] allow_cidrs')
        self._deny = addresses.networks(deny_cidrs, '[delivery] deny_cidrs')
        self._allow_loopback = allow_loopback
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._read_limit = read_limit
        self._resolver = Resolver(resolve)
        self._given_tls = tls
        self._kept = Connections()
        self._judged: dict[Address, bool] = {}

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        # Reading all certificates takes a while, and many receivers need none.
        return self._given_tls or ssl.create_default_context()

    def check_literal(self, url: str) -> None:
        """Refuse a URL that can be refused without asking for a name's addresses.

        :raises blazarclient.server.errors.EndpointForbidden: saying why.
        """
        read = target.read(url)
        name = read.host.removesuffix('.')
        is_this_machine = name == 'localhost' or name.endswith('.localhost')
        forbidden = (
            self._is_forbidden(read.address)
            if read.address is not None
            else is_this_machine and not self._allow_loopback
        )
        if forbidden:
            raise errors.EndpointForbidden(f'Notifications may not go to {read.host}.')

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Outcome:
        """Send one request, with these headers and no more than HTTP asks for besides.

        :param url: as :func:`blazarclient.server.delivery.target.read` takes it; another one ends
            as a connection that failed.
        :raises ValueError: for a header that is none.
        """
        begun = time.monotonic()
        attempt = Attempt(begun, begun + self._timeout, self._read_limit)
        try:
            to = target.read(url)
            request = _request(method, to, headers, body)
            allowed = self._addresses(to)
            try:
                return self._exchange(attempt, to, allowed, method, request)
            except _Stale:
                # Receivers close a connection when they like. Nothing was answered, and the
                # attempt begins again on a connection that nobody has closed.
                return self._exchange(attempt, to, allowed, method, request, fresh=True)
        except errors.EndpointForbidden as refused:
            failed = _Failed(CONNECTION_FAILED, refused)
        except _Failed as failure:
            failed = failure
            LOG.info('%s %s: %s (%s)', method, to.origin, failed.error, failed)
        latency = 0.0 if failed.error == CONNECTION_FAILED else _since(begun)
        return Outcome(None, failed.error, latency)

    def close(self) -> None:
        """Close every connection that is kept."""
        self._kept.close()
        self._resolver.close()

    # ------------------------------------------------------------------ where to

    def _addresses(self, to: Target) -> list[Address]:
        """The addresses of the target, when all of them may be reached."""
        if to.address is not None:
            found = [to.address]
        else:
            try:
                found = self._resolver.addresses(to.host, to.port, self._connect_timeout)
            except Unresolved as error:
                raise _Failed(CONNECTION_FAILED, error) from None
        for address in found:
            if self._is_forbidden(address):
                raise _Failed(CONNECTION_FAILED, f'{address} may not be reached')
        return found

    def _is_forbidden(self, address: Address) -> bool:
        judged = self._judged.get(address)
        if judged is None:
            if len(self._judged) >= _JUDGED:
                self._judged.clear()
            judged = self._judged[address] = addresses.is_forbidden(
                address, self._allow, self._deny, allow_loopback=self._allow_loopback
            )
        return judged

    def _connection(
        self, attempt: Attempt, to: Target, allowed: Sequence[Address], fresh: bool
    ) -> Connection:
        """A connection to one of these addresses, by which the name of the host was judged."""
        if not fresh:
            for address in allowed:
                kept = self._kept.take((to.scheme, to.host, to.port, address))
                if kept is not None:
                    return kept
        until = min(time.monotonic() + self._connect_timeout, attempt.deadline)
        tried = allowed[:_TRIED]
        why: object = 'there was no time left'
        for index, address in enumerate(tried):
            # One that does not answer leaves the others their share of the time.
            share = (until - time.monotonic()) / (len(tried) - index)
            if share <= 0:
                break
            try:
                plain = _connect(address, to.port, share)
            except OSError as error:
                why = error
                continue
            key = (to.scheme, to.host, to.port, address)
            secured = plain if to.scheme == 'http' else self._secured(attempt, to, plain)
            return Connection(key, secured)
        raise _Failed(CONNECTION_FAILED, why)

    def _secured(self, attempt: Attempt, to: Target, plain: socket.socket) -> socket.socket:
        try:
            # This holds for all of the handshake, and not for each of its parts.
            plain.settimeout(attempt.remaining())
            return self._tls.wrap_socket(plain, server_hostname=to.host.removesuffix('.'))
        except TimeoutError as error:
            raise _Failed(TIMEOUT, error) from None
        except (ssl.SSLError, ValueError) as error:
            raise _Failed(TLS, error) from None
        except OSError as error:
            raise _Failed(CONNECTION_FAILED, error) from None
        finally:
            # Without effect once the other socket has taken it over.
            plain.close()

    # ------------------------------------------------------------------ exchange

    def _exchange(
        self,
        attempt: Attempt,
        to: Target,
        allowed: Sequence[Address],
        method: str,
        request: bytes,
        *,
        fresh: bool = False,
    ) -> Outcome:
        connection = self._connection(attempt, to, allowed, fresh)
        reusable = False
        try:
            stream = connection.begin(attempt)
            try:
                connection.socket.settimeout(attempt.remaining())
                connection.socket.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                # It may have answered before it has read everything.
                pass
            response = http.client.HTTPResponse(cast('socket.socket', stream), method=method)
            response.begin()
            text, is_whole = _body(response, self._read_limit)
            reusable = is_whole and not stream.has_more
            return _outcome(response, text, attempt)
        except TimeoutError as error:
            raise _Failed(TIMEOUT, error) from None
        except OSError as error:
            if connection.is_used and not attempt.received:
                raise _Stale from None
            name = TLS if isinstance(error, ssl.SSLError) else CONNECTION_FAILED
            raise _Failed(name, error) from None
        except (http.client.HTTPException, ValueError) as error:
            raise _Failed(BAD_RESPONSE, type(error).__name__) from None
        finally:
            if reusable:
                self._kept.keep(connection)
            else:
                connection.socket.close()


def _connect(address: Address, port: int, timeout: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # An address in digits, which nobody resolves again.
        made.connect((str(address), port))
    except OSError:
        made.close()
        raise
    return made


def _request(method: str, to: Target, headers: Mapping[str, str], body: bytes | None) -> bytes:
    lines = [f'{method} {to.path} HTTP/1.1', f'host: {to.host_header}']
    if body is not None:
        lines.append(f'content-length: {len(body)}')
    for name, value in headers.items():
        if not _HEADER.fullmatch(f'{name}: {value}'):
            raise ValueError(f'{name!a} is no header, or has a value that cannot be sent')
        lines.append(f'{name}: {value}')
    return '\r\n'.join([*lines, '\r\n']).encode('ascii') + (body or b'')


def _body(response: http.client.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    """The start of the body, and whether another answer can follow it on this connection."""
    try:
        text = response.read(limit)
    except (OSError, http.client.HTTPException, ValueError):
        # The head was in time, and says what became of the request.
        return b'', False
    return text, response.isclosed() and not response.will_close


def _outcome(response: http.client.HTTPResponse, text: bytes, attempt: Attempt) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        error = None
    elif 300 <= status < 400:
        error = REDIRECT
    else:
        error = f'http-{status}'
    headers = {name.lower(): value for name, value in response.getheaders()}
    if headers.get('content-encoding', 'identity') != 'identity':
        text = b''
    head = text.decode(errors='replace').replace('\0', '\ufffd')
    return Outcome(status, error, _since(attempt.begun), head, headers)


def _retry_after(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_PAUSE)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), _LONGEST_PAUSE)


def _since(begun: float) -> float:
    return (time.monotonic() - begun) * 1000
