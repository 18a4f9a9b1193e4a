"""Objects come out of a list's text as json.loads gives them, wherever the text is cut."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazarclient.streaming import NoList, Truncated, objects

TEXTS = st.text(st.sampled_from('ab"\\{}[],: é\u2028😀\x00'), max_size=6)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        # Inside as well as outside objects begin with the key id.
        st.builds(lambda some, more: {'id': some, **more}, inner, st.dictionaries(TEXTS, inner)),
    ),
    max_leaves=6,
)
OBJECTS = st.one_of(
    st.lists(st.dictionaries(TEXTS, NESTED, max_size=3), max_size=6),
    st.lists(
        st.builds(
            lambda some, more, rest: {'id': some, 'more': more, **rest},
            TEXTS,
            st.lists(st.builds(lambda one: {'id': one}, TEXTS), max_size=3),
            st.dictionaries(TEXTS, NESTED, max_size=2),
        ),
        max_size=12,
    ),
)
WRITERS = st.sampled_from(
    [
        {},
        {'separators': (',', ':')},
        {'indent': 2},
        {'ensure_ascii': False},
        {'separators': (' , ', ' : ')},
    ]
)


def pieces(text: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The text in pieces, cut at these places."""
    places = sorted({min(cut, len(text)) for cut in cuts})
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        yield text[start:end]


CUTS = st.lists(st.integers(0, 400), max_size=12)


@settings(max_examples=500, deadline=None)
@given(found=OBJECTS, writer=WRITERS, cuts=CUTS, beside=st.dictionaries(TEXTS, NESTED, max_size=2))
def test_any_list_cut_anywhere(
    found: list[Any], writer: dict[str, Any], cuts: list[int], beside: dict[str, Any]
) -> None:
    """The batches together are the list, in its order; other members do not matter."""
    for document in ({'leases': found, **beside}, {**beside, 'leases': found}):
        document['leases'] = found
        text = json.dumps(document, **writer).encode()
        batches = list(objects(pieces(text, cuts), 'leases'))
        together = [item for batch in batches for item in batch]
        assert json.dumps(together) == json.dumps(found)


@settings(max_examples=500, deadline=None)
@given(found=OBJECTS, writer=WRITERS, cuts=CUTS, place=st.integers(0, 11))
def test_any_list_with_a_needle(
    found: list[dict[str, Any]], writer: dict[str, Any], cuts: list[int], place: int
) -> None:
    """Each object whose text holds the needle comes out, or all of it has to be read."""
    if place < len(found):
        found[place]['name'] = 'needle'
    text = json.dumps({'leases': found}, **writer).encode()
    try:
        batches = list(objects(pieces(text, cuts), 'leases', b'"needle"'))
    except Truncated:
        return
    together = [item for batch in batches for item in batch if item.get('name') == 'needle']
    assert together == [item for item in found if item.get('name') == 'needle']


def long_list(count: int, size: int = 2000) -> tuple[list[dict[str, Any]], bytes]:
    found = [
        {'id': f'{number:06}', 'name': f'n{number}', 'parts': [{'id': 'a'}, {'id': 'b' * size}]}
        for number in range(count)
    ]
    return found, json.dumps({'leases': found}).encode()


def in_pieces(text: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


@pytest.mark.parametrize('size', [100, 1000, 5000, 50_000])
def test_batches_are_short(size: int) -> None:
    """No more of the list than a few pieces is in memory at a time."""
    found, text = long_list(200)
    batches = list(objects(in_pieces(text, size), 'leases'))
    assert [item for batch in batches for item in batch] == found
    assert max(map(len, batches)) <= 2 + 4 * size // 2000


def test_what_does_not_hold_the_needle_is_not_parsed() -> None:
    """Only the batch with it comes out, and what is left at the end."""
    _, text = long_list(200)
    batches = list(objects(in_pieces(text, 5000), 'leases', b'"n7"'))
    names = [item['name'] for batch in batches for item in batch]
    assert 'n7' in names
    assert len(names) < 20


@pytest.mark.parametrize('size', range(3000, 9000, 487))
@pytest.mark.parametrize('first', ['id', 'name', 'parts'])
def test_what_is_passed_over_ends_where_an_object_ends(size: int, first: str) -> None:
    """Objects inside objects begin alike, too; none of them is taken for one of the list."""
    found, _ = long_list(30)
    found = [{first: one[first], **one} for one in found]
    text = json.dumps({'leases': found}).encode()
    for one in found:
        needle = json.dumps(one['name']).encode()
        batches = list(objects(in_pieces(text, size), 'leases', needle))
        assert one in [item for batch in batches for item in batch]


def test_garbage_collection_is_as_it_was() -> None:
    """It is off only while a batch is parsed, and stays off where a program has it off."""
    _, text = long_list(20)
    for switch, on in ((gc.disable, False), (gc.enable, True)):
        switch()
        for _ in objects(in_pieces(text, 3000), 'leases'):
            assert gc.isenabled() == on
    assert gc.isenabled()


@pytest.mark.parametrize('end', [0, 1, 5, 11, 12, 13, 100, 2100, -3, -2, -1])
def test_cut_off(end: int) -> None:
    """Half an answer is not taken for a short list, wherever it ends."""
    found, text = long_list(5)
    seen: list[Any] = []

    def read(size: int) -> None:
        seen.clear()
        for batch in objects(in_pieces(text[:end], size), 'leases'):
            seen.extend(batch)

    for size in (50, 10_000):
        with pytest.raises(Truncated, match='leases'):
            read(size)
        assert seen == found[: len(seen)]


@pytest.mark.parametrize(
    'text',
    [
        '<html>Log in</html>',
        'null',
        '[]',
        '[{"id": 1}]',
        '"leases"',
        '{}',
        '{"hosts": []}',
        '{"leases": null}',
        '{"leases": {"id": 1}}',
        '{"error": ["x"], "leases": 3}',
        '{"leases_links": [], "other": [{"id": 1}]}',
    ],
)
def test_what_is_no_such_list(text: str) -> None:
    """It is told from half a list, since asking again would not help."""
    for size in (1, 3, 1000):
        with pytest.raises(NoList, match='no list of leases'):
            list(objects(in_pieces(text.encode(), size), 'leases'))


@pytest.mark.parametrize('text', ['{"leases": []}', '{"leases":[ ]}', ' {\n"leases" :\n[\n]\n}\n'])
def test_empty_lists(text: str) -> None:
    """An empty list has no objects, and is nothing wrong."""
    for size in (1, 1000):
        assert [*objects(in_pieces(text.encode(), size), 'leases')] == [[]]
