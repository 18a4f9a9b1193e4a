"""Entries of the log, as if something had happened to leases."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from blazarclient.server.context import RequestContext
from blazarclient.server.objects import notification_types, transitions
from blazarclient.server.objects.notification import Notification

__all__ = ['document', 'publish']


def document(
    project_id: str, user_id: str, begin: datetime, *, lease_id: str | None = None, **changed: Any
) -> dict[str, Any]:
    """A lease of one host for an hour, as Blazar tells of it.

    :param begin: naive UTC.
    """
    lease_id = lease_id or str(uuid.uuid4())
    end = begin + timedelta(hours=1)
    written = f'{begin:%Y-%m-%d %H:%M:%S}'
    return {
        'id': lease_id,
        'name': f'lease of {user_id}',
        'user_id': user_id,
        'project_id': project_id,
        'start_date': begin.isoformat(timespec='microseconds'),
        'end_date': end.isoformat(timespec='microseconds'),
        'status': 'PENDING',
        'degraded': False,
        'created_at': written,
        'updated_at': None,
        'reservations': [
            {
                'id': str(uuid.uuid4()),
                'lease_id': lease_id,
                'resource_id': str(uuid.uuid4()),
                'resource_type': 'physical:host',
                'status': 'pending',
                'missing_resources': False,
                'resources_changed': False,
                'hypervisor_properties': '',
                'resource_properties': '',
                'before_end': 'default',
                'min': 1,
                'max': 1,
                'created_at': written,
                'updated_at': None,
            }
        ],
        'events': [
            {
                'id': str(uuid.uuid4()),
                'lease_id': lease_id,
                'event_type': kind,
                'time': moment.isoformat(timespec='microseconds'),
                'status': 'UNDONE',
                'created_at': written,
                'updated_at': None,
            }
            for kind, moment in (('start_lease', begin), ('end_lease', end))
        ],
        **changed,
    }


def publish(
    ctx: RequestContext,
    kind: str = notification_types.CREATED,
    *,
    project_id: str = 'p-demo',
    user_id: str = 'u-alice',
    lease: dict[str, Any] | None = None,
) -> str:
    """Append an entry, and give its ID."""
    with ctx.transaction():
        now = ctx.now()
        told = Notification.publish(
            ctx,
            kind,
            transitions.unique(kind, str(uuid.uuid4())),
            source='backend',
            time=now,
            lease=lease or document(project_id, user_id, now),
        )
    assert told is not None
    return told.id
