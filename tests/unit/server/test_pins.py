"""Servers of two releases share one database: old ones can read what a pinned new one writes."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_versionedobjects import fields

from blazarclient.server import errors
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import releases
from blazarclient.server.objects.allocation import Allocation
from blazarclient.server.objects.base import Registry, StoredObject
from blazarclient.server.objects.floatingip import FloatingIP
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.lease import Lease
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.objects.reservation import Reservation
from blazarclient.server.objects.resource_property import ResourceProperty
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import tables
from blazarclient.server.vault import new_key
from tests.front_door import NETWORK, FrontDoor, Machine, wire

OBJECTS: tuple[type[StoredObject], ...] = (
    Allocation,
    FloatingIP,
    Host,
    Lease,
    LeaseEvent,
    Reservation,
    ResourceProperty,
    Subscription,
)
#: What the next release speaks.
NEWEST = '1.9'
NEXT = {each.obj_name(): NEWEST for each in OBJECTS}
#: What has a version in the database, and as which object.
VERSIONED = {
    'allocations': 'Allocation',
    'events': 'LeaseEvent',
    'floatingips': 'FloatingIP',
    'hosts': 'Host',
    'leases': 'Lease',
    'reservations': 'Reservation',
    'resource_properties': 'ResourceProperty',
    'subscriptions': 'Subscription',
}
#: What is written by delivery workers and by whoever publishes.
ELSEWHERE = {'deliveries', 'notifications'}
SUBSCRIPTION = {'notify_endpoint': {'url': 'https://ci.example/hook'}}

Open = Callable[..., FrontDoor]


class WithDashes(fields.FieldType[str]):
    """A UUID as people write it."""

    def coerce(self, obj: object, attr: str, value: Any) -> str:
        return str(uuid.UUID(value))


@Registry.objectify
class NextLease(Lease):
    """The lease of the next release, in which the form of one field is another."""

    # Version 1.9: trust_id has dashes.
    VERSION = NEWEST

    fields = {'trust_id': fields.Field(WithDashes())}

    @classmethod
    def obj_name(cls) -> str:
        return 'Lease'

    @classmethod
    def obj_make_current(cls, values: dict[str, Any], stored_version: str) -> dict[str, Any]:
        values = super().obj_make_current(values, stored_version)
        if stored_version != NEWEST:
            values['trust_id'] = str(uuid.UUID(values['trust_id']))
        return values

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        primitive['trust_id'] = uuid.UUID(primitive['trust_id']).hex
        super().obj_make_compatible(primitive, target_version)


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """The release in which every object has a new version."""
    known = {**releases.MICROVERSIONS, NEWEST: NEXT}
    monkeypatch.setattr(releases, 'MICROVERSIONS', known)
    monkeypatch.setattr(releases, 'RELEASES', {**releases.RELEASES, '5.1': NEWEST})


@pytest.fixture
def open_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """A server on the one database, with a pin or without."""
    url = f'sqlite:///{tmp_path_factory.mktemp("shared")}/reservation.db'
    opened: list[FrontDoor] = []
    keys = (new_key(),)

    def open_one(pin: str | None = None) -> FrontDoor:
        opened.append(FrontDoor(url, settings=Settings(pin=pin, secret_keys=keys)))
        return opened[-1]

    yield open_one
    for door in opened:
        door.close()


def fill(door: FrontDoor) -> dict[str, Any]:
    """Something of every kind of object, made by requests; the lease as it is answered."""
    door.surround([Machine(1, 8, 16384, 200, {'gpu': 'yes'})])
    assert door.add_host(Machine(1, 8, 16384, 200, {'gpu': 'yes'})).status == 201
    assert door.add_address(110).status == 201
    answer = door.call(
        'alice',
        'POST',
        '/leases',
        {
            'name': 'x',
            'start_date': wire(door.now),
            'end_date': '2030-02-01 00:00',
            'reservations': [
                {
                    'resource_type': 'physical:host',
                    'min': 1,
                    'max': 1,
                    'hypervisor_properties': '',
                    'resource_properties': '["==", "$gpu", "yes"]',
                },
                {'resource_type': 'virtual:floatingip', 'network_id': NETWORK, 'amount': 1},
            ],
        },
    )
    assert answer.status == 201, answer.sentence
    lease: dict[str, Any] = answer.body['lease']
    assert door.scheduler.run_due_once() == 1
    changed = door.call('alice', 'PUT', f'/leases/{lease["id"]}', {'end_date': '2030-02-02 00:00'})
    assert changed.status == 200, changed.sentence
    if releases.newest(door.settings.pin) != '1.0':
        made = door.call('alice', 'POST', '/subscriptions', SUBSCRIPTION, microversion='1.1')
        assert made.status == 201, made.sentence
    return lease


def stored_versions(door: FrontDoor) -> dict[str, set[str]]:
    """The versions of the rows of each object that has some."""
    with door.database.transaction(write=False) as connection:
        found = {
            object_name: set(connection.scalars(sa.select(tables.metadata.tables[table].c.version)))
            for table, object_name in VERSIONED.items()
        }
    return {name: versions for name, versions in found.items() if versions}


def stored_trust(door: FrontDoor) -> tuple[str, str]:
    with door.database.transaction(write=False) as connection:
        row = connection.execute(sa.select(tables.leases.c.version, tables.leases.c.trust_id)).one()
        return row.version, row.trust_id


def test_every_table_with_versions_is_looked_at() -> None:
    found = {table.name for table in tables.metadata.sorted_tables if 'version' in table.c}
    assert found == VERSIONED.keys() | ELSEWHERE


@pytest.mark.usefixtures('next_release')
@pytest.mark.parametrize('pin', ['1.0', '1.1', '5.0', '5.1', None])
def test_every_object_is_stored_at_the_pin(
    monkeypatch: pytest.MonkeyPatch, open_door: Open, pin: str | None
) -> None:
    """Whatever writes a row of an object asks the pin, and converts when it has to."""
    converted: set[tuple[str, str]] = set()

    def note(self: StoredObject, primitive: dict[str, Any], target_version: str) -> None:
        converted.add((self.obj_name(), target_version))

    for each in OBJECTS:
        monkeypatch.setattr(each, 'VERSION', NEWEST)
        monkeypatch.setattr(each, 'obj_make_compatible', note)
    door = open_door(pin)
    lease = fill(door)
    speaks = dict(releases.MICROVERSIONS[releases.pinned(pin) or NEWEST])
    # One that is pinned to 1.0 has no subscriptions.
    assert stored_versions(door) == {
        name: {speaks[name]} for name in VERSIONED.values() if name in speaks
    }
    # An answer at 1.0 is of the old form in any case.
    assert {name for name, target in converted if target == '1.0'} >= {'Lease', 'Reservation'}
    if speaks != NEXT:
        stored = speaks.keys() & NEXT.keys() - {'Allocation'}
        assert converted >= {(name, speaks[name]) for name in stored}
    assert door.call('alice', 'GET', f'/leases/{lease["id"]}').body['lease']['name'] == 'x'


@pytest.fixture
def of(open_door: Open) -> Callable[[FrontDoor], RequestContext]:
    """Alice's context at a server."""

    def make(door: FrontDoor) -> RequestContext:
        return RequestContext(
            database=door.database,
            policy=door.policy,
            settings=door.settings,
            user_id='u-alice',
            project_id='p-demo',
            roles=frozenset({'member', 'reader'}),
        )

    return make


Of = Callable[[FrontDoor], RequestContext]
WANTED = {'name': 'x', 'start_date': '2030-01-08 00:00', 'end_date': '2030-01-09 00:00'}


@pytest.mark.usefixtures('next_release')
def test_there_and_back(open_door: Open, of: Of) -> None:
    """While it is pinned, a new server and an old one read and change each other's leases."""
    old, new = open_door('1.0'), open_door('1.0')
    made = NextLease.create(of(new), WANTED)
    dashed = made.trust_id
    assert dashed is not None
    assert dashed.count('-') == 4
    assert stored_trust(new) == ('1.0', dashed.replace('-', ''))
    # The old server's class knows nothing of 1.1.
    seen = Lease.get_by_id(of(old), made.id)
    assert seen.trust_id == dashed.replace('-', '')
    seen.update({'name': 'by the old one'})
    again = NextLease.get_by_id(of(new), made.id)
    assert (again.name, again.trust_id) == ('by the old one', dashed)
    again.update({'name': 'by the new one'})
    assert stored_trust(new) == ('1.0', dashed.replace('-', ''))
    assert Lease.get_by_id(of(old), made.id).name == 'by the new one'
    assert again.render('1.0')['trust_id'] == dashed.replace('-', '')
    assert again.render(NEWEST)['trust_id'] == dashed


@pytest.mark.usefixtures('next_release')
def test_without_the_pin_rows_become_new_one_by_one(open_door: Open, of: Of) -> None:
    """When the last old server is gone: an old row is read, and is new once it is written."""
    made = NextLease.create(of(open_door('1.0')), WANTED)
    door = open_door()
    found = NextLease.get_by_id(of(door), made.id)
    assert found.trust_id == made.trust_id
    assert stored_trust(door)[0] == '1.0'
    found.update({'name': 'y'})
    assert stored_trust(door) == (NEWEST, made.trust_id)
    # A client at 1.0 sees what it has always seen.
    assert found.render('1.0')['trust_id'] == (made.trust_id or '').replace('-', '')
    (listed,) = NextLease.list(of(door))
    assert listed.trust_id == made.trust_id


@pytest.mark.usefixtures('next_release')
def test_a_row_is_of_one_version(monkeypatch: pytest.MonkeyPatch, open_door: Open) -> None:
    """Who writes a field of an old row in its new form writes all of the row so."""
    lease = fill(open_door('1.0'))
    for each in OBJECTS:
        monkeypatch.setattr(each, 'VERSION', NEWEST)
    door = open_door()
    change = {'end_date': '2030-02-03 00:00'}
    assert door.call('alice', 'PUT', f'/leases/{lease["id"]}', change).status == 200
    with door.database.transaction(write=False) as connection:
        rows = connection.execute(sa.select(tables.events.c.event_type, tables.events.c.version))
        found = {row.event_type: row.version for row in rows}
    assert found == {'start_lease': '1.0', 'before_end_lease': NEWEST, 'end_lease': NEWEST}


@pytest.mark.usefixtures('next_release')
def test_a_pinned_server_announces_the_old_form() -> None:
    assert releases.newest('1.0') == '1.0'
    assert releases.newest('5.0') == releases.newest('1.2') == '1.2'
    assert releases.newest(None) == releases.newest('5.1') == NEWEST


@pytest.mark.parametrize('pin', ['2.0', '4.9', 'latest'])
def test_a_pin_that_means_nothing_is_named(open_door: Open, pin: str) -> None:
    """A server with such a pin does not start."""
    with pytest.raises(
        errors.InvalidInput, match=rf'pin = {pin} .* Known are: 1\.0, 1\.1, 1\.2, 5\.0'
    ):
        open_door(pin)
