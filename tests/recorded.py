"""A reservation service that answers from tests/wire, and a small Keystone beside it.

One port serves both: Keystone below ``/identity``, the rest is Blazar. It has no state; what a test
wants to be different from the recordings it says with ``play`` and ``on``.
"""

import collections
import copy
import dataclasses
import pathlib
import random
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from tests import blazar_rules, identity, recordings
from tests.answers import Answer, Request, render
from tests.http1 import Listener, Message, read_message
from tests.identity import ADMIN, ALICE, BOB, RITA, USERS
from tests.recordings import Recording

__all__ = ['ADMIN', 'ALICE', 'BOB', 'RITA', 'USERS', 'Answer', 'RecordedBlazar', 'Request']

Handler = Callable[[Request], Answer | None]


@dataclasses.dataclass
class _Scripted:
    method: str
    path: str | re.Pattern[str]
    handler: Handler
    times: int | None

    def fits(self, method: str, path: str) -> bool:
        if self.times == 0 or method != self.method:
            return False
        return path == self.path if isinstance(self.path, str) else bool(self.path.fullmatch(path))


@dataclasses.dataclass(frozen=True)
class _Play:
    recording: Recording
    method: str
    path: str | None


class RecordedBlazar:
    """The server. It listens on a free loopback port until ``stop`` or the end of its ``with``."""

    def __init__(self) -> None:
        #: Path of the URL in the catalog: '/v1', '' or '/reservation/v1'. Served there as well.
        self.prefix = '/v1'
        #: Full URL for the catalog instead, of a proxy say.
        self.catalog_url: str | None = None
        #: Lowest and highest microversion.
        self.versions = ('1.0', '1.0')
        self.send_version_header = True
        self.keep_alive = False
        self.gzip = False
        self.recordings: tuple[Recording, ...] = recordings.load_all()
        self.requests: list[Request] = []
        self.unexpected: list[str] = []
        self._lock = threading.RLock()
        self._plays: list[_Play] = []
        self._scripted: list[_Scripted] = []
        self._repeats: collections.Counter[tuple[str, ...]] = collections.Counter()
        self._listener = Listener(self._serve)
        self.host, self.port = '127.0.0.1', self._listener.port
        self.url = f'http://{self.host}:{self.port}'
        self.auth_url = f'{self.url}/identity/v3'
        self._identity = identity.Identity(f'{self.url}/identity', lambda: self.endpoint_url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection."""
        self._listener.stop()

    # What a test says

    def play(self, name: str, *, method: str | None = None, path: str | None = None) -> None:
        """Give the next request with the recording's method (and this path) its recorded answer."""
        recording = recordings.load(name)
        with self._lock:
            self._plays.append(_Play(recording, method or recording.method, path))

    def on(
        self,
        method: str,
        path: str | re.Pattern[str],
        handler: Handler | None = None,
        *,
        times: int | None = None,
        **answer: Any,
    ) -> None:
        """Answer such requests, ``times`` times or always, with a handler's or a fixed Answer.

        ``path`` is written '/v1/...' whatever the prefix. The latest that fits is asked first; a
        handler that returns None passes the request on.
        """
        fixed = Answer(**answer)
        # Encoded once: lists for listing tests are long.
        fixed = dataclasses.replace(fixed, body=fixed.content())
        with self._lock:
            self._scripted.insert(0, _Scripted(method, path, handler or (lambda _: fixed), times))

    def recorded(self, name: str) -> Recording:
        """The recording of this name."""
        return recordings.load(name)

    def leases(self, count: int, **overrides: Any) -> list[dict[str, Any]]:
        """Make leases like the recorded ones, each with ids and a name of its own.

        An override is a value, or a callable that gets the lease's index.
        """
        templates = [recordings.load(name).json['lease'] for name in _TEMPLATES]
        return [
            _lease(index, templates[index % len(templates)], overrides) for index in range(count)
        ]

    def hold(self, leases: Iterable[Mapping[str, Any]]) -> None:
        """Serve these leases, in the list and one by one."""
        held = [dict(each) for each in leases]
        by_path = {f'/v1/leases/{each["id"]}': each for each in held}

        def show(request: Request) -> Answer | None:
            lease = by_path.get(request.path)
            return None if lease is None else Answer(body={'lease': lease})

        self.on('GET', '/v1/leases', body={'leases': held})
        self.on('GET', re.compile('/v1/leases/[^/]+'), show)

    @property
    def endpoint_url(self) -> str:
        """The reservation service's URL as the catalog says it now."""
        return self.url + self.prefix if self.catalog_url is None else self.catalog_url

    @property
    def token_lifetime(self) -> float:
        """Seconds after which a token that is given now expires."""
        return self._identity.token_lifetime

    @token_lifetime.setter
    def token_lifetime(self, seconds: float) -> None:
        self._identity.token_lifetime = seconds

    def issue_token(self, user: str = 'alice') -> str:
        """A valid token, without any request."""
        return self._identity.issue(USERS[user], ('password',))

    def expire_tokens(self) -> None:
        """Refuse every token given so far."""
        self._identity.expire_all()

    def clouds_yaml(self, folder: pathlib.Path) -> pathlib.Path:
        """Write clouds.yaml for this server, with every user and way in, into a folder."""
        path = folder / 'clouds.yaml'
        path.write_text(identity.clouds(self.auth_url, self.endpoint_url, self.issue_token))
        return path

    # What came in

    def calls(self, service: str | None = None) -> list[str]:
        """Method and path of each request so far, in order."""
        return [
            f'{each.method} {each.path}'
            for each in list(self.requests)
            if service in (None, each.service)
        ]

    def sent(self, method: str, path: str | None = None) -> list[Request]:
        """The requests so far with this method (and path)."""
        return [
            each
            for each in list(self.requests)
            if each.method == method and path in (None, each.path)
        ]

    def forget(self) -> None:
        """Start counting requests anew."""
        with self._lock:
            self.requests.clear()

    def complaints(self) -> list[str]:
        """What is wrong at the end of a test: unexpected requests, answers nobody asked for."""
        with self._lock:
            left = [f'play({each.recording.name!r}) was never asked for' for each in self._plays]
            return [f'nothing answers {each}' for each in self.unexpected] + left

    # The wire

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection.makefile('rb') as stream:
            while message := read_message(stream):
                request = self._receive(message, number)
                answer, spoken = self._answer(request)
                self._listener.closing.wait(answer.delay)
                raw = render(request, answer, spoken, self)
                request.status = answer.recording.status if answer.recording else answer.status
                if answer.cut == 0 or not raw:
                    request.status = None
                connection.sendall(raw[: answer.cut])
                if answer.cut is not None or not self.keep_alive or not message.keeps_alive:
                    return

    def _receive(self, message: Message, number: int) -> Request:
        method, target, _ = message.start.split(' ')
        raw_path, _, query = target.partition('?')
        service, path = 'reservation', raw_path
        base = self.prefix.rstrip('/').removesuffix('/v1')
        if (raw_path + '/').startswith('/identity/'):
            service = 'identity'
        elif (raw_path + '/').startswith(base + '/'):
            path = raw_path.removeprefix(base) or '/'
        else:
            service = 'unknown'
        owner = self._identity.owner(message.headers.get('X-Auth-Token'))
        user = owner.name if owner else None
        headers, body = message.headers, message.body
        request = Request(service, method, path, raw_path, query, headers, body, user, number)
        with self._lock:
            self.requests.append(request)
        return request

    def _answer(self, request: Request) -> tuple[Answer, str | None]:
        """The answer, and the microversion it is in (None where that has no meaning)."""
        if request.service == 'identity':
            return self._scripted_answer(request) or self._as_keystone(request), None
        if request.service == 'unknown':
            return self._no_such_url(request), None
        if request.user is None:
            return self._as_unknown_user(request), None
        script = self._scripted_answer(request, take=False)
        if script is None and not blazar_rules.is_route(request.path):
            return self._recorded_answer(request) or self._no_such_url(request), None
        spoken = None
        if request.path not in blazar_rules.DOCUMENTS:
            header = request.headers.get('OpenStack-API-Version')
            asked = blazar_rules.asked_version(header) if self.send_version_header else None
            chosen = blazar_rules.choose_version(asked, self.versions)
            if not isinstance(chosen, str):
                return Answer(*chosen), None
            spoken = chosen
        if 'Accept' not in request.headers:
            return Answer(cut=0), spoken
        answer = self._scripted_answer(request) or self._recorded_answer(request)
        return answer or self._no_such_object(request), spoken

    def _scripted_answer(self, request: Request, *, take: bool = True) -> Answer | None:
        """What a test queued or scripted; with ``take=False`` only whether there is any."""
        method, path = request.method, request.path
        with self._lock:
            for play in self._plays if request.service == 'reservation' else ():
                if play.method == method and play.path in (None, path):
                    if take:
                        self._plays.remove(play)
                    return Answer(recording=play.recording)
            fitting = [each for each in self._scripted if each.fits(method, path)]
        if not take:
            return Answer() if fitting else None
        for each in fitting:
            # Not under the lock: a handler may wait for another request.
            answer = each.handler(request)
            with self._lock:
                if answer is not None and each.times != 0:
                    each.times = each.times and each.times - 1
                    return answer
        return None

    def _recorded_answer(self, request: Request, user: str | None = None) -> Answer | None:
        found = blazar_rules.matching(
            self.recordings,
            user=user or request.user,
            method=request.method,
            path=request.path,
            query=request.query,
            accept=request.headers.get('Accept'),
            version=request.headers.get('OpenStack-API-Version'),
            body=request.body,
        )
        if not found:
            return None
        turn = 0
        if request.method in ('POST', 'DELETE'):
            # Asked again, a call that changes something answers what it answered the second time.
            key = tuple(each.name for each in found)
            with self._lock:
                turn = min(self._repeats[key], len(found) - 1)
                self._repeats[key] += 1
        return Answer(recording=found[turn])

    def _as_keystone(self, request: Request) -> Answer:
        answered = self._identity.answer(
            request.method, request.path, request.headers, request.json
        )
        if answered is None:
            self._note_unexpected(request)
            return Answer(404, {'error': {'code': 404, 'message': '', 'title': 'Not Found'}})
        status, headers, body = answered
        return Answer(status, b'' if body is None else body, headers)

    def _as_unknown_user(self, request: Request) -> Answer:
        user = 'nobody' if 'X-Auth-Token' in request.headers else None
        answer = self._recorded_answer(request, user)
        return answer or Answer(recording=recordings.load('leases-no-token'))

    def _no_such_url(self, request: Request) -> Answer:
        if not request.path.endswith('/'):
            self._note_unexpected(request)
        return Answer(*blazar_rules.no_such_url())

    def _no_such_object(self, request: Request) -> Answer:
        if not blazar_rules.names_unknown_object(request.path):
            self._note_unexpected(request)
        return Answer(*blazar_rules.no_such_object(request.path))

    def _note_unexpected(self, request: Request) -> None:
        text = f'{request.method} {request.raw_path}'
        if request.query:
            text += f'?{request.query}'
        with self._lock:
            self.unexpected.append(f'{text} of {request.user}, body {request.body[:2000]!r}')


_TEMPLATES = (
    'lease-show-physical',
    'lease-show-virtual-instance',
    'active-show-two-reservations',
    'lease-show-terminated',
)


def _lease(index: int, template: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    dice = random.Random(index)

    def new_id() -> str:
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    lease: dict[str, Any] = copy.deepcopy(dict(template))
    alice = USERS['alice']
    lease |= {'id': new_id(), 'name': f'lease-{index:05d}', 'trust_id': new_id().replace('-', '')}
    lease |= {'user_id': alice.id, 'project_id': alice.project_id}
    for part in (*lease['reservations'], *lease['events']):
        part |= {'id': new_id(), 'lease_id': lease['id']}
        if 'flavor_id' in part:
            part['flavor_id'] = part['id']
    for key, value in overrides.items():
        lease[key] = value(index) if callable(value) else value
    return lease
