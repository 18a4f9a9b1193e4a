"""``client.device`` and ``client.network``, as in Chameleon's python-blazarclient.

Same names, same arguments, same requests; python-chi calls them. What Chameleon adds to hosts and
leases is in :mod:`blazarclient.managers`.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING

from blazarclient.managers import (
    NOTHING_TO_UPDATE,
    PropertyWithValues,
    ResourceManager,
    sorted_by,
)
from blazarclient.resources.allocation import Allocation
from blazarclient.resources.device import Device
from blazarclient.resources.network import Network
from blazarclient.resources.property import ResourceProperties

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['DeviceManager', 'NetworkManager']


class _DeviceProperty(PropertyWithValues):
    __slots__ = ()

    def _home(self) -> ResourceProperties:
        return self.client.devices.properties


class _NetworkProperty(PropertyWithValues):
    __slots__ = ()

    def _home(self) -> ResourceProperties:
        return self.client.networks.properties


class DeviceManager(ResourceManager):
    """Devices, their allocations and their properties."""

    PROPERTY = _DeviceProperty

    def __init__(self, client: Client) -> None:
        super().__init__(client, client.devices.allocations, client.devices.properties)

    def create(self, name: str, **kwargs: object) -> Device:
        """Make a device one that can be reserved.

        :param kwargs: ``device_type``, ``device_driver``, and extra capabilities.
        """
        return self._client.devices._post({'name': name, **kwargs})

    def get(self, device_id: str) -> Device:
        """The device with this ID."""
        return self._client.devices.get(device_id)

    def update(self, device_id: str, values: Mapping[str, object]) -> Device | str:
        """Set extra capabilities, or remove those whose value is None."""
        if not values:
            return NOTHING_TO_UPDATE
        return self._client.devices.put(device_id, lambda _spoken: values)

    def delete(self, device_id: str) -> None:
        """Delete the device with this ID."""
        self._client.devices.delete(device_id)

    def list(self, sort_by: str | None = None) -> builtins.list[Device]:
        """All devices, sorted by a key."""
        return sorted_by(self._client.devices.list(), sort_by)

    def reallocate(self, device_id: str, values: Mapping[str, object]) -> Allocation:
        """Move reservations to other devices.

        :param values: ``lease_id`` or ``reservation_id``, to move only those.
        """
        return self._client.devices.allocations.reallocate(device_id, values)


class NetworkManager(ResourceManager):
    """Segments of networks, their allocations and their properties."""

    PROPERTY = _NetworkProperty

    def __init__(self, client: Client) -> None:
        super().__init__(client, client.networks.allocations, client.networks.properties)

    def create(
        self,
        network_type: str,
        physical_network: str | None,
        segment_id: int | str,
        **kwargs: object,
    ) -> Network:
        """Make a segment one that can be reserved; keywords are extra capabilities."""
        return self._client.networks.create(network_type, physical_network, segment_id, **kwargs)

    def get(self, network_id: str) -> Network:
        """The segment with this ID."""
        return self._client.networks.get(network_id)

    def update(self, network_id: str, values: Mapping[str, object]) -> Network | str:
        """Set extra capabilities, or remove those whose value is None."""
        if not values:
            return NOTHING_TO_UPDATE
        return self._client.networks.put(network_id, lambda _spoken: values)

    def delete(self, network_id: str) -> None:
        """Delete the segment with this ID."""
        self._client.networks.delete(network_id)

    def list(self, sort_by: str | None = None) -> builtins.list[Network]:
        """All segments, sorted by a key."""
        return sorted_by(self._client.networks.list(), sort_by)
