"""When hosts are free, beside a model that looks at every minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server.backends.embedded.rules import Held, windows
from tests.unit.server.minutes import IDS, LAST, minutes, period, slot, whole_slots

Found = tuple[int, int, tuple[str, ...]]


def found(
    host_ids: Sequence[str], held: Sequence[Held], minimum: int, duration: int, look: range
) -> list[Found]:
    """What the rule finds, in minutes."""
    each_window = windows(
        host_ids,
        held,
        minimum,
        timedelta(minutes=duration),
        period(look.start, look.stop),
    )
    return [
        (minutes(each.period).start, minutes(each.period).stop, each.host_ids)
        for each in each_window
    ]


def expected(
    host_ids: Sequence[str], held: Sequence[Held], minimum: int, duration: int, look: range
) -> list[Found]:
    """Every period in which enough hosts are free in each minute, if no other one holds it."""
    taken = {(each.resource_id, minute) for each in held for minute in minutes(each.period)}
    enough = []
    for start in look:
        for end in range(start + duration, look.stop + 1):
            free = [
                each
                for each in host_ids
                if not any((each, minute) in taken for minute in range(start, end))
            ]
            if len(free) >= minimum:
                enough.append((start, end, tuple(sorted(free))))
    return [
        one
        for one in enough
        if not any(
            other[0] <= one[0] and one[1] <= other[1] and other[:2] != one[:2] for other in enough
        )
    ]


@given(
    host_ids=st.lists(st.sampled_from(IDS), unique=True),
    held=whole_slots,
    minimum=st.integers(1, 4),
    duration=st.integers(1, 5),
    look=st.tuples(st.integers(0, LAST), st.integers(0, LAST)),
)
def test_as_minute_by_minute(
    host_ids: list[str], held: list[Held], minimum: int, duration: int, look: tuple[int, int]
) -> None:
    """The rule finds exactly the periods that looking at every minute finds."""
    when = range(min(look), max(look))
    assert found(host_ids, held, minimum, duration, when) == expected(
        host_ids, held, minimum, duration, when
    )


def test_periods_overlap() -> None:
    """Of two hosts that are free one after the other each is shown for as long as it is free."""
    held = [slot('2', period(8, 12)), slot('9', period(0, 4))]
    assert found(['2', '9'], held, 1, 2, range(12)) == [(0, 8, ('2',)), (4, 12, ('9',))]
    assert found(['2', '9'], held, 2, 2, range(12)) == [(4, 8, ('2', '9'))]
    assert found(['2', '9'], held, 2, 5, range(12)) == []
    assert found(['2', '9'], held, 3, 1, range(12)) == []


def test_many_hosts() -> None:
    """All windows of many hosts are found in one go through what is held."""
    many = [str(number) for number in range(2000)]
    held = [slot(each, period(1 + int(each) % 9, 2 + int(each) % 9)) for each in many]
    all_windows = found(many, held, 1000, 1, range(12))
    assert all(len(host_ids) >= 1000 for _, _, host_ids in all_windows)
    assert all_windows
