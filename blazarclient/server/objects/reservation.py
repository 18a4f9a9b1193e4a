"""What a lease reserves: hosts, instances or floating IPs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import Registry, StoredObject, fields, wire_spaced
from blazarclient.server.store import leases

__all__ = ['PARAMETERS', 'Reservation']

_INSTANCE = (
    'vcpus',
    'memory_mb',
    'disk_gb',
    'amount',
    'affinity',
    'resource_properties',
    'flavor_id',
    'aggregate_id',
    'server_group_id',
)
#: What a reservation of each resource type has besides, in the order of Blazar's answers.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    'flavor:instance': _INSTANCE,
    'physical:host': ('hypervisor_properties', 'resource_properties', 'before_end', 'min', 'max'),
    'virtual:floatingip': ('network_id', 'amount', 'required_floatingips'),
    'virtual:instance': _INSTANCE,
}


@Registry.register
class Reservation(StoredObject):
    """A reservation of one resource type."""

    # Version 1.0: Blazar's Reservation, with the parameters of every resource type.
    VERSION = '1.0'

    COLUMNS = (
        'id',
        'lease_id',
        'position',
        'resource_id',
        'resource_type',
        'status',
        'missing_resources',
        'resources_changed',
        'created_at',
        'updated_at',
    )
    fields = {
        'id': fields.StringField(),
        'lease_id': fields.StringField(),
        'position': fields.IntegerField(),
        'resource_id': fields.StringField(nullable=True),
        'resource_type': fields.StringField(),
        'status': fields.StringField(),
        'missing_resources': fields.BooleanField(),
        'resources_changed': fields.BooleanField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        # Of hosts.
        'hypervisor_properties': fields.StringField(nullable=True),
        'resource_properties': fields.StringField(nullable=True),
        'before_end': fields.StringField(nullable=True),
        'min': fields.IntegerField(),
        'max': fields.IntegerField(),
        # Of instances.
        'vcpus': fields.IntegerField(),
        'memory_mb': fields.IntegerField(),
        'disk_gb': fields.IntegerField(),
        'amount': fields.IntegerField(),
        'affinity': fields.BooleanField(nullable=True),
        'flavor_id': fields.StringField(nullable=True),
        'aggregate_id': fields.IntegerField(nullable=True),
        'server_group_id': fields.StringField(nullable=True),
        # Of floating IPs.
        'network_id': fields.StringField(),
        'required_floatingips': fields.ListOfStringsField(),
    }

    id: str
    lease_id: str
    position: int
    resource_id: str | None
    resource_type: str
    status: str
    missing_resources: bool
    resources_changed: bool
    created_at: datetime
    updated_at: datetime | None
    amount: int
    affinity: bool | None
    min: int
    max: int
    network_id: str
    required_floatingips: list[str]

    @classmethod
    def from_row(cls, ctx: RequestContext, row: Mapping[str, Any]) -> Self:
        """The reservation of a row, whose parameters are a JSON object."""
        self = super().from_row(ctx, row)
        state = self.__dict__
        for name, value in row['parameters'].items():
            state[f'_obj_{name}'] = value
        return self

    @classmethod
    def new(
        cls,
        ctx: RequestContext,
        lease_id: str,
        position: int,
        resource_type: str,
        parameters: Mapping[str, Any],
        reservation_id: str,
    ) -> Self:
        """A reservation that is not stored yet."""
        now = ctx.now()
        return cls(
            ctx,
            id=reservation_id,
            lease_id=lease_id,
            position=position,
            resource_id=str(uuid.uuid4()),
            resource_type=resource_type,
            status='pending',
            missing_resources=False,
            resources_changed=False,
            created_at=now,
            updated_at=now,
            **parameters,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """What this reservation has because of its resource type."""
        names = PARAMETERS[self.resource_type]
        return {name: getattr(self, name) for name in names}

    def _at(self, version: str) -> dict[str, Any]:
        return self._values_at(version, _NAMES[self.resource_type])

    def stored(self) -> dict[str, Any]:
        """The values of a row, at the version that is pinned."""
        values = super().stored()
        columns = {*self.COLUMNS, 'version'}
        parameters = {name: value for name, value in values.items() if name not in columns}
        return {
            **{name: values[name] for name in columns if name in values},
            'parameters': parameters,
        }

    def change(self, **values: Any) -> None:
        """Set fields and store them."""
        self.updated_at = self._context.now()
        for name, value in values.items():
            setattr(self, name, value)
        with self._context.transaction() as connection:
            leases.update_reservation(connection, self.id, self.stored())

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The reservation as the API shows it: its fields in their order."""
        shown = self.answered(microversion)
        del shown['position'], shown['version']
        shown['created_at'] = wire_spaced(shown['created_at'])
        shown['updated_at'] = wire_spaced(shown['updated_at'])
        return shown


#: The fields of a reservation of each resource type.
_NAMES: Mapping[str, tuple[str, ...]] = {
    resource_type: Reservation.COLUMNS + parameters
    for resource_type, parameters in PARAMETERS.items()
}
