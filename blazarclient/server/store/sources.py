"""What the sources of notifications remember: messages that were worked on, and the first look."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from blazarclient.server.store.tables import (
    bus_messages,
    log_head,
    notifications,
    unreadable_messages,
)

__all__ = [
    'compared_at',
    'keep_unreadable',
    'last_entry',
    'remember',
    'set_compared',
]


def remember(connection: Connection, message_id: str, now: datetime) -> bool:
    """Remember a message of the bus; False when it was worked on before.

    :param now: naive UTC.
    """
    try:
        connection.execute(bus_messages.insert().values(message_id=message_id, received_at=now))
    except IntegrityError:
        return False
    return True


def keep_unreadable(connection: Connection, reason: str, message: str, now: datetime) -> None:
    """Keep a message that nobody can read.

    :param message: without what may be secret.
    """
    values = {'id': str(uuid.uuid4()), 'received_at': now, 'reason': reason, 'message': message}
    connection.execute(unreadable_messages.insert().values(values))


def compared_at(connection: Connection) -> datetime | None:
    """When the list of leases was compared first, naive UTC; None when it never was."""
    found: datetime | None = connection.scalar(sa.select(log_head.c.compared_at))
    return found


def set_compared(connection: Connection, now: datetime) -> None:
    """Remember that the list of leases was compared, unless it is known."""
    connection.execute(
        log_head.update().where(log_head.c.compared_at.is_(None)).values(compared_at=now)
    )


def last_entry(
    connection: Connection, lease_id: str, kind: str, source: str
) -> dict[str, Any] | None:
    """What the last entry of a type says of a lease that a source has noticed."""
    table = notifications.c
    found: str | None = connection.scalar(
        sa.select(table.data)
        .where(table.lease_id == lease_id, table.type == kind, table.source == source)
        .order_by(table.sequence.desc())
        .limit(1)
    )
    return None if found is None else json.loads(found)
