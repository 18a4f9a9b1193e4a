"""Hosts that can be reserved: ``openstack reservation host ...``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import capabilities, columns, examples, formatters, lookup

_RESERVED = ('id', 'name')
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
        capabilities.add_values(parser)
        examples.show(parser, 'compute-1', 'compute-2 --extra gpu=True --extra rack=r1')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        extra = capabilities.values(parsed_args, 'host', _RESERVED)
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


class ReallocateHost(command.Command):
    """Move reservations from a host to others, in a cloud of Chameleon.

    What finds no other host stays where it is, unless it is forced off.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('host', metavar='HOST', help='Host to free (name or ID)')
        parser.add_argument(
            '--lease-id', metavar='LEASE_ID', help='Move only reservations of this lease'
        )
        parser.add_argument(
            '--reservation-id', metavar='RESERVATION_ID', help='Move only this reservation'
        )
        parser.add_argument(
            '--force',
            action='store_true',
            help='Take reservations off the host even where no other host is free',
        )
        examples.show(
            parser, 'compute-1', 'compute-1 --lease-id cd4688fd-d2bf-479e-a333-d92c7cc62242'
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        hosts = lookup.client(self).hosts
        hosts.reallocate(
            lookup.identity(hosts, parsed_args.host),
            lease_id=parsed_args.lease_id,
            reservation_id=parsed_args.reservation_id,
            force=parsed_args.force,
        )
        self.app.stdout.write(f'Reallocated host: {parsed_args.host}\n')


class SetHost(command.Command):
    """Set extra capabilities of a host."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('host', metavar='HOST', help='Host to change (name or ID)')
        capabilities.add_values(parser)
        examples.show(parser, 'compute-1 --extra gpu=True --extra rack=r1')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        extra = capabilities.values(parsed_args, 'host', _RESERVED)
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
        capabilities.add_keys(parser)
        examples.show(parser, 'compute-1 --extra gpu --extra rack')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        _update(self, parsed_args.host, capabilities.keys(parsed_args, 'host', parsed_args.host))


def _update(asking: command.Command, text: str, changes: Mapping[str, object]) -> None:
    hosts = lookup.client(asking).hosts
    hosts.update(lookup.identity(hosts, text), **changes)
    asking.app.stdout.write(f'Updated host: {text}\n')
