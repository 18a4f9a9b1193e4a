"""A sandbox for all tests of this folder that leave nothing behind in it."""

import contextlib
import dataclasses
import http.client
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from blazarclient import testing
from tests.commands import Ran, run_process


@dataclasses.dataclass(frozen=True)
class Answered:
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    json: Any


class Ask(Protocol):
    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answered: ...


class OpenStack(Protocol):
    def __call__(self, user: str, *args: str) -> Ran: ...


@pytest.fixture(scope='session')
def box() -> Iterator[testing.Sandbox]:
    """A sandbox with four hosts and no lease."""
    with testing.sandbox(hosts=4) as box:
        yield box


@pytest.fixture
def healthy(box: testing.Sandbox) -> Iterator[testing.Sandbox]:
    """The same; it has no faults in the end."""
    yield box
    box.heal()


@pytest.fixture
def ask(box: testing.Sandbox) -> Ask:
    """Send a request; ``X_Auth_Token='bob'`` is a header, alice's token the default."""

    def send(method: str, path: str, body: object = None, **headers: str) -> Answered:
        named = {'X-Auth-Token': 'alice', 'Accept': 'application/json'}
        named |= {key.replace('_', '-'): value for key, value in headers.items()}
        if body is not None:
            named.setdefault('Content-Type', 'application/json')
        text = body if isinstance(body, str | None) else json.dumps(body)
        connection = http.client.HTTPConnection(box.url.removeprefix('http://'), timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, text, named)
            answer = connection.getresponse()
            content = answer.read()
        return Answered(answer.status, answer.headers, json.loads(content) if content else None)

    return send


@pytest.fixture
def openstack(box: testing.Sandbox) -> OpenStack:
    """Run `openstack` as one of the sandbox's users."""

    def run(user: str, *args: str) -> Ran:
        script = pathlib.Path(sys.executable).parent / 'openstack'
        return run_process([str(script), '--os-cloud', user, *args], box.environment)

    return run
