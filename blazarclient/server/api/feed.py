"""What happened, to read and to wait for: ``/v1/notifications``.

A reader goes on from the ``cursor`` of the last answer and misses nothing: entries become visible
in the order of the log, and a cursor of what is no longer kept is refused with 410.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import flask

from blazarclient.server import errors
from blazarclient.server.api import query
from blazarclient.server.api.microversions import spoken
from blazarclient.server.api.rest import Service, route
from blazarclient.server.api.waiters import Waiters, Wanted
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import cursor, notification_types
from blazarclient.server.objects.notification import Notification

__all__ = ['close', 'routes']

routes = flask.Blueprint('notifications', __name__)

#: Seconds that a request may wait.
LONGEST_WAIT = 30
_DEFAULT_LIMIT, _MOST = 100, 1000
_LATEST = 'latest'
_EXTENSION = 'reservation-waiters'


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Of which entries a request wants to know."""

    limit: int
    types: frozenset[str]
    lease_id: str | None
    all_projects: bool

    def read(self, ctx: RequestContext, after: int | None) -> tuple[list[Notification], int]:
        return Notification.feed(
            ctx,
            after=after,
            limit=self.limit,
            types=[*self.types],
            lease_id=self.lease_id,
            all_projects=self.all_projects,
        )

    def wanted(self, ctx: RequestContext) -> Wanted:
        project_id = None if self.all_projects else ctx.project_id
        return Wanted(project_id, self.types, self.lease_id)


@route(routes, 'GET', '/notifications', since='1.1', transaction=False)
def list_notifications(ctx: RequestContext) -> dict[str, Any]:
    seconds = query.number('wait', 0, least=0, most=LONGEST_WAIT)
    asked = _Asked(
        limit=query.number('limit', _DEFAULT_LIMIT, least=1, most=_MOST),
        types=notification_types.expand(query.texts('types')),
        lease_id=query.text('lease_id'),
        all_projects=query.flag('all_projects'),
    )
    found, reached = asked.read(ctx, _after(ctx))
    if not found and seconds:
        found, reached = _wait(ctx, asked, reached, seconds)
    microversion = spoken()
    return {
        'notifications': [each.render(microversion) for each in found],
        'cursor': cursor.write(reached),
    }


def _wait(
    ctx: RequestContext, asked: _Asked, reached: int, seconds: float
) -> tuple[list[Notification], int]:
    """What there is as soon as there is something, or after some seconds."""
    until = time.monotonic() + seconds
    is_gone: Callable[[], bool] = flask.request.environ.get('waitress.client_disconnected', _never)
    waiters: Waiters = flask.current_app.extensions[_EXTENSION]
    found: list[Notification] = []
    with waiters.waiter(asked.wanted(ctx), reached, is_gone) as waiter:
        while not found:
            is_woken = waiter.wait(max(0.0, until - time.monotonic()))
            # Also when it is too late: what is not for this reader need not be looked at again.
            found, reached = asked.read(ctx, reached)
            if not is_woken or is_gone() or waiters.is_closed:
                break
    return found, reached


def close(app: flask.Flask) -> None:
    """Answer all requests that wait with what there is, and let none wait from now on."""
    waiters: Waiters = app.extensions[_EXTENSION]
    waiters.close()


@routes.record_once
def _set_up(state: flask.blueprints.BlueprintSetupState) -> None:
    service: Service = state.app.extensions['reservation']
    state.app.extensions[_EXTENSION] = Waiters(
        lambda: RequestContext.for_service(service.database, service.policy, service.settings),
        service.settings.waiters,
    )


def _after(ctx: RequestContext) -> int | None:
    """After which sequence to read; None for all that is kept."""
    after, since = query.text('after'), query.moment('since')
    if after is not None and since is not None:
        raise errors.InvalidInput('Either "after" or "since" can be given, and not both.')
    if since is not None:
        return Notification.before(ctx, since)
    if after == _LATEST:
        return Notification.latest(ctx)
    if after is None:
        return None
    found = cursor.read(after)
    if found is None:
        shown = after if len(after) <= 40 else f'{after[:40]}...'
        raise errors.InvalidInput(
            f'after={shown} cannot be: expected the cursor of an answer, or "latest".'
        )
    return found


def _never() -> bool:
    return False
