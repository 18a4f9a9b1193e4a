"""A model of what is held that looks at every minute, and hosts and slots to try it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st

from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Held, HostView, Period

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
