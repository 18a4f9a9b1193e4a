"""Floating IPs: ``/v1/floatingips``."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import mapping, route
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.floatingip import FloatingIP

__all__ = ['routes']

routes = flask.Blueprint('floatingips', __name__)


@route(routes, 'GET', '/floatingips')
def list_floatingips(ctx: RequestContext) -> dict[str, Any]:
    microversion = spoken()
    return {'floatingips': [each.render(microversion) for each in FloatingIP.list(ctx)]}


@route(routes, 'POST', '/floatingips')
def create_floatingip(ctx: RequestContext, values: Any) -> dict[str, Any]:
    return {'floatingip': FloatingIP.create(ctx, mapping(values)).render(spoken())}


@route(routes, 'GET', '/floatingips/<floatingip_id>')
def show_floatingip(ctx: RequestContext, floatingip_id: str) -> dict[str, Any]:
    return {'floatingip': FloatingIP.get_by_id(ctx, floatingip_id).render(spoken())}


@route(routes, 'DELETE', '/floatingips/<floatingip_id>')
def delete_floatingip(ctx: RequestContext, floatingip_id: str) -> None:
    FloatingIP.get_by_id(ctx, floatingip_id).destroy()
