"""Running programs in turns and reading what the system counted for each."""

import contextlib
import dataclasses
import os
import resource
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

CHILD_SECONDS = 120
#: Fewer rounds than this say nothing, however little time is left.
LEAST_ROUNDS = 3


class ProgramFailed(Exception):
    """A measured program failed, hung or printed something else than it should."""


@dataclasses.dataclass(frozen=True)
class Program:
    """A command line to measure; `check` raises ProgramFailed for an output that is not right."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    check: Callable[[str], None] = lambda _text: None


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run: CPU seconds (user and system, the whole process), peak memory in bytes, output."""

    cpu: float
    peak: int
    output: str


class Runner:
    """Runs programs one after the other, below one folder."""

    def __init__(self, home: Path) -> None:
        self.home = home / 'home'
        self.home.mkdir(parents=True, exist_ok=True)

    def run(self, program: Program) -> Sample:
        """Run a program once.

        Raises ProgramFailed when it ends with an error, is not done in two minutes, or when
        its output is not what it should be.
        """
        stdout, stderr = self.home / 'stdout', self.home / 'stderr'
        variables = {
            'HOME': str(self.home),
            'PATH': os.defpath,
            'LANG': 'C.UTF-8',
            # Without it two runs of the same program differ by how its dicts happen to lie.
            'PYTHONHASHSEED': '0',
            **program.variables,
        }
        with stdout.open('wb') as out, stderr.open('wb') as err:
            process = subprocess.Popen(
                program.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=variables,
                cwd=self.home,
            )
            status, usage = _wait(process)
        if status:
            words = ' '.join(program.argv)
            raise ProgramFailed(f'{words} ended with {status}: {stderr.read_text()[-1500:]}')
        output = stdout.read_text()
        program.check(output)
        return Sample(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)

    def in_turns(
        self, programs: Mapping[str, Program], rounds: int, seconds: float
    ) -> dict[str, list[Sample]]:
        """Run each program once for each round, the order reversed from round to round.

        One more round comes first and is not counted: it fills caches. After `seconds` no round
        is begun, except for the first three.
        """
        end = time.monotonic() + seconds
        for program in programs.values():
            self.run(program)
        samples: dict[str, list[Sample]] = {name: [] for name in programs}
        order = list(programs)
        for done in range(rounds):
            if done >= LEAST_ROUNDS and time.monotonic() > end:
                break
            for name in order:
                samples[name].append(self.run(programs[name]))
            order.reverse()
        return samples


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, 'resource.struct_rusage']:
    def stop() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)

    # Popen.wait() would throw away the child's own figures, which only wait4 gives.
    timer = threading.Timer(CHILD_SECONDS, stop)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def median_cpu(samples: list[Sample]) -> float:
    """Median of CPU seconds."""
    return statistics.median(sample.cpu for sample in samples)


def median_peak(samples: list[Sample]) -> float:
    """Median of the peak memory, bytes."""
    return statistics.median(sample.peak for sample in samples)
