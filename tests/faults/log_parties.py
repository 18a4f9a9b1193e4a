"""Processes that append to the log, and processes that read it by cursor meanwhile.

Run as ``python -m tests.faults.log_parties write URL NUMBER ENTRIES`` and
``python -m tests.faults.log_parties read URL ENTRIES``: both say in JSON what they have done.
"""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

import tests
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.notification import Notification
from blazarclient.server.policy import Policy
from blazarclient.server.store import tables
from blazarclient.server.store.database import Database

__all__ = ['Figures', 'run']

PATIENCE = 900


class _Undone(Exception):
    """A transaction that comes to nothing."""


@dataclasses.dataclass(frozen=True)
class Figures:
    """What came out."""

    #: The sequences that are in the log in the end, and those that each reader has seen.
    there: Sequence[int]
    seen: Sequence[Sequence[int]]
    #: Of a writer: seconds from its first entry to its last, the slowest one's.
    seconds: float
    #: Seconds from the moment of an entry until a reader had it, of the slowest reader.
    late_median: float
    late_p99: float


def run(url: str, *, writers: int, readers: int, entries: int) -> Figures:
    """Let some write and others read.

    :param entries: how many there are in the end.
    """
    database = Database(url)
    database.upgrade()
    each = entries // writers
    reading = [_start('read', url, str(each * writers)) for _ in range(readers)]
    writing = [_start('write', url, str(number), str(each)) for number in range(writers)]
    try:
        wrote = [json.loads(_output(process)) for process in writing]
        read = [json.loads(_output(process)) for process in reading]
    finally:
        for process in (*writing, *reading):
            if process.poll() is None:
                process.kill()
                process.wait()
    column = tables.notifications.c.sequence
    with database.transaction(write=False) as connection:
        there = [*connection.scalars(sa.select(column).order_by(column))]
    database.dispose()
    return Figures(
        there,
        [each['seen'] for each in read],
        max(each['seconds'] for each in wrote),
        max(each['late_median'] for each in read),
        max(each['late_p99'] for each in read),
    )


def _start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'tests.faults.log_parties', *words],
        cwd=Path(tests.__file__).parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _output(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return output


def _context(url: str) -> RequestContext:
    return RequestContext.for_service(Database(url), Policy(), Settings())


def write(url: str, number: int, entries: int) -> None:
    """Append entries, several in a transaction, some of them twice, and some for nothing."""
    ctx, dice = _context(url), random.Random(number)
    began, done = time.monotonic(), 0
    while done < entries:
        count = min(dice.randint(1, 5), entries - done)
        is_undone = dice.random() < 0.05
        try:
            with ctx.transaction():
                for one in range(count):
                    assert _publish(ctx, f'{number}:{done + one}', dice.random() < 0.5)
                if dice.random() < 0.1:
                    assert not _publish(ctx, f'{number}:{done}', False)
                if is_undone:
                    raise _Undone
        except _Undone:
            continue
        done += count
    print(json.dumps({'seconds': time.monotonic() - began}))


def _publish(ctx: RequestContext, transition: str, is_long: bool) -> Notification | None:
    lease = {
        'id': transition,
        'project_id': 'p-demo',
        'user_id': 'u-alice',
        'name': 'x' * 2000 if is_long else 'x',
    }
    return Notification.publish(
        ctx, 'lease.created', transition, source='service', time=ctx.now(), lease=lease
    )


def read(url: str, entries: int) -> None:
    """Read by cursor until all entries are there; say which ones were seen, and how late."""
    ctx = _context(url)
    cursor = 0
    seen: list[int] = []
    late: list[float] = []
    deadline = time.monotonic() + PATIENCE
    while len(seen) < entries and time.monotonic() < deadline:
        found, cursor = Notification.feed(ctx, after=cursor, limit=100, all_projects=True)
        now = ctx.now()
        seen += [each.sequence for each in found]
        late += [(now - each.noticed_at).total_seconds() for each in found]
        if len(found) < 100:
            time.sleep(0.005)
    late.sort()
    middle, last = late[len(late) // 2], late[len(late) * 99 // 100]
    print(json.dumps({'seen': seen, 'late_median': middle, 'late_p99': last}))


def main(words: Sequence[str]) -> None:
    """Do what the command line says."""
    if words[0] == 'write':
        write(words[1], int(words[2]), int(words[3]))
    else:
        read(words[1], int(words[2]))


if __name__ == '__main__':
    main(sys.argv[1:])
