"""The comparison of two answers sees what is different, and overlooks what has to be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.comparison import Comparison
from tests.recordings import load

Alter = Callable[[dict[str, Any]], object]

OTHER_ID = '11111111-2222-3333-4444-555555555555'


def _recorded() -> dict[str, Any]:
    lease: dict[str, Any] = load('lease-show-physical').json['lease']
    return lease


def _altered(alter: Alter) -> dict[str, Any]:
    lease = copy.deepcopy(_recorded())
    alter(lease)
    return lease


@pytest.mark.parametrize(
    ('alter', 'said'),
    [
        (lambda lease: lease.pop('degraded'), ': keys'),
        (lambda lease: lease.update(name=lease.pop('name')), ': keys'),
        (lambda lease: lease.update(more=1), ': keys'),
        (lambda lease: lease.update(name='second'), ".name: 'second' instead of 'first'"),
        (lambda lease: lease.update(degraded=0), '.degraded: 0 instead of False'),
        (lambda lease: lease.update(trust_id=None), '.trust_id: None instead of'),
        (lambda lease: lease.update(created_at='2026-11-20T15:38:28'), '.created_at: '),
        (lambda lease: lease.update(end_date='2026-11-20T15:43:00.000000'), '.end_date: '),
        (lambda lease: lease['events'].pop(), '.events: 2 entries instead of 3'),
        (lambda lease: lease['events'][0].update(lease_id=OTHER_ID), '.events[2].lease_id: '),
        (lambda lease: lease['reservations'][0].update(min='1'), ".reservations[0].min: '1' "),
    ],
)
def test_difference(alter: Alter, said: str) -> None:
    """Keys, their order, types, values and IDs that do not fit together are told."""
    assert said in '\n'.join(Comparison().differences(_recorded(), _altered(alter)))


@pytest.mark.parametrize(
    'alter',
    [
        lambda lease: lease.update(created_at='2030-01-01 00:00:00'),
        lambda lease: lease.update(trust_id='0' * 32),
        lambda lease: lease['events'].reverse(),
    ],
)
def test_no_difference(alter: Alter) -> None:
    """What each service makes up, and any order of events, is no difference."""
    assert [*Comparison().differences(_recorded(), _altered(alter))] == []


def test_ids_are_learned() -> None:
    """An ID that was seen once is expected from then on, also inside of texts."""
    comparison = Comparison()
    recorded = _recorded()['id']
    assert [*comparison.differences({'id': recorded}, {'id': OTHER_ID})] == []
    assert comparison.translated(f'/v1/leases/{recorded}') == f'/v1/leases/{OTHER_ID}'
    assert [*comparison.differences({'id': recorded}, {'id': recorded})]
    comparison.forget({'lease_id': recorded})
    assert [*comparison.differences({'id': recorded}, {'id': recorded})] == []
