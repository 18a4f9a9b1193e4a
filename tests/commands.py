"""Running a command line, in this process or in one of its own, and what it printed."""

import contextlib
import dataclasses
import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

Main = Callable[[list[str]], int | None]

#: Before a command that Ctrl-C shall end, also where a shell has started the tests aside. Its lines
#: are not counted: coverage keeps a lock for ever that it holds when Ctrl-C interrupts it.
INTERRUPTIBLE = ('env', '--default-signal=INT', '--unset=COVERAGE_PROCESS_CONFIG')


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a command ended."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def check(self) -> 'Ran':
        """Return self; fails the test unless the command succeeded."""
        __tracebackhide__ = True
        assert self.code == 0, (
            f'{" ".join(self.argv)}: exit code {self.code}\n{self.stdout}\n{self.stderr}'
        )
        return self

    @property
    def json(self) -> Any:
        """What it printed, parsed; fails the test unless the command succeeded."""
        return json.loads(self.check().stdout)


def run_here(main: Main, argv: Sequence[str], stdin: str = '') -> Ran:
    """Run a command line's entry point in this process, streams and logging set aside."""
    out, err = _stream(), _stream()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, 'stdin', _stream(stdin)),
        mock.patch.object(sys, 'argv', [main.__module__, *argv]),
        warnings.catch_warnings(),
        _logging_set_aside(),
    ):
        try:
            code: object = main(list(argv))
        except SystemExit as ended:
            code = ended.code
            if isinstance(code, str):
                err.write(f'{code}\n')
    return Ran(
        tuple(argv),
        code if isinstance(code, int) else int(code is not None),
        _text(out),
        _text(err),
    )


def run_process(
    argv: Sequence[str], env: Mapping[str, str], *, stdin: str = '', timeout: float = 120.0
) -> Ran:
    """Run a command in a process of its own; ``timeout`` is in seconds."""
    done = subprocess.run(
        argv, env=env, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
    return Ran(tuple(argv), done.returncode, done.stdout, done.stderr)


def _stream(text: str = '') -> io.TextIOWrapper:
    # A real text stream over bytes: programs may write to its buffer.
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding='utf-8', write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextlib.contextmanager
def _logging_set_aside() -> Iterator[None]:
    """Undo what a command does to logging: it sets handlers and levels for a whole process."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, logging.root.manager.disable
    known = {
        name: (each.level, each.propagate, each.handlers[:])
        for name, each in logging.root.manager.loggerDict.items()
        if isinstance(each, logging.Logger)
    }
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
        for name, each in logging.root.manager.loggerDict.items():
            if isinstance(each, logging.Logger):
                before = known.get(name, (logging.NOTSET, True, []))
                each.setLevel(before[0])
                each.propagate = before[1]
                each.handlers[:] = before[2]
