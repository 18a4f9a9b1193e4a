"""What is there when a sandbox begins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.floatingip import FloatingIP
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.lease import Lease
from blazarclient.server.policy import Policy
from blazarclient.server.sandbox import seed, seed_file
from blazarclient.server.sandbox.users import USERS
from blazarclient.server.store import clock, surroundings
from blazarclient.server.store.database import Database

NOW = datetime.fromisoformat('2026-11-21 15:04:05')

Make = Callable[[], RequestContext]


@contextlib.contextmanager
def service() -> Iterator[Make]:
    """A service with an empty database, whose clock stands."""
    database = Database('sqlite://')
    database.upgrade()
    with database.transaction() as connection:
        shown = (NOW - datetime.fromisoformat('1970-01-01')).total_seconds()
        clock.write(connection, 0.0, shown, 0.0)
    policy = Policy()
    yield lambda: RequestContext.for_service(database, policy, Settings())
    database.dispose()


@pytest.fixture
def make() -> Iterator[Make]:
    with service() as maker:
        yield maker


@pytest.fixture
def plant(make: Make, tmp_path: Path) -> Callable[[object], bool]:
    """Plant what a file says."""

    def from_file(content: object, hosts: int = 2) -> bool:
        path = tmp_path / 'seed.yaml'
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return seed.plant(make(), str(path), hosts)

    return from_file


def leases(make: Make) -> dict[str | None, Lease]:
    Scheduler(make, 'test').run_due_once()
    return {lease.name: lease for lease in Lease.list(make())}


# ------------------------------------------------------------------- built in


def test_empty(make: Make) -> None:
    """Hosts of the four sizes again and again, two flavors, a network; nothing else."""
    assert seed.plant(make(), 'empty', 6)
    ctx = make()
    found = Host.list(ctx)
    assert [host.hypervisor_hostname for host in found] == [f'compute-{n}' for n in range(1, 7)]
    assert [(host.vcpus, host.memory_mb, host.local_gb) for host in found] == [
        (8, 16384, 200),
        (8, 16384, 200),
        (16, 32768, 400),
        (64, 262144, 2000),
        (8, 16384, 200),
        (8, 16384, 200),
    ]
    assert all(host.reservable and not host.capabilities for host in found)
    assert [host.created_at for host in found] == [NOW] * 6
    with ctx.transaction(write=False) as connection:
        flavors = [dict(row) for row in surroundings.flavors(connection)]
        (subnet,) = surroundings.subnets(connection)
    assert [(row['name'], row['vcpus'], row['ram'], row['disk']) for row in flavors] == [
        ('m1.large', 4, 8192, 80),
        ('m1.small', 1, 2048, 20),
    ]
    assert subnet['network_name'] == 'public'
    assert subnet['cidr'] == '203.0.113.0/24'
    assert subnet['gateway_ip'] == '203.0.113.1'
    assert subnet['allocation_pools'] == [{'start': '203.0.113.10', 'end': '203.0.113.99'}]
    assert FloatingIP.list(ctx) == []
    assert Lease.list(ctx) == []


def test_ids_are_the_same_everywhere() -> None:
    """Two sandboxes have the same flavors and networks."""
    found = []
    for _ in range(2):
        with service() as make:
            seed.plant(make(), 'empty', 1)
            with make().transaction(write=False) as connection:
                rows = [*surroundings.flavors(connection), *surroundings.subnets(connection)]
                found.append([{key: row[key] for key in row if key.endswith('id')} for row in rows])
    assert found[0] == found[1]


def test_demo(make: Make) -> None:
    """One lease of each kind that there is to see, once the scheduler has been there."""
    assert seed.plant(make(), 'demo', 8)
    found = leases(make)
    research, teaching = USERS['alice'].project_id, USERS['bob'].project_id
    assert {
        name: (lease.status, lease.reservations[0].resource_type, lease.project_id)
        for name, lease in found.items()
    } == {
        'benchmark': ('TERMINATED', 'physical:host', teaching),
        'training': ('ACTIVE', 'physical:host', research),
        'lecture': ('PENDING', 'physical:host', teaching),
        'notebooks': ('PENDING', 'virtual:instance', research),
        'webserver': ('ACTIVE', 'virtual:floatingip', research),
    }
    assert found['lecture'].start_date == datetime.fromisoformat('2026-11-21 16:04')
    assert found['benchmark'].created_at == datetime.fromisoformat('2026-11-21 09:04')
    assert make().now() == NOW
    assert [each.floating_ip_address for each in sorted_by_address(make())] == [
        '203.0.113.100',
        '203.0.113.101',
        '203.0.113.102',
    ]
    assert {name for host in Host.list(make()) for name in host.capabilities} == {'gpu', 'rack'}


def sorted_by_address(ctx: RequestContext) -> list[FloatingIP]:
    return sorted(FloatingIP.list(ctx), key=lambda each: each.floating_ip_address)


@pytest.mark.parametrize(
    ('hosts', 'expected'),
    [
        (0, {'webserver'}),
        (1, {'lecture', 'notebooks', 'webserver'}),
        (3, {'benchmark', 'training', 'lecture', 'notebooks', 'webserver'}),
        (100, {'benchmark', 'training', 'lecture', 'notebooks', 'webserver'}),
    ],
)
def test_demo_of_any_size(make: Make, hosts: int, expected: set[str]) -> None:
    """Leases for which there are no hosts are left out."""
    assert seed.plant(make(), 'demo', hosts)
    assert len(Host.list(make())) == hosts
    assert leases(make).keys() == expected


@pytest.mark.parametrize('hosts', [0, 2])
def test_only_once(make: Make, hosts: int) -> None:
    """What was used before stays as it is."""
    assert seed.plant(make(), 'empty', hosts)
    assert not seed.plant(make(), 'demo', 5)
    assert len(Host.list(make())) == hosts
    assert Lease.list(make()) == []


# ---------------------------------------------------------------------- files


def test_example(make: Make, plant: Callable[[object], bool]) -> None:
    """The file that the documentation shows works."""
    assert seed_file.__doc__
    lines = seed_file.__doc__.splitlines()
    text = '\n'.join(line[4:] for line in lines if line.startswith('    '))
    assert plant(text)
    ctx = make()
    assert [(host.hypervisor_hostname, host.capabilities) for host in Host.list(ctx)] == [
        ('compute-1', {'gpu': 'True', 'rack': 'r1'})
    ]
    with ctx.transaction(write=False) as connection:
        machines = [row['hypervisor_hostname'] for row in surroundings.hypervisors(connection)]
        flavors = [row['name'] for row in surroundings.flavors(connection)]
    assert machines == ['compute-1', 'spare']
    assert flavors == ['m1.tiny']
    lease = leases(make)['training']
    assert lease.user_id == USERS['alice'].id
    assert lease.status == 'ACTIVE'
    assert lease.end_date == datetime.fromisoformat('2026-11-21 19:04')


@pytest.mark.parametrize('content', ['', '{}', 'hosts:\nleases:\n'])
def test_empty_file(make: Make, plant: Callable[[object], bool], content: str) -> None:
    """What a file does not say is as in an empty sandbox."""
    assert plant(content)
    assert len(Host.list(make())) == 2
    with make().transaction(write=False) as connection:
        assert len(surroundings.flavors(connection)) == 2
        assert len(surroundings.subnets(connection)) == 1


def test_what_blazar_insists_on_may_be_left_out(
    make: Make, plant: Callable[[object], bool]
) -> None:
    """A host is reserved by how many, as in the SDK."""
    host = {'resource_type': 'physical:host', 'min': 1, 'max': 1}
    lease = {'name': 'x', 'user': 'alice', 'end_date': '+1h', 'reservations': [host]}
    plant({'leases': [lease]})
    (reservation,) = leases(make)['x'].reservations
    assert reservation.render()['hypervisor_properties'] == ''


def test_leases_of_a_file(make: Make, plant: Callable[[object], bool]) -> None:
    """Times count from the clock's minute, also back; flavors may be named; IDs stay."""
    flavor = {'resource_type': 'flavor:instance', 'affinity': None, 'amount': 2}
    assert plant(
        {
            'capabilities': {'compute-2': {'gpu': True, 'slots': 4}},
            'leases': [
                {
                    'name': 'past',
                    'user': 'bob',
                    'start_date': '-1d',
                    'end_date': '-30m',
                    'before_end_date': '-2h',
                    'reservations': [{**flavor, 'flavor_id': 'm1.small'}],
                },
                {
                    'name': 'fixed',
                    'user': 'admin',
                    'start_date': datetime.fromisoformat('2027-01-01 10:00'),
                    'end_date': '2027-01-01 13:00+01:00',
                },
            ],
        }
    )
    found = leases(make)
    past, fixed = found['past'], found['fixed']
    assert (past.start_date, past.end_date) == (
        datetime.fromisoformat('2026-11-20 15:04'),
        datetime.fromisoformat('2026-11-21 14:34'),
    )
    assert past.status == 'TERMINATED'
    assert {event.event_type: event.time for event in past.events}[
        'before_end_lease'
    ] == datetime.fromisoformat('2026-11-21 13:04')
    assert fixed.end_date == datetime.fromisoformat('2027-01-01 12:00')
    assert Host.get_by_id(make(), '2').capabilities == {'gpu': 'True', 'slots': '4'}


HOST = {'name': 'one', 'vcpus': 1, 'memory_mb': 1, 'local_gb': 1}
FLAVOR = {'name': 'tiny', 'vcpus': 1, 'ram': 1, 'disk': 1}
NETWORK = {'name': 'net', 'cidr': '192.0.2.0/24', 'gateway_ip': '192.0.2.1'}
LEASE = {'name': 'l', 'user': 'alice', 'end_date': '+1h'}
TIMES = 'a time: now, +2h, -30m or YYYY-MM-DD HH:MM (UTC)'
WHOLE = {
    'resource_type': 'physical:host',
    'min': 3,
    'max': 3,
    'hypervisor_properties': '',
    'resource_properties': '',
}


@pytest.mark.parametrize(
    ('content', 'sentence'),
    [
        ('[1', 'This is no YAML: while parsing a flow sequence'),
        ('- a', "The file: expected names with values, not ['a']"),
        ({'host': []}, 'The file: unknown: host; there are: hosts, flavors, networks, '),
        ({'hosts': {}}, 'The file: hosts is a list, not {}'),
        ({'hosts': [1]}, 'hosts, entry 1: expected names with values, not 1'),
        ({'hosts': [{**HOST, 'cpus': 1}]}, 'hosts, entry 1 (one): unknown: cpus; there are: name,'),
        ({'hosts': [{'vcpus': 1}]}, 'hosts, entry 1: name is missing; it is the name of the hyp'),
        (
            {'hosts': [{**HOST, 'vcpus': 0}]},
            'hosts, entry 1 (one): vcpus is a whole number, 1 or more, not 0',
        ),
        ({'hosts': [{**HOST, 'local_gb': True}]}, 'hosts, entry 1 (one): local_gb is a whole numb'),
        ({'hosts': [HOST, HOST]}, 'hosts: there are two of the name one'),
        (
            {'hosts': [{**HOST, 'registered': 'no'}]},
            "hosts, entry 1 (one): registered is true or false, not 'no'",
        ),
        (
            {'hosts': [{**HOST, 'capabilities': {'x' * 65: '1'}}]},
            'hosts, entry 1 (one): Extra capability key too long',
        ),
        (
            {'capabilities': {'compute-9': {'gpu': '1'}}},
            'capabilities, compute-9: there is no host of this name',
        ),
        (
            {'capabilities': {'compute-1': {'id': '1'}}},
            "capabilities, compute-1: 'id' cannot be the name of a capability",
        ),
        (
            {'capabilities': {'compute-1': {'gpu': ['1']}}},
            "capabilities, compute-1: gpu is a text, not ['1']",
        ),
        ({'flavors': [{**FLAVOR, 'ram': '1'}]}, 'flavors, entry 1 (tiny): ram is a whole number, '),
        ({'flavors': [FLAVOR, FLAVOR]}, 'flavors: there are two of the name tiny'),
        ({'networks': [{**NETWORK, 'cidr': 'x'}]}, "networks, entry 1 (net): cidr: 'x' does not a"),
        (
            {'networks': [{**NETWORK, 'gateway_ip': '10.0.0.1'}]},
            "networks, entry 1 (net): gateway_ip is an address in 192.0.2.0/24, not '10.0.0.1'",
        ),
        (
            {'networks': [{**NETWORK, 'allocation_pools': [{'start': 'x', 'end': 'y'}]}]},
            'networks, entry 1 (net): allocation_pools, entry 1: start is an address in 192.0.2.0',
        ),
        (
            {'floatingips': [{'network': 'private', 'address': '10.0.0.1'}]},
            'floatingips, entry 1: there is no network private; there are: public',
        ),
        (
            {'floatingips': [{'network': 'public', 'address': '203.0.113.10'}]},
            'floatingips, entry 1 (203.0.113.10): The floating IP 203.0.113.10 is used in alloc',
        ),
        (
            {'leases': [{**LEASE, 'user': 'eve'}]},
            "leases, entry 1 (l): user is one of admin, alice, rita, bob, not 'eve'",
        ),
        ({'leases': [{**LEASE, 'user': ['bob']}]}, 'leases, entry 1 (l): user is one of admin, '),
        (
            {'leases': [{**LEASE, 'end_date': 'soon'}]},
            f"leases, entry 1 (l): end_date is {TIMES}, not 'soon'",
        ),
        ({'leases': [{**LEASE, 'start_date': 5}]}, f'leases, entry 1 (l): start_date is {TIMES}, '),
        (
            {'leases': [{**LEASE, 'end_date': '-999999w'}]},
            f"leases, entry 1 (l): end_date is {TIMES}, not '-999999w'",
        ),
        (
            {'leases': [{'name': 'l', 'user': 'bob'}]},
            f'leases, entry 1 (l): end_date is missing; it is {TIMES}',
        ),
        (
            {'leases': [LEASE, {**LEASE, 'end_date': '-1h'}]},
            'leases, entry 2 (l): End date must be later than start date.',
        ),
        (
            {'leases': [{**LEASE, 'user': 'rita'}]},
            "leases, entry 1 (l): Policy doesn't allow blazar:leases:post to be performed",
        ),
        (
            {'leases': [{**LEASE, 'reservations': [WHOLE]}]},
            'leases, entry 1 (l): Not enough hosts available',
        ),
    ],
)
def test_wrong(make: Make, plant: Callable[[object], bool], content: object, sentence: str) -> None:
    """The error names the entry and what is right, and nothing is planted."""
    with pytest.raises(seed.BadSeed) as caught:
        plant(content)
    assert str(caught.value).startswith(sentence)
    assert '\n' not in str(caught.value)
    ctx = make()
    assert Host.list(ctx) == []
    assert Lease.list(ctx) == []
    with ctx.transaction(write=False) as connection:
        assert surroundings.flavors(connection) == []
    assert plant({})


def test_no_file(make: Make, tmp_path: Path) -> None:
    """A file that cannot be read is told in one line."""
    with pytest.raises(seed.BadSeed, match=r'^Cannot be read: No such file or directory$'):
        seed.plant(make(), str(tmp_path / 'none.yaml'), 1)
    (tmp_path / 'latin1.yaml').write_bytes(b'a: \xe9')
    with pytest.raises(seed.BadSeed, match=r'^Cannot be read: it is no text in UTF-8$'):
        seed.plant(make(), str(tmp_path / 'latin1.yaml'), 1)


def test_at_the_end_of_the_calendar(make: Make, plant: Callable[[object], bool]) -> None:
    """A time that this clock cannot count to is told with its entry."""
    with make().transaction() as connection:
        clock.write(connection, 0.0, 253_402_300_000.0, 0.0)
    with pytest.raises(seed.BadSeed) as caught:
        plant({'leases': [{**LEASE, 'end_date': '+2d'}]})
    assert str(caught.value).startswith(
        "leases, entry 1 (l): '+2d' is not a time: that is after the year 9999."
    )
    early = datetime.fromisoformat('0001-01-02 00:00')
    with pytest.raises(ValueError, match="'-2d' is before the year 1"):
        seed_file.moment('-2d', early)
