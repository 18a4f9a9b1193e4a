"""When something is sent again, and when an endpoint is left alone: pure rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

__all__ = ['ATTEMPTS', 'BACK_OFF', 'Breaker', 'is_endpoints_fault', 'retry_in', 'wants_no_more']

#: Seconds between an attempt that has failed and the next one.
BACK_OFF = (
    2.0,
    10.0,
    30.0,
    120.0,
    600.0,
    1800.0,
    7200.0,
    21600.0,
    43200.0,
    86400.0,
    86400.0,
)
#: After so many a delivery is given up.
ATTEMPTS = len(BACK_OFF) + 1
#: So much of a pause, more or less, keeps those that have failed together from coming together.
_JITTER = 0.2
#: Seconds that an endpoint can ask for at most.
_LONGEST_WISH = 3600.0
#: Seconds for which an endpoint is left alone: at first, and at most.
_FIRST_REST, _LONGEST_REST = 5.0, 300.0
_BUSY = frozenset({429, 503})
_GONE = 410


def retry_in(
    failures: int,
    chance: Callable[[], float],
    *,
    status: int | None = None,
    wish: float | None = None,
) -> float | None:
    """Seconds from an attempt that has failed to the next one.

    :param failures: how many attempts have failed, with this one.
    :param chance: a number from 0 to 1.
    :param status: of the answer, where there was one.
    :param wish: its ``Retry-After``, in seconds.
    :returns: None when there is no next one.
    """
    if failures > len(BACK_OFF):
        return None
    pause = BACK_OFF[failures - 1] * (1 - _JITTER + 2 * _JITTER * chance())
    if status in _BUSY and wish is not None:
        pause = max(pause, min(wish, _LONGEST_WISH))
    return pause


def wants_no_more(status: int | None) -> bool:
    """Whether an answer says that the endpoint is gone for good."""
    return status == _GONE


def is_endpoints_fault(status: int | None, error: str | None) -> bool:
    """Whether a failure says something of the whole endpoint, and not of one path there."""
    return error is not None and (status is None or status >= 500)


@dataclasses.dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of an endpoint that has failed: how often in a row, and until when it rests."""

    #: After so many failures in a row an endpoint is left alone.
    THRESHOLD = 5

    failures: int = 0
    #: Naive UTC; None while it is closed.
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether nothing may be sent."""
        return self.open_until is not None and now < self.open_until

    @property
    def is_tried(self) -> bool:
        """Whether, when nothing keeps it open any more, one attempt has to show how it is."""
        return self.open_until is not None

    def after(self, failures: int, now: datetime) -> Breaker:
        """What it is after some more failures without a success."""
        if self.is_open(now):
            # These were on their way already.
            return self
        if self.open_until is None:
            count = self.failures + failures
            if count < self.THRESHOLD:
                return Breaker(count)
            # However many failed at one moment: it is the first time.
            return self._opened(self.THRESHOLD, now)
        return self._opened(self.failures + 1, now)

    def _opened(self, failures: int, now: datetime) -> Breaker:
        pause = min(_FIRST_REST * 2.0 ** min(failures - self.THRESHOLD, 10), _LONGEST_REST)
        return Breaker(failures, now + timedelta(seconds=pause))
