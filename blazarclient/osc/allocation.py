"""Which reservations hold which resources: ``openstack reservation allocation ...``.

Chameleon's words for ``allocation list host`` are ``host allocation list``.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from osc_lib.command import command

from blazarclient.osc import columns, examples, formatters, lookup

if TYPE_CHECKING:
    from blazarclient.collection import Collection
    from blazarclient.resources.allocation import Allocations

_KINDS = ('host', 'device', 'network')
_COLUMNS = ('resource_id', 'reservations')


class ListAllocation(formatters.FastOutput, command.Lister):
    """List the reservations of every resource of a type."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        kind = _add_arguments(parser)
        columns.add_sort_by(parser, 'resource_id')
        examples.show(
            parser, kind, f'{kind} --lease-id cd4688fd-d2bf-479e-a333-d92c7cc62242'.strip()
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.allocation import Allocation

        selection = columns.Selection(parsed_args, Allocation, _COLUMNS)
        _, held = _collections(self, parsed_args.resource_type)
        allocations = held.list(
            lease_id=parsed_args.lease_id, reservation_id=parsed_args.reservation_id
        )
        return selection.rows(allocations, columns.as_data(self.app, parsed_args))


class ShowAllocation(formatters.FastOutput, command.ShowOne):
    """Show the reservations of one resource."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        kind = _add_arguments(parser)
        parser.add_argument('resource', metavar='RESOURCE', help='Resource to look up (name or ID)')
        name = {'device': 'pi-1', 'network': '1007'}.get(parser.get_default('resource_type'))
        examples.show(parser, f'{kind} {name or "compute-1"}'.strip())
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        resources, held = _collections(self, parsed_args.resource_type)
        allocation = held.get(lookup.identity(resources, parsed_args.resource))
        allocation['reservations'] = [
            reservation
            for reservation in allocation['reservations']
            if parsed_args.lease_id in (None, reservation['lease_id'])
            and parsed_args.reservation_id in (None, reservation['id'])
        ]
        return columns.fields(allocation, columns.as_data(self.app, parsed_args))


def _collections(asking: command.Command, kind: str) -> tuple[Collection[Any], Allocations]:
    """The resources of a type, and their allocations."""
    client = lookup.client(asking)
    if kind == 'device':
        return client.devices, client.devices.allocations
    if kind == 'network':
        return client.networks, client.networks.allocations
    return client.hosts, client.allocations


def _add_arguments(parser: argparse.ArgumentParser) -> str:
    """Add what both take; returns what an example has to begin with."""
    said = re.search(rf'\b({"|".join(_KINDS)})[ -]allocation[ -]', parser.prog)
    if said:
        parser.set_defaults(resource_type=said[1])
    else:
        parser.add_argument(
            'resource_type',
            choices=_KINDS,
            help='Type of the resources; device and network in clouds of Chameleon',
        )
    parser.add_argument(
        '--lease-id', metavar='LEASE_ID', help='Show only reservations of the lease with this ID'
    )
    parser.add_argument(
        '--reservation-id',
        metavar='RESERVATION_ID',
        help='Show only the reservation with this ID',
    )
    return '' if said else 'host'
