"""Leases: ``/v1/leases``."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import route
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease import Lease

__all__ = ['routes']

routes = flask.Blueprint('leases', __name__)


@route(routes, 'GET', '/leases')
def list_leases(ctx: RequestContext) -> dict[str, Any]:
    microversion = spoken()
    return {'leases': [lease.render(microversion) for lease in Lease.list(ctx)]}


@route(routes, 'POST', '/leases')
def create_lease(ctx: RequestContext, values: Any) -> dict[str, Any]:
    return {'lease': Lease.create(ctx, values).render(spoken())}


@route(routes, 'GET', '/leases/<lease_id>')
def show_lease(ctx: RequestContext, lease_id: str) -> dict[str, Any]:
    return {'lease': Lease.get_by_id(ctx, lease_id).render(spoken())}


@route(routes, 'PUT', '/leases/<lease_id>')
def update_lease(ctx: RequestContext, lease_id: str, values: Any) -> dict[str, Any]:
    lease = Lease.get_by_id(ctx, lease_id)
    lease.update(values)
    return {'lease': lease.render(spoken())}


@route(routes, 'DELETE', '/leases/<lease_id>')
def delete_lease(ctx: RequestContext, lease_id: str) -> None:
    Lease.get_by_id(ctx, lease_id).destroy()
