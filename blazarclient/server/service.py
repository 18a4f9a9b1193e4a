"""The running service: its options, database, parts, and the application behind Keystone."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from oslo_config import cfg
from werkzeug.datastructures import Headers

from blazarclient.server import checks, parts
from blazarclient.server import config as options
from blazarclient.server.api import feed
from blazarclient.server.api.rest import Service
from blazarclient.server.app import Identity, create_app
from blazarclient.server.backends.blazar.connections import Connections
from blazarclient.server.backends.blazar.pass_through import PassThrough
from blazarclient.server.config import Settings
from blazarclient.server.front import Front
from blazarclient.server.health import Health, Watched
from blazarclient.server.notifications.blazar import Blazar
from blazarclient.server.own_addresses import own_addresses
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    'DEFAULT_FILE',
    'PATIENCE',
    'VARIABLE',
    'Application',
    'authenticate',
    'configured',
    'make_application',
    'open_database',
    'open_service',
]

#: Names the file with the options; without it they stand in ``DEFAULT_FILE``.
VARIABLE = 'BLAZAR_GATEWAY_CONF'
DEFAULT_FILE = '/etc/blazar-gateway/blazar-gateway.conf'

#: Seconds that the end of the process waits for the events that are being carried out, and for the
#: notifications that are being sent: no answer is waited for longer than 15 s.
PATIENCE = 20

#: Every application, and those that wait for a fork to be over.
_OPEN: weakref.WeakSet[Application] = weakref.WeakSet()
_paused: list[Application] = []


def configured(path: str | None = None) -> cfg.ConfigOpts:
    """The options from a file.

    :param path: by default what ``BLAZAR_GATEWAY_CONF`` names, or else the file in ``/etc``.
    :raises oslo_config.cfg.Error: for a file or a value that cannot be.
    """
    named = path or os.environ.get(VARIABLE)
    if not named and not Path(DEFAULT_FILE).exists():
        raise cfg.Error(
            f'There is no file with options: neither is one named, as by {VARIABLE}, nor is there '
            f'{DEFAULT_FILE}.'
        )
    return options.load([named or DEFAULT_FILE])


def open_service(config: cfg.ConfigOpts) -> Service:
    """The database, the policy and the settings of a configuration.

    :raises oslo_config.cfg.Error: for what the options lack, or a database without tables.
    """
    checks.check(config)
    database = open_database(config)
    if database.revision() is None:
        if database.url.database:
            raise cfg.Error('The database has no tables. "blazar-gateway db upgrade" makes them.')
        # In memory: nobody else could make them.
        database.upgrade()
    settings = Settings.of(config)
    denied = (*settings.deny_cidrs, *own_addresses(config))
    settings = dataclasses.replace(settings, deny_cidrs=denied)
    return Service(database, Policy(config), settings)


def open_database(config: cfg.ConfigOpts) -> Database:
    """The database of a configuration, with or without tables.

    :raises oslo_config.cfg.Error: when none is named.
    """
    if not config.database.connection:
        raise cfg.RequiredOptError('connection', cfg.OptGroup('database'))
    return Database(config.database.connection)


def authenticate(headers: Headers) -> Identity | None:
    """Who sends a request, as keystonemiddleware has found out; it refuses all others."""
    if headers.get('X-Identity-Status') != 'Confirmed':
        return None
    return Identity(
        user_id=headers.get('X-User-Id', ''),
        project_id=headers.get('X-Project-Id', ''),
        roles=frozenset(filter(None, headers.get('X-Roles', '').split(','))),
        user_name=headers.get('X-User-Name', ''),
    )


def make_application(config: cfg.ConfigOpts) -> Application:
    """The application of a configuration, with the parts that its process is to have."""
    return Application(config)


class Application:
    """The reservation service behind keystonemiddleware.

    uWSGI, and gunicorn with ``--preload``, make it in one process and use it in children. Neither
    threads nor an open SQLite file survive that, so everything ends before a fork and begins anew
    after it: in the parent at once, in a child with its first request.
    """

    def __init__(self, config: cfg.ConfigOpts) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._serving: _Serving | None = None
        self.begin()
        _OPEN.add(self)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        serving = self._serving or self.begin()
        return serving.application(environ, start_response)

    @property
    def is_serving(self) -> bool:
        """Whether the database is open, and the parts are running."""
        return self._serving is not None

    def begin(self) -> _Serving:
        """Open the database and start the parts, unless this is done."""
        with self._lock:
            if self._serving is None:
                self._serving = _Serving(self._config)
            return self._serving

    def stop(self) -> None:
        """Tell the parts to end, and let requests wait for nothing any more; others go on."""
        if self._serving is not None:
            self._serving.stop()

    def close(self) -> None:
        """End the parts, when they have done what they have begun, and leave the database."""
        with self._lock:
            serving, self._serving = self._serving, None
        if serving is not None:
            serving.end()


class _Serving:
    """What answers requests in one process, and the parts beside it."""

    def __init__(self, config: cfg.ConfigOpts) -> None:
        self._service = service = open_service(config)
        with contextlib.ExitStack() as undo:
            undo.callback(service.database.dispose)
            made = parts.make(service, parts.chosen(config), config)
            blazar = _blazar(config)
            self._app = create_app(
                service.database,
                service.policy,
                service.settings,
                authenticate,
                blazar=blazar,
                inventory=_inventory(config),
                wake=lambda: self._running.wake(parts.SCHEDULER),
            )
            behind = _front(_behind_keystone(self._app, config), blazar, config)
            undo.pop_all()
        self._running = running = parts.Running(made)
        self.application = Watched(Health(service, running), behind)

    def stop(self) -> None:
        self._running.stop()
        feed.close(self._app)

    def end(self) -> None:
        self.stop()
        self._running.join(PATIENCE)
        self._service.database.dispose()


def _behind_keystone(application: WSGIApplication, config: cfg.ConfigOpts) -> WSGIApplication:
    """Let Keystone say whose a token is; its options stand in ``[keystone_authtoken]``."""
    with warnings.catch_warnings():
        # WebOb imports cgi.
        warnings.filterwarnings('ignore', category=DeprecationWarning)
        from keystonemiddleware.auth_token import AuthProtocol  # type: ignore[import-untyped]

    settings = {
        'oslo_config_config': config,
        'include_service_catalog': False,
        # The application refuses, in the form of the microversion that was asked for.
        'delay_auth_decision': True,
    }
    behind: WSGIApplication = AuthProtocol(application, settings)
    return behind


def _blazar(config: cfg.ConfigOpts) -> Connections | None:
    """How the Blazar is reached that has the leases; None where this service has them."""
    return Connections.of(config) if config.backend.type == 'blazar' else None


def _inventory(config: cfg.ConfigOpts) -> Callable[[], Blazar] | None:
    """Who knows the hosts where a Blazar has them; its credentials are read when it is asked."""
    if config.backend.type != 'blazar':
        return None
    return functools.cache(lambda: Blazar.of(config))


def _front(
    behind: WSGIApplication, blazar: Connections | None, config: cfg.ConfigOpts
) -> WSGIApplication:
    """Let a Blazar answer what is its own, where one has the leases."""
    if blazar is None:
        return behind
    pin = config.upgrade.pin
    return Front(PassThrough(blazar, pin=pin), behind, pin=pin)


def _before_fork() -> None:
    _paused[:] = [each for each in _OPEN if each.is_serving]
    for each in _paused:
        each.close()


def _after_fork() -> None:
    for each in _paused:
        each.begin()


def _at_exit() -> None:
    for each in list(_OPEN):
        each.close()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
atexit.register(_at_exit)
