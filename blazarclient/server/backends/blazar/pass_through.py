"""Microversion 1.0: what a client says goes to Blazar as it is, and so does the answer back.

This service adds nothing and authenticates nothing here; Blazar does. Only the list of versions
says more than Blazar's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from blazarclient.server.backends.blazar import versions, wire
from blazarclient.server.backends.blazar.connections import (
    Answer,
    Away,
    Connections,
    Gone,
    Malformed,
    Request,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ['SILENCE', 'TARDY', 'PassThrough', 'answer_headers']

LOG = logging.getLogger(__name__)

#: What a client is told when Blazar gives no answer (502), or none in time (504).
SILENCE = 'The reservation service behind this gateway does not answer. Try again in a moment.'
TARDY = 'The reservation service behind this gateway has not answered in time.'

_DISCOVERY = frozenset({'', '/', '/versions'})
#: Bytes of the longest list of versions that is looked into.
_LONGEST_LIST = 1024 * 1024


class PassThrough:
    """A WSGI application that asks Blazar.

    :param pin: ``[upgrade] pin``.
    """

    def __init__(self, connections: Connections, *, pin: str | None = None) -> None:
        self._connections, self._pin = connections, pin

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            request = wire.request(environ, self._connections.base, self._connections.host)
            is_list = environ.get('PATH_INFO', '') in _DISCOVERY
            if is_list:
                request = _readable(request)
            answer = self._connections.send(request, wire.client_has_gone(environ))
        except Gone:
            # Nobody reads it.
            return _refused(start_response, '499 Client Closed Request', TARDY)
        except Malformed as error:
            return _refused(start_response, '400 Bad Request', f'{error}.')
        except Away as error:
            LOG.warning('Blazar: %s', error)
            if error.timed_out:
                return _refused(start_response, '504 Gateway Timeout', TARDY)
            return _refused(start_response, '502 Bad Gateway', SILENCE)
        if is_list and answer.status in (200, 300):
            return self._list(request, answer, start_response)
        start_response(f'{answer.status} {answer.reason}', answer_headers(answer))
        return _Body(answer)

    def _list(
        self, request: Request, answer: Answer, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Blazar's list of versions, with what this service adds."""
        text = b''
        try:
            for part in answer.parts():
                text += part
                if len(text) > _LONGEST_LIST:
                    raise Away('a list of versions without an end')
        except Away as error:
            LOG.warning('Blazar: %s', error)
            return _refused(start_response, '502 Bad Gateway', SILENCE)
        finally:
            answer.close()
        headers = [
            (name, value)
            for name, value in answer_headers(answer)
            if name.lower() != 'content-length'
        ]
        status = f'{answer.status} {answer.reason}'
        if request.method == 'HEAD':
            # How long the list would be is known only to whoever makes it.
            start_response(status, headers)
            return []
        text = versions.amended(text, self._pin)
        start_response(status, [*headers, ('Content-Length', str(len(text)))])
        return [text]


class _Body:
    """The body of an answer, which ends the request when the client goes away."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.parts()
        except Away as error:
            LOG.warning('Blazar: %s', error)
            # The WSGI server cuts the answer, too: a client must not take half for the whole.
            raise

    def close(self) -> None:
        self._answer.close()


def answer_headers(answer: Answer) -> list[tuple[str, str]]:
    """The headers of an answer but for those that are for one connection only."""
    named = {
        each.strip().lower()
        for name, value in answer.headers
        if name.lower() == 'connection'
        for each in value.split(',')
    }
    dropped = wire.HOP_BY_HOP | (named - {'content-length', 'content-type'})
    return [(name, value) for name, value in answer.headers if name.lower() not in dropped]


def _readable(request: Request) -> Request:
    """The request for an answer that is not compressed."""
    kept = [each for each in request.headers if each[0].lower() != 'accept-encoding']
    return request._replace(headers=kept)


def _refused(start_response: StartResponse, status: str, sentence: str) -> Iterable[bytes]:
    """An error in Blazar's form."""
    code = int(status.partition(' ')[0])
    content = {'error_code': code, 'error_message': sentence, 'error_name': code}
    text = json.dumps(content).encode()
    start_response(
        status, [('Content-Type', 'application/json'), ('Content-Length', str(len(text)))]
    )
    return [text]
