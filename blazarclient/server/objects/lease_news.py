"""What happens to the leases of this service's own database, for all who want to hear of it.

Each is published in the transaction that makes it happen, as its last act: it holds the head of
the log from then on.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blazarclient.server.context import RequestContext
from blazarclient.server.objects import lease_document, notification_types, transitions
from blazarclient.server.objects.lead_timer import LeadTimer, iso_duration
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.notification import Notification

if TYPE_CHECKING:
    from blazarclient.server.objects.lease import Lease
    from blazarclient.server.objects.lease_event import LeaseEvent

__all__ = ['carried_out', 'created', 'deleted', 'document', 'failed', 'updated']

#: Blazar's event -> the part of a lease's life that it is, and what it is called when it is done.
_PHASES = {'start_lease': 'start', 'before_end_lease': 'before_end', 'end_lease': 'end'}
_DONE = {
    'start_lease': notification_types.STARTED,
    'before_end_lease': notification_types.BEFORE_END,
    'end_lease': notification_types.ENDED,
}


def document(lease: Lease) -> dict[str, Any]:
    """The lease as it is published and kept."""
    return lease_document.normal(lease.render())


def created(ctx: RequestContext, lease: Lease) -> None:
    """The lease was made."""
    made = document(lease)
    LeaseCopy.record(ctx, made)
    _publish(ctx, notification_types.CREATED, transitions.created(lease.id), made)


def updated(ctx: RequestContext, lease: Lease, before: Mapping[str, Any]) -> None:
    """The lease was changed, or the change has failed and left it in ERROR.

    A warning that was given, and will be given for another moment again, is taken back first.

    :param before: its document before that. Where nothing differs nothing is told.
    """
    after = document(lease)
    LeaseCopy.record(ctx, after)
    old, new = lease_document.parts(before), lease_document.parts(after)
    changed = [name for name in new if new[name] != old[name]]
    was, now = _warning(before), _warning(after)
    if was.get('status') == 'DONE' and now.get('status') == 'UNDONE' and was['time'] != now['time']:
        _publish(
            ctx,
            notification_types.CANCELLED,
            transitions.unique('cancelled', str(uuid.uuid4())),
            after,
        )
    if changed:
        _publish(
            ctx,
            notification_types.UPDATED,
            transitions.unique('updated', str(uuid.uuid4())),
            after,
            changed=changed,
        )


def deleted(ctx: RequestContext, before: Mapping[str, Any]) -> None:
    """The lease is gone.

    :param before: its document before that.
    """
    done = {each['event_type'] for each in before['events'] if each['status'] == 'DONE'}
    LeaseCopy.forget(ctx, before['id'])
    _publish(
        ctx,
        notification_types.DELETED,
        transitions.deleted(before['id']),
        {**before, 'status': 'DELETING'},
        was_active='start_lease' in done and 'end_lease' not in done,
    )


def carried_out(ctx: RequestContext, lease: Lease, event: LeaseEvent) -> None:
    """An event of the lease is done: it has started or ended, or its end was warned of."""
    kind, moment = event.event_type or '', event.time
    if kind not in _DONE or moment is None:
        return
    if kind == 'end_lease':
        # Nobody hears of the end before the warnings.
        LeadTimer.fire_due(ctx, lease_id=lease.id)
    elif lease.status == 'ERROR' and kind == 'start_lease':
        failed(ctx, lease, event)
        return
    now = document(lease)
    LeaseCopy.record(ctx, now)
    details: dict[str, Any] = {}
    if kind == 'before_end_lease':
        details = {
            'lead_time': iso_duration(round((lease.end_date - moment).total_seconds())),
            'remaining_seconds': max(0, round((lease.end_date - ctx.now()).total_seconds())),
        }
    _publish(
        ctx,
        _DONE[kind],
        transitions.event(event.id, moment),
        now,
        expires_at=lease.end_date if details else None,
        **details,
    )


def failed(ctx: RequestContext, lease: Lease, event: LeaseEvent) -> None:
    """An event of the lease could not be carried out."""
    kind, moment = event.event_type or '', event.time
    if moment is None:
        return
    now = document(lease)
    LeaseCopy.record(ctx, now)
    _publish(
        ctx,
        notification_types.FAILED,
        transitions.event(event.id, moment),
        now,
        phase=_PHASES.get(kind, kind),
    )


def _warning(lease: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event before the end; empty where there is none that will be carried out."""
    return next(
        (
            each
            for each in lease['events']
            if each['event_type'] == 'before_end_lease' and each['time']
        ),
        {},
    )


def _publish(
    ctx: RequestContext,
    kind: str,
    transition: str,
    lease: Mapping[str, Any],
    *,
    expires_at: datetime | None = None,
    **details: Any,
) -> None:
    Notification.publish(
        ctx,
        kind,
        transition,
        source='backend',
        time=ctx.now(),
        lease=lease,
        expires_at=expires_at,
        details=details,
    )
