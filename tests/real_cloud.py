"""The real cloud of tests/cloud: asking it, and breaking it."""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

__all__ = ['REAL', 'RealCloud', 'until']

#: Whether tests may use the real cloud.
REAL = os.environ.get('BLAZARCLIENT_TEST_CLOUD') == '1'

_FOLDER = pathlib.Path(__file__).parent / 'cloud'
# Taken before a fixture hides it: the cloud's state is below the real home.
_ENVIRONMENT = dict(os.environ)
_PROJECTS = {'admin': 'admin', 'alice': 'research', 'bob': 'teaching'}
_HOST = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}


class RealCloud:
    """The cloud that ``tests/cloud/cloud up`` has started."""

    def __init__(self) -> None:
        self._cloud = _script('cloud')
        values = self._cloud.settings()
        self.amqp_url: str = values['amqp_url']
        self.blazar_url: str = self._cloud.BLAZAR_URL
        self.auth_url: str = f'{self._cloud.KEYSTONE}/v3'
        self._database = sa.create_engine(
            f'{values["db_url"]}/blazar', isolation_level='AUTOCOMMIT'
        )
        self._sessions = {name: self.session(name) for name in _PROJECTS}

    def close(self) -> None:
        """Close all connections."""
        self._database.dispose()
        for each in self._sessions.values():
            each.session.close()

    def session(self, user: str) -> keystone_session.Session:
        """A keystoneauth session for a user."""
        auth = v3.Password(
            self.auth_url,
            username=user,
            password=f'{user}-secret',
            user_domain_id='default',
            project_name=_PROJECTS[user],
            project_domain_id='default',
        )
        return keystone_session.Session(auth=auth, timeout=120)

    def ask(self, method: str, path: str, user: str = 'alice', **options: Any) -> Any:
        """Send a request to Blazar itself, and return any answer."""
        options.setdefault('headers', {'Accept': 'application/json'})
        return self._sessions[user].request(
            self.blazar_url + path, method, raise_exc=False, **options
        )

    def create(self, *, start: int | None = None, end: int = 60, host: bool = False) -> str:
        """Make a lease.

        :param start: in how many minutes it starts; None for now.
        :param end: in how many minutes it ends.
        :returns: its ID.
        """
        body = {
            'name': 'a lease of the tests',
            'start_date': 'now' if start is None else minutes(start),
            'end_date': minutes(end),
            'events': [],
            'reservations': [_HOST] if host else [],
        }
        answer = self.ask('POST', '/leases', json=body)
        assert answer.status_code == 201, answer.text
        lease_id: str = answer.json()['lease']['id']
        return lease_id

    def move(self, lease_id: str, end: int) -> None:
        """Move the end of a lease to so many minutes from now."""
        answer = self.ask('PUT', f'/leases/{lease_id}', json={'end_date': minutes(end)})
        assert answer.status_code == 200, answer.text

    def delete(self, lease_id: str) -> None:
        """Delete a lease, when it lets itself be deleted."""
        until(lambda: self.ask('DELETE', f'/leases/{lease_id}').status_code in (200, 204, 404))

    def show(self, lease_id: str) -> dict[str, Any] | None:
        """The lease; None when there is none."""
        answer = self.ask('GET', f'/leases/{lease_id}', 'admin')
        found: dict[str, Any] | None = answer.json().get('lease')
        return found

    def stored(self, lease_id: str) -> dict[str, Any]:
        """The lease's row in Blazar's own database; empty when it is gone."""
        query = sa.text('SELECT status, end_date FROM leases WHERE id = :id')
        with self._database.connect() as connection:
            row = connection.execute(query, {'id': lease_id}).first()
        return {} if row is None else dict(row._mapping)

    def kill_manager_when(self, holds: Callable[[], bool]) -> None:
        """Kill Blazar's manager with -9 as soon as something holds."""
        pids = self._cloud.session_members(self._cloud.read_pid('blazar-manager')['pid'])
        deadline = time.monotonic() + 90
        while not holds():
            assert time.monotonic() < deadline
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def without_broker(self) -> Iterator[None]:
        """Stop RabbitMQ, and start it again."""
        self._cloud.stop('rabbitmq')
        try:
            yield
        finally:
            self.up()

    def up(self) -> None:
        """Start what is not running."""
        self._run('cloud', 'up')

    @contextlib.contextmanager
    def gateway(self) -> Iterator[str]:
        """The URL of the gateway that stands in front of it, with ``/v1``.

        Where none is running one is started beside the catalog, and stopped in the end.
        """
        is_ours = not self._cloud.read_pid('reservation-gateway')
        if is_ours:
            self._run('gateway', 'up', '--aside')
        try:
            exports = self._run('gateway', 'env')
            line = next(each for each in exports.splitlines() if 'CLOUD_GATEWAY_URL=' in each)
            yield line.partition('=')[2]
        finally:
            if is_ours:
                self._run('gateway', 'down')

    def _run(self, *words: str) -> str:
        script, *rest = words
        return subprocess.run(
            [sys.executable, _FOLDER / script, *rest],
            env={'CLOUD_BLAZAR_EVENT_INTERVAL': '1', **_ENVIRONMENT},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300,
        ).stdout


def minutes(number: int) -> str:
    """So many minutes from now, as Blazar reads it."""
    return f'{datetime.now(UTC) + timedelta(minutes=number):%Y-%m-%d %H:%M}'


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _script(name: str) -> ModuleType:
    """One of the scripts of tests/cloud, whose environment is that of the real home."""
    path = _FOLDER / name
    loader = importlib.machinery.SourceFileLoader(f'tests_cloud_{name}', str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    hidden, was = os.environ.get('HOME'), sys.dont_write_bytecode
    os.environ['HOME'] = _ENVIRONMENT.get('HOME', '/')
    # No compiled file beside a script.
    sys.dont_write_bytecode = True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = was
        if hidden is not None:
            os.environ['HOME'] = hidden
    return module
