"""How fast the log takes entries, and whether readers miss one; writes a table for the docs.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.log
"""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.benchmarks.databases import every_kind, table
from tests.faults.log_parties import Figures, run

TABLE = 'doc/source/contributor/reliability-log-table.rst'
HEADINGS = (
    'database',
    'entries',
    'skipped by a reader',
    'out of order or twice',
    'entries a second',
    'seen after, median',
    'seen after, p99',
)


def disorders(seen: Sequence[int]) -> int:
    """How often an entry did not come after the one before it."""
    return sum(later <= earlier for earlier, later in pairwise(seen))


def row(name: str, found: Figures) -> tuple[str, ...]:
    """The cells of one run."""
    there = set(found.there)
    return (
        name,
        f'{len(there):,}',
        f'{sum(len(there.difference(seen)) for seen in found.seen):,}',
        f'{sum(map(disorders, found.seen)):,}',
        f'{len(there) / found.seconds:,.0f}',
        f'{found.late_median * 1000:,.0f} ms',
        f'{found.late_p99 * 1000:,.0f} ms',
    )


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--entries', type=int, default=100_000)
    parser.add_argument('--writers', type=int, default=8)
    parser.add_argument('--readers', type=int, default=2)
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    given = parser.parse_args()
    rows = [
        row(
            name,
            run(url, writers=given.writers, readers=given.readers, entries=given.entries),
        )
        for name, url in every_kind()
    ]
    about = (
        f'{given.writers} processes append {given.entries:,} entries, one to five in a '
        f'transaction, of which some come to nothing, while {given.readers} processes read by '
        'cursor. It is seen after the moment at which the transaction had begun to write it.'
    )
    text = table('python -m tests.benchmarks.log', about, HEADINGS, rows)
    given.output.write_text(text)
    print(text)


if __name__ == '__main__':
    main()
