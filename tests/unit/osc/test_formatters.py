"""The light formatters print what cliff's own do."""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from cliff import columns, display, lister, show
from cliff.formatters import json_format, table
from hypothesis import example, given
from hypothesis import strategies as st
from stevedore import ExtensionManager

from blazarclient.osc import command_table, formatters


class Shown(columns.FormattableColumn[Any]):
    """A value with a form for people and one for programs, as `lease show` has."""

    def human_readable(self) -> str:
        return f'<{self._value}>'


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
LATIN = st.text(st.sampled_from('abcäöüéßñŁžжЯ ._-\n'), max_size=12)
ANY = st.text(max_size=8)
WIDE = st.text(st.sampled_from('a日本語e\u0301\u200b\t\r\n🚀\x1b[1m'), max_size=8)
VALUES = st.one_of(
    PLAIN,
    LATIN,
    WIDE,
    ANY,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.lists(st.integers() | PLAIN, max_size=3),
    st.dictionaries(PLAIN, PLAIN | st.none(), max_size=3),
    st.builds(Shown, LATIN),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    heads = draw(st.lists(PLAIN | LATIN, min_size=1, max_size=4, unique=True))
    row = st.lists(VALUES, min_size=len(heads), max_size=len(heads))
    return heads, draw(st.lists(row, max_size=5))


def options(**changes: Any) -> argparse.Namespace:
    return argparse.Namespace(
        **{'max_width': 0, 'fit_width': False, 'print_empty': False, 'noindent': False, **changes}
    )


def listed(formatter: Any, heads: Sequence[str], rows: Any, args: argparse.Namespace) -> str:
    out = io.StringIO()
    formatter.emit_list(heads, rows, out, args)
    return out.getvalue()


def shown(formatter: Any, heads: Sequence[str], row: Any, args: argparse.Namespace) -> str:
    out = io.StringIO()
    formatter.emit_one(heads, row, out, args)
    return out.getvalue()


@given(tables(), st.sampled_from([0, 0, 0, 20, 200]), st.booleans())
@example((['a'], [['日本']]), 0, False)
@example((['a', 'b'], [['x\ny', 1], ['z', 22]]), 0, False)
@example((['%s'], [['%d']]), 0, False)
@example((['a', ''], [['', None]]), 0, False)
def test_tables_are_those_of_cliff(
    data: tuple[list[str], list[list[Any]]], width: int, print_empty: bool
) -> None:
    """Every list comes out byte for byte as from cliff, whatever the values and the width."""
    heads, rows = data
    args = options(max_width=width, print_empty=print_empty)
    ours = listed(formatters.TableFormatter(), heads, iter(rows), args)
    assert ours == listed(table.TableFormatter(), heads, iter(rows), args)


@given(tables(), st.sampled_from([0, 0, 30]))
def test_single_tables_are_those_of_cliff(
    data: tuple[list[str], list[list[Any]]], width: int
) -> None:
    """So does every single object."""
    heads, rows = data
    row = rows[0] if rows else []
    args = options(max_width=width)
    ours = shown(formatters.TableFormatter(), heads, row, args)
    assert ours == shown(table.TableFormatter(), heads, row, args)


@given(tables(), st.booleans())
@example((['a', 'a'], [[1, 2]]), False)
@example((['a', 'b'], [[1]]), True)
@example(([], [[]]), False)
def test_json_is_that_of_cliff(data: tuple[list[str], list[list[Any]]], noindent: bool) -> None:
    """JSON comes out byte for byte as from cliff."""
    heads, rows = data
    args = options(noindent=noindent)
    ours, theirs = formatters.JSONFormatter(), json_format.JSONFormatter()
    assert listed(ours, heads, iter(rows), args) == listed(theirs, heads, iter(rows), args)
    for row in rows:
        assert shown(ours, heads, row, args) == shown(theirs, heads, row, args)


def test_long_lists_are_complete() -> None:
    """Rows are written in portions, and none is lost between two."""
    rows = [(f'id-{number}', number) for number in range(2501)]
    args = options()
    for ours, theirs in (
        (formatters.TableFormatter(), table.TableFormatter()),
        (formatters.JSONFormatter(), json_format.JSONFormatter()),
    ):
        assert listed(ours, ('id', 'n'), rows, args) == listed(theirs, ('id', 'n'), rows, args)


def test_repeated_column_is_refused_as_by_cliff() -> None:
    """A table with the same column twice is cliff's error, not a wrong table."""
    with pytest.raises(ValueError, match='unique'):
        listed(formatters.TableFormatter(), ('a', 'a'), [(1, 2)], options())


@pytest.mark.parametrize('width', [10, 24, 200])
def test_terminal_width_is_kept(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """On a terminal a wide table is wrapped as by cliff."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, 'stdout', Terminal())
    monkeypatch.setattr('cliff.utils.terminal_width', lambda: width)
    rows = [('word ' * 6, 'b')]
    ours = listed(formatters.TableFormatter(), ('one', 'two'), rows, options())
    assert ours == listed(table.TableFormatter(), ('one', 'two'), rows, options())


@pytest.mark.parametrize('namespace', ['cliff.formatter.list', 'cliff.formatter.show'])
def test_known_formatters_are_all_that_cliff_has(namespace: str) -> None:
    """Names, options and their help are those that cliff's own search would give."""
    found: ExtensionManager[Any] = ExtensionManager(namespace, invoke_on_load=True)
    ours = formatters.known(namespace)
    theirs = {
        extension.name: extension
        for extension in found
        if extension.module_name.startswith('cliff.')
    }
    assert sorted(ours.names()) == sorted(theirs)
    for extension in ours:
        texts = []
        for formatter in (extension.obj, theirs[extension.name].obj):
            parser = argparse.ArgumentParser(prog='p')
            assert formatter is not None
            formatter.add_argument_group(parser)
            texts.append(parser.format_help())
        assert texts[0] == texts[1]


class List(formatters.FastOutput, lister.Lister):
    """List what there is."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Iterator[Any]]:
        return ('a', 'b'), iter([(1, 'x')])


class Show(formatters.FastOutput, show.ShowOne):
    """Show one."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        return ('a', 'b'), (1, 'x')


class App:
    """As much of an application as a command asks for."""

    interactive_mode = False

    def __init__(self, *words: str) -> None:
        self.command_options = list(words)
        self.stdout = io.StringIO()


@pytest.mark.parametrize('kind', [List, Show])
@pytest.mark.parametrize(
    ('words', 'names_another'),
    [
        (['-f', 'json'], False),
        (['-fjson'], False),
        (['--format', 'yaml'], False),
        (['--format=value'], False),
        (['--form', 'table'], False),
        (['--fit-width', 'x'], False),
        (['name', '-c', 'f'], False),
        ([], False),
        (['-f', 'html'], True),
        (['-fhtml'], True),
        (['--format=html'], True),
        (['--for', 'html'], True),
        (['--help'], True),
    ],
)
def test_other_formatters_are_found_when_named(
    monkeypatch: pytest.MonkeyPatch, kind: Any, words: list[str], names_another: bool
) -> None:
    """The search for formatters of other packages happens only when one may be asked for."""
    searched = []
    original = ExtensionManager.__init__

    def note(self: Any, namespace: str, *args: Any, **kwargs: Any) -> None:
        searched.append(namespace)
        original(self, namespace, *args, **kwargs)

    monkeypatch.setattr(ExtensionManager, '__init__', note)
    app = App(*words)
    command = kind(app, None)
    assert bool(searched) is names_another
    assert '--noindent' in command.get_parser('blazar').format_help()


@pytest.mark.parametrize('kind', [List, Show])
@pytest.mark.parametrize('form', ['table', 'json'])
def test_commands_print_through_them(kind: Any, form: str) -> None:
    """A command with FastOutput before it runs as cliff runs it."""
    app = App('-f', form)
    command = kind(app, None)
    assert command.run(command.get_parser('p').parse_args(['-f', form, '-c', 'b'])) == 0
    assert 'x' in app.stdout.getvalue()


def test_every_list_and_show_command_has_them() -> None:
    """No command that shows something searches for formatters, under either script."""
    classes = [
        getattr(importlib.import_module(module), name)
        for module, name in (target.split(':') for target in command_table.COMMANDS.values())
    ]
    shows = [kind for kind in classes if issubclass(kind, display.DisplayCommandBase)]
    assert shows
    assert not [kind for kind in shows if not issubclass(kind, formatters.FastOutput)]
