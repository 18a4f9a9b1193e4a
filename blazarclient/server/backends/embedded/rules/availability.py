"""When enough hosts are free together, for long enough."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from blazarclient.server.backends.embedded.rules.views import Held, Period

__all__ = ['Window', 'windows']


@dataclass(frozen=True, slots=True)
class Window:
    """A period, and the hosts that are free from its start to its end."""

    period: Period
    host_ids: tuple[str, ...]


def windows(
    host_ids: Collection[str],
    held: Iterable[Held],
    minimum: int,
    duration: timedelta,
    period: Period,
) -> Iterator[Window]:
    """Find the longest periods in which the same hosts are free all the time.

    None of them lies within another one, but they may overlap: with one host free from 8 to 12 and
    another from 10 to 16 a lease of one host has room in either, and in no period of 8 hours.

    :param host_ids: those that match.
    :param held: what is held, by hosts, in part or whole, with the time that cleaning takes.
    :param minimum: how many hosts are needed.
    :param duration: how long, at least.
    :param period: in which to look.
    :returns: the earliest first.
    """
    free = sorted(
        ((start, end, host_id) for host_id, start, end in _free(host_ids, held, period)),
        key=lambda each: each[0],
    )
    ends: list[datetime] = []
    latest = period.start
    for index, (start, end, _) in enumerate(free):
        bisect.insort(ends, end)
        if index + 1 < len(free) and free[index + 1][0] == start:
            continue
        if len(ends) < minimum:
            continue
        # So many hosts that are free now, or were, are free until then.
        until = ends[-minimum]
        if until - start >= duration and until > latest:
            latest = until
            together = sorted(each[2] for each in free[: index + 1] if each[1] >= until)
            yield Window(Period(start, until), tuple(together))


def _free(
    host_ids: Collection[str], held: Iterable[Held], period: Period
) -> Iterator[tuple[str, datetime, datetime]]:
    """When each host is free."""
    busy: dict[str, list[Period]] = {host_id: [] for host_id in host_ids}
    for each in held:
        if each.resource_id in busy and each.period.overlaps(period):
            busy[each.resource_id].append(each.period)
    for host_id, periods in busy.items():
        since = period.start
        for taken in sorted(periods, key=lambda each: each.start):
            if taken.start > since:
                yield host_id, since, taken.start
            since = max(since, taken.end)
        if since < period.end:
            yield host_id, since, period.end
