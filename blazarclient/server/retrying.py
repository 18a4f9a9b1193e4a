"""How the threads that must never end go on after an error of the database or of the network."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exc

from blazarclient.server import errors

__all__ = ['PASSING', 'brief', 'pauses']

#: What an overloaded, restarting or unreachable database is heard of as. Other errors of the
#: database have to do with what it was asked for.
PASSING = (errors.Busy, exc.InterfaceError, exc.OperationalError, exc.TimeoutError)

#: Seconds to wait after an error: at first, and at most.
_FIRST, _LONGEST = 0.1, 10.0


def pauses() -> Iterator[float]:
    """Seconds of one pause after the other."""
    pause = _FIRST
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST)


def brief(error: Exception) -> object:
    """What the database said, without the statement."""
    return getattr(error, 'orig', None) or error
