"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

from blazarclient.server.store.columns import (
    ID,
    SECONDS,
    TEXT,
    TIME,
    key,
    metadata,
    object_table,
    table,
    written,
)
from blazarclient.server.store.subscription_tables import (
    breakers,
    bus_messages,
    deliveries,
    lead_timers,
    lease_copies,
    log_head,
    notifications,
    own_ids,
    subscriptions,
    unreadable_messages,
)

__all__ = [
    'allocations',
    'application_credentials',
    'breakers',
    'bus_messages',
    'clock',
    'deliveries',
    'events',
    'flavors',
    'floatingips',
    'host_capabilities',
    'hosts',
    'hypervisors',
    'lead_timers',
    'lease_copies',
    'leases',
    'locks',
    'log_head',
    'metadata',
    'notifications',
    'own_ids',
    'reservations',
    'resource_properties',
    'subnets',
    'subscriptions',
    'unreadable_messages',
]

leases = object_table(
    'leases',
    key(),
    # Keeps the order in which leases were made.
    sa.Column('number', sa.BigInteger, nullable=False),
    sa.Column('name', sa.String(80)),
    sa.Column('user_id', sa.String(255)),
    sa.Column('project_id', sa.String(255)),
    sa.Column('start_date', TIME, nullable=False),
    sa.Column('end_date', TIME, nullable=False),
    sa.Column('trust_id', sa.String(36)),
    sa.Column('status', sa.String(16), nullable=False),
    sa.Column('degraded', sa.Boolean, nullable=False),
    *written(),
    sa.Index('ix_leases_project_id', 'project_id', 'number'),
    sa.Index('ix_leases_number', 'number'),
)

reservations = object_table(
    'reservations',
    key(),
    sa.Column(
        'lease_id', sa.String(ID), sa.ForeignKey('leases.id', ondelete='CASCADE'), nullable=False
    ),
    # Keeps the order in which they were asked for.
    sa.Column('position', sa.Integer, nullable=False),
    sa.Column('resource_id', sa.String(ID)),
    sa.Column('resource_type', sa.String(66), nullable=False),
    sa.Column('status', sa.String(13), nullable=False),
    sa.Column('missing_resources', sa.Boolean, nullable=False),
    sa.Column('resources_changed', sa.Boolean, nullable=False),
    # JSON: what a reservation of this resource type has besides.
    sa.Column('parameters', TEXT, nullable=False),
    *written(),
    sa.Index('ix_reservations_lease_id', 'lease_id', 'position'),
)

events = object_table(
    'events',
    key(),
    sa.Column(
        'lease_id', sa.String(ID), sa.ForeignKey('leases.id', ondelete='CASCADE'), nullable=False
    ),
    sa.Column('event_type', sa.String(66)),
    sa.Column('time', TIME),
    sa.Column('status', sa.String(13)),
    # Who carries it out, at which attempt, and until when (seconds since 1970, real time).
    sa.Column('owner', sa.String(64)),
    sa.Column('attempt', sa.Integer, nullable=False, server_default='0'),
    sa.Column('deadline', SECONDS),
    *written(),
    sa.Index('ix_events_lease_id', 'lease_id', 'event_type'),
    sa.Index('ix_events_status', 'status', 'time'),
    sa.Index('ix_events_event_type', 'event_type', 'status', 'time'),
)

# What Nova would know: machines that can be made reservable hosts.
hypervisors = table(
    'hypervisors',
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('hypervisor_hostname', sa.String(255), nullable=False, unique=True),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('memory_mb', sa.Integer, nullable=False),
    sa.Column('local_gb', sa.Integer, nullable=False),
    sa.Column('availability_zone', sa.String(255), nullable=False),
)

hosts = object_table(
    'hosts',
    key(),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('cpu_info', TEXT, nullable=False),
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
    *written(),
)

resource_properties = object_table(
    'resource_properties',
    key(),
    sa.Column('resource_type', sa.String(66), nullable=False),
    sa.Column('property_name', sa.String(255), nullable=False),
    sa.Column('private', sa.Boolean, nullable=False),
    *written(),
    sa.UniqueConstraint('resource_type', 'property_name', name='uq_resource_properties'),
)

host_capabilities = table(
    'host_capabilities',
    sa.Column(
        'host_id', sa.String(ID), sa.ForeignKey('hosts.id', ondelete='CASCADE'), primary_key=True
    ),
    sa.Column(
        'property_id',
        sa.String(ID),
        sa.ForeignKey('resource_properties.id', ondelete='CASCADE'),
        primary_key=True,
    ),
    sa.Column('capability_value', TEXT, nullable=False),
)

floatingips = object_table(
    'floatingips',
    key(),
    sa.Column('floating_network_id', sa.String(255), nullable=False),
    sa.Column('subnet_id', sa.String(255), nullable=False),
    sa.Column('floating_ip_address', sa.String(255), nullable=False),
    sa.Column('reservable', sa.Boolean, nullable=False),
    *written(),
    sa.UniqueConstraint('subnet_id', 'floating_ip_address', name='uq_floatingips'),
)

# One row is one slot of one reservation on one resource.
allocations = object_table(
    'allocations',
    key(),
    # 'host' or 'floatingip'.
    sa.Column('kind', sa.String(16), nullable=False),
    sa.Column('resource_id', sa.String(ID), nullable=False),
    sa.Column(
        'reservation_id',
        sa.String(ID),
        sa.ForeignKey('reservations.id', ondelete='CASCADE'),
        nullable=False,
    ),
    sa.Column('start_date', TIME, nullable=False),
    sa.Column('end_date', TIME, nullable=False),
    # Bits of the duration in minutes: what overlaps a period is found by a few ranges of an index.
    sa.Column('span', sa.Integer, nullable=False),
    sa.Index('ix_allocations_span', 'kind', 'span', 'start_date'),
    sa.Index('ix_allocations_resource_id', 'kind', 'resource_id'),
    sa.Index('ix_allocations_reservation_id', 'reservation_id'),
)

# What else a small cloud has.
flavors = table(
    'flavors',
    sa.Column('id', sa.String(ID), primary_key=True),
    sa.Column('name', sa.String(255), nullable=False, unique=True),
    sa.Column('vcpus', sa.Integer, nullable=False),
    sa.Column('ram', sa.Integer, nullable=False),
    sa.Column('disk', sa.Integer, nullable=False),
    sa.Column('ephemeral', sa.Integer, nullable=False, server_default='0'),
    # JSON.
    sa.Column('extra_specs', TEXT, nullable=False),
)

subnets = table(
    'subnets',
    sa.Column('id', sa.String(ID), primary_key=True),
    sa.Column('network_id', sa.String(ID), nullable=False),
    sa.Column('network_name', sa.String(255), nullable=False),
    sa.Column('cidr', sa.String(64), nullable=False),
    sa.Column('gateway_ip', sa.String(64), nullable=False),
    # JSON: [{"start": ..., "end": ...}].
    sa.Column('allocation_pools', TEXT, nullable=False),
)

application_credentials = table(
    'application_credentials',
    sa.Column('id', sa.String(ID), primary_key=True),
    sa.Column('name', sa.String(255), nullable=False),
    sa.Column('user_name', sa.String(255), nullable=False),
    sa.Column('secret_hash', sa.String(128), nullable=False),
)

# Rows to lock: whoever gives out hosts or addresses holds the one named 'allocations'.
locks = table(
    'locks',
    sa.Column('name', sa.String(32), primary_key=True),
)

# One row: at the real time `anchor` (seconds since 1970) the clock showed `shown` (the same of
# the service's own time), and it runs `speed` times as fast.
clock = table(
    'clock',
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('anchor', SECONDS, nullable=False),
    sa.Column('shown', SECONDS, nullable=False),
    sa.Column('speed', SECONDS, nullable=False),
)
