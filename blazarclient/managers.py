"""``client.lease``, ``.host``, ``.floatingip``, ``.allocation``, as in python-blazarclient 4.

Same names, same arguments, same requests: always at microversion 1.0. What they return are the
resources of :mod:`blazarclient.resources`, which are dicts, in plain lists.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from blazarclient import exception, times
from blazarclient.fields import Field
from blazarclient.resources.allocation import Allocation, Allocations
from blazarclient.resources.floatingip import FloatingIP
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from blazarclient.resources.property import ResourceProperties, ResourceProperty
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Json

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = [
    'AllocationManager',
    'FloatingIPManager',
    'HostManager',
    'LeaseManager',
    'Manager',
    'PropertyWithValues',
    'RequestManager',
    'ResourceManager',
    'sorted_by',
]

NOTHING_TO_UPDATE = 'No values to update passed.'


class RequestManager:
    """Plain requests below the endpoint, for calls that the managers do not have.

    Each method returns (response, parsed body) and raises HTTPError for a status from 400 on.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, url: str) -> tuple[Any, Any]:
        answer = self._client.transport.read(url)
        return answer.response, answer.json()

    def post(self, url: str, body: object) -> tuple[Any, Any]:
        return self.request(url, 'POST', body=body)

    def put(self, url: str, body: object) -> tuple[Any, Any]:
        return self.request(url, 'PUT', body=body)

    def patch(self, url: str, body: object) -> tuple[Any, Any]:
        return self.request(url, 'PATCH', body=body)

    def delete(self, url: str) -> tuple[Any, Any]:
        return self.request(url, 'DELETE')

    def request(self, url: str, method: str, body: object = None) -> tuple[Any, Any]:
        if method == 'GET':
            return self.get(url)

        def encode(_spoken: Spoken) -> object:
            return body

        answer = self._client.transport.write(method, url, encode)
        return answer.response, answer.json()


class Manager:
    """What every manager has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.request_manager = RequestManager(client)


class LeaseManager(Manager):
    """Leases."""

    def create(
        self,
        name: str,
        start: str,
        end: str,
        reservations: Sequence[Mapping[str, Any]],
        events: Sequence[Mapping[str, Any]],
        before_end: str | None = None,
        *,
        before_end_date: str | None = None,
    ) -> Lease:
        """Make a lease. ``client.leases.create`` does so exactly once, this sends one request.

        :param start: ``now`` or ``YYYY-MM-DD HH:MM`` (UTC); likewise the other times.
        """
        body = {
            'name': name,
            'start_date': start,
            'end_date': end,
            'reservations': reservations,
            'events': events,
            'before_end_date': before_end if before_end is not None else before_end_date,
        }
        return self._client.leases._post(body)

    def get(self, lease_id: str) -> Lease:
        """The lease with this ID."""
        return self._client.leases.get(lease_id)

    def update(
        self,
        lease_id: str,
        name: str | None = None,
        prolong_for: str | None = None,
        reduce_by: str | None = None,
        end_date: str | None = None,
        advance_by: str | None = None,
        defer_by: str | None = None,
        start_date: str | None = None,
        reservations: Sequence[Mapping[str, Any]] | None = None,
    ) -> Lease | str:
        """Change a lease.

        :param prolong_for: a duration such as ``2h``, by which it ends later; the other
            durations likewise.
        :param end_date: ``YYYY-MM-DD HH:MM`` (UTC); likewise ``start_date``.
        """
        changes: dict[str, object] = {}
        if name:
            changes['name'] = name
        lease: Lease | None = None
        for key, later, earlier, moment in (
            ('end_date', prolong_for, reduce_by, end_date),
            ('start_date', defer_by, advance_by, start_date),
        ):
            if moment:
                changes[key] = times.to_wire(times.parse_time(moment))
            elif later or earlier:
                lease = lease or self.get(lease_id)
                delta = (
                    times.parse_duration(later) if later else -times.parse_duration(earlier or '')
                )
                changes[key] = self._moved(lease, key, delta)
        if reservations:
            changes['reservations'] = [dict(item) for item in reservations]
        if not changes:
            return NOTHING_TO_UPDATE
        return self._client.leases.put(lease_id, self._client.leases._checked(changes))

    def _moved(self, lease: Lease, key: str, delta: timedelta) -> str:
        return times.to_wire(times.from_wire(lease[key]) + delta)

    def delete(self, lease_id: str) -> None:
        """Delete the lease with this ID."""
        self._client.leases.delete(lease_id)

    def list(
        self,
        sort_by: str | None = None,
        all_tenants: bool = False,
        limit: int | None = None,
        marker: str | None = None,
    ) -> builtins.list[Lease]:
        """All leases that the user may see, sorted by a key.

        The other arguments are Chameleon's: see :meth:`blazarclient.resources.lease.Leases.list`.
        """
        leases = self._client.leases.list(
            all_projects=bool(all_tenants), limit=limit or None, marker=marker or None
        )
        return sorted_by(leases, sort_by)

    def hosts_in_lease(self, lease_id: str) -> builtins.list[dict[str, Any]]:
        """The hosts that a lease holds; Chameleon's Blazar tells, also who is no administrator."""
        return self._held(lease_id, 'hosts')

    def networks_in_lease(self, lease_id: str) -> builtins.list[dict[str, Any]]:
        """The networks that a lease holds; Chameleon's Blazar tells."""
        return self._held(lease_id, 'networks')

    def devices_in_lease(self, lease_id: str) -> builtins.list[dict[str, Any]]:
        """The devices that a lease holds; Chameleon's Blazar tells."""
        return self._held(lease_id, 'devices')

    def additional_details(self, lease_id: str) -> dict[str, builtins.list[dict[str, Any]]]:
        """The hosts, networks and devices that a lease holds."""
        return {kind: self._held(lease_id, kind) for kind in ('hosts', 'networks', 'devices')}

    def _held(self, lease_id: str, kind: str) -> builtins.list[dict[str, Any]]:
        _, body = self.request_manager.get(f'{self._client.leases._url(lease_id)}/{kind}')
        found: builtins.list[dict[str, Any]] = body[kind]
        return found


class PropertyWithValues(ResourceProperty):
    """A resource property under the keys that python-blazarclient 4 gives it."""

    __slots__ = ()

    #: The values that hosts have of it.
    property_values = Field(Json(), read_only=True)


class ResourceManager(Manager):
    """What the managers of hosts, devices and networks have in common.

    Allocations are Chameleon's here; those of hosts are also upstream's ``client.allocation``.
    """

    #: What a property is read as.
    PROPERTY: ClassVar[type[PropertyWithValues]] = PropertyWithValues

    def __init__(
        self, client: Client, allocations: Allocations, properties: ResourceProperties
    ) -> None:
        super().__init__(client)
        self._allocations = allocations
        self._properties = properties

    def list_allocations(self, sort_by: str | None = None) -> builtins.list[Allocation]:
        """Every resource with the reservations that hold it, sorted by a key."""
        return sorted_by(self._allocations.list(), sort_by)

    def get_allocation(self, resource_id: str) -> Allocation:
        """The reservations that hold one resource."""
        return self._allocations.get(resource_id)

    def list_properties(
        self, detail: bool = False, all: bool = False, sort_by: str | None = None
    ) -> builtins.list[ResourceProperty]:
        """The properties; with ``detail`` their values stand under property_values."""
        found, spoken = self._properties.ask(detail=detail, all=all)
        for item in found if detail else ():
            item['property_values'] = item.pop('values', None)
        return sorted_by(
            [self.PROPERTY.read(item, spoken, self._client) for item in found], sort_by
        )

    def get_property(self, property_name: str) -> ResourceProperty:
        """The property of this name.

        :raises blazarclient.exception.ResourcePropertyNotFound: when there is none.
        """
        for item in self.list_properties(detail=True):
            if item['property'] == property_name:
                return item
        raise exception.ResourcePropertyNotFound(
            f'No {self._properties.NOUN.split()[0]} has a property {property_name!r}.'
        )

    def set_property(self, property_name: str, private: bool) -> ResourceProperty:
        """Make a property private or public."""
        return self._properties.update(property_name, private=private)


class HostManager(ResourceManager):
    """Hosts and their properties."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, client.allocations, client.properties)

    def create(self, name: str, **kwargs: object) -> Host:
        """Make a host one that can be reserved; keywords are extra capabilities."""
        return self._client.hosts.create(name, **kwargs)

    def get(self, host_id: str) -> Host:
        """The host with this ID."""
        return self._client.hosts.get(host_id)

    def update(self, host_id: str, values: Mapping[str, object]) -> Host | str:
        """Set extra capabilities, or remove those whose value is None."""
        if not values:
            return NOTHING_TO_UPDATE
        return self._client.hosts.put(host_id, self._client.hosts._checked(values))

    def delete(self, host_id: str) -> None:
        """Delete the host with this ID."""
        self._client.hosts.delete(host_id)

    def list(self, sort_by: str | None = None) -> builtins.list[Host]:
        """All hosts, sorted by a key."""
        return sorted_by(self._client.hosts.list(), sort_by)

    def reallocate(self, host_id: str, values: Mapping[str, object]) -> Allocation:
        """Move reservations to other hosts; Chameleon's Blazar can.

        :param values: ``lease_id`` or ``reservation_id``, to move only those; ``force``.
        """
        return self._client.allocations.reallocate(host_id, values)


class FloatingIPManager(Manager):
    """Floating IPs."""

    def create(self, network_id: str, floating_ip_address: str, **kwargs: object) -> FloatingIP:
        """Make an address of an external network one that can be reserved."""
        body = {
            'floating_network_id': network_id,
            'floating_ip_address': floating_ip_address,
            **kwargs,
        }
        return self._client.floatingips._post(body)

    def get(self, floatingip_id: str) -> FloatingIP:
        """The floating IP with this ID."""
        return self._client.floatingips.get(floatingip_id)

    def delete(self, floatingip_id: str) -> None:
        """Delete the floating IP with this ID."""
        self._client.floatingips.delete(floatingip_id)

    def list(self, sort_by: str | None = None) -> builtins.list[FloatingIP]:
        """All floating IPs, sorted by a key."""
        return sorted_by(self._client.floatingips.list(), sort_by)


class AllocationManager(Manager):
    """Allocations. The only resource that has them is ``os-hosts``."""

    def get(self, resource: str, resource_id: str) -> Allocation:
        """The reservations that hold one host."""
        self._check(resource)
        return self._client.allocations.get(resource_id)

    def list(self, resource: str, sort_by: str | None = None) -> builtins.list[Allocation]:
        """Every host with the reservations that hold it."""
        self._check(resource)
        return sorted_by(self._client.allocations.list(), sort_by)

    def _check(self, resource: str) -> None:
        if resource != 'os-hosts':
            raise exception.InvalidInput(
                f'{resource!r} is not a resource with allocations: expected os-hosts.'
            )


def sorted_by(items: builtins.list[Any], key: str | None) -> builtins.list[Any]:
    """Sorted by a key; what lacks it comes first."""
    if not key:
        return items
    return sorted(items, key=lambda item: (item.get(key) is not None, item.get(key)))
