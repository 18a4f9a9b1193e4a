"""What commands print: the columns of lists, and the fields of single objects.

Output for programs (``-f json``, ``-f yaml``) holds real structures and null. Everything else
is text: None is an empty cell, and a nested value of a single object is indented JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from blazarclient import exception

if TYPE_CHECKING:
    from blazarclient.model import Resource

_FOR_PROGRAMS = ('json', 'yaml')
#: The times that Blazar writes with a space and whole seconds.
_WITH_SPACE = frozenset({'created_at', 'updated_at'})

Row = tuple[object, ...]


def as_data(app: object, parsed_args: argparse.Namespace) -> bool:
    """Whether the output is for a program, which wants structures and nulls and no text.

    Not with ``blazar lease-show -f json``: scripts rest on the JSON of python-blazarclient 4,
    whose nested values are one text each and whose nulls are empty texts.
    """
    return parsed_args.formatter in _FOR_PROGRAMS and not getattr(app, 'legacy_json', False)


# ------------------------------------------------------------------------- lists


def add_sort_by(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--sort-by``."""
    parser.add_argument(
        '--sort-by',
        metavar='COLUMN',
        default=default,
        help=f'Column to sort by, shown or not (default: {default})',
    )


class Selection:
    """The columns that a list shows, and those it is sorted by, known before any request.

    :param kind: what is listed; its fields are the columns.
    :param default: the columns without ``-c``.
    :param known: the columns, when they are not all fields of the kind.
    :param open_ended: objects have columns beyond these, as hosts have capabilities:
        ``--sort-by`` can be judged only when they are there.
    :raises blazarclient.exception.InvalidInput: when ``--sort-by`` names no column.
    """

    def __init__(
        self,
        parsed_args: argparse.Namespace,
        kind: type[Resource],
        default: Sequence[str],
        *,
        known: Sequence[str] | None = None,
        open_ended: bool = False,
    ) -> None:
        self.kind = kind
        self.known = known or list(kind.FIELDS)
        self.columns = list(dict.fromkeys(map(self._name, parsed_args.columns))) or [*default]
        self.sort_by = self._name(parsed_args.sort_by)
        # cliff promises that --sort-column ignores columns that do not exist.
        self.sort_columns = [self._name(column) for column in parsed_args.sort_columns]
        self.descending = parsed_args.sort_direction == 'desc'
        if not open_ended and self.sort_by not in self.known:
            raise self._no_such_column()

    @property
    def names(self) -> list[str]:
        """Every column that is shown or sorted by."""
        return list(dict.fromkeys([*self.columns, *self.sort_columns, self.sort_by]))

    @property
    def fields(self) -> list[str] | None:
        """The fields to ask the SDK for; None for all, when a column is none of them."""
        wanted = {*self.columns, self.sort_by}
        if not wanted.issubset(self.known):
            return None
        return [name for name in self.names if name in self.known]

    def rows(
        self,
        resources: Iterable[Resource],
        data: bool,
        shown: Mapping[str, Callable[[Any], object]] | None = None,
    ) -> tuple[list[str], list[Row]]:
        """Column names and sorted rows, as a cliff Lister returns them.

        :param data: see :func:`as_data`.
        :param shown: for a column, how its value is written.
        :raises blazarclient.exception.InvalidInput: when no object has a column asked for.
        """
        if self.fields is None:
            resources = list(resources)
            self._drop_unknown(resources)
        names = self.names
        keys = [_wire(self.kind, name) for name in names]
        get = dict.get
        rows: list[Row] = [tuple([get(r, key) for key in keys]) for r in resources]
        _sort(rows, names.index(self.sort_by), self.descending and not self.sort_columns)
        for name in reversed(self.sort_columns):
            _sort(rows, names.index(name), self.descending)
        for index, name in enumerate(self.columns):
            write = (shown or {}).get(name)
            if write is None and data and _is_json_text(self.kind, name):
                write = _structure
            if (of_time := _time_writer(self.kind, name)) and _are_modern(rows, index):
                rows = _written(rows, index, of_time)
            if write is not None:
                rows = _written(rows, index, write)
        if len(names) > len(self.columns):
            rows = [row[: len(self.columns)] for row in rows]
        return self.columns, rows if data else [_filled(row) for row in rows]

    def _name(self, column: str) -> str:
        """The column that a person means, as cliff takes it: 'Start Date' is start_date."""
        normal = column.lower().strip().replace(' ', '_')
        return normal if normal in self.known else column

    def _drop_unknown(self, resources: Sequence[Resource]) -> None:
        """Leave out columns that no object has, as python-blazarclient 4 did."""

        def exists(name: str) -> bool:
            return name in self.known or any(name in resource for resource in resources)

        if not exists(self.sort_by):
            raise self._no_such_column(resources)
        found = [name for name in self.columns if exists(name)]
        if resources and not found:
            asked = ' or '.join(map(repr, self.columns))
            raise exception.InvalidInput(f'No column is named {asked}. {self._which(resources)}')
        self.columns = found or self.columns

    def _no_such_column(self, resources: Sequence[Resource] = ()) -> exception.InvalidInput:
        return exception.InvalidInput(
            f'--sort-by {self.sort_by!r} is not a column. {self._which(resources)}'
        )

    def _which(self, resources: Sequence[Resource]) -> str:
        more = {key for resource in resources for key in resource} - set(self.kind.WIRE)
        return f'The columns are {", ".join([*self.known, *sorted(more)])}.'


def _wire(kind: type[Resource], name: str) -> str:
    return kind.FIELDS[name].wire if name in kind.FIELDS else name


def _written(rows: list[Row], index: int, write: Callable[[Any], object]) -> list[Row]:
    """The rows with one column in another form."""
    return [(*row[:index], write(row[index]), *row[index + 1 :]) for row in rows]


def _filled(row: Row) -> Row:
    """The row with empty cells for None."""
    if None in row:
        return tuple('' if value is None else value for value in row)
    return row


def _sort(rows: list[Row], index: int, descending: bool) -> None:
    try:
        rows.sort(key=itemgetter(index), reverse=descending)
    except TypeError:
        # None beside a text, or a structure: None comes last.
        rows.sort(key=lambda row: _rank(row[index]), reverse=descending)


def _rank(value: object) -> tuple[int, Any]:
    if value is None:
        return 3, ''
    if isinstance(value, (int, float)):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return 2, json.dumps(value, sort_keys=True, default=str)


# ---------------------------------------------------------------- single objects


def fields(
    resource: Resource, data: bool, *, with_space: bool = True
) -> tuple[list[str], list[object]]:
    """Names and values of a single object in the order of their names, for a cliff ShowOne.

    :param data: see :func:`as_data`.
    :param with_space: Blazar writes when it was made with a space; not so of a floating IP that
        it makes with this very answer.
    """
    kind = type(resource)
    found: dict[str, object] = {}
    for key, value in dict.items(resource):
        name = kind.WIRE[key].name if key in kind.WIRE else key
        write = _time_writer(kind, name)
        if write is _with_space and not with_space:
            write = _with_microseconds
        value = value if write is None else write(value)
        real = _structure(value) if _is_json_text(kind, name) else value
        found[name] = real if data else text(real)
    names = sorted(found)
    return names, [found[name] for name in names]


def text(value: object) -> object:
    """A value as a cell of text; nested values become indented JSON.

    A text stays as it is, also one that looks like JSON or Python.
    """
    if value is None:
        return ''
    if isinstance(value, dict):
        return json.dumps(value, indent=4)
    if isinstance(value, list):
        return '\n'.join(
            json.dumps(item, indent=4) if isinstance(item, dict) else str(item) for item in value
        )
    return value


# ------------------------------------------------------------------------- times


def _time_writer(kind: type[Resource], name: str) -> Callable[[Any], object] | None:
    """What writes a field's times as Blazar does, at any microversion; None where there are none.

    Scripts rest on these texts. What Blazar does not have is shown as it comes.
    """
    from blazarclient.wiretypes import DateTime, Instant, Nested

    found = kind.FIELDS[name].type if name in kind.FIELDS else None
    if isinstance(found, DateTime) and not isinstance(found, Instant):
        return _with_space if name in _WITH_SPACE else _with_microseconds
    if isinstance(found, Nested):
        writers = {each: _time_writer(found.item, each) for each in found.item.FIELDS}
        inside = {each: write for each, write in writers.items() if write is not None}
        return lambda items: _rewritten(items, inside) if inside else items
    return None


def _are_modern(rows: Sequence[Row], index: int) -> bool:
    """Whether a column has times that Blazar writes otherwise; one answer has one form."""
    some = next((row[index] for row in rows if row[index] is not None), None)
    return isinstance(some, list) or (isinstance(some, str) and some[-1:] == 'Z')


def _rewritten(items: Any, writers: Mapping[str, Callable[[Any], object]]) -> Any:
    if not isinstance(items, list):
        return items
    return [
        {key: writers[key](value) if key in writers else value for key, value in item.items()}
        if isinstance(item, dict)
        else item
        for item in items
    ]


def _with_microseconds(value: Any) -> Any:
    """``2026-11-20T15:38:00Z`` as ``2026-11-20T15:38:00.000000``."""
    if isinstance(value, str) and value[-1:] == 'Z':
        whole, _, fraction = value[:-1].partition('.')
        return f'{whole}.{fraction:0<6}'
    return value


def _with_space(value: Any) -> Any:
    """``2026-11-20T15:38:28Z`` as ``2026-11-20 15:38:28``."""
    if isinstance(value, str) and value[-1:] == 'Z':
        return value[:-1].partition('.')[0].replace('T', ' ')
    return value


def _is_json_text(kind: type[Resource], name: str) -> bool:
    from blazarclient.wiretypes import JsonText

    return name in kind.FIELDS and isinstance(kind.FIELDS[name].type, JsonText)


def _structure(value: object) -> object:
    """What a text of JSON says, when it holds a structure; else the text."""
    if isinstance(value, str) and value[:1] in ('{', '['):
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value


def say_secret(app: Any, parsed_args: argparse.Namespace, secret: str, of: str = '') -> None:
    """Tell to keep a secret, on standard error, and which it is where the output lacks it.

    :param of: what it is the secret of, where the output does not show it.
    """
    is_shown = not of and (not parsed_args.columns or 'secret' in parsed_args.columns)
    which = '' if is_shown else f'{of}, {secret}' if of else f' {secret}'
    app.stderr.write(
        f'Keep the secret{which}: receivers check with it who has sent a notification, and it is '
        'not shown again.\n'
    )
