"""What was sent to a subscription, and sending it again: ``/v1/subscriptions/{id}/deliveries``."""

from __future__ import annotations

from typing import Any

import flask

from blazarclient.server.api import query
from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import answer, route
from blazarclient.server.api.subscriptions import DEFAULT_LIMIT, MOST, page_links
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import replay_request
from blazarclient.server.objects.delivery import STATUSES, Delivery
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.objects.subscription_request import read_nothing

__all__ = ['routes']

routes = flask.Blueprint('deliveries', __name__)

_PATH = '/subscriptions/<subscription_id>/deliveries'


@route(routes, 'GET', _PATH, since='1.1')
def list_deliveries(ctx: RequestContext, subscription_id: str) -> dict[str, Any]:
    limit = query.number('limit', DEFAULT_LIMIT, least=1, most=MOST)
    found = Delivery.list(
        ctx,
        Subscription.get_by_id(ctx, subscription_id),
        # One more tells whether there is a next page.
        limit=limit + 1,
        marker=query.text('marker'),
        status=query.one_of('status', STATUSES),
    )
    microversion = spoken()
    shown = [each.render(microversion) for each in found[:limit]]
    return {
        'deliveries': shown,
        'deliveries_links': page_links(shown) if len(found) > limit else [],
    }


@route(routes, 'GET', f'{_PATH}/<delivery_id>', since='1.1')
def show_delivery(ctx: RequestContext, subscription_id: str, delivery_id: str) -> dict[str, Any]:
    subscription = Subscription.get_by_id(ctx, subscription_id)
    return {'delivery': Delivery.get_by_id(ctx, subscription, delivery_id).render(spoken())}


@route(routes, 'POST', f'{_PATH}/<delivery_id>/resend', since='1.1', status=202)
def resend_delivery(
    ctx: RequestContext, subscription_id: str, delivery_id: str, values: Any
) -> dict[str, Any]:
    read_nothing(values)
    subscription = Subscription.get_by_id(ctx, subscription_id)
    subscription.require()
    again = Delivery.get_by_id(ctx, subscription, delivery_id).resend()
    return {'delivery': again.render(spoken())}


@route(routes, 'POST', '/subscriptions/<subscription_id>/replays', since='1.1')
def replay(ctx: RequestContext, subscription_id: str, values: Any) -> flask.Response:
    subscription = Subscription.get_by_id(ctx, subscription_id)
    subscription.require()
    wanted = replay_request.read(values)
    count = Delivery.replay(ctx, subscription, **wanted)
    return answer({'replay': {'count': count}}, 200 if wanted['dry_run'] else 202)
