"""A delivery worker in a process of its own, which can be killed, stopped and continued.

Run by other programs: prints a line when it begins, and ends when it is told to (SIGTERM).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

__all__ = ['start', 'stop']

#: Tests run in a folder of their own.
_ROOT = Path(__file__).parents[2]
_PATIENCE = 30


def start(
    url: str, owner: str, *, claim_seconds: float = 60.0, connections: int = 128
) -> subprocess.Popen[bytes]:
    """A worker on a database, which is at work when this returns."""
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'tests.faults.delivery_worker',
            url,
            owner,
            str(claim_seconds),
            str(connections),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        env={**os.environ, 'PYTHONWARNINGS': 'default'},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b'at work\n'
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let a worker end, whatever state it is in."""
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _main() -> None:
    from tests.deliveries import Deliveries

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('url')
    parser.add_argument('owner')
    parser.add_argument('claim_seconds', type=float)
    parser.add_argument('connections', type=int)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    service = Deliveries(given.url, standing=False, connections=given.connections)
    worker = service.worker(given.owner, claim_seconds=given.claim_seconds)
    print('at work', flush=True)
    worker.run(told)
    service.close()


if __name__ == '__main__':
    _main()
