"""What happened: ``openstack reservation notification ...``, ``... subscription listen``."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import columns, examples, formatters, lookup, options

_COLUMNS = ('sequence', 'time', 'type', 'lease_name', 'subject')
_TYPE_COLUMNS = ('name', 'description')
#: Seconds for a connection to --forward-to, and for its answer.
_TIMEOUT = (5.0, 15.0)


class ListNotification(formatters.FastOutput, command.Lister):
    """List what happened to the leases of the project, as long as it is kept."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_filter(parser)
        begin = parser.add_mutually_exclusive_group()
        begin.add_argument(
            '--since', metavar='TIME|DURATION', help='From when on: 2h is that long ago'
        )
        begin.add_argument('--after', metavar='CURSOR', help='After which place in the log')
        columns.add_sort_by(parser, 'sequence')
        examples.show(parser, '--since 2h', '--lease gpu-week -f json -c time -c type -c data')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.notification import Notification

        known = [*Notification.FIELDS, 'lease_name']
        selection = columns.Selection(parsed_args, Notification, _COLUMNS, known=known)
        told = lookup.client(self).notifications.list(
            after=parsed_args.after,
            since=parsed_args.since and options.past_option('--since', parsed_args.since),
            **_filter(self, parsed_args),
        )
        found = list(told)
        for one in found:
            about = (one.get('data') or {}).get('lease') or {}
            dict.__setitem__(one, 'lease_name', about.get('name'))
        data = columns.as_data(self.app, parsed_args)
        short = {} if data else {'type': _short_type, 'data': columns.text}
        return selection.rows(found, data, short)


class ListNotificationType(formatters.FastOutput, command.Lister):
    """List the types of notifications that one can subscribe to."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        examples.show(parser, '')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        types = lookup.client(self).notifications.types()
        return [*_TYPE_COLUMNS], [tuple(each.get(name) for name in _TYPE_COLUMNS) for each in types]


class ShowNotificationType(formatters.FastOutput, command.ShowOne):
    """Show a type of notifications: what it says, as a JSON Schema, and an example."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('type', metavar='TYPE', help='Type to show: lease.started')
        examples.show(parser, 'lease.before_end -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        types = {each.get('name'): each for each in lookup.client(self).notifications.types()}
        found = types.get(parsed_args.type)
        if found is None:
            raise exception.InvalidInput(
                f'{parsed_args.type!r} is no type of notifications. There are: '
                f'{", ".join(map(str, types))}.'
            )
        names = sorted(found)
        data = columns.as_data(self.app, parsed_args)
        return names, [found[name] if data else columns.text(found[name]) for name in names]


class Listen(command.Command):
    """Print what happens as it happens, one JSON object on each line.

    This needs no URL that the service could reach. It goes on after a connection
    that broke, without a gap and without anything twice, and ends with Ctrl-C.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_filter(parser)
        begin = parser.add_mutually_exclusive_group()
        begin.add_argument(
            '--since',
            metavar='TIME|DURATION',
            help='Print first what happened since then: 2h is that long ago',
        )
        begin.add_argument('--after', metavar='CURSOR', help='Go on after this place in the log')
        parser.add_argument(
            '--forward-to',
            metavar='URL',
            help='POST each one to this URL too, once, from this machine and signed as a webhook',
        )
        parser.add_argument(
            '--secret',
            metavar='whsec_...',
            help='What to sign with for --forward-to (default: a new one, which is printed)',
        )
        parser.add_argument(
            '--exec',
            metavar='CMD',
            dest='command',
            help='Run this program for each one, which it finds on its standard input. No shell '
            'reads it: name one for pipes (sh -c "...")',
        )
        examples.show(
            parser,
            '--lease gpu-week',
            '--since 2h --forward-to http://localhost:3000/hook',
            "--type lease.started --exec 'jq -r .data.lease.name'",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        act: list[Callable[[Mapping[str, Any], str], None]] = [self._print]
        if parsed_args.forward_to is not None:
            act.append(self._forward(parsed_args.forward_to, parsed_args.secret))
        elif parsed_args.secret is not None:
            raise exception.InvalidInput('--secret does nothing without --forward-to.')
        if parsed_args.command is not None:
            act.append(self._run(parsed_args.command))
        heard = lookup.client(self).notifications.listen(
            after=parsed_args.after,
            since=parsed_args.since and options.past_option('--since', parsed_args.since),
            report=self._say,
            **_filter(self, parsed_args),
        )
        if self.app.stderr.isatty():
            self._say('Listening. Ctrl-C ends it.')
        for notification in heard:
            text = json.dumps(notification)
            for each in act:
                each(notification, text)

    def _say(self, sentence: str) -> None:
        self.app.stderr.write(f'{sentence}\n')
        self.app.stderr.flush()

    def _print(self, notification: Mapping[str, Any], text: str) -> None:
        self.app.stdout.write(f'{text}\n')
        self.app.stdout.flush()

    def _forward(self, url: str, secret: str | None) -> Callable[[Mapping[str, Any], str], None]:
        """What sends a notification to a receiver on the user's own network."""
        import requests

        from blazarclient import webhooks

        if not url.startswith(('http://', 'https://')):
            raise exception.InvalidInput(
                f'--forward-to {url!r} is no URL: expected http://localhost:3000/hook.'
            )
        if secret is None:
            secret = webhooks.new_secret()
            self._say(f'Signing with the secret {secret}')
        # A text that is no secret is told now, and not when something happens.
        webhooks.sign('', secret, id='-')
        session = requests.Session()

        def forward(notification: Mapping[str, Any], text: str) -> None:
            headers = webhooks.sign(text, secret, id=str(notification['id']))
            headers['Content-Type'] = 'application/cloudevents+json; charset=utf-8'
            what = f'{notification["type"]} {notification["id"]}'
            try:
                answer = session.post(
                    url,
                    text.encode(),
                    headers=headers,
                    timeout=_TIMEOUT,
                    allow_redirects=False,
                )
            except requests.Timeout:
                self._say(f'{what}: not forwarded: {url} did not answer in time')
            except requests.ConnectionError:
                self._say(f'{what}: not forwarded: {url} cannot be reached')
            except requests.RequestException as error:
                self._say(f'{what}: not forwarded: {error}')
            else:
                self._say(f'{what}: {url} answered {answer.status_code}')

        return forward

    def _run(self, line: str) -> Callable[[Mapping[str, Any], str], None]:
        """What runs a command for a notification."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise exception.InvalidInput(f'--exec {line!r}: {error}.') from None
        if not words:
            raise exception.InvalidInput('--exec is empty: name a command.')
        if shutil.which(words[0]) is None:
            raise exception.InvalidInput(
                f'--exec {line!r}: there is no program {words[0]!r} that could be run.'
            )

        def run(notification: Mapping[str, Any], text: str) -> None:
            try:
                code = subprocess.run(words, input=text, text=True, check=False).returncode
            except OSError as error:
                raise exception.InvalidInput(f'--exec {line!r}: {error.strerror}.') from None
            if code:
                self._say(
                    f'{notification["type"]} {notification["id"]}: {words[0]} ended with {code}'
                )

        return run


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--type',
        metavar='TYPE',
        dest='types',
        action='append',
        default=[],
        help='Only this type: lease.started, lease.* (repeat for several). See: notification type '
        'list',
    )
    parser.add_argument('--lease', metavar='LEASE', help='Only this lease (name or ID)')
    parser.add_argument(
        '--all-projects', action='store_true', help='Those of every project (administrators)'
    )


def _filter(asking: command.Command, parsed_args: argparse.Namespace) -> dict[str, Any]:
    return {
        'types': parsed_args.types,
        'lease_id': parsed_args.lease and lookup.lease_id(asking, parsed_args.lease),
        'all_projects': parsed_args.all_projects,
    }


def _short_type(value: object) -> str:
    return str(value).removeprefix('org.openstack.reservation.')
