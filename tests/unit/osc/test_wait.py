"""What is said while a command waits."""

import io
import time

from blazarclient.osc import wait


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_clock_on_a_terminal() -> None:
    """One line, written anew each second, with the time since the beginning."""
    terminal = Terminal()
    with wait.Progress('gpu-week', terminal) as report:
        report('STARTING')
        time.sleep(1.2)
        report('ACTIVE')
    written = terminal.getvalue()
    assert '\rgpu-week  STARTING  00:01\x1b[K' in written
    assert written.endswith('\rgpu-week  ACTIVE  00:01\x1b[K\n')
    assert written.count('\n') == 1


def test_lines_elsewhere() -> None:
    """One line for each status."""
    stream = io.StringIO()
    with wait.Progress('gpu-week', stream) as report:
        report('STARTING')
        report('ACTIVE')
    assert stream.getvalue() == 'gpu-week  STARTING  00:00\ngpu-week  ACTIVE  00:00\n'


def test_nothing_to_say() -> None:
    """A wait that ends before anything was seen leaves the terminal alone."""
    terminal = Terminal()
    with wait.Progress('gpu-week', terminal):
        pass
    assert terminal.getvalue() == ''
