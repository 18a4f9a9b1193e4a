"""Which version is spoken with a server, and what is said when it is not the one wanted."""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.negotiation import Negotiation
from blazarclient.versions import Pin, pin_from
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.unit.versioned import WIRE, asked, gadgets, serve, version

colour = operator.attrgetter('colour')
PIN = Pin(version('1.2'), '--os-reservation-api-version')


def test_no_request_is_made_to_find_out(server: RecordedBlazar, client: ClientFactory) -> None:
    """The first read learns the version; everything after it is sent in that."""
    serve(server, '1.0', '1.2')
    found = gadgets(client())
    found.get('G')
    found.create(name='x')
    found.list()
    assert asked(server) == ['GET latest', 'POST 1.2', 'GET 1.2']
    assert found.transport.spoken is not None
    assert found.transport.spoken.reason == 'the server speaks no higher one'


@pytest.mark.parametrize(
    ('values', 'lowest'),
    [
        ({'name': 'x'}, '1.0'),
        ({'name': 'x', 'colour': None}, '1.0'),
        ({'size': {'value': 3, 'unit': 'cm'}}, '1.0'),
        ({'colour': 'red'}, '1.1'),
        ({'size': {'value': 3, 'unit': 'mm'}}, '1.1'),
        ({'tags': ['a']}, '1.0'),
        ({'tags': ['a', 'b']}, '1.2'),
        ({'parts': [{'count': 1}, {'material': 'ash'}]}, '1.2'),
    ],
)
def test_first_write_sends_the_lowest_that_it_needs(
    server: RecordedBlazar, client: ClientFactory, values: dict[str, object], lowest: str
) -> None:
    """So an old server understands it; what the server speaks is learned by the next read."""
    serve(server)
    found = gadgets(client())
    found.create(**values)
    found.get('G')
    found.create(**values)
    assert asked(server) == [f'POST {lowest}', 'GET latest', 'POST 1.3']


def test_body_that_no_version_can_say(server: RecordedBlazar, client: ClientFactory) -> None:
    """A field that went and one that came later: refused, with nothing sent."""
    serve(server)
    with pytest.raises(exception.FieldNotAvailable, match=r'weight was removed in .*1.2'):
        gadgets(client()).create(weight=1, tags=['a', 'b'])
    assert server.requests == []


def test_raw_body_is_held_to_the_version_too(server: RecordedBlazar, client: ClientFactory) -> None:
    """A body made by hand is sent as it is, at a version that has its fields, or refused."""
    serve(server, '1.0', '1.1')
    found = gadgets(client())
    body = {'name': 'x', 'colour': 'red', 'other': [1], 'parts': [{'count': '2'}]}
    found.create_raw(body)
    assert server.sent('POST', '/v1/gadgets')[0].json == body
    found.get('G')
    server.forget()
    with pytest.raises(exception.FieldNotAvailable, match=r'Part.material .* 1.2 or greater'):
        found.create_raw({'parts': [{'material': 'ash'}]})
    assert server.requests == []
    assert asked(server) == []


def test_error_says_field_versions_and_why(server: RecordedBlazar, client: ClientFactory) -> None:
    """Field, version needed, version spoken, and the reason, in one sentence."""
    serve(server, '1.0', '1.0')
    one = gadgets(client()).get('G')
    with pytest.raises(exception.FieldNotAvailable) as raised:
        colour(one)
    assert str(raised.value) == (
        'Gadget.colour needs microversion 1.1 or greater, but 1.0 is spoken: '
        'the server speaks no higher one.'
    )
    assert isinstance(raised.value, AttributeError)
    assert getattr(one, 'colour', 'none') == 'none'
    server.send_version_header = False
    two = gadgets(client()).get('G')
    with pytest.raises(exception.FieldNotAvailable, match=r'names no version, which means 1\.0'):
        colour(two)


def test_two_clouds_at_two_versions(server: RecordedBlazar, client: ClientFactory) -> None:
    """Each object keeps the version of its own answer, whatever else is spoken meanwhile."""
    clouds = gadgets(client()), gadgets(client())
    serve(server, '1.0', '1.0')
    old: Any = clouds[0].get('G')
    serve(server)
    new: Any = clouds[1].get('G')
    assert (str(old.version), str(new.version)) == ('1.0', '1.3')
    assert old.size == new.size == {'value': 12, 'unit': 'cm'}
    assert (old['size'], new.colour) == (12, 'blue')
    assert not hasattr(old, 'colour')
    old.size = new.size = {'value': 1, 'unit': 'cm'}
    clouds[0].save(old)
    clouds[1].save(new)
    assert [each.json for each in server.sent('PUT')] == [
        {'size': 1},
        {'size': {'value': 1, 'unit': 'cm'}},
    ]
    assert asked(server)[-2:] == ['PUT 1.0', 'PUT 1.3']


def test_server_that_names_no_version_speaks_1_0(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """Read and written at 1.0 from then on."""
    serve(server)
    server.send_version_header = False
    found = gadgets(client())
    one: Any = found.get('G')
    assert (one.version, one['size'], one.size) == ((1, 0), 12, {'value': 12, 'unit': 'cm'})
    found.create(tags=['a'])
    assert server.sent('POST', '/v1/gadgets')[0].json == {'tags': 'a'}
    assert asked(server) == ['GET latest', 'POST 1.0']


def test_version_ignored(server: RecordedBlazar, client: ClientFactory) -> None:
    """A server that carried out less than was asked is told of, with its answer."""
    serve(server)
    server.send_version_header = False
    with pytest.raises(exception.VersionIgnored) as raised:
        gadgets(client()).create(colour='red')
    assert 'at 1.0' in str(raised.value)
    assert 'fields of 1.1' in str(raised.value)
    assert raised.value.answer == {'gadget': {**WIRE['1.0'], 'colour': 'red'}}
    assert asked(server) == ['POST 1.1']


@pytest.mark.parametrize('values', [{'tags': ['a', 'b']}, {'parts': [{'material': 'ash'}]}])
def test_version_ignored_for_a_form(
    server: RecordedBlazar, client: ClientFactory, values: dict[str, object]
) -> None:
    """Also when the field is old, and only the form of its value is new."""
    serve(server)
    server.send_version_header = False
    with pytest.raises(exception.VersionIgnored, match=r'fields of 1\.2'):
        gadgets(client()).create(**values)


def test_lower_answer_without_newer_fields_is_fine(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """It is read at the version that was said, which is spoken from then on."""
    serve(server)
    found = gadgets(client())
    found.get('G')
    server.send_version_header = False
    made = found.create(name='x', colour=None)
    assert str(made.version) == '1.0'
    assert str(found.transport.spoken.version if found.transport.spoken else '') == '1.0'


def test_server_ahead_of_this_client(server: RecordedBlazar, client: ClientFactory) -> None:
    """What latest brings cannot be read: it is asked once more, at ours, and never again."""
    serve(server)
    found = gadgets(client(), '1.0', '1.1')
    assert found.get('G') == WIRE['1.1']
    assert found.list() == [WIRE['1.1']]
    assert asked(server) == ['GET latest', 'GET 1.1', 'GET 1.1']
    assert found.transport.spoken is not None
    assert found.transport.spoken.reason == 'the server is ahead of this client'


@pytest.mark.parametrize('theirs', [('1.2', '1.3'), ('1.0', '1.0')])
def test_nothing_in_common(
    server: RecordedBlazar, client: ClientFactory, theirs: tuple[str, str]
) -> None:
    """The error says what each side speaks."""
    serve(server, *theirs)
    found = gadgets(client(), '1.1', '1.1')
    for _ in range(2):
        with pytest.raises(exception.UnsupportedVersion, match=r'1\.1'):
            found.get('G')
        with pytest.raises(exception.UnsupportedVersion, match=r'1\.1'):
            found.create(name='x')
    assert not [each for each in server.sent('POST', '/v1/gadgets') if each.status == 200]


def test_406_without_a_range(server: RecordedBlazar, client: ClientFactory) -> None:
    """It is no reason to ask again; the error says what this client speaks."""
    serve(server)
    server.on('GET', '/v1/gadgets', status=406, body={'error_message': 'No.'})
    with pytest.raises(exception.NotAcceptable, match=r'No\. .* This client speaks 1.0 to 1.3'):
        gadgets(client()).list()
    assert asked(server) == ['GET latest']


def test_406_in_the_words_of_the_api_sig(server: RecordedBlazar, client: ClientFactory) -> None:
    """The range may also stand in fields of the error."""
    serve(server)
    errors = [{'status': 406, 'title': 'No', 'min_version': '1.0', 'max_version': '1.1'}]
    server.on('GET', '/v1/gadgets', status=406, body={'errors': errors}, times=1)
    assert gadgets(client()).list() == [WIRE['1.1']]
    assert asked(server) == ['GET latest', 'GET 1.1']


def test_pin_is_sent_as_it_is(server: RecordedBlazar, client: ClientFactory) -> None:
    """Never latest, never lower, for reads and writes alike."""
    serve(server)
    found = gadgets(client(), pin=PIN)
    assert found.get('G') == WIRE['1.2']
    found.create(colour='red')
    with pytest.raises(exception.FieldNotAvailable, match='pinned by --os-reservation-api-vers'):
        found.create(weight=1)
    assert asked(server) == ['GET 1.2', 'POST 1.2']


@pytest.mark.parametrize('theirs', [('1.0', '1.1'), ('1.3', '1.3')])
def test_pin_that_the_server_does_not_speak(
    server: RecordedBlazar, client: ClientFactory, theirs: tuple[str, str]
) -> None:
    """The 406 is shown, with both ranges and the place of the pin; nothing else is tried."""
    serve(server, *theirs)
    found = gadgets(client(), pin=PIN)
    calls: tuple[Callable[[], object], ...] = (found.list, partial(found.create, name='x'))
    for call in calls:
        server.forget()
        with pytest.raises(exception.NotAcceptable) as raised:
            call()
        text = str(raised.value)
        assert f'Minimum is {theirs[0]} and maximum is {theirs[1]}' in text
        assert 'This client speaks 1.0 to 1.3' in text
        assert '1.2 is pinned by --os-reservation-api-version' in text
        assert len(asked(server)) == 1


def test_pin_and_a_server_that_names_no_version(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """What it answers is read at 1.0, and the next request is still the pinned one."""
    serve(server)
    server.send_version_header = False
    found = gadgets(client(), pin=PIN)
    one = found.get('G')
    assert str(one.version) == '1.0'
    with pytest.raises(exception.FieldNotAvailable, match=r'1\.2 is pinned by --os.* another one'):
        colour(one)
    with pytest.raises(exception.VersionIgnored, match=r'fields of 1\.1'):
        found.create(colour='red')
    assert asked(server) == ['GET 1.2', 'POST 1.2']


def test_resource_that_came_later(server: RecordedBlazar, client: ClientFactory) -> None:
    """What the spoken version lacks as a whole is refused before the request, once known."""
    serve(server, '1.0', '1.1')
    found = gadgets(client())
    found.RESOURCE.SINCE = version('1.2')
    with pytest.raises(exception.UnsupportedVersion) as raised:
        found.get('G')
    assert str(raised.value) == (
        'This needs microversion 1.2 or greater, but 1.1 is spoken: '
        'the server speaks no higher one.'
    )
    server.forget()
    create: Callable[[], object] = partial(found.create, name='x')
    for call in (found.list, create, partial(found.delete, 'G')):
        with pytest.raises(exception.UnsupportedVersion, match=r'needs microversion 1\.2'):
            call()
    assert server.requests == []


def test_first_write_of_a_resource_that_came_later(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """It goes at the version that brought the resource."""
    serve(server)
    found = gadgets(client())
    found.RESOURCE.SINCE = version('1.2')
    found.create(name='x')
    assert asked(server) == ['POST 1.2']


@pytest.mark.parametrize(
    ('header', 'heard'),
    [
        ('reservation 1.2', '1.2'),
        ('Reservation  1.2', '1.2'),
        ('compute 2.90, reservation 1.2', '1.2'),
        ('reservation 1.2, compute 2.90', '1.2'),
        ('compute 2.90', '1.0'),
        ('myreservation 1.2', '1.0'),
        ('reservation 1', '1.0'),
        ('reservation 1.123456', '1.0'),
        ('', '1.0'),
        (None, '1.0'),
    ],
)
def test_headers(header: str | None, heard: str) -> None:
    """Only the part about this service counts, and nothing else about it is an error."""
    negotiation = Negotiation([version('1.0'), version('1.3')])
    assert str(negotiation.heard(header, 'latest').version) == heard


def test_what_is_known_only_goes_down() -> None:
    """A server that is better does not undo what an older one behind the same address needs."""
    negotiation = Negotiation([version('1.0'), version('1.3')])
    first = negotiation.heard('reservation 1.1', 'latest')
    assert str(negotiation.heard('reservation 1.2', 'latest').version) == '1.2'
    assert negotiation.spoken == first
    assert negotiation.refused(('1.2', '1.3'), '1.1') is None
    assert negotiation.refused(None, '1.1') is None
    assert negotiation.refused(None, '1.2') == negotiation.spoken


def test_pin_of_a_release() -> None:
    """A release stands for the version that it speaks."""
    negotiation = Negotiation([version('1.0')], pin_from('2026.1', 'clouds.yaml'))
    assert negotiation.spoken is not None
    assert negotiation.spoken.reason == 'it is pinned by clouds.yaml'
    assert (negotiation.oldest, negotiation.newest) == (version('1.0'), version('1.0'))
