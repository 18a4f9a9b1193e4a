"""What has happened, in the words that every source has for it.

A message of the bus, the comparison with the list of leases and the embedded backend call one and
the same thing by one and the same text, so that it is published once. Starts, warnings and ends
are known by Blazar's event and its time, which is another after the lease was moved.
"""

from __future__ import annotations

from datetime import datetime

__all__ = ['created', 'deleted', 'event', 'lead', 'unique']


def created(lease_id: str) -> str:
    """The lease was made."""
    return f'created:{lease_id}'


def deleted(lease_id: str) -> str:
    """The lease is gone."""
    return f'deleted:{lease_id}'


def event(event_id: str, time: datetime) -> str:
    """An event of the lease was carried out, or has failed.

    :param time: when it was due, naive UTC.
    """
    return f'event:{event_id}:{time.isoformat()}'


def lead(lease_id: str, end_date: datetime, lead_seconds: int) -> str:
    """The lease ends that many seconds later."""
    return f'lead:{lease_id}:{end_date.isoformat()}:{lead_seconds}'


def unique(kind: str, key: str) -> str:
    """What has no name of its own but that of the message or the change that tells of it."""
    return f'{kind}:{key}'
