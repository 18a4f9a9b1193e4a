"""``blazar sandbox``, a reservation service on this machine, and the way to ``blazar-gateway``.

Both load what they run only when they run, so that they can say what is missing without the extra
``server``. ``blazar sandbox`` stands in the script's own table of commands.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import sys
from typing import Any

__all__ = ['DEFAULT_PORT', 'Sandbox', 'gateway']

#: Blazar's own port is 1234.
DEFAULT_PORT = 12340

_MISSING = (
    '{what} needs more than the client has (here the module {module} is missing). Install it '
    "with: pip install 'python-blazarclient[server]>=5'\n"
)
#: Loggers whose everyday news is not for who runs a sandbox.
_QUIET = {
    'alembic': logging.WARNING,
    'blazarclient.server.backends': logging.WARNING,
    'blazarclient.server.delivery': logging.WARNING,
    'blazarclient.server.notifications': logging.WARNING,
    'oslo_service': logging.WARNING,
    # Answers that break off are what faults are for.
    'waitress': logging.ERROR,
}
_DESCRIPTION = """\
Run a reservation service on this machine, to try things out and to test against.

It needs no cloud and no account, keeps the rules of leases, and forgets everything
when it ends, unless --db names a file. It runs until Ctrl-C. It is not for production:
passwords and tokens are known to everybody, and nothing is really reserved."""


class Sandbox:
    """What the script wants of a command, without cliff: a parser, and something to run."""

    deprecated = False

    def __init__(self, app: Any, app_args: argparse.Namespace | None) -> None:
        self.app = app

    def get_description(self) -> str:
        """What the help says of the command."""
        return _DESCRIPTION

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The options."""
        examples = (
            '',
            '--port 0 --hosts 100 --seed empty --db sandbox.db',
            "--speed 3600 --fail 'POST /v1/leases 503 x3' --fail 'GET /v1/* delay=2'",
        )
        parser = argparse.ArgumentParser(
            prog=prog_name,
            description=_DESCRIPTION,
            epilog='\n'.join(
                ['Examples:', *(f'  {prog_name} {each}'.rstrip() for each in examples)]
            ),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.add_argument(
            '--port',
            type=_port,
            default=DEFAULT_PORT,
            metavar='N',
            help=f'Port on 127.0.0.1; 0 takes any that is free (default: {DEFAULT_PORT})',
        )
        parser.add_argument(
            '--hosts',
            type=_count,
            default=8,
            metavar='N',
            help='How many hosts there are (default: 8)',
        )
        parser.add_argument(
            '--seed',
            default='demo',
            metavar='demo|empty|FILE.yaml',
            help='What is there at the start: hosts, flavors and a network, with a few leases '
            '(demo, the default) or without (empty), or what a file says',
        )
        parser.add_argument(
            '--db',
            metavar='FILE|URL',
            help='Keep everything in this SQLite file, or in the MariaDB of an SQLAlchemy URL, and '
            'go on with what is in it (default: memory)',
        )
        parser.add_argument(
            '--clock',
            metavar='TIME',
            help='What the clock shows at the start: YYYY-MM-DD HH:MM (UTC), +7d (default: now)',
        )
        parser.add_argument(
            '--speed',
            type=_speed,
            metavar='N',
            help='How many times as fast as real time the clock runs; 0 lets it stand (default: 1)',
        )
        parser.add_argument(
            '--fail',
            action='append',
            default=[],
            metavar="'METHOD PATH WHAT [xN]'",
            help='A fault for tests (repeat). WHAT is a status, delay=SECONDS, cut (the answer '
            'breaks off) or refuse (closed, nothing done)',
        )
        parser.add_argument(
            '--config-file',
            metavar='FILE',
            help='Where the clouds.yaml for this sandbox goes (default: beside the file of --db, '
            'else ~/.cache/blazar-sandbox/PORT/clouds.yaml)',
        )
        parser.add_argument(
            '--pin',
            choices=('1.0', '1.1', '1.2'),
            help='The newest microversion that it speaks: 1.0 is a Blazar without a gateway '
            '(default: 1.2)',
        )
        # For programs that start one: it ends with them, even if they are killed.
        parser.add_argument('--until-stdin-closes', action='store_true', help=argparse.SUPPRESS)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run until somebody ends it.

        :returns: 0 after Ctrl-C or SIGTERM, 1 when it cannot start.
        """
        if not logging.getLogger().isEnabledFor(logging.DEBUG):
            for name, level in _QUIET.items():
                logging.getLogger(name).setLevel(level)
        try:
            from blazarclient.server.sandbox import serving
        except ModuleNotFoundError as missing:
            if (missing.name or '').partition('.')[0] == 'blazarclient':
                raise
            self.app.stderr.write(_MISSING.format(what='The sandbox', module=missing.name))
            return 1
        try:
            options = serving.Options(
                port=parsed_args.port,
                hosts=parsed_args.hosts,
                seed=parsed_args.seed,
                database=parsed_args.db,
                clock=parsed_args.clock,
                speed=parsed_args.speed,
                faults=parsed_args.fail,
                config_file=parsed_args.config_file,
                pin=parsed_args.pin,
                until_stdin_closes=parsed_args.until_stdin_closes,
            )
            serving.serve(options, self.app.stdout)
        except serving.CannotStart as reason:
            self.app.stderr.write(f'{reason}\n')
            return 1
        return 0


def gateway() -> int:
    """Run ``blazar-gateway``, or say how to install it."""
    try:
        from blazarclient.server.gateway import main
    except ModuleNotFoundError as missing:
        if (missing.name or '').partition('.')[0] == 'blazarclient':
            raise
        sys.stderr.write(_MISSING.format(what='blazar-gateway', module=missing.name))
        return 1
    return main()


def _port(text: str) -> int:
    return _whole(text, 65535, 'a port')


def _count(text: str) -> int:
    return _whole(text, 10_000, 'a number of hosts')


def _whole(text: str, most: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise argparse.ArgumentTypeError(f'{text!r} is not {what}: 0 to {most}')
    return int(text)


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        number = float(text)
        if math.isfinite(number) and number >= 0:
            return number
    raise argparse.ArgumentTypeError(f'{text!r} is not a speed: 0 stands still, 1 is real time')
