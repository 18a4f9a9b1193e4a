"""Leases: ``openstack reservation lease ...``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from osc_lib.command import command

from blazarclient import exception, times
from blazarclient.osc import columns, examples, formatters, lookup, options, wait

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease

_COLUMNS = ('id', 'name', 'start_date', 'end_date')
_LONG_COLUMNS = (*_COLUMNS, 'status', 'degraded', 'project_id', 'user_id', 'reservations')

_DAY = timedelta(days=1)
_TIME = 'now, +3h, "2026-11-21 15:00", or ISO 8601; without a zone it is UTC'
_DURATION = '90m, 4h, 1d12h, 2w'

#: Option of `lease set` -> the date that it moves, and whether forwards or back.
_SHIFTS = {
    'prolong_for': ('end_date', 1),
    'reduce_by': ('end_date', -1),
    'defer_by': ('start_date', 1),
    'advance_by': ('start_date', -1),
}


class CreateLease(formatters.FastOutput, command.ShowOne):
    """Reserve resources for a time.

    Each --reservation says what is reserved. physical:host takes min, max,
    hypervisor_properties, resource_properties and before_end; virtual:instance
    takes vcpus, memory_mb, disk_gb, amount, affinity and resource_properties;
    virtual:floatingip takes amount, network_id and required_floatingips;
    flavor:instance takes flavor_id, amount and affinity. Clouds of Chameleon
    have also device, which takes min, max and resource_properties, and network,
    which takes network_name, network_description, network_properties and
    resource_properties.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', metavar='LEASE', help='Name for the lease')
        parser.add_argument(
            '--start-date',
            metavar='TIME',
            default='now',
            help=f'When the lease starts (default: now): {_TIME}',
        )
        parser.add_argument(
            '--end-date',
            metavar='TIME',
            help='When the lease ends (default: 24 hours after its start)',
        )
        parser.add_argument(
            '--before-end-date',
            metavar='TIME',
            help='When to act before the end of the lease (default: as the cloud is configured)',
        )
        parser.add_argument(
            '--reservation',
            metavar='KEY=VALUE,...',
            action='append',
            dest='reservations',
            default=[],
            help='What to reserve, beginning with resource_type=TYPE (repeat for several)',
        )
        parser.add_argument(
            '--physical-reservation',
            metavar='min=N,max=N,...',
            action='append',
            dest='physical_reservations',
            default=[],
            # Of the old `blazar` only. It is understood everywhere.
            help=argparse.SUPPRESS
            if 'reservation ' in prog_name
            else 'Hosts to reserve; the same as --reservation resource_type=physical:host,...',
        )
        parser.add_argument(
            '--event',
            metavar='event_type=TYPE,event_date=TIME',
            action='append',
            dest='events',
            default=[],
            help='Event of the lease, beside those that the cloud makes (repeat for several)',
        )
        parser.add_argument(
            '--subscribe',
            metavar='URL',
            action='append',
            help='Send what happens to the lease to this URL (repeat for several)',
        )
        wait.add_arguments(parser, 'Wait until the lease is ACTIVE')
        hosts = "--reservation 'resource_type=physical:host,min=1,max=2"
        examples.show(
            parser,
            f'gpu-week --end-date +7d {hosts},resource_properties=["==", "$gpu", "True"]\'',
            f"two-hours --end-date +2h {hosts}' --wait",
            f"told --end-date +2h {hosts}' --subscribe https://ci.example.org/hook",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        values, timeout = _values(parsed_args), wait.seconds(parsed_args)
        if parsed_args.subscribe:
            values['subscriptions'] = [
                {'notify_endpoint': {'url': url}} for url in parsed_args.subscribe
            ]
        wait.check_start(parsed_args, values['start_date'])
        lease: Lease = lookup.client(self).leases.create(**values)
        self.app.stderr.write(f'Created a new lease: {lease["id"]}\n')
        for made in lease.get('subscriptions') or ():
            if made.get('secret'):
                columns.say_secret(
                    self.app, parsed_args, made['secret'], of=f' of {made.get("url")}'
                )
        if timeout is not None:
            wait.until(self, lease, 'ACTIVE', timeout)
        return columns.fields(lease, columns.as_data(self.app, parsed_args))


class DeleteLease(command.Command):
    """Delete leases, and with them their reservations."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'leases', metavar='LEASE', nargs='+', help='Lease(s) to delete (name or ID)'
        )
        wait.add_arguments(parser, 'Wait until the leases are gone')
        examples.show(parser, 'gpu-week', 'gpu-week two-hours --wait')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        timeout = wait.seconds(parsed_args)
        lookup.each(self, 'lease', parsed_args.leases, lambda text: _delete(self, text, timeout))


class ListLease(formatters.FastOutput, command.Lister):
    """List leases."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--long', action='store_true', help='Show also status, owner and reservations'
        )
        parser.add_argument(
            '--all-projects',
            action='store_true',
            help='Those of every project (administrators; a stock Blazar shows them in any case)',
        )
        columns.add_sort_by(parser, 'name')
        examples.show(
            parser, '--long', '--sort-by end_date -c name -c status -c end_date', '-f json'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.lease import Lease

        default = _LONG_COLUMNS if parsed_args.long else _COLUMNS
        selection = columns.Selection(parsed_args, Lease, default)
        leases = lookup.client(self).leases.list(
            selection.fields, all_projects=parsed_args.all_projects
        )
        # No script rests on the JSON of version 4 with --long, which is new.
        data = columns.as_data(None if parsed_args.long else self.app, parsed_args)
        short = {'reservations': _summary} if parsed_args.long and not data else {}
        return selection.rows(leases, data, short)


class SetLease(command.Command):
    """Change a lease: its name, its dates, or what it reserves."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('lease', metavar='LEASE', help='Lease to change (name or ID)')
        parser.add_argument('--name', metavar='NAME', help='New name')
        end = parser.add_mutually_exclusive_group()
        end.add_argument(
            '--prolong-for', metavar='DURATION', help=f'How much later to end: {_DURATION}'
        )
        end.add_argument('--prolong_for', help=argparse.SUPPRESS)
        end.add_argument('--reduce-by', metavar='DURATION', help='How much earlier to end')
        end.add_argument('--end-date', metavar='TIME', help=f'When to end: {_TIME}')
        start = parser.add_mutually_exclusive_group()
        start.add_argument('--defer-by', metavar='DURATION', help='How much later to start')
        start.add_argument('--advance-by', metavar='DURATION', help='How much earlier to start')
        start.add_argument('--start-date', metavar='TIME', help='When to start')
        parser.add_argument(
            '--reservation',
            metavar='id=ID,KEY=VALUE,...',
            action='append',
            dest='reservations',
            default=[],
            help='New values of a reservation of the lease (repeat for several)',
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='Send also a change that is known to put the lease into ERROR '
            '(dates and reservations of a lease with flavor:instance)',
        )
        wait.add_arguments(parser, 'Wait until the change is made')
        examples.show(
            parser,
            'gpu-week --prolong-for 2d',
            'gpu-week --reservation id=be4300e5-2f7d-4eb9-88b7-2b4a58724183,min=2,max=4',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        text, leases = parsed_args.lease, lookup.client(self).leases
        timeout = wait.seconds(parsed_args)
        moves = _moves(parsed_args)
        reservations = [
            options.parse_reservation(given, for_update=True) for given in parsed_args.reservations
        ]
        changes: dict[str, Any] = {}
        if parsed_args.name is not None:
            changes['name'] = parsed_args.name
        if reservations:
            changes['reservations'] = reservations
        if not changes and not moves:
            raise exception.InvalidInput(
                f'There is nothing to change on lease {text!r}: give at least one of --name, '
                '--prolong-for, --reduce-by, --end-date, --defer-by, --advance-by, --start-date '
                'and --reservation.'
            )
        lease_id = text
        if moves or reservations or not leases.ID.fullmatch(text):
            lease = lookup.my_lease(self, text, 'change')
            lease_id = lease['id']
            changes.update(_moved(lease, moves))
            if not parsed_args.force:
                lease.refuse_what_breaks(changes)
        changed: Lease = leases.update(lease_id, **changes)
        if timeout is not None:
            wait.until_made(changed, timeout)
        self.app.stdout.write(f'Updated lease: {text}\n')


class ShowLease(formatters.FastOutput, command.ShowOne):
    """Show a lease with its reservations and events."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('lease', metavar='LEASE', help='Lease to show (name or ID)')
        examples.show(parser, 'gpu-week', 'gpu-week -f value -c status')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        lease = lookup.client(self).leases.find(parsed_args.lease)
        return columns.fields(lease, columns.as_data(self.app, parsed_args))


class WaitLease(command.Command):
    """Wait until a lease has a status, or is gone."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('lease', metavar='LEASE', help='Lease to wait for (name or ID)')
        parser.add_argument(
            '--for',
            metavar='STATUS',
            dest='status',
            default='ACTIVE',
            help='What to wait for: PENDING, ACTIVE (the default), TERMINATED, or deleted',
        )
        parser.add_argument(
            '--wait-timeout',
            metavar='DURATION',
            default='1d',
            help='How long to wait at most (default: 1d)',
        )
        examples.show(parser, 'gpu-week', 'gpu-week --for TERMINATED --wait-timeout 8d')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        timeout = options.duration_option('--wait-timeout', parsed_args.wait_timeout)
        lease = lookup.client(self).leases.find(parsed_args.lease)
        if lease.status == 'PENDING' and parsed_args.status.upper() == 'ACTIVE':
            self.app.stderr.write(f'{lease.name} starts at {_utc(lease.start_date)}\n')
        wait.until(self, lease, parsed_args.status, timeout.total_seconds())


# ----------------------------------------------------------- values for the service


def _values(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """What `lease create` asks for."""
    now = times.utcnow()
    start = options.time_option('--start-date', parsed_args.start_date, now=now)
    # The service cuts a start to the minute; a second more would be another minute at the end.
    end = start.replace(second=0, microsecond=0) + _DAY
    if parsed_args.end_date is not None:
        end = options.time_option('--end-date', parsed_args.end_date, now=now)
    if times.to_wire(end, up=True) <= times.to_wire(start):
        raise exception.InvalidInput(
            f'--end-date {parsed_args.end_date!r} ({_utc(end)}) is not after the start of the '
            f'lease, --start-date {parsed_args.start_date!r} ({_utc(start)}).'
        )
    values: dict[str, Any] = {
        'name': parsed_args.name,
        'start_date': start,
        'end_date': end,
        'reservations': [
            *map(options.parse_physical_reservation, parsed_args.physical_reservations),
            *map(options.parse_reservation, parsed_args.reservations),
        ],
        'events': [options.parse_event(event, now=now) for event in parsed_args.events],
    }
    if parsed_args.before_end_date is not None:
        before = options.time_option('--before-end-date', parsed_args.before_end_date, now=now)
        if not times.to_wire(start) <= times.to_wire(before) <= times.to_wire(end, up=True):
            raise exception.InvalidInput(
                f'--before-end-date {parsed_args.before_end_date!r} ({_utc(before)}) is not '
                f'between the start ({_utc(start)}) and the end ({_utc(end)}) of the lease.'
            )
        values['before_end_date'] = before
    if not values['reservations']:
        raise exception.IncorrectLease(
            f'The lease {parsed_args.name!r} would reserve nothing: give at least one '
            '--reservation, for example --reservation resource_type=physical:host,min=1,max=1.'
        )
    return values


def _moves(parsed_args: argparse.Namespace) -> dict[str, datetime | timedelta]:
    """The dates that `lease set` changes: to a moment, or by a duration."""
    moves: dict[str, datetime | timedelta] = {}
    for option, (date, sign) in _SHIFTS.items():
        given = getattr(parsed_args, option)
        if given is not None:
            name = f'--{option.replace("_", "-")}'
            moves[date] = options.duration_option(name, given) * sign
    for date in ('start_date', 'end_date'):
        given = getattr(parsed_args, date)
        if given is not None:
            moves[date] = options.time_option(f'--{date.replace("_", "-")}', given)
    return moves


def _moved(lease: Lease, moves: Mapping[str, datetime | timedelta]) -> dict[str, datetime]:
    """The new dates of a lease.

    :raises blazarclient.exception.InvalidInput: when it would end before it starts.
    """
    if not moves:
        return {}
    dates = {date: times.from_wire(lease[date]) for date in ('start_date', 'end_date')}
    now = f'It is from {_utc(dates["start_date"])} to {_utc(dates["end_date"])} now.'
    moved = {}
    for date, move in moves.items():
        try:
            moved[date] = move if isinstance(move, datetime) else dates[date] + move
        except OverflowError:
            raise exception.InvalidInput(
                f'The {date} of lease {lease["name"]!r} cannot be moved by {move}: that is '
                f'outside the calendar. {now}'
            ) from None
    dates.update(moved)
    if dates['end_date'] <= dates['start_date']:
        raise exception.InvalidInput(
            f'The lease {lease["name"]!r} would end ({_utc(dates["end_date"])}) before it starts '
            f'({_utc(dates["start_date"])}). {now}'
        )
    return moved


def _utc(moment: datetime) -> str:
    return f'{times.to_wire(moment)} UTC'


def _summary(reservations: list[dict[str, Any]] | None) -> str:
    """What a lease reserves, for a cell: ``1-2 physical:host, 1 virtual:floatingip``."""
    parts = []
    for reservation in reservations or ():
        low, high = reservation.get('min'), reservation.get('max')
        amount = reservation.get('amount') if low is None else low
        if high not in (None, low):
            amount = f'{low}-{high}'
        kind = reservation.get('resource_type')
        parts.append(str(kind) if amount in (None, '') else f'{amount} {kind}')
    return ', '.join(parts)


# ------------------------------------------------------------------------- deleting


def _delete(asking: command.Command, text: str, timeout: float | None) -> None:
    leases = lookup.client(asking).leases
    if timeout is None:
        lookup.delete(leases, text, lambda name: lookup.my_lease(asking, name, 'delete'))
        return
    lease = lookup.my_lease(asking, text, 'delete')
    leases.delete(lease['id'])
    wait.until(asking, lease, 'deleted', timeout)
