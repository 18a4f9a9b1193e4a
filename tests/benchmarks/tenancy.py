"""What a hostile tenant learns, and what the time of an answer tells; writes a table for the docs.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.tenancy
"""

import argparse
import contextlib
from pathlib import Path

from tests.benchmarks.databases import every_kind, table
from tests.faults.hostile_tenant import Hostile
from tests.faults.tenants import attack, opened

TABLE = 'doc/source/contributor/reliability-tenancy-table.rst'
HEADINGS = (
    'database',
    'notifications',
    'answers and webhooks searched',
    'MiB',
    'foreign facts',
    'IDs of others told from unknown ones',
    'answers of 5xx',
    'time, ID of another lease',
    'of a subscription',
)


def row(name: str, count: int, found: Hostile, times: list[float]) -> tuple[str, ...]:
    """The cells of one run."""
    return (
        name,
        f'{count:,}',
        f'{found.answers:,}',
        f'{found.bytes / 2**20:,.0f}',
        f'{len(found.leaks):,}',
        f'{len(found.tells):,}',
        f'{sum(n for status, n in found.statuses.items() if status >= 500):,}',
        *(f'{each:+.1%}' for each in times),
    )


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=100_000)
    parser.add_argument('--guesses', type=int, default=8)
    parser.add_argument('--rounds', type=int, default=2_000)
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    given = parser.parse_args()
    rows = []
    for name, url in every_kind():
        with contextlib.ExitStack() as stack:
            door, receiver = stack.enter_context(opened(url))
            found = attack(door, receiver, count=given.count, guesses=given.guesses)
            times = [
                found.time_ids('bob', '/leases/ID', found.foreign.leases, given.rounds),
                found.time_ids(
                    'bob', '/subscriptions/ID', found.foreign.subscriptions, given.rounds
                ),
            ]
            rows.append(row(name, given.count, found, times))
            for each in (*found.leaks[:5], *found.tells[:5]):
                print(each[:500])
    about = (
        'A member of another project, and one of the project of the administrator, list, guess, '
        'forge, replay and read from cursors; all answers and webhooks are searched for what is '
        'not theirs. The time is by how much the median of the answers for the ID of something '
        f'foreign differs from that for an unknown ID, of {given.rounds:,} each, in the process.'
    )
    text = table('python -m tests.benchmarks.tenancy', about, HEADINGS, rows)
    given.output.write_text(text)
    print(text)


if __name__ == '__main__':
    main()
