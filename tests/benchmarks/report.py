"""The table of what was measured, for a terminal and for the documentation."""

import os
import platform
from collections.abc import Iterable, Sequence

from tests.benchmarks.rows import Row

HEADINGS = ('what', 'beside', 'reference', '4.6.0', '5', 'reached', 'limit', 'kept')
NOTHING = '-'


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as texts, one for each heading."""
    marks = {'ratio': '{:.3f} x', 'difference': '{:+.1f} ms', 'most': '{:.0f}'}
    mark = marks[row.kind]
    kept = {None: NOTHING, True: 'yes', False: 'NO'}[row.kept]
    return (
        row.what,
        row.against or NOTHING,
        _value(row.reference, row.unit),
        _value(row.upstream, row.unit),
        _value(row.ours, row.unit),
        NOTHING if row.reached is None else mark.format(row.reached),
        mark.format(row.limit),
        kept,
    )


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return NOTHING
    digits = 2 if unit and value < 10 else 0
    return f'{value:,.{digits}f} {unit}'.strip()


def as_text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    lines = [HEADINGS, *(cells(row) for row in rows)]
    plain = [tuple(cell.replace('``', '') for cell in line) for line in lines]
    widths = [max(len(line[column]) for line in plain) for column in range(len(HEADINGS))]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in plain
    )


def as_rst(rows: Iterable[Row], pythons: Iterable[str], rounds: str) -> str:
    """Return the table for the documentation."""
    machine = f'{platform.system()}, {os.cpu_count()} cores'
    lines = [
        '.. Written by make bench; run it again instead of editing this file.',
        '',
        f'Measured with Python {" and ".join(pythons)} on {machine}; {rounds}.',
        '',
        '.. list-table::',
        '   :header-rows: 1',
        '',
    ]
    for line in (HEADINGS, *(cells(row) for row in rows)):
        lines += [f'   * - {line[0]}', *(f'     - {cell}' for cell in line[1:])]
    return '\n'.join([*lines, ''])
