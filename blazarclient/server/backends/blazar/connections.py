"""HTTP to Blazar: connections that are kept, and one request and its answer on each.

Requests go out as they came in. urllib3 and requests write targets their own way (``%2f`` becomes
``%2F``), so this writes the bytes itself and lets http.client read the answer.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import re
import select
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from oslo_config import cfg

__all__ = ['Answer', 'Away', 'Connections', 'Gone', 'Malformed', 'Request']

LOG = logging.getLogger(__name__)

_CHUNK = 64 * 1024
#: Connections that are kept; each has been quiet for no longer than so many seconds.
_KEPT, _QUIET = 32, 20.0
#: Seconds between two looks whether the client is still there, while Blazar is at it.
_LOOK = 0.5
#: What changes nothing can be asked twice.
_SAFE = frozenset({'GET', 'HEAD', 'OPTIONS'})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_IN_TARGET = re.compile(r'[\x21-\x7e\x80-\xff]+')
_NOT_IN_VALUE = re.compile(r'[\x00\r\n]|[^\x00-\xff]')


class Away(Exception):
    """Blazar gives no answer, or half of one.

    :param timed_out: it is there, and takes longer than anybody should wait.
    :param sent: the request may have reached it.
    """

    def __init__(self, why: str, *, timed_out: bool = False, sent: bool = True) -> None:
        super().__init__(why)
        self.timed_out = timed_out
        self.sent = sent


class Gone(Exception):
    """Whoever has asked has gone, and nobody waits for the answer."""


class Malformed(ValueError):
    """A request that cannot be written as HTTP."""


class Request(NamedTuple):
    """What Blazar is asked."""

    method: str
    #: As it travels: latin-1, nothing decoded.
    target: str
    #: In the order in which they are sent, without those that frame the body.
    headers: Sequence[tuple[str, str]]
    #: Its parts, and how many bytes they are; None for a body whose length nobody knows.
    body: Iterable[bytes] = ()
    length: int | None = 0
    #: Whether a length of 0 is said.
    says_length: bool = False

    def head(self) -> bytes:
        """The bytes before the body.

        :raises Malformed: for what would be read as something else.
        """
        if not _TOKEN.fullmatch(self.method) or not _IN_TARGET.fullmatch(self.target):
            raise Malformed(f'{self.method} {self.target!a} is no request')
        lines = [f'{self.method} {self.target} HTTP/1.1']
        for name, value in (*self.headers, *self._framing()):
            if not _TOKEN.fullmatch(name) or _NOT_IN_VALUE.search(value):
                raise Malformed(f'The header {name!a} has a value that cannot be sent')
            lines.append(f'{name}: {value}')
        return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1')

    def _framing(self) -> list[tuple[str, str]]:
        if self.length is None:
            return [('Transfer-Encoding', 'chunked')]
        return [('Content-Length', str(self.length))] if self.length or self.says_length else []


def _never() -> bool:
    return False


class Connections:
    """The connections of one process to one Blazar. Any number of threads may share it.

    :param endpoint: an http or https URL.
    :param cafile: the certificates by which an https endpoint is known; the system's by default.
    :param connect_timeout: seconds.
    :param timeout: seconds from one part of an answer to the next.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        cafile: str | None = None,
        connect_timeout: float = 5.0,
        timeout: float = 600.0,
    ) -> None:
        url = urllib.parse.urlsplit(endpoint)
        self._address = (url.hostname or '', url.port or (443 if url.scheme == 'https' else 80))
        #: What ``Host`` says where the client does not.
        self.host = url.netloc.rpartition('@')[2]
        #: The path below which Blazar has its own; whoever writes a target puts it before.
        self.base = url.path.rstrip('/')
        self._tls = ssl.create_default_context(cafile=cafile) if url.scheme == 'https' else None
        self._connect_timeout, self._timeout = connect_timeout, timeout
        self._lock = threading.Lock()
        self._kept: list[tuple[float, socket.socket]] = []

    @classmethod
    def of(cls, config: cfg.ConfigOpts) -> Connections:
        """The connections that the options in ``[blazar]`` describe.

        :raises oslo_config.cfg.Error: when they name no Blazar, or no certificates.
        """
        options = config.blazar
        if not options.endpoint:
            raise cfg.RequiredOptError('endpoint', cfg.OptGroup('blazar'))
        try:
            return cls(
                options.endpoint,
                cafile=options.cafile,
                connect_timeout=options.connect_timeout,
                timeout=options.timeout,
            )
        except OSError as error:
            raise cfg.Error(f'[blazar] cafile = {options.cafile}: {error.strerror}') from error

    def send(self, request: Request, has_gone: Callable[[], bool] = _never) -> Answer:
        """Send a request, and wait for the start of its answer.

        :param has_gone: whether nobody waits for the answer any more.
        :raises Away: there is no answer.
        :raises Gone: nobody waits for it.
        :raises Malformed: it is no request.
        """
        head = request.head()
        # A connection that was kept may be closed by Blazar just as it is used again. What changes
        # nothing is asked once more then; all else gets a connection of its own.
        again = request.method in _SAFE and request.length == 0
        while again and (kept := self._take()) is not None:
            try:
                return self._exchange(kept, head, request, has_gone)
            except Away as error:
                if error.timed_out:
                    raise
        return self._exchange(self._connect(), head, request, has_gone)

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept, self._kept = self._kept, []
        for _, connection in kept:
            connection.close()

    def keep(self, connection: socket.socket) -> None:
        """Keep a connection whose last answer has been read to its end."""
        with self._lock:
            if len(self._kept) < _KEPT:
                self._kept.append((time.monotonic(), connection))
                return
        connection.close()

    def _take(self) -> socket.socket | None:
        """One that is kept and that nothing has come from, not even its end."""
        while True:
            with self._lock:
                if not self._kept:
                    return None
                since, connection = self._kept.pop()
            if time.monotonic() - since < _QUIET and not _is_readable(connection, 0):
                return connection
            connection.close()

    def _connect(self) -> socket.socket:
        try:
            plain = socket.create_connection(self._address, self._connect_timeout)
        except TimeoutError as error:
            raise Away('no connection in time', timed_out=True, sent=False) from error
        except OSError as error:
            raise Away(f'no connection: {error}', sent=False) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return plain
            return self._tls.wrap_socket(plain, server_hostname=self._address[0])
        except TimeoutError as error:
            plain.close()
            raise Away('no TLS in time', timed_out=True, sent=False) from error
        except OSError as error:
            plain.close()
            raise Away(f'no TLS: {error}', sent=False) from error

    def _exchange(
        self,
        connection: socket.socket,
        head: bytes,
        request: Request,
        has_gone: Callable[[], bool],
    ) -> Answer:
        connection.settimeout(self._timeout)
        response = http.client.HTTPResponse(connection, method=request.method)
        is_sent = False
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # Whoever refuses a body may answer and close before all of it is sent.
                _write(connection, head, request)
                is_sent = True
            self._wait(connection, has_gone)
            response.begin()
        except TimeoutError as error:
            _end(response, connection)
            raise Away('no answer in time', timed_out=True) from error
        except (OSError, http.client.HTTPException) as error:
            _end(response, connection)
            raise Away(f'no answer: {error!r}') from error
        except BaseException:
            _end(response, connection)
            raise
        return Answer(self, connection, response, may_be_kept=is_sent)

    def _wait(self, connection: socket.socket, has_gone: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._timeout
        while not _is_readable(connection, _LOOK):
            if has_gone():
                raise Gone
            if time.monotonic() > deadline:
                raise TimeoutError


class Answer:
    """An answer that is being read from a connection; whoever has one closes it."""

    def __init__(
        self,
        connections: Connections,
        connection: socket.socket,
        response: http.client.HTTPResponse,
        *,
        may_be_kept: bool,
    ) -> None:
        self._connections, self._connection = connections, connection
        self._response = response
        self._is_closed = False
        self.status, self.reason = response.status, response.reason
        # A header that goes over several lines is one.
        self.headers = [
            (name, ' '.join(map(str.strip, value.splitlines())) if '\n' in value else value)
            for name, value in response.msg.items()
        ]
        # Asked for now: when all has been read, the response no longer says.
        self._may_be_kept = may_be_kept and not response.will_close

    def parts(self) -> Iterator[bytes]:
        """The body, as it arrives.

        :raises Away: it ends before it should.
        """
        response = self._response
        while True:
            expected = response.length
            try:
                part = response.read1(_CHUNK)
            except TimeoutError as error:
                self.close()
                raise Away('the answer stops', timed_out=True) from error
            except (OSError, http.client.HTTPException) as error:
                self.close()
                raise Away(f'the answer ends early: {error!r}') from error
            if not part:
                break
            yield part
        if expected:
            self.close()
            raise Away(f'the answer ends early: {expected} bytes are missing')
        if self._may_be_kept and not self._is_closed:
            self._is_closed = True
            response.close()
            self._connections.keep(self._connection)
        else:
            self.close()

    def close(self) -> None:
        """Be done with it; what has not been read is not waited for."""
        if not self._is_closed:
            self._is_closed = True
            _end(self._response, self._connection)


def _write(connection: socket.socket, head: bytes, request: Request) -> None:
    connection.sendall(head)
    if request.length == 0:
        return
    left = request.length
    for part in request.body:
        if left is None:
            connection.sendall(b'%x\r\n%b\r\n' % (len(part), part))
            continue
        left -= len(part)
        connection.sendall(part)
    if left is None:
        connection.sendall(b'0\r\n\r\n')
    elif left:
        raise Gone


def _is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether something can be read, be it the end."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    # Not select(), which knows only the first thousand files of a process.
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _end(response: http.client.HTTPResponse, connection: socket.socket) -> None:
    response.close()
    connection.close()
