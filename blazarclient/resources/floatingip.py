"""Floating IPs that can be reserved."""

from __future__ import annotations

from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.wiretypes import Boolean, DateTime, Text

__all__ = ['FloatingIP', 'FloatingIPs']


class FloatingIP(Resource):
    """A floating IP that can be reserved."""

    __slots__ = ()

    #: Its ID.
    id = Field(Text(), always=True, read_only=True)
    #: The address.
    floating_ip_address = Field(Text(), always=True)
    #: The external network that it belongs to.
    floating_network_id = Field(Text(), always=True)
    #: The subnet that it belongs to.
    subnet_id = Field(Text(), read_only=True)
    #: Whether it may be reserved now.
    reservable = Field(Boolean(), read_only=True)
    #: When it was registered (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)

    def refresh(self) -> FloatingIP:
        """Read it anew."""
        self._take(self.client.floatingips.get(self['id']))
        return self

    def delete(self) -> None:
        """Take it out of what can be reserved."""
        self.client.floatingips.delete(self['id'])


class FloatingIPs(DeletableCollection[FloatingIP]):
    """The floating IPs that can be reserved."""

    RESOURCE = FloatingIP
    PATH = '/floatingips'
    ONE = 'floatingip'
    MANY = 'floatingips'
    NAME = 'floating_ip_address'
    NOUN = 'floating IP'
    TELL_APART = ('floating_ip_address', 'floating_network_id')

    def create(self, floating_network_id: str, floating_ip_address: str) -> FloatingIP:
        """Make an address of an external network one that can be reserved.

        :param floating_network_id: the network's ID.
        :param floating_ip_address: an address of it, outside its allocation pools.
        """
        values = {
            'floating_network_id': floating_network_id,
            'floating_ip_address': floating_ip_address,
        }
        return self._one(self._write('POST', self.PATH, values))
