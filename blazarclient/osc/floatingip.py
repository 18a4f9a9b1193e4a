"""Floating IPs that can be reserved: ``openstack reservation floatingip ...``."""

from __future__ import annotations

import argparse

from osc_lib.command import command

from blazarclient.osc import columns, examples, formatters, lookup

_COLUMNS = ('id', 'floating_ip_address', 'floating_network_id')


class CreateFloatingIP(formatters.FastOutput, command.ShowOne):
    """Make a floating IP reservable."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'network_id', metavar='NETWORK', help='ID of the external network of the address'
        )
        parser.add_argument(
            'floating_ip_address',
            metavar='ADDRESS',
            help='Address to add, outside the allocation pools of its subnet',
        )
        examples.show(parser, 'b80577cb-29c5-4986-bda0-490df0441f19 203.0.113.210')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        floatingip = lookup.client(self).floatingips.create(
            floating_network_id=parsed_args.network_id,
            floating_ip_address=parsed_args.floating_ip_address,
        )
        self.app.stderr.write(f'Created a new floatingip: {floatingip["id"]}\n')
        data = columns.as_data(self.app, parsed_args)
        return columns.fields(floatingip, data, with_space=False)


class DeleteFloatingIP(command.Command):
    """Make floating IPs no longer reservable."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'floatingips',
            metavar='FLOATINGIP',
            nargs='+',
            help='Floating IP(s) to delete (address or ID)',
        )
        examples.show(parser, '203.0.113.210')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        floatingips = lookup.client(self).floatingips
        lookup.each(
            self,
            'floatingip',
            parsed_args.floatingips,
            lambda address: lookup.delete(floatingips, address),
        )


class ListFloatingIP(formatters.FastOutput, command.Lister):
    """List the floating IPs that can be reserved."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        columns.add_sort_by(parser, 'id')
        examples.show(parser, '--sort-by floating_ip_address')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.floatingip import FloatingIP

        selection = columns.Selection(parsed_args, FloatingIP, _COLUMNS)
        floatingips = lookup.client(self).floatingips.list(selection.fields)
        return selection.rows(floatingips, columns.as_data(self.app, parsed_args))


class ShowFloatingIP(formatters.FastOutput, command.ShowOne):
    """Show a floating IP that can be reserved."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'floatingip', metavar='FLOATINGIP', help='Floating IP to show (address or ID)'
        )
        examples.show(parser, '203.0.113.210')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        floatingip = lookup.client(self).floatingips.find(parsed_args.floatingip)
        return columns.fields(floatingip, columns.as_data(self.app, parsed_args))
