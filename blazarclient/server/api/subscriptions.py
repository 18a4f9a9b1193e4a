"""Subscriptions: ``/v1/subscriptions``."""

from __future__ import annotations

import contextlib
import functools
import ssl
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import flask

from blazarclient.server import errors
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
#: How many tests are sent at one time: each keeps a thread until it is answered.
_TESTS = 2
_PLACES = 'reservation-tests'


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
    with _one_of_few(), _outbound() as outbound:
        outcome = trial.send_test(ctx, outbound, found)
    return {
        'test': {
            'status': outcome.status,
            'latency_ms': round(outcome.latency_ms, 1),
            'error': outcome.error,
        }
    }


@contextlib.contextmanager
def _one_of_few() -> Iterator[None]:
    """Keep an endpoint that is slow to answer from keeping all threads."""
    places: threading.Semaphore = flask.current_app.extensions[_PLACES]
    if not places.acquire(blocking=False):
        raise errors.TooManyRequests(
            f'{_TESTS} tests are being sent at this moment. Try again in some seconds.'
        )
    try:
        yield
    finally:
        places.release()


@routes.record_once
def _set_up(state: flask.blueprints.BlueprintSetupState) -> None:
    state.app.extensions[_PLACES] = threading.Semaphore(_TESTS)


def check_endpoint(body: Mapping[str, Any]) -> None:
    """Refuse an endpoint whose address tells that notifications may not go there.

    What else is wrong with the body is told by whoever reads it.

    :raises blazarclient.server.errors.EndpointForbidden: saying why.
    """
    if 'notify_endpoint' in body:
        url = NotifyEndpoint.parse(body['notify_endpoint']).url
        with _outbound() as outbound:
            outbound.check_literal(url)


def page_links(shown: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Where the next page of a list is."""
    asked = [(name, value) for name, value in flask.request.args.items(multi=True)]
    wanted = [(name, value) for name, value in asked if name != 'marker']
    wanted.append(('marker', shown[-1]['id']))
    return [{'rel': 'next', 'href': f'{flask.request.base_url}?{urlencode(wanted)}'}]


def _one(found: Subscription) -> flask.Response:
    return answer({'subscription': found.render(spoken())}, headers={'ETag': found.etag})


@contextlib.contextmanager
def _outbound() -> Iterator[Outbound]:
    """What sends one test: nobody will need its connection again."""
    service: Service = flask.current_app.extensions['reservation']
    settings = service.settings
    made = Outbound(
        settings.allow_cidrs, settings.deny_cidrs, settings.allow_loopback, tls=_certificates()
    )
    try:
        yield made
    finally:
        made.close()


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Those of this machine: reading them takes longer than most requests."""
    return ssl.create_default_context()
