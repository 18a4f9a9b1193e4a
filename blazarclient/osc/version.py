"""Which versions of the API there are, and which one is spoken."""

from __future__ import annotations

import argparse

from osc_lib.command import command

from blazarclient.osc import columns, examples, formatters, lookup


class ShowVersion(formatters.FastOutput, command.ShowOne):
    """Show the versions that the service and this client speak, and the one in use.

    The versions of the objects are those of the version in use.
    """

    get_epilog = examples.get_epilog

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        examples.show(parser, '', '-f json')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[list[str], list[object]]:
        found = lookup.client(self).api_versions()
        data = columns.as_data(self.app, parsed_args)
        return [*found], [value if data else columns.text(value) for value in found.values()]
