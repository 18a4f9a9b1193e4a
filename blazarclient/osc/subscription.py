"""Subscriptions: ``openstack reservation subscription ...``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from osc_lib.command import command

from blazarclient import exception, times
from blazarclient.osc import columns, examples, formatters, lookup, options

_COLUMNS = ('id', 'name', 'url', 'types', 'status')
_LONG_COLUMNS = (
    *_COLUMNS,
    'scope',
    'lease_ids',
    'queued',
    'last_success_at',
    'last_failure_at',
    'status_reason',
    'project_id',
)
_URL = 'https://ci.example.org/hook'


class CreateSubscription(formatters.FastOutput, command.ShowOne):
    """Be told what happens to leases.

    Notifications are sent to a URL, as signed webhooks. The answer shows the
    secret that they are signed with, this once.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_endpoint(parser, required=True)
        parser.add_argument('--name', metavar='NAME', help='Name for the subscription')
        parser.add_argument(
            '--scope',
            choices=('user', 'project', 'all'),
            help='Whose leases: mine, those of the project (the default), or all '
            '(administrators; needs --expires)',
        )
        parser.add_argument(
            '--payload',
            choices=('full', 'thin'),
            help="Send the lease (the default), or only the lease's ID",
        )
        parser.add_argument(
            '--payload-version',
            metavar='1.N',
            help='Microversion whose form what is sent keeps, whatever the service learns later '
            '(default: the one spoken now)',
        )
        _add_filter(parser)
        examples.show(
            parser,
            f'--url {_URL}',
            f'--url {_URL} --type lease.started --type lease.before_end --before-end 1d',
            '--ip 10.0.0.1 --port 8217 --lease gpu-week',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        values = _values(self, parsed_args)
        for name in ('scope', 'payload', 'payload_version'):
            values[name] = getattr(parsed_args, name)
        endpoint = values.pop('notify_endpoint')
        if values['scope'] == 'all' and values.get('expires_at') is None:
            raise exception.InvalidInput(
                '--scope all needs an end within 90 days: add --expires +30d.'
            )
        made = lookup.client(self).subscriptions.create(endpoint, **values)
        self.app.stderr.write(f'Created a new subscription: {made["id"]}\n')
        if made.get('secret'):
            columns.say_secret(self.app, parsed_args, made['secret'])
        return columns.fields(made, columns.as_data(self.app, parsed_args))


class DeleteSubscription(command.Command):
    """Delete subscriptions; what was not sent yet is not sent any more."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'subscriptions',
            metavar='SUBSCRIPTION',
            nargs='+',
            help='Subscription(s) to delete (name or ID)',
        )
        examples.show(parser, 'ci')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        subscriptions = lookup.client(self).subscriptions
        lookup.each(
            self,
            'subscription',
            parsed_args.subscriptions,
            lambda text: lookup.delete(subscriptions, text),
        )


class ListSubscription(formatters.FastOutput, command.Lister):
    """List the subscriptions of the project."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--long', action='store_true', help='Show also what was sent, and what went wrong'
        )
        parser.add_argument(
            '--status',
            choices=('pending', 'active', 'failing', 'disabled', 'expired'),
            help='Only subscriptions with this status',
        )
        parser.add_argument('--lease', metavar='LEASE', help='Only those that name this lease')
        parser.add_argument(
            '--all-projects', action='store_true', help='Those of every project (administrators)'
        )
        columns.add_sort_by(parser, 'name')
        examples.show(parser, '--long', '--status failing -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.subscription import Subscription

        default = _LONG_COLUMNS if parsed_args.long else _COLUMNS
        known = ['url', *Subscription.FIELDS]
        known.remove('secret')
        selection = columns.Selection(parsed_args, Subscription, default, known=known)
        found = lookup.client(self).subscriptions.list(
            status=parsed_args.status,
            lease_id=parsed_args.lease and lookup.lease_id(self, parsed_args.lease),
            all_projects=parsed_args.all_projects,
        )
        for one in found:
            dict.__setitem__(one, 'url', (one.get('notify_endpoint') or {}).get('url'))
        data = columns.as_data(self.app, parsed_args)
        lists = {} if data else dict.fromkeys(('types', 'lease_ids', 'before_end'), _joined)
        return selection.rows(found, data, lists)


class ShowSubscription(formatters.FastOutput, command.ShowOne):
    """Show a subscription, and how it goes."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription to show (name or ID)')
        examples.show(parser, 'ci', 'ci -f value -c status')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        found = lookup.client(self).subscriptions.find(parsed_args.subscription)
        return columns.fields(found, columns.as_data(self.app, parsed_args))


class SetSubscription(command.Command):
    """Change a subscription: where it goes, what it is for, whether it is on."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription to change (name or ID)')
        _add_endpoint(parser, required=False)
        parser.add_argument('--name', metavar='NAME', help='New name')
        _add_filter(parser)
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument('--enable', action='store_true', help='Send notifications again')
        switch.add_argument('--disable', action='store_true', help='Send nothing any more')
        examples.show(
            parser, f'ci --url {_URL}', 'ci --type lease.* --before-end 1h', 'ci --enable'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes = {
            name: value for name, value in _values(self, parsed_args).items() if value is not None
        }
        if parsed_args.enable or parsed_args.disable:
            changes['enabled'] = parsed_args.enable
        if not changes:
            raise exception.InvalidInput(
                f'There is nothing to change on subscription {parsed_args.subscription!r}: give at '
                'least one of --url, --ip, --name, --type, --lease, --resource-type, --before-end, '
                '--expires, --verify, --enable and --disable.'
            )
        found = lookup.client(self).subscriptions.find(parsed_args.subscription)
        changed = lookup.client(self).subscriptions.patch(found['id'], changes)
        self.app.stdout.write(f'Updated subscription: {parsed_args.subscription}\n')
        if parsed_args.enable:
            self.app.stderr.write(
                'To be sent what happened meanwhile: subscription replay '
                f'{parsed_args.subscription} --after {changed.get("cursor")}\n'
            )


class UnsetSubscription(command.Command):
    """Take a filter or another setting away from a subscription."""

    get_epilog = examples.get_epilog

    #: Option -> attribute, and what it has without it.
    _NOTHING: Sequence[tuple[str, str, Any, str]] = (
        ('name', 'name', None, 'No name'),
        ('types', 'types', ['lease.*'], 'Every type of what happens to leases'),
        ('leases', 'lease_ids', [], 'Every lease'),
        ('resource-types', 'resource_types', [], 'Every resource type'),
        ('before-end', 'before_end', [], 'Warned before the end as the cloud is configured'),
        ('expires', 'expires_at', None, 'Without an end'),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription to change (name or ID)')
        for option, _, _, without in self._NOTHING:
            parser.add_argument(f'--{option}', action='store_true', help=without)
        examples.show(parser, 'ci --leases --expires')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes = {
            attribute: nothing
            for option, attribute, nothing, _ in self._NOTHING
            if getattr(parsed_args, option.replace('-', '_'))
        }
        if not changes:
            raise exception.InvalidInput(
                f'There is nothing to take away from subscription {parsed_args.subscription!r}: '
                f'give at least one of --{", --".join(each[0] for each in self._NOTHING)}.'
            )
        subscriptions = lookup.client(self).subscriptions
        subscriptions.patch(subscriptions.find(parsed_args.subscription)['id'], changes)
        self.app.stdout.write(f'Updated subscription: {parsed_args.subscription}\n')


class TestSubscription(formatters.FastOutput, command.ShowOne):
    """Send a test to the endpoint of a subscription, and show what it answers.

    Exits with 1 when the endpoint does not take it.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription to test (name or ID)')
        examples.show(parser, 'ci')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        self._failed = False
        code: int = super().run(parsed_args)
        return code or int(self._failed)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        result = lookup.client(self).subscriptions.find(parsed_args.subscription).test()
        self._failed = bool(result.get('error'))
        names = sorted(result)
        data = columns.as_data(self.app, parsed_args)
        return names, [result[name] if data else columns.text(result[name]) for name in names]


class RotateSecret(formatters.FastOutput, command.ShowOne):
    """Make a new secret for a subscription; for a while the old one signs, too."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription whose secret to change (name or ID)')
        parser.add_argument(
            '--overlap',
            metavar='DURATION',
            default='1d',
            help='For how long both secrets sign (default: 1d); 0m for not at all',
        )
        examples.show(parser, 'ci', 'ci --overlap 2h')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        overlap = options.duration_option('--overlap', parsed_args.overlap).total_seconds()
        found = lookup.client(self).subscriptions.find(parsed_args.subscription)
        secret = found.rotate_secret(int(overlap))
        columns.say_secret(self.app, parsed_args, secret)
        return ['id', 'secret'], [found['id'], secret]


class ReplaySubscription(formatters.FastOutput, command.ShowOne):
    """Send again what has happened.

    Each notification has the ID that it had, so that a receiver can tell which
    ones it has already.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_subscription(parser, 'Subscription to send to (name or ID)')
        begin = parser.add_mutually_exclusive_group(required=True)
        begin.add_argument(
            '--since',
            metavar='TIME|DURATION',
            help='From when on: 2h (that long ago), "2026-11-21 15:00", or ISO 8601',
        )
        begin.add_argument('--after', metavar='CURSOR', help='After which place in the log')
        parser.add_argument(
            '--until', metavar='TIME|DURATION', help='Up to when, written as --since (default: now)'
        )
        parser.add_argument(
            '--failed', action='store_true', help='Only what has not arrived before'
        )
        parser.add_argument(
            '--type',
            metavar='TYPE',
            dest='types',
            action='append',
            default=[],
            help='Only notifications of this type: lease.started, lease.* (repeat for several)',
        )
        parser.add_argument('--dry-run', action='store_true', help='Only say how many there are')
        examples.show(parser, 'ci --since 1h --failed', 'ci --since 2d --dry-run')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        since = parsed_args.since and options.past_option('--since', parsed_args.since)
        until = parsed_args.until and options.past_option('--until', parsed_args.until)
        found = lookup.client(self).subscriptions.find(parsed_args.subscription)
        count = found.replay(
            since=since,
            after=parsed_args.after,
            until=until,
            status='failed' if parsed_args.failed else None,
            types=parsed_args.types,
            dry_run=parsed_args.dry_run,
        )
        return ['id', 'notifications', 'dry_run'], [found['id'], count, parsed_args.dry_run]


# -------------------------------------------------------------- what they have in common


def _add_subscription(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument('subscription', metavar='SUBSCRIPTION', help=help)


def _add_endpoint(parser: argparse.ArgumentParser, *, required: bool) -> None:
    where = parser.add_mutually_exclusive_group(required=required)
    where.add_argument('--url', metavar='URL', help='Where notifications are sent: http or https')
    where.add_argument('--ip', metavar='ADDRESS', help='Address to send to, with --port')
    parser.add_argument('--port', metavar='N', type=int, help='Port to send to, with --ip')


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--type',
        metavar='TYPE',
        dest='types',
        action='append',
        help='What to be told of: lease.started, lease.* (repeat for several; default: lease.*). '
        'See: notification type list',
    )
    parser.add_argument(
        '--lease',
        metavar='LEASE',
        dest='leases',
        action='append',
        help='Only this lease (name or ID; repeat for several)',
    )
    parser.add_argument(
        '--resource-type',
        metavar='TYPE',
        dest='resource_types',
        action='append',
        help='Only leases that reserve this: physical:host (repeat for several)',
    )
    parser.add_argument(
        '--before-end',
        metavar='DURATION',
        action='append',
        help='How long before the end of a lease to be warned: 1d, 90m (repeat for several)',
    )
    parser.add_argument('--expires', metavar='TIME', help='When the subscription ends: +30d')
    parser.add_argument(
        '--verify',
        choices=('auto', 'options', 'test', 'get'),
        help='How the endpoint is asked whether it wants this: by the OPTIONS of CloudEvents, by a '
        'signed test, or by a GET that it answers with 204 (default: each in turn)',
    )


def _values(asking: command.Command, parsed_args: argparse.Namespace) -> dict[str, Any]:
    """The attributes that options give; None for those that were not given."""
    values: dict[str, Any] = {
        'notify_endpoint': _endpoint(parsed_args),
        'name': parsed_args.name,
        'types': parsed_args.types,
        'resource_types': parsed_args.resource_types,
        'verify': parsed_args.verify,
    }
    if parsed_args.before_end is not None:
        durations = [options.duration_option('--before-end', x) for x in parsed_args.before_end]
        values['before_end'] = [times.iso_duration(each) for each in durations]
    if parsed_args.expires is not None:
        values['expires_at'] = options.time_option('--expires', parsed_args.expires)
    if parsed_args.leases is not None:
        values['lease_ids'] = [lookup.lease_id(asking, text) for text in parsed_args.leases]
    return values


def _endpoint(parsed_args: argparse.Namespace) -> dict[str, object] | None:
    if (parsed_args.ip is None) != (parsed_args.port is None):
        raise exception.InvalidInput('--ip and --port belong together: give both, or --url.')
    if parsed_args.ip is not None:
        return {'ip_address': parsed_args.ip, 'port': parsed_args.port}
    return None if parsed_args.url is None else {'url': parsed_args.url}


def _joined(value: Any) -> object:
    return ', '.join(map(str, value)) if isinstance(value, list) else columns.text(value)
