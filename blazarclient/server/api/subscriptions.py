"""Subscriptions: ``/v1/subscriptions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import flask

from blazarclient.server.api import query
from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import Service, answer, route
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery import trial
from blazarclient.server.delivery.outbound import Outbound
from blazarclient.server.objects import subscription_request
from blazarclient.server.objects.notify_endpoint import NotifyEndpoint
from blazarclient.server.objects.subscription import STATUSES, Subscription
from blazarclient.server.objects.wire_times import wire_utc

__all__ = ['check_endpoint', 'page_links', 'routes']

routes = flask.Blueprint('subscriptions', __name__)

DEFAULT_LIMIT, MOST = 100, 1000
_EXTENSION = 'reservation-outbound'


@route(routes, 'GET', '/subscriptions', since='1.1')
def list_subscriptions(ctx: RequestContext) -> dict[str, Any]:
    limit = query.number('limit', DEFAULT_LIMIT, least=1, most=MOST)
    found = Subscription.list(
        ctx,
        # One more tells whether there is a next page.
        limit=limit + 1,
        marker=query.text('marker'),
        status=query.one_of('status', STATUSES),
        lease_id=query.text('lease_id'),
        all_projects=query.flag('all_projects'),
    )
    microversion = spoken()
    shown = [each.render(microversion) for each in found[:limit]]
    return {
        'subscriptions': shown,
        'subscriptions_links': page_links(shown) if len(found) > limit else [],
    }


@route(routes, 'POST', '/subscriptions', since='1.1')
def create_subscription(ctx: RequestContext, values: Any) -> flask.Response:
    body = subscription_request.unwrapped(values)
    check_endpoint(body)
    made, secret = Subscription.create(ctx, body, spoken())
    content = {'subscription': {**made.render(spoken()), 'secret': secret}}
    location = f'{flask.request.url_root}v1/subscriptions/{made.id}'
    return answer(content, 201, {'Location': location, 'ETag': made.etag})


@route(routes, 'GET', '/subscriptions/<subscription_id>', since='1.1')
def show_subscription(ctx: RequestContext, subscription_id: str) -> flask.Response:
    return _one(Subscription.get_by_id(ctx, subscription_id))


@route(routes, 'PATCH', '/subscriptions/<subscription_id>', since='1.1')
def change_subscription(ctx: RequestContext, subscription_id: str, values: Any) -> flask.Response:
    found = Subscription.get_by_id(ctx, subscription_id)
    found.require()
    body = subscription_request.unwrapped(values)
    check_endpoint(body)
    found.patch(body, flask.request.headers.get('If-Match'), spoken())
    return _one(found)


@route(routes, 'DELETE', '/subscriptions/<subscription_id>', since='1.1')
def delete_subscription(ctx: RequestContext, subscription_id: str) -> None:
    Subscription.get_by_id(ctx, subscription_id).destroy(flask.request.headers.get('If-Match'))


@route(routes, 'POST', '/subscriptions/<subscription_id>/secret', since='1.1', status=200)
def rotate_secret(ctx: RequestContext, subscription_id: str, values: Any) -> dict[str, Any]:
    found = Subscription.get_by_id(ctx, subscription_id)
    secret = found.rotate(subscription_request.read_overlap(values))
    return {'secret': secret, 'previous_secret_until': wire_utc(found.previous_secret_until)}


@route(routes, 'POST', '/subscriptions/<subscription_id>/tests', since='1.1', status=200)
def try_subscription(ctx: RequestContext, subscription_id: str, values: Any) -> dict[str, Any]:
    subscription_request.read_nothing(values)
    found = Subscription.get_by_id(ctx, subscription_id)
    found.require()
    outcome = trial.send_test(ctx, _outbound(), found)
    return {
        'test': {
            'status': outcome.status,
            'latency_ms': round(outcome.latency_ms, 1),
            'error': outcome.error,
        }
    }


def check_endpoint(body: Mapping[str, Any]) -> None:
    """Refuse an endpoint whose address tells that notifications may not go there.

    What else is wrong with the body is told by whoever reads it.

    :raises blazarclient.server.errors.EndpointForbidden: saying why.
    """
    if 'notify_endpoint' in body:
        _outbound().check_literal(NotifyEndpoint.parse(body['notify_endpoint']).url)


def page_links(shown: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Where the next page of a list is."""
    asked = [(name, value) for name, value in flask.request.args.items(multi=True)]
    wanted = [(name, value) for name, value in asked if name != 'marker']
    wanted.append(('marker', shown[-1]['id']))
    return [{'rel': 'next', 'href': f'{flask.request.base_url}?{urlencode(wanted)}'}]


def _one(found: Subscription) -> flask.Response:
    return answer({'subscription': found.render(spoken())}, headers={'ETag': found.etag})


def _outbound() -> Outbound:
    """What sends tests, one for an application: it is made when it is needed first."""
    extensions = flask.current_app.extensions
    if _EXTENSION not in extensions:
        service: Service = extensions['reservation']
        settings = service.settings
        made = Outbound(settings.allow_cidrs, settings.deny_cidrs, settings.allow_loopback)
        extensions.setdefault(_EXTENSION, made)
    found: Outbound = extensions[_EXTENSION]
    return found
