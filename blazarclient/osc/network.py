"""Networks that Chameleon's Blazar reserves: ``openstack reservation network ...``.

They are segments of physical networks, and not the networks of ``openstack network ...``.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import capabilities, columns, examples, formatters, lookup

_RESERVED = ('id', 'network_type', 'physical_network', 'segment_id')
_COLUMNS = ('id', 'network_type', 'physical_network', 'segment_id')
_HELP = "(ID or segment's number)"


class CreateNetwork(formatters.FastOutput, command.ShowOne):
    """Make a segment of a network reservable, in a cloud of Chameleon.

    While a lease holds it, it is a network of Neutron.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--network-type',
            metavar='TYPE',
            required=True,
            help='How the segment is made: vlan or vxlan',
        )
        parser.add_argument(
            '--physical-network',
            metavar='NAME',
            help='Physical network that a VLAN is on; only for vlan, and required there',
        )
        parser.add_argument(
            '--segment',
            metavar='NUMBER',
            required=True,
            help='Number of the VLAN, or of the tunnel',
        )
        capabilities.add_values(parser)
        examples.show(parser, '--network-type vlan --physical-network physnet1 --segment 1007')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        kind, physical = parsed_args.network_type, parsed_args.physical_network
        if kind == 'vlan' and not physical:
            raise exception.InvalidInput(
                '--network-type vlan needs a physical network, for example --physical-network '
                'physnet1.'
            )
        if kind != 'vlan' and physical:
            raise exception.InvalidInput(
                f'--physical-network {physical!r} is for --network-type vlan, and not for {kind!r}.'
            )
        if not parsed_args.segment.isdecimal():
            raise exception.InvalidInput(
                f'--segment {parsed_args.segment!r} is not a number such as 1007.'
            )
        network = lookup.client(self).networks.create(
            kind,
            physical,
            int(parsed_args.segment),
            **capabilities.values(parsed_args, 'network', _RESERVED),
        )
        self.app.stderr.write(f'Created a new network: {network["id"]}\n')
        return columns.fields(network, columns.as_data(self.app, parsed_args))


class DeleteNetwork(command.Command):
    """Make segments no longer reservable."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'networks', metavar='NETWORK', nargs='+', help=f'Network(s) to delete {_HELP}'
        )
        examples.show(parser, '1007 1008')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        networks = lookup.client(self).networks
        lookup.each(
            self, 'network', parsed_args.networks, lambda name: lookup.delete(networks, name)
        )


class ListNetwork(formatters.FastOutput, command.Lister):
    """List the segments that can be reserved, in a cloud of Chameleon."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        columns.add_sort_by(parser, 'segment_id')
        examples.show(parser, '--sort-by physical_network')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.network import Network

        selection = columns.Selection(parsed_args, Network, _COLUMNS, open_ended=True)
        networks = lookup.client(self).networks.list(selection.fields)
        return selection.rows(networks, columns.as_data(self.app, parsed_args))


class SetNetwork(command.Command):
    """Set extra capabilities of a segment."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('network', metavar='NETWORK', help=f'Network to change {_HELP}')
        capabilities.add_values(parser)
        examples.show(parser, '1007 --extra stitch_provider=fabric')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        extra = capabilities.values(parsed_args, 'network', _RESERVED)
        if not extra:
            raise exception.InvalidInput(
                f'There is nothing to set on network {parsed_args.network!r}: give at least one '
                '--extra KEY=VALUE.'
            )
        _update(self, parsed_args.network, extra)


class ShowNetwork(formatters.FastOutput, command.ShowOne):
    """Show a segment with all of its capabilities."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('network', metavar='NETWORK', help=f'Network to show {_HELP}')
        examples.show(parser, '1007', '1007 -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        network = lookup.client(self).networks.find(parsed_args.network)
        return columns.fields(network, columns.as_data(self.app, parsed_args))


class UnsetNetwork(command.Command):
    """Remove extra capabilities from a segment."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('network', metavar='NETWORK', help=f'Network to change {_HELP}')
        capabilities.add_keys(parser)
        examples.show(parser, '1007 --extra stitch_provider')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        name = parsed_args.network
        _update(self, name, capabilities.keys(parsed_args, 'network', name))


def _update(asking: command.Command, text: str, changes: Mapping[str, object]) -> None:
    networks = lookup.client(asking).networks
    networks.update(lookup.identity(networks, text), **changes)
    asking.app.stdout.write(f'Updated network: {text}\n')
