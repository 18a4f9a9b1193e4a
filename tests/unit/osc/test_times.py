"""Whatever microversion is spoken, existing commands show times as Blazar writes them."""

from __future__ import annotations

import argparse
import copy
from typing import Any

import pytest

from blazarclient.model import Resource
from blazarclient.osc import columns
from blazarclient.resources.allocation import Allocation
from blazarclient.resources.floatingip import FloatingIP
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from blazarclient.resources.property import ResourceProperty
from blazarclient.resources.subscription import Subscription
from blazarclient.server.objects import wire_times
from blazarclient.versions import NEWEST, OLDEST, Spoken
from tests.recordings import Recording, load_all

KINDS: dict[str, type[Resource]] = {
    'allocation': Allocation,
    'allocations': Allocation,
    'floatingip': FloatingIP,
    'floatingips': FloatingIP,
    'host': Host,
    'hosts': Host,
    'lease': Lease,
    'leases': Lease,
    'resource_properties': ResourceProperty,
    'resource_property': ResourceProperty,
}
ANSWERED = [
    each
    for folder in ('rest', 'rest-16')
    for each in load_all(folder)
    if each.status in (200, 201) and each.body
]


def read(recording: Recording, *, modern: bool) -> list[Resource]:
    """The objects of an answer, as it came or as it would come at the newest microversion."""
    [(key, content)] = copy.deepcopy(recording.json).items()
    items: list[dict[str, Any]] = content if isinstance(content, list) else [content]
    version = NEWEST if modern else OLDEST
    return [
        KINDS[key].read(wire_times.modern(each) if modern else each, Spoken(version, ''), None)
        for each in items
    ]


def arguments(names: list[str]) -> argparse.Namespace:
    return argparse.Namespace(
        columns=names, sort_by=names[0], sort_columns=[], sort_direction=None, formatter='table'
    )


@pytest.mark.parametrize('data', [True, False], ids=['data', 'text'])
@pytest.mark.parametrize('recording', ANSWERED, ids=lambda each: each.name)
def test_as_recorded(recording: Recording, data: bool) -> None:
    """Each recorded answer is shown alike, be its times Blazar's or those of 1.1."""
    old, new = read(recording, modern=False), read(recording, modern=True)
    # A new floating IP, and a property that was changed; no command shows the latter.
    with_space = recording.method != 'PATCH' and 'floatingip' not in recording.name[:10]
    with_space = with_space or recording.method == 'GET'
    for before, after in zip(old, new, strict=True):
        assert columns.fields(after, data, with_space=with_space) == columns.fields(before, data)
    if old and recording.method == 'GET':
        names = list(type(old[0]).FIELDS)
        selection = columns.Selection(arguments(names), type(old[0]), names)
        assert selection.rows(new, data) == selection.rows(old, data)


def test_times_are_rewritten() -> None:
    """The recordings hold times in both of Blazar's forms, so the test above says something."""
    lease = next(each for each in ANSWERED if each.name == 'lease-create-future-201')
    [found] = read(lease, modern=True)
    assert found['end_date'].endswith('Z')
    shown = dict(zip(*columns.fields(found, data=True), strict=True))
    assert str(shown['end_date']).endswith(':00.000000')
    assert ' ' in str(shown['created_at'])
    assert not str(shown).count("Z'")


def test_what_blazar_does_not_have() -> None:
    """Objects that are no part of Blazar's API are shown as they come."""
    values = {'id': 'x', 'created_at': '2026-11-20T15:38:28Z', 'name': None}
    names, shown = columns.fields(Subscription.read(values, Spoken(NEWEST, ''), None), data=True)
    assert dict(zip(names, shown, strict=True)) == values
