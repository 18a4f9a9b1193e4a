"""The command ``blazar-gateway``: answer requests, listen, send, and keep the tables."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from alembic.util import CommandError
from oslo_config import cfg
from sqlalchemy.exc import SQLAlchemyError

from blazarclient.server import checks, errors, garbage, logs, parts, service
from blazarclient.server.health import Health, Watched
from blazarclient.server.vault import new_key
from blazarclient.server.web_server import WebServer

__all__ = ['main']


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0, or 1 when it could not be done; what was wrong is on stderr.
    """
    arguments = _parser().parse_args(argv)
    if arguments.command == _secret_key:
        return _secret_key()
    try:
        config = service.configured(getattr(arguments, 'config_file', None))
        form = getattr(arguments, 'log_format', None) or config.log_format
        logs.begin(form=form, debug=config.debug)
        arguments.command(config, arguments)
    except KeyboardInterrupt:
        return 0
    except SQLAlchemyError as error:
        # The further lines are statements and addresses of documentation.
        logs.tell(f'[database] connection: {str(error).splitlines()[0]}')
        return 1
    except (CommandError, cfg.Error, errors.ServiceError, OSError) as error:
        logs.tell(str(error))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        '--config-file',
        metavar='FILE',
        default=argparse.SUPPRESS,
        help=f'file with the options (default: ${service.VARIABLE}, or {service.DEFAULT_FILE})',
    )
    common.add_argument(
        '--log-format',
        choices=['text', 'json'],
        default=argparse.SUPPRESS,
        help='how the log is written, instead of [DEFAULT] log_format',
    )
    parser = argparse.ArgumentParser(
        prog='blazar-gateway',
        description='The reservation gateway: the reservation API with subscriptions, in front of '
        'a Blazar or on a database of its own.',
        parents=[common],
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    def add(
        to: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str
    ) -> argparse.ArgumentParser:
        return to.add_parser(name, help=description, description=description, parents=[common])

    api = add(commands, 'api', 'Answer requests, and by default do all else, too.')
    api.set_defaults(command=_api)
    listener = add(
        commands, 'listener', 'Listen to what Blazar publishes, and compare with its leases.'
    )
    listener.set_defaults(command=_listener)
    worker = add(
        commands,
        'worker',
        'Send notifications, and start and end leases where they are kept here.',
    )
    worker.set_defaults(command=_worker)
    key = add(commands, 'secret-key', 'Print a new key for [subscriptions] secret_key.')
    key.set_defaults(command=_secret_key)
    database = commands.add_parser('db', help='Change the tables of the database.')
    changes = database.add_subparsers(metavar='CHANGE', required=True)
    upgrade = add(changes, 'upgrade', 'Bring the tables to a revision, by default the newest.')
    upgrade.add_argument('revision', nargs='?', default='head')
    upgrade.set_defaults(command=_upgrade)
    downgrade = add(changes, 'downgrade', 'Bring the tables back to a revision.')
    downgrade.add_argument('revision', help='the revision; "base" leaves no tables and no data')
    downgrade.set_defaults(command=_downgrade)
    return parser


def _api(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        application = service.make_application(config)
        stack.callback(application.close)
        try:
            server = WebServer(
                application,
                host=config.api.host,
                port=config.api.port,
                # Those that wait for notifications must not keep others from being answered.
                threads=config.api.threads + config.notifications.waiters,
                ident='blazar-gateway',
            )
        except OSError as error:
            raise _cannot_listen('api', config.api, error) from error
        stack.callback(server.close)
        _on_signals(server.stop)
        garbage.look_less_often()
        for host, port in server.addresses:
            logs.tell(f'listening on http://{f"[{host}]" if ":" in host else host}:{port}')
        server.run(application.stop)


def _listener(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    checks.check_listener(config)
    _run(config, [parts.LISTENER], 'listening to Blazar')


def _worker(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    if config.backend.type == 'blazar':
        _run(config, [parts.DELIVERY], 'sending notifications')
    else:
        groups = [parts.SCHEDULER, parts.DELIVERY]
        _run(config, groups, 'carrying out the events of leases and sending notifications')


def _run(config: cfg.ConfigOpts, groups: Sequence[str], what: str) -> None:
    """Run parts until told to end; what they have begun is done before the process ends."""
    stop = threading.Event()
    _on_signals(stop.set)
    with contextlib.ExitStack() as stack:
        opened = service.open_service(config)
        stack.callback(opened.database.dispose)
        running = parts.Running(parts.make(opened, groups, config))
        stack.callback(running.join, service.PATIENCE)
        stack.callback(running.stop)
        stack.enter_context(_watched(config, Health(opened, running)))
        garbage.look_less_often()
        logs.tell(what)
        stop.wait()


@contextlib.contextmanager
def _watched(config: cfg.ConfigOpts, health: Health) -> Iterator[None]:
    """Answer /healthz and /metrics where they are asked for."""
    if config.metrics.port is None:
        yield
        return
    try:
        server = WebServer(
            Watched(health),
            host=config.metrics.host,
            port=config.metrics.port,
            threads=1,
            ident='blazar-gateway',
        )
    except OSError as error:
        raise _cannot_listen('metrics', config.metrics, error) from error
    thread = threading.Thread(target=server.run, name='metrics', daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()


def _secret_key() -> int:
    sys.stdout.write(f'{new_key()}\n')
    return 0


def _upgrade(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    service.open_database(config).upgrade(arguments.revision)


def _downgrade(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    service.open_database(config).downgrade(arguments.revision)


def _cannot_listen(group: str, where: cfg.ConfigOpts.GroupAttr, error: OSError) -> cfg.Error:
    return cfg.Error(
        f'[{group}] host, port: cannot listen on {where.host}, port {where.port}: {error.strerror}'
    )


def _on_signals(end: Callable[[], None]) -> None:
    """End in an orderly way when told to, and at once when told so again."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        end()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


if __name__ == '__main__':
    sys.exit(main())
