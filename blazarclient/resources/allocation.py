"""Allocations: which reservations hold a host, or another resource."""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blazarclient import exception
from blazarclient.collection import Collection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.wiretypes import DateTime, Nested, Text

if TYPE_CHECKING:
    from blazarclient.resources.lease import Lease

__all__ = [
    'AllocatedReservation',
    'Allocation',
    'Allocations',
    'DeviceAllocations',
    'NetworkAllocations',
    'moved',
]


class AllocatedReservation(Resource):
    """A reservation, as the list of a host's allocations shows it."""

    __slots__ = ()

    #: The reservation's ID.
    id = Field(Text(), always=True, read_only=True)
    #: The lease that it belongs to.
    lease_id = Field(Text(), always=True, read_only=True)
    #: When it starts (UTC).
    start_date = Field(DateTime(), always=True, read_only=True)
    #: When it ends (UTC).
    end_date = Field(DateTime(), always=True, read_only=True)

    def lease(self) -> Lease:
        """The lease that it belongs to."""
        return self.client.leases.get(self['lease_id'])


class Allocation(Resource):
    """A host, device or network, and the reservations that hold it."""

    __slots__ = ()

    #: The ID of the host, device or network.
    resource_id = Field(Text(), always=True, read_only=True)
    #: The reservations that hold it, now and later.
    reservations = Field(Nested(AllocatedReservation), always=True, read_only=True)


class Allocations(Collection[Allocation]):
    """Allocations of hosts. By default only an admin may see them."""

    RESOURCE = Allocation
    PATH = '/os-hosts/allocations'
    ONE = 'allocation'
    MANY = 'allocations'
    NAME = 'resource_id'
    NOUN = 'host'
    # Chameleon's hosts have UUIDs.
    ID = re.compile(rf'[0-9]+|{Collection.ID.pattern}')

    def list(
        self,
        fields: Sequence[str] | None = None,
        *,
        lease_id: str | None = None,
        reservation_id: str | None = None,
    ) -> list[Allocation]:
        """Every resource with the reservations that hold it, be it none.

        :param lease_id: only what this lease holds.
        :param reservation_id: only this reservation.
        """
        wanted = {'lease_id': lease_id, 'reservation_id': reservation_id}
        query = {name: value for name, value in wanted.items() if value is not None}
        if not query:
            return super().list(fields)
        answer = self.transport.read(
            f'{self.PATH}?{urllib.parse.urlencode(query)}', since=Allocation.SINCE
        )
        keys = None if fields is None else [self._key(name) for name in fields]
        # A server may leave the query aside, so the answer is looked through all the same.
        return [
            self._read(_narrowed(item, keys, lease_id, reservation_id), answer.spoken)
            for item in self._many(answer)
        ]

    def get(self, resource_id: str) -> Allocation:
        """The reservations that hold one resource.

        :param resource_id: the ID of the host, device or network.
        """
        # The path of one is not below the path of the list.
        path = f'{posixpath.dirname(self.PATH)}/{self._segment(resource_id)}/allocation'
        return self._one(self.transport.read(path, since=Allocation.SINCE))

    def reallocate(self, resource_id: str, values: Mapping[str, object]) -> Allocation:
        """Move reservations from one resource to others; Chameleon's Blazar can.

        :param values: ``reservation_id`` or ``lease_id``, to move only those; for a host also
            ``force``.
        :returns: what still holds the resource.
        """
        path = f'{posixpath.dirname(self.PATH)}/{self._segment(resource_id)}/allocation'
        return self._one(self.transport.write('PUT', path, lambda _spoken: dict(values)))

    def _found_in_list(self, resource_id: str) -> Allocation:
        for found in self.list():
            if found['resource_id'] == resource_id:
                return found
        missing = exception.NotFound(f'No {self.NOUN} with the ID {resource_id!r} was found.')
        missing.status = 404
        raise missing


class DeviceAllocations(Allocations):
    """Allocations of devices, which Chameleon's Blazar has."""

    PATH = '/devices/allocations'
    NOUN = 'device'
    ID = Collection.ID

    def get(self, resource_id: str) -> Allocation:
        """The reservations that hold one device; taken from the list where need be.

        Chameleon's Blazar answers 500 when it is asked for those of one device.
        """
        try:
            return super().get(resource_id)
        except exception.ServerError:
            return self._found_in_list(resource_id)


class NetworkAllocations(Allocations):
    """Allocations of networks, which Chameleon's Blazar has."""

    PATH = '/networks/allocations'
    NOUN = 'network'
    ID = Collection.ID

    def get(self, resource_id: str) -> Allocation:
        """The reservations that hold one network; taken from the list where need be.

        Chameleon's Blazar answers 500 when it is asked for those of one network.
        """
        try:
            return super().get(resource_id)
        except exception.ServerError:
            return self._found_in_list(resource_id)


def moved(lease_id: str | None, reservation_id: str | None) -> dict[str, object]:
    """Which reservations are to be moved; the narrower of the two counts."""
    if reservation_id is not None:
        return {'reservation_id': reservation_id}
    return {} if lease_id is None else {'lease_id': lease_id}


def _narrowed(
    allocation: Mapping[str, Any],
    keys: Sequence[str] | None,
    lease_id: str | None,
    reservation_id: str | None,
) -> dict[str, Any]:
    """An allocation with only the keys and the reservations that are asked for."""
    kept = [
        item
        for item in allocation.get('reservations') or ()
        if lease_id in (None, item.get('lease_id')) and reservation_id in (None, item.get('id'))
    ]
    whole = {**allocation, 'reservations': kept}
    return whole if keys is None else {key: whole[key] for key in keys if key in whole}
