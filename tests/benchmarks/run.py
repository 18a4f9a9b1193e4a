"""Measure speed and memory of this checkout beside python-blazarclient 4.6.0.

A full run takes at most 15 minutes on two cores, the first one a few minutes more to fill the
environments. Exits 1 when a limit is not kept or something could not be measured.
"""

import argparse
import fnmatch
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[0] = str(ROOT)

from tests.benchmarks import report  # noqa: E402
from tests.benchmarks.environments import (  # noqa: E402
    Builder,
    Environments,
    InstallFailed,
    find_interpreter,
)
from tests.benchmarks.measure import ProgramFailed, Runner  # noqa: E402
from tests.benchmarks.rows import GROUPS, Bench, Group, Row  # noqa: E402
from tests.benchmarks.service import Service  # noqa: E402

PYTHONS = ('python3.12', 'python3.11')
TOTAL_SECONDS = 14 * 60
QUICK_ROUNDS = 3


def options() -> argparse.Namespace:
    """Read the command line."""
    home = os.environ.get('BENCH_HOME') or '~/.cache/blazarclient-bench'
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--only', metavar='PATTERN', action='append',
                        help='only groups whose name holds or matches this (repeat)')  # fmt: skip
    parser.add_argument('--list', action='store_true', help='print the names of the groups')
    parser.add_argument('--rounds', type=int, help='rounds of each group')
    parser.add_argument('--quick', action='store_true', help=f'{QUICK_ROUNDS} rounds of each')
    parser.add_argument('--rst', type=Path, metavar='FILE', help='also write the table here')
    parser.add_argument('--python', action='append', metavar='NAME',
                        help=f'interpreters, the main one first ({" ".join(PYTHONS)})')  # fmt: skip
    parser.add_argument('--upstream-only', action='store_true', help='measure only 4.6.0')
    parser.add_argument('--fresh', action='store_true', help='make the environments anew')
    parser.add_argument('--home', type=Path, default=home,
                        help='where environments are kept ($BENCH_HOME, %(default)s)')  # fmt: skip
    chosen = parser.parse_args()
    if chosen.rst and (chosen.only or chosen.upstream_only):
        parser.error('--rst writes the whole table: leave --only and --upstream-only out')
    return chosen


def wanted(patterns: list[str] | None) -> list[Group]:
    """Return the groups that the patterns of --only name."""
    if not patterns:
        return list(GROUPS)
    return [
        group
        for group in GROUPS
        if any(text in group.name or fnmatch.fnmatch(group.name, text) for text in patterns)
    ]


def prepare(chosen: argparse.Namespace, groups: list[Group]) -> list[tuple[Group, Environments]]:
    """Return the groups that can be measured here, each with its environments."""
    found = [find_interpreter(name) for name in chosen.python or PYTHONS]
    interpreters = [interpreter for interpreter in found if interpreter]
    if not interpreters:
        raise InstallFailed('no Python to measure with; name one with --python')
    main = interpreters[0]
    builder = Builder(chosen.home.expanduser(), fresh=chosen.fresh)
    built: dict[str, Environments] = {}
    pairs = []
    for group in groups:
        version = group.python or main.version
        interpreter = next((one for one in interpreters if one.version == version), None)
        if interpreter is None or group.python == main.version:
            continue
        if version not in built:
            built[version] = builder.build(interpreter, ours=not chosen.upstream_only)
        pairs.append((group, built[version]))
    return pairs


def asked_rounds(chosen: argparse.Namespace) -> int | None:
    """Return the rounds that the command line asks for."""
    rounds: int | None = chosen.rounds or (QUICK_ROUNDS if chosen.quick else None)
    return rounds


def measure(
    chosen: argparse.Namespace, pairs: list[tuple[Group, Environments]]
) -> tuple[list[Row], bool]:
    """Measure group after group; also return whether each could be measured."""
    home = chosen.home.expanduser()
    end = time.monotonic() + TOTAL_SECONDS
    rows: list[Row] = []
    complete = True
    with Service(home) as service:
        for place, (group, environments) in enumerate(pairs):
            # Groups that take less than their share leave the rest to those after them.
            seconds = 2 * max(end - time.monotonic(), 0) / (len(pairs) - place + 1)
            rounds = asked_rounds(chosen) or group.rounds
            bench = Bench(Runner(home), service, environments, rounds, seconds)
            began = time.monotonic()
            try:
                rows += group.measure(bench)
            except ProgramFailed as error:
                complete = False
                print(f'{group.name}: {error}', file=sys.stderr)
            print(f'{group.name}: {time.monotonic() - began:.0f} s', file=sys.stderr)
    return rows, complete


def main() -> int:
    """Run what the command line asks for."""
    chosen = options()
    groups = wanted(chosen.only)
    if chosen.list:
        print('\n'.join(group.name for group in groups))
        return 0
    if not groups:
        print(f'no group matches {" ".join(chosen.only)}; --list names them', file=sys.stderr)
        return 2
    try:
        pairs = prepare(chosen, groups)
    except InstallFailed as error:
        print(error, file=sys.stderr)
        return 1
    rows, complete = measure(chosen, pairs)
    print(report.as_text(rows))
    if chosen.rst:
        pythons = dict.fromkeys(environments.interpreter.version for _, environments in pairs)
        asked = asked_rounds(chosen)
        rounds = f'only {asked} rounds of each' if asked else 'a full run'
        chosen.rst.write_text(report.as_rst(rows, pythons, rounds), encoding='utf-8')
    return 0 if complete and all(row.kept is not False for row in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
