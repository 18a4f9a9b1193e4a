"""How punctual the warnings before the end of leases are; writes a table for the documentation.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.timers
"""

import argparse
import statistics
from pathlib import Path

from tests.benchmarks.databases import every_kind, table
from tests.faults.lead_times import LEADS, Figures, run

TABLE = 'doc/source/contributor/reliability-timers-table.rst'
HEADINGS = (
    'database',
    'leases',
    'ending at one moment',
    'warnings wanted',
    'given',
    'given twice',
    'of old dates',
    'late, median',
    'late, at most',
)


def row(name: str, together: int, found: Figures) -> tuple[str, ...]:
    """The cells of one run."""
    return (
        name,
        f'{found.leases:,}',
        f'{together:,}',
        f'{found.wanted:,}',
        f'{found.given:,}',
        f'{found.twice:,}',
        f'{found.of_old_dates:,}',
        f'{statistics.median(found.late):.2f} s',
        f'{found.late[-1]:.2f} s',
    )


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--leases', type=int, default=1000)
    parser.add_argument('--together', type=int, default=250)
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    given = parser.parse_args()
    rows = [
        row(name, given.together, run(url, leases=given.leases, together=given.together))
        for name, url in every_kind()
    ]
    about = (
        f'{given.leases:,} leases, each with {len(LEADS)} lead times, its end moved twice; two '
        'timers work on the database at the same time.'
    )
    text = table('python -m tests.benchmarks.timers', about, HEADINGS, rows)
    given.output.write_text(text)
    print(text)


if __name__ == '__main__':
    main()
