"""Devices: what Chameleon's Blazar reserves beside hosts, such as single-board computers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from blazarclient import exception
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.allocation import (
    AllocatedReservation,
    Allocation,
    DeviceAllocations,
    moved,
)
from blazarclient.resources.property import ResourceProperties, ResourceProperty
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Boolean, DateTime, Text

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['Device', 'DeviceProperties', 'DeviceProperty', 'Devices']


class Device(Resource):
    """A device that can be reserved.

    Extra capabilities are keys beside the fields: ``device['machine_name']``, or all of them as
    :attr:`capabilities`.
    """

    __slots__ = ()

    #: The device's ID.
    id = Field(Text(), always=True, read_only=True)
    #: Its name; no other device has the same.
    name = Field(Text(), always=True, read_only=True)
    #: What a user gets of it: ``container``, ``vm`` or ``shell``.
    device_type = Field(Text(), always=True)
    #: What the service reaches it with: ``zun``, ``k8s`` ...
    device_driver = Field(Text(), always=True)
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

    def refresh(self) -> Device:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self.client.devices.get(self['id']))
        return self

    def save(self) -> Device:
        """Send what was changed; a capability that was removed is removed there."""
        if self.changes():
            self._take(self.client.devices.put(self['id'], self.changes))
        return self

    def delete(self) -> None:
        """Take it out of what can be reserved."""
        self.client.devices.delete(self['id'])

    def allocations(self) -> list[AllocatedReservation]:
        """The reservations that hold it, now and later."""
        return self.client.devices.allocations.get(self['id']).reservations


class DeviceProperty(ResourceProperty):
    """The name of an extra capability of devices, and the values that devices have of it."""

    __slots__ = ()

    def _home(self) -> ResourceProperties:
        return self.client.devices.properties


class DeviceProperties(ResourceProperties):
    """The extra capabilities that devices have."""

    RESOURCE = DeviceProperty
    PATH = '/devices/properties'
    NOUN = 'device property'


class Devices(DeletableCollection[Device]):
    """The devices that can be reserved, in a cloud of Chameleon."""

    RESOURCE = Device
    PATH = '/devices'
    ONE = 'device'
    MANY = 'devices'
    NOUN = 'device'
    TELL_APART = ('name', 'device_type')

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        #: Which reservations hold which device.
        self.allocations = DeviceAllocations(client)
        #: The names of the devices' extra capabilities.
        self.properties = DeviceProperties(client)

    def create(
        self,
        name: str,
        /,
        device_type: str = 'container',
        device_driver: str = 'zun',
        **capabilities: object,
    ) -> Device:
        """Make a device one that can be reserved.

        :param name: its name, as the driver knows it.
        :param device_type: ``container``, ``vm`` or ``shell``.
        :param device_driver: ``zun``, ``k8s``, or what else the cloud has.
        :param capabilities: extra capabilities, and what the driver wants to know.
        """
        return self._post(
            {
                'name': name,
                'device_type': device_type,
                'device_driver': device_driver,
                **capabilities,
            }
        )

    def update(self, device_id: str, /, **values: object) -> Device:
        """Change type or driver, set extra capabilities, or remove those whose value is None."""
        if not values:
            raise exception.InvalidInput('Nothing to change was given: name a capability.')
        return self.put(device_id, lambda _spoken: values)

    def put(self, device_id: str, encode: Callable[[Spoken], Mapping[str, Any]]) -> Device:
        """Send a change whose body depends on the version spoken."""
        return self._one(self.transport.write('PUT', self._url(device_id), encode, idempotent=True))

    def reallocate(
        self, device_id: str, *, lease_id: str | None = None, reservation_id: str | None = None
    ) -> Allocation:
        """Move reservations from a device to others.

        :param lease_id: only those of this lease.
        :param reservation_id: only this one; then ``lease_id`` does not matter.
        :returns: what still holds the device.
        """
        return self.allocations.reallocate(device_id, moved(lease_id, reservation_id))
