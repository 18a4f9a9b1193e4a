"""On which hosts there is room for instances, against a model that looks at every minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Held, HostView, Period
from blazarclient.server.backends.embedded.rules.instances import peak
from tests.unit.server.minutes import (
    IDS,
    flavors,
    host,
    minutes,
    period,
    periods,
    room,
    shares,
    slot,
    some_hosts,
    usages,
    used_at,
    whole_slots,
)


@given(held=shares, when=periods)
def test_peak_is_the_busiest_minute(held: list[Held], when: Period) -> None:
    """What is used at most, of each resource for itself."""
    held = [each for each in held if each.resource_id == '2']
    most = peak(held, when)
    for name in ('VCPU', 'MEMORY_MB', 'DISK_GB'):
        expected = max(used_at(minute, '2', held)[name] for minute in minutes(when))
        assert most.get(name, 0) == expected


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
