"""What is measured: one function for each group of rows, with the limit that each row must keep."""

import dataclasses
import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from tests.benchmarks import leases
from tests.benchmarks.environments import Environment, Environments
from tests.benchmarks.measure import (
    Program,
    ProgramFailed,
    Runner,
    Sample,
    median_cpu,
    median_peak,
)
from tests.benchmarks.service import Service

SDK_SCRIPT = str(Path(__file__).with_name('program.py'))
MS = 1000.0
MIB = 1 / 2**20

Kind = Literal['ratio', 'difference', 'most']


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    `against` says what `reference` is a value of. `kind` is how `ours` is held to the limit:
    divided by the reference, less the reference, or as it is. A value is None where that side was
    not measured.
    """

    what: str
    against: str
    unit: str
    reference: float | None
    upstream: float | None
    ours: float | None
    kind: Kind
    limit: float

    @property
    def reached(self) -> float | None:
        """What is compared with the limit."""
        if self.ours is None or (self.kind != 'most' and self.reference is None):
            return None
        if self.kind == 'most':
            return self.ours
        assert self.reference is not None
        return self.ours / self.reference if self.kind == 'ratio' else self.ours - self.reference

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None when there is nothing to say."""
        return None if self.reached is None else self.reached <= self.limit


@dataclasses.dataclass(frozen=True)
class Bench:
    """What a group needs to measure: where to run, how often, how long."""

    runner: Runner
    service: Service
    environments: Environments
    rounds: int
    seconds: float

    @property
    def python(self) -> str:
        """Version of the interpreter."""
        return self.environments.interpreter.version

    def measure(self, programs: Mapping[str, Program | None]) -> dict[str, list[Sample]]:
        """Run those programs that there are, in turns."""
        there = {name: program for name, program in programs.items() if program}
        return self.runner.in_turns(there, self.rounds, self.seconds)

    def sdk(self, style: str, size: int, verb: str, *words: str) -> Program | None:
        """A script that uses the SDK: program.py with one of its verbs."""
        side = self.environments.upstream if style == 'upstream' else self.environments.ours
        if side is None:
            return None
        auth_url = self.service.auth_url(size)
        # -P: the folder of the script is not one to import from.
        argv = (side.python, '-P', SDK_SCRIPT, verb, style, auth_url, *words)
        return Program(argv, {}, check=expect_count(size) if verb in {'list', 'fields'} else ignore)


def ignore(_output: str) -> None:
    """Accept every output."""


def expect_count(count: int) -> Callable[[str], None]:
    """Return a check that a script has seen so many leases."""

    def check(output: str) -> None:
        if json.loads(output)['count'] != count:
            raise ProgramFailed(f'{output.strip()} instead of {count} leases')

    return check


def expect_rows(count: int, form: str) -> Callable[[str], None]:
    """Return a check that an output shows so many leases."""

    def check(output: str) -> None:
        shown = len(json.loads(output)) if form == 'json' else output.count('\n') - 4
        if shown != count:
            raise ProgramFailed(f'{shown} leases shown instead of {count}')

    return check


def list_command(
    side: Environment | None, script: str, size: int, form: str, cloud: Mapping[str, str]
) -> Program | None:
    """`openstack reservation lease list` or `blazar lease list`."""
    if side is None:
        return None
    words = ('reservation', 'lease', 'list') if script == 'openstack' else ('lease', 'list')
    argv = (side.script(script), *words, '-f', form)
    return Program(argv, cloud, check=expect_rows(size, form))


def cpu_row(what: str, samples: dict[str, list[Sample]], side: str, limit: float) -> Row:
    """Return a row that compares the CPU of one side with upstream's."""
    upstream = median_cpu(samples['upstream']) * MS
    ours = median_cpu(samples[side]) * MS if side in samples else None
    return Row(what, '4.6.0', 'ms', upstream, upstream, ours, 'ratio', limit)


def command_lists(
    bench: Bench, size: int, form: str, limits: Mapping[str, float], source: str = 'plain'
) -> list[Row]:
    """Both scripts of ours beside upstream's `openstack`, all in the same turns."""
    cloud = bench.service.variables(size) if source == 'env' else bench.service.cloud(size, source)
    up, ours = bench.environments.upstream, bench.environments.ours
    programs = {'upstream': list_command(up, 'openstack', size, form, cloud)}
    for script in limits:
        programs[script] = list_command(ours, script, size, form, cloud)
    samples = bench.measure(programs)
    where = {'plain': 'clouds.yaml', 'env': 'environment', 'profile': "openstacksdk's loader"}
    rows = []
    for script, limit in limits.items():
        command = (
            'openstack reservation lease list' if script == 'openstack' else 'blazar lease list'
        )
        what = f'``{command}``, {size:,} leases, {form}, {where[source]}, Python {bench.python}'
        rows.append(cpu_row(what, samples, script, limit))
    return rows


def commands_10(bench: Bench) -> list[Row]:
    """Start-up: a short list."""
    first = 0.97 if bench.python != '3.11' else 0.99
    return command_lists(bench, 10, 'table', {'openstack': first, 'blazar': 0.28})


def commands_10_oldest(bench: Bench) -> list[Row]:
    """Start-up on Python 3.11, the oldest that is supported."""
    return command_lists(bench, 10, 'table', {'openstack': 0.99})


def commands_10_environment(bench: Bench) -> list[Row]:
    """Start-up with the cloud in environment variables."""
    return command_lists(bench, 10, 'table', {'blazar': 0.28}, 'env')


def commands_10_loader(bench: Bench) -> list[Row]:
    """Start-up with a clouds.yaml that only openstacksdk understands."""
    return command_lists(bench, 10, 'table', {'blazar': 0.47}, 'profile')


def commands_10000_table(bench: Bench) -> list[Row]:
    """A long list as a table."""
    return command_lists(bench, 10_000, 'table', {'openstack': 0.85, 'blazar': 0.36})


def commands_10000_json(bench: Bench) -> list[Row]:
    """A long list as JSON."""
    return command_lists(bench, 10_000, 'json', {'openstack': 0.85, 'blazar': 0.33})


def sdk_find(bench: Bench) -> list[Row]:
    """From a name to a lease."""
    name = leases.lease_name(7_000)
    sides = {side: bench.sdk(side, 10_000, 'find', name) for side in ('upstream', 'ours')}
    samples = bench.measure(sides)
    if len({sample.output for taken in samples.values() for sample in taken}) != 1:
        raise ProgramFailed('the two packages found different leases')
    return [cpu_row('``leases.find(NAME)`` among 10,000', samples, 'ours', 0.75)]


def sdk_list(bench: Bench) -> list[Row]:
    """A script that lists 10,000 leases."""
    samples = bench.measure(
        {side: bench.sdk(side, 10_000, 'list') for side in ('upstream', 'ours')}
    )
    what = '``leases.list()``, 10,000 leases'
    return [cpu_row(f'{what}, CPU', samples, 'ours', 0.90), peak_row(what, samples, 0.8)]


def sdk_fields(bench: Bench) -> list[Row]:
    """A script that lists four fields of 100,000 leases."""
    samples = bench.measure(
        {side: bench.sdk(side, 100_000, 'fields') for side in ('upstream', 'ours')}
    )
    what = '``leases.list(fields=[...])``, 4 fields of 100,000 leases'
    return [cpu_row(f'{what}, CPU', samples, 'ours', 0.8), peak_row(what, samples, 0.1)]


def peak_row(what: str, samples: dict[str, list[Sample]], limit: float) -> Row:
    """Return a row that compares peak memory, that of the interpreter included."""
    upstream = median_peak(samples['upstream']) * MIB
    ours = median_peak(samples['ours']) * MIB if 'ours' in samples else None
    return Row(f'{what}, peak memory', '4.6.0', 'MiB', upstream, upstream, ours, 'ratio', limit)


def sdk_decode(bench: Bench) -> list[Row]:
    """Listing beside json.loads of the same bytes, both within one process."""
    sides = ('upstream', 'ours')
    samples = bench.measure(
        {side: bench.sdk(side, 10_000, 'decode', str(bench.rounds)) for side in sides}
    )
    what = '``leases.list()``, 10,000 leases, within one process'
    return [beside_row(what, 'json.loads', samples, 1.25)]


def sdk_gets(bench: Bench) -> list[Row]:
    """Getting beside a bare requests.Session, both within one process."""
    samples = bench.measure({side: bench.sdk(side, 10, 'gets') for side in ('upstream', 'ours')})
    what = '1,000 x ``leases.get(ID)`` with a password, CPU per request'
    return [beside_row(what, 'requests', samples, 1.15)]


def beside_row(what: str, against: str, samples: dict[str, list[Sample]], limit: float) -> Row:
    """Return a row for a script that measures itself in turns with something else."""

    def median(side: str, name: str) -> float | None:
        taken = [json.loads(sample.output)[name] for sample in samples.get(side, [])]
        values: list[float] = [value for one in taken for value in one]
        return statistics.median(values) * MS if values else None

    reference = median('ours' if 'ours' in samples else 'upstream', against)
    upstream, ours = median('upstream', 'client'), median('ours', 'client')
    return Row(what, f'``{against}``', 'ms', reference, upstream, ours, 'ratio', limit)


def import_time(bench: Bench) -> list[Row]:
    """What importing the SDK costs."""

    def importing(side: Environment | None, module: str) -> Program | None:
        return Program((side.python, '-c', f'import {module}'), {}) if side else None

    up, ours = bench.environments.upstream, bench.environments.ours
    samples = bench.measure({
        'reference': importing(ours or up, 'keystoneauth1.adapter'),
        'upstream': importing(up, 'blazarclient.client'),
        'ours': importing(ours, 'blazarclient.client'),
    })  # fmt: skip
    return [
        difference_row('``import blazarclient.client``', '``keystoneauth1.adapter``', samples, 15)
    ]


def plugin_cost(bench: Bench) -> list[Row]:
    """What having the plugin installed costs a command of another service."""
    cloud = bench.service.cloud(10)

    def command(side: Environment | None) -> Program | None:
        return Program((side.script('openstack'), 'token', 'issue'), cloud) if side else None

    sides = bench.environments
    samples = bench.measure({
        'reference': command(sides.plain),
        'upstream': command(sides.upstream),
        'ours': command(sides.ours),
    })  # fmt: skip
    return [difference_row('``openstack token issue`` with the plugin', 'without any', samples, 5)]


def difference_row(what: str, against: str, samples: dict[str, list[Sample]], limit: float) -> Row:
    """Return a row whose limit is a number of milliseconds more than the reference.

    A few milliseconds of a second drown in what else the machine does; two runs of the same round
    share most of that, so that the median of their differences is steadier than the difference
    of medians.
    """
    reference = median_cpu(samples['reference']) * MS

    def beside(side: str) -> float | None:
        if side not in samples:
            return None
        pairs = zip(samples[side], samples['reference'], strict=True)
        return reference + statistics.median(one.cpu - other.cpu for one, other in pairs) * MS

    return Row(
        what, against, 'ms', reference, beside('upstream'), beside('ours'), 'difference', limit
    )


def requests_made(bench: Bench) -> list[Row]:
    """How often the cloud is asked."""
    name = leases.lease_name(7)
    commands = {
        'list': (('lease', 'list'), 3),
        'show NAME': (('lease', 'show', name), 3),
        'set --prolong-for NAME': (('lease', 'set', '--prolong-for', '1h', name), 4),
    }
    sides = bench.environments
    rows = []
    for cloud, auth in (('plain', 'password'), ('v3password', 'v3password')):
        variables = bench.service.cloud(10, cloud)
        for title, (words, limit) in commands.items():
            upstream = asked(bench, sides.upstream, 'openstack', words, variables)
            ours = None
            if sides.ours:
                ours = max(
                    asked(bench, sides.ours, script, words, variables)
                    for script in ('openstack', 'blazar')
                )
            what = f'requests of ``lease {title}``, {auth}'
            rows.append(Row(what, '', '', None, upstream, ours, 'most', limit))
    return rows + requests_with_token(bench, name)


def asked(
    bench: Bench,
    side: Environment,
    script: str,
    words: tuple[str, ...],
    variables: Mapping[str, str],
) -> float:
    """Return how many requests a command makes."""
    argv = (side.script(script), *(['reservation'] if script == 'openstack' else []), *words)
    bench.service.requests()
    bench.runner.run(Program(argv, variables))
    return float(len(bench.service.requests()))


def requests_with_token(bench: Bench, name: str) -> list[Row]:
    """How often a script asks whose session has a token already."""
    counted: dict[str, dict[str, int]] = {}
    for side in ('upstream', 'ours'):
        program = bench.sdk(side, 10, 'requests', name)
        counted[side] = json.loads(bench.runner.run(program).output) if program else {}
    limits = {'list': 1, 'show NAME': 1, 'set --prolong-for NAME': 2}
    return [
        Row(f'requests of the SDK for {title}, token at hand', '', '', None,
            counted['upstream'].get(title), counted['ours'].get(title), 'most', limit)
        for title, limit in limits.items()
    ]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows that are measured together, and how many rounds of them make a steady median."""

    name: str
    rounds: int
    measure: Callable[[Bench], list[Row]]
    python: str | None = None


GROUPS = (
    Group('openstack-blazar-10', 21, commands_10),
    Group('openstack-10-3.11', 21, commands_10_oldest, '3.11'),
    Group('blazar-10-environment', 9, commands_10_environment),
    Group('blazar-10-loader', 9, commands_10_loader),
    Group('openstack-blazar-10000-table', 7, commands_10000_table),
    Group('openstack-blazar-10000-json', 7, commands_10000_json),
    Group('find-10000', 7, sdk_find),
    Group('sdk-list-10000', 9, sdk_list),
    Group('sdk-decode-10000', 5, sdk_decode),
    Group('sdk-fields-100000', 3, sdk_fields),
    Group('sdk-gets', 5, sdk_gets),
    Group('requests', 1, requests_made),
    Group('import', 25, import_time),
    Group('plugin', 31, plugin_cost),
)
