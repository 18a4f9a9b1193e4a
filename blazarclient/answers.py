"""What a session gives back: an answer of the service, or the lack of one."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa_exceptions

from blazarclient import exception
from blazarclient.versions import Spoken

__all__ = [
    'Answer',
    'ConnectFailure',
    'Interrupted',
    'chunks',
    'error_of',
    'headers_of',
    'no_answer',
    'retry_after',
]


class ConnectFailure(exception.ConnectionFailed, ksa_exceptions.ConnectFailure):
    """No answer; also keystoneauth1's own class, which programs have learned to catch."""


class Interrupted(ConnectFailure):
    """A long answer that broke off; the reading of it may begin anew."""


@dataclass(slots=True)
class Answer:
    """An answer of the service, and the version that it is to be read at."""

    response: Any
    spoken: Spoken

    def json(self) -> Any:
        """The parsed body; None when there is none.

        :raises blazarclient.exception.ConnectionFailed: when it is not JSON, as half an answer
            or the page of a proxy.
        """
        content = _content(self.response)
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            where = exception.redact(str(getattr(self.response, 'url', 'The service')))
            raise ConnectFailure(
                f'{where} answered with something that is not JSON: {content[:80]!r}. Is this '
                'the address of a reservation service?'
            ) from None


def chunks(answer: Answer, size: int = 1 << 16) -> Iterator[bytes]:
    """The body of a streamed answer, piece by piece, decompressed.

    :raises blazarclient.exception.ConnectionFailed: when the connection ends too early.
    """
    response = answer.response
    if not hasattr(response, 'iter_content'):
        yield _content(response)
        return
    try:
        yield from response.iter_content(size)
    except requests.exceptions.RequestException as error:
        broken = no_answer(error, 'GET', str(response.url))
        raise Interrupted(broken.message) from error
    finally:
        response.close()


def headers_of(response: Any) -> Mapping[str, str]:
    """The headers, whatever kind of object the session returned."""
    return getattr(response, 'headers', None) or {}


def _content(response: Any) -> bytes:
    """The whole body, whatever kind of object the session returned."""
    if hasattr(response, 'content'):
        return response.content or b''
    return str(getattr(response, 'text', '')).encode()


def error_of(response: Any, method: str) -> exception.HTTPError:
    """The error of an answer, whatever kind of object the session returned."""
    return exception.from_response(
        response.status_code,
        _content(response),
        headers_of(response),
        method=method,
        url=str(getattr(response, 'url', '')),
        reason=str(getattr(response, 'reason', '') or ''),
    )


def no_answer(error: Exception, method: str, url: str) -> ConnectFailure:
    """The error for a request without an answer, saying whether it was sent at all."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        inside = (*link.args, getattr(link, 'reason', None), link.__cause__)
        # Only keystoneauth1 leaves what happened to __context__ alone; elsewhere it may be
        # whatever the caller was handling when it called.
        beside = link.__context__ if _from_keystoneauth(link) else None
        link = next((item for item in inside if isinstance(item, BaseException)), beside)
    names = {type(item).__name__ for item in chain}
    unsent = {'ConnectTimeout', 'ConnectTimeoutError', 'NewConnectionError', 'NameResolutionError'}
    # keystoneauth1 calls a read timeout ConnectTimeout, too: what requests said counts.
    own = {type(item).__name__ for item in chain if not _from_keystoneauth(item)}
    sent = not (own & unsent) and 'SSLError' not in own and 'ProxyError' not in own
    late = any('Timeout' in name for name in names)
    what = 'gave no answer in time' if late and sent else 'gave no answer'
    if not sent:
        what = 'cannot be reached'
    shown = exception.redact(url)
    last = exception.redact(' '.join(str(chain[-1]).split()))[:200]
    failure = ConnectFailure(f'{shown} {what} ({method}: {last or type(chain[-1]).__name__}).')
    failure.sent = sent
    return failure


def _from_keystoneauth(error: BaseException) -> bool:
    return type(error).__module__.startswith('keystoneauth1')


def retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for; a number or an HTTP date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
