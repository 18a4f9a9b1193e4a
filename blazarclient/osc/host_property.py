"""Properties of hosts that reservations can ask for: ``openstack reservation host property ...``.

Blazar's documentation calls them capabilities, hence the alias ``host capability``.
"""

from __future__ import annotations

import argparse

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import columns, examples, formatters, lookup

_COLUMNS = ('property', 'private', 'property_values')


class ListHostProperty(formatters.FastOutput, command.Lister):
    """List the properties of hosts that reservations can ask for."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--detail',
            action='store_true',
            help='Show also whether a property is private, and the values it has',
        )
        parser.add_argument(
            '--all', action='store_true', help='List private properties, too (administrators)'
        )
        columns.add_sort_by(parser, 'property')
        examples.show(parser, '--detail', '--all --detail -f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[columns.Row]]:
        from blazarclient.resources.property import ResourceProperty

        default = _COLUMNS if parsed_args.detail else _COLUMNS[:1]
        selection = columns.Selection(parsed_args, ResourceProperty, default, known=_COLUMNS)
        properties = lookup.client(self).properties.list(
            # Without details the service gives names and nothing else.
            detail=parsed_args.detail or selection.names != ['property'],
            all=parsed_args.all,
        )
        return selection.rows(properties, columns.as_data(self.app, parsed_args))


class SetHostProperty(command.Command):
    """Hide a property of hosts from other users, or show it to them."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('property_name', metavar='PROPERTY', help='Property to change')
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            '--private', action='store_true', help='Only administrators see the property'
        )
        group.add_argument('--public', action='store_true', help='Every user sees the property')
        examples.show(parser, 'rack --private')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        name = parsed_args.property_name
        if not parsed_args.private and not parsed_args.public:
            raise exception.InvalidInput(
                f'There is nothing to set on property {name!r}: give --private or --public.'
            )
        try:
            lookup.client(self).properties.update(name, private=parsed_args.private)
        except exception.ServerError as error:
            if not error.detail.startswith('BlazarDBInvalidResourceProperty'):
                raise
            raise exception.ResourcePropertyNotFound(
                f'No host has a property {name!r}. See `host property list --all`, or give a host '
                f'the property with `host set HOST --extra {name}=VALUE`.'
            ) from None
        self.app.stdout.write(f'Updated host property: {name}\n')


class ShowHostProperty(formatters.FastOutput, command.ShowOne):
    """Show a property of hosts and the values it has."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('property_name', metavar='PROPERTY', help='Property to show')
        examples.show(parser, 'gpu', 'gpu -f json -c property_values')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        found = lookup.client(self).properties.find(parsed_args.property_name)
        # Scripts know the lists of `-f value` as python-blazarclient 4 wrote them; its JSON was
        # real here already.
        return columns.fields(found, data=parsed_args.formatter != 'table')
