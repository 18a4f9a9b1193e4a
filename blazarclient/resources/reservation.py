"""Reservations and events: what a lease consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.wiretypes import Boolean, DateTime, Integer, Json, JsonText, Text

__all__ = ['LeaseEvent', 'Reservation', 'completed']

#: Keys that Blazar insists on although these values say nothing.
_NEUTRAL: Mapping[str, Mapping[str, object]] = {
    'physical:host': {'hypervisor_properties': '', 'resource_properties': ''},
    'virtual:instance': {'affinity': None, 'resource_properties': ''},
    'virtual:floatingip': {'amount': 1, 'required_floatingips': []},
    'flavor:instance': {'affinity': None},
    # Chameleon's.
    'device': {'resource_properties': ''},
    'network': {'network_properties': '', 'resource_properties': ''},
}


def completed(reservation: Mapping[str, Any]) -> dict[str, Any]:
    """A reservation for a new lease, with the keys that its resource type may not lack."""
    return {**_NEUTRAL.get(str(reservation.get('resource_type')), {}), **reservation}


class Reservation(Resource):
    """What a lease holds of one resource type, from its start to its end.

    Which attributes it has depends on :attr:`resource_type`; those that belong to another type
    are not set.
    """

    __slots__ = ()

    #: What the scheduler hint ``reservation=`` of ``server create`` wants.
    id = Field(Text(), always=True, read_only=True)
    #: The lease that it belongs to.
    lease_id = Field(Text(), always=True, read_only=True)
    #: The service's own key of what is held.
    resource_id = Field(Text(), read_only=True)
    #: ``physical:host``, ``virtual:instance``, ``flavor:instance``, ``virtual:floatingip`` ...
    resource_type = Field(Text(), always=True, read_only=True)
    #: ``pending``, ``active``, ``deleted`` or ``error``.
    status = Field(Text(), always=True, read_only=True)
    #: Whether something that was held is gone, and nothing free could replace it.
    missing_resources = Field(Boolean(), read_only=True)
    #: Whether something that was held was replaced by something else.
    resources_changed = Field(Boolean(), read_only=True)
    #: When it was made (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)
    #: physical:host: the smallest number of hosts that will do.
    min = Field(Integer())
    #: physical:host: the largest number of hosts wanted.
    max = Field(Integer())
    #: physical:host: a filter over what the hypervisor says of itself.
    hypervisor_properties = Field(JsonText())
    #: physical:host and virtual:instance: a filter over extra capabilities; flavor:instance: the
    #: flavor as it was when the lease was made.
    resource_properties = Field(JsonText())
    #: physical:host: what happens before the end: ``default``, ``email``, ``snapshot`` ...
    before_end = Field(Text())
    #: virtual:instance: virtual CPUs of one instance.
    vcpus = Field(Integer())
    #: virtual:instance: memory of one instance, in MiB.
    memory_mb = Field(Integer())
    #: virtual:instance: disk of one instance, in GiB.
    disk_gb = Field(Integer())
    #: How many instances or floating IPs.
    amount = Field(Integer())
    #: Instances: True puts all on one host, False each on its own; None does not care.
    affinity = Field(Json())
    #: Instances: the flavor to boot with while the lease is active.
    flavor_id = Field(Text())
    #: Instances: the host aggregate behind it.
    aggregate_id = Field(Integer(), read_only=True)
    #: Instances: the server group behind it.
    server_group_id = Field(Text(), read_only=True)
    #: virtual:floatingip: the external network.
    network_id = Field(Text())
    #: virtual:floatingip: addresses that have to be among those held.
    required_floatingips = Field(Json())


class LeaseEvent(Resource):
    """Something that the service does to a lease at a time."""

    __slots__ = ()

    #: The event's ID.
    id = Field(Text(), always=True, read_only=True)
    #: The lease that it belongs to.
    lease_id = Field(Text(), always=True, read_only=True)
    #: ``start_lease``, ``before_end_lease`` or ``end_lease``.
    event_type = Field(Text(), always=True, read_only=True)
    #: When it is due (UTC).
    time = Field(DateTime(), always=True, read_only=True)
    #: When it shall be due (UTC). Written in a request, never answered.
    event_date = Field(DateTime())
    #: ``UNDONE``, ``IN_PROGRESS``, ``DONE`` or ``ERROR``.
    status = Field(Text(), always=True, read_only=True)
    #: When it was made (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)
