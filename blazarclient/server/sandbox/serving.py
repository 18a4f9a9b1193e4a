"""The process of a sandbox: what it is made of, its start and its end."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import sqlalchemy as sa
import waitress
from sqlalchemy.exc import SQLAlchemyError

from blazarclient import exception, times
from blazarclient.server import errors, parts
from blazarclient.server.api.rest import Service
from blazarclient.server.app import Identity, create_app
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.policy import Policy
from blazarclient.server.sandbox import (
    application,
    clouds,
    control,
    faults,
    identity,
    keys,
    seed,
    settling,
)
from blazarclient.server.sandbox.state import Clock, State
from blazarclient.server.store import tables
from blazarclient.server.store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.datastructures import Headers

__all__ = ['CannotStart', 'Options', 'serve']

_RESERVATION = 'resource_type=physical:host,min=1,max=1'
_LOOPBACK = '127.0.0.1'
#: A delayed request keeps a thread.
_THREADS = 16
#: How many listen to what happens, each in a thread of its own.
_WAITERS = 64
_BACKENDS = ('mariadb', 'mysql', 'sqlite')
#: Seconds for which the end waits for what is being done.
_PATIENCE = 10.0


class CannotStart(Exception):
    """Why there is no sandbox."""


class _Ended(SystemExit):
    """Somebody wants the sandbox to end. waitress lets this one out of its loop."""


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What `blazar sandbox` was told."""

    port: int
    hosts: int
    seed: str
    #: A file or a URL.
    database: str | None = None
    clock: str | None = None
    speed: float | None = None
    faults: Sequence[str] = ()
    config_file: str | None = None
    #: The newest microversion that it speaks.
    pin: str | None = None
    until_stdin_closes: bool = False


def serve(options: Options, out: TextIO) -> None:
    """Run a sandbox until SIGINT or SIGTERM.

    :param out: where the addresses are written.
    :raises CannotStart: saying why.
    """
    stopping = threading.Event()
    with contextlib.suppress(_Ended), contextlib.ExitStack() as stack:
        stack.enter_context(_signals(stopping))
        rules, moment = _read(options)
        listening = stack.enter_context(_listen(options.port))
        port = listening.getsockname()[1]
        state, app = stack.enter_context(
            _running(options, f'http://{_LOOPBACK}:{port}', faults.Faults(rules), moment, stopping)
        )
        config_file = _config_file(options, port)
        _write(stack, config_file, state.address)
        if options.until_stdin_closes:
            threading.Thread(target=_watch_stdin, daemon=True).start()
        server = waitress.create_server(
            app, sockets=[listening], threads=_THREADS + _WAITERS, ident='blazar-sandbox'
        )
        out.write(_announcement(state.address, config_file))
        out.flush()
        server.run()


@contextlib.contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the sandbox in an orderly way; the second one ends it at once."""

    def end(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stopping.set()
        raise _Ended

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(options: Options) -> tuple[list[faults.Rule], datetime | None]:
    try:
        moment = times.parse_time(options.clock) if options.clock else None
        return [faults.parse(text) for text in options.faults], moment
    except exception.InvalidInput as error:
        raise CannotStart(f'--clock: {error}') from error
    except faults.BadRule as error:
        raise CannotStart(f'--fail: {error}') from error


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_LOOPBACK, port), backlog=1024)
    except OSError as error:
        raise CannotStart(
            f'Cannot listen on {_LOOPBACK}:{port}: {os.strerror(error.errno or 0)}. Choose another '
            'port with --port; --port 0 takes any that is free.'
        ) from error


@contextlib.contextmanager
def _running(
    options: Options,
    address: str,
    given: faults.Faults,
    moment: datetime | None,
    stopping: threading.Event,
) -> Iterator[tuple[State, WSGIApplication]]:
    """The service with its database, and threads that do what is due and send notifications."""
    policy = Policy()
    database = _open(options.database)
    settings = Settings(
        allow_loopback=True,
        secret_keys=(_key(database),),
        source=f'{address.partition(":")[2]}/v1',
        pin=options.pin,
        waiters=_WAITERS,
    )
    service = Service(database, policy, settings)
    contexts = parts.context_factory(service)
    clock = Clock(database)
    if moment is not None or options.speed is not None:
        clock.move(to=moment and moment.replace(tzinfo=None), speed=options.speed)
    _fill(contexts(), options)
    state = State(
        database=database,
        address=address,
        clock=clock,
        faults=given,
        settle=settling.Settling(contexts, f'{parts.owner()}-control'),
        stopping=stopping,
    )
    app = create_app(database, policy, settings, _authenticate, identity_url=f'{address}/identity')
    running = parts.Running(parts.make(service, (parts.SCHEDULER, parts.DELIVERY)))
    try:
        yield state, application.build(state, app)
    finally:
        stopping.set()
        running.stop()
        running.join(_PATIENCE)
        database.dispose()


def _open(given: str | None) -> Database:
    """The database, with its tables."""
    if given is None:
        # Nothing to migrate, so that Alembic need not be loaded: 0.2 s of each start.
        database = Database('sqlite://')
        with database.transaction() as connection:
            tables.metadata.create_all(connection)
        return database
    from alembic.util import CommandError

    try:
        url = _url(given)
    except SQLAlchemyError as error:
        raise CannotStart(f'Cannot open the database {given}: {_first_line(error)}') from error
    # Without the password.
    shown = str(url) if '://' in given else given
    if url.get_backend_name() not in _BACKENDS:
        raise CannotStart(f'Cannot open the database {shown}: expected SQLite or MariaDB (MySQL).')
    try:
        database = Database(url)
        database.upgrade()
    except CommandError as error:
        raise CannotStart(
            f'Cannot open the database {shown}: {error}. Has another release used it?'
        ) from error
    except (SQLAlchemyError, errors.ServiceError) as error:
        raise CannotStart(f'Cannot open the database {shown}: {_first_line(error)}') from error
    return database


def _url(given: str) -> sa.URL:
    if '://' in given:
        return sa.make_url(given)
    # A file's name is no part of an URL: it may have a ? or a % in it.
    return sa.URL.create('sqlite', database=str(Path(given).absolute()))


def _key(database: Database) -> str:
    """What the secrets of subscriptions are encrypted with."""
    try:
        return keys.key_for(database.url)
    except OSError as error:
        raise CannotStart(
            f'Cannot keep the key for secrets in {keys.kept_in(database.url)}: {error.strerror}'
        ) from error


def _fill(ctx: RequestContext, options: Options) -> None:
    """Put in what there is at the start, unless the database was used before."""
    try:
        seed.plant(ctx, options.seed, options.hosts)
    except seed.BadSeed as error:
        raise CannotStart(f'--seed {options.seed}: {error}') from error


def _authenticate(headers: Headers) -> Identity | None:
    user = identity.owner(headers)
    if user is None:
        return None
    return Identity(user.id, user.project_id, frozenset(user.roles), user.name)


def _config_file(options: Options, port: int) -> Path:
    if options.config_file:
        return Path(options.config_file).absolute()
    if options.database and '://' not in options.database:
        return Path(options.database).absolute().with_suffix('.clouds.yaml')
    return clouds.default_path(port)


def _write(stack: contextlib.ExitStack, config_file: Path, address: str) -> None:
    """Write the clouds.yaml, which goes when the stack does."""
    try:
        stack.enter_context(clouds.written(config_file, address))
    except clouds.NotOurs as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f'Cannot write {config_file}: {error.strerror}') from error


def _watch_stdin() -> None:
    """End when whoever started the sandbox has ended, however that was."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.buffer.read(1024):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _announcement(address: str, config_file: Path) -> str:
    return f"""\
Reservation service  {address}/v1
Identity service     {address}/identity/v3
clouds.yaml          {config_file}
Users                admin, alice, rita, bob; the password is NAME-secret, a token is the name
Clock and faults     {address}/sandbox

{control.NOT_FOR_PRODUCTION}

Type this next, in another terminal:
  export OS_CLIENT_CONFIG_FILE={shlex.quote(str(config_file))} OS_CLOUD=alice
  blazar lease create my-first-lease --reservation {_RESERVATION} --end-date +1h --wait

Ctrl-C ends the sandbox.
"""


def _first_line(error: Exception) -> str:
    return str(error).partition('\n')[0]
