"""What is there when a sandbox begins: machines, flavors, networks, and a few leases."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.floatingip import FloatingIP
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.lease import Lease
from blazarclient.server.sandbox import seed_file
from blazarclient.server.sandbox.seed_file import BadSeed, Hypervisor, LeaseSeed, Seed
from blazarclient.server.sandbox.users import USERS, User, stable_id
from blazarclient.server.store import surroundings

__all__ = ['BadSeed', 'plant']

#: vCPUs, MiB and GiB of one host after the other, and then again from the first.
_SIZES = ((8, 16_384, 200), (8, 16_384, 200), (16, 32_768, 400), (64, 262_144, 2000))
_EMPTY: Mapping[str, Any] = {
    'flavors': [
        {'name': 'm1.small', 'vcpus': 1, 'ram': 2048, 'disk': 20},
        {'name': 'm1.large', 'vcpus': 4, 'ram': 8192, 'disk': 80},
    ],
    'networks': [
        {
            'name': 'public',
            'cidr': '203.0.113.0/24',
            'gateway_ip': '203.0.113.1',
            'allocation_pools': [{'start': '203.0.113.10', 'end': '203.0.113.99'}],
        }
    ],
}
#: What the demo may do without, where there are few hosts.
_NO_ROOM = (errors.NotEnoughHosts, errors.UnknownProperty)
_WHOLE_HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
_DEMO: Mapping[str, Any] = {
    **_EMPTY,
    'capabilities': {
        'compute-1': {'rack': 'r1'},
        'compute-2': {'rack': 'r1'},
        'compute-3': {'rack': 'r2', 'gpu': 'True'},
        'compute-4': {'rack': 'r2', 'gpu': 'True'},
    },
    'floatingips': [
        {'network': 'public', 'address': f'203.0.113.{number}'} for number in (100, 101, 102)
    ],
    'leases': [
        {
            'name': 'benchmark',
            'user': 'bob',
            'start_date': '-6h',
            'end_date': '-2h',
            'reservations': [
                {**_WHOLE_HOSTS, 'hypervisor_properties': '[">=", "$vcpus", "16"]'},
            ],
        },
        {
            'name': 'training',
            'user': 'alice',
            'start_date': '-30m',
            'end_date': '+4h',
            'reservations': [{**_WHOLE_HOSTS, 'resource_properties': '["==", "$gpu", "True"]'}],
        },
        {
            'name': 'lecture',
            'user': 'bob',
            'start_date': '+1h',
            'end_date': '+3h',
            'reservations': [{**_WHOLE_HOSTS, 'max': 2}],
        },
        {
            'name': 'notebooks',
            'user': 'alice',
            'start_date': '+1d',
            'end_date': '+2d',
            'reservations': [
                {
                    'resource_type': 'virtual:instance',
                    'amount': 4,
                    'vcpus': 2,
                    'memory_mb': 4096,
                    'disk_gb': 20,
                    'affinity': None,
                    'resource_properties': '',
                }
            ],
        },
        {
            'name': 'webserver',
            'user': 'alice',
            'start_date': 'now',
            'end_date': '+7d',
            'reservations': [
                {'resource_type': 'virtual:floatingip', 'network_id': 'public', 'amount': 1}
            ],
        },
    ],
}


class _Then(RequestContext):
    """A user at a moment, in the transaction of another context.

    :param moment: what the user's clock shows, naive UTC.
    """

    def __init__(self, ctx: RequestContext, user: User, moment: datetime) -> None:
        super().__init__(
            database=ctx.database,
            policy=ctx.policy,
            settings=ctx.settings,
            user_id=user.id,
            project_id=user.project_id,
            roles=frozenset(user.roles),
        )
        self._outer = ctx
        self._moment = moment

    @contextlib.contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Connection]:
        """The transaction that is open."""
        with self._outer.transaction(write=write) as connection:
            yield connection

    def now(self) -> datetime:
        """The moment."""
        return self._moment


def plant(ctx: RequestContext, seed: str, hosts: int) -> bool:
    """Fill a database that is empty: all of a seed, or nothing when something of it is wrong.

    Leases begin PENDING; what is due by then is left to the scheduler.

    :param ctx: a context of the service.
    :param seed: ``empty`` for hosts, flavors and a network; ``demo`` for capabilities, floating
        IPs and leases too, as far as there are hosts for them; or the path of a YAML file
        (:mod:`~blazarclient.server.sandbox.seed_file`).
    :param hosts: how many hosts there are, where a file does not list them.
    :returns: False when there are hypervisors or flavors already: nothing has been done.
    :raises BadSeed: naming the entry that is wrong.
    """
    built_in = {'demo': _DEMO, 'empty': _EMPTY}.get(seed)
    with ctx.transaction() as connection:
        if surroundings.hypervisors(connection) or surroundings.flavors(connection):
            return False
        usual = seed_file.check(_EMPTY, USERS)
        wanted = (
            seed_file.read(seed, USERS) if built_in is None else seed_file.check(built_in, USERS)
        )
        machines = _machines(hosts) if wanted.hosts is None else wanted.hosts
        flavors = usual.flavors if wanted.flavors is None else wanted.flavors
        networks = usual.networks if wanted.networks is None else wanted.networks
        ids = {
            'flavor_id': _plant_flavors(connection, flavors or ()),
            'network_id': _plant_networks(connection, networks or ()),
        }
        _plant_hosts(ctx, connection, machines, wanted.capabilities, strict=built_in is None)
        _plant_floatingips(ctx, wanted, ids['network_id'])
        for lease in wanted.leases:
            try:
                _plant_lease(ctx, lease, ids)
            except errors.ServiceError as error:
                # Whoever wants two hosts only gets what of the demo there is room for.
                if built_in is None or not isinstance(error, _NO_ROOM):
                    raise BadSeed(f'{lease.entry}: {error}') from error
    return True


def _machines(number: int) -> list[Hypervisor]:
    """Hypervisors of the usual sizes."""
    return [
        Hypervisor(f'compute-{each + 1}', *_SIZES[each % len(_SIZES)]) for each in range(number)
    ]


def _plant_flavors(connection: Connection, flavors: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Insert flavors; return name -> ID."""
    ids = {each['name']: _id('flavor', each['name']) for each in flavors}
    rows = [{**each, 'id': ids[each['name']]} for each in flavors]
    surroundings.insert_flavors(connection, rows)
    return ids


def _plant_networks(
    connection: Connection, networks: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Insert networks with a subnet each; return name -> ID."""
    ids = {each['network_name']: _id('network', each['network_name']) for each in networks}
    rows = [
        {**each, 'id': _id('subnet', name), 'network_id': ids[name]}
        for each in networks
        for name in [each['network_name']]
    ]
    surroundings.insert_subnets(connection, rows)
    return ids


def _plant_hosts(
    ctx: RequestContext,
    connection: Connection,
    machines: Sequence[Hypervisor],
    capabilities: Mapping[str, Mapping[str, str]],
    *,
    strict: bool,
) -> None:
    """Insert hypervisors, and let those be reserved that shall."""
    known = {each.name for each in machines if each.registered}
    unknown = [name for name in capabilities if name not in known]
    if unknown and strict:
        raise BadSeed(f'capabilities, {unknown[0]}: there is no host of this name')
    rows = [
        {
            'id': number,
            'hypervisor_hostname': each.name,
            'vcpus': each.vcpus,
            'memory_mb': each.memory_mb,
            'local_gb': each.local_gb,
            'availability_zone': each.availability_zone,
        }
        for number, each in enumerate(machines, 1)
    ]
    surroundings.insert_hypervisors(connection, rows)
    for number, each in enumerate(machines, 1):
        if each.registered:
            extra = {**each.capabilities, **capabilities.get(each.name, {})}
            try:
                Host.create(ctx, {'name': each.name, **extra})
            except errors.ServiceError as error:
                raise BadSeed(f'hosts, entry {number} ({each.name}): {error}') from error


def _plant_floatingips(ctx: RequestContext, wanted: Seed, network_ids: Mapping[str, str]) -> None:
    for number, (name, address) in enumerate(wanted.floatingips, 1):
        entry = f'floatingips, entry {number}'
        if name not in network_ids:
            there = ', '.join(network_ids) or 'none'
            raise BadSeed(f'{entry}: there is no network {name}; there are: {there}')
        values = {'floating_network_id': network_ids[name], 'floating_ip_address': address}
        try:
            FloatingIP.create(ctx, values)
        except errors.ServiceError as error:
            raise BadSeed(f'{entry} ({address}): {error}') from error


#: What a reservation may not lack, although these values say nothing.
_NEUTRAL: Mapping[str, Mapping[str, object]] = {
    'flavor:instance': {'affinity': None},
    'physical:host': {'hypervisor_properties': '', 'resource_properties': ''},
    'virtual:instance': {'affinity': None, 'resource_properties': ''},
}


def _plant_lease(
    ctx: RequestContext,
    lease: LeaseSeed,
    ids: Mapping[str, Mapping[str, str]],
) -> None:
    """Make a lease as its user, at its start where that is past."""
    now = ctx.now()
    try:
        start = seed_file.moment(lease.start_date, now)
        values = {
            'name': lease.name,
            'start_date': _wire(start),
            'end_date': _wire(seed_file.moment(lease.end_date, now)),
            'reservations': [_with_ids(each, ids) for each in lease.reservations],
            'events': [],
        }
        if lease.before_end_date:
            before_end = seed_file.moment(lease.before_end_date, now)
            values['before_end_date'] = _wire(before_end)
    except ValueError as error:
        raise BadSeed(f'{lease.entry}: {error}') from None
    Lease.create(_Then(ctx, USERS[lease.user], min(start, now)), values)


def _with_ids(
    reservation: Mapping[str, Any], ids: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """A reservation with the IDs of what it names, and with what Blazar insists on."""
    named = {
        key: ids[key].get(value, value) if key in ids and isinstance(value, str) else value
        for key, value in reservation.items()
    }
    return {**_NEUTRAL.get(str(named.get('resource_type')), {}), **named}


def _wire(moment: datetime) -> str:
    return moment.isoformat(sep=' ', timespec='minutes')


def _id(kind: str, name: str) -> str:
    """An ID as Nova's and Neutron's, the same in every sandbox."""
    return str(uuid.UUID(stable_id(kind, name)))
