"""Rows for the tests of the store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from blazarclient.server.store import leases

#: Naive UTC, like all times in the database.
T0 = datetime(2026, 11, 20, 15, 38)  # noqa: DTZ001
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def lease_row(id: str, **values: Any) -> dict[str, Any]:
    """A lease of an hour."""
    return {
        'id': id,
        'version': '1.0',
        'name': f'lease {id}',
        'user_id': 'alice',
        'project_id': 'red',
        'start_date': T0,
        'end_date': T0 + HOUR,
        'trust_id': None,
        'status': 'PENDING',
        'degraded': False,
        'created_at': T0,
        'updated_at': None,
        **values,
    }


def reservation_row(id: str, lease_id: str, **values: Any) -> dict[str, Any]:
    """A reservation of one host."""
    return {
        'id': id,
        'version': '1.0',
        'lease_id': lease_id,
        'position': 0,
        'resource_id': None,
        'resource_type': 'physical:host',
        'status': 'pending',
        'missing_resources': False,
        'resources_changed': False,
        'parameters': {'min': 1, 'max': 1},
        'created_at': T0,
        'updated_at': None,
        **values,
    }


def event_row(id: str, lease_id: str, kind: str | None, time: datetime | None) -> dict[str, Any]:
    """An event that has not been carried out."""
    return {
        'id': id,
        'version': '1.0',
        'lease_id': lease_id,
        'event_type': kind,
        'time': time,
        'status': 'UNDONE',
        'owner': None,
        'attempt': 0,
        'deadline': None,
        'created_at': T0,
        'updated_at': None,
    }


def allocation_row(
    resource_id: str, reservation_id: str, start: datetime, end: datetime
) -> dict[str, Any]:
    """One slot of a reservation."""
    return {
        'version': '1.0',
        'resource_id': resource_id,
        'reservation_id': reservation_id,
        'start_date': start,
        'end_date': end,
    }


def host_row(id: str, **values: Any) -> dict[str, Any]:
    """A host."""
    return {
        'id': id,
        'version': '1.0',
        'vcpus': 8,
        'cpu_info': '{}',
        'hypervisor_type': 'fake',
        'hypervisor_version': 1000,
        'hypervisor_hostname': f'host-{id}',
        'service_name': f'host-{id}',
        'memory_mb': 16384,
        'local_gb': 200,
        'status': None,
        'availability_zone': 'nova',
        'trust_id': 't',
        'reservable': True,
        'created_at': T0,
        'updated_at': None,
        **values,
    }


def add_lease(connection: Connection, id: str, **values: Any) -> None:
    """Store a lease with one reservation, ``r-`` and the lease's ID."""
    leases.insert_lease(connection, lease_row(id, **values))
    leases.insert_reservations(connection, [reservation_row(f'r-{id}', id)])
