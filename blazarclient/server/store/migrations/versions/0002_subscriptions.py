"""Subscriptions: who wants to hear what, what happened, and what is to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_ID = sa.String(36)
_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb')
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), 'mysql', 'mariadb')
_SECONDS: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Make the tables."""
    _subscriptions()
    _log()
    _deliveries()
    _sources()
    _requests()


def downgrade() -> None:
    """Drop the tables, what refers to others first."""
    for table in (
        'own_ids',
        'unreadable_messages',
        'bus_messages',
        'lead_timers',
        'lease_copies',
        'breakers',
        'deliveries',
        'notifications',
        'log_head',
        'subscriptions',
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


def _version() -> sa.Column[str]:
    return sa.Column('version', sa.String(12), nullable=False)


def _written() -> tuple[sa.Column[object], sa.Column[object]]:
    return (
        sa.Column('created_at', _TIME, nullable=False),
        sa.Column('updated_at', _TIME),
    )


def _subscriptions() -> None:
    _create(
        'subscriptions',
        sa.Column('id', _ID, primary_key=True),
        _version(),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255), nullable=False),
        sa.Column('name', sa.String(255)),
        sa.Column('notify_endpoint', _TEXT, nullable=False),
        sa.Column('url', _TEXT, nullable=False),
        sa.Column('endpoint', sa.String(270), nullable=False),
        sa.Column('scope', sa.String(8), nullable=False),
        sa.Column('types', _TEXT, nullable=False),
        sa.Column('lease_ids', _TEXT, nullable=False),
        sa.Column('resource_types', _TEXT, nullable=False),
        sa.Column('before_end', _TEXT, nullable=False),
        sa.Column('payload', sa.String(8), nullable=False),
        sa.Column('payload_version', sa.String(12), nullable=False),
        sa.Column('verify', sa.String(8), nullable=False),
        sa.Column('expires_at', _TIME),
        sa.Column('expiring_told_at', _TIME),
        sa.Column('enabled', sa.Boolean, nullable=False),
        sa.Column('inline_lease_id', _ID),
        sa.Column('status', sa.String(8), nullable=False),
        sa.Column('status_reason', _TEXT),
        sa.Column('last_success_at', _TIME),
        sa.Column('last_failure_at', _TIME),
        sa.Column('failing_since', _TIME),
        sa.Column('consecutive_failures', sa.Integer, nullable=False),
        sa.Column('secret', _TEXT, nullable=False),
        sa.Column('previous_secret', _TEXT),
        sa.Column('previous_secret_until', _TIME),
        sa.Column('start_sequence', sa.BigInteger, nullable=False),
        sa.Column('stopped_sequence', sa.BigInteger),
        sa.Column('verify_at', _TIME),
        sa.Column('verify_attempts', sa.Integer, nullable=False),
        sa.Column('digest', sa.String(64), nullable=False, unique=True),
        sa.Column('revision', sa.Integer, nullable=False),
        *_written(),
    )
    op.create_index('ix_subscriptions_project_id', 'subscriptions', ['project_id', 'id'])
    op.create_index('ix_subscriptions_scope', 'subscriptions', ['scope', 'id'])
    op.create_index('ix_subscriptions_verify_at', 'subscriptions', ['status', 'verify_at'])
    op.create_index('ix_subscriptions_inline_lease_id', 'subscriptions', ['inline_lease_id'])
    op.create_index('ix_subscriptions_expires_at', 'subscriptions', ['expires_at'])


def _log() -> None:
    _create(
        'log_head',
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('sequence', sa.BigInteger, nullable=False),
        sa.Column('swept', sa.BigInteger, nullable=False),
        sa.Column('fanned_out', sa.BigInteger, nullable=False),
        sa.Column('compared_at', _TIME),
    )
    op.execute(
        sa.text('INSERT INTO log_head (id, sequence, swept, fanned_out) VALUES (1, 0, 0, 0)')
    )
    _create(
        'notifications',
        sa.Column('sequence', sa.BigInteger, primary_key=True, autoincrement=False),
        _version(),
        sa.Column('id', _ID, nullable=False, unique=True),
        sa.Column('type', sa.String(64), nullable=False),
        sa.Column('transition', sa.String(190), nullable=False, unique=True),
        sa.Column('lease_id', _ID),
        sa.Column('subscription_id', _ID),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255), nullable=False),
        sa.Column('resource_types', _TEXT, nullable=False),
        sa.Column('source', sa.String(12), nullable=False),
        sa.Column('lead_seconds', sa.Integer),
        sa.Column('time', _TIME, nullable=False),
        sa.Column('noticed_at', _TIME, nullable=False),
        sa.Column('expires_at', _TIME),
        sa.Column('data', _TEXT, nullable=False),
    )
    op.create_index('ix_notifications_project_id', 'notifications', ['project_id', 'sequence'])
    op.create_index('ix_notifications_lease_id', 'notifications', ['lease_id', 'sequence'])
    op.create_index('ix_notifications_noticed_at', 'notifications', ['noticed_at'])


def _deliveries() -> None:
    _create(
        'deliveries',
        sa.Column('id', _ID, primary_key=True),
        _version(),
        sa.Column(
            'subscription_id',
            _ID,
            sa.ForeignKey('subscriptions.id', ondelete='CASCADE'),
            nullable=False,
        ),
        sa.Column('sequence', sa.BigInteger, nullable=False),
        sa.Column('notification_id', _ID, nullable=False),
        sa.Column('lane', _ID, nullable=False),
        sa.Column('state', sa.String(9), nullable=False),
        sa.Column('due_at', _TIME, nullable=False),
        sa.Column('expires_at', _TIME),
        sa.Column('owner', sa.String(64)),
        sa.Column('attempt', sa.Integer, nullable=False),
        sa.Column('deadline', _SECONDS),
        sa.Column('attempts', _TEXT, nullable=False),
        sa.Column('response_status', sa.Integer),
        sa.Column('response_head', _TEXT),
        sa.Column('error', sa.String(32)),
        sa.Column('finished_at', _TIME),
        *_written(),
    )
    op.create_index('ix_deliveries_state', 'deliveries', ['state', 'subscription_id', 'due_at'])
    op.create_index(
        'ix_deliveries_lane', 'deliveries', ['subscription_id', 'lane', 'state', 'sequence']
    )
    op.create_index('ix_deliveries_subscription_id', 'deliveries', ['subscription_id', 'sequence'])
    op.create_index('ix_deliveries_deadline', 'deliveries', ['state', 'deadline'])
    op.create_index('ix_deliveries_finished_at', 'deliveries', ['finished_at'])
    op.create_index('ix_deliveries_notification_id', 'deliveries', ['notification_id'])
    _create(
        'breakers',
        sa.Column('endpoint', sa.String(270), primary_key=True),
        sa.Column('failures', sa.Integer, nullable=False),
        sa.Column('open_until', _TIME),
    )


def _sources() -> None:
    _create(
        'lease_copies',
        sa.Column('lease_id', _ID, primary_key=True),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255), nullable=False),
        sa.Column('status', sa.String(16), nullable=False),
        sa.Column('end_date', _TIME, nullable=False),
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('heard_at', _SECONDS),
        sa.Column('compared_from', _SECONDS),
        sa.Column('compared_to', _SECONDS),
        sa.Column('document', _TEXT, nullable=False),
    )
    op.create_index('ix_lease_copies_project_id', 'lease_copies', ['project_id', 'end_date'])
    _create(
        'lead_timers',
        sa.Column('lease_id', _ID, primary_key=True),
        sa.Column('end_date', _TIME, primary_key=True),
        sa.Column('lead_seconds', sa.Integer, primary_key=True, autoincrement=False),
        sa.Column('due_at', _TIME, nullable=False),
    )
    op.create_index('ix_lead_timers_due_at', 'lead_timers', ['due_at'])
    _create(
        'bus_messages',
        sa.Column('message_id', sa.String(64), primary_key=True),
        sa.Column('received_at', _TIME, nullable=False),
    )
    op.create_index('ix_bus_messages_received_at', 'bus_messages', ['received_at'])
    _create(
        'unreadable_messages',
        sa.Column('id', _ID, primary_key=True),
        sa.Column('received_at', _TIME, nullable=False),
        sa.Column('reason', _TEXT, nullable=False),
        sa.Column('message', _TEXT, nullable=False),
    )
    op.create_index('ix_unreadable_messages_received_at', 'unreadable_messages', ['received_at'])


def _requests() -> None:
    _create(
        'own_ids',
        sa.Column('kind', sa.String(16), primary_key=True),
        sa.Column('id', _ID, primary_key=True),
        sa.Column('project_id', sa.String(255), nullable=False),
        sa.Column('user_id', sa.String(255), nullable=False),
        sa.Column('digest', sa.String(64), nullable=False),
        sa.Column('created_at', _TIME, nullable=False),
    )
    op.create_index('ix_own_ids_created_at', 'own_ids', ['created_at'])
