"""Who gets which host and which address, against a model that looks at every minute."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Held, HostView, Period
from tests.unit.server.minutes import (
    IDS,
    free_in_every_minute,
    host,
    minutes,
    period,
    periods,
    shares,
    slot,
    some_hosts,
    whole_slots,
)

# --------------------------------------------------------------------- periods


@given(one=periods, other=periods)
def test_periods_overlap_where_they_share_a_minute(one: Period, other: Period) -> None:
    """Half-open: what ends when another begins does not overlap it."""
    assert one.overlaps(other) == bool({*minutes(one)} & {*minutes(other)})
    assert one.overlaps(other) == other.overlaps(one)


def test_widened() -> None:
    """Cleaning takes its time before and after; the calendar's ends stay where they are."""
    assert period(30, 60).widened(30) == period(0, 90)
    assert period(30, 60).widened(0) == period(30, 60)
    ends = Period(datetime.min, datetime.max)  # noqa: DTZ901
    assert ends.widened(5) == ends


# --------------------------------------------------------------- physical:host


def test_prefers_hosts_never_held() -> None:
    """Where enough hosts were never held, nothing else is taken, in the order of numbers."""
    hosts = [host(each) for each in ('10', '9', '2', '30')]
    assert rules.hosts_for(hosts, [], {'9', '10', '30'}, 1, 2, period(0, 5)) == ['9', '10']
    assert rules.hosts_for(hosts, [], {'9', '10', '30'}, 1, 9, period(0, 5)) == ['9', '10', '30']


def test_then_those_held_at_other_times() -> None:
    """Where too few were never held, those held at other times come first."""
    hosts = [host(each) for each in IDS]
    held = [slot('9', period(5, 6))]
    assert rules.hosts_for(hosts, held, {'2'}, 2, 2, period(0, 5)) == ['9', '10']
    assert rules.hosts_for(hosts, held, {'2'}, 2, 4, period(0, 5)) == ['9', '10', '30', '2']
    assert rules.hosts_for(hosts, held, {'2'}, 2, 4, period(0, 6)) == ['10', '30', '2']


def test_too_few_hosts() -> None:
    """Nothing is given when it is less than the minimum; no minimum needs no host."""
    held = [slot('2', period(0, 5), 'virtual:instance')]
    assert rules.hosts_for([host('2'), host('9')], held, {'9'}, 2, 3, period(4, 9)) == []
    assert rules.hosts_for([host('2')], held, (), 0, 3, period(4, 9)) == []


def test_hosts_out_of_order_are_not_given() -> None:
    """A host that cannot be reserved is none, whatever its ID."""
    broken = HostView('1', {}, reservable=False)
    named = HostView('ironic', {})
    assert rules.hosts_for([named, broken, host('2')], [], {'1', '2'}, 1, 3, period(0, 1)) == ['2']
    assert rules.hosts_for([named, broken], [], (), 1, 3, period(0, 1)) == ['ironic']


@given(
    hosts=some_hosts,
    held=st.one_of(whole_slots, shares),
    never=st.sets(st.sampled_from(IDS)),
    minimum=st.integers(1, 4),
    more=st.integers(0, 3),
    when=periods,
)
def test_hosts_are_free_in_every_minute(
    hosts: tuple[HostView, ...],
    held: list[Held],
    never: set[str],
    minimum: int,
    more: int,
    when: Period,
) -> None:
    """Enough hosts, free all the time; none only when there are too few."""
    never -= {each.resource_id for each in held}
    free = {each.id for each in hosts if free_in_every_minute(each.id, held, when)}
    found = rules.hosts_for(hosts, held, never, minimum, minimum + more, when)
    assert len({*found}) == len(found)
    assert free.issuperset(found)
    if len(free & never) >= minimum:
        assert never.issuperset(found)
        assert len(found) == min(minimum + more, len(free & never))
    else:
        assert len(found) == (min(minimum + more, len(free)) if len(free) >= minimum else 0)


# --------------------------------------------------------- virtual:floatingip

ADDRESSES = {'a': '203.0.113.100', 'b': '203.0.113.101', 'c': '203.0.113.102'}


def test_floatingips_in_order() -> None:
    """Required ones first, then those never held, then those held at other times."""
    held = [slot('b', period(5, 9), 'virtual:floatingip')]
    find = rules.floatingips_for
    assert find(ADDRESSES, held, {'a', 'c'}, 2, [], period(0, 5)) == ['a', 'c']
    assert find(ADDRESSES, held, {'a', 'c'}, 3, [], period(0, 5)) == ['a', 'c', 'b']
    assert find(ADDRESSES, held, {'a', 'c'}, 2, ['203.0.113.101'], period(0, 5)) == ['b', 'a']
    assert find(ADDRESSES, held, {'a', 'c'}, 0, [], period(0, 5)) == []


@pytest.mark.parametrize(
    ('amount', 'required', 'when'),
    [
        (4, [], period(0, 5)),
        (3, [], period(4, 6)),
        (1, ['203.0.113.101'], period(4, 6)),
        (1, ['203.0.113.7'], period(0, 5)),
        (2, ['203.0.113.100'] * 2, period(0, 5)),
    ],
)
def test_too_few_floatingips(amount: int, required: list[str], when: Period) -> None:
    """Too few, or a required one that is held or unknown."""
    held = [slot('b', period(5, 9), 'virtual:floatingip')]
    with pytest.raises(errors.NotEnoughFloatingIPs) as caught:
        rules.floatingips_for(ADDRESSES, held, {'a', 'c'}, amount, required, when)
    assert caught.value.status == 400


@given(
    held=st.lists(st.builds(slot, st.sampled_from([*ADDRESSES]), periods), max_size=5),
    amount=st.integers(1, 3),
    required=st.sets(st.sampled_from([*ADDRESSES.values()]), max_size=1),
    when=periods,
)
def test_floatingips_are_free_in_every_minute(
    held: list[Held], amount: int, required: set[str], when: Period
) -> None:
    """Enough addresses with the required ones, or an error because there are too few."""
    never = ADDRESSES.keys() - {each.resource_id for each in held}
    free = {key for key in ADDRESSES if free_in_every_minute(key, held, when)}
    possible = len(free) >= amount and required <= {ADDRESSES[key] for key in free}
    try:
        found = rules.floatingips_for(ADDRESSES, held, never, amount, required, when)
    except errors.NotEnoughFloatingIPs:
        assert not possible
        return
    assert possible
    assert free.issuperset(found)
    assert len({*found}) == len(found) == amount
    assert required <= {ADDRESSES[key] for key in found}
