"""Hosts: the compute hosts that can be reserved."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from blazarclient import exception
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.allocation import AllocatedReservation, Allocation, moved
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Boolean, DateTime, Integer, JsonText, Text

__all__ = ['Host', 'Hosts']


class Host(Resource):
    """A compute host that can be reserved.

    Extra capabilities are keys beside the fields: ``host['gpu']``, or all of them as
    :attr:`capabilities`. Their values are texts. Only they can be written. One with the name of a
    field hides that field in answers, and changes nothing else.
    """

    __slots__ = ()

    #: The host's ID, a number in a text; a UUID in clouds of Chameleon.
    id = Field(Text(), always=True, read_only=True)
    #: Its name.
    hypervisor_hostname = Field(Text(), always=True, read_only=True)
    #: Virtual CPUs.
    vcpus = Field(Integer(), read_only=True)
    #: What its processor is.
    cpu_info = Field(JsonText(), read_only=True)
    #: The kind of hypervisor.
    hypervisor_type = Field(Text(), read_only=True)
    #: The hypervisor's version.
    hypervisor_version = Field(Integer(), read_only=True)
    #: The name of its compute service.
    service_name = Field(Text(), read_only=True)
    #: Memory, in MiB.
    memory_mb = Field(Integer(), read_only=True)
    #: Disk, in GiB.
    local_gb = Field(Integer(), read_only=True)
    #: What Nova says of it.
    status = Field(Text(), read_only=True)
    #: Its availability zone.
    availability_zone = Field(Text(), read_only=True)
    #: The Keystone trust that the service acts with.
    trust_id = Field(Text(), read_only=True)
    #: Whether it may be reserved now.
    reservable = Field(Boolean(), read_only=True)
    #: When it was registered (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)

    @property
    def capabilities(self) -> dict[str, Any]:
        """The extra capabilities, in a dict of their own."""
        return {key: value for key, value in self.items() if key not in self.WIRE}

    @classmethod
    def encode(cls, values: Mapping[str, object], spoken: Spoken) -> dict[str, Any]:
        """Extra capabilities go as they are given: all that can be written are such."""
        return dict(values)

    def refresh(self) -> Host:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self.client.hosts.get(self['id']))
        return self

    def save(self) -> Host:
        """Send what was changed; a capability that was removed is removed there."""
        if self.changes():
            self.client.hosts.put(self['id'], self.changes)
            # The answer repeats what was sent, whether or not it came to be.
            self.refresh()
        return self

    def delete(self) -> None:
        """Take it out of what can be reserved."""
        self.client.hosts.delete(self['id'])

    def allocations(self) -> list[AllocatedReservation]:
        """The reservations that hold it, now and later."""
        return self.client.allocations.get(self['id']).reservations


class Hosts(DeletableCollection[Host]):
    """The hosts that can be reserved. By default only an admin may see them."""

    RESOURCE = Host
    PATH = '/os-hosts'
    ONE = 'host'
    MANY = 'hosts'
    NAME = 'hypervisor_hostname'
    NOUN = 'host'
    ID = re.compile(rf'[0-9]+|{DeletableCollection.ID.pattern}')
    TELL_APART = ('hypervisor_hostname', 'availability_zone')

    def create(self, name: str, /, **capabilities: object) -> Host:
        """Make a host of Nova one that can be reserved.

        :param name: its hypervisor host name.
        :param capabilities: extra capabilities; the service turns their values into texts.
        """
        return self._post({'name': name, **capabilities})

    def update(self, host_id: str, /, **values: object) -> Host:
        """Set extra capabilities, or remove those whose value is None.

        :returns: the host as the answer shows it, which repeats what was sent.
        """
        if not values:
            raise exception.InvalidInput('Nothing to change was given: name a capability.')
        return self.put(host_id, lambda spoken: Host.encode(values, spoken))

    def reallocate(
        self,
        host_id: str,
        *,
        lease_id: str | None = None,
        reservation_id: str | None = None,
        force: bool = False,
    ) -> Allocation:
        """Move reservations from a host to others; Chameleon's Blazar can.

        :param lease_id: only those of this lease.
        :param reservation_id: only this one; then ``lease_id`` does not matter.
        :param force: take them off the host even where no other host is free.
        :returns: what still holds the host.
        """
        values = moved(lease_id, reservation_id)
        return self._client.allocations.reallocate(
            host_id, {**values, 'force': True} if force else values
        )

    def put(self, host_id: str, encode: Callable[[Spoken], Mapping[str, Any]]) -> Host:
        """Send a change whose body depends on the version spoken."""
        return self._one(
            self.transport.write(
                'PUT',
                self._url(host_id),
                encode,
                since=Host.SINCE,
                needs=Host.needs,
                idempotent=True,
            )
        )
