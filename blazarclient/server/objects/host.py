"""Hosts that can be reserved, and their capabilities."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection

from blazarclient.server import errors
from blazarclient.server.backends.embedded import filters, rules
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import Registry, StoredObject, fields, wire_spaced
from blazarclient.server.objects.resource_property import property_ids
from blazarclient.server.store import allocations, hosts, leases, surroundings

__all__ = ['Host']

#: What Nova's fake driver says of every machine.
_CPU_INFO = (
    '{"arch": "x86_64", "model": "Nehalem", "vendor": "Intel", "features": ["pge", "clflush"], '
    '"topology": {"cores": 1, "threads": 1, "sockets": 4}}'
)
#: What Nova tells of a machine; a request cannot bring capabilities of these names.
_DETAILS = frozenset(
    {
        'id',
        'availability_zone',
        'hypervisor_hostname',
        'service_name',
        'vcpus',
        'cpu_info',
        'hypervisor_type',
        'hypervisor_version',
        'memory_mb',
        'local_gb',
    }
)
#: Of a capability's name: of a new host Blazar says so, later its database does.
_LONGEST_NAME = 64
_LONGEST_COLUMN = 255
#: Resource types whose reservations choose hosts by ``resource_properties``.
_FILTERED = frozenset({'physical:host', 'virtual:instance'})
#: Placement's defaults: how many times a VCPU is given out, and MiB that a machine keeps.
_VCPU_RATIO = 4.0
_RESERVED_MB = 512


@Registry.register
class Host(StoredObject):
    """A machine that can be reserved; its ID is the hypervisor's."""

    # Version 1.0: Blazar's ComputeHost with its extra capabilities.
    VERSION = '1.0'

    COLUMNS = (
        'id',
        'vcpus',
        'cpu_info',
        'hypervisor_type',
        'hypervisor_version',
        'hypervisor_hostname',
        'service_name',
        'memory_mb',
        'local_gb',
        'status',
        'availability_zone',
        'trust_id',
        'reservable',
        'created_at',
        'updated_at',
    )
    fields = {
        'id': fields.StringField(),
        'vcpus': fields.IntegerField(),
        'cpu_info': fields.StringField(),
        'hypervisor_type': fields.StringField(),
        'hypervisor_version': fields.IntegerField(),
        'hypervisor_hostname': fields.StringField(),
        'service_name': fields.StringField(nullable=True),
        'memory_mb': fields.IntegerField(),
        'local_gb': fields.IntegerField(),
        'status': fields.StringField(nullable=True),
        'availability_zone': fields.StringField(),
        'trust_id': fields.StringField(),
        'reservable': fields.BooleanField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        # Not a column.
        'capabilities': fields.DictOfStringsField(),
    }

    id: str
    vcpus: int
    cpu_info: str
    hypervisor_type: str
    hypervisor_version: int
    hypervisor_hostname: str
    service_name: str | None
    memory_mb: int
    local_gb: int
    status: str | None
    availability_zone: str
    trust_id: str
    reservable: bool
    created_at: datetime
    updated_at: datetime | None
    capabilities: dict[str, str]

    # ------------------------------------------------------------------ finding

    @classmethod
    def get_by_id(cls, ctx: RequestContext, host_id: str) -> Self:
        """The host with an ID.

        :raises blazarclient.server.errors.NotFound: there is none.
        """
        ctx.require('blazar:oshosts:get')
        with ctx.transaction(write=False) as connection:
            return cls._read(ctx, connection, host_id)

    @classmethod
    def list(cls, ctx: RequestContext) -> list[Self]:
        """Every host, in the order of the hypervisors' numbers."""
        ctx.require('blazar:oshosts:get')
        found = []
        with ctx.transaction(write=False) as connection:
            capabilities = _capabilities(connection)
            for row in hosts.hosts(connection):
                host = cls.from_row(ctx, row)
                host.__dict__['_obj_capabilities'] = capabilities.get(host.id, {})
                found.append(host)
        return sorted(found, key=lambda host: int(host.id))

    @classmethod
    def views(cls, ctx: RequestContext) -> Sequence[rules.HostView]:
        """What the rules have to know of every host that can be reserved.

        It asks no policy: everybody's leases are given hosts. Inventories are those of Nova's
        fake driver: four VCPUs for each processor, memory but 512 MiB, every GB of disk.
        """
        with ctx.transaction(write=False) as connection:
            capabilities = _capabilities(connection)
            rows = hosts.hosts(connection)
        # Large sites have few sizes of hosts.
        sizes: dict[tuple[int, int, int], tuple[Mapping[str, int], Mapping[str, int]]] = {}
        found = []
        for row in rows:
            if row['reservable']:
                size = row['vcpus'], row['memory_mb'], row['local_gb']
                if size not in sizes:
                    sizes[size] = _inventory(*size)
                mine = capabilities.get(row['id'], {})
                found.append(rules.HostView(row['id'], row, mine, True, *sizes[size]))
        return found

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The host as the API shows it: a capability hides a column of its name, as in Blazar."""
        values = self.answered(microversion)
        del values['version']
        values['created_at'] = wire_spaced(values['created_at'])
        values['updated_at'] = wire_spaced(values['updated_at'])
        values.update(self.capabilities)
        return values

    # ----------------------------------------------------------------- changing

    @classmethod
    def create(cls, ctx: RequestContext, values: Mapping[str, Any]) -> Self:
        """Make a hypervisor a host that can be reserved.

        :param values: the body of the request: ``name`` (or ``id``) of the hypervisor; every other
            key is a capability.
        :raises blazarclient.server.errors.Forbidden: it names no hypervisor.
        :raises blazarclient.server.errors.NotFound: there is no such hypervisor.
        :raises blazarclient.server.errors.InvalidInput: a capability's name is too long.
        :raises blazarclient.server.errors.Conflict: it is a host already.
        :raises blazarclient.server.errors.Internal: a capability has a value that is no text.
        """
        ctx.require('blazar:oshosts:post')
        rest = {key: values[key] for key in values if key not in {'id', 'name', 'trust_id'}}
        wanted = values.get('id') or values.get('name')
        if wanted is None:
            raise errors.Forbidden(f'Invalid values for host {rest}')
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            machine = surroundings.hypervisor(connection, str(wanted))
            if machine is None:
                raise errors.NotFound(f"Host '{wanted}' not found!")
            extra = {key: value for key, value in rest.items() if key not in _DETAILS}
            if any(len(key) > _LONGEST_NAME for key in extra):
                raise errors.InvalidInput('Extra capability key too long')
            name = machine['hypervisor_hostname']
            if hosts.host(connection, str(machine['id'])) is not None:
                raise errors.Conflict(f'Conflict on creating resource provider blazar_{name} ')
            host = cls(
                ctx,
                id=str(machine['id']),
                vcpus=machine['vcpus'],
                cpu_info=_CPU_INFO,
                hypervisor_type='fake',
                hypervisor_version=1000,
                hypervisor_hostname=name,
                service_name=name,
                memory_mb=machine['memory_mb'],
                local_gb=machine['local_gb'],
                status=None,
                availability_zone=machine['availability_zone'],
                trust_id=uuid.uuid4().hex,
                reservable=True,
                created_at=ctx.now().replace(microsecond=0),
                updated_at=None,
                capabilities={},
            )
            hosts.insert_host(connection, host.stored())
            host._set(connection, {key: _text(value) for key, value in extra.items()})
        return host

    def update(self, values: Mapping[str, Any]) -> None:
        """Change capabilities; nothing else of a host can change.

        :param values: the body of the request: a value for each capability, None removes it.
        :raises blazarclient.server.errors.Conflict: a lease that has not ended asks for one of
            the capabilities; nothing has changed then.
        :raises blazarclient.server.errors.Internal: a value is no text.
        """
        ctx = self._context
        ctx.require('blazar:oshosts:put')
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            self._reload(connection)
            changed = [each for each in values if each in self.capabilities]
            asked_for = self._asked_for(connection) if changed else ()
            if refused := [each for each in changed if each in asked_for]:
                raise errors.Conflict(f"Can't add extracapabilities {refused} to Host {self.id}")
            removed = [each for each in changed if values[each] is None]
            hosts.delete_capabilities(connection, self.id, removed)
            for key in removed:
                del self.capabilities[key]
            self._set(
                connection,
                {key: _text(value) for key, value in values.items() if value is not None},
            )

    def destroy(self) -> None:
        """Let the hypervisor be reserved no more.

        :raises blazarclient.server.errors.Conflict: a reservation holds it.
        """
        ctx = self._context
        ctx.require('blazar:oshosts:delete')
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            self._reload(connection)
            if allocations.held_by(connection, 'host', self.id):
                raise errors.Conflict(f"Can't delete host {self.id}. The host is reserved.")
            hosts.delete_host(connection, self.id)

    # ------------------------------------------------------------------ private

    @classmethod
    def _read(cls, ctx: RequestContext, connection: Connection, host_id: str) -> Self:
        row = hosts.host(connection, host_id)
        if row is None:
            raise errors.NotFound(f"Object with {{'host_id': '{host_id}'}} not found")
        found = cls.from_row(ctx, row)
        capabilities = _capabilities(connection, host_id)
        found.__dict__['_obj_capabilities'] = capabilities.get(host_id, {})
        return found

    def _reload(self, connection: Connection) -> None:
        """Read again what somebody else may have changed before this transaction began."""
        self.__dict__ = self._read(self._context, connection, self.id).__dict__

    def _asked_for(self, connection: Connection) -> frozenset[str]:
        """The capabilities that leases on this host ask for, if they have not ended."""
        rows = allocations.listing(
            connection, 'host', resource_id=self.id, since=self._context.now()
        )
        holding = {row['id'] for row in rows}
        return frozenset(
            condition.key
            for row in leases.reservations_of(connection, {each['lease_id'] for each in rows})
            if row['id'] in holding and row['resource_type'] in _FILTERED
            for condition in filters.parse(row['parameters']['resource_properties'])
        )

    def _set(self, connection: Connection, capabilities: Mapping[str, str]) -> None:
        if not capabilities:
            return
        if any(len(name) > _LONGEST_COLUMN for name in capabilities):
            raise errors.Internal
        ids = property_ids(self._context, capabilities)
        for name, value in capabilities.items():
            hosts.set_capability(connection, self.id, ids[name], value)
        self.capabilities = dict(sorted({**self.capabilities, **capabilities}.items()))


def _capabilities(connection: Connection, host_id: str | None = None) -> dict[str, dict[str, str]]:
    """Host -> capability -> value, of one host or of all."""
    found: dict[str, dict[str, str]] = {}
    for row in hosts.capabilities(connection, host_id):
        found.setdefault(row['host_id'], {})[row['property_name']] = row['capability_value']
    return found


def _inventory(
    vcpus: int, memory_mb: int, local_gb: int
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How much of each resource class a host has, and how much of it one instance can use."""
    total = {
        'VCPU': int(vcpus * _VCPU_RATIO),
        'MEMORY_MB': max(memory_mb - _RESERVED_MB, 0),
        'DISK_GB': local_gb,
    }
    return total, {'VCPU': vcpus, 'MEMORY_MB': memory_mb, 'DISK_GB': local_gb}


def _text(value: object) -> str:
    """A value as Blazar's database keeps it: numbers and truth values become texts there."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return f'{value:.15g}'
    raise errors.Internal
