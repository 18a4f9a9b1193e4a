"""Finding, listing and getting; what a collection says when that is not possible."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from blazarclient import answers, exception, transport
from blazarclient.resources.lease import Lease
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar

ID = '3740febe-ed91-4ea8-9a65-a2721db1c611'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.001)
    monkeypatch.setattr(transport, 'LAST_DELAY', 0.001)


def test_no_such_list(server: RecordedBlazar, client: ClientFactory) -> None:
    """A 404 to a list is about the address, which is named."""
    server.on('GET', '/elsewhere/v1/leases', status=404, body='Not Found')
    with pytest.raises(exception.NotFound) as caught:
        client(endpoint_override=f'{server.url}/elsewhere').leases.list()
    assert f'there are no leases at {server.url}/elsewhere/v1/leases.' in str(caught.value)


@pytest.mark.parametrize(
    'name',
    [
        'plain',
        'with space',
        'a.b_c:d@e+f=g-h',
        f'{ID}-copy',
        f'copy-of-{ID}',
        'Größe ☃ 😀',
        'quote " and \' and \\ and /',
        'tab\tnew\nline\x7f',
        '<b>&amp;</b>',
        '{"id": "x"}, {',
        '}], "name": "other"',
        '%41',
        '',
        ' ',
        '.',
        '..',
        'null',
        '7',
        'a' * 80,
    ],
)
@pytest.mark.parametrize('ascii_only', [True, False])
def test_find_any_name_with_one_request(
    server: RecordedBlazar, client: ClientFactory, name: str, ascii_only: bool
) -> None:
    """However the name is written, however JSON writes it, and nothing like it is taken."""
    names = ['other', name + 'x', 'x' + name, name, name.upper() + '.']
    leases = server.leases(len(names), name=lambda index: names[index])
    body = json.dumps({'leases': leases}, ensure_ascii=ascii_only)
    server.on('GET', '/v1/leases', body=body)
    found = client().leases.find(name)
    assert found == leases[3]
    assert type(found) is Lease
    assert server.calls('reservation') == ['GET /v1/leases']


@pytest.mark.parametrize('place', [0, 1, 500, 1233, 1998, 1999])
def test_find_in_a_long_list(server: RecordedBlazar, client: ClientFactory, place: int) -> None:
    """The list arrives in many pieces; the lease is found in any of them."""
    leases = server.leases(2000)
    server.hold(leases)
    assert client().leases.find(f'lease-{place:05d}') == leases[place]
    assert server.calls('reservation') == ['GET /v1/leases']


@pytest.mark.parametrize('name', ['same', 'gleich ☃'])
def test_find_that_is_not_unique(server: RecordedBlazar, client: ClientFactory, name: str) -> None:
    """The candidates are named with ID, dates, status and project, each on a line."""
    leases = server.leases(
        1200, name=lambda index: name if index in (3, 700, 1100) else f'other-{index}'
    )
    server.hold(leases)
    with pytest.raises(exception.NoUniqueMatch) as raised:
        client().leases.find(name)
    first, *lines = str(raised.value).splitlines()
    assert first == f'3 leases have the name {name!r}; use the ID:'
    for line, index in zip(lines, (3, 700, 1100), strict=True):
        lease = leases[index]
        keys = ('id', 'start_date', 'end_date', 'status', 'project_id')
        assert line == '  ' + '  '.join(lease[key] for key in keys)
    assert server.calls('reservation') == ['GET /v1/leases']


def test_find_by_id(server: RecordedBlazar, client: ClientFactory) -> None:
    """What has the form of an ID is asked for as one, in one request."""
    [lease] = server.leases(1)
    server.hold([lease])
    assert client().leases.find(lease['id']) == lease
    assert server.calls('reservation') == [f'GET /v1/leases/{lease["id"]}']


def test_find_a_name_in_the_form_of_an_id(server: RecordedBlazar, client: ClientFactory) -> None:
    """When there is no such ID, it may be a name, in capitals too."""
    name = str(uuid.uuid4()).upper()
    leases = server.leases(3, name=name)
    server.hold(leases[:1])
    assert client().leases.find(name) == leases[0]
    assert server.calls('reservation') == [f'GET /v1/leases/{name}', 'GET /v1/leases']


def test_find_what_is_not_there(server: RecordedBlazar, client: ClientFactory) -> None:
    """One request, and an error that says what was looked for and among what."""
    server.hold(server.leases(3))
    with pytest.raises(exception.NotFound) as raised:
        client().leases.find('nope')
    assert str(raised.value) == (
        "No lease with the name or ID 'nope' was found among those that this user may see."
    )
    assert (raised.value.status, raised.value.code) == (404, 404)
    assert server.calls('reservation') == ['GET /v1/leases']


def test_find_somebody_elses(server: RecordedBlazar, client: ClientFactory) -> None:
    """Blazar's refusal is passed on, and no name is looked for."""
    server.play('lease-show-bob-403')
    with pytest.raises(exception.Forbidden, match='Your roles in this project'):
        client('bob').leases.find(ID)
    assert len(server.calls('reservation')) == 1


def test_find_reads_all_when_it_has_to(server: RecordedBlazar, client: ClientFactory) -> None:
    """Where text was passed over at a wrong place, the list is read once more, as a whole."""
    inside = [{'id': str(number), 'name': 'y' * 400} for number in range(2000)]
    leases = [{'id': 'B', 'name': 'y'}, {'id': 'A', 'name': 'x', 'inside': inside}]
    server.on('GET', '/v1/leases', body={'leases': leases})
    with pytest.raises(exception.NotFound):
        client().leases.find('wanted')
    assert server.calls('reservation') == ['GET /v1/leases'] * 2


def test_find_lists_an_object_once(server: RecordedBlazar, client: ClientFactory) -> None:
    """A list that changes while it is read may name an object twice."""
    [lease] = server.leases(1)
    server.on('GET', '/v1/leases', body={'leases': [lease, lease]})
    assert client().leases.find(lease['name'])['id'] == lease['id']


@pytest.mark.parametrize('bad', ['', '.', '..', ' '])
@pytest.mark.parametrize('call', ['get', 'delete'])
def test_ids_that_would_reach_another_path(
    server: RecordedBlazar, client: ClientFactory, call: str, bad: str
) -> None:
    """They are refused before any request."""
    with pytest.raises(exception.InvalidInput, match='is not the ID of a lease'):
        getattr(client().leases, call)(bad)
    assert server.requests == []


@pytest.mark.parametrize(
    ('odd', 'path'),
    [('a/b', 'a%2Fb'), ('a?b#c', 'a%3Fb%23c'), ('ü %', '%C3%BC%20%25'), ('../x', '..%2Fx')],
)
def test_ids_are_quoted(server: RecordedBlazar, client: ClientFactory, odd: str, path: str) -> None:
    """An ID is one segment of the path, whatever is in it."""
    with pytest.raises(exception.NotFound):
        client().leases.get(odd)
    assert server.requests[-1].raw_path == f'/v1/leases/{path}'


def test_list_of_some_fields(server: RecordedBlazar, client: ClientFactory) -> None:
    """Only what was asked for is kept, in that order; an attribute or a key names it."""
    leases = server.leases(3000)
    server.hold(leases)
    found: list[Any] = list(client().leases.list(fields=['end_date', 'id']))
    assert [dict(each) for each in found] == [
        {'end_date': each['end_date'], 'id': each['id']} for each in leases
    ]
    assert list(found[0]) == ['end_date', 'id']
    assert (found[0].is_set('name'), found[0].name) == (False, None)
    assert found[0].end_date.year == 2026
    # Equal texts are one object, so that a long list takes little memory.
    assert found[0]['end_date'] is found[4]['end_date']
    assert client().leases.list(fields=[]) == [{}] * 3000


def test_list_of_a_field_that_is_none(server: RecordedBlazar, client: ClientFactory) -> None:
    """A slip of the pen is an error; a key that only this service knows is none."""
    server.hold([{**lease, 'rack': 'r1'} for lease in server.leases(2)])
    with pytest.raises(exception.InvalidInput, match="no attribute 'nmae': did you mean 'name'"):
        client().leases.list(fields=['id', 'nmae'])
    assert client().leases.list(fields=['rack']) == [{'rack': 'r1'}] * 2
    # An attribute that this client knows and the service does not send is no mistake.
    assert client().leases.list(fields=['before_end_date']) == [{}] * 2


@pytest.mark.parametrize('given', [None, 7])
def test_no_name(client: ClientFactory, given: Any) -> None:
    """What is no text is refused before any request."""
    with pytest.raises(exception.InvalidInput, match='is not the name or ID of a lease'):
        client().leases.find(given)


def test_no_id(client: ClientFactory) -> None:
    """None is not looked up under the name 'None'."""
    nothing: Any = None
    with pytest.raises(exception.InvalidInput, match='None is not the ID of a lease'):
        client().leases.get(nothing)


def test_list_of_something_else(server: RecordedBlazar, client: ClientFactory) -> None:
    """A list of anything but objects does not come from a reservation service."""
    server.on('GET', '/v1/leases', status=200, body={'leases': [1, 2]})
    with pytest.raises(exception.ConnectionFailed, match='Is this the address of a reservation'):
        client().leases.list()


def test_list_and_iterate(server: RecordedBlazar, client: ClientFactory) -> None:
    """Both give the same, in the service's order; iterating begins at once."""
    leases = server.leases(1500)
    server.hold(leases)
    mine = client()
    assert mine.leases.list() == leases
    iterator = mine.leases.iterate(['id'])
    assert next(iterator) == {'id': leases[0]['id']}
    assert [each['id'] for each in iterator] == [each['id'] for each in leases[1:]]
    assert {type(each) for each in mine.leases.list()} == {Lease}


@pytest.mark.parametrize(
    'body',
    [
        '<html>Log in</html>',
        '{"hosts": []}',
        '{"leases": {}}',
        '[]',
        'null',
        '"text"',
    ],
)
def test_answers_of_something_else(
    server: RecordedBlazar, client: ClientFactory, body: str
) -> None:
    """One request, and an error that asks whether the address is right."""
    server.on('GET', '/v1/leases', body=body)
    server.on('GET', f'/v1/leases/{ID}', body=body)
    server.on('GET', '/v1/os-hosts/properties', body=body)
    server.on('GET', '/v1/os-hosts/allocations', body=body)
    mine = client()
    calls: list[Callable[[], object]] = [
        mine.leases.list,
        lambda: mine.leases.find('x'),
        lambda: mine.leases.get(ID),
        mine.properties.list,
        mine.allocations.list,
        mine.host.list_properties,
    ]
    for call in calls:
        server.forget()
        with pytest.raises(answers.ConnectFailure, match='the address of a reservation service'):
            call()
        assert len(server.calls('reservation')) == 1


def test_cut_list_is_read_again(server: RecordedBlazar, client: ClientFactory) -> None:
    """Find and list begin anew when the connection broke."""
    leases = server.leases(300)
    server.hold(leases)
    whole = {'leases': leases}
    server.on('GET', '/v1/leases', lambda _: Answer(body=whole, cut=200_000), times=1)
    assert client().leases.find('lease-00299') == leases[299]
    server.on('GET', '/v1/leases', lambda _: Answer(body=whole, cut=200_000), times=1)
    assert client().leases.list() == leases


def test_what_was_not_deleted(server: RecordedBlazar, client: ClientFactory) -> None:
    """404 for what was never there is an error."""
    with pytest.raises(exception.NotFound):
        client('admin').floatingips.delete('nope-0')
    mine: Any = client()
    assert not hasattr(mine.allocations, 'delete')
    assert not hasattr(mine.properties, 'delete')
