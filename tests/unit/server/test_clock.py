"""The service's clock: set, advanced, run faster, stopped."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.backends.embedded.clock import Anchor

REAL = 1_800_000_000.0
SHOWN = datetime.fromisoformat('2027-01-15 08:00')
ANCHOR = Anchor(REAL, REAL, 1.0)

minutes = st.integers(0, 10**6)
speeds = st.sampled_from([0.0, 0.5, 1.0, 60.0, 3600.0])


def test_runs_with_the_real_time() -> None:
    """A clock that nobody has touched shows the real time in UTC."""
    assert ANCHOR.now(REAL) == SHOWN
    assert ANCHOR.now(REAL + 90) == SHOWN + timedelta(seconds=90)


def test_runs_faster() -> None:
    """At speed 60 a second shows as a minute."""
    clock = ANCHOR.moved(REAL + 10, speed=60)
    assert clock.now(REAL + 11) == SHOWN + timedelta(seconds=10 + 60)
    assert clock.real_at(SHOWN + timedelta(seconds=10, hours=1)) == REAL + 10 + 60


def test_stands_still() -> None:
    """At speed 0 time does not pass, and what is ahead never comes."""
    clock = ANCHOR.moved(REAL, speed=0)
    assert clock.now(REAL + 1000) == SHOWN
    assert clock.real_at(SHOWN + timedelta(microseconds=1)) is None
    assert clock.real_at(SHOWN) == REAL
    assert clock.moved(REAL + 5, by=timedelta(hours=2)).now(REAL + 9) == SHOWN + timedelta(hours=2)


def test_is_set() -> None:
    """`to` sets it, also back; `by` counts from there."""
    before = datetime.fromisoformat('2001-02-03 04:05')
    assert ANCHOR.moved(REAL, to=before).now(REAL + 1) == before + timedelta(seconds=1)
    clock = ANCHOR.moved(REAL, to=before, by=timedelta(days=1), speed=0)
    assert clock.now(REAL) == before + timedelta(days=1)


def test_goes_on_when_the_machine_is_set_back() -> None:
    """Real time that runs backwards does not turn the clock back."""
    assert ANCHOR.now(REAL - 3600) == SHOWN
    assert ANCHOR.moved(REAL - 3600, speed=2).now(REAL - 1800) == SHOWN


@given(at=minutes, again=minutes, by=minutes, speed=speeds, faster=speeds)
def test_never_runs_backwards(at: int, again: int, by: int, speed: float, faster: float) -> None:
    """Whatever is advanced or sped up, what it shows only grows."""
    clock = Anchor(REAL, REAL, speed)
    shown = clock.now(REAL + at)
    moved = clock.moved(REAL + at, by=timedelta(minutes=by), speed=faster)
    assert moved.now(REAL + at) - shown == timedelta(minutes=by)
    assert moved.now(REAL + at + again) >= moved.now(REAL + at)


@given(ahead=minutes, speed=speeds.filter(bool))
def test_real_time_of_what_is_ahead(ahead: int, speed: float) -> None:
    """At the real time that it names, the clock shows what was asked for."""
    moment = SHOWN + timedelta(minutes=ahead)
    real = Anchor(REAL, REAL, speed).real_at(moment)
    assert real is not None
    shown = Anchor(REAL, REAL, speed).now(real)
    assert abs(shown - moment) <= timedelta(milliseconds=10)


@given(st.integers(-(10**9), 10**10), st.integers(0, 999_999))
def test_keeps_microseconds(seconds: int, microseconds: int) -> None:
    """A clock that is set to a time shows it to the microsecond."""
    moment = SHOWN + timedelta(seconds=seconds, microseconds=microseconds)
    assert ANCHOR.moved(REAL, to=moment).now(REAL) == moment


def test_ends_with_the_calendar() -> None:
    """A clock that has run past the year 9999 stays there."""
    last = datetime.max  # noqa: DTZ901
    assert Anchor(REAL, REAL, 1e300).now(REAL + 10) == last
    assert Anchor(REAL, REAL, 1e300).now(REAL + 1e300) == last


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'by': timedelta(seconds=-1)}, 'A clock cannot be advanced by -1.0 s'),
        ({'by': timedelta(days=10**7)}, 'A clock ends with the year 9999'),
        ({'speed': -1.0}, 'A clock cannot run at speed -1.0: 0 to 10,000,000 is right'),
        ({'speed': float('nan')}, 'A clock cannot run at speed nan: 0 to 10,000,000 is right'),
        ({'speed': float('inf')}, 'A clock cannot run at speed inf: 0 to 10,000,000 is right'),
    ],
)
def test_refused(change: dict[str, timedelta | float], sentence: str) -> None:
    """What is no time or no speed changes nothing."""
    with pytest.raises(errors.InvalidInput) as caught:
        ANCHOR.moved(REAL, **change)  # type: ignore[arg-type]
    assert str(caught.value) == sentence
