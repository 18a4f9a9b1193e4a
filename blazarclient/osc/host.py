"""Hosts that can be reserved: ``openstack reservation host ...``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import columns, examples, formatters, lookup, options

_COLUMNS = ('id', 'hypervisor_hostname', 'vcpus', 'memory_mb', 'local_gb')


class CreateHost(formatters.FastOutput, command.ShowOne):
    """Make a hypervisor of the cloud reservable.

    From then on Nova places only instances of reservations on it.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'name', metavar='HOST', help='Host name of the hypervisor, as Nova lists it'
        )
        _add_extra(parser, 'to set')
        examples.show(parser, 'compute-1', 'compute-2 --extra gpu=True --extra rack=r1')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        extra = _extra(parsed_args)
        host = lookup.client(self).hosts.create(parsed_args.name, **extra)
        self.app.stderr.write(f'Created a new host: {host["id"]}\n')
        return columns.fields(host, columns.as_data(self.app, parsed_args))


class DeleteHost(command.Command):
    """Make hosts no longer reservable. The hypervisors stay in the cloud."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'hosts', metavar='HOST', nargs='+', help='Host(s) to delete (name or ID)'
        )
        examples.show(parser, 'compute-1 compute-2')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        hosts = lookup.client(self).hosts
        lookup.each(self, 'host', parsed_args.hosts, lambda name: lookup.delete(hosts, name))


class ListHost(formatters.FastOutput, command.Lister):
    """List the hosts that can be reserved."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        columns.add_sort_by(parser, 'hypervisor_hostname')
        examples.show(parser, '--sort-by vcpus', '-c hypervisor_hostname -c gpu')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.host import Host

        selection = columns.Selection(parsed_args, Host, _COLUMNS, open_ended=True)
        hosts = lookup.client(self).hosts.list(selection.fields)
        return selection.rows(hosts, columns.as_data(self.app, parsed_args))


class SetHost(command.Command):
    """Set extra capabilities of a host."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('host', metavar='HOST', help='Host to change (name or ID)')
        _add_extra(parser, 'to set')
        examples.show(parser, 'compute-1 --extra gpu=True --extra rack=r1')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        extra = _extra(parsed_args)
        if not extra:
            raise exception.InvalidInput(
                f'There is nothing to set on host {parsed_args.host!r}: give at least one '
                '--extra KEY=VALUE.'
            )
        _update(self, parsed_args.host, extra)


class ShowHost(formatters.FastOutput, command.ShowOne):
    """Show a host with all of its capabilities."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('host', metavar='HOST', help='Host to show (name or ID)')
        examples.show(parser, 'compute-1', 'compute-1 -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        host = lookup.client(self).hosts.find(parsed_args.host)
        return columns.fields(host, columns.as_data(self.app, parsed_args))


class UnsetHost(command.Command):
    """Remove extra capabilities from a host."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('host', metavar='HOST', help='Host to change (name or ID)')
        parser.add_argument(
            '--extra',
            metavar='KEY',
            action='append',
            dest='extra_capabilities',
            default=[],
            help='Extra capability to remove (repeat for several)',
        )
        examples.show(parser, 'compute-1 --extra gpu --extra rack')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        keys = parsed_args.extra_capabilities
        if not keys:
            raise exception.InvalidInput(
                f'There is nothing to remove from host {parsed_args.host!r}: give at least one '
                '--extra KEY.'
            )
        for key in keys:
            if '=' in key:
                raise exception.InvalidInput(
                    f'--extra {key!r} names no capability: to remove one, give its key without '
                    f'a value, as in --extra {key.partition("=")[0]}.'
                )
        _update(self, parsed_args.host, dict.fromkeys(keys))


def _add_extra(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        '--extra',
        metavar='KEY=VALUE',
        action='append',
        dest='extra_capabilities',
        default=[],
        help=f'Extra capability {what} (repeat for several)',
    )


def _extra(parsed_args: argparse.Namespace) -> dict[str, object]:
    """The capabilities given; of one given twice the last, as ever."""
    extra: dict[str, object] = {}
    for given in parsed_args.extra_capabilities:
        key, value = options.parse_key_value(given)
        if key in ('id', 'name'):
            raise exception.InvalidInput(
                f'--extra {given!r}: {key!r} is what a host is known by, and no capability that '
                'can be set.'
            )
        extra[key] = value
    return extra


def _update(asking: command.Command, text: str, capabilities: Mapping[str, object]) -> None:
    hosts = lookup.client(asking).hosts
    host_id = text if hosts.ID.fullmatch(text) else hosts.find(text)['id']
    hosts.update(host_id, **capabilities)
    asking.app.stdout.write(f'Updated host: {text}\n')
