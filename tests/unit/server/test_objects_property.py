"""Properties: the names of capabilities, public or private."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.resource_property import ResourceProperty
from tests import recordings
from tests.front_door import FrontDoor, Machine


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    """Three hosts: two with a rack, then one of them with a gpu, too."""
    made = FrontDoor()
    made.surround([Machine(number, 8, 16384, 200) for number in (1, 2, 3)])
    ctx = made.context()
    Host.create(ctx, {'name': 'compute-3', 'rack': 'r2'})
    Host.create(ctx, {'name': 'compute-2', 'rack': 'r1'})
    made.advance(2)
    Host.create(ctx, {'name': 'compute-1', 'rack': 'r1', 'gpu': 'True'})
    made.advance(2)
    yield made
    made.close()


@pytest.fixture
def ctx(door: FrontDoor) -> RequestContext:
    return door.context()


def listed(ctx: RequestContext, *, all: bool = False) -> list[str]:
    return [each.property_name for each in ResourceProperty.list(ctx, all=all)]


def member(door: FrontDoor) -> RequestContext:
    return RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='alice',
        project_id='research',
        roles=frozenset({'member', 'reader'}),
    )


class Lenient:
    """A site's policy: readers may list properties."""

    def __init__(self, door: FrontDoor) -> None:
        self._policy = door.policy

    def check(self, rule: str, target: Any, credentials: Any) -> bool:
        return rule.endswith('get_resource_properties') or self._policy.check(
            rule, target, credentials
        )


def test_properties_are_listed_with_the_values_of_hosts(ctx: RequestContext) -> None:
    """The oldest first, each value once, with the keys that were recorded."""
    found = ResourceProperty.list(ctx)
    assert [each.render_listed() for each in found] == [{'property': 'rack'}, {'property': 'gpu'}]
    assert [each.render_listed(detail=True) for each in found] == [
        {'property': 'rack', 'private': False, 'values': ['r1', 'r2']},
        {'property': 'gpu', 'private': False, 'values': ['True']},
    ]
    for name, detail in (('host-properties', False), ('host-properties-detail', True)):
        expected = recordings.load(name).json['resource_properties'][0]
        assert list(found[1].render_listed(detail=detail)) == list(expected)


def test_a_property_without_hosts_is_not_listed(ctx: RequestContext) -> None:
    """It is remembered, with what was said of it."""
    ResourceProperty.set_private(ctx, 'gpu', {'private': True})
    host = Host.get_by_id(ctx, '1')
    host.update({'gpu': None})
    assert listed(ctx, all=True) == ['rack']
    assert ResourceProperty.set_private(ctx, 'gpu', {}).private
    host.update({'gpu': 'again'})
    assert listed(ctx) == ['rack']
    assert listed(ctx, all=True) == ['rack', 'gpu']


def test_private_properties_are_for_administrators_who_ask(
    door: FrontDoor, ctx: RequestContext
) -> None:
    """Blazar says private: false of them even then."""
    ResourceProperty.set_private(ctx, 'rack', {'private': True})
    assert listed(ctx) == ['gpu']
    assert listed(ctx, all=True) == ['rack', 'gpu']
    shown = ResourceProperty.list(ctx, all=True)[0].render_listed(detail=True)
    assert shown == {'property': 'rack', 'private': False, 'values': ['r1', 'r2']}
    reader = member(door)
    reader.policy = Lenient(door)  # type: ignore[assignment]
    assert listed(reader, all=True) == listed(reader) == ['gpu']


def test_only_administrators_list_and_change(door: FrontDoor) -> None:
    """The objects ask the policy, whoever calls them."""
    alice = member(door)
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: ResourceProperty.list(alice), 'get_resource_properties'),
        (lambda: ResourceProperty.list(alice, all=True), 'get_resource_properties'),
        (lambda: ResourceProperty.set_private(alice, 'x', {}), 'update_resource_properties'),
    ]
    for call, rule in calls:
        with pytest.raises(errors.PolicyForbidden) as caught:
            call()
        assert str(caught.value) == f"Policy doesn't allow blazar:oshosts:{rule} to be performed"


def test_a_change_is_answered_as_recorded(door: FrontDoor, ctx: RequestContext) -> None:
    """Its time is that of the last real change, in whole seconds."""
    expected = recordings.load('property-patch').json['resource_property']
    first = ResourceProperty.set_private(ctx, 'gpu', {'private': True}).render()
    assert list(first) == list(expected)
    assert first | {'id': expected['id']} == expected | {
        'created_at': '2030-01-07T08:02:00.000000',
        'updated_at': '2030-01-07T08:04:00.000000',
    }
    door.advance(1)
    for values in ({'nothing': True, 'property_name': 'other', 'id': 'x'}, {'private': True}):
        assert ResourceProperty.set_private(ctx, 'gpu', values).render() == first
    back = ResourceProperty.set_private(ctx, 'gpu', {'private': False}).render()
    assert back == first | {'private': False, 'updated_at': '2030-01-07T08:05:00.000000'}


@pytest.mark.parametrize(('value', 'stored'), [(True, True), (1, True), (0, False), (False, False)])
def test_truth_values(ctx: RequestContext, value: object, stored: bool) -> None:
    """One and zero are truth values to Blazar's database."""
    assert ResourceProperty.set_private(ctx, 'gpu', {'private': value}).private is stored
    assert ('gpu' not in listed(ctx)) is stored


@pytest.mark.parametrize('value', ['yes', 'true', None, 2, [], {}])
def test_other_values(ctx: RequestContext, value: object) -> None:
    """Blazar fails on them."""
    with pytest.raises(errors.Internal):
        ResourceProperty.set_private(ctx, 'gpu', {'private': value})
    assert listed(ctx) == ['rack', 'gpu']


def test_an_unknown_property(ctx: RequestContext) -> None:
    """500, in the recorded words."""
    expected = recordings.load('property-patch-404')
    with pytest.raises(errors.DatabaseRefused) as caught:
        ResourceProperty.set_private(ctx, 'nosuch', {'private': True})
    assert caught.value.status == expected.status
    assert str(caught.value) == expected.json['error_message']
