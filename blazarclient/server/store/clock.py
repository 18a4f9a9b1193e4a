"""The clock that all processes of a service share."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store.tables import clock

__all__ = ['read', 'write']

_THE_ONE = 1


def read(connection: Connection) -> tuple[float, float, float]:
    """At which real time the clock showed what, and how many times as fast it runs.

    :returns: anchor and shown, seconds since 1970, and speed. The real time where nobody has set
        the clock.
    """
    row = connection.execute(sa.select(clock.c.anchor, clock.c.shown, clock.c.speed)).first()
    if row is None:
        now = time.time()
        return now, now, 1.0
    return row.anchor, row.shown, row.speed


def write(connection: Connection, anchor: float, shown: float, speed: float) -> None:
    """Set the clock.

    :param anchor: a real time, seconds since 1970.
    :param shown: what the clock showed then, seconds since 1970.
    :param speed: how many times as fast as real time it runs.
    """
    values = {'anchor': anchor, 'shown': shown, 'speed': speed}
    if not connection.execute(clock.update().values(values)).rowcount:
        connection.execute(clock.insert().values(id=_THE_ONE, **values))
