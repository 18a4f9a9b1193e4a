"""The ``blazar`` script: the commands of ``openstack reservation``, started fast.

It knows its commands and output formats without a search, loads only the command and the
authentication type that are used, and reads a plain clouds.yaml itself. cliff's application,
help and interactive mode are loaded only when they are asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from blazarclient import exception
from blazarclient.osc import command_table, plugin

if TYPE_CHECKING:
    from blazarclient.client import Client
    from blazarclient.osc.authentication import Login

__all__ = ['BlazarShell', 'main']

LOG = logging.getLogger(__name__)

_INTERRUPTED, _BROKEN_PIPE = 130, 141


class _Parser(argparse.ArgumentParser):
    """The global options; an error is one line, for the usage of 50 options helps nobody."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'{self.prog}: {message}. See: {self.prog} --help\n')


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from blazarclient import __version__

        sys.stdout.write(f'{__version__}\n')
        parser.exit()


class ClientManager:
    """Makes the session and the client when a command asks for them."""

    def __init__(self, login: Login, options: argparse.Namespace) -> None:
        self._login = login
        self._options = options

    @functools.cached_property
    def _config(self) -> dict[str, Any]:
        return self._login.configuration(self._options)

    def get_configuration(self) -> dict[str, Any]:
        """The settings of the cloud, options included."""
        return self._config

    @property
    def region_name(self) -> str | None:
        return self._config.get('region_name')

    @property
    def interface(self) -> str | None:
        return self._config.get('interface')

    @functools.cached_property
    def session(self) -> Any:
        """A keystoneauth1 session, which logs in with its first request."""
        return self._login.session(self._options, self._config)

    @functools.cached_property
    def reservation(self) -> Client:
        """The client of the reservation service."""
        return plugin.make_client(self)

    def close(self) -> None:
        """Give back the connections, if there ever were any."""
        if 'session' in vars(self):
            self.session.session.close()


class BlazarShell:
    """One run of the script; what commands know as ``self.app``.

    :param words: the command line without the program's name.
    """

    NAME = 'blazar'
    LOG = LOG

    parser: argparse.ArgumentParser
    options: argparse.Namespace
    client_manager: ClientManager

    def __init__(self, words: Sequence[str]) -> None:
        self.command_options = list(words)
        self.interactive_mode = False
        #: Whether nested values in JSON are one text each, as in python-blazarclient 4.
        self.legacy_json = False
        self.stdin: TextIO = sys.stdin
        self.stdout: TextIO = sys.stdout
        self.stderr: TextIO = sys.stderr
        self.options = argparse.Namespace(debug='--debug' in words)

    @functools.cached_property
    def command_manager(self) -> Any:
        """The commands as cliff's own commands want them."""
        return command_table.manager()

    def run(self) -> int:
        """Run the command line; return the exit code."""
        console = logging.StreamHandler(self.stderr)
        root = logging.getLogger()
        level = root.level
        root.addHandler(console)
        try:
            return self._reported(self._run, console)
        finally:
            if hasattr(self, 'client_manager'):
                self.client_manager.close()
            root.removeHandler(console)
            root.setLevel(level)

    def _run(self, console: logging.Handler) -> int:
        rest = self._start(console)
        return self._interact() if self.interactive_mode else self.run_subcommand(rest)

    def _start(self, console: logging.Handler) -> list[str]:
        """Read the global options; return what is left of the command line."""
        from blazarclient.osc.authentication import Login

        words = self.command_options
        end = words.index('--') if '--' in words else len(words)
        login = Login(words[:end])
        self.parser = build_parser(login)
        self.options, rest = self.parser.parse_known_args(words[:end])
        rest += words[end:]
        _configure_logging(console, self.options)
        self.client_manager = ClientManager(login, self.options)
        if self.options.deferred_help:
            rest.insert(0, 'help')
        self.interactive_mode = not rest
        return rest

    def _interact(self) -> int:
        from cliff.interactive import InteractiveApp

        parent: Any = self
        # cmd2 would take the options for commands.
        given, sys.argv = sys.argv, sys.argv[:1]
        try:
            InteractiveApp(parent, self.command_manager, self.stdin, self.stdout).cmdloop()
        finally:
            sys.argv = given
        return 0

    def run_subcommand(self, argv: list[str]) -> int:
        """Run one command, with its options; return the exit code."""
        found = command_table.find(argv)
        if found is None:
            reason = command_table.why_not(argv, self.parser._option_string_actions)
            self.stderr.write(f'{reason}\n')
            return 2
        self.legacy_json = found.hyphenated
        return self._reported(self._run_found, found)

    def _run_found(self, found: command_table.Found) -> int:
        module, _, kind = found.target.partition(':')
        command = getattr(importlib.import_module(module), kind)(self, self.options)
        name = found.name if self.interactive_mode else f'{self.NAME} {found.name}'
        parser = command.get_parser(name)
        parsed_args, unknown = parser.parse_known_args(found.rest)
        if unknown:
            options = {*parser._option_string_actions, *self.parser._option_string_actions}
            parser.error(command_table.unknown_options(unknown, options))
        code: int = command.run(parsed_args)
        return code

    def _reported(self, act: Callable[..., int], argument: Any) -> int:
        """Say what went wrong in one sentence; with --debug also where."""
        try:
            return act(argument)
        except BrokenPipeError:
            raise
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else 0
        except Exception as error:
            text = str(error)
            if not isinstance(error, exception.BlazarClientException):
                text = exception.redact(' '.join(text.split())) or type(error).__name__
            LOG.error(text, exc_info=error if self.options.debug else None)
            return 1


def build_parser(login: Login) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=BlazarShell.NAME,
        description='Command-line interface to the OpenStack Reservation service (Blazar)',
        add_help=False,
        # Options of commands must not be taken for the beginning of a global one.
        allow_abbrev=False,
    )
    parser.add_argument('--version', action=_Version, nargs=0, help='Show the version and exit')
    parser.add_argument(
        '-v',
        '--verbose',
        action='count',
        dest='verbose_level',
        default=1,
        help='Increase verbosity of output. Can be repeated.',
    )
    parser.add_argument(
        '-q',
        '--quiet',
        action='store_const',
        dest='verbose_level',
        const=0,
        help='Suppress output except warnings and errors',
    )
    parser.add_argument(
        '-h',
        '--help',
        action='store_true',
        dest='deferred_help',
        help='Show this help message, or that of a command, and exit',
    )
    parser.add_argument(
        '--debug', action='store_true', help='Print debugging output, and where errors come from'
    )
    plugin.build_option_parser(parser)
    parser.add_argument(
        '--os_reservation_api_version',
        type=plugin.given,
        dest='os_reservation_api_version',
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )
    for option, variable, instead in (
        ('service-type', 'BLAZAR_SERVICE_TYPE', '--os-service-type'),
        ('endpoint-type', 'OS_ENDPOINT_TYPE', '--os-interface'),
    ):
        parser.add_argument(
            f'--{option}',
            metavar=f'<{option}>',
            default=os.environ.get(variable),
            help=f'(deprecated) Use {instead} instead (Env: {variable})',
        )
    login.add_options(parser)
    return parser


def _configure_logging(console: logging.Handler, options: argparse.Namespace) -> None:
    level = logging.WARNING - 10 * options.verbose_level
    if options.debug or level <= logging.DEBUG:
        level = logging.DEBUG
        console.setFormatter(logging.Formatter('%(levelname)s: %(name)s %(message)s'))
    logging.getLogger().setLevel(level)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the ``blazar`` script.

    :param argv: the command line without the program's name; that of the process by default.
    :returns: 0 for success, 1 for an error, 2 for a command line that is wrong, 130 after Ctrl-C.
    """
    _open_missing()
    try:
        code = BlazarShell(sys.argv[1:] if argv is None else argv).run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        code = _BROKEN_PIPE
    if argv is None:
        # The process ends: looking for garbage among all that was imported would take 40 ms.
        gc.freeze()
    return code


def _open_missing() -> None:
    """Let what a process without standard streams writes go nowhere, as a service may be one.

    A lease that was made must not end in an error because nobody reads its ID.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _forget_stdout() -> None:
    """Let the interpreter's last flush go nowhere; whoever read our output is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):
        os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == '__main__':
    sys.exit(main())
