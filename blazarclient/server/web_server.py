"""The HTTP server of ``blazar-gateway``: waitress, ended so that nobody loses an answer.

waitress by itself stops sending when it is told to end. Here it first stops listening, lets what
was asked be answered, and closes each connection when nothing is on its way on it any more.
"""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import waitress
from waitress import channel, wasyncore
from waitress import server as waitress_server

from blazarclient.server.app import LONGEST_BODY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ['WebServer']

#: Seconds that requests have to be answered in when the server ends.
_PATIENCE = 30.0
#: Seconds in which a connection that was just made may still bring its request then.
_GRACE = 1.0
#: Seconds of one look at all connections.
_LOOK, _LAST_LOOKS = 1.0, 0.05
#: Seconds of one while a thread sends an answer, of which some may be left to be sent here.
_BRIEF = 0.002
#: A request that waits for notifications holds a connection, and so does an idle client.
_CONNECTIONS = 10_000


class _Looks:
    """Looks at connections, of which most change nothing from one look to the next.

    wasyncore's own makes a new list of all of them for the system at each look, which requests
    that wait by the hundreds make slow. And while a thread sends an answer it looks again and
    again, in vain and for milliseconds, since the thread needs Python's lock to go on.

    :param connections: file -> what reads and writes there; it changes all the time.
    """

    def __init__(self, connections: Mapping[int, Any]) -> None:
        self._connections = connections
        self._selector = selectors.DefaultSelector()
        #: File -> what the system is asked for, and for whom.
        self._asked: dict[int, tuple[Any, int]] = {}

    def look(self, seconds: float) -> None:
        """Wait until something happens, and let whom it concerns deal with it."""
        asked = self._asked
        for file in [file for file in asked if self._connections.get(file) is not asked[file][0]]:
            self._ask(file, None, 0)
        for file, each in [*self._connections.items()]:
            known = asked.get(file)
            if known and known[1] == selectors.EVENT_READ and _is_at_rest(each):
                continue
            wanted = selectors.EVENT_READ if each.readable() else 0
            if each.writable() and not each.accepting:
                if _is_being_sent(each):
                    seconds = min(seconds, _BRIEF)
                else:
                    wanted |= selectors.EVENT_WRITE
            if (wanted != known[1]) if known else wanted:
                self._ask(file, each, wanted)
        for key, events in self._selector.select(seconds):
            if self._connections.get(key.fd) is key.data:
                flags = select.POLLIN if events & key.events & selectors.EVENT_READ else 0
                if events & key.events & selectors.EVENT_WRITE:
                    flags |= select.POLLOUT
                wasyncore.readwrite(key.data, flags)

    def close(self) -> None:
        """Look no more."""
        self._asked.clear()
        self._selector.close()

    def _ask(self, file: int, each: Any, wanted: int) -> None:
        known = self._asked.pop(file, None)
        if known is not None:
            self._selector.unregister(file)
        if wanted:
            try:
                self._selector.register(file, wanted, each)
            except (OSError, ValueError):
                # It is closed already.
                each.handle_close()
            else:
                self._asked[file] = each, wanted


def _is_at_rest(connection: Any) -> bool:
    """Whether a request is being worked on there, and all is as it was when that began."""
    return (
        isinstance(connection, channel.HTTPChannel)
        and len(connection.requests) == 1
        and not connection.total_outbufs_len
        and not connection.will_close
    )


def _is_being_sent(connection: Any) -> bool:
    """Whether a thread is just sending an answer there."""
    if not isinstance(connection, channel.HTTPChannel):
        return False
    if connection.outbuf_lock.acquire(blocking=False):
        connection.outbuf_lock.release()
        return False
    return True


class WebServer:
    """A server of one application.

    :param sockets: what listens already, instead of a host and a port.
    :param threads: how many requests are worked on at one time.
    :param ident: what answers name as ``Server``.
    :raises OSError: it cannot listen there.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        host: str = '',
        port: int = 0,
        sockets: Sequence[socket.socket] = (),
        threads: int,
        ident: str,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._looks = _Looks(self._map)
        self._stopping = False
        self._first_to_stop, self._told = threading.Lock(), threading.Event()
        where = {'sockets': [*sockets]} if sockets else {'host': host, 'port': port}
        made = waitress.create_server(
            application,
            map=self._map,
            threads=threads,
            ident=ident,
            connection_limit=_CONNECTIONS,
            # What a client sends while it waits is read, so that its hanging up is noticed.
            channel_request_lookahead=1,
            # A Blazar behind this service decides itself whom it believes what they say of a
            # client. Else nobody looks at it.
            clear_untrusted_proxy_headers=False,
            # The application refuses a body that is too long, in the form of the API. This is for
            # one that is so long that it should not even be read.
            max_request_body_size=4 * LONGEST_BODY,
            **where,
        )
        self._dispatcher = made.task_dispatcher

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens; a name of a host may stand for more than one address."""
        return [(each.effective_host, int(each.effective_port)) for each in self._servers()]

    def run(self, stopping: Callable[[], None] = lambda: None) -> None:
        """Answer requests until told to stop.

        :param stopping: called when it no longer listens, while requests are still answered.
        """
        while not self._stopping:
            self._looks.look(_LOOK)
        # What another thread wakes this one with is not closed under its hands.
        self._told.wait()
        # Whoever has connected by now is heard.
        known = -1
        while known != len(self._map):
            known = len(self._map)
            self._looks.look(0.0)
        for each in self._servers():
            # Not its own close(), which takes away what threads wake this one with.
            wasyncore.dispatcher.close(each)
        stopping()
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._close_idle():
            self._looks.look(_LAST_LOOKS)
        self.close()

    def stop(self) -> None:
        """Let :meth:`run` end; a signal handler may call it, and anyone more than once."""
        if self._first_to_stop.acquire(blocking=False):
            self._stopping = True
            for each in self._servers():
                each.pull_trigger()
            self._told.set()

    def close(self) -> None:
        """End at once."""
        self._dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)
        self._looks.close()

    def _servers(self) -> Iterator[waitress_server.BaseWSGIServer]:
        for each in [*self._map.values()]:
            if isinstance(each, waitress_server.BaseWSGIServer):
                yield each

    def _close_idle(self) -> bool:
        """Close connections on which nothing is on its way; say whether there are others."""
        busy = False
        for each in [*self._map.values()]:
            if not isinstance(each, channel.HTTPChannel):
                continue
            is_new = each.last_activity <= each.creation_time > time.time() - _GRACE
            if each.requests or each.request or each.total_outbufs_len or is_new:
                busy = True
            else:
                each.handle_close()
        return busy
