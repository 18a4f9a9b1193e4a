"""Values of options: events, capabilities, times; and any text for every one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient import exception
from blazarclient.osc import options

NOW = datetime(2026, 11, 21, 1, 23, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ('text', 'date'),
    [
        ('event_type=notification,event_date=2026-11-20 10:00', '2026-11-20 10:00'),
        ('event_date=2026-11-20 10:00,event_type=notification', '2026-11-20 10:00'),
        ('event_type=notification, event_date=2026-11-20T10:00+01:00', '2026-11-20 09:00'),
        ('event_type=notification,event_date=+2h', '2026-11-21 03:23'),
    ],
)
def test_event_is_read(text: str, date: str) -> None:
    """The date of an event may be written like every other time."""
    event = options.parse_event(text, now=NOW)
    assert event == {'event_type': 'notification', 'event_date': date}


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('', 'it is empty'),
        ('event_type=a', 'event_date= is missing'),
        ('event_type=,event_date=now', 'event_type= is missing'),
        ('type=a,event_date=now', "'type' is not a key of an event; did you mean event_type=a?"),
        ('event_type=a,event_date=2d', "event_date: '2d' is not a time: it is a duration"),
        ('event_type=a,event_date=2026-02-30 10:00', '2026-02 has the days 1 to 28'),
    ],
)
def test_event_is_refused(text: str, why: str) -> None:
    """An event needs a type and a date that exists."""
    with pytest.raises(exception.InvalidInput) as caught:
        options.parse_event(text)
    assert why in str(caught.value)
    assert str(caught.value).startswith(f'--event {text!r}: ')


def test_key_and_value_are_read() -> None:
    """The value is everything behind the first =, as it stands."""
    assert options.parse_key_value('gpu=True') == ('gpu', 'True')
    assert options.parse_key_value('gpu=') == ('gpu', '')
    assert options.parse_key_value(' a = b=c, "d" ') == ('a', ' b=c, "d" ')


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('gpu', 'there is no =; did you mean gpu=VALUE?'),
        ('', 'there is no key'),
        ('=True', 'there is no key'),
        (' =True', 'there is no key'),
    ],
)
def test_key_and_value_are_refused(text: str, why: str) -> None:
    """A capability without a key or without = is never guessed at."""
    with pytest.raises(exception.InvalidInput) as caught:
        options.parse_key_value(text, option='--property')
    assert str(caught.value) == (
        f'--property {text!r}: {why}{"" if why.endswith("?") else "."} '
        "Expected KEY=VALUE, as in --property 'gpu=True'."
    )


def test_times_name_their_option() -> None:
    """Two dates stand on one command line, so the error says which one is wrong."""
    assert options.time_option('--end-date', '+1h', now=NOW) == NOW + timedelta(hours=1)
    assert options.duration_option('--prolong-for', '2h') == timedelta(hours=2)
    with pytest.raises(exception.InvalidInput, match=r"^--end-date: '2d' is not a time: "):
        options.time_option('--end-date', '2d')
    with pytest.raises(exception.InvalidInput, match=r"^--prolong-for: '2' is not a duration: "):
        options.duration_option('--prolong-for', '2')


READERS: list[Callable[[str], object]] = [
    options.parse_reservation,
    lambda text: options.parse_reservation(text, for_update=True),
    options.parse_physical_reservation,
    options.parse_event,
    options.parse_key_value,
]
BEGINNINGS = st.sampled_from(
    [
        '',
        'resource_type=physical:host,',
        'id=a,',
        'min=1,max=2,',
        'event_type=a,event_date=',
        'required_floatingips=',
    ]
)
ENDINGS = st.text(alphabet='minax,="[]{}\\ 12:.+-\n\u0663\ud800', max_size=20)


@given(st.text() | st.tuples(BEGINNINGS, ENDINGS).map(''.join))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises anything but InvalidInput, which always says what would be right."""
    for read in READERS:
        try:
            read(text)
        except exception.InvalidInput as error:
            message = str(error)
        else:
            continue
        assert 'Expected KEY=VALUE, as in --' in message
