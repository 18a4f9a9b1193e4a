"""Every object that a real Blazar answered is read into its class, and written back unchanged."""

import copy
import datetime
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from blazarclient.client import Client
from blazarclient.collection import Collection
from blazarclient.model import Resource
from blazarclient.resources.reservation import LeaseEvent, Reservation
from blazarclient.wiretypes import DateTime
from tests.conftest import ClientFactory
from tests.recorded import RecordedBlazar
from tests.recordings import Recording, load_all

ANSWERED = [
    each
    for folder in ('rest', 'rest-16')
    for each in load_all(folder)
    if each.status in (200, 201) and each.body
]
KEYS = {key for each in ANSWERED for key in each.json}


def collection_of(client: Client, key: str) -> Collection[Any]:
    """The collection that reads answers with this key."""
    return next(
        each
        for each in vars(client).values()
        if isinstance(each, Collection) and key in (each.ONE, each.MANY)
    )


def objects_of(client: Client, recording: Recording) -> list[Resource]:
    """The recorded objects as the client reads them, through a request."""
    [key] = recording.json
    collection = collection_of(client, key)
    if recording.method == 'GET':
        answer = client.transport.read(recording.path.removeprefix('/v1'))
    else:
        answer = client.transport.write(recording.method, recording.path.removeprefix('/v1'))
    if key == collection.ONE:
        return [collection._one(answer)]
    return [collection._read(item, answer.spoken) for item in collection._many(answer)]


def test_every_kind_was_recorded(client: ClientFactory) -> None:
    """Each answer belongs to one collection, and each collection has answers."""
    kinds = {type(collection_of(client(), key)).__name__ for key in KEYS}
    assert kinds == {'Leases', 'Hosts', 'ResourceProperties', 'FloatingIPs', 'Allocations'}
    assert len(ANSWERED) > 80


@pytest.mark.parametrize('recording', ANSWERED, ids=lambda each: each.name)
def test_read_and_written_back(
    server: RecordedBlazar, client: ClientFactory, recording: Recording
) -> None:
    """Byte for byte, before and after every attribute of every field was looked at."""
    server.play(recording.name, path=recording.path)
    found = objects_of(client(), recording)
    [expected] = recording.json.values()
    if isinstance(expected, dict):
        expected = [expected]
    text = json.dumps(expected)
    assert json.dumps(found) == text
    for one in everything(found):
        check_attributes(one)
        assert one.changes() == {}
    assert json.dumps(found) == text
    assert found == expected
    for twins in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert json.dumps(twins) == text
        assert [type(twin) for twin in twins] == [type(one) for one in found]
    assert yaml.safe_load(yaml.safe_dump(found)) == expected
    assert all(str(one.version) == '1.0' for one in found)


def everything(found: list[Resource]) -> Iterator[Resource]:
    """The objects, and those inside them."""
    for one in found:
        yield one
        for name in ('reservations', 'events'):
            yield from getattr(one, name, None) or ()


def check_attributes(one: Resource) -> None:
    """Each attribute decodes; those of a time are aware, in UTC; only a few keys are extra."""
    for name, field in one.FIELDS.items():
        if not field.available(one.version):
            continue
        value = getattr(one, name)
        assert one.is_set(name) == (field.wire in one)
        if value is None:
            assert one.get(field.wire) in (None, '')
        elif isinstance(field.type, DateTime):
            assert isinstance(value, datetime.datetime)
            assert value.utcoffset() == datetime.timedelta(0)
            assert value.strftime('%Y-%m-%d') in one[field.wire]
        elif field.type.name == 'integer':
            assert type(value) is int
        elif field.type.name == 'boolean':
            assert type(value) is bool
        elif field.type.name == 'text':
            assert type(value) is str
    extra = one.keys() - one.WIRE.keys()
    assert type(one).__name__ == 'Host' or not extra, extra


def test_nested_kinds(server: RecordedBlazar, client: ClientFactory) -> None:
    """What is inside a lease are resources as well, through attribute and key alike."""
    server.hold(server.leases(1))
    [lease] = client().leases.list()
    assert [type(each) for each in lease.reservations or ()] == [Reservation]
    assert {type(each) for each in lease.events or ()} == {LeaseEvent}
    assert lease['events'][0] is (lease.events or [])[0]
    assert (lease.events or [])[0].client is lease.client
