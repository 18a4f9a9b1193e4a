"""Networks: the segments of physical networks that Chameleon's Blazar reserves.

They are not Neutron's. When a lease with one starts, Blazar makes a network of Neutron from it.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from blazarclient import exception
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.allocation import AllocatedReservation, NetworkAllocations
from blazarclient.resources.property import ResourceProperties, ResourceProperty
from blazarclient.versions import Spoken
from blazarclient.wiretypes import DateTime, Integer, Text

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['Network', 'NetworkProperties', 'NetworkProperty', 'Networks']


class Network(Resource):
    """A segment that can be reserved.

    Extra capabilities are keys beside the fields: ``network['stitch_provider']``, or all of them
    as :attr:`capabilities`.
    """

    __slots__ = ()

    #: The segment's ID.
    id = Field(Text(), always=True, read_only=True)
    #: ``vlan`` or ``vxlan``.
    network_type = Field(Text(), always=True)
    #: The physical network that a VLAN is on.
    physical_network = Field(Text())
    #: The VLAN's number, or that of the tunnel.
    segment_id = Field(Integer(), always=True)
    #: When it was registered (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)

    @property
    def capabilities(self) -> dict[str, Any]:
        """The extra capabilities, in a dict of their own."""
        return {key: value for key, value in self.items() if key not in self.WIRE}

    def refresh(self) -> Network:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self.client.networks.get(self['id']))
        return self

    def save(self) -> Network:
        """Send what was changed; a capability that was removed is removed there."""
        if self.changes():
            self._take(self.client.networks.put(self['id'], self.changes))
        return self

    def delete(self) -> None:
        """Take it out of what can be reserved."""
        self.client.networks.delete(self['id'])

    def allocations(self) -> list[AllocatedReservation]:
        """The reservations that hold it, now and later."""
        return self.client.networks.allocations.get(self['id']).reservations


class NetworkProperty(ResourceProperty):
    """The name of an extra capability of networks, and the values that networks have of it."""

    __slots__ = ()

    def _home(self) -> ResourceProperties:
        return self.client.networks.properties


class NetworkProperties(ResourceProperties):
    """The extra capabilities that networks have."""

    RESOURCE = NetworkProperty
    PATH = '/networks/properties'
    NOUN = 'network property'


class Networks(DeletableCollection[Network]):
    """The segments that can be reserved, in a cloud of Chameleon.

    They have no names; people call them by their number, as ``find('1007')`` does.
    """

    RESOURCE = Network
    PATH = '/networks'
    ONE = 'network'
    MANY = 'networks'
    NAME = 'segment_id'
    NOUN = 'network'
    TELL_APART = ('network_type', 'physical_network', 'segment_id')

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        #: Which reservations hold which network.
        self.allocations = NetworkAllocations(client)
        #: The names of the networks' extra capabilities.
        self.properties = NetworkProperties(client)

    def _named(self, name: str) -> builtins.list[Network]:
        return [item for item in self.list() if str(item.get('segment_id')) == name]

    def create(
        self,
        network_type: str,
        physical_network: str | None,
        segment_id: int | str,
        /,
        **capabilities: object,
    ) -> Network:
        """Make a segment one that can be reserved.

        :param network_type: ``vlan`` or ``vxlan``.
        :param physical_network: the physical network that a VLAN is on; else None.
        :param segment_id: the VLAN's number, or that of the tunnel.
        :param capabilities: extra capabilities.
        """
        return self._post(
            {
                'network_type': network_type,
                'physical_network': physical_network,
                'segment_id': segment_id,
                **capabilities,
            }
        )

    def update(self, network_id: str, /, **values: object) -> Network:
        """Set extra capabilities, or remove those whose value is None."""
        if not values:
            raise exception.InvalidInput('Nothing to change was given: name a capability.')
        return self.put(network_id, lambda _spoken: values)

    def put(self, network_id: str, encode: Callable[[Spoken], Mapping[str, Any]]) -> Network:
        """Send a change whose body depends on the version spoken."""
        self.transport.write('PUT', self._url(network_id), encode, idempotent=True)
        # The answer holds null in place of the network.
        return self.get(network_id)
