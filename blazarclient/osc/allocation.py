"""Which reservations hold which resources: ``openstack reservation allocation ...``."""

from __future__ import annotations

import argparse

from osc_lib.command import command

from blazarclient.osc import columns, examples, formatters, lookup

_COLUMNS = ('resource_id', 'reservations')


class ListAllocation(formatters.FastOutput, command.Lister):
    """List the reservations of every resource of a type."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_arguments(parser)
        columns.add_sort_by(parser, 'resource_id')
        examples.show(parser, 'host', 'host --lease-id cd4688fd-d2bf-479e-a333-d92c7cc62242')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.allocation import Allocation

        selection = columns.Selection(parsed_args, Allocation, _COLUMNS)
        allocations = lookup.client(self).allocations.list(
            lease_id=parsed_args.lease_id, reservation_id=parsed_args.reservation_id
        )
        return selection.rows(allocations, columns.as_data(self.app, parsed_args))


class ShowAllocation(formatters.FastOutput, command.ShowOne):
    """Show the reservations of one resource."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_arguments(parser)
        parser.add_argument('resource', metavar='HOST', help='Host to look up (name or ID)')
        examples.show(parser, 'host compute-1')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        client, text = lookup.client(self), parsed_args.resource
        host_id = text if client.hosts.ID.fullmatch(text) else client.hosts.find(text)['id']
        allocation = client.allocations.get(host_id)
        allocation['reservations'] = [
            reservation
            for reservation in allocation['reservations']
            if parsed_args.lease_id in (None, reservation['lease_id'])
            and parsed_args.reservation_id in (None, reservation['id'])
        ]
        return columns.fields(allocation, columns.as_data(self.app, parsed_args))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('resource_type', choices=['host'], help='Type of the resources')
    parser.add_argument(
        '--lease-id', metavar='LEASE_ID', help='Show only reservations of the lease with this ID'
    )
    parser.add_argument(
        '--reservation-id',
        metavar='RESERVATION_ID',
        help='Show only the reservation with this ID',
    )
