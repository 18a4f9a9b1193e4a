"""The service's clock, which can be set, moved on and run faster than the real one.

All that is stored is an anchor; what the clock shows follows from it and the real time, so that
any number of processes agree.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime, timedelta

from blazarclient.server import errors

__all__ = ['Anchor']

# Every time of the service is naive UTC.
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_LAST = datetime.max  # noqa: DTZ901

#: A year goes by in 3 seconds.
FASTEST = 10_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Anchor:
    """What the clock showed at one moment of real time, and how fast it runs.

    ``real`` and ``shown`` are seconds since 1970 (UTC); ``speed`` is seconds shown for each real
    second, 0 for a clock that stands still.
    """

    real: float
    shown: float
    speed: float = 1.0

    def now(self, real: float) -> datetime:
        """What the clock shows, as naive UTC.

        :param real: the real time, seconds since 1970.
        """
        try:
            return _EPOCH + timedelta(seconds=self._shown(real))
        except OverflowError:
            return _LAST

    def real_at(self, moment: datetime) -> float | None:
        """When the clock shows a time, as real seconds since 1970.

        For a time that it has passed already this is a moment that has passed too.

        :param moment: naive UTC.
        :returns: None when the clock stands still before that time.
        """
        ahead = _seconds(moment) - self.shown
        if ahead <= 0:
            return self.real
        return self.real + ahead / self.speed if self.speed else None

    def moved(
        self,
        real: float,
        *,
        to: datetime | None = None,
        by: timedelta | None = None,
        speed: float | None = None,
    ) -> Anchor:
        """The clock as it is after a change. Only ``to`` can turn it back.

        :param real: the real time, seconds since 1970.
        :param to: what it shall show, naive UTC.
        :param by: how far it shall go on, counted from ``to`` where that is given too.
        :param speed: how fast it shall run.
        :raises blazarclient.server.errors.InvalidInput: for what is no time or no speed.
        """
        shown = self._shown(real) if to is None else _seconds(to)
        if by is not None:
            if by < timedelta(0):
                raise errors.InvalidInput(f'A clock cannot be advanced by {by.total_seconds()} s')
            shown += by.total_seconds()
        if shown > _seconds(_LAST):
            raise errors.InvalidInput('A clock ends with the year 9999')
        if speed is not None and not (math.isfinite(speed) and 0 <= speed <= FASTEST):
            raise errors.InvalidInput(
                f'A clock cannot run at speed {speed}: 0 to {FASTEST:,} is right'
            )
        return Anchor(max(real, self.real), shown, self.speed if speed is None else speed)

    def _shown(self, real: float) -> float:
        # The machine's clock may be set back; this one still goes on.
        return self.shown + max(real - self.real, 0.0) * self.speed


def _seconds(moment: datetime) -> float:
    return (moment - _EPOCH).total_seconds()
