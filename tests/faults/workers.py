"""Worker processes, ``blazar-gateway worker``, that can be killed, stopped and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

__all__ = ['Workers']

_CONFIG = """\
[DEFAULT]
debug = true
[database]
connection = {url}
[embedded]
event_timeout = {timeout}
"""


class Workers:
    """Some workers on one database; one that is killed is replaced.

    :param folder: for the configuration and the logs.
    :param timeout: seconds after which a worker is taken for dead.
    """

    def __init__(self, folder: Path, url: str, count: int, timeout: int) -> None:
        self._folder = folder
        self._config = folder / 'worker.conf'
        # oslo.config reads a $ as the name of another option.
        self._config.write_text(_CONFIG.format(url=url.replace('$', '$$'), timeout=timeout))
        self._count = count
        self._started = 0
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.running:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        for worker in self.running:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def kill(self, place: int) -> None:
        """Kill a worker with -9, in the middle of what it does, and start another one."""
        worker = self.running.pop(place)
        worker.kill()
        worker.wait()
        self._start()

    def stop(self, place: int) -> subprocess.Popen[bytes]:
        """Let a worker stand still, in the middle of what it does."""
        worker = self.running[place]
        worker.send_signal(signal.SIGSTOP)
        return worker

    def go_on(self, worker: subprocess.Popen[bytes]) -> None:
        """Let it go on as if nothing had been."""
        worker.send_signal(signal.SIGCONT)

    def ended(self) -> list[str]:
        """What those say that have ended by themselves."""
        return [self.log() for worker in self.running if worker.poll() is not None]

    def log(self) -> str:
        """What all workers have said."""
        return ''.join(path.read_text() for path in sorted(self._folder.glob('worker-*.log')))

    def _start(self) -> None:
        self._started += 1
        with (self._folder / f'worker-{self._started:03}.log').open('wb') as log:
            worker = subprocess.Popen(
                [
                    sys.executable,
                    '-m',
                    'blazarclient.server.gateway',
                    'worker',
                    '--config-file',
                    str(self._config),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, 'PYTHONWARNINGS': 'default'},
            )
        self.running.append(worker)
