"""Who gets which host, against a model that looks at every minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Held, HostView, Period
from blazarclient.server.backends.embedded.rules.instances import peak

ZERO = datetime.fromisoformat('2026-11-21')
LAST = 12


def period(start: int, end: int) -> Period:
    return Period(ZERO + timedelta(minutes=start), ZERO + timedelta(minutes=end))


def minutes(of: Period) -> range:
    """The minutes of a period, counted from ZERO."""
    return range(int((of.start - ZERO).seconds / 60), int((of.end - ZERO).seconds / 60))


def host(host_id: str, vcpus: int = 4, memory_mb: int = 8, local_gb: int = 8) -> HostView:
    sizes = {'vcpus': vcpus, 'memory_mb': memory_mb, 'local_gb': local_gb}
    inventory = {'VCPU': vcpus, 'MEMORY_MB': memory_mb, 'DISK_GB': local_gb}
    return HostView(host_id, sizes, inventory=inventory, largest=inventory)


def slot(
    resource_id: str,
    when: Period,
    resource_type: str = 'physical:host',
    usage: Mapping[str, int] | None = None,
) -> Held:
    return Held(resource_id, 'other', resource_type, when, usage or {})


IDS = ['2', '9', '10', '30']
periods = st.tuples(st.integers(0, LAST - 1), st.integers(1, LAST)).map(
    lambda pair: period(min(pair[0], pair[1] - 1), max(pair[0] + 1, pair[1]))
)
usages = st.builds(rules.instance_usage, st.integers(1, 3), st.integers(0, 4), st.integers(0, 4))
whole_slots = st.lists(st.builds(slot, st.sampled_from(IDS), periods), max_size=8)
shares = st.lists(
    st.builds(slot, st.sampled_from(IDS), periods, st.just('virtual:instance'), usages),
    max_size=10,
)
flavors = st.lists(
    st.builds(slot, st.sampled_from(IDS), periods, st.just('flavor:instance'), usages), max_size=10
)
some_hosts = st.lists(
    st.builds(host, st.sampled_from(IDS), st.integers(1, 5), st.integers(2, 9), st.integers(2, 9)),
    unique_by=lambda each: each.id,
).map(tuple)


def free_in_every_minute(host_id: str, held: Iterable[Held], when: Period) -> bool:
    return all(
        minute not in minutes(each.period)
        for each in held
        if each.resource_id == host_id
        for minute in minutes(when)
    )


def used_at(minute: int, host_id: str, held: Iterable[Held]) -> Counter[str]:
    used: Counter[str] = Counter()
    for each in held:
        if each.resource_id == host_id and minute in minutes(each.period):
            used.update(each.usage)
    return used


def room(each: HostView, held: Sequence[Held], usage: Mapping[str, int], when: Period) -> int:
    """How many slots fit, tried one by one in every minute."""
    here = [one for one in held if one.resource_id == each.id and one.period.overlaps(when)]
    if any(one.resource_type == 'physical:host' for one in here):
        return 0
    slots = 0
    while all(
        used_at(minute, each.id, held)[name] + (slots + 1) * wanted <= each.inventory[name]
        for minute in minutes(when)
        for name, wanted in usage.items()
        if wanted
    ):
        slots += 1
    return slots


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


@given(held=shares, when=periods)
def test_peak_is_the_busiest_minute(held: list[Held], when: Period) -> None:
    """What is used at most, of each resource for itself."""
    held = [each for each in held if each.resource_id == '2']
    most = peak(held, when)
    for name in ('VCPU', 'MEMORY_MB', 'DISK_GB'):
        expected = max(used_at(minute, '2', held)[name] for minute in minutes(when))
        assert most.get(name, 0) == expected


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


# ------------------------------------------------------------ virtual:instance


@settings(max_examples=300)
@given(
    hosts=some_hosts,
    held=st.builds(lambda *parts: [*parts[0], *parts[1], *parts[2]], whole_slots, shares, flavors),
    amount=st.integers(1, 6),
    usage=usages,
    affinity=st.sampled_from([None, True, False]),
    when=periods,
    kept=st.lists(st.sampled_from(IDS), max_size=4),
)
def test_instances_never_exceed_a_host(
    hosts: tuple[HostView, ...],
    held: list[Held],
    amount: int,
    usage: Mapping[str, int],
    affinity: bool | None,
    when: Period,
    kept: list[str],
) -> None:
    """No minute is overbooked, and it is refused only when there really is no room."""
    rooms = {each.id: room(each, held, usage, when) for each in hosts}
    possible = {
        None: sum(rooms.values()) >= amount,
        True: max(rooms.values(), default=0) >= amount,
        False: sum(slots > 0 for slots in rooms.values()) >= amount,
    }[affinity]
    try:
        found = rules.instances_for(hosts, held, amount, usage, affinity, when, kept)
    except errors.NotEnoughHosts:
        assert not possible
        return
    assert possible
    assert len(found) == amount
    slots = Counter(found)
    assert all(slots[host_id] <= rooms[host_id] for host_id in slots)
    if affinity:
        assert len(slots) == 1
        able = [each for each in kept if rooms.get(each, 0) >= amount]
        assert not able or found[0] == able[0]
    elif affinity is False:
        assert max(slots.values()) == 1
        able = [*dict.fromkeys(each for each in kept if rooms.get(each))]
        assert {*found}.issuperset(able[:amount])
    else:
        could_stay = sum(min(count, rooms.get(each, 0)) for each, count in Counter(kept).items())
        assert (slots & Counter(kept)).total() == min(could_stay, amount)


def test_instances_go_to_hosts_with_reservations_first() -> None:
    """So that other hosts stay whole; a host that is held whole is none."""
    hosts = [host(each) for each in IDS]
    usage = rules.instance_usage(2, 1, 1)
    held = [
        slot('10', period(0, 5), 'virtual:instance', usage),
        slot('2', period(0, 5)),
        slot('9', period(5, 9)),
    ]
    found = rules.instances_for(hosts, held, 4, usage, None, period(0, 5))
    assert found == ['10', '9', '9', '30']
    assert rules.instances_for(hosts, held, 2, usage, True, period(0, 5)) == ['9', '9']
    assert rules.instances_for(hosts, held, 3, usage, False, period(0, 5)) == ['10', '9', '30']


def test_peaks_at_different_times_are_not_added() -> None:
    """Two reservations that follow each other need the room of one."""
    usage = rules.instance_usage(3, 1, 1)
    held = [
        slot('2', period(0, 5), 'virtual:instance', usage),
        slot('2', period(5, 9), 'virtual:instance', usage),
    ]
    small = rules.instance_usage(1, 1, 1)
    assert rules.instances_for([host('2')], held, 1, small, None, period(0, 9)) == ['2']
    with pytest.raises(errors.NotEnoughHosts):
        rules.instances_for([host('2')], held, 2, small, None, period(0, 9))


def test_every_slot_counts() -> None:
    """Three slots of one reservation on a host use three times as much."""
    usage = rules.instance_usage(1, 1, 1)
    held = [slot('2', period(0, 5), 'virtual:instance', usage)] * 3
    assert rules.instances_for([host('2')], held, 1, usage, None, period(0, 5)) == ['2']
    with pytest.raises(errors.NotEnoughHosts):
        rules.instances_for([host('2')], held, 2, usage, None, period(0, 5))


def test_dedicated_processors_are_processors() -> None:
    """A flavor with dedicated processors leaves fewer to others."""
    held = [slot('2', period(0, 5), 'flavor:instance', {'PCPU': 3, 'VCPU': 0})]
    usage = rules.instance_usage(2, 1, 1)
    with pytest.raises(errors.NotEnoughHosts):
        rules.instances_for([host('2')], held, 1, usage, None, period(0, 5))


@pytest.mark.parametrize(
    ('sizes', 'sentence'),
    [
        ((-1, 1, 1), 'vcpus must be >= 0'),
        ((1, 1, -5), 'disk_gb must be >= 0'),
        ((0, 0, 0), 'One of vcpus, memory_mb and disk_gb must be > 0'),
    ],
)
def test_sizes_that_cannot_be(sizes: tuple[int, int, int], sentence: str) -> None:
    """Instances of no size would fit for ever."""
    with pytest.raises(errors.InvalidInput) as caught:
        rules.instance_usage(*sizes)
    assert str(caught.value) == sentence


# ------------------------------------------------------------- flavor:instance


def flavor(**changed: object) -> dict[str, object]:
    return {
        'id': 'f',
        'vcpus': 2,
        'ram': 4,
        'disk': 3,
        'OS-FLV-EXT-DATA:ephemeral': 1,
        'extra_specs': {},
        **changed,
    }


def test_flavor_usage() -> None:
    """What Blazar reads from a flavor and its extra specs."""
    assert rules.flavor_usage(flavor()) == {'VCPU': 2, 'MEMORY_MB': 4, 'DISK_GB': 4}
    specs = {
        'hw:cpu_policy': 'dedicated',
        'resources:VGPU': '1',
        'resources:DISK_GB': '0',
        'trait:HW_X': 'required',
        'trait:HW_Y': 'forbidden',
        'quota:disk_read_bytes_sec': '5',
    }
    assert rules.flavor_usage(flavor(extra_specs=specs)) == {
        'VCPU': 0,
        'PCPU': 2,
        'MEMORY_MB': 4,
        'DISK_GB': 0,
        'VGPU': 1,
        'trait:HW_X': 1,
    }


@pytest.mark.parametrize(
    ('specs', 'sentence'),
    [
        ({'trait:HW_X': 'perhaps'}, 'Invalid value for trait HW_X'),
        ({'resources:VGPU': 'one'}, 'Internal Server Error'),
        ({'resources:VGPU': '-1'}, 'Flavor f uses nothing, or less'),
        (
            {'resources:VCPU': '0', 'resources:MEMORY_MB': '0', 'resources:DISK_GB': '0'},
            'Flavor f uses nothing, or less',
        ),
    ],
)
def test_flavors_that_cannot_be(specs: dict[str, str], sentence: str) -> None:
    """Extra specs that say nothing which can be counted."""
    with pytest.raises(errors.Refused if sentence[0] == 'F' else errors.ServiceError) as caught:
        rules.flavor_usage(flavor(extra_specs=specs))
    assert str(caught.value) == sentence


@settings(max_examples=200)
@given(
    hosts=some_hosts,
    held=st.builds(lambda whole, shared: [*whole, *shared], whole_slots, flavors),
    amount=st.integers(1, 6),
    usage=usages,
    when=periods,
)
def test_flavors_never_exceed_a_host(
    hosts: tuple[HostView, ...],
    held: list[Held],
    amount: int,
    usage: Mapping[str, int],
    when: Period,
) -> None:
    """No minute is overbooked, and it is refused only when there really is no room."""
    rooms = {each.id: room(each, held, usage, when) for each in hosts}
    try:
        found = rules.flavor_slots_for(hosts, held, amount, usage, when)
    except errors.NotEnoughHosts:
        assert sum(rooms.values()) < amount
        return
    assert len(found) == amount
    assert all(count <= rooms[host_id] for host_id, count in Counter(found).items())


def test_flavor_beside_instances() -> None:
    """A host with `virtual:instance` reservations cannot be counted; one held whole does not."""
    hosts = [host('2'), host('9')]
    usage = rules.flavor_usage(flavor())
    shared = slot('2', period(0, 5), 'virtual:instance', rules.instance_usage(1, 1, 1))
    with pytest.raises(errors.Conflict) as caught:
        rules.flavor_slots_for(hosts, [shared], 1, usage, period(4, 6))
    assert str(caught.value) == 'Conflicting reservation types found'
    assert caught.value.status == 409
    assert rules.flavor_slots_for(hosts, [shared], 1, usage, period(5, 6)) == ['2']
    whole = slot('2', period(5, 6))
    assert rules.flavor_slots_for(hosts, [shared, whole], 1, usage, period(4, 6)) == ['9']


def test_flavor_needs_what_a_host_has() -> None:
    """One instance uses no more than `largest`, and nothing that the host lacks."""
    big = HostView('2', {}, inventory={'VCPU': 64}, largest={'VCPU': 8})
    assert rules.flavor_slots_for([big], [], 2, {'VCPU': 8}, period(0, 1)) == ['2', '2']
    for usage in ({'VCPU': 9}, {'VCPU': 1, 'trait:HW_X': 1}):
        with pytest.raises(errors.NotEnoughHosts):
            rules.flavor_slots_for([big], [], 1, usage, period(0, 1))


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
