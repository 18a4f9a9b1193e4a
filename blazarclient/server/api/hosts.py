"""Hosts, what holds them, and the properties they are chosen by: ``/v1/os-hosts``."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server import errors
from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import mapping, route
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.allocation import Allocation
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.resource_property import ResourceProperty

__all__ = ['routes']

routes = flask.Blueprint('hosts', __name__)


@route(routes, 'GET', '/os-hosts')
def list_hosts(ctx: RequestContext) -> dict[str, Any]:
    microversion = spoken()
    return {'hosts': [host.render(microversion) for host in Host.list(ctx)]}


@route(routes, 'POST', '/os-hosts')
def create_host(ctx: RequestContext, values: Any) -> dict[str, Any]:
    return {'host': Host.create(ctx, mapping(values)).render(spoken())}


@route(routes, 'GET', '/os-hosts/<host_id>')
def show_host(ctx: RequestContext, host_id: str) -> dict[str, Any]:
    return {'host': Host.get_by_id(ctx, host_id).render(spoken())}


@route(routes, 'PUT', '/os-hosts/<host_id>')
def update_host(ctx: RequestContext, host_id: str, values: Any) -> dict[str, Any]:
    host = Host.get_by_id(ctx, host_id)
    if not mapping(values):
        raise _NoData
    host.update(values)
    return {'host': host.render(spoken())}


@route(routes, 'DELETE', '/os-hosts/<host_id>')
def delete_host(ctx: RequestContext, host_id: str) -> None:
    Host.get_by_id(ctx, host_id).destroy()


@route(routes, 'GET', '/os-hosts/allocations')
def list_allocations(ctx: RequestContext) -> dict[str, Any]:
    microversion = spoken()
    found = Allocation.list(ctx, **_allocation_query())
    return {'allocations': [allocation.render(microversion) for allocation in found]}


@route(routes, 'GET', '/os-hosts/<host_id>/allocation')
def show_allocation(ctx: RequestContext, host_id: str) -> dict[str, Any]:
    found = Allocation.get_by_host(ctx, host_id, **_allocation_query())
    return {'allocation': found.render(spoken())}


@route(routes, 'GET', '/os-hosts/properties')
def list_properties(ctx: RequestContext) -> dict[str, Any]:
    # Any value turns them on, "False" too; Blazar looks whether there is a text.
    detail = bool(flask.request.args.get('detail'))
    found = ResourceProperty.list(ctx, all=bool(flask.request.args.get('all')))
    return {'resource_properties': [each.render_listed(detail=detail) for each in found]}


@route(routes, 'PATCH', '/os-hosts/properties/<property_name>')
def update_property(ctx: RequestContext, property_name: str, values: Any) -> dict[str, Any]:
    found = ResourceProperty.set_private(ctx, property_name, mapping(values))
    return {'resource_property': found.render(spoken())}


def _allocation_query() -> dict[str, str | None]:
    return {name: flask.request.args.get(name) for name in ('lease_id', 'reservation_id')}


class _NoData(errors.Internal):
    """A change of a host that changes nothing."""

    status = 400

    def __init__(self) -> None:
        errors.ServiceError.__init__(self, 'No data to update')
