"""The types of notifications, with their schemas: ``/v1/notification-types``."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server import errors
from blazarclient.server.api.rest import answer, route
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import notification_schemas
from blazarclient.server.objects.notification import cloud_event_type
from blazarclient.server.objects.notification_types import DESCRIPTIONS

__all__ = ['routes']

routes = flask.Blueprint('notification-types', __name__)


@route(routes, 'GET', '/notification-types', since='1.1', transaction=False)
def list_notification_types(ctx: RequestContext) -> flask.Response:
    # Named outright: the times in a schema are examples, and not to be written in another form.
    return answer({'notification_types': [_described(ctx, name) for name in DESCRIPTIONS]})


@route(routes, 'GET', '/notification-types/<name>', since='1.1', transaction=False)
def show_notification_type(ctx: RequestContext, name: str) -> flask.Response:
    if name not in DESCRIPTIONS:
        raise errors.NotFound(
            f'There is no type {name!r} of notifications. Known are {", ".join(DESCRIPTIONS)}.'
        )
    return answer({'notification_type': _described(ctx, name)})


def _described(ctx: RequestContext, name: str) -> dict[str, Any]:
    return {
        'name': name,
        'cloud_event_type': cloud_event_type(name),
        'description': DESCRIPTIONS[name],
        'schema': notification_schemas.schema(name),
        'example': notification_schemas.example(name, ctx.settings.source),
    }
