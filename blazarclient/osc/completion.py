"""``blazar bash-completion``: every word that can follow ``blazar``."""

from __future__ import annotations

import argparse

from cliff import command

from blazarclient.osc import command_table, examples


class BashCompletion(command.Command):
    """Print all commands and options in one line, for shell completion."""

    get_epilog = examples.get_epilog

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        words = {*self.app.parser._option_string_actions, *command_table.HYPHENATED}
        for name, entry_point in self.app.command_manager:
            words.update(name.split())
            if name in command_table.COMMANDS:
                parser = entry_point.load()(self.app, None).get_parser('')
                words.update(parser._option_string_actions)
        self.app.stdout.write(' '.join(sorted(words)) + '\n')
