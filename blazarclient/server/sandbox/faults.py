"""Faults on demand, for tests of programs that have to live with them.

A rule is one line: ``POST /v1/leases 503 x3``. Its parts are a method (or ``*``), a path in which
``*`` stands for anything, what goes wrong, and how often (always, when nothing is said).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import http
import itertools
import json
import re
import threading
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

from waitress.channel import ClientDisconnected

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ['GRAMMAR', 'BadRule', 'Faults', 'FaultyApplication', 'Rule', 'parse']

#: What a rule may look like.
GRAMMAR = (
    "A fault is 'METHOD PATH WHAT [xN]', as in 'POST /v1/leases 503 x3'. METHOD may be *, and * in "
    'PATH stands for anything. WHAT is a status from 400 to 599, delay=SECONDS, cut (the work is '
    'done, the answer breaks off) or refuse (the connection is closed, and nothing is done). xN '
    'lets it happen N times; without it, always.'
)

_METHOD = re.compile(r'\*|[A-Za-z]+')
_TIMES = re.compile(r'x([1-9][0-9]{0,8})')
_DELAY = re.compile(r'delay=([0-9]{1,6}(?:\.[0-9]{1,6})?)')
_STATUS = re.compile(r'[45][0-9]{2}')


class BadRule(ValueError):
    """A text that is no rule."""


@dataclasses.dataclass(slots=True)
class Rule:
    """One rule, and how often it has been applied."""

    text: str
    method: str
    path: str
    #: ``503``, ``delay``, ``cut`` or ``refuse``.
    what: str
    #: Seconds, of a delay.
    seconds: float
    #: How often it still applies; None for always.
    left: int | None
    applied: int = 0
    id: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        return (
            self.left != 0 and self.method in ('*', method) and fnmatch.fnmatchcase(path, self.path)
        )

    def render(self) -> dict[str, object]:
        """What ``GET /sandbox/faults`` says of it."""
        return {'id': self.id, 'rule': self.text, 'applied': self.applied, 'left': self.left}


def parse(text: str) -> Rule:
    """Read a rule.

    :raises BadRule: saying what is wrong, and what a rule looks like.
    """
    words = text.split()
    if len(words) not in (3, 4):
        _refuse(text, 'it has to have three or four words')
    method, path, what = words[:3]
    if not _METHOD.fullmatch(method):
        _refuse(text, f'{method!r} is no HTTP method')
    if path[0] not in '/*':
        _refuse(text, f'the path {path!r} does not begin with /')
    left = None
    if len(words) == 4:
        times = _TIMES.fullmatch(words[3])
        if times is None:
            _refuse(text, f'{words[3]!r} does not say how often; expected x1, x2 and so on')
        left = int(times.group(1))
    delay = _DELAY.fullmatch(what)
    if delay is None and what not in ('cut', 'refuse') and not _STATUS.fullmatch(what):
        _refuse(text, f'{what!r} is nothing that can go wrong')
    return Rule(
        text=' '.join(words),
        method=method.upper(),
        path=path,
        what='delay' if delay else what,
        seconds=float(delay.group(1)) if delay else 0.0,
        left=left,
    )


def _refuse(text: str, why: str) -> NoReturn:
    raise BadRule(f'{text!r} is no fault: {why}. {GRAMMAR}')


class Faults:
    """The rules in force, in the order in which they were given."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: list[Rule] = []
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force."""
        with self._lock:
            rule.id = next(self._numbers)
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules."""
        with self._lock:
            self._rules.clear()

    def render(self) -> list[dict[str, object]]:
        """What ``GET /sandbox/faults`` says."""
        with self._lock:
            return [rule.render() for rule in self._rules]

    def take(self, method: str, path: str) -> Rule | None:
        """The first rule that applies to a request; it then applies once less."""
        with self._lock:
            for rule in self._rules:
                if rule.matches(method, path):
                    rule.applied += 1
                    rule.left = None if rule.left is None else rule.left - 1
                    return rule
        return None


class FaultyApplication:
    """An application in front of which faults happen.

    :param stopping: set when the server ends, so that no delay holds it up.
    """

    def __init__(
        self, application: WSGIApplication, faults: Faults, stopping: threading.Event
    ) -> None:
        self._application = application
        self._faults = faults
        self._stopping = stopping

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get('PATH_INFO', '').encode('latin-1').decode('utf-8', 'replace')
        rule = self._faults.take(environ['REQUEST_METHOD'], path)
        if rule is None:
            return self._application(environ, start_response)
        if rule.what == 'delay':
            self._stopping.wait(rule.seconds)
            return self._application(environ, start_response)
        if rule.what == 'refuse':
            raise ClientDisconnected
        if rule.what == 'cut':
            return self._cut(environ, start_response)
        return _failed(int(rule.what), start_response)

    def _cut(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Do the work, and send half of the answer: none of it where it has no body."""
        # 15 ms at the start of every sandbox, for what few of them do.
        from werkzeug.test import run_wsgi_app

        answer, status, headers = run_wsgi_app(self._application, environ, buffered=True)
        body = b''.join(answer)
        if len(body) < 2:
            raise ClientDisconnected
        headers['Content-Length'] = str(len(body))
        start_response(status, list(headers))
        return [body[: len(body) // 2]]


def _failed(status: int, start_response: StartResponse) -> Iterable[bytes]:
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = 'Unknown'
    sentence = f'{phrase} (a fault that the sandbox was told to have)'
    body = json.dumps(
        {'error_code': status, 'error_message': sentence, 'error_name': status}
    ).encode()
    headers = [
        ('Content-Type', 'application/json'),
        ('Content-Length', str(len(body))),
        ('x-openstack-request-id', f'req-{uuid.uuid4()}'),
    ]
    start_response(f'{status} {phrase}', headers)
    return [body]
