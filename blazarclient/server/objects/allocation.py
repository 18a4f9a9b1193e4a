"""Which reservations hold a host, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from sqlalchemy import Connection

from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import Registry, StoredObject, fields, wire_iso
from blazarclient.server.objects.host import Host
from blazarclient.server.store import allocations, hosts

__all__ = ['Allocation']


@Registry.register
class Allocation(StoredObject):
    """A host, and one entry for each reservation that holds it, however many slots it has there."""

    # Version 1.0: Blazar's allocation of a host.
    VERSION = '1.0'

    COLUMNS = ('resource_id', 'reservations')
    fields = {
        'resource_id': fields.StringField(),
        'reservations': fields.ListOfDictOfNullableStringsField(),
    }

    resource_id: str
    #: ``id``, ``lease_id``, ``start_date`` and ``end_date``, the earliest first.
    reservations: list[dict[str, Any]]

    @classmethod
    def list(
        cls,
        ctx: RequestContext,
        *,
        lease_id: str | None = None,
        reservation_id: str | None = None,
    ) -> list[Self]:
        """Every host, with what holds it now or later; [] where nothing does.

        :param lease_id: only what this lease holds, also when it has ended.
        :param reservation_id: only what this reservation holds, also when it has ended.
        """
        ctx.require('blazar:oshosts:get_allocations')
        with ctx.transaction(write=False) as connection:
            ids = sorted((row['id'] for row in hosts.hosts(connection)), key=int)
            return [*cls._read(ctx, connection, ids, lease_id, reservation_id)]

    @classmethod
    def get_by_host(
        cls,
        ctx: RequestContext,
        host_id: str,
        *,
        lease_id: str | None = None,
        reservation_id: str | None = None,
    ) -> Self:
        """What holds one host; the arguments are those of :meth:`list`.

        :raises blazarclient.server.errors.NotFound: there is no such host.
        """
        with ctx.transaction(write=False) as connection:
            host = Host.get_by_id(ctx, host_id)
            ctx.require('blazar:oshosts:get_allocations')
            return next(cls._read(ctx, connection, [host.id], lease_id, reservation_id))

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The allocation as the API shows it."""
        values = self.answered(microversion)
        return {'resource_id': values['resource_id'], 'reservations': values['reservations']}

    @classmethod
    def _read(
        cls,
        ctx: RequestContext,
        connection: Connection,
        host_ids: Iterable[str],
        lease_id: str | None,
        reservation_id: str | None,
    ) -> Iterator[Self]:
        held: dict[str, dict[str, dict[str, Any]]] = {each: {} for each in host_ids}
        entries: dict[str, dict[str, Any]] = {}
        for row in allocations.listing(
            connection,
            'host',
            lease_id=lease_id or None,
            reservation_id=reservation_id or None,
            resource_id=next(iter(held)) if len(held) == 1 else None,
            since=None if lease_id or reservation_id else ctx.now(),
        ):
            entry = entries.get(row['id'])
            if entry is None:
                entry = entries[row['id']] = {
                    'id': row['id'],
                    'lease_id': row['lease_id'],
                    'start_date': wire_iso(row['start_date']),
                    'end_date': wire_iso(row['end_date']),
                }
            held[row['resource_id']][row['id']] = entry
        for host_id, found in held.items():
            row = {'resource_id': host_id, 'reservations': [*found.values()]}
            yield cls.from_row(ctx, {**row, 'version': cls.VERSION})
