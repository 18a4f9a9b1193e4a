"""Examples under a command's --help."""

from __future__ import annotations

import argparse
from typing import Any

from cliff import command


def get_epilog(self: command.Command) -> str:
    """What hooks add to a command's help; takes the place of cliff's method.

    cliff's own looks through every installed distribution to name the one that brings the
    command, which takes longer (57 ms) than most commands do otherwise.
    """
    found = [hook.obj.get_epilog() for hook in self._hooks if hook.obj is not None]
    return '\n\n'.join(filter(None, found))


def show(parser: argparse.ArgumentParser, *examples: str) -> None:
    """Put examples below the options, each as a line that can be copied.

    :param examples: what follows the command's own words.
    """
    heading = 'Example' if len(examples) == 1 else 'Examples'
    lines = '\n'.join(f'  {parser.prog} {example}'.rstrip() for example in examples)
    parser.epilog = '\n\n'.join(filter(None, [f'{heading}:\n{lines}', parser.epilog]))
    # cliff's formatter would run the lines together and break them anew.
    base: Any = parser.formatter_class
    as_written: Any = type(
        'AsWritten', (base,), {'_fill_text': argparse.RawDescriptionHelpFormatter._fill_text}
    )
    parser.formatter_class = as_written
