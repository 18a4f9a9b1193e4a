"""Host properties: listed, found by name, hidden and shown."""

from typing import Any

import pytest

from blazarclient import exception
from blazarclient.resources.property import ResourceProperty
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

PATH = '/v1/os-hosts/properties'


@pytest.fixture
def properties(server: RecordedBlazar) -> RecordedBlazar:
    """Two properties, of which Blazar leaves the private one out of the short list."""
    both = [
        {'property': 'gpu', 'private': False, 'values': ['True']},
        {'property': 'secret', 'private': False, 'values': ['1', '2']},
    ]

    def show(request: Request) -> Answer:
        shown = both if 'all=' in request.query else both[:1]
        keys = ('property', 'private', 'values') if 'detail=' in request.query else ('property',)
        return Answer(
            body={'resource_properties': [{key: one[key] for key in keys} for one in shown]}
        )

    server.on('GET', PATH, show)
    return server


@pytest.mark.parametrize(
    ('given', 'queries', 'names'),
    [
        ({}, [''], ['gpu']),
        ({'detail': True}, ['detail=True'], ['gpu']),
        ({'all': True}, ['all=True'], ['gpu', 'secret']),
        ({'detail': True, 'all': True}, ['detail=True&all=True', ''], ['gpu', 'secret']),
    ],
    ids=str,
)
def test_list(
    properties: RecordedBlazar,
    client: ClientFactory,
    given: dict[str, Any],
    queries: list[str],
    names: list[str],
) -> None:
    """What is private shows only in two lists together."""
    found = client('admin').properties.list(**given)
    assert [each.property for each in found] == names
    assert [each.query for each in properties.sent('GET', PATH)] == queries
    assert {type(each) for each in found} == {ResourceProperty}
    assert all(each.changes() == {} for each in found)
    if given.get('detail'):
        assert [each.private for each in found] == [name == 'secret' for name in names]
        assert found[0].property_values == ['True']
    else:
        assert not found[0].is_set('property_values')


def test_list_of_some_fields(properties: RecordedBlazar, client: ClientFactory) -> None:
    """Named by attribute or by key."""
    mine = client('admin').properties
    assert mine.list(['property_values'], detail=True) == [{'values': ['True']}]
    assert mine.list(['values', 'property'], detail=True) == [
        {'values': ['True'], 'property': 'gpu'}
    ]
    assert [dict(each) for each in mine.iterate()] == [{'property': 'gpu'}]


@pytest.mark.parametrize('find', ['get', 'find'])
def test_find(properties: RecordedBlazar, client: ClientFactory, find: str) -> None:
    """By name, private or not."""
    mine: Any = client('admin').properties
    assert getattr(mine, find)('secret').property_values == ['1', '2']
    with pytest.raises(exception.ResourcePropertyNotFound, match=r"'nope'.*property list --all"):
        getattr(mine, find)('nope')


def test_hide_and_show(server: RecordedBlazar, client: ClientFactory) -> None:
    """One request; the name is quoted."""
    answer = server.recorded('property-patch').json
    server.on('PATCH', f'{PATH}/gpu', body=answer)
    server.on('PATCH', f'{PATH}/a%2Fb', body=answer)
    mine = client('admin').properties
    changed = mine.update('gpu', private=True)
    assert changed == answer['resource_property']
    assert changed.property_name == 'gpu'
    mine.update('a/b', private=False)
    assert [each.json for each in server.sent('PATCH')] == [{'private': True}, {'private': False}]


def test_save(properties: RecordedBlazar, client: ClientFactory) -> None:
    """A changed object sends what changed, and nothing else can be changed."""
    properties.on('PATCH', f'{PATH}/gpu', body={'resource_property': {'id': 'x'}})
    one = client('admin').properties.get('gpu')
    properties.forget()
    assert one.save() is one
    assert properties.requests == []
    one.private = 'true'
    one.save()
    assert properties.sent('PATCH')[0].json == {'private': True}
    assert one.private is False
    assert one.property_values is not None
    one.property_values.append('other')
    with pytest.raises(exception.InvalidInput, match=r'property_values is set by the service'):
        one.save()


def test_bad_value(server: RecordedBlazar, client: ClientFactory) -> None:
    """It is refused before any request."""
    with pytest.raises(exception.InvalidInput, match='neither True nor False'):
        client('admin').properties.update('gpu', private='perhaps')  # type: ignore[arg-type]
    assert server.requests == []
