"""The kinds of databases that measurements go through, and the tables of what was measured."""

import os
import platform
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests import mariadb

__all__ = ['every_kind', 'table']


def every_kind() -> Iterator[tuple[str, str]]:
    """The name and the URL of an empty database of each kind, in turn: it goes with the next."""
    with tempfile.TemporaryDirectory() as folder:
        yield 'SQLite', f'sqlite:///{Path(folder, "reservation.db")}'
    with mariadb.server() as server, mariadb.empty_database(server) as url:
        yield 'MariaDB', url


def table(command: str, about: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for the documentation.

    :param command: what writes it.
    :param about: a sentence on what was measured.
    """
    machine = f'{platform.system()}, {os.cpu_count()} cores'
    lines = [
        f'.. Written by {command}; run it again instead of editing this file.',
        '',
        f'{about} Measured with Python {platform.python_version()} on {machine}.',
        '',
        '.. list-table::',
        '   :header-rows: 1',
        '',
    ]
    for line in (headings, *rows):
        lines += [f'   * - {line[0]}', *(f'     - {cell}' for cell in line[1:])]
    return '\n'.join([*lines, ''])
