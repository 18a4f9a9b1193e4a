"""Times and durations: what people may write, and what goes to and comes from the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient import exception, times

NOW = datetime(2026, 11, 21, 1, 23, 45, 678_901, tzinfo=UTC)


def at(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, micro: int = 0
) -> datetime:
    return datetime(year, month, day, hour, minute, second, micro, UTC)


def naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


# ------------------------------------------------------------------ parse_time


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('now', NOW),
        ('NOW', NOW),
        (' now\n', NOW),
        ('+3h', NOW + timedelta(hours=3)),
        ('+2d12h', NOW + timedelta(days=2, hours=12)),
        ('+PT4H', NOW + timedelta(hours=4)),
        ('+1.5h', NOW + timedelta(minutes=90)),
        ('+0m', NOW),
        ('2026-11-20 15:38', at(2026, 11, 20, 15, 38)),
        ('  2026-11-20 15:38  ', at(2026, 11, 20, 15, 38)),
        ('2026-11-20T15:38', at(2026, 11, 20, 15, 38)),
        ('2026-11-20t15:38z', at(2026, 11, 20, 15, 38)),
        ('2026-11-20 15:38:28', at(2026, 11, 20, 15, 38, 28)),
        ('2026-11-20T15:38:28.5', at(2026, 11, 20, 15, 38, 28, 500_000)),
        ('2026-11-20T15:38:28.123456789Z', at(2026, 11, 20, 15, 38, 28, 123_456)),
        ('2026-11-20T15:38:00Z', at(2026, 11, 20, 15, 38)),
        ('2026-11-20 15:38 UTC', at(2026, 11, 20, 15, 38)),
        ('2026-11-20T15:38+01:00', at(2026, 11, 20, 14, 38)),
        ('2026-11-20 15:38 +0100', at(2026, 11, 20, 14, 38)),
        ('2026-11-20T15:38-05', at(2026, 11, 20, 20, 38)),
        ('2026-11-20T15:38:28+05:45', at(2026, 11, 20, 9, 53, 28)),
        ('2026-11-20T00:30+14:00', at(2026, 11, 19, 10, 30)),
        ('20261120T1538', at(2026, 11, 20, 15, 38)),
        ('20261120T153828Z', at(2026, 11, 20, 15, 38, 28)),
        ('2026-11-20', at(2026, 11, 20)),
        ('2028-02-29', at(2028, 2, 29)),
        ('0001-01-01', at(1, 1, 1)),
        ('9999-12-31 23:59', at(9999, 12, 31, 23, 59)),
    ],
)
def test_time_is_read(text: str, expected: datetime) -> None:
    """Every form that the grammar names is read, and comes out in UTC."""
    moment = times.parse_time(text, now=NOW)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        ('   ', 'it is empty'),
        ('2d', 'it is a duration; with a + it counts from now. For example: +2d.'),
        ('PT4H', 'it is a duration; with a + it counts from now. For example: +PT4H.'),
        ('-5m', 'it counts backwards'),
        ('+-5m', 'it cannot be negative. For example: 5m.'),
        ('++5m', 'it has no sign: + begins a time. For example: 5m.'),
        ('+', 'what follows the + is not a duration'),
        ('+3', 'the 3 has no unit. For example: 3m.'),
        ('+9999999d', 'that is after the year 9999'),
        ('15:00', 'it has no date. For example: 2026-11-21 15:00.'),
        ('9:30', 'it has no date. For example: 2026-11-21 09:30.'),
        ('2026-02-30', '2026-02 has the days 1 to 28'),
        ('2026-02-00 10:00', '2026-02 has the days 1 to 28'),
        ('2026-13-01', 'there is no month 13'),
        ('2026-00-01', 'there is no month 0'),
        ('2026-11-20 24:00', 'there is no hour 24; hours are 00 to 23'),
        ('2026-11-20 15:60', 'minutes and seconds are 00 to 59'),
        ('2026-11-20 15:38:60', 'minutes and seconds are 00 to 59'),
        ('0000-01-01', 'the years begin with 0001'),
        ('10000-01-01', 'the years end with 9999'),
        ('9999-12-31T23:59-01:00', 'in UTC it is outside the years 1 to 9999'),
        ('0001-01-01T00:00+01:00', 'in UTC it is outside the years 1 to 9999'),
        ('2026-11-20T15:38+99:00', 'no place is +99:00 from UTC. For example: +01:00.'),
        ('2026-11-20T15:38-14:01', 'no place is -14:01 from UTC'),
        ('2026-11-20T15:38+01:75', 'no place is +01:75 from UTC'),
        ('2026-11-20T15:38+15', 'no place is +15:00 from UTC'),
        ('2026-11-20 3pm', 'it is in no form that is understood'),
        ('2026-11-20 15', 'it is in no form that is understood'),
        ('2026-11-20Z', 'it is in no form that is understood'),
        ('2026-11-20 15:38 +3h', 'it is in no form that is understood'),
        ('2026-11-20  15:38', 'it is in no form that is understood'),
        ('2026-11-2', 'it is in no form that is understood'),
        ('20.11.2026', 'it is in no form that is understood'),
        ('2026-W47-1', 'it is in no form that is understood'),
        ('1763650000', 'it is in no form that is understood'),
        ('tomorrow', 'it is in no form that is understood'),
        ('\uff12\uff10\uff12\uff16-11-20', 'it is in no form that is understood'),
        ('+\u0663h', 'what follows the + is not a duration'),
    ],
)
def test_time_is_refused(text: str, why: str) -> None:
    """What is no time is refused with the value, the reason, an example and the grammar."""
    with pytest.raises(exception.InvalidInput) as caught:
        times.parse_time(text, now=NOW)
    message = str(caught.value)
    assert why in message
    assert message.startswith(f'{text!r} is not a time: ')
    assert 'For example: ' in message
    assert message.endswith(times.TIME_GRAMMAR)
    assert caught.value.code == 400


def test_now_is_the_present_time_by_default() -> None:
    """Without `now` the clock is asked; a naive `now` is UTC, another zone is converted."""
    before = times.utcnow()
    assert before <= times.parse_time('now') <= times.utcnow()
    hour = timedelta(hours=1)
    assert before + hour <= times.parse_time('+1h') <= times.utcnow() + hour
    assert times.parse_time('now', now=naive(NOW)) == NOW
    there = NOW.astimezone(timezone(timedelta(hours=5)))
    assert times.parse_time('now', now=there).tzinfo is UTC


def test_what_is_no_text_is_refused() -> None:
    """A number or None gives the same error class as a wrong text."""
    values: list[Any] = [None, 5, b'now', NOW]
    for value in values:
        for read in (times.parse_time, times.parse_duration, times.from_wire):
            with pytest.raises(exception.InvalidInput, match='is not a text'):
                read(value)


def test_long_text_is_cut_in_the_error() -> None:
    """An error does not repeat thousands of characters."""
    for read in (times.parse_time, times.parse_duration, times.from_wire):
        with pytest.raises(exception.InvalidInput) as caught:
            read('9' * 10_000)
        assert len(str(caught.value)) < 500


# -------------------------------------------------------------- parse_duration


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('2w', timedelta(weeks=2)),
        ('2d', timedelta(days=2)),
        ('1d12h', timedelta(hours=36)),
        ('1d 12h', timedelta(hours=36)),
        (' 90m ', timedelta(minutes=90)),
        ('30s', timedelta(seconds=30)),
        ('02h', timedelta(hours=2)),
        ('1w2d3h4m5s', timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ('1.5h', timedelta(minutes=90)),
        ('1d0.5h', timedelta(days=1, minutes=30)),
        ('0.000001s', timedelta(microseconds=1)),
        ('0m', timedelta(0)),
        ('P2D', timedelta(days=2)),
        ('PT4H', timedelta(hours=4)),
        ('P1DT2H', timedelta(hours=26)),
        ('P2W', timedelta(weeks=2)),
        ('PT90M', timedelta(minutes=90)),
        ('PT1.5H', timedelta(minutes=90)),
        ('P1W1DT1H1M1S', timedelta(weeks=1, days=1, hours=1, minutes=1, seconds=1)),
        ('999999999d23h59m59.999999s', timedelta.max),
    ],
)
def test_duration_is_read(text: str, expected: timedelta) -> None:
    """Every form that the grammar names is read."""
    assert times.parse_duration(text) == expected


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        (' ', 'it is empty'),
        ('1h30', 'the 30 has no unit. For example: 1h30m.'),
        ('1d 12', 'the 12 has no unit. For example: 1d 12h.'),
        ('1s5', 'the 5 has no unit. For example: 1d12h.'),
        ('90', 'the 90 has no unit. For example: 90m.'),
        ('1.5', 'the 1.5 has no unit. For example: 1.5m.'),
        ('-5m', 'it cannot be negative. For example: 5m.'),
        ('-PT5M', 'it cannot be negative. For example: 4h.'),
        ('+2d', 'it has no sign: + begins a time. For example: 2d.'),
        ('5y', "'y' is not a unit (months and years have no fixed length)"),
        ('5M', "'M' is not a unit (months and years have no fixed length). For example: 5m."),
        ('5H', "'H' is not a unit. For example: 5h."),
        ('2hours', "'hours' is not a unit"),
        ('2 hours', 'the 2 has no unit'),
        ('5ms', "'ms' is not a unit"),
        ('30m1h', '1h comes after a smaller or equal unit'),
        ('1h1h', '1h comes after a smaller or equal unit'),
        ('1.5d2h', 'only its last number may have a fraction'),
        ('P1.5DT2H', 'only its last number may have a fraction'),
        ('0.0000001s', 'it is finer than a microsecond'),
        ('.5h', "'.5h' is not a number with a unit"),
        ('1,5h', 'the 1 has no unit'),
        ('h', "'h' is not a number with a unit"),
        ('1h!', "'!' is not a number with a unit"),
        ('1d  2h', "' 2h' is not a number with a unit"),
        ('P', 'it is not an ISO 8601 duration'),
        ('PT', 'it is not an ISO 8601 duration'),
        ('P1DT', 'it is not an ISO 8601 duration'),
        ('P2H', 'it is not an ISO 8601 duration'),
        ('PT2H1D', 'it is not an ISO 8601 duration'),
        ('P1Y', 'months and years have no fixed length'),
        ('P1M', 'months and years have no fixed length'),
        ('p2d', "'p2d' is not a number with a unit"),
        ('1000000000d', 'it is longer than all of the calendar'),
        ('9' * 60 + 'w', 'it is longer than all of the calendar'),
        ('\u0663h', 'is not a number with a unit'),
        ('2\uff48', 'the 2 has no unit'),
    ],
)
def test_duration_is_refused(text: str, why: str) -> None:
    """What is no duration is refused with the value, the reason, an example and the grammar."""
    with pytest.raises(exception.InvalidInput) as caught:
        times.parse_duration(text)
    message = str(caught.value)
    assert why in message
    assert message.startswith(f'{text!r} is not a duration: ')
    assert message.endswith(times.DURATION_GRAMMAR)


@pytest.mark.parametrize(
    ('duration', 'text'),
    [
        (timedelta(hours=36), '1d12h'),
        (timedelta(seconds=90), '1m30s'),
        (timedelta(weeks=2), '14d'),
        (timedelta(0), '0s'),
        (timedelta(minutes=61), '1h1m'),
        (timedelta(seconds=10, microseconds=500_000), '10.5s'),
        (timedelta(days=1, microseconds=1), '1d0.000001s'),
    ],
)
def test_duration_is_written(duration: timedelta, text: str) -> None:
    """A duration is written with the largest units first and without zeros."""
    assert times.format_duration(duration) == text


def test_negative_duration_is_not_written() -> None:
    """A negative duration has no text that could be read back."""
    with pytest.raises(exception.InvalidInput, match='negative'):
        times.format_duration(timedelta(seconds=-1))


# ------------------------------------------------------------------------ wire


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('2026-11-20T15:38:00.000000', at(2026, 11, 20, 15, 38)),
        ('2026-11-20T15:38:28.123456', at(2026, 11, 20, 15, 38, 28, 123_456)),
        ('2026-11-20 15:38:28', at(2026, 11, 20, 15, 38, 28)),
        ('2026-11-20T15:38:00Z', at(2026, 11, 20, 15, 38)),
        ('2026-11-20 15:38', at(2026, 11, 20, 15, 38)),
        ('2026-11-20T15:38+01', at(2026, 11, 20, 14, 38)),
        ('2026-11-20T15:38:00+02:00', at(2026, 11, 20, 13, 38)),
    ],
)
def test_wire_time_is_read(text: str, expected: datetime) -> None:
    """What Blazar sends is UTC; an offset, should one come, is converted."""
    moment = times.from_wire(text)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    'text', ['', 'now', '2d', '2026-11-20x15:38', '2026-W47-1T15:38', '2026-02-30 10:00', 'None']
)
def test_wire_time_is_refused(text: str) -> None:
    """What no service sends is not guessed at."""
    with pytest.raises(exception.InvalidInput, match='is not a time'):
        times.from_wire(text)


class NoOffset(tzinfo):
    """A zone that knows no offset, which makes its datetimes naive."""

    def utcoffset(self, dt: datetime | None, /) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None, /) -> str | None:
        return None

    def dst(self, dt: datetime | None, /) -> timedelta | None:
        return None


BERLIN = ZoneInfo('Europe/Berlin')


@pytest.mark.parametrize(
    ('moment', 'down', 'up'),
    [
        (at(2026, 11, 20, 15, 38), '2026-11-20 15:38', '2026-11-20 15:38'),
        (at(2026, 11, 20, 15, 38, 1), '2026-11-20 15:38', '2026-11-20 15:39'),
        (at(2026, 12, 31, 23, 59, 59, 1), '2026-12-31 23:59', '2027-01-01 00:00'),
        (at(2026, 11, 20, 15, 38, 0, 1), '2026-11-20 15:38', '2026-11-20 15:39'),
        (naive(at(2026, 11, 20, 15, 38)), '2026-11-20 15:38', '2026-11-20 15:38'),
        (datetime(2026, 11, 20, 15, 38, tzinfo=NoOffset()), '2026-11-20 15:38', '2026-11-20 15:38'),
        (datetime(2026, 7, 1, 12, tzinfo=BERLIN), '2026-07-01 10:00', '2026-07-01 10:00'),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), '2026-10-25 00:30', '2026-10-25 00:30'),
        (
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
            '2026-10-25 01:30',
            '2026-10-25 01:30',
        ),
        (at(987, 1, 2, 3, 4), '0987-01-02 03:04', '0987-01-02 03:04'),
    ],
)
def test_time_is_written_for_the_wire(moment: datetime, down: str, up: str) -> None:
    """Blazar gets whole minutes of UTC: cut by default, rounded up when asked."""
    assert times.to_wire(moment) == down
    assert times.to_wire(moment, up=True) == up


def test_time_outside_the_calendar_is_not_written() -> None:
    """A time that UTC or rounding moves out of the calendar is an error in words."""
    east, west = timezone(timedelta(hours=1)), timezone(timedelta(hours=-1))
    with pytest.raises(exception.InvalidInput, match='outside the years 1 to 9999'):
        times.to_wire(datetime(1, 1, 1, tzinfo=east))
    with pytest.raises(exception.InvalidInput, match='outside the years 1 to 9999'):
        times.to_wire(datetime(9999, 12, 31, 23, 30, tzinfo=west))
    with pytest.raises(exception.InvalidInput, match='outside the years 1 to 9999'):
        times.to_wire(at(9999, 12, 31, 23, 59, 1), up=True)


@pytest.mark.parametrize(
    ('moment', 'expected'),
    [
        (NOW, 'now'),
        (at(2026, 11, 21, 1, 23), 'now'),
        (at(2026, 11, 21, 1, 23, 59), 'now'),
        (at(2026, 11, 21, 1, 22, 50), 'now'),
        (naive(at(2026, 11, 21, 1, 23, 59)), 'now'),
        (at(2026, 11, 21, 1, 22, 40), '2026-11-21 01:22'),
        (at(2026, 11, 21, 1, 24), '2026-11-21 01:24'),
        (at(2026, 11, 20, 1, 23, 45), '2026-11-20 01:23'),
        (datetime(2026, 11, 21, 3, 0, tzinfo=BERLIN), '2026-11-21 02:00'),
    ],
)
def test_start_is_written_for_the_wire(moment: datetime, expected: str) -> None:
    """A start in the current minute, or less than a minute ago, goes as `now`."""
    assert times.start_to_wire(moment, now=NOW) == expected


def test_start_counts_from_the_present_by_default() -> None:
    """Without `now` the clock is asked."""
    assert times.start_to_wire(times.utcnow()) == 'now'
    assert times.start_to_wire(times.utcnow() + timedelta(hours=1)) != 'now'


# ------------------------------------------------------------------ properties

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    min_value=naive(at(1, 1, 2)),
    max_value=naive(at(9999, 12, 30)),
    timezones=OFFSETS,
)
BEGINNINGS = st.sampled_from(['', '+', 'P', '2026-11-20', '2026-11-20T15:38', '9999-12-31 23:59'])
ENDINGS = st.text(alphabet='nowPTZUC+-:. WDHMSdhms0123459\u0663\ud800', max_size=12)
TEXTS = st.text() | st.tuples(BEGINNINGS, ENDINGS).map(''.join)


@given(TEXTS)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but InvalidInput, and what is accepted is ASCII."""
    for read in (times.parse_time, times.from_wire, times.parse_duration):
        try:
            value = read(text)
        except exception.InvalidInput:
            continue
        assert text.strip().isascii()
        if isinstance(value, datetime):
            assert value.tzinfo is UTC
        else:
            assert value >= timedelta(0)


@given(st.timedeltas(min_value=timedelta(0)))
def test_duration_survives_a_round_trip(duration: timedelta) -> None:
    """What format_duration writes, parse_duration and +duration read back."""
    text = times.format_duration(duration)
    assert times.parse_duration(text) == duration
    if duration < timedelta(days=1_000_000):
        assert times.parse_time(f'+{text}', now=NOW) == NOW + duration


@given(MOMENTS)
def test_time_survives_a_round_trip(moment: datetime) -> None:
    """Every isoformat() is read exactly, and the wire keeps whole minutes."""
    for text in (moment.isoformat(), moment.isoformat(' ')):
        assert times.parse_time(text) == moment
        assert times.from_wire(text) == moment
    sent = naive(moment.astimezone(UTC))
    for text in (sent.isoformat(), sent.isoformat(' ', 'microseconds')):
        assert times.from_wire(text) == moment
    down, up = (
        times.from_wire(times.to_wire(moment)),
        times.from_wire(times.to_wire(moment, up=True)),
    )
    assert down <= moment <= up
    assert up - down in (timedelta(0), timedelta(minutes=1))
    assert times.parse_time(times.to_wire(moment)) == down


@given(MOMENTS, st.timedeltas(timedelta(minutes=-3), timedelta(minutes=3)))
def test_start_is_never_in_the_past_by_a_little(now: datetime, distance: timedelta) -> None:
    """A start up to a minute ago is `now`; a later minute keeps its time."""
    start = now + distance
    written = times.start_to_wire(start, now=now)
    if written == 'now':
        assert abs(distance) < timedelta(minutes=1)
    else:
        assert written == times.to_wire(start) != times.to_wire(now)
