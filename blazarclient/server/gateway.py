"""The command ``blazar-gateway``: answer requests, carry out what is due, and keep the tables."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from alembic.util import CommandError
from oslo_config import cfg
from sqlalchemy.exc import SQLAlchemyError

from blazarclient.server import errors, garbage, service
from blazarclient.server.app import LONGEST_BODY

__all__ = ['main']


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: 0, or 1 when it could not be done; what was wrong is on stderr.
    """
    arguments = _parser().parse_args(argv)
    try:
        config = service.configured(getattr(arguments, 'config_file', None))
        logging.basicConfig(
            level=logging.INFO if config.debug else logging.WARNING,
            format='%(asctime)s %(process)d %(levelname)s %(name)s %(message)s',
        )
        arguments.command(config, arguments)
    except KeyboardInterrupt:
        return 0
    except SQLAlchemyError as error:
        # The further lines are statements and addresses of documentation.
        _say(f'[database] connection: {str(error).splitlines()[0]}')
        return 1
    except (CommandError, cfg.Error, errors.ServiceError, OSError) as error:
        _say(str(error))
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
    parser = argparse.ArgumentParser(
        prog='blazar-gateway',
        description='The reservation gateway: the reservation API on a database of its own.',
        parents=[common],
    )
    commands = parser.add_subparsers(metavar='COMMAND', required=True)

    def add(
        to: argparse._SubParsersAction[argparse.ArgumentParser], name: str, description: str
    ) -> argparse.ArgumentParser:
        return to.add_parser(name, help=description, description=description, parents=[common])

    api = add(commands, 'api', 'Answer requests, by default also start and end leases.')
    api.set_defaults(command=_api)
    worker = add(commands, 'worker', 'Start and end leases, and answer no requests.')
    worker.set_defaults(command=_worker)
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
    import waitress

    signal.signal(signal.SIGTERM, _end)
    with contextlib.ExitStack() as stack:
        application = service.make_application(config)
        stack.callback(application.close)
        try:
            server = waitress.create_server(
                application,
                host=config.api.host,
                port=config.api.port,
                threads=config.api.threads,
                ident='blazar-gateway',
                # The application refuses a body that is too long, in the form of the API. This
                # is for one that is so long that it should not even be read.
                max_request_body_size=4 * LONGEST_BODY,
            )
        except OSError as error:
            where = f'{config.api.host}, port {config.api.port}'
            raise cfg.Error(
                f'[api] host, port: cannot listen on {where}: {error.strerror}'
            ) from error
        stack.callback(server.close)
        garbage.look_less_often()
        # A name of a host may stand for more than one address.
        several = getattr(server, 'effective_listen', None)
        for host, port in several or [(server.effective_host, server.effective_port)]:
            _say(f'listening on http://{f"[{host}]" if ":" in host else host}:{port}')
        server.run()


def _worker(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    opened = service.open_service(config)
    scheduler = service.scheduler_of(opened)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        # What was taken is carried out before the process ends.
        stop.set()
        scheduler.wake()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    _say(f'carrying out the events of leases as {scheduler.owner}')
    try:
        scheduler.run(stop)
    finally:
        opened.database.dispose()


def _upgrade(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    service.open_database(config).upgrade(arguments.revision)


def _downgrade(config: cfg.ConfigOpts, arguments: argparse.Namespace) -> None:
    service.open_database(config).downgrade(arguments.revision)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(sentence: str) -> None:
    sys.stderr.write(f'blazar-gateway: {sentence}\n')
    sys.stderr.flush()


if __name__ == '__main__':
    sys.exit(main())
