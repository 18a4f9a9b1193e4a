"""Leases: ``/v1/leases``, where this service keeps them."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server.api.microversions import OLDEST, spoken
from blazarclient.server.api.rest import route
from blazarclient.server.api.subscriptions import check_endpoint
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import inline_subscriptions, lease_with_subscriptions
from blazarclient.server.objects.lease import Lease

__all__ = ['routes']

routes = flask.Blueprint('leases', __name__)


@route(routes, 'GET', '/leases')
def list_leases(ctx: RequestContext) -> dict[str, Any]:
    microversion = spoken()
    modern = microversion != OLDEST
    found = lease_with_subscriptions.list_leases(ctx) if modern else Lease.list(ctx)
    return {'leases': [lease.render(microversion) for lease in found]}


@route(routes, 'POST', '/leases')
def create_lease(ctx: RequestContext, values: Any) -> dict[str, Any]:
    microversion = spoken()
    if microversion == OLDEST:
        return {'lease': Lease.create(ctx, values).render(microversion)}
    wanted = inline_subscriptions.read(ctx, values, microversion, check_endpoint)
    lease = lease_with_subscriptions.create(ctx, values, wanted, microversion)
    return {'lease': lease.render(microversion)}


@route(routes, 'GET', '/leases/<lease_id>')
def show_lease(ctx: RequestContext, lease_id: str) -> dict[str, Any]:
    return {'lease': Lease.get_by_id(ctx, lease_id).render(spoken())}


@route(routes, 'PUT', '/leases/<lease_id>')
def update_lease(ctx: RequestContext, lease_id: str, values: Any) -> dict[str, Any]:
    microversion = spoken()
    lease = Lease.get_by_id(ctx, lease_id)
    if microversion == OLDEST:
        lease.update(values)
    else:
        wanted = inline_subscriptions.read(ctx, values, microversion, check_endpoint, is_new=False)
        lease_with_subscriptions.update(ctx, lease, wanted, microversion)
    return {'lease': lease.render(microversion)}


@route(routes, 'DELETE', '/leases/<lease_id>')
def delete_lease(ctx: RequestContext, lease_id: str) -> None:
    Lease.get_by_id(ctx, lease_id).destroy()
