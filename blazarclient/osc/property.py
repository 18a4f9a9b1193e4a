"""Properties that reservations can ask for: ``openstack reservation host property ...``.

Blazar's documentation calls them capabilities, hence the alias ``host capability``. Devices and
networks of Chameleon's Blazar have some, too.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from osc_lib.command import command

from blazarclient import exception
from blazarclient.osc import columns, examples, formatters, lookup

if TYPE_CHECKING:
    from blazarclient.resources.property import ResourceProperties

_COLUMNS = ('property', 'private', 'property_values')


class ListProperty(formatters.FastOutput, command.Lister):
    """List the properties that reservations can ask for."""

    get_epilog = examples.get_epilog

    @property
    def need_sort_by_cliff(self) -> bool:
        return False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _set_kind(parser)
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
        properties = _properties(self, parsed_args).list(
            # Without details the service gives names and nothing else.
            detail=parsed_args.detail or selection.names != ['property'],
            all=parsed_args.all,
        )
        return selection.rows(properties, columns.as_data(self.app, parsed_args))


class SetProperty(command.Command):
    """Hide a property from other users, or show it to them."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _set_kind(parser)
        parser.add_argument('property_name', metavar='PROPERTY', help='Property to change')
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            '--private', action='store_true', help='Only administrators see the property'
        )
        group.add_argument('--public', action='store_true', help='Every user sees the property')
        examples.show(parser, 'rack --private')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        kind, name = parsed_args.kind, parsed_args.property_name
        if not parsed_args.private and not parsed_args.public:
            raise exception.InvalidInput(
                f'There is nothing to set on property {name!r}: give --private or --public.'
            )
        try:
            _properties(self, parsed_args).update(name, private=parsed_args.private)
        except exception.ServerError as error:
            if not error.detail.startswith('BlazarDBInvalidResourceProperty'):
                raise
            raise exception.ResourcePropertyNotFound(
                f'No {kind} has a property {name!r}. See `{kind} property list --all`, or give a '
                f'{kind} the property with `{kind} set {kind.upper()} --extra {name}=VALUE`.'
            ) from None
        self.app.stdout.write(f'Updated {kind} property: {name}\n')


class ShowProperty(formatters.FastOutput, command.ShowOne):
    """Show a property and the values it has."""

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _set_kind(parser)
        parser.add_argument('property_name', metavar='PROPERTY', help='Property to show')
        examples.show(parser, 'gpu', 'gpu -f json -c property_values')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        found = _properties(self, parsed_args).find(parsed_args.property_name)
        # Scripts know the lists of `-f value` as python-blazarclient 4 wrote them; its JSON was
        # real here already.
        return columns.fields(found, data=parsed_args.formatter != 'table')


def _set_kind(parser: argparse.ArgumentParser) -> None:
    """Keep what the words of the command say has the properties."""
    said = re.search(r'\b(device|host|network)[ -](capability|property)[ -]', parser.prog)
    parser.set_defaults(kind=said[1] if said else 'host')


def _properties(asking: command.Command, parsed_args: argparse.Namespace) -> ResourceProperties:
    client = lookup.client(asking)
    if parsed_args.kind == 'device':
        return client.devices.properties
    if parsed_args.kind == 'network':
        return client.networks.properties
    return client.properties
