"""A resource is the dict that the server sent: what goes in, comes out, and is copied."""

import copy
import datetime
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from blazarclient import exception
from blazarclient.client import Client
from blazarclient.edits import MISSING, deep_copy, plain_copy
from blazarclient.fields import Change, Field
from blazarclient.model import Resource
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from blazarclient.resources.reservation import Reservation
from blazarclient.versions import NEWEST, OLDEST, Spoken
from blazarclient.wiretypes import Integer, Text
from tests.conftest import ClientFactory
from tests.recorded import ALICE, RecordedBlazar
from tests.recordings import load
from tests.unit.versioned import WIRE, gadget, history

HERE = Spoken(OLDEST, 'a test says so')


def wire() -> dict[str, Any]:
    """A lease as a real Blazar sent it."""
    made: dict[str, Any] = load('lease-show-physical').json['lease']
    return made


@pytest.fixture
def lease() -> Lease:
    """The same, read without a client."""
    return Lease.read(wire(), HERE, None)


@pytest.fixture
def mine(server: RecordedBlazar, client: ClientFactory) -> Lease:
    """A lease of alice as her client got it."""
    server.hold(server.leases(1))
    [one] = client().leases.list()
    return one


# --------------------------------------------------------------------------- a dict


def test_is_the_dict_that_was_sent(lease: Lease) -> None:
    """isinstance, ==, keys in the server's order, json: nothing tells it from a dict."""
    assert isinstance(lease, dict)
    assert lease == wire()
    assert wire() == lease
    assert lease != {**wire(), 'name': 'other'}
    assert list(lease) == list(wire())
    assert dict(lease) == {**lease} == (lease | {}) == wire()
    assert json.dumps(lease) == json.dumps(wire())
    assert json.dumps(lease, indent=1, sort_keys=True) == json.dumps(
        wire(), indent=1, sort_keys=True
    )
    assert lease['end_date'] == '2026-11-20T15:42:00.000000'
    assert lease.end_date == datetime.datetime(2026, 11, 20, 15, 42, tzinfo=datetime.UTC)
    assert (len(lease), 'name' in lease, lease.get('nope', 3)) == (len(wire()), True, 3)
    with pytest.raises(KeyError, match='nope'):
        lease['nope']


def test_unknown_keys_survive() -> None:
    """What this client has never heard of stays, through copies, pickles and changes."""
    found = Lease.read({**wire(), 'new': {'deep': [1, {'x': None}]}}, HERE, None)
    for one in (found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert one['new'] == {'deep': [1, {'x': None}]}
        one['new']['deep'][1]['x'] = 5
        assert one.changes() == {'new': {'deep': [1, {'x': 5}]}}


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(mine: Lease, protocol: int) -> None:
    """Data, version and changes go along; the client and its secrets stay behind."""
    mine.name = 'renamed'
    assert mine.reservations
    text = pickle.dumps(mine, protocol)
    assert b'secret' not in text
    assert mine.client.transport.session is not None
    again = pickle.loads(text)
    assert type(again) is Lease
    assert again == mine
    assert again.version == mine.version
    assert again.changes() == {'name': 'renamed'}
    assert again.is_mine is None
    assert type(again['reservations'][0]) is Reservation
    with pytest.raises(exception.InsufficientAuthInformation, match='Lease has no client'):
        again.client  # noqa: B018


def test_pickle_keeps_what_was_not_there(lease: Lease) -> None:
    """An added key is still an added key."""
    lease['extra'] = 1
    again = pickle.loads(pickle.dumps(lease))
    del again['extra']
    assert again.changes() == {}


@pytest.mark.parametrize('copier', [copy.copy, copy.deepcopy, Lease.copy])
def test_copies(mine: Lease, copier: Callable[[Lease], Lease]) -> None:
    """A copy is a resource of the same client, with the changes that were made before."""
    mine.name = 'renamed'
    twin = copier(mine)
    assert type(twin) is Lease
    assert twin == mine
    assert twin.client is mine.client
    assert twin.version == mine.version
    twin.name = 'again'
    assert (mine.changes(), twin.changes()) == ({'name': 'renamed'}, {'name': 'again'})


def test_depth_of_copies(mine: Lease) -> None:
    """A shallow copy shares what is inside, a deep one does not; both note edits."""
    shallow, deep = copy.copy(mine), copy.deepcopy(mine)
    assert mine.reservations
    mine.reservations[0].min = 5
    edit = {'reservations': [{'id': mine.reservations[0].id, 'min': 5}]}
    assert mine.changes() == shallow.changes() == edit
    assert deep.changes() == {}
    assert deep.reservations
    deep.reservations[0].max = 7
    assert deep.changes() == {'reservations': [{'id': deep.reservations[0].id, 'max': 7}]}
    twins = copy.deepcopy([mine, mine])
    assert twins[0] is twins[1]


def test_helpers_of_copies() -> None:
    """Plain copies are plain all through; other objects are copied as Python does."""
    host = Host.read({'x': [{'y': 1}]}, HERE, None)
    plain = plain_copy([host, (1,)])
    assert [type(each) for each in plain] == [dict, tuple]
    assert type(plain[0]['x'][0]) is dict
    assert [type(each) for each in deep_copy([host, {'a': [1]}, 'x'], {})] == [Host, dict, str]
    assert plain_copy(MISSING) is MISSING


def test_yaml(mine: Lease) -> None:
    """Every dumper writes what it writes of a dict, in Python and with libyaml."""
    plain = json.loads(json.dumps(mine))
    assert mine.reservations
    for dumper in (yaml.SafeDumper, yaml.CSafeDumper, yaml.Dumper, yaml.CDumper):
        assert yaml.dump(mine, Dumper=dumper) == yaml.dump(plain, Dumper=dumper)
        assert yaml.dump([mine], Dumper=dumper, sort_keys=False) == yaml.dump(
            [plain], Dumper=dumper, sort_keys=False
        )
    assert yaml.safe_load(yaml.safe_dump(mine)) == plain
    assert yaml.dump(mine) == yaml.dump(plain)


def test_made_by_hand() -> None:
    """A resource can be made like a dict; it is at the oldest version, without a client."""
    lease = Lease({'name': 'x'}, status='ACTIVE')
    assert (lease.name, lease.status, lease.version) == ('x', 'ACTIVE', OLDEST)
    assert lease.changes() == {}
    assert type(Lease.fromkeys(['name'])) is Lease
    assert lease.is_mine is None


# --------------------------------------------------------------------- what it knows


def test_four_states() -> None:
    """A value; None; not in this answer; not in this version."""
    one: Any = Lease.read({'name': 'x', 'user_id': None}, HERE, None)
    assert (one.name, one.is_set('name')) == ('x', True)
    assert (one.user_id, one.is_set('user_id')) == (None, True)
    assert (one.status, one.is_set('status')) == (None, False)
    old: Any = gadget().read(WIRE['1.0'], HERE, None)
    with pytest.raises(exception.FieldNotAvailable):
        old.colour  # noqa: B018
    assert not old.is_set('colour')


def test_unknown_attributes(lease: Lease) -> None:
    """A wrong name is an error, for reading, writing and asking; the nearest one is named."""
    with pytest.raises(exception.InvalidInput, match=r"'nmae': did you mean 'name'\? It has: id"):
        lease.is_set('nmae')
    with pytest.raises(exception.InvalidInput, match=r"no attribute 'qqqq'\. It has"):
        Lease.field('qqqq')
    with pytest.raises(AttributeError, match='nmae'):
        lease.nmae = 'x'  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match='nmae'):
        lease.nmae  # type: ignore[attr-defined]  # noqa: B018


def test_no_resource_takes_other_attributes() -> None:
    """A mistyped attribute would be lost silently if objects had a place for it."""
    classes = Resource.__subclasses__()
    ours = [each for each in classes if each.__module__.startswith('blazarclient.')]
    assert len(ours) >= 7
    assert [each for each in ours if hasattr(each.read({}, HERE, None), '__dict__')] == []


def test_whose_it_is(server: RecordedBlazar, client: ClientFactory) -> None:
    """True or False by the session's project; None when either side is not known."""
    lease = wire()
    server.hold([{**lease, 'project_id': ALICE.project_id}, {**lease, 'project_id': 'other'}])
    theirs = client()
    mine, other = theirs.leases.list()
    assert (mine.is_mine, other.is_mine) == (True, False)
    [unknown, _] = theirs.leases.list(fields=['id'])
    assert unknown.is_mine is None
    assert Host.read({}, HERE, theirs).is_mine is None
    assert Lease.read(lease, HERE, None).is_mine is None


def test_attributes_never_make_a_request(mine: Lease, server: RecordedBlazar) -> None:
    """Whatever is looked at, nothing is sent."""
    server.forget()
    for name in dir(mine):
        # What a later microversion brought is no attribute of this one.
        getattr(mine, name, None)
    for name in Lease.FIELDS:
        mine.is_set(name)
    for part in (*(mine.reservations or ()), *(mine.events or ())):
        for name in part.FIELDS:
            getattr(part, name)
    str(mine), repr(mine), mine.changes(), copy.copy(mine)
    assert server.requests == []


def test_client_of_parts(mine: Lease) -> None:
    """What is inside an object has its client and its version."""
    assert mine.reservations
    part = mine.reservations[0]
    assert (part.client, part.version) == (mine.client, mine.version)
    assert isinstance(part.client, Client)


# ------------------------------------------------------------------- declarations


def test_fields_name_an_entry_of_the_history() -> None:
    """A version that HISTORY lacks is refused where it is written, with the line to add."""
    with pytest.raises(exception.UnsupportedVersion) as raised:

        class Wrong(Resource):
            x = Field(Text(), since='1.7')

    assert str(raised.value) == (
        "Wrong.x names microversion 1.7: add the line '1.7': '<what it changed>' to "
        'blazarclient.versions.HISTORY.'
    )


def test_classes_inherit_fields() -> None:
    """A subclass has the fields of its base, and may put its own in their place."""

    class More(Lease, since='1.2', history=history()):
        extra = Field(Text(), since='1.3')
        name = Field(Text(), read_only=True)  # type: ignore[assignment]

    assert [*More.FIELDS] == [*Lease.FIELDS, 'extra']
    assert More.SINCE == (1, 2)
    assert More.WIRE['name'].read_only
    assert not Lease.WIRE['name'].read_only
    assert Lease.field('name') is Lease.name


def test_wire_key_of_another_name() -> None:
    """The attribute's name and the key may differ."""

    class Odd(Resource):
        text = Field(Text(), wire='class')

    odd = Odd.read({'class': 'x'}, HERE, None)
    odd.text = 'y'
    assert odd.changes() == {'class': 'y'} == Odd.encode({'text': 'y'}, HERE)
    assert odd.is_set('text')


@pytest.mark.parametrize('kind', [Lease, Host, Reservation])
def test_fake(kind: type[Resource]) -> None:
    """Every field has an example that decodes; given values take their place."""
    fake = kind.fake(NEWEST)
    assert fake.keys() == kind.WIRE.keys()
    for name in kind.FIELDS:
        getattr(fake, name)
    assert json.loads(json.dumps(fake)) == fake
    assert fake.changes() == {}
    with pytest.raises(exception.InvalidInput, match='no attribute'):
        kind.fake(nope=1)


def test_fake_of_an_older_form() -> None:
    """The example has the form of the version."""

    class Made(Resource, history=history()):
        size = Field(Integer(), changes=[Change('1.2', int, str)])

    assert Made.fake('1.2')['size'] == 1
    assert Made.fake('1.1')['size'] == '1'


def test_fake_with_values() -> None:
    """They are given as attributes, read-only ones too."""
    soon = datetime.datetime(2030, 1, 1, 12, 30, tzinfo=datetime.UTC)
    inside = [{'min': 1}]
    fake: Any = Lease.fake(status='ERROR', end_date=soon, reservations=inside, name=None)
    assert (fake.status, fake.end_date, fake['end_date']) == ('ERROR', soon, '2030-01-01 12:30')
    assert (fake['reservations'], fake.name, fake.is_set('name')) == (inside, None, True)
