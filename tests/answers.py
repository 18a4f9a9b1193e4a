"""Requests that came in, what a test wants answered, and the bytes that are sent for it."""

import dataclasses
import gzip
import http
import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from tests import recordings
from tests.http1 import Headers
from tests.recordings import Recording

Body = bytes | str | dict[str, Any] | list[Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a handler wants answered.

    ``body`` is bytes, text, or a dict or list to be sent as JSON. A header given as None is left
    out. ``delay`` is in seconds. ``cut`` closes the connection after so many bytes of the whole
    answer, 0 before any of it. ``recording`` is answered as it is; the rest of the fields that
    describe an answer then count for nothing.
    """

    status: int = 200
    body: Body = b''
    headers: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    reason: str | None = None
    delay: float = 0.0
    cut: int | None = None
    recording: Recording | None = None

    def content(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclasses.dataclass
class Request:
    """A request that came in, and the status it was answered with (None: no answer)."""

    service: str
    method: str
    path: str
    raw_path: str
    query: str
    headers: Headers
    body: bytes
    user: str | None
    connection: int
    status: int | None = None

    @property
    def json(self) -> Any:
        """The parsed body; None when there is none or it is not JSON."""
        return recordings.parse_json(self.body)


class Manner(Protocol):
    """How a server answers, whatever the answer is."""

    send_version_header: bool
    keep_alive: bool
    gzip: bool


def render(request: Request, answer: Answer, spoken: str | None, manner: Manner) -> bytes:
    """The bytes of a whole answer; ``spoken`` is the microversion, None where it has no meaning."""
    if answer.recording:
        status, reason = answer.recording.status, answer.recording.reason
        content = answer.recording.body
        pairs = [
            (key, f'reservation {spoken}' if spoken and _is_version(key) else value)
            for key, value in answer.recording.headers
        ]
    else:
        status, content = answer.status, answer.content()
        reason = answer.reason or http.HTTPStatus(status).phrase.upper()
        pairs = _usual_headers(status, content, spoken, answer.headers)
    if status is None:
        return b''
    if not manner.send_version_header:
        pairs = [(key, value) for key, value in pairs if not _is_version(key)]
    accepted = request.headers.get('Accept-Encoding') or ''
    if manner.gzip and content and 'gzip' in accepted:
        content = gzip.compress(content)
        pairs = [*_without(pairs, 'content-length'), ('Content-Encoding', 'gzip')]
    named = {key.lower() for key, _ in pairs}
    if manner.keep_alive:
        pairs = _without(pairs, 'connection')
    if (manner.keep_alive or manner.gzip) and status != 204 and 'content-length' not in named:
        pairs.append(('Content-Length', str(len(content))))
    lines = [f'HTTP/1.1 {status} {reason}', *(f'{key}: {value}' for key, value in pairs)]
    head = '\r\n'.join([*lines, '', '']).encode('latin-1')
    return head if request.method == 'HEAD' else head + content


def _is_version(header: str) -> bool:
    return header.lower() == 'openstack-api-version'


def _without(pairs: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in pairs if key.lower() != name]


def _usual_headers(
    status: int, content: bytes, spoken: str | None, given: Mapping[str, str | None]
) -> list[tuple[str, str]]:
    usual: dict[str, str | None] = {'Content-Type': 'application/json'}
    if status != 204:
        usual['Content-Length'] = str(len(content))
    if spoken is not None:
        usual |= {'Vary': 'OpenStack-API-Version', 'OpenStack-API-Version': f'reservation {spoken}'}
    usual |= {'x-openstack-request-id': f'req-{uuid.uuid4()}', 'Connection': 'close'}
    names = {key.lower(): key for key in usual}
    for key, value in given.items():
        usual[names.get(key.lower(), key)] = value
    return [(key, value) for key, value in usual.items() if value is not None]
