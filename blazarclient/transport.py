"""The one caller of keystoneauth1: endpoint, version header, retries, errors.

No discovery request is ever made. The endpoint comes from the catalog once, and the version in
common is learned from the answers to requests that are made anyway:

- a *read* asks a server that is still unknown for ``latest``, and its answer names the version;
- a *write* sends the lowest version that its body needs;
- a 406 comes before any work, so the request is repeated at what the 406 names.
"""

from __future__ import annotations

import copy
import logging
import math
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests
from keystoneauth1 import exceptions as ksa_exceptions

from blazarclient import exception
from blazarclient.answers import (
    Answer,
    ConnectFailure,
    Interrupted,
    clock_ahead,
    close,
    error_of,
    headers_of,
    no_answer,
    retry_after,
)
from blazarclient.endpoint import (
    given_address,
    keep_connections,
    missing,
    project_of,
    proxies_spared,
    timeout_of,
    with_version,
)
from blazarclient.negotiation import Negotiation
from blazarclient.token import Token
from blazarclient.versions import HISTORY, Pin, Spoken, Version

if TYPE_CHECKING:
    from keystoneauth1.plugin import BaseAuthPlugin

__all__ = ['Session', 'Transport', 'pause_after']

T = TypeVar('T')

LOG = logging.getLogger(__name__)
KEYSTONEAUTH_LOG = logging.getLogger('keystoneauth')

HEADER = 'OpenStack-API-Version'
USER_AGENT = 'python-blazarclient'
#: Seconds for a connection, and between two pieces of an answer. Blazar itself gives up on its
#: manager after 60 s and then answers 500, which must not be cut off.
TIMEOUT = (10.0, 90.0)
#: How often a request is repeated that may be repeated.
RETRIES = 4
#: Seconds between tries: doubled each time from the first to the last, times 0.5 to 1.0.
FIRST_DELAY, LAST_DELAY = 0.5, 8.0
#: A Retry-After above this many seconds is not waited for but told to the caller.
LONGEST_RETRY_AFTER = 60.0
#: No request is repeated later than this many seconds after it was first sent.
PATIENCE = 120.0
RETRY_STATUSES = (502, 503, 504)
IDEMPOTENT = ('GET', 'HEAD', 'OPTIONS')


class Session(Protocol):
    """What is needed of a session: keystoneauth1's Session, an Adapter, or a look-alike."""

    def request(self, url: str, method: str, **kwargs: Any) -> Any:
        """Send a request and return something like a requests.Response."""


class Transport:
    """Sends requests for one client.

    :param session: authenticates and sends.
    :param endpoint_filter: service_type, interface, region_name ... of the catalog entry.
    :param endpoint_override: the service's address; the catalog is not asked then.
    :param auth: a keystoneauth1 plugin in place of the session's own.
    :param pin: the microversion to send, never lowered; None negotiates.
    :param timeout: (connect, read) in seconds; None takes the session's own or :data:`TIMEOUT`.
    :param retries: how often a request is repeated that may be repeated.
    :param headers: sent with every request.
    :param history: the microversions that are spoken, oldest first.
    """

    def __init__(
        self,
        session: Session,
        *,
        endpoint_filter: Mapping[str, Any] | None = None,
        endpoint_override: str | None = None,
        auth: BaseAuthPlugin | None = None,
        pin: Pin | None = None,
        timeout: float | tuple[float, float] | None = None,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str = USER_AGENT,
        history: Mapping[str, str] = HISTORY,
    ) -> None:
        self.session = session
        self.auth = auth
        self.retries = RETRIES if retries is None else retries
        self.negotiation = Negotiation(map(Version.parse, history), pin)
        self._filter = dict(endpoint_filter or {})
        self._endpoint = with_version(endpoint_override) if endpoint_override else None
        self._timeout = next(
            each for each in (timeout, timeout_of(session), TIMEOUT) if each is not None
        )
        self._headers = {'User-Agent': user_agent, 'Accept': 'application/json', **(headers or {})}
        self._token = Token(session, auth)
        self._ready = False
        self._secret = False
        self._spared: dict[str, Any] = {}
        self._project_id: str | None = None
        self._dated: tuple[str, float] | None = None
        self._lock = threading.Lock()

    def at_oldest(self, who: str) -> Transport:
        """The same for programs that know the oldest version only.

        :param who: named in errors as what asks for that version.
        """
        oldest = self.negotiation.oldest
        other = copy.copy(self)
        other.negotiation = Negotiation([oldest], Pin(oldest, who))
        return other

    # ------------------------------------------------------------------ what is known

    @property
    def spoken(self) -> Spoken | None:
        """The version in use and why it is not a higher one; None before the first answer."""
        return self.negotiation.spoken

    @property
    def project_id(self) -> str | None:
        """The project of the session, known from the first request on; never asks for it."""
        return self._project_id

    @property
    def skew(self) -> float:
        """Seconds that the service's clock is ahead of this machine's, by its last answer."""
        return clock_ahead(*self._dated) if self._dated else 0.0

    def endpoint(self) -> str:
        """The service's address, without a slash at its end; the catalog is read once.

        :raises blazarclient.exception.NoBlazarEndpoint: naming what was looked for.
        """
        if not self._ready:
            self._resolve()
        return self._endpoint or ''

    def _resolve(self) -> None:
        """Authenticate, find the endpoint, and fit the connection pool to threads."""
        endpoint = self._endpoint
        if endpoint:
            endpoint = given_address(self.session, self.auth, endpoint)
        elif (find := getattr(self.session, 'get_endpoint', None)) is not None:
            # A session that is an Adapter has defaults of its own for what is not given.
            given = {key: value for key, value in self._filter.items() if value is not None}
            try:
                found = find(auth=self.auth, skip_discovery=True, **given)
            except ksa_exceptions.EndpointNotFound:
                found = None
            if not found:
                raise missing(self._filter)
            endpoint = with_version(found)
        self._project_id = project_of(self.session, self.auth)
        with self._lock:
            self._endpoint = endpoint
            if endpoint and not self._ready:
                keep_connections(self.session, endpoint)
                self._spared = proxies_spared(self.session, endpoint)
                # keystoneauth1 writes whole addresses into its log.
                self._secret = exception.redact(endpoint) != endpoint
            self._ready = True

    # ------------------------------------------------------------------- the requests

    def read(self, path: str, *, since: Version | None = None, stream: bool = False) -> Answer:
        """GET a path below the endpoint.

        :param since: the microversion that brought what is asked for.
        :param stream: leave the body in the connection, for :mod:`blazarclient.streaming`.
        :raises blazarclient.exception.HTTPError: when the service answers with an error.
        :raises blazarclient.exception.ConnectionFailed: when it does not answer.
        :raises blazarclient.exception.UnsupportedVersion: when it is too old for this.
        """
        spoken = self.spoken
        self._refuse_older(since, spoken)
        asked = str(spoken.version) if spoken else 'latest'
        try:
            answer = self._read_at(asked, path, stream)
        except exception.NotFound as error:
            if spoken is None:
                # A server that is too old for this has no such path.
                self._refuse_older(since, Spoken(self.negotiation.oldest, _has_none(error)))
            raise
        newest = self.negotiation.newest
        if answer.spoken.version > newest and not self.negotiation.pin:
            # A server that is ahead of us answered in a form we cannot read.
            close(answer.response)
            answer = self._read_at(str(newest), path, stream)
        self._refuse_older(since, answer.spoken)
        return answer

    def root(self) -> Answer:
        """GET the list of versions, which is beside the endpoint.

        :raises blazarclient.exception.HTTPError: when the service answers with an error.
        :raises blazarclient.exception.ConnectionFailed: when it does not answer.
        """
        address = f'{self.endpoint().removesuffix("/v1")}/'
        response = self._send('GET', address, 'latest', None, stream=False)
        if response.status_code >= 400:
            raise error_of(response, 'GET')
        return Answer(response, self.spoken or Spoken(self.negotiation.oldest, 'nothing is known'))

    def _read_at(self, asked: str, path: str, stream: bool) -> Answer:
        while True:
            try:
                return self._repeated('GET', path, asked, stream=stream)
            except exception.NotAcceptable as error:
                better = self.negotiation.refused(error.versions, asked)
                if better is None:
                    raise self._explained(error) from None
            asked = str(better.version)

    def write(
        self,
        method: str,
        path: str,
        encode: Callable[[Spoken], Any] | None = None,
        *,
        since: Version | None = None,
        needs: Callable[[Any, Version], Version] | None = None,
        idempotent: bool = False,
    ) -> Answer:
        """Send a request that changes something.

        :param encode: gives the body in the form of the version spoken, or raises
            FieldNotAvailable; it may be asked again at another version.
        :param since: the microversion that brought what is asked for.
        :param needs: the lowest version that reads a body in the form of a version.
        :param idempotent: whether it may be repeated after an answer was lost. Without it, the
            request is repeated only when no connection was made.
        :raises blazarclient.exception.VersionIgnored: when the server carried it out at a
            version that lacks some of its fields.
        """
        while True:
            # After a 406 the body is encoded anew, or refused, at the version in common.
            spoken, body = self._encoded(encode, since)
            try:
                answer = self._repeated(method, path, str(spoken.version), body, idempotent)
                break
            except exception.NotAcceptable as error:
                if self.negotiation.refused(error.versions, str(spoken.version)) is None:
                    raise self._explained(error) from None
        oldest = self.negotiation.oldest
        wanted = max(needs(body, spoken.version) if needs else oldest, since or oldest)
        if answer.spoken.version < wanted:
            ignored = exception.VersionIgnored(
                f'{method} {path} was carried out at {answer.spoken.version}, but the request has '
                f'fields of {wanted}, which the server left aside: {answer.spoken.reason}.'
            )
            ignored.answer = answer.json()
            raise ignored
        return answer

    def delete(self, path: str, *, since: Version | None = None) -> None:
        """DELETE a path; repeated when the answer was lost, and then 404 means that it worked."""
        self.write('DELETE', path, since=since, idempotent=True)

    def again(self, read: Callable[[], T]) -> T:
        """Read a long answer, and anew when it broke off."""
        for attempt in range(self.retries):
            try:
                return read()
            except Interrupted as error:
                LOG.debug('%s; reading it again', error)
            time.sleep(_backoff(attempt))
        return read()

    def _encoded(
        self, encode: Callable[[Spoken], Any] | None, since: Version | None
    ) -> tuple[Spoken, Any]:
        """The version to write at, and the body in its form."""
        known = self.spoken
        self._refuse_older(since, known)
        if known:
            return known, encode(known) if encode else None
        refusal: exception.FieldNotAvailable | None = None
        for version in self.negotiation.versions:
            if since and version < since:
                continue
            lowest = Spoken(version, 'no version in common is known yet')
            try:
                return lowest, encode(lowest) if encode else None
            except exception.FieldNotAvailable as error:
                refusal = error
        raise refusal or exception.UnsupportedVersion()

    def _refuse_older(self, since: Version | None, spoken: Spoken | None) -> None:
        since = max(since or self.negotiation.oldest, self.negotiation.oldest)
        if spoken and spoken.version < since:
            raise exception.UnsupportedVersion(
                f'This needs microversion {since} or greater, but {spoken.version} is spoken: '
                f'{spoken.reason}.'
            )

    def _explained(self, error: exception.NotAcceptable) -> exception.NotAcceptable:
        """The server's 406 with what the user can do about it."""
        ours = f'This client speaks {self.negotiation.oldest} to {self.negotiation.newest}'
        pin = self.negotiation.pin
        pinned = f', and {pin.version} is pinned by {pin.source}' if pin else ''
        error.message = f'{error.message} {ours}{pinned}.'
        return error

    # ------------------------------------------------------------------------- retries

    def _repeated(
        self,
        method: str,
        path: str,
        asked: str,
        body: Any = None,
        idempotent: bool = False,
        stream: bool = False,
    ) -> Answer:
        """Send, and repeat what may be repeated."""
        repeatable = idempotent or method in IDEMPOTENT
        deadline = time.monotonic() + PATIENCE
        attempt, lost = 0, False
        while True:
            failure: exception.ConnectionFailed | exception.HTTPError
            try:
                response = self._send(method, path, asked, body, stream)
                gone = lost and method == 'DELETE' and response.status_code == 404
                if response.status_code < 400 or gone:
                    header = headers_of(response).get(HEADER)
                    answer = Answer(response, self.negotiation.heard(header, asked))
                    if repeatable and not stream and not gone:
                        # Half an answer shows itself here, while it can be asked for again.
                        answer.json()
                    return answer
                failure = error_of(response, method)
                if response.status_code not in RETRY_STATUSES or not repeatable:
                    raise failure
                lost = True
            except ConnectFailure as error:
                # An earlier try may have arrived even if this one did not.
                lost = error.sent = error.sent or lost
                if error.final or (error.sent and not repeatable):
                    raise
                failure = error
            pause = pause_after(failure, attempt)
            if attempt >= self.retries or time.monotonic() + pause > deadline:
                raise failure
            LOG.debug('%s; next try in %.1f s', failure, pause)
            time.sleep(pause)
            attempt += 1

    def _send(self, method: str, path: str, asked: str, body: Any, stream: bool) -> Any:
        """Send once.

        :param path: below the endpoint, or a whole address.
        """
        # What the caller is handling says nothing about this request.
        outside = sys.exception()
        try:
            endpoint = self.endpoint()
        except ksa_exceptions.ConnectionError as error:
            # Keystone is away: nothing was sent here.
            failure = no_answer(error, method, path, outside)
            failure.sent = False
            raise failure from failure.__cause__
        kwargs: dict[str, Any] = {
            'headers': {**self._headers, HEADER: f'reservation {asked}'},
            'raise_exc': False,
            'timeout': self._timeout,
            # keystoneauth1 would repeat a POST whose answer was lost.
            'connect_retries': 0,
            'status_code_retries': 0,
            **self._spared,
        }
        if self.auth is not None:
            kwargs['auth'] = self.auth
        if body is not None:
            kwargs['json'] = body
        if stream:
            kwargs['stream'] = True
        if not endpoint:
            kwargs['endpoint_filter'] = self._filter
        if stream or self._secret or not KEYSTONEAUTH_LOG.isEnabledFor(logging.DEBUG):
            # keystoneauth1 reads and parses the answer again for its debug log.
            kwargs['log'] = False
        url = endpoint + path if path.startswith('/') else path
        try:
            response = self._token.request(url, method, kwargs)
        except (ksa_exceptions.ConnectionError, requests.exceptions.RequestException) as error:
            failure = no_answer(error, method, url, outside)
            raise failure from failure.__cause__
        headers = headers_of(response)
        if dated := headers.get('Date'):
            self._dated = dated, time.time()
        if LOG.isEnabledFor(logging.DEBUG):
            said, request_id = headers.get(HEADER), headers.get('X-OpenStack-Request-ID')
            LOG.debug(
                '%s %s (asked for reservation %s): %s (%s), request %s',
                *(method, path, asked, response.status_code, said or 'no version', request_id),
            )
        return response


def _has_none(error: exception.NotFound) -> str:
    return f'the server has no {error.url}'


def pause_after(failure: exception.BlazarClientException, attempt: int) -> float:
    """Seconds to wait after a failed try, the first being 0; with jitter.

    :returns: what the service asked for, or infinity when that is too long to be waited for.
    """
    asked = retry_after(getattr(failure, 'retry_after', None))
    if asked is None:
        return _backoff(attempt)
    return asked + _backoff(0) if asked <= LONGEST_RETRY_AFTER else math.inf


def _backoff(attempt: int) -> float:
    longest: float = min(FIRST_DELAY * 2.0**attempt, LAST_DELAY)
    return longest * random.uniform(0.5, 1.0)
