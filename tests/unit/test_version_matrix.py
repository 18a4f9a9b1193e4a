"""Every pair of a client's and a server's range of versions: read, write, refuse, go down."""

import copy
import itertools
import json
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.versions import OLDEST, Spoken
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.unit.versioned import (
    NUMBERS,
    WIRE,
    asked,
    gadget,
    gadgets,
    ranges,
    serve,
    version,
)

PAIRS = list(itertools.product(ranges(), ranges()))


def in_common(ours: tuple[str, str], theirs: tuple[str, str]) -> str | None:
    best = min(ours[1], theirs[1])
    return best if best >= max(ours[0], theirs[0]) else None


@pytest.mark.parametrize(('ours', 'theirs'), PAIRS, ids=str)
def test_read(
    server: RecordedBlazar,
    client: ClientFactory,
    ours: tuple[str, str],
    theirs: tuple[str, str],
) -> None:
    """A first read costs one request, or two when the server is ahead, and is read right."""
    serve(server, *theirs)
    collection = gadgets(client(), *ours)
    spoken = in_common(ours, theirs)
    if spoken is None:
        with pytest.raises(exception.UnsupportedVersion) as raised:
            collection.get('G')
        assert 'GET' not in str(raised.value)
        assert ours[0] in str(raised.value)
        return
    found = collection.get('G')
    ahead = theirs[1] > ours[1]
    assert asked(server) == ['GET latest', f'GET {ours[1]}'][: 1 + ahead]
    assert str(found.version) == spoken
    check_attributes(found, spoken, ours[1])
    # Byte for byte what came, also after every attribute was looked at.
    assert json.dumps(found) == json.dumps(WIRE[spoken])
    assert found.changes() == {}
    server.forget()
    assert collection.list() == [WIRE[spoken]]
    assert asked(server) == [f'GET {spoken}']


def check_attributes(found: Any, spoken: str, newest: str) -> None:
    """The attributes have the newest form that the client knows, whatever is spoken."""
    newest_form = WIRE[newest]
    assert found.name == 'one'
    assert found.size == newest_form['size']
    assert found.tags == newest_form['tags']
    assert found.parts == WIRE[spoken]['parts']
    if newest >= '1.1' and spoken < '1.1':
        with pytest.raises(exception.FieldNotAvailable, match=r'Gadget.colour needs micro.* 1.1'):
            found.colour  # noqa: B018
    elif newest >= '1.1':
        assert found.colour == 'blue'
    if spoken >= '1.2':
        with pytest.raises(exception.FieldNotAvailable, match=r'weight was removed in .* 1.2'):
            found.weight  # noqa: B018
    else:
        assert found.weight == 7
    part = found.parts[0]
    assert part.count == 1
    if newest >= '1.2' and spoken < '1.2':
        with pytest.raises(exception.FieldNotAvailable, match=r'Part.material needs .* 1.2'):
            part.material  # noqa: B018
        assert not hasattr(part, 'material')
    elif newest >= '1.2':
        assert part.material == 'oak'


@pytest.mark.parametrize(('ours', 'theirs'), PAIRS, ids=str)
def test_write(
    server: RecordedBlazar,
    client: ClientFactory,
    ours: tuple[str, str],
    theirs: tuple[str, str],
) -> None:
    """What is written in the newest form arrives in the form of the version in common."""
    serve(server, *theirs)
    collection = gadgets(client(), *ours)
    spoken = in_common(ours, theirs)
    values = {
        'name': 'two',
        'size': WIRE[ours[1]]['size'],
        'tags': WIRE[ours[1]]['tags'],
        'parts': [{'count': 2}],
    }
    if spoken is None:
        with pytest.raises(exception.UnsupportedVersion):
            collection.create(**values)
        assert {each.status for each in server.sent('POST', '/v1/gadgets')} <= {406}
        return
    made = collection.create(**values)
    [sent] = [each for each in server.sent('POST', '/v1/gadgets') if each.status == 200]
    at = asked(server)[-1].removeprefix('POST ')
    assert sent.json == {
        'name': 'two',
        'size': WIRE[at]['size'],
        'tags': WIRE[at]['tags'],
        'parts': [{'count': 2}],
    }
    # Nothing is known before: the lowest version goes first, and after a 406 the best in common.
    assert at == (ours[0] if ours[0] >= theirs[0] else spoken)
    assert json.dumps(made) == json.dumps({**WIRE[at], **sent.json})
    assert made['name'] == 'two'


@pytest.mark.parametrize(('ours', 'theirs'), PAIRS, ids=str)
def test_values_that_the_spoken_version_lacks(
    server: RecordedBlazar,
    client: ClientFactory,
    ours: tuple[str, str],
    theirs: tuple[str, str],
) -> None:
    """They are refused before any request; None and what is not given never are."""
    serve(server, *theirs)
    collection = gadgets(client(), *ours)
    spoken = in_common(ours, theirs)
    if spoken is None:
        return
    collection.get('G')
    server.forget()
    refused: list[dict[str, object]] = []
    if ours[1] >= '1.1' and spoken < '1.1':
        refused += [{'colour': 'red'}, {'size': '3 mm'}]
    if ours[1] >= '1.2' and spoken < '1.2':
        refused += [{'tags': ['a', 'b']}, {'tags': []}, {'parts': [{'material': 'ash'}]}]
        assert collection.create(name='x', tags=['a'])['tags'] == 'a'
    if ours[1] >= '1.3' and spoken < '1.1':
        refused += [{'size': {'value': 3, 'unit': 'mm'}}]
    if spoken >= '1.2':
        refused += [{'weight': 3}]
    server.forget()
    for values in refused:
        with pytest.raises(exception.FieldNotAvailable) as raised:
            collection.create(name='x', **values)
        assert f' {spoken}' in str(raised.value)
        assert collection.transport.spoken is not None
        assert collection.transport.spoken.reason in str(raised.value)
    assert server.requests == []
    nothing: dict[str, object] = dict.fromkeys(collection.RESOURCE.FIELDS)
    collection.create(**nothing)
    assert server.sent('POST', '/v1/gadgets')[0].json == nothing


@pytest.mark.parametrize(('ours', 'theirs'), PAIRS, ids=str)
def test_save(
    server: RecordedBlazar,
    client: ClientFactory,
    ours: tuple[str, str],
    theirs: tuple[str, str],
) -> None:
    """An edit of an attribute, also in place, is sent alone and in the form of the version."""
    serve(server, *theirs)
    collection = gadgets(client(), *ours)
    spoken = in_common(ours, theirs)
    if spoken is None:
        return
    found: Any = collection.get('G')
    newest = ours[1]
    found.size = {'1.0': 13, '1.1': '13 cm', '1.2': '13 cm', '1.3': {'value': 13, 'unit': 'cm'}}[
        newest
    ]
    if newest >= '1.2':
        found.tags[0] = 'green'
    else:
        found.tags = 'green'
    found.parts[0].count = 2
    expected = {
        'size': {'1.0': 13, '1.1': '13 cm', '1.2': '13 cm', '1.3': {'value': 13, 'unit': 'cm'}}[
            spoken
        ],
        'tags': ['green'] if spoken >= '1.2' else 'green',
        'parts': [{'id': 'P', 'count': 2}],
    }
    for twin in (found, copy.copy(found), copy.deepcopy(found)):
        assert twin.changes() == expected
    collection.save(found)
    assert server.sent('PUT')[0].json == expected


@pytest.mark.parametrize(('at', 'to'), list(itertools.product(NUMBERS, NUMBERS)), ids=str)
def test_read_at_one_version_and_written_at_another(at: str, to: str) -> None:
    """Changes go up and down through every form between."""
    found: Any = gadget().read(copy.deepcopy(WIRE[at]), Spoken(version(at), 'it was read'), None)
    # As the dict holds them: the form of the version that it was read at.
    found['size'] = {'1.0': 9, '1.1': '9 cm', '1.2': '9 cm', '1.3': {'value': 9, 'unit': 'cm'}}[at]
    found['tags'] = 'x' if at < '1.2' else ['x']
    found['parts'].append({'count': 4})
    spoken = Spoken(version(to), 'it is written')
    sizes = {'1.0': 9, '1.1': '9 cm', '1.2': '9 cm', '1.3': {'value': 9, 'unit': 'cm'}}
    assert found.changes(spoken) == {
        'size': sizes[to],
        'tags': 'x' if to < '1.2' else ['x'],
        'parts': [{'count': 4}],
    }
    if at >= '1.2' and to < '1.2':
        found['tags'] = ['x', 'y']
        with pytest.raises(exception.FieldNotAvailable, match=r"\['x', 'y'\] needs microv.* 1.2"):
            found.changes(spoken)
        found['tags'] = WIRE[at]['tags']
        found.parts[0].material = 'pine'
        with pytest.raises(exception.FieldNotAvailable, match=r'Part.material .* 1.2 or greater'):
            found.changes(spoken)


@pytest.mark.parametrize('number', NUMBERS)
def test_fake_has_the_form_of_a_version(number: str) -> None:
    """A fake has every field of its version and no other, and can be read."""
    wire = WIRE['1.3']
    fake: Any = gadget().fake(number, tags=wire['tags'], size=wire['size'])
    assert fake.keys() == WIRE[number].keys()
    assert fake['size'] == WIRE[number]['size']
    assert fake['parts'][0].keys() == WIRE[number]['parts'][0].keys()
    assert fake.tags == ['red']
    assert fake.version == version(number)


@pytest.mark.parametrize('number', NUMBERS)
def test_lowest_version_of_a_body(number: str) -> None:
    """What a body needs is the newest thing in it, and the form that it has."""
    kind = gadget()
    at = version(number)
    assert kind.needs({}, at) == OLDEST
    assert kind.needs({'name': 'x', 'colour': None}, at) == OLDEST
    assert kind.needs({'colour': 'x'}, at) == version('1.1')
    assert str(kind.needs({'size': 1}, at)) == {'1.2': '1.1'}.get(number, number)
    assert kind.needs({'tags': 1}, at) == (version('1.2') if number >= '1.2' else OLDEST)
    assert kind.needs({'parts': [{'count': 1}]}, at) == OLDEST
    assert kind.needs({'parts': [{'count': 1}, {'material': 'x'}]}, at) == version('1.2')
    assert kind.needs({'parts': 'nonsense', 'other': 1}, at) == OLDEST
