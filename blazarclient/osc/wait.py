"""Waiting for a lease: ``--wait``, ``--wait-timeout``, and what is said meanwhile."""

from __future__ import annotations

import argparse
import threading
import time
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from osc_lib.command import command

from blazarclient import exception, times
from blazarclient.osc import options

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease


_TIMEOUT = '10m'


def add_arguments(parser: argparse.ArgumentParser, help: str) -> None:
    """Add ``--wait`` and ``--wait-timeout``."""
    parser.add_argument('--wait', action='store_true', help=help)
    parser.add_argument(
        '--wait-timeout',
        metavar='DURATION',
        help=f'How long --wait waits at most (default: {_TIMEOUT})',
    )


def seconds(parsed_args: argparse.Namespace) -> float | None:
    """How long to wait at most; None for not at all.

    :raises blazarclient.exception.InvalidInput: for a timeout that nothing would heed.
    """
    given = parsed_args.wait_timeout
    timeout = options.duration_option('--wait-timeout', given or _TIMEOUT)
    if given is not None and not parsed_args.wait:
        raise exception.InvalidInput(
            f'--wait-timeout {given} does nothing without --wait: add --wait, or leave it out.'
        )
    return timeout.total_seconds() if parsed_args.wait else None


def check_start(parsed_args: argparse.Namespace, start: datetime) -> None:
    """Refuse to wait for a start that comes after the waiting, before anything is made.

    :raises blazarclient.exception.InvalidInput: saying which timeout would do.
    """
    timeout = seconds(parsed_args)
    left = (start - times.utcnow()).total_seconds()
    if timeout is not None and left > timeout:
        enough = times.format_duration(timedelta(minutes=left // 60 + 2))
        raise exception.InvalidInput(
            f'--wait-timeout {parsed_args.wait_timeout or _TIMEOUT} ends before the lease starts '
            f'({times.to_wire(start)} UTC): give --wait-timeout {enough}, or leave out --wait.'
        )


def until(asking: command.Command, lease: Lease, status: str, timeout: float) -> None:
    """Wait until a lease has a status or is gone, and say on standard error how it goes."""
    from blazarclient import waiting

    try:
        with Progress(str(lease.get('name')), asking.app.stderr) as report:
            waiting.until(lease, status, timeout=timeout, report=report)
    except KeyboardInterrupt:
        asking.app.stderr.write(f'Not waiting any longer. See: lease show {lease["id"]}\n')
        raise


def until_made(lease: Lease, timeout: float) -> None:
    """Wait until a change of a lease has been made.

    :raises blazarclient.exception.WaitFailed: when it put the lease into ERROR.
    """
    from blazarclient import waiting

    waiting.until_stable(lease, timeout=timeout)
    if lease.get('status') == 'ERROR':
        raise exception.WaitFailed(
            f'The lease {lease.get("name")} ({lease.get("id")}) is in ERROR after the change.'
        )


class Progress:
    """The status of a lease that is waited for.

    On a terminal that is one line with a running clock (``gpu-week  STARTING  00:42``),
    elsewhere one line for each change of the status.

    :param name: what the lease is called.
    :param stream: standard error.
    """

    def __init__(self, name: str, stream: TextIO) -> None:
        self._name = name
        self._stream = stream
        self._terminal = stream.isatty()
        self._began = time.monotonic()
        self._status = ''
        self._done = threading.Event()
        self._clock: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._terminal:
            self._clock = threading.Thread(target=self._tick, daemon=True)
            self._clock.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._clock is not None:
            self._clock.join()
            if self._status:
                self._draw()
                self._stream.write('\n')

    def __call__(self, status: str) -> None:
        """Take note of the status that was seen."""
        self._status = status
        if not self._terminal:
            self._stream.write(f'{self._line()}\n')
            self._stream.flush()

    def _tick(self) -> None:
        while not self._done.wait(1.0):
            if self._status:
                self._draw()

    def _draw(self) -> None:
        # Back to the start, and away with the rest of a longer line.
        self._stream.write(f'\r{self._line()}\x1b[K')
        self._stream.flush()

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f'{self._name}  {self._status}  {minutes:02}:{seconds:02}'
