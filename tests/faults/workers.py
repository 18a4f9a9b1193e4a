"""Worker processes, ``blazar-gateway worker``, that can be killed, stopped and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from blazarclient.server.vault import new_key

__all__ = ['Workers']

_CONFIG = """\
[DEFAULT]
debug = true
[database]
connection = {url}
[embedded]
event_timeout = {timeout}
[subscriptions]
secret_key = {key}
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
        self._config.write_text(
            _CONFIG.format(url=url.replace('$', '$$'), timeout=timeout, key=new_key())
        )
        self._count = count
        self._logs: dict[int, Path] = {}
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

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker with -9, in the middle of what it does, and start another one."""
        self.running.remove(worker)
        worker.kill()
        worker.wait()
        self._start()

    def working(self) -> list[subprocess.Popen[bytes]]:
        """Those that have begun to work; a process takes a while to start."""
        return [
            worker
            for worker in self.running
            if 'carrying out the events' in self._logs[worker.pid].read_text()
        ]

    def ended(self) -> list[str]:
        """What those say that have ended by themselves."""
        return [self.log() for worker in self.running if worker.poll() is not None]

    def log(self) -> str:
        """What all workers have said."""
        return ''.join(path.read_text() for path in sorted(self._folder.glob('worker-*.log')))

    def _start(self) -> None:
        path = self._folder / f'worker-{len(self._logs):03}.log'
        with path.open('wb') as log:
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
        self._logs[worker.pid] = path
        self.running.append(worker)
