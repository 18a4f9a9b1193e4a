"""Saving sends what was changed and nothing else, however it was changed."""

import copy
import datetime
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.lease import Lease
from blazarclient.versions import OLDEST, Spoken
from blazarclient.wiretypes import Json, JsonText, Nested, Text
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request
from tests.recordings import load
from tests.unit.versioned import HISTORY, WIRE, gadget, version

HERE = Spoken(OLDEST, 'a test says so')
R = 'be4300e5-2f7d-4eb9-88b7-2b4a58724183'


@pytest.fixture
def lease() -> Any:
    """A lease of one host, read without a client."""
    return Lease.read(load('lease-show-physical').json['lease'], HERE, None)


def edit_attribute(lease: Any) -> None:
    lease.reservations[0].min = 2


def edit_key(lease: Any) -> None:
    lease['reservations'][0]['min'] = 2


def edit_through_get(lease: Any) -> None:
    lease.get('reservations')[0].update(min=2)


def edit_through_values(lease: Any) -> None:
    [*lease.values()][list(lease).index('reservations')][0]['min'] = 2


def edit_through_items(lease: Any) -> None:
    dict(lease.items())['reservations'][0]['min'] = 2


def edit_through_dict(lease: Any) -> None:
    dict(lease)['reservations'][0]['min'] = 2


def edit_through_unpacking(lease: Any) -> None:
    {**lease}['reservations'][0]['min'] = 2


def edit_through_or(lease: Any) -> None:
    (lease | {'x': 1})['reservations'][0]['min'] = 2


def edit_through_copy(lease: Any) -> None:
    lease.copy().reservations[0].min = 2


def edit_through_setdefault(lease: Any) -> None:
    lease.setdefault('reservations', [])[0]['min'] = 2


def edit_popped(lease: Any) -> None:
    inside = lease.pop('reservations')
    inside[0]['min'] = 2
    lease['reservations'] = inside


def edit_new_list(lease: Any) -> None:
    lease.reservations = [{**each, 'min': 2} for each in lease.reservations]


def edit_partial_list(lease: Any) -> None:
    lease['reservations'] = [{'id': R, 'min': 2}]


@pytest.mark.parametrize(
    'edit',
    [value for name, value in sorted(globals().items()) if name.startswith('edit_')],
    ids=lambda each: each.__name__,
)
def test_one_number_inside(
    server: RecordedBlazar, client: ClientFactory, edit: Callable[[Any], None]
) -> None:
    """Whichever way it was edited, one PUT names the reservation and the number."""
    wire = load('lease-show-physical').json['lease']
    server.hold([wire])
    server.on('PUT', f'/v1/leases/{wire["id"]}', body={'lease': wire})
    found = client().leases.get(wire['id'])
    edit(found)
    assert found.save() is found
    [sent] = server.sent('PUT')
    assert sent.json == {'reservations': [{'id': R, 'min': 2}]}
    server.forget()
    found.save()
    assert server.requests == []


def test_nothing_changed_is_nothing_sent(server: RecordedBlazar, client: ClientFactory) -> None:
    """Also when everything was looked at, or set to what it was."""
    server.hold(server.leases(4))
    for found in client().leases.list():
        server.forget()
        found.name = found.name
        found['status'] = found['status']
        found.update(dict(found))
        for part in found.reservations or ():
            part.update(dict(part))
            [getattr(part, name) for name in part.FIELDS]
        found.save()
        assert server.requests == []


def test_json_text_edited_in_place(lease: Any) -> None:
    """A list that stands in a text on the wire is a list to edit, over and over."""
    reservation = lease.reservations[0]
    properties = reservation.hypervisor_properties
    assert properties == ['>=', '$vcpus', '2']
    properties[2] = '4'
    expected = {'id': R, 'hypervisor_properties': '[">=", "$vcpus", "4"]'}
    assert lease.changes() == {'reservations': [expected]}
    properties[2] = '8'
    assert reservation.hypervisor_properties is properties
    assert lease.changes()['reservations'][0]['hypervisor_properties'].endswith('"8"]')
    for twin in (copy.copy(lease), copy.deepcopy(lease), pickle.loads(pickle.dumps(lease))):
        assert twin.changes() == lease.changes()
    properties[2] = '2'
    assert lease.changes() == {}
    # Written anew as a text: the list that was handed out before does not count any more.
    reservation['hypervisor_properties'] = '["=", "$vcpus", "1"]'
    properties[2] = '9'
    assert lease.changes()['reservations'][0]['hypervisor_properties'] == '["=", "$vcpus", "1"]'
    assert reservation.hypervisor_properties == ['=', '$vcpus', '1']
    del reservation['hypervisor_properties']
    assert lease.changes() == {}
    assert reservation.hypervisor_properties is None


def test_json_text_set_as_a_value(lease: Any) -> None:
    """Attribute and key take a list; None, '' and a text go as they are."""
    reservation = lease.reservations[0]
    for value, sent in (
        (['=', '$x', '1'], '["=", "$x", "1"]'),
        ('["<", 1]', '["<", 1]'),
        ('', ''),
        (None, None),
    ):
        reservation.hypervisor_properties = value
        assert lease.changes() == {'reservations': [{'id': R, 'hypervisor_properties': sent}]}
    reservation['hypervisor_properties'] = ['=', '$x', '1']
    body = lease.changes()['reservations'][0]
    assert body['hypervisor_properties'] == '["=", "$x", "1"]'


def test_read_only_is_refused(lease: Any) -> None:
    """At once for an attribute, on save for a key or an edit in place; the field is named."""
    with pytest.raises(exception.InvalidInput, match=r'Lease\.status is set by the service'):
        lease.status = 'ACTIVE'
    with pytest.raises(exception.InvalidInput, match=r'Reservation\.status is set by the serv'):
        lease.reservations[0].status = 'x'
    edits: list[Callable[[Any], object]] = [
        lambda one: one.update(status='x'),
        lambda one: one['events'][0].update(time='2030-01-01 00:00'),
        lambda one: one['events'].pop(),
        lambda one: one['reservations'][0].update(status='x'),
        lambda one: one.update(project_id=None),
    ]
    for edit in edits:
        twin = copy.deepcopy(lease)
        edit(twin)
        with pytest.raises(exception.InvalidInput, match=r'is set by the service'):
            twin.changes()


def test_reservation_taken_out(lease: Any) -> None:
    """The service knows no way to remove one: refused, by its ID."""
    lease.reservations.pop()
    with pytest.raises(exception.InvalidInput, match=f'Reservation {R} was taken out of the list'):
        lease.changes()
    lease['reservations'] = []
    with pytest.raises(exception.InvalidInput, match='Put it back'):
        lease.changes()
    lease['reservations'] = 'nonsense'
    with pytest.raises(exception.InvalidInput, match='not a list of Reservation dicts'):
        lease.changes()
    lease['reservations'] = None
    assert lease.changes() == {'reservations': None}


def test_reservation_added(lease: Any) -> None:
    """It is sent whole, whatever its form."""
    lease.reservations.append({'resource_type': 'x', 'hypervisor_properties': ['=', 1]})
    lease['reservations'].append({'id': 'chosen', 'when': 3})
    assert lease.changes() == {
        'reservations': [
            {'resource_type': 'x', 'hypervisor_properties': '["=", 1]'},
            {'id': 'chosen', 'when': 3},
        ]
    }


def test_what_changes_nothing(lease: Any) -> None:
    """Another order is nothing to send, nor is what is gone from a reservation."""
    lease['reservations'].append(dict(lease['reservations'][0], id='second'))
    start = Lease.read(json.loads(json.dumps(lease)), HERE, None)
    start['reservations'].reverse()
    assert start.changes() == {}
    del start['reservations'][0]['min']
    assert start.changes() == {}


@pytest.mark.parametrize('remove', [lambda one: one.pop('name'), lambda one: one.clear()])
def test_what_cannot_be_removed(lease: Any, remove: Callable[[Any], object]) -> None:
    """A field that was taken out is not silently left as it is at the service."""
    remove(lease)
    with pytest.raises(exception.InvalidInput, match='was removed, and the service knows no way'):
        lease.changes()


def test_nested_objects_inside_nested_objects() -> None:
    """Only what changed is sent at every depth, and nothing where nothing did."""
    deep = [{'id': 'a', 'deep': ''}, {'id': 'b', 'deep': ''}]
    start = {'outers': [{'id': 'o', 'inner': deep}]}
    one: Any = Outermost.read(copy.deepcopy(start), HERE, None)
    one.outers[0].inner.reverse()
    assert one.changes() == {}
    one.outers[0].inner[0].deep = [1]
    inside = {'id': 'b', 'deep': '[1]'}
    assert one.changes() == {'outers': [{'id': 'o', 'inner': [inside]}]}


def test_list_that_becomes_empty() -> None:
    """That is a change of a list of anything but objects."""
    one = Outer.read({'id': 'o', 'free': ['a']}, HERE, None)
    one['free'].pop()
    assert one.changes() == {'free': []}


def test_items_without_an_id() -> None:
    """They are sent when they are new, and left alone when they are not."""
    one = Lease.read({'reservations': [{'min': 1}, {'min': 2}]}, HERE, None)
    one['reservations'].append({'min': 3})
    assert one.changes() == {'reservations': [{'min': 3}]}


def test_list_that_was_not_in_the_answer() -> None:
    """It is sent as it is set, also empty, by attribute and by key."""
    for value in ([], [{'id': R, 'min': '2'}]):
        one = Lease.read({'id': 'x'}, HERE, None)
        one.reservations = value
        assert one.changes() == {'reservations': value}
        two = Lease.read({'id': 'x'}, HERE, None)
        two['reservations'] = value
        assert two.changes() == {'reservations': value}


def test_dates(lease: Any) -> None:
    """An aware datetime, a text of the command line, or the wire's text by key."""
    lease.end_date = datetime.datetime(2030, 1, 1, 0, 0, 30, tzinfo=datetime.UTC)
    lease['before_end_date'] = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    assert lease.changes() == {
        'end_date': '2030-01-01 00:01',
        'before_end_date': '2030-01-01 00:00',
    }
    assert lease['end_date'] == '2030-01-01 00:01'
    lease['end_date'] = '2031-01-01 00:00'
    assert lease.changes()['end_date'] == '2031-01-01 00:00'
    assert lease.end_date.year == 2031
    with pytest.raises(exception.InvalidInput, match=r"Lease\.end_date: 'soon' is not a time"):
        lease.end_date = 'soon'


class Inner(Resource):
    id = Field(Text(), read_only=True)
    deep = Field(JsonText())


class Outer(Resource):
    """Has nested resources, and JSON of any form."""

    id = Field(Text(), read_only=True)
    inner = Field(Nested(Inner))
    free = Field(Json())


class Outermost(Resource):
    outers = Field(Nested(Outer))


def test_nested_list_that_another_version_lacks() -> None:
    """It is refused as a whole."""

    class Later(Resource, history=HISTORY):
        inner = Field(Nested(Inner), since='1.2')

    one = Later.read({'inner': [{'id': 'x', 'deep': ''}]}, Spoken(version('1.2'), 'x'), None)
    one['inner'][0]['deep'] = '[1]'
    assert one.changes() == {'inner': [{'id': 'x', 'deep': '[1]'}]}
    with pytest.raises(exception.FieldNotAvailable, match=r'Later\.inner needs microversion 1\.2'):
        one.changes(HERE)


def test_numbers(lease: Any) -> None:
    """An attribute takes a number or a text of one, as upstream's users write them."""
    reservation = lease.reservations[0]
    for value in (2, '2', ' +2'):
        reservation.min = value
        assert lease.changes() == {'reservations': [{'id': R, 'min': 2}]}
    reservation['min'] = '2'
    assert lease.changes() == {'reservations': [{'id': R, 'min': '2'}]}
    assert reservation.min == 2
    for bad in ('two', '--2', '2.0', 2.0, True, [2]):
        with pytest.raises(exception.InvalidInput, match=r'Reservation\.min: .* whole number'):
            reservation.min = bad


def test_lists_and_dicts_of_any_depth() -> None:
    """Free JSON is edited in place at any depth."""
    one = Outer.read({'free': {'a': [{'b': [1]}]}}, HERE, None)
    assert one.free is one['free']
    one.free['a'][0]['b'].append(2)
    assert one.changes() == {'free': {'a': [{'b': [1, 2]}]}}


@pytest.mark.parametrize('at', ['1.0', '1.1', '1.2', '1.3'])
def test_edited_in_place_in_the_newest_form(at: str) -> None:
    """Where the wire's form is older than the attribute's, an edit in place counts as well."""
    one: Any = gadget().read(copy.deepcopy(WIRE[at]), Spoken(version(at), 'x'), None)
    one.size['value'] = 3
    assert one.size['value'] == 3
    one.tags[0] = 'green'
    sizes = {'1.0': 3, '1.1': '3 cm', '1.2': '3 cm', '1.3': {'value': 3, 'unit': 'cm'}}
    tags = 'green' if at < '1.2' else ['green']
    assert one.changes() == {'size': sizes[at], 'tags': tags}
    one.size['value'] = 4
    assert one.changes()['size'] != sizes[at]
    one.size['value'] = 12
    one.tags[0] = 'red'
    assert one.changes() == {}
    if at < '1.2':
        one.tags.append('more')
        with pytest.raises(exception.FieldNotAvailable, match='tags'):
            one.changes()


def test_save_takes_the_answer(server: RecordedBlazar, client: ClientFactory) -> None:
    """After a save the object is what the service answered, and counts anew from there."""
    [wire] = server.leases(1)
    server.hold([wire])

    def answer(request: Request) -> Answer:
        return Answer(body={'lease': {**wire, **(request.json or {}), 'status': 'UPDATING'}})

    server.on('PUT', f'/v1/leases/{wire["id"]}', answer)
    found = client().leases.get(wire['id'])
    found.name = 'second'
    found.save()
    assert (found.name, found.status, found.changes()) == ('second', 'UPDATING', {})
    found.name = wire['name']
    assert found.changes() == {'name': wire['name']}
