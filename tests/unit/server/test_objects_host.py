"""Hosts: made from hypervisors, changed in their capabilities only, seen as a real Blazar's."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from blazarclient.server import errors
from blazarclient.server.backends.embedded import filters
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.lease import Lease
from blazarclient.server.objects.resource_property import ResourceProperty
from tests import recordings
from tests.front_door import FrontDoor, Machine

#: As those of the cloud that was recorded.
MACHINES = [
    Machine(1, 8, 16384, 200),
    Machine(2, 16, 32768, 400),
    Machine(4, 16, 32768, 400),
    Machine(10, 64, 262144, 2000),
]


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    made = FrontDoor()
    made.surround(MACHINES)
    yield made
    made.close()


@pytest.fixture
def ctx(door: FrontDoor) -> RequestContext:
    return door.context()


@pytest.fixture
def alice(door: FrontDoor) -> RequestContext:
    return RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='alice',
        project_id='research',
        roles=frozenset({'member', 'reader'}),
    )


def recorded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = recordings.load(name).json
    return found


def lease(ctx: RequestContext, **parameters: Any) -> Lease:
    """A lease of one reservation, by default of one whole host from tomorrow on."""
    reservation = {
        'resource_type': 'physical:host',
        'min': 1,
        'max': 1,
        'hypervisor_properties': '',
        'resource_properties': '',
        **parameters,
    }
    return Lease.create(
        ctx,
        {
            'name': 'held',
            'start_date': '2030-01-08 08:00',
            'end_date': '2030-01-08 12:00',
            'reservations': [reservation],
            'events': [],
        },
    )


def fresh(ctx: RequestContext, host: Host) -> dict[str, Any]:
    return Host.get_by_id(ctx, host.id).render()


# ------------------------------------------------------------------ creating


def test_a_host_is_a_hypervisor_with_capabilities(ctx: RequestContext) -> None:
    """Its keys, their order, types and values are those of the recorded answer."""
    made = Host.create(ctx, {'name': 'compute-4', 'gpu': 'True', 'rack': 'r1'}).render()
    expected = recorded('host-create-201-extra')['host']
    assert list(made) == list(expected)
    different = {key for key in made if made[key] != expected[key]}
    assert different <= {
        'availability_zone',
        'created_at',
        'hypervisor_hostname',
        'service_name',
        'trust_id',
    }
    assert made['id'] == '4'
    assert made['created_at'] == '2030-01-07 08:00:00'
    assert len(made['trust_id']) == 32
    assert fresh(ctx, Host.get_by_id(ctx, '4')) == made


@pytest.mark.parametrize('values', [{'name': 'compute-10'}, {'id': '10'}, {'id': 10}])
def test_a_hypervisor_is_named_by_name_or_number(
    ctx: RequestContext, values: dict[str, Any]
) -> None:
    """Blazar takes either, and makes neither a capability."""
    host = Host.create(ctx, values)
    assert (host.id, host.hypervisor_hostname, host.capabilities) == ('10', 'compute-10', {})


@pytest.mark.parametrize(
    ('value', 'stored'),
    [('yes', 'yes'), (True, '1'), (False, '0'), (4, '4'), (4.0, '4'), (0.25, '0.25'), ('', '')],
)
def test_values_become_texts(ctx: RequestContext, value: object, stored: str) -> None:
    """As Blazar's database makes them: True is 1."""
    created = Host.create(ctx, {'name': 'compute-1', 'x': value})
    assert created.capabilities == {'x': stored}
    created.update({'y': value})
    assert fresh(ctx, created)['y'] == stored


@pytest.mark.parametrize('value', [None, {}, {'a': 'b'}, [], ['a'], float('inf'), float('nan')])
def test_other_values_make_no_host(ctx: RequestContext, value: object) -> None:
    """Blazar fails on them; here nothing is left of the host."""
    with pytest.raises(errors.Internal):
        Host.create(ctx, {'name': 'compute-1', 'good': 'yes', 'x': value})
    assert Host.list(ctx) == []
    assert ResourceProperty.list(ctx) == []


def test_what_nova_says_cannot_be_brought(ctx: RequestContext) -> None:
    """Keys of Nova's are dropped, and a trust, too; others of a host's columns are capabilities."""
    host = Host.create(
        ctx, {'name': 'compute-1', 'vcpus': '99', 'trust_id': 'mine', 'status': 'old'}
    )
    assert (host.vcpus, host.capabilities) == (8, {'status': 'old'})
    assert host.render()['status'] == 'old'


@pytest.mark.parametrize(
    ('values', 'kind', 'sentence'),
    [
        ({}, errors.Forbidden, 'Invalid values for host {}'),
        ({'gpu': 'x'}, errors.Forbidden, "Invalid values for host {'gpu': 'x'}"),
        ({'name': 'nosuch'}, errors.NotFound, "Host 'nosuch' not found!"),
        ({'name': ''}, errors.NotFound, "Host '' not found!"),
        ({'name': '3'}, errors.NotFound, "Host '3' not found!"),
        ({'name': '9' * 20}, errors.NotFound, f"Host '{'9' * 20}' not found!"),
        ({'name': '\u0663'}, errors.NotFound, "Host '\u0663' not found!"),
        (
            {'name': 'compute-2'},
            errors.Conflict,
            'Conflict on creating resource provider blazar_compute-2 ',
        ),
        (
            {'name': 'compute-2', 'a' * 65: 'x'},
            errors.InvalidInput,
            'Extra capability key too long',
        ),
    ],
)
def test_refusals(
    ctx: RequestContext, values: dict[str, Any], kind: type[errors.ServiceError], sentence: str
) -> None:
    """A host is refused in Blazar's words, and nothing has changed."""
    Host.create(ctx, {'name': 'compute-2'})
    with pytest.raises(kind) as caught:
        Host.create(ctx, values)
    assert type(caught.value) is kind
    assert str(caught.value) == sentence
    assert [each.id for each in Host.list(ctx)] == ['2']


def test_a_name_of_64_characters_is_short_enough(ctx: RequestContext) -> None:
    assert Host.create(ctx, {'name': 'compute-1', 'a' * 64: 'x'}).capabilities == {'a' * 64: 'x'}


# ------------------------------------------------------------------- finding


def test_hosts_are_listed_by_number(ctx: RequestContext) -> None:
    """10 comes after 2; each has its own capabilities."""
    for name in ('compute-10', 'compute-2', 'compute-1'):
        Host.create(ctx, {'name': name, 'name_of_it': name} if name != 'compute-1' else {'id': 1})
    found = Host.list(ctx)
    assert [each.id for each in found] == ['1', '2', '10']
    assert [each.capabilities for each in found] == [
        {},
        {'name_of_it': 'compute-2'},
        {'name_of_it': 'compute-10'},
    ]
    assert [each.render() for each in found] == [fresh(ctx, each) for each in found]


def test_an_unknown_host(ctx: RequestContext) -> None:
    """404 in the recorded words."""
    with pytest.raises(errors.NotFound) as caught:
        Host.get_by_id(ctx, '999')
    assert str(caught.value) == recorded('host-show-404')['error_message']


def test_only_administrators_see_hosts(ctx: RequestContext, alice: RequestContext) -> None:
    """The objects ask the policy, whoever calls them; a lease looks at hosts all the same."""
    host = Host.create(ctx, {'name': 'compute-1'})
    host._context = alice
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: Host.list(alice), 'get'),
        (lambda: Host.get_by_id(alice, '1'), 'get'),
        (lambda: Host.get_by_id(alice, '999'), 'get'),
        (lambda: Host.create(alice, {}), 'post'),
        (lambda: host.update({'a': 'b'}), 'put'),
        (host.destroy, 'delete'),
    ]
    for call, rule in calls:
        with pytest.raises(errors.PolicyForbidden) as caught:
            call()
        assert str(caught.value) == f"Policy doesn't allow blazar:oshosts:{rule} to be performed"
    assert [each.id for each in Host.views(alice)] == ['1']


# ------------------------------------------------------------------ changing


def test_capabilities_come_change_and_go(ctx: RequestContext) -> None:
    """Each as recorded; columns stay as they are, also the time of the last change."""
    host = Host.create(ctx, {'name': 'compute-1', 'rack': 'r1'})
    host.update({'ssd': 'true', 'cores': 4, 'rack': 'r2'})
    assert host.capabilities == {'cores': '4', 'rack': 'r2', 'ssd': 'true'}
    assert host.updated_at is None
    host.update({'ssd': None, 'never': None})
    assert host.capabilities == {'cores': '4', 'rack': 'r2'}
    host.update({'vcpus': '99', 'reservable': False})
    shown = host.render()
    assert (shown['vcpus'], shown['reservable']) == ('99', '0')
    assert (host.vcpus, host.reservable) == (8, True)
    assert fresh(ctx, host) == shown


def test_the_same_name_twice_is_one_property(ctx: RequestContext) -> None:
    """Names are shared by hosts, and by what comes back after it was removed."""
    for name in ('compute-1', 'compute-2'):
        Host.create(ctx, {'name': name, 'rack': name})
    host = Host.get_by_id(ctx, '1')
    host.update({'rack': None})
    host.update({'rack': 'again'})
    (found,) = ResourceProperty.list(ctx)
    assert found.render_listed(detail=True)['values'] == ['again', 'compute-2']


@pytest.mark.parametrize(
    ('name', 'value'), [('values', {'nested': '1'}), ('values', ['a']), ('a' * 256, 'x')]
)
def test_what_the_database_cannot_keep(ctx: RequestContext, name: str, value: object) -> None:
    """As recorded it is 500; what else the request asked for is not done."""
    host = Host.create(ctx, {'name': 'compute-1', 'rack': 'r1'})
    with pytest.raises(errors.Internal):
        host.update({'rack': None, name: value})
    assert fresh(ctx, host)['rack'] == 'r1'


@pytest.mark.parametrize(
    'parameters',
    [
        {'resource_properties': '["==", "$gpu", "True"]'},
        {'resource_properties': '["and", [">", "$vcpus", "1"], ["==", "$gpu", "True"]]'},
        {
            'resource_type': 'virtual:instance',
            'amount': 3,
            'vcpus': 1,
            'memory_mb': 128,
            'disk_gb': 1,
            'affinity': None,
            'resource_properties': '["==", "$gpu", "True"]',
        },
    ],
)
def test_a_capability_that_a_lease_asks_for_stays(
    door: FrontDoor, ctx: RequestContext, parameters: dict[str, Any]
) -> None:
    """It stays until the lease has ended; others may change, but not in the same request."""
    host = Host.create(ctx, {'name': 'compute-1', 'gpu': 'True', 'rack': 'r1'})
    lease(ctx, **parameters)
    for values in ({'gpu': 'False'}, {'gpu': 'True'}, {'gpu': None}, {'rack': 'r2', 'gpu': 'x'}):
        with pytest.raises(errors.Conflict) as caught:
            host.update(values)
        assert str(caught.value) == "Can't add extracapabilities ['gpu'] to Host 1"
    assert fresh(ctx, host)['rack'] == 'r1'
    host.update({'rack': 'r2', 'ssd': 'yes', 'vcpus': 'a new capability'})
    door.advance(3 * 24 * 60)
    host.update({'gpu': 'False'})
    assert fresh(ctx, host)['gpu'] == 'False'


def test_a_lease_that_asks_for_nothing_holds_no_capability(ctx: RequestContext) -> None:
    """Neither does one on another host, nor one that chooses a flavor."""
    first, second = (
        Host.create(ctx, {'name': f'compute-{number}', 'gpu': str(number)}) for number in (1, 2)
    )
    lease(ctx, resource_properties='["==", "$gpu", "2"]')
    lease(ctx)
    first.update({'gpu': 'other'})
    with pytest.raises(errors.Conflict):
        second.update({'gpu': 'other'})


def test_a_flavor_asks_for_no_capability(ctx: RequestContext) -> None:
    """What it has as resource_properties is the flavor, no filter."""
    host = Host.create(ctx, {'name': 'compute-1', 'gpu': 'True'})
    lease(ctx, resource_type='flavor:instance', flavor_id='m1.small', amount=1, affinity=None)
    host.update({'gpu': 'False'})
    assert fresh(ctx, host)['gpu'] == 'False'


def test_somebody_else_was_faster(ctx: RequestContext) -> None:
    """What has changed since the object was read is seen, and what has gone is not found."""
    host, again = Host.create(ctx, {'name': 'compute-1', 'a': '1'}), Host.get_by_id(ctx, '1')
    again.update({'a': None, 'b': '2'})
    host.update({'c': '3'})
    assert host.capabilities == {'b': '2', 'c': '3'}
    again.destroy()
    calls: list[Callable[[], None]] = [host.destroy, lambda: host.update({'a': '1'})]
    for call in calls:
        with pytest.raises(errors.NotFound):
            call()


# ------------------------------------------------------------------ deleting


def test_a_host_is_deleted_with_its_capabilities(ctx: RequestContext) -> None:
    """And can be made again without them."""
    Host.create(ctx, {'name': 'compute-1', 'gpu': 'True'}).destroy()
    assert Host.list(ctx) == []
    assert ResourceProperty.list(ctx) == []
    assert Host.create(ctx, {'name': 'compute-1'}).capabilities == {}


def test_a_host_that_is_held_stays(ctx: RequestContext) -> None:
    """Also when the lease has not begun; once the lease is deleted the host can go."""
    host = Host.create(ctx, {'name': 'compute-1'})
    held = lease(ctx)
    with pytest.raises(errors.Conflict) as caught:
        host.destroy()
    assert str(caught.value) == recorded('host-delete-in-use-409')['error_message']
    held.destroy()
    host.destroy()
    assert Host.list(ctx) == []


# --------------------------------------------------------------------- views


def test_views_tell_the_rules_what_there_is(ctx: RequestContext) -> None:
    """Four VCPUs for each, memory but 512 MiB; one instance has at most what there really is."""
    Host.create(ctx, {'name': 'compute-1', 'vcpus': '99'}).update({'vcpus': '99', 'gpu': True})
    (view,) = Host.views(ctx)
    assert view.reservable
    assert view.capabilities == {'gpu': '1', 'vcpus': '99'}
    assert view.inventory == {'VCPU': 32, 'MEMORY_MB': 15872, 'DISK_GB': 200}
    assert view.largest == {'VCPU': 8, 'MEMORY_MB': 16384, 'DISK_GB': 200}
    for text in (
        '["==", "$vcpus", "8"]',
        '["==", "$id", "1"]',
        '["==", "$hypervisor_type", "fake"]',
        '["==", "$status", "null"]',
        '["==", "$gpu", "1"]',
    ):
        assert filters.matching(filters.parse(text), [view]) == [view]


def test_a_host_that_is_not_reservable_is_not_viewed(ctx: RequestContext) -> None:
    """Nothing in this service makes it so; another server on the same database might."""
    Host.create(ctx, {'name': 'compute-1'})
    with ctx.transaction() as connection:
        connection.execute(sa.text('UPDATE hosts SET reservable = 0'))
    assert Host.views(ctx) == []
    assert [each.reservable for each in Host.list(ctx)] == [False]


def test_views_take_two_queries_however_many_hosts() -> None:
    """500 hosts are asked for at once, and take milliseconds; so do they to be made."""
    door = FrontDoor()
    door.surround([Machine(number, 8, 16384, 200) for number in range(1, 501)])
    ctx = door.context()
    begin = time.process_time()
    with ctx.transaction():
        for number in range(1, 501):
            Host.create(ctx, {'name': f'compute-{number}', 'gpu': 'True', 'rack': 'r1'})
    made = time.process_time() - begin
    queries: list[str] = []

    @sa.event.listens_for(door.database.engine, 'before_cursor_execute')
    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        queries.append(statement)

    taken = []
    for _ in range(10):
        begin = time.process_time()
        views = Host.views(ctx)
        taken.append(time.process_time() - begin)
    assert len(views) == 500
    assert len([each for each in queries if each.startswith('SELECT')]) == 2 * len(taken)
    # Five times what was measured: the machine has other things to do.
    assert min(taken) < 0.025
    assert made < 2.5
    door.close()
