"""Floating IPs that can be reserved: those that the network does not give out itself."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import (
    Registry,
    StoredObject,
    fields,
    wire_iso,
    wire_spaced,
)
from blazarclient.server.store import allocations, floatingips, surroundings

__all__ = ['FloatingIP']

_NEEDED = ('floating_ip_address', 'floating_network_id')


@Registry.register
class FloatingIP(StoredObject):
    """An address outside of the allocation pools of its subnet."""

    # Version 1.0: Blazar's FloatingIP.
    VERSION = '1.0'

    COLUMNS = (
        'id',
        'floating_network_id',
        'subnet_id',
        'floating_ip_address',
        'reservable',
        'created_at',
        'updated_at',
    )
    fields = {
        'id': fields.StringField(),
        'floating_network_id': fields.StringField(),
        'subnet_id': fields.StringField(),
        'floating_ip_address': fields.StringField(),
        'reservable': fields.BooleanField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
    }

    id: str
    floating_network_id: str
    subnet_id: str
    floating_ip_address: str
    reservable: bool
    created_at: datetime
    updated_at: datetime | None

    #: Whether this request has made it.
    _is_new = False

    @classmethod
    def create(cls, ctx: RequestContext, values: Mapping[str, Any]) -> Self:
        """Let an address be reserved.

        :param values: the body of the request: ``floating_network_id`` and
            ``floating_ip_address``; other keys are ignored.
        :raises blazarclient.server.errors.InvalidInput: a key is missing, there is no such
            network, or the network gives the address out itself.
        :raises blazarclient.server.errors.NotFound: the address is in no subnet of the network.
        :raises blazarclient.server.errors.DatabaseRefused: the address can be reserved already.
        :raises blazarclient.server.errors.Internal: the address is none.
        """
        ctx.require('blazar:floatingips:post')
        if missing := [each for each in _NEEDED if each not in values]:
            raise errors.MissingParameter(','.join(missing))
        network = str(values['floating_network_id'])
        address = str(values['floating_ip_address'])
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            subnet_id = _subnet_of(surroundings.subnets(connection, network), network, address)
            if any(
                each['subnet_id'] == subnet_id and each['floating_ip_address'] == address
                for each in floatingips.floatingips(connection)
            ):
                raise errors.DatabaseRefused('BlazarDBDuplicateEntry')
            made = cls(
                ctx,
                id=str(uuid.uuid4()),
                floating_network_id=network,
                subnet_id=subnet_id,
                floating_ip_address=address,
                reservable=True,
                created_at=ctx.now().replace(microsecond=0),
                updated_at=None,
            )
            floatingips.insert_floatingip(connection, made.stored())
        made._is_new = True
        return made

    @classmethod
    def get_by_id(cls, ctx: RequestContext, floatingip_id: str) -> Self:
        """The floating IP with an ID.

        :raises blazarclient.server.errors.NotFound: there is none.
        """
        ctx.require('blazar:floatingips:get')
        with ctx.transaction(write=False) as connection:
            row = floatingips.floatingip(connection, floatingip_id)
        if row is None:
            raise errors.NotFound(f'Floating IP {floatingip_id} not found.')
        return cls.from_row(ctx, row)

    @classmethod
    def list(cls, ctx: RequestContext) -> list[Self]:
        """Every floating IP that can be reserved, in the order of the IDs."""
        ctx.require('blazar:floatingips:get')
        with ctx.transaction(write=False) as connection:
            return [cls.from_row(ctx, row) for row in floatingips.floatingips(connection)]

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The floating IP as the API shows it."""
        values = self.answered(microversion)
        # Blazar writes the times of a new address with a T, and later with a space.
        written = wire_iso if self._is_new else wire_spaced
        return {
            'id': values['id'],
            'floating_network_id': values['floating_network_id'],
            'subnet_id': values['subnet_id'],
            'floating_ip_address': values['floating_ip_address'],
            'reservable': values['reservable'],
            'created_at': written(values['created_at']),
            'updated_at': written(values['updated_at']),
        }

    def destroy(self) -> None:
        """Let the address be reserved no more.

        :raises blazarclient.server.errors.Conflict: a reservation holds it. One that has ended
            holds its addresses until its lease is deleted, as in Blazar.
        """
        ctx = self._context
        ctx.require('blazar:floatingips:delete')
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            if allocations.held_by(connection, 'floatingip', self.id):
                raise errors.Conflict(
                    f"Can't delete floating IP {self.id}. "
                    f'Floating IP id {self.id} is allocated by reservations.'
                )
            floatingips.delete_floatingip(connection, self.id)


def _subnet_of(subnets: Iterable[Mapping[str, Any]], network: str, address: str) -> str:
    """The ID of the subnet that an address is in, outside of what the network gives out."""
    subnets = [*subnets]
    if not subnets:
        raise errors.InvalidInput(f'Failed to find network {network}')
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        raise errors.Internal from None
    for subnet in subnets:
        if wanted not in ipaddress.ip_network(subnet['cidr']):
            continue
        pools = [(each['start'], each['end']) for each in subnet['allocation_pools']]
        for start, end in [(subnet['gateway_ip'], subnet['gateway_ip']), *pools]:
            first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
            if int(first) <= int(wanted) <= int(last):
                raise errors.InvalidInput(
                    f'The floating IP {wanted} is used in allocation_pools or gateway_ip in '
                    f'subnet {subnet["id"]} .'
                )
        return str(subnet['id'])
    raise errors.NotFound(f'Valid subnet for the floating IP {address} is not found.')
