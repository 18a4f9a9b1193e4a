"""Allocations: which reservations hold a host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from blazarclient.collection import Collection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.wiretypes import DateTime, Nested, Text

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease

__all__ = ['AllocatedReservation', 'Allocation', 'Allocations']


class AllocatedReservation(Resource):
    """A reservation, as the list of a host's allocations shows it."""

    __slots__ = ()

    #: The reservation's ID.
    id = Field(Text(), read_only=True)
    #: The lease that it belongs to.
    lease_id = Field(Text(), read_only=True)
    #: When it starts (UTC).
    start_date = Field(DateTime(), read_only=True)
    #: When it ends (UTC).
    end_date = Field(DateTime(), read_only=True)

    def lease(self) -> Lease:
        """The lease that it belongs to."""
        return self.client.leases.get(self['lease_id'])


class Allocation(Resource):
    """A host, and the reservations that hold it."""

    __slots__ = ()

    #: The host's ID.
    resource_id = Field(Text(), read_only=True)
    #: The reservations that hold it, now and later.
    reservations = Field(Nested(AllocatedReservation), read_only=True)


class Allocations(Collection[Allocation]):
    """Allocations of hosts. By default only an admin may see them."""

    RESOURCE = Allocation
    PATH = '/os-hosts/allocations'
    ONE = 'allocation'
    MANY = 'allocations'
    NAME = 'resource_id'
    NOUN = 'host'
    ID = re.compile(r'[0-9]+')

    def list(
        self,
        fields: Sequence[str] | None = None,
        *,
        lease_id: str | None = None,
        reservation_id: str | None = None,
    ) -> list[Allocation]:
        """Every host with the reservations that hold it.

        :param lease_id: only what this lease holds, and only hosts that it holds.
        :param reservation_id: likewise for a reservation.
        """
        if lease_id is None and reservation_id is None:
            return super().list(fields)
        found = [
            item
            for allocation in super().list()
            if (item := self._narrowed(allocation, lease_id, reservation_id))['reservations']
        ]
        keys = None if fields is None else [self._key(name) for name in fields]
        return found if keys is None else [self._only(item, keys) for item in found]

    def get(self, resource_id: str) -> Allocation:
        """The reservations that hold one host.

        :param resource_id: the host's ID.
        """
        # The path of one is not below the path of the list.
        path = f'{posixpath.dirname(self.PATH)}/{self._segment(resource_id)}/allocation'
        return self._one(self.transport.read(path, since=Allocation.SINCE))

    def _narrowed(
        self, allocation: Allocation, lease_id: str | None, reservation_id: str | None
    ) -> Allocation:
        kept = [
            item
            for item in allocation['reservations']
            if (lease_id is None or item['lease_id'] == lease_id)
            and (reservation_id is None or item['id'] == reservation_id)
        ]
        return self._read({**allocation, 'reservations': kept}, allocation._spoken)

    def _only(self, allocation: Allocation, keys: Sequence[str]) -> Allocation:
        wire = {key: allocation[key] for key in keys if key in allocation}
        return self._read(wire, allocation._spoken)
