"""Blazar's answers, rewritten while they arrive: the same as if they were read as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blazarclient.server.backends.blazar import modern
from blazarclient.server.objects import wire_times
from tests import recordings

TIMES = st.builds(
    '2026-11-{:02}{}15:{:02}:40{}'.format,
    st.integers(1, 28),
    st.sampled_from('T _'),
    st.integers(0, 59),
    st.sampled_from(['', '.000000', '.120000', '.000001', '.5', '.', '.1234567', 'Z', '.0Z']),
)
TEXTS = st.text(max_size=12) | TIMES | TIMES.map('"time": "{}"'.format) | st.just('a\\"b\\\\')
NAMES = st.sampled_from([*sorted(wire_times.NAMES), 'x_end_date', 'times', '"time']) | TEXTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
LEASES = st.lists(
    st.dictionaries(NAMES, VALUES, max_size=4).flatmap(
        lambda rest: st.sampled_from([rest, {'id': 'a', **rest}, {**rest, 'id': 'b'}])
    ),
    max_size=5,
)
CUTS = st.integers(1, 40)
SHOWN = {'a': [{'id': '1', 'url': 'http://x/"time": "2026-11-20 15:38:28"', 'status': 'active'}]}


def pieces(text: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


def read(parts: Iterable[bytes]) -> Any:
    return json.loads(b''.join(parts))


@given(VALUES, CUTS, st.booleans(), st.sampled_from([(', ', ': '), (',', ':')]))
@example({'time': '2026-11-20 15:38:28'}, 1, False, (', ', ': '))
def test_times(value: Any, size: int, ascii_: bool, separators: tuple[str, str]) -> None:
    """They get their zone wherever the bytes are cut, and nothing else changes."""
    text = json.dumps(value, ensure_ascii=ascii_, separators=separators)
    got = b''.join(modern.with_zones(pieces(text.encode('utf-8', 'surrogatepass'), size)))
    expected = json.dumps(wire_times.modern(value), ensure_ascii=ascii_, separators=separators)
    assert got.decode('utf-8', 'surrogatepass') == expected


@given(LEASES, CUTS, st.sampled_from([(', ', ': '), (',', ':'), (',\n ', ': ')]))
def test_lists_of_leases(
    leases: list[dict[str, Any]], size: int, separators: tuple[str, str]
) -> None:
    """Each lease shows its subscriptions, wherever the bytes are cut."""
    text = json.dumps({'leases': leases, 'more': 1}, separators=separators).encode()
    expected = wire_times.modern({'leases': leases, 'more': 1})
    for lease in expected['leases']:
        lease['subscriptions'] = SHOWN.get(str(lease.get('id')), [])
    assert read(modern.lease_list(pieces(text, size), SHOWN)) == expected


@given(VALUES, CUTS)
def test_what_is_no_list_of_leases(value: Any, size: int) -> None:
    """It comes back with its times, and nothing is lost of it."""
    text = json.dumps(value).encode()
    assert read(modern.lease_list(pieces(text, size), SHOWN)) == wire_times.modern(value)


@pytest.mark.parametrize(
    'text', [b'', b'{', b'{"leases": [', b'{"leases": [{"id": "a"', b'x' * 9999]
)
@pytest.mark.parametrize('size', [1, 7, 100_000])
def test_half_an_answer(text: bytes, size: int) -> None:
    """What cannot be read is passed on, not swallowed."""
    assert b''.join(modern.lease_list(pieces(text, size), {})) == text


def test_recordings() -> None:
    """What a real Blazar has listed is the same as if it were read as a whole."""
    listed = [each for each in recordings.load_all() if b'{"leases": [{' in each.body[:13]]
    assert len(listed) > 3
    for each in listed:
        expected = wire_times.modern(each.json)
        for lease in expected['leases']:
            lease['subscriptions'] = []
        assert read(modern.lease_list(pieces(each.body, 1000), {})) == expected


def test_a_list_is_never_held_as_a_whole() -> None:
    """What has been read of it is passed on before the rest is asked for."""
    lease = json.dumps({'id': 'a', 'end_date': '2026-11-20 15:38:28', 'name': 'x' * 1000}).encode()
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        yield b'{"leases": ['
        for number in range(1000):
            taken += len(lease) + 2
            yield b', ' * bool(number) + lease
        yield b']}'

    given_back = 0
    for part in modern.lease_list(parts(), {}):
        given_back += len(part)
        assert taken - given_back < 3 * len(lease)
    assert given_back > taken
