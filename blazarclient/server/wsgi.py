"""The reservation service for WSGI servers: ``blazarclient.server.wsgi:application``.

waitress, gunicorn and uWSGI load it by that name. ``BLAZAR_GATEWAY_CONF`` names the file of its
options; without it they stand in ``/etc/blazar-gateway/blazar-gateway.conf``.
"""

from __future__ import annotations

import atexit
import logging
import os
import platform
import threading
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from oslo_config import cfg
from werkzeug.datastructures import Headers

from blazarclient.server import config as options
from blazarclient.server.api.rest import Service
from blazarclient.server.app import Identity, create_app
from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    'Application',
    'authenticate',
    'configured',
    'make_application',
    'open_database',
    'open_service',
    'scheduler_of',
]

LOG = logging.getLogger(__name__)

VARIABLE = 'BLAZAR_GATEWAY_CONF'
DEFAULT_FILE = '/etc/blazar-gateway/blazar-gateway.conf'

#: Seconds that the end of the process waits for the events that are being carried out.
_PATIENCE = 10

#: What ``application`` is, once somebody has asked for it.
_made: list[Application] = []


def configured(path: str | None = None) -> cfg.ConfigOpts:
    """The options from a file.

    :param path: by default what ``BLAZAR_GATEWAY_CONF`` names, or else the file in ``/etc``.
    :raises oslo_config.cfg.Error: for a file or a value that cannot be.
    """
    return options.load([path or os.environ.get(VARIABLE) or DEFAULT_FILE])


def open_service(config: cfg.ConfigOpts) -> Service:
    """The database, the policy and the settings of a configuration.

    :raises oslo_config.cfg.Error: when no database is named, or it has no tables.
    """
    database = open_database(config)
    if database.revision() is None:
        if database.url.database:
            raise cfg.Error('The database has no tables. "blazar-gateway db upgrade" makes them.')
        # In memory: nobody else could make them.
        database.upgrade()
    return Service(database, Policy(config), Settings.of(config))


def open_database(config: cfg.ConfigOpts) -> Database:
    """The database of a configuration, with or without tables.

    :raises oslo_config.cfg.Error: when none is named.
    """
    if not config.database.connection:
        raise cfg.RequiredOptError('connection', cfg.OptGroup('database'))
    return Database(config.database.connection)


def scheduler_of(service: Service) -> Scheduler:
    """A scheduler for a service, with a name that no other has."""
    return Scheduler(
        lambda: RequestContext.for_service(service.database, service.policy, service.settings),
        f'{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}',
    )


def authenticate(headers: Headers) -> Identity | None:
    """Who sends a request, as keystonemiddleware has found out."""
    if headers.get('X-Identity-Status') != 'Confirmed':
        return None
    return Identity(
        user_id=headers.get('X-User-Id', ''),
        project_id=headers.get('X-Project-Id', ''),
        roles=frozenset(filter(None, headers.get('X-Roles', '').split(','))),
        user_name=headers.get('X-User-Name', ''),
    )


def make_application(config: cfg.ConfigOpts) -> Application:
    """The application of a configuration, with its scheduler where it is to have one."""
    return Application(config)


class Application:
    """The reservation service behind keystonemiddleware.

    uWSGI, and gunicorn with ``--preload``, make it in one process and use it in its children. A
    child has neither the threads of its parent nor may it use the parent's connections to the
    database, so it makes all that anew with its first request.
    """

    def __init__(self, config: cfg.ConfigOpts) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._left_to_parent: list[object] = []
        self._start()
        atexit.register(self.close)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    # Kept: what is thrown away closes connections that the parent uses.
                    self._left_to_parent.append(self._service)
                    self._start()
        return self._application(environ, start_response)

    def close(self) -> None:
        """End the scheduler, when it has carried out what it has begun, and leave the database."""
        atexit.unregister(self.close)
        if self._process != os.getpid():
            return
        self._stop.set()
        if self._thread is not None:
            self._scheduler.wake()
            self._thread.join(_PATIENCE)
        self._service.database.dispose()

    def _start(self) -> None:
        self._service = service = open_service(self._config)
        self._scheduler = scheduler = scheduler_of(service)
        has_scheduler = self._config.embedded.scheduler
        app = create_app(
            service.database,
            service.policy,
            service.settings,
            authenticate,
            wake=scheduler.wake if has_scheduler else None,
        )
        self._application = _behind_keystone(app, self._config)
        self._stop = threading.Event()
        self._thread = None
        if has_scheduler:
            self._thread = threading.Thread(
                target=scheduler.run, args=[self._stop], name=scheduler.owner, daemon=True
            )
            self._thread.start()
        self._process = os.getpid()


def _behind_keystone(application: WSGIApplication, config: cfg.ConfigOpts) -> WSGIApplication:
    """Let Keystone say whose a token is; its options stand in ``[keystone_authtoken]``."""
    from keystonemiddleware.auth_token import AuthProtocol  # type: ignore[import-untyped]

    # The application itself refuses who has no token, as it does behind any other identity
    # service; the middleware adds to that where Keystone is.
    settings = {'oslo_config_config': config, 'delay_auth_decision': True}
    behind: WSGIApplication = AuthProtocol(application, settings)
    return behind


def __getattr__(name: str) -> Application:
    """Make ``application`` when a server asks for it, and not for whoever imports this module."""
    if name != 'application':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    if not _made:
        _made.append(make_application(configured()))
    return _made[0]
