"""A lease and its subscriptions, made and changed as one: for the backend that keeps the leases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import inline_subscriptions, own_id, transitions
from blazarclient.server.objects.inline_subscriptions import Wanted
from blazarclient.server.objects.lease import Lease
from blazarclient.server.store import leases, log

__all__ = ['check_not_gone', 'create', 'list_leases', 'update']


def create(ctx: RequestContext, values: Any, wanted: Wanted, microversion: str) -> Lease:
    """Make a lease with its subscriptions, all of it or nothing.

    :param values: the body of the request, from microversion 1.1 on.
    :param wanted: what it says.
    :raises blazarclient.server.errors.Conflict: its ID is another request's.
    """
    with ctx.transaction() as connection:
        # In the order in which everybody locks: those of leases first.
        ctx.database.lock(connection, 'allocations')
        if wanted.brings_id:
            if not own_id.claim(ctx, 'lease', wanted.id, values):
                return _made_before(ctx, wanted.id)
            if leases.lease(connection, wanted.id) is not None:
                raise own_id.taken(wanted.id)
        made: Sequence[inline_subscriptions.Shown] = []
        if wanted.entries:
            ctx.require('blazar:leases:post')
            made = inline_subscriptions.create(ctx, wanted.id, wanted.entries, microversion)
        # A body that is no object is refused by whoever reads it.
        body = {**wanted.lease, 'id': wanted.id} if wanted.id else wanted.lease
        lease = Lease.create(ctx, body)
    lease.subscriptions = [*made]
    return lease


def update(ctx: RequestContext, lease: Lease, wanted: Wanted, microversion: str) -> None:
    """Change a lease, and let it have other subscriptions where the request names any."""
    if wanted.entries is None:
        lease.update(wanted.lease)
        return
    ctx.require('blazar:leases:put', {'project_id': lease.project_id, 'user_id': lease.user_id})
    inline_subscriptions.check_replacement(ctx, lease.id, wanted.entries, microversion)
    if wanted.lease:
        lease.update(wanted.lease)
    lease.subscriptions = [
        *inline_subscriptions.replace(ctx, lease.id, wanted.entries, microversion)
    ]


def list_leases(ctx: RequestContext) -> Sequence[Lease]:
    """The leases that this user may see, with all their subscriptions in one query."""
    found = Lease.list(ctx)
    shown = inline_subscriptions.shown(ctx)
    for lease in found:
        lease.subscriptions = [*shown.get(lease.id, ())]
    return found


def check_not_gone(ctx: RequestContext, lease_id: str) -> None:
    """Refuse to make a lease once more that was made, and was deleted since.

    :raises blazarclient.server.errors.Conflict: it is known to be gone.
    """
    with ctx.transaction(write=False) as connection:
        if log.is_published(connection, transitions.deleted(lease_id)):
            raise _gone(lease_id)


def _made_before(ctx: RequestContext, lease_id: str) -> Lease:
    """What the same request has made, whose answer was lost."""
    try:
        lease = Lease.get_by_id(ctx, lease_id)
    except errors.NotFound:
        raise _gone(lease_id) from None
    lease.subscriptions = [*inline_subscriptions.told(ctx, lease_id)]
    return lease


def _gone(lease_id: str) -> errors.Conflict:
    return errors.Conflict(
        f'Lease {lease_id} was made by this request before, and is gone. Send another id.',
        code='reservation.id-taken',
    )
