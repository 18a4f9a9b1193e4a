"""Leases, hosts, floating IPs, and what else a small cloud has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(36)
_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
_SECONDS: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Make the tables."""
    _leases()
    _hosts()
    _floatingips()
    _allocations()
    _surroundings()
    _service()


def downgrade() -> None:
    """Drop the tables, what refers to others first."""
    for table in (
        'clock',
        'locks',
        'application_credentials',
        'subnets',
        'flavors',
        'allocations',
        'floatingips',
        'host_capabilities',
        'resource_properties',
        'hosts',
        'hypervisors',
        'events',
        'reservations',
        'leases',
    ):
        op.drop_table(table)


def _create(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(
        name,
        *items,
        mysql_engine='InnoDB',
        mysql_charset='utf8mb4',
        mysql_collate='utf8mb4_bin',
    )


def _key() -> sa.Column[str]:
    return sa.Column('id', _ID, primary_key=True)


def _version() -> sa.Column[str]:
    return sa.Column('version', sa.String(12), nullable=False)


def _refers(name: str, to: str, *, key: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey(to, ondelete='CASCADE')
    return sa.Column(name, _ID, reference, primary_key=key, nullable=False)


def _written() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('updated_at', _TIME),
    )


def _leases() -> None:
    _create(
        'leases',
        _key(),
        _version(),
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
    )
    op.create_index('ix_leases_project_id', 'leases', ['project_id', 'number'])
    op.create_index('ix_leases_number', 'leases', ['number'])
    _create(
        'reservations',
        _key(),
        _version(),
        _refers('lease_id', 'leases.id'),
        sa.Column('position', sa.Integer, nullable=False),
        sa.Column('resource_id', _ID),
        sa.Column('resource_type', sa.String(66), nullable=False),
        sa.Column('status', sa.String(13), nullable=False),
        sa.Column('missing_resources', sa.Boolean, nullable=False),
        sa.Column('resources_changed', sa.Boolean, nullable=False),
        sa.Column('parameters', _TEXT, nullable=False),
        *_written(),
    )
    op.create_index('ix_reservations_lease_id', 'reservations', ['lease_id', 'position'])
    _create(
        'events',
        _key(),
        _version(),
        _refers('lease_id', 'leases.id'),
        sa.Column('event_type', sa.String(66)),
        sa.Column('time', _TIME),
        sa.Column('status', sa.String(13)),
        sa.Column('owner', sa.String(64)),
        sa.Column('attempt', sa.Integer, nullable=False, server_default='0'),
        sa.Column('deadline', _SECONDS),
        *_written(),
    )
    op.create_index('ix_events_lease_id', 'events', ['lease_id', 'event_type'])
    op.create_index('ix_events_status', 'events', ['status', 'time'])
    op.create_index('ix_events_event_type', 'events', ['event_type', 'status', 'time'])


def _hosts() -> None:
    _create(
        'hypervisors',
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('hypervisor_hostname', sa.String(255), nullable=False, unique=True),
        sa.Column('vcpus', sa.Integer, nullable=False),
        sa.Column('memory_mb', sa.Integer, nullable=False),
        sa.Column('local_gb', sa.Integer, nullable=False),
        sa.Column('availability_zone', sa.String(255), nullable=False),
    )
    _create(
        'hosts',
        _key(),
        _version(),
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
    _create(
        'resource_properties',
        _key(),
        _version(),
        sa.Column('resource_type', sa.String(66), nullable=False),
        sa.Column('property_name', sa.String(255), nullable=False),
        sa.Column('private', sa.Boolean, nullable=False),
        *_written(),
        sa.UniqueConstraint('resource_type', 'property_name', name='uq_resource_properties'),
    )
    _create(
        'host_capabilities',
        _refers('host_id', 'hosts.id', key=True),
        _refers('property_id', 'resource_properties.id', key=True),
        sa.Column('capability_value', _TEXT, nullable=False),
    )


def _floatingips() -> None:
    _create(
        'floatingips',
        _key(),
        _version(),
        sa.Column('floating_network_id', sa.String(255), nullable=False),
        sa.Column('subnet_id', sa.String(255), nullable=False),
        sa.Column('floating_ip_address', sa.String(255), nullable=False),
        sa.Column('reservable', sa.Boolean, nullable=False),
        *_written(),
        sa.UniqueConstraint('subnet_id', 'floating_ip_address', name='uq_floatingips'),
    )


def _allocations() -> None:
    _create(
        'allocations',
        _key(),
        _version(),
        sa.Column('kind', sa.String(16), nullable=False),
        sa.Column('resource_id', _ID, nullable=False),
        _refers('reservation_id', 'reservations.id'),
        sa.Column('start_date', _TIME, nullable=False),
        sa.Column('end_date', _TIME, nullable=False),
        sa.Column('span', sa.Integer, nullable=False),
    )
    op.create_index('ix_allocations_span', 'allocations', ['kind', 'span', 'start_date'])
    op.create_index('ix_allocations_resource_id', 'allocations', ['kind', 'resource_id'])
    op.create_index('ix_allocations_reservation_id', 'allocations', ['reservation_id'])


def _surroundings() -> None:
    _create(
        'flavors',
        _key(),
        sa.Column('name', sa.String(255), nullable=False, unique=True),
        sa.Column('vcpus', sa.Integer, nullable=False),
        sa.Column('ram', sa.Integer, nullable=False),
        sa.Column('disk', sa.Integer, nullable=False),
        sa.Column('ephemeral', sa.Integer, nullable=False, server_default='0'),
        sa.Column('extra_specs', _TEXT, nullable=False),
    )
    _create(
        'subnets',
        _key(),
        sa.Column('network_id', _ID, nullable=False),
        sa.Column('network_name', sa.String(255), nullable=False),
        sa.Column('cidr', sa.String(64), nullable=False),
        sa.Column('gateway_ip', sa.String(64), nullable=False),
        sa.Column('allocation_pools', _TEXT, nullable=False),
    )
    _create(
        'application_credentials',
        _key(),
        sa.Column('name', sa.String(255), nullable=False),
        sa.Column('user_name', sa.String(255), nullable=False),
        sa.Column('secret_hash', sa.String(128), nullable=False),
    )


def _service() -> None:
    _create('locks', sa.Column('name', sa.String(32), primary_key=True))
    _create(
        'clock',
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('anchor', _SECONDS, nullable=False),
        sa.Column('shown', _SECONDS, nullable=False),
        sa.Column('speed', _SECONDS, nullable=False),
    )
