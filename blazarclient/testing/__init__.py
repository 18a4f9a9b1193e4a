"""A reservation service of one's own, for tests.

::

    from blazarclient import testing

    with testing.sandbox(hosts=2) as box:
        lease = box.client('alice').leases.create(
            'x', 'now', '+1h', [{'resource_type': 'physical:host', 'min': 1, 'max': 1}])
        box.clock.advance('2h')
        assert lease.refresh().status == 'TERMINATED'

Each is a process of its own, ``blazar sandbox``, and needs the extra ``server``. In tests with
pytest the fixture ``blazar_sandbox`` does the same
(:mod:`blazarclient.testing.fixture`).
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keystoneauth1.session import Session

    from blazarclient.client import Client

__all__ = ['Clock', 'Sandbox', 'SandboxError', 'sandbox']

#: Seconds between two looks whether the sandbox is there, and for its end.
_LOOK, _END = 0.01, 10.0


class SandboxError(Exception):
    """The sandbox does not start, or does not do what it was asked for."""


@contextlib.contextmanager
def sandbox(
    *,
    hosts: int = 8,
    seed: str | os.PathLike[str] = 'empty',
    speed: float = 1,
    clock: datetime | str | None = None,
    faults: Sequence[str] = (),
    database: str | os.PathLike[str] | None = None,
    pin: str | None = None,
    timeout: float = 60.0,
) -> Iterator[Sandbox]:
    """Run a sandbox, on a free port of the loopback interface, as long as the block lasts.

    :param hosts: how many hosts there are.
    :param seed: ``empty`` (hosts and no lease), ``demo``, or the path of a file.
    :param speed: how many times as fast as real time its clock runs; 0 lets it stand.
    :param clock: what the clock shows at the start: a time, without a zone in UTC.
    :param faults: rules, as :meth:`Sandbox.fail` takes them.
    :param database: a file to keep everything in, or a URL; memory by default.
    :param pin: the newest microversion that it speaks; ``1.0`` is a Blazar without a gateway.
    :param timeout: seconds until the sandbox has to be there.
    :raises SandboxError: with what it says, when it does not start.
    """
    options = ['--port', '0', '--hosts', str(hosts), '--seed', os.fspath(seed)]
    if speed != 1:
        options += ['--speed', str(speed)]
    if clock is not None:
        options += ['--clock', clock if isinstance(clock, str) else _written(clock)]
    for rule in faults:
        options += ['--fail', rule]
    if database is not None:
        options += ['--db', os.fspath(database)]
    if pin is not None:
        options += ['--pin', pin]
    with (
        tempfile.TemporaryDirectory(prefix='blazar-sandbox-') as folder,
        _process(Path(folder), options, timeout) as address,
    ):
        box = Sandbox(address, Path(folder) / 'clouds.yaml')
        try:
            yield box
        finally:
            box.close()


class Sandbox:
    """A sandbox that runs.

    Its users are ``admin``, ``alice`` and ``bob`` (members of two projects) and ``rita`` (a reader
    in alice's); the password is the name and ``-secret``, a token is the name.
    """

    def __init__(self, url: str, config_file: Path) -> None:
        #: Its address, such as ``http://127.0.0.1:12345``.
        self.url = url
        #: A clouds.yaml with a cloud for each user, named as the user.
        self.config_file = config_file
        #: The clock, which can be set.
        self.clock = Clock(self)
        self._sessions: dict[str, Session] = {}

    @property
    def environment(self) -> dict[str, str]:
        """All variables for a process that shall use the sandbox, as alice.

        Other variables named ``OS_...`` are left out.
        """
        inherited = {key: value for key, value in os.environ.items() if not key.startswith('OS_')}
        return {
            **inherited,
            'OS_CLIENT_CONFIG_FILE': str(self.config_file),
            'OS_CLOUD': 'alice',
        }

    def session(self, user: str = 'alice') -> Session:
        """A keystoneauth1 session, the same for each call with this user."""
        if user not in self._sessions:
            from keystoneauth1.identity import v3
            from keystoneauth1.session import Session

            auth = v3.Password(
                f'{self.url}/identity/v3',
                username=user,
                password=f'{user}-secret',
                user_domain_name='Default',
                project_id=self._project(user),
            )
            self._sessions[user] = Session(auth=auth)
        return self._sessions[user]

    def client(self, user: str = 'alice', **options: Any) -> Client:
        """A client; the options are those of :class:`blazarclient.Client`."""
        from blazarclient.client import Client

        return Client(session=self.session(user), **options)

    def fail(self, rule: str) -> None:
        """Let something go wrong from now on.

        :param rule: ``METHOD PATH WHAT [xN]``, as in ``POST /v1/leases 503 x3``. WHAT is a status,
            ``delay=SECONDS``, ``cut`` (the work is done, the answer breaks off) or ``refuse``
            (the connection is closed, nothing is done).
        :raises SandboxError: for a text that is no rule.
        """
        self.request('POST', '/sandbox/faults', {'rule': rule})

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force: ``rule``, ``applied`` (how often so far) and ``left``."""
        found: list[dict[str, Any]] = self.request('GET', '/sandbox/faults')['faults']
        return found

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.request('DELETE', '/sandbox/faults')

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Send a request to the sandbox's controls, and return the JSON of its answer.

        :raises SandboxError: for an answer that is an error.
        """
        connection = http.client.HTTPConnection(self.url.removeprefix('http://'), timeout=60)
        headers = {'Content-Type': 'application/json'}
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        content: Any = json.loads(text) if text else None
        if answer.status >= 400:
            raise SandboxError(content['error'])
        return content

    def close(self) -> None:
        """Give back the connections of the sessions."""
        for session in self._sessions.values():
            session.session.close()
        self._sessions.clear()

    def _project(self, user: str) -> str:
        users = self.request('GET', '/sandbox')['sandbox']['users']
        for each in users:
            if each['name'] == user:
                return str(each['project_id'])
        names = ', '.join(each['name'] for each in users)
        raise SandboxError(f'{user!r} is no user of the sandbox: {names}')


class Clock:
    """The clock of a sandbox.

    What is due by a move has been carried out when the call returns.
    """

    def __init__(self, box: Sandbox) -> None:
        self._box = box

    def now(self) -> datetime:
        """What it shows: an aware datetime in UTC."""
        return _read(self._box.request('GET', '/sandbox/clock'))

    def advance(self, by: timedelta | str) -> datetime:
        """Move it on, by ``2h``, ``1d12h`` or a timedelta; return what it shows then."""
        return self._move(advance=by.total_seconds() if isinstance(by, timedelta) else by)

    def set(self, to: datetime | str) -> datetime:
        """Set it to a time, which without a zone is UTC; it may go back."""
        return self._move(now=to if isinstance(to, str) else _written(to))

    def run(self, speed: float) -> datetime:
        """Let it run so many times as fast as real time; 0 lets it stand."""
        return self._move(speed=speed)

    def _move(self, **change: object) -> datetime:
        return _read(self._box.request('POST', '/sandbox/clock', change))


def _read(answer: Any) -> datetime:
    return datetime.fromisoformat(answer['clock']['now'])


def _written(moment: datetime) -> str:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


@contextlib.contextmanager
def _process(folder: Path, options: Sequence[str], timeout: float) -> Iterator[str]:
    """Run ``blazar sandbox``; its address."""
    config_file, log = folder / 'clouds.yaml', folder / 'log'
    command = [
        *(sys.executable, '-m', 'blazarclient.shell', 'sandbox', *options),
        # Closed with this process, however it ends.
        *('--config-file', str(config_file), '--until-stdin-closes'),
    ]
    with (
        log.open('wb') as output,
        subprocess.Popen(  # noqa: S603 - this package's own program
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={key: value for key, value in os.environ.items() if not key.startswith('OS_')},
        ) as process,
    ):
        try:
            _await(process, config_file, log, timeout)
            yield _address(config_file)
        finally:
            process.terminate()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: subprocess.Popen[bytes], config_file: Path, log: Path, timeout: float) -> None:
    """Wait for the sandbox: the last thing that it does is to write its clouds.yaml."""
    deadline = time.monotonic() + timeout
    while not config_file.exists():
        if process.poll() is not None:
            raise SandboxError(log.read_text(errors='replace').strip())
        if time.monotonic() > deadline:
            said = log.read_text(errors='replace').strip()
            raise SandboxError(f'The sandbox is not there after {timeout:.0f} s. {said}'.strip())
        time.sleep(_LOOK)


def _address(config_file: Path) -> str:
    found = re.search(r'auth_url: (http://[^/]+)/', config_file.read_text())
    if found is None:
        raise SandboxError(f'{config_file} names no address.')
    return found.group(1)
