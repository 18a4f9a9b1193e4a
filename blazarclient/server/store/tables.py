"""The tables, as the newest migration leaves them.

Times are naive UTC. ``version`` is the version of the object in a row, so that servers of two
releases can share a database.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

__all__ = ['metadata']

metadata = sa.MetaData()

_ID = 36
#: MySQL's TEXT ends at 64 KiB.
_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_SECONDS: sa.Double[float] = sa.Double()
#: SQLite keeps microseconds, MySQL drops them unless asked.
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
#: Texts are compared by their bytes, as SQLite does: two ids that differ in case are two ids.
_STORAGE: dict[str, Any] = {
    f'{dialect}_{option}': value
    for dialect in ('mysql', 'mariadb')
    for option, value in (
        ('engine', 'InnoDB'),
        ('charset', 'utf8mb4'),
        ('collate', 'utf8mb4_bin'),
    )
}


def _object(name: str, key: sa.Column[str], *rest: sa.schema.SchemaItem) -> sa.Table:
    """A table of versioned objects."""
    return sa.Table(
        name,
        metadata,
        key,
        sa.Column('version', sa.String(12), nullable=False),
        *rest,
        **_STORAGE,
    )


def _key() -> sa.Column[str]:
    return sa.Column('id', sa.String(_ID), primary_key=True)


def _written() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('updated_at', _TIME),
    )


leases = _object(
    'leases',
    _key(),
    # Keeps the order in which leases were made.
    sa.Column('number', sa.BigInteger, nullable=False),
    sa.Column('name', sa.String(80)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('project_id', sa.String(255)),
    sa.Column('start_date', _TIME, nullable=False),
    sa.Column('end_date', _TIME, nullable=False),
    sa.Column('trust_id', sa.String(36)),
    sa.Column('status', sa.String(16), nullable=False),
    sa.Column('degraded', sa.Boolean, nullable=False),
    *_written(),
    sa.Index('ix_leases_project_id', 'project_id', 'number'),
    sa.Index('ix_leases_number', 'number'),
)

reservations = _object(
    'reservations',
    _key(),
    sa.Column(
        'lease_id', sa.String(_ID), sa.ForeignKey('leases.id', ondelete='CASCADE'), nullable=False
    ),
    # Keeps the order in which they were asked for.
    sa.Column('position', sa.Integer, nullable=False),
    sa.Column('resource_id', sa.String(_ID)),
    sa.Column('resource_type', sa.String(66), nullable=False),
    sa.Column('status', sa.String(13), nullable=False),
    sa.Column('missing_resources', sa.Boolean, nullable=False),
    sa.Column('resources_changed', sa.Boolean, nullable=False),
    # JSON: what a reservation of this resource type has besides.
    sa.Column('parameters', _TEXT, nullable=False),
    *_written(),
    sa.Index('ix_reservations_lease_id', 'lease_id', 'position'),
)

events = _object(
    'events',
    _key(),
    sa.Column(
        'lease_id', sa.String(_ID), sa.ForeignKey('leases.id', ondelete='CASCADE'), nullable=False
    ),
    sa.Column('event_type', sa.String(66)),
    sa.Column('time', _TIME),
    sa.Column('status', sa.String(13)),
    # Who carries it out, for the how-manieth time, and until when (seconds since 1970, real time).
    sa.Column('owner', sa.String(64)),
    sa.Column('attempt', sa.Integer, nullable=False, server_default='0'),
    sa.Column('deadline', _SECONDS),
    *_written(),
    sa.Index('ix_events_lease_id', 'lease_id', 'event_type'),
    sa.Index('ix_events_status', 'status', 'time'),
    sa.Index('ix_events_event_type', 'event_type', 'status', 'time'),
)

# What Nova would know: machines that can be made reservable hosts.
hypervisors = sa.Table(
    'hypervisors',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('hypervisor_hostname', sa.String(255), nullable=False, unique=True),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('memory_mb', sa.Integer, nullable=False),
    sa.Column('local_gb', sa.Integer, nullable=False),
    sa.Column('availability_zone', sa.String(255), nullable=False),
    **_STORAGE,
)

hosts = _object(
    'hosts',
    _key(),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('cpu_info', _TEXT, nullable=False),
    sa.Column('hypervisor_type', sa.String(255), nullable=False),
    sa.Column('hypervisor_version', sa.Integer, nullable=False),
    sa.Column('hypervisor_hostname', sa.String(255), nullable=False, unique=True),
    sa.Column('service_name', sa.String(255)),
    sa.Column('memory_mb', sa.Integer, nullable=False),
    sa.Column('local_gb', sa.Integer, nullable=False),
    sa.Column('status', sa.String(13)),
    sa.Column('availability_zone', sa.String(255), nullable=False),
    sa.Column('trust_id', sa.String(36), nullable=False),
    sa.Column('reservable', sa.Boolean, nullable=False),
    *_written(),
)

resource_properties = _object(
    'resource_properties',
    _key(),
    sa.Column('resource_type', sa.String(66), nullable=False),
    sa.Column('property_name', sa.String(255), nullable=False),
    sa.Column('private', sa.Boolean, nullable=False),
    *_written(),
    sa.UniqueConstraint('resource_type', 'property_name', name='uq_resource_properties'),
)

host_capabilities = sa.Table(
    'host_capabilities',
    metadata,
    sa.Column(
        'host_id', sa.String(_ID), sa.ForeignKey('hosts.id', ondelete='CASCADE'), primary_key=True
    ),
    sa.Column(
        'property_id',
        sa.String(_ID),
        sa.ForeignKey('resource_properties.id', ondelete='CASCADE'),
        primary_key=True,
    ),
    sa.Column('capability_value', _TEXT, nullable=False),
    **_STORAGE,
)

floatingips = _object(
    'floatingips',
    _key(),
    sa.Column('floating_network_id', sa.String(255), nullable=False),
    sa.Column('subnet_id', sa.String(255), nullable=False),
    sa.Column('floating_ip_address', sa.String(255), nullable=False),
    sa.Column('reservable', sa.Boolean, nullable=False),
    *_written(),
    sa.UniqueConstraint('subnet_id', 'floating_ip_address', name='uq_floatingips'),
)

# One row is one slot of one reservation on one resource.
allocations = _object(
    'allocations',
    _key(),
    # 'host' or 'floatingip'.
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('resource_id', sa.String(_ID), nullable=False),
    sa.Column(
        'reservation_id',
        sa.String(_ID),
        sa.ForeignKey('reservations.id', ondelete='CASCADE'),
        nullable=False,
    ),
    sa.Column('start_date', _TIME, nullable=False),
    sa.Column('end_date', _TIME, nullable=False),
    # Bits of the duration in minutes: what overlaps a period is found by a few ranges of an index.
    sa.Column('span', sa.Integer, nullable=False),
    sa.Index('ix_allocations_span', 'kind', 'span', 'start_date'),
    sa.Index('ix_allocations_resource_id', 'kind', 'resource_id'),
    sa.Index('ix_allocations_reservation_id', 'reservation_id'),
)

# What else a small cloud has.
flavors = sa.Table(
    'flavors',
    metadata,
    sa.Column('id', sa.String(_ID), primary_key=True),
    sa.Column('name', sa.String(255), nullable=False, unique=True),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('ram', sa.Integer, nullable=False),
    sa.Column('disk', sa.Integer, nullable=False),
    sa.Column('ephemeral', sa.Integer, nullable=False, server_default='0'),
    # JSON.
    sa.Column('extra_specs', _TEXT, nullable=False),
    **_STORAGE,
)

subnets = sa.Table(
    'subnets',
    metadata,
    sa.Column('id', sa.String(_ID), primary_key=True),
    sa.Column('network_id', sa.String(_ID), nullable=False),
    sa.Column('network_name', sa.String(255), nullable=False),
    sa.Column('cidr', sa.String(64), nullable=False),
    sa.Column('gateway_ip', sa.String(64), nullable=False),
    # JSON: [{"start": ..., "end": ...}].
    sa.Column('allocation_pools', _TEXT, nullable=False),
    **_STORAGE,
)

application_credentials = sa.Table(
    'application_credentials',
    metadata,
    sa.Column('id', sa.String(_ID), primary_key=True),
    sa.Column('name', sa.String(255), nullable=False),
    sa.Column('user_name', sa.String(255), nullable=False),
    sa.Column('secret_hash', sa.String(128), nullable=False),
    **_STORAGE,
)

# Rows to lock: whoever gives out hosts or addresses holds the one named 'allocations'.
locks = sa.Table(
    'locks',
    metadata,
    sa.Column('name', sa.String(32), primary_key=True),
    **_STORAGE,
)

# One row: at the real time `anchor` (seconds since 1970) the clock showed `shown` (the same of
# the service's own time), and it runs `speed` times as fast.
clock = sa.Table(
    'clock',
    metadata,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('anchor', _SECONDS, nullable=False),
    sa.Column('shown', _SECONDS, nullable=False),
    sa.Column('speed', _SECONDS, nullable=False),
    **_STORAGE,
)
