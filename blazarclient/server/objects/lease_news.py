"""What happens to the leases of this service's own database, for all who want to hear of it.

Each is published in the transaction that makes it happen, as its last act: it holds the head of
the log from then on. What there is to tell is what :mod:`lease_history` tells of any lease.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from blazarclient.server.context import RequestContext
from blazarclient.server.objects import lease_document, lease_history, transitions
from blazarclient.server.objects.lead_timer import LeadTimer
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.lease_history import Happening
from blazarclient.server.objects.notification import Notification

if TYPE_CHECKING:
    from blazarclient.server.objects.lease import Lease
    from blazarclient.server.objects.lease_event import LeaseEvent

__all__ = ['carried_out', 'created', 'deleted', 'document', 'failed', 'updated']


def document(lease: Lease) -> dict[str, Any]:
    """The lease as it is published and kept."""
    return lease_document.normal(lease.render())


def created(ctx: RequestContext, lease: Lease) -> None:
    """The lease was made."""
    made = _kept(ctx, lease)
    # The lease itself says it in whole seconds.
    happened = dataclasses.replace(lease_history.created(made, ctx.now()), time=ctx.now())
    _publish(ctx, made, happened)


def updated(ctx: RequestContext, lease: Lease, before: Mapping[str, Any]) -> None:
    """The lease was changed, or the change has failed and left it in ERROR.

    A warning that was given, and will be given for another moment again, is taken back first.

    :param before: its document before that. Where nothing differs nothing is told.
    """
    after = _kept(ctx, lease)
    was, now = (lease_history.event_row(each, 'before_end_lease') for each in (before, after))
    is_given = was is not None and was['status'] == 'DONE'
    if was and now and is_given and now['status'] == 'UNDONE' and was['time'] != now['time']:
        _publish(ctx, after, lease_history.cancelled(now, ctx.now()))
    news = lease_history.updated(
        before, after, transitions.unique('updated', str(uuid.uuid4())), ctx.now()
    )
    if news.details['changed']:
        _publish(ctx, after, news)


def deleted(ctx: RequestContext, before: Mapping[str, Any]) -> None:
    """The lease is gone.

    :param before: its document before that.
    """
    LeaseCopy.forget(ctx, before['id'])
    gone = {**before, 'status': 'DELETING'}
    _publish(ctx, gone, lease_history.deleted(before, ctx.now()))


def carried_out(ctx: RequestContext, lease: Lease, event: LeaseEvent) -> None:
    """An event of the lease is done: it has started or ended, or its end was warned of."""
    if event.event_type == 'end_lease':
        # Nobody hears of the end before the warnings.
        LeadTimer.fire_due(ctx, lease_id=lease.id)
    is_failed = event.event_type == 'start_lease' and lease.status == 'ERROR'
    _tell_of(ctx, lease, event, failed=is_failed)


def failed(ctx: RequestContext, lease: Lease, event: LeaseEvent) -> None:
    """An event of the lease could not be carried out."""
    _tell_of(ctx, lease, event, failed=True)


def _tell_of(ctx: RequestContext, lease: Lease, event: LeaseEvent, *, failed: bool) -> None:
    now = _kept(ctx, lease)
    row = next((each for each in now['events'] if each['id'] == event.id), None)
    if row is not None and row['time']:
        _publish(ctx, now, lease_history.carried_out(now, row, ctx.now(), failed=failed))


def _kept(ctx: RequestContext, lease: Lease) -> dict[str, Any]:
    """The lease's document, which is written down as the last that was published."""
    made = document(lease)
    LeaseCopy.record(ctx, made)
    return made


def _publish(ctx: RequestContext, lease: Mapping[str, Any], happened: Happening) -> None:
    Notification.publish(
        ctx,
        happened.kind,
        happened.transition,
        source='backend',
        time=happened.time,
        lease=lease,
        expires_at=happened.expires_at,
        details=happened.details,
    )
