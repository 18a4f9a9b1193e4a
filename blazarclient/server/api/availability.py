"""When enough hosts are free: ``/v1/availability``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask
from oslo_config import cfg

from blazarclient import exception, times
from blazarclient.server import errors
from blazarclient.server.api import query
from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import route
from blazarclient.server.context import RequestContext
from blazarclient.server.notifications.blazar import Unavailable
from blazarclient.server.objects.availability import (
    RESOURCE_TYPE,
    Availability,
    Inventory,
    Wanted,
)

__all__ = ['EXTENSION', 'routes']

LOG = logging.getLogger(__name__)

#: Where an application keeps what knows the hosts of a Blazar: a function, or None.
EXTENSION = 'reservation-inventory'

routes = flask.Blueprint('availability', __name__)

_DEFAULT_LIMIT, _MOST = 10, 100
_MOST_HOSTS = 1_000_000
_LONGEST = timedelta(days=3660)


@route(routes, 'GET', '/availability', since='1.2', transaction=False)
def list_availability(ctx: RequestContext) -> dict[str, Any]:
    query.one_of('resource_type', [RESOURCE_TYPE])
    minimum = query.number('min', 1, least=1, most=_MOST_HOSTS)
    wanted = Wanted(
        minimum=minimum,
        maximum=query.number('max', minimum, least=1, most=_MOST_HOSTS),
        duration=_duration(),
        earliest=query.moment('earliest'),
        latest=query.moment('latest'),
        hypervisor_properties=query.text('hypervisor_properties') or '',
        resource_properties=query.text('resource_properties') or '',
    )
    limit = query.number('limit', _DEFAULT_LIMIT, least=1, most=_MOST)
    inventory: Callable[[], Inventory] | None = flask.current_app.extensions[EXTENSION]
    try:
        found = Availability.list(ctx, wanted, limit, inventory)
    except (Unavailable, cfg.Error) as error:
        LOG.warning('the hosts of Blazar cannot be listed: %s', error)
        raise errors.BadGateway(
            'The reservation service behind this gateway does not say which hosts there are.'
        ) from None
    microversion = spoken()
    return {'availability': [each.render(microversion) for each in found]}


def _duration() -> timedelta:
    text = query.text('duration')
    if text is None:
        raise errors.InvalidInput('duration has to be said: how long, such as PT4H.')
    try:
        found = times.parse_duration(text)
    except exception.InvalidInput as error:
        raise errors.InvalidInput(f'duration: {error}') from None
    if not found <= _LONGEST:
        raise errors.InvalidInput(f'duration: expected {_LONGEST.days} days or less.')
    return found
