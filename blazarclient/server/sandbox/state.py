"""What the parts of a sandbox share."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import flask

from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.store import clock as stored_clock

if TYPE_CHECKING:
    from blazarclient.server.sandbox.faults import Faults
    from blazarclient.server.store.database import Database

__all__ = ['Clock', 'State', 'current']


class Clock:
    """The clock of a sandbox, which can be set and sped up.

    It is kept in the database, which another sandbox may use as well.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def speed(self) -> float:
        """How many seconds it goes on in one real second."""
        return self._anchor().speed

    @property
    def is_real(self) -> bool:
        """Whether it shows what any other clock shows."""
        anchor = self._anchor()
        return anchor.speed == 1 and anchor.real == anchor.shown

    def now(self) -> datetime:
        """What it shows: naive UTC."""
        return self._anchor().now(time.time())

    def move(
        self,
        *,
        to: datetime | None = None,
        by: timedelta | None = None,
        speed: float | None = None,
    ) -> None:
        """Set the clock to a time (naive UTC), or on by a duration, or change its speed.

        :raises blazarclient.server.errors.InvalidInput: for what is no time or no speed.
        """
        with self._database.transaction() as connection:
            anchor = Anchor(*stored_clock.read(connection))
            anchor = anchor.moved(time.time(), to=to, by=by, speed=speed)
            stored_clock.write(connection, anchor.real, anchor.shown, anchor.speed)

    def _anchor(self) -> Anchor:
        with self._database.transaction(write=False) as connection:
            return Anchor(*stored_clock.read(connection))


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """One sandbox."""

    database: Database
    #: Where it can be reached, such as ``http://127.0.0.1:12340``.
    address: str
    clock: Clock
    faults: Faults
    #: Carries out what is due now; returns when nothing is due any more.
    settle: Callable[[], None]
    #: Set when the server ends.
    stopping: threading.Event


def current() -> State:
    """The sandbox that a request has come to."""
    state: State = flask.current_app.extensions['sandbox']
    return state
