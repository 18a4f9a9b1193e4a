"""Leases, where a Blazar keeps them and this service their subscriptions: ``/v1/leases``.

A lease is made with an ID that is known before, so that its subscriptions are there first, and so
that one can look whether it was made when no answer has come.
"""

from __future__ import annotations

import json
import time
from typing import Any

import flask

from blazarclient.server import errors
from blazarclient.server.api import forwarding, microversions, rest
from blazarclient.server.api.subscriptions import check_endpoint
from blazarclient.server.backends.blazar import modern
from blazarclient.server.backends.blazar.connections import Away
from blazarclient.server.backends.blazar.pass_through import SILENCE
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import inline_subscriptions, lease_with_subscriptions, own_id
from blazarclient.server.objects.inline_subscriptions import Wanted

__all__ = ['routes']

routes = flask.Blueprint('forwarded_leases', __name__)

#: Statuses after which nobody knows whether Blazar has made the lease.
_UNKNOWN = frozenset({409, 500, 502, 503, 504})
#: Seconds to wait until a lease that Blazar is making is made, and between two looks.
_PATIENCE, _LOOK = 20.0, 0.25


@routes.get('/leases')
@routes.get('/leases.json')
def list_leases() -> flask.Response:
    shown = inline_subscriptions.shown(rest.context())
    answer = forwarding.ask()
    if answer.status != 200 or flask.request.method == 'HEAD':
        return forwarding.relayed(answer)
    return forwarding.streamed(answer, modern.lease_list(answer.parts(), shown))


@routes.get('/leases/<lease_id>')
def show_lease(lease_id: str) -> flask.Response:
    ctx = rest.context()
    answer = forwarding.ask()
    if answer.status != 200 or flask.request.method == 'HEAD':
        return forwarding.relayed(answer)
    return _told(ctx, forwarding.content(answer))


@routes.post('/leases')
@routes.post('/leases.json')
def create_lease() -> flask.Response:
    ctx = rest.context()
    values = rest.body()
    spoken = microversions.spoken()
    wanted = inline_subscriptions.read(ctx, values, spoken, check_endpoint)
    if not (wanted.brings_id or wanted.entries):
        return _sent(ctx, wanted.lease)
    if wanted.brings_id:
        _check_unused(ctx, wanted)
    if not _begin(ctx, wanted, values):
        if (made := _lease(wanted.id)) is not None:
            return _told(ctx, made, 201, secrets=True)
        lease_with_subscriptions.check_not_gone(ctx, wanted.id)
        # Unless whoever began it has given up meanwhile, all but the lease is there.
        _begin(ctx, wanted, values)
    return _make(ctx, wanted)


@routes.put('/leases/<lease_id>')
def update_lease(lease_id: str) -> flask.Response:
    ctx = rest.context()
    values = rest.body()
    spoken = microversions.spoken()
    wanted = inline_subscriptions.read(ctx, values, spoken, check_endpoint, is_new=False)
    if wanted.entries is None:
        answer = forwarding.ask('PUT', None, _json(wanted.lease))
        if answer.status != 200:
            return forwarding.relayed(answer)
        return _told(ctx, forwarding.content(answer))
    answer = forwarding.ask('GET', None)
    if answer.status != 200:
        return forwarding.relayed(answer)
    content = forwarding.content(answer)
    lease = _in(content)
    owner = {'project_id': lease.get('project_id'), 'user_id': lease.get('user_id')}
    ctx.require('blazar:leases:put', owner)
    inline_subscriptions.check_replacement(ctx, lease['id'], wanted.entries, spoken)
    if wanted.lease:
        answer = forwarding.ask('PUT', None, _json(wanted.lease))
        if answer.status != 200:
            return forwarding.relayed(answer)
        content = forwarding.content(answer)
    shown = inline_subscriptions.replace(ctx, lease['id'], wanted.entries, spoken)
    _in(content)['subscriptions'] = shown
    return rest.answer(content)


def _check_unused(ctx: RequestContext, wanted: Wanted) -> None:
    """Refuse the ID of a lease that was made at 1.0, or so long ago that nobody knows by whom."""
    if own_id.is_known(ctx, 'lease', wanted.id):
        return
    answer = forwarding.ask('GET', f'/leases/{wanted.id}')
    answer.close()
    # The same request may have come a second time, and have made it since.
    if answer.status in (200, 403) and not own_id.is_known(ctx, 'lease', wanted.id):
        raise own_id.taken(wanted.id)


def _begin(ctx: RequestContext, wanted: Wanted, values: Any) -> bool:
    """Take the ID that a request brings and make its subscriptions, both or nothing.

    :returns: False when the same request has done so before.
    :raises blazarclient.server.errors.Conflict: the ID is another request's.
    """
    with ctx.transaction() as connection:
        ctx.database.lock(connection, 'deliveries')
        if wanted.brings_id and not own_id.claim(ctx, 'lease', wanted.id, values):
            return False
        if wanted.entries:
            spoken = microversions.spoken()
            inline_subscriptions.create(ctx, wanted.id, wanted.entries, spoken)
    return True


def _make(ctx: RequestContext, wanted: Wanted) -> flask.Response:
    """Let Blazar make a lease whose ID is known, and find out whether it has."""
    lost: errors.BadGateway | None = None
    refusal: flask.Response | None = None
    try:
        answer = forwarding.ask('POST', '/leases', _json({**wanted.lease, 'id': wanted.id}))
    except errors.BadGateway as error:
        if isinstance(error.__cause__, Away) and not error.__cause__.sent:
            _undo(ctx, wanted)
            raise
        lost = error
    else:
        if answer.status == 201:
            return _told(ctx, forwarding.content(answer), 201, secrets=True)
        status = answer.status
        refusal = forwarding.refused(answer)
        if status not in _UNKNOWN:
            _undo(ctx, wanted)
            return refusal
    try:
        made = _lease(wanted.id)
    except errors.BadGateway:
        # It may be there. Its subscriptions stay; if it is not, they go with the next sweep.
        made = None
    else:
        if made is None and lost is None:
            _undo(ctx, wanted)
    if made is not None:
        return _told(ctx, made, 201, secrets=True)
    if refusal is not None:
        return refusal
    raise lost or errors.BadGateway(SILENCE)


def _undo(ctx: RequestContext, wanted: Wanted) -> None:
    if wanted.entries:
        inline_subscriptions.drop(ctx, wanted.id)
    if wanted.brings_id:
        own_id.forget(ctx, 'lease', wanted.id)


def _lease(lease_id: str) -> Any:
    """A lease of this user that Blazar has made, or is making; None when there is none."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        answer = forwarding.ask('GET', f'/leases/{lease_id}')
        if answer.status != 200:
            answer.close()
            if answer.status == 403:
                raise own_id.taken(lease_id)
            return None
        found = forwarding.content(answer)
        if _in(found).get('status') != 'CREATING' or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK)


def _sent(ctx: RequestContext, lease: Any) -> flask.Response:
    """Let Blazar make a lease of which it alone decides."""
    answer = forwarding.ask('POST', None, _json(lease))
    if answer.status != 201:
        return forwarding.relayed(answer)
    return _told(ctx, forwarding.content(answer), 201)


def _told(
    ctx: RequestContext, content: Any, status: int = 200, *, secrets: bool = False
) -> flask.Response:
    """A lease with its subscriptions.

    :param secrets: tell them: it is the answer to who has made them.
    """
    lease = _in(content)
    lease_id = str(lease.get('id'))
    lease['subscriptions'] = (
        inline_subscriptions.told(ctx, lease_id)
        if secrets
        else inline_subscriptions.shown(ctx, [lease_id]).get(lease_id, [])
    )
    return rest.answer(content, status)


def _in(content: Any) -> dict[str, Any]:
    """The lease in an answer of Blazar."""
    lease = content.get('lease') if isinstance(content, dict) else None
    if not isinstance(lease, dict):
        raise errors.BadGateway(forwarding.NO_JSON)
    return lease


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()
