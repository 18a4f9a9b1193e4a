"""When something is sent again, and when an endpoint is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from blazarclient.server.delivery import schedule
from blazarclient.server.delivery.schedule import Breaker

NOW = datetime(2030, 1, 7, 8, 0)  # noqa: DTZ001
HOUR = 3600.0
chances = some.floats(0, 1)


def test_the_twelve_attempts() -> None:
    """After 0, 2 s, 10 s and so on up to twice 24 h, and then it is given up."""
    pauses = [schedule.retry_in(failures, lambda: 0.5) for failures in range(1, 13)]
    minute, day = 60.0, 24 * HOUR
    assert pauses == [
        2.0,
        10.0,
        30.0,
        2 * minute,
        10 * minute,
        30 * minute,
        2 * HOUR,
        6 * HOUR,
        12 * HOUR,
        day,
        day,
        None,
    ]


@given(some.integers(1, schedule.ATTEMPTS - 1), chances)
def test_jitter(failures: int, chance: float) -> None:
    """Each pause is what the schedule says, more or less a fifth."""
    pause = schedule.retry_in(failures, lambda: chance)
    assert pause is not None
    assert 0.8 <= pause / schedule.BACK_OFF[failures - 1] <= 1.2 + 1e-9


@given(
    some.integers(1, schedule.ATTEMPTS - 1),
    chances,
    some.integers(100, 599),
    some.none() | some.floats(0, 1e9),
)
def test_retry_after(failures: int, chance: float, status: int, wish: float | None) -> None:
    """Only 429 and 503 can ask for a longer pause, of an hour at most, and never for a shorter."""
    plain = schedule.retry_in(failures, lambda: chance)
    asked = schedule.retry_in(failures, lambda: chance, status=status, wish=wish)
    assert plain is not None
    assert asked is not None
    if status in (429, 503) and wish is not None:
        assert asked == max(plain, min(wish, HOUR))
    else:
        assert asked == plain


@given(some.lists(some.integers(1, 70), min_size=1, max_size=30))
def test_breaker(bursts: list[int]) -> None:
    """It opens with the fifth failure, for 5 s; each failed try doubles that, up to 5 minutes."""
    breaker, now, seen, pause = Breaker(), NOW, 0, 5.0
    for failures in bursts:
        was_open = breaker.open_until is not None
        breaker = breaker.after(failures, now)
        seen += failures
        if seen < 5:
            assert breaker == Breaker(seen)
            continue
        assert breaker.open_until is not None
        assert breaker.is_tried
        if was_open:
            pause = min(pause * 2, 300.0)
        assert breaker.open_until == now + timedelta(seconds=pause)
        assert breaker.is_open(breaker.open_until - timedelta(microseconds=1))
        # What was on its way when it opened does not count.
        assert breaker.after(failures, now) == breaker
        now = breaker.open_until
        assert not breaker.is_open(now)


def test_whose_fault() -> None:
    """An endpoint that says no to one request may say yes to others."""
    faults = [(None, 'timeout'), (500, 'http-500'), (503, 'http-503'), (None, 'connection-failed')]
    others = [(204, None), (404, 'http-404'), (429, 'http-429'), (301, 'redirect')]
    assert all(schedule.is_endpoints_fault(*each) for each in faults)
    assert not any(schedule.is_endpoints_fault(*each) for each in others)
