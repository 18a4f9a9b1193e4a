"""Output formatters that start fast and print long lists fast, with cliff's output byte for byte.

cliff finds its formatters by a search through every installed distribution and draws tables
with prettytable, which is a third of the time of a list of 10,000 rows. Here the formatters
that cliff itself has are loaded by name, and tables and JSON of the usual values are put
together directly. What is not usual (a column wider than the terminal, wide characters,
a formatter of another package) is left to cliff.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any, TextIO

from cliff import columns, display, utils
from cliff.formatters import base
from stevedore import ExtensionManager
from stevedore.extension import Extension

if TYPE_CHECKING:
    _Display = display.DisplayCommandBase[Any]
else:
    _Display = display.DisplayCommandBase

__all__ = ['FastOutput', 'JSONFormatter', 'TableFormatter', 'known']

_KNOWN: Mapping[str, Mapping[str, str]] = {
    'cliff.formatter.list': {
        'csv': 'cliff.formatters.commaseparated:CSVLister',
        'json': 'blazarclient.osc.formatters:JSONFormatter',
        'table': 'blazarclient.osc.formatters:TableFormatter',
        'value': 'cliff.formatters.value:ValueFormatter',
        'yaml': 'cliff.formatters.yaml_format:YAMLFormatter',
    },
    'cliff.formatter.show': {
        'json': 'blazarclient.osc.formatters:JSONFormatter',
        'shell': 'cliff.formatters.shell:ShellFormatter',
        'table': 'blazarclient.osc.formatters:TableFormatter',
        'value': 'cliff.formatters.value:ValueFormatter',
        'yaml': 'cliff.formatters.yaml_format:YAMLFormatter',
    },
}

#: Characters that take one column on every terminal: Latin and Cyrillic without the
#: combining ones. For others prettytable asks wcwidth.
_ONE_COLUMN = re.compile('[ -~\u00a1-\u00ac\u00ae-\u024f\u0400-\u0482\u048a-\u04ff]*')

#: Rows written at once.
_CHUNK = 1000


class TableFormatter(base.ListFormatter, base.SingleFormatter):
    """Draws the tables that need no wrapping; the others go to cliff's formatter."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        group = parser.add_argument_group('table formatter')
        group.add_argument(
            '--max-width',
            metavar='<integer>',
            default=int(os.environ.get('CLIFF_MAX_TERM_WIDTH', '0')),
            type=int,
            help='Maximum display width, <1 to disable. You can also use the CLIFF_MAX_TERM_WIDTH '
            'environment variable, but the parameter takes precedence.',
        )
        group.add_argument(
            '--fit-width',
            action='store_true',
            default=bool(int(os.environ.get('CLIFF_FIT_WIDTH', '0'))),
            help='Fit the table to the display width. Implied if --max-width greater than 0. '
            'Set the environment variable CLIFF_FIT_WIDTH=1 to always enable',
        )
        group.add_argument(
            '--print-empty',
            action='store_true',
            help='Print empty table if there is no data to show.',
        )

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        rows = list(data)
        if not rows and not parsed_args.print_empty:
            stdout.write('\n')
        elif not _draw(column_names, rows, stdout, _width_limit(parsed_args), numbers_right=True):
            _cliff_table().emit_list(column_names, rows, stdout, parsed_args)

    def emit_one(
        self,
        column_names: Sequence[str],
        data: Sequence[Any],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        rows = list(zip(column_names, data, strict=False))
        if not rows:
            stdout.write('\n')
        elif not _draw(('Field', 'Value'), rows, stdout, _width_limit(parsed_args)):
            _cliff_table().emit_one(column_names, data, stdout, parsed_args)


class JSONFormatter(base.ListFormatter, base.SingleFormatter):
    """Writes what ``json.dump`` does, a list row by row as the data come in."""

    def add_argument_group(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument_group(title='json formatter').add_argument(
            '--noindent',
            action='store_true',
            dest='noindent',
            help='whether to disable indenting the JSON',
        )

    def emit_list(
        self,
        column_names: Sequence[str],
        data: Iterable[Sequence[Any]],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        newline = '' if parsed_args.noindent else '\n  '
        to_json = _object_writer(column_names, newline)
        objects = map(to_json, data)
        first = next(objects, None)
        if first is None:
            stdout.write('[]\n')
            return
        stdout.write(f'[{newline}{first}')
        separator = f',{newline or " "}'
        _write(stdout, (separator + text for text in objects))
        stdout.write(newline[:1] + ']\n')

    def emit_one(
        self,
        column_names: Sequence[str],
        data: Sequence[Any],
        stdout: TextIO,
        parsed_args: argparse.Namespace,
    ) -> None:
        to_json = _object_writer(column_names, '' if parsed_args.noindent else '\n')
        stdout.write(to_json(data) + '\n')


class FastOutput(_Display):
    """Put before a list or show command: its output goes through this module's formatters."""

    def _load_formatter_plugins(self) -> ExtensionManager[Any]:
        # The documentation is made without one.
        app: Any = self.app
        words = getattr(app, 'command_options', None) or sys.argv[1:]
        names = _KNOWN[self.formatter_namespace]
        if app and (app.interactive_mode or _may_name_another(words, names)):
            return super()._load_formatter_plugins()
        return known(self.formatter_namespace)


def known(namespace: str) -> ExtensionManager[Any]:
    """The formatters that cliff has, loaded without a search.

    :param namespace: ``cliff.formatter.list`` or ``cliff.formatter.show``.
    """
    extensions = []
    for name, target in _KNOWN[namespace].items():
        entry_point = importlib.metadata.EntryPoint(name, target, namespace)
        plugin = entry_point.load()
        extensions.append(Extension(name, entry_point, plugin, plugin()))
    # The one way to a manager that stevedore has not filled by a search.
    return ExtensionManager.make_test_instance(extensions, namespace)


def _may_name_another(words: Sequence[str], names: Iterable[str]) -> bool:
    """Whether a command line may ask for a formatter that is not in :data:`_KNOWN`."""
    for word, following in zip_longest(words, words[1:], fillvalue=''):
        option, _, value = word.partition('=')
        if option.startswith('-f'):
            value = word[2:].lstrip('=') or following
        elif len(option) > 3 and '--format'.startswith(option):
            value = value or following
        elif word in ('-h', '--help'):
            return True
        else:
            continue
        if value not in names:
            return True
    return False


def _cliff_table() -> Any:
    from cliff.formatters import table

    return table.TableFormatter()


def _width_limit(parsed_args: argparse.Namespace) -> float:
    """The widest table that cliff would leave as it is, in columns of the terminal."""
    if parsed_args.max_width > 0:
        return int(parsed_args.max_width)
    fit: bool = parsed_args.fit_width or (os.name != 'nt' and sys.stdout.isatty())
    return (fit and utils.terminal_width()) or float('inf')


def _draw(
    heads: Sequence[str],
    rows: list[Any],
    stdout: TextIO,
    width_limit: float,
    *,
    numbers_right: bool = False,
) -> bool:
    """Write a table, or return False, with nothing written, when that is for cliff to do."""
    count = len(heads)
    if not (rows and count) or len(set(heads)) < count or any(len(row) != count for row in rows):
        return False
    cells, widths, signs, tall = [], [], [], False
    for head, values in zip(heads, zip(*rows, strict=True), strict=True):
        texts = [value if type(value) is str else _text(value) for value in values]
        joined = '\n'.join(texts)
        if not (_one_column(head) and _one_column(joined.replace('\n', ''))):
            return False
        tall = tall or joined.count('\n') >= len(texts)
        cells.append(texts)
        widths.append(max(len(head), *map(len, joined.split('\n'))))
        signs.append('' if numbers_right and type(values[0]) in (int, float) else '-')
    rule = '+' + '+'.join('-' * (width + 2) for width in widths) + '+\n'
    if len(rule) - 1 > width_limit:
        return False
    places = [f'%{sign}{width}s' for sign, width in zip(signs, widths, strict=True)]
    line = '| ' + ' | '.join(places) + ' |\n'
    lines: Iterable[tuple[str, ...]] = zip(*cells, strict=True)
    if tall:
        lines = (
            piece
            for row in zip(*cells, strict=True)
            for piece in zip_longest(*(cell.split('\n') for cell in row), fillvalue='')
        )
    stdout.write(rule + line % tuple(heads) + rule)
    _write(stdout, (line % pieces for pieces in lines))
    stdout.write(rule)
    return True


def _one_column(text: str) -> bool:
    """Whether every character takes one column, so that the length is the width."""
    return (text.isascii() and text.isprintable()) or bool(_ONE_COLUMN.fullmatch(text))


def _text(value: object) -> str:
    if isinstance(value, columns.FormattableColumn):
        value = value.human_readable()
    return str(value)


def _object_writer(names: Sequence[str], newline: str) -> Callable[[Sequence[Any]], str]:
    """Return what writes one row as a JSON object.

    :param newline: line end and indentation of the closing brace; empty for one line.
    """
    indent = 2 if newline else None
    inner = f'{newline}  ' if newline else ''
    separator = f',{inner or " "}'
    keys = [json.dumps(name).replace('%', '%%') for name in names]
    template = '{' + inner + separator.join(f'{key}: %s' for key in keys) + newline + '}'
    quote = json.encoder.encode_basestring_ascii

    def to_json(value: object) -> str:
        if isinstance(value, columns.FormattableColumn):
            value = value.machine_readable()
        text = json.dumps(value, indent=indent)
        return text.replace('\n', inner) if newline else text

    def write_object(row: Sequence[Any]) -> str:
        if len(row) != len(keys):
            return write_any(row)
        return template % tuple([quote(v) if type(v) is str else to_json(v) for v in row])

    def write_any(row: Sequence[Any]) -> str:
        # A name that stands twice, or names and values that do not match: a dict settles it.
        data = dict(zip(names, row, strict=False))
        return _object_writer(list(data), newline)(list(data.values())) if data else '{}'

    return write_object if names and len(set(names)) == len(names) else write_any


def _write(stdout: TextIO, lines: Iterable[str]) -> None:
    remaining = iter(lines)
    while text := ''.join(islice(remaining, _CHUNK)):
        stdout.write(text)
