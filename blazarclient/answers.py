"""What a session gives back: an answer of the service, or the lack of one."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa_exceptions

from blazarclient import exception
from blazarclient.versions import Spoken

__all__ = [
    'PIECE',
    'Answer',
    'ConnectFailure',
    'Interrupted',
    'chunks',
    'clock_ahead',
    'close',
    'error_of',
    'headers_of',
    'no_answer',
    'retry_after',
]


#: Bytes of a long answer that are read at a time: as many as a processor keeps at hand.
PIECE = 1 << 18


class ConnectFailure(exception.ConnectionFailed, ksa_exceptions.ConnectFailure):
    """No answer; also keystoneauth1's own class, which programs have learned to catch."""

    #: Whether it would fail in the same way if it were sent again.
    final: bool = False


class Interrupted(ConnectFailure):
    """A long answer that broke off; the reading of it may begin anew."""


_UNREAD: Any = object()


class Answer:
    """An answer of the service, and the version that it is to be read at."""

    __slots__ = ('_body', 'response', 'spoken')

    def __init__(self, response: Any, spoken: Spoken) -> None:
        self.response = response
        self.spoken = spoken
        self._body = _UNREAD

    def json(self) -> Any:
        """The parsed body; None when there is none.

        :raises blazarclient.exception.ConnectionFailed: when it is not JSON, as half an answer
            or the page of a proxy.
        """
        if self._body is _UNREAD:
            self._body = self._parsed()
        return self._body

    def _parsed(self) -> Any:
        content = _content(self.response)
        if not content:
            if self.response.status_code == 200 and 'Content-Length' not in headers_of(
                self.response
            ):
                raise Interrupted(f'{self._where()} answered with nothing.')
            return None
        try:
            return json.loads(content)
        except ValueError:
            pass
        if content.lstrip()[:1] in (b'{', b'['):
            raise Interrupted(f'The answer of {self._where()} was cut off.')
        raise self.not_ours(f'something that is not JSON: {content[:80]!r}')

    def not_ours(self, what: str) -> ConnectFailure:
        """The error for an answer that a reservation service does not give."""
        failure = ConnectFailure(
            f'{self._where()} answered with {what}. Is this the address of a reservation service?'
        )
        failure.final = True
        return failure

    def _where(self) -> str:
        return exception.redact(str(getattr(self.response, 'url', '') or 'The service'))


def chunks(answer: Answer, size: int = PIECE) -> Iterator[bytes]:
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
        close(response)


def close(response: Any) -> None:
    """Let go of a streamed answer that is not read to its end."""
    if hasattr(response, 'close'):
        response.close()


def headers_of(response: Any) -> Mapping[str, str]:
    """The headers, whatever kind of object the session returned."""
    return getattr(response, 'headers', None) or {}


def clock_ahead(date: str, here: float) -> float:
    """How many seconds a service's clock is ahead of this machine's; 0 for what is no date.

    :param date: the header ``Date`` of an answer.
    :param here: what this machine's clock showed then, seconds since 1970.
    """
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp() - here
    except ValueError:
        return 0.0


def _content(response: Any) -> bytes:
    """The whole body, whatever kind of object the session returned."""
    if hasattr(response, 'content'):
        return response.content or b''
    return str(getattr(response, 'text', '')).encode()


def error_of(response: Any, method: str) -> exception.HTTPError:
    """The error of an answer, whatever kind of object the session returned."""
    try:
        content = _content(response)
    except requests.exceptions.RequestException:
        # The status alone says enough; only a streamed answer can still break off here.
        content = b''
    error = exception.from_response(
        response.status_code,
        content,
        headers_of(response),
        method=method,
        url=str(getattr(response, 'url', '')),
        reason=str(getattr(response, 'reason', '') or ''),
    )
    asked = retry_after(error.retry_after)
    if asked:
        error.message += f' The service asks to try again in {asked:.0f} s.'
    return error


#: No connection was made when one of these is the reason.
_UNSENT = frozenset(
    {
        *('ConnectTimeout', 'ConnectTimeoutError', 'NewConnectionError', 'NameResolutionError'),
        *('SSLCertVerificationError', 'CertificateError'),
        *('InvalidURL', 'InvalidSchema', 'MissingSchema', 'LocationParseError'),
    }
)
_FINAL = _UNSENT - {
    *('ConnectTimeout', 'ConnectTimeoutError', 'NewConnectionError', 'NameResolutionError')
}
#: The same, in the words of an error that has no class of its own.
_UNSENT_WORDS = (
    'WRONG_VERSION_NUMBER',
    'Tunnel connection failed',
    'handshake operation timed out',
)


def no_answer(
    error: Exception, method: str, url: str, outside: BaseException | None = None
) -> ConnectFailure:
    """The error for a request without an answer, saying whether it was sent at all.

    A ProxyError or an SSLError alone does not say: both also happen to a request that was sent.

    :param outside: what the caller was handling when it called.
    """
    chain = _chain(error, outside)
    # keystoneauth1 calls a read timeout ConnectTimeout, too: what requests said counts. It also
    # writes the address with any password into its text.
    own = [item for item in chain if not _from_keystoneauth(item)]
    names = {type(item).__name__ for item in own}
    last = ' '.join(str(chain[-1]).split())
    request = next((found for item in own if (found := getattr(item, 'request', None))), None)
    if request is not None and getattr(request, 'url', None):
        # Keystone's, when a token had to be had first.
        method, url = str(request.method), str(request.url)
    sent = not (names & _UNSENT or any(words in last for words in _UNSENT_WORDS))
    if not sent:
        what = 'cannot be reached'
    elif any('Timeout' in type(item).__name__ for item in chain):
        what = 'gave no answer in time'
    else:
        what = 'gave no answer'
    why = exception.redact(last)[:200] or type(chain[-1]).__name__
    failure = ConnectFailure(f'{exception.redact(url)} {what} ({method}: {why}).')
    # What asked for a token was not carried out by the service.
    failure.sent = sent and not url.endswith('/auth/tokens')
    failure.final = bool(names & _FINAL)
    failure.__cause__ = own[0] if own else None
    return failure


def _chain(error: BaseException, outside: BaseException | None) -> list[BaseException]:
    """The error and what it was made of, the innermost last."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and all(link is not item for item in (outside, *chain)):
        chain.append(link)
        inside = (*link.args, getattr(link, 'reason', None), link.__cause__)
        # Only keystoneauth1 leaves what happened to __context__ alone; elsewhere it may be
        # whatever the caller was handling when it called.
        beside = link.__context__ if _from_keystoneauth(link) else None
        link = next((item for item in inside if isinstance(item, BaseException)), beside)
    return chain


def _from_keystoneauth(error: BaseException) -> bool:
    return type(error).__module__.startswith('keystoneauth1')


def retry_after(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for; a number or an HTTP date."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
