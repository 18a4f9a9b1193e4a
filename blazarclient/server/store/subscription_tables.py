"""The tables of subscriptions: who wants to hear what, what happened, and what is to be sent."""

from __future__ import annotations

import sqlalchemy as sa

from blazarclient.server.store.columns import (
    ID,
    SECONDS,
    TEXT,
    TIME,
    key,
    object_table,
    table,
    written,
)

__all__ = [
    'breakers',
    'bus_messages',
    'deliveries',
    'lead_timers',
    'lease_copies',
    'log_head',
    'notifications',
    'own_ids',
    'subscriptions',
    'unreadable_messages',
]

subscriptions = object_table(
    'subscriptions',
    key(),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255), nullable=False),
    sa.Column('name', sa.String(255)),
    # JSON: as it was given, {"url": ...} or {"ip_address": ..., "port": ...}.
    sa.Column('notify_endpoint', TEXT, nullable=False),
    sa.Column('url', TEXT, nullable=False),
    # 'host:port' in lower case, an IPv6 address in brackets: what a breaker is for.
    sa.Column('endpoint', sa.String(270), nullable=False),
    # 'user', 'project' or 'all'.
    sa.Column('scope', sa.String(8), nullable=False),
    # JSON lists of texts.
    sa.Column('types', TEXT, nullable=False),
    sa.Column('lease_ids', TEXT, nullable=False),
    sa.Column('resource_types', TEXT, nullable=False),
    # JSON list of ISO 8601 durations.
    sa.Column('before_end', TEXT, nullable=False),
    # 'full' or 'thin'.
    sa.Column('payload', sa.String(8), nullable=False),
    # The microversion whose objects are sent.
    sa.Column('payload_version', sa.String(12), nullable=False),
    # 'auto', 'options', 'test' or 'get'.
    sa.Column('verify', sa.String(8), nullable=False),
    sa.Column('expires_at', TIME),
    # When its owner was told that it is about to expire.
    sa.Column('expiring_told_at', TIME),
    sa.Column('enabled', sa.Boolean, nullable=False),
    # The lease that it was made with, and goes with.
    sa.Column('inline_lease_id', sa.String(ID)),
    # 'pending', 'active', 'failing', 'disabled' or 'expired'.
    sa.Column('status', sa.String(8), nullable=False),
    sa.Column('status_reason', TEXT),
    sa.Column('last_success_at', TIME),
    sa.Column('last_failure_at', TIME),
    # Since when nothing has succeeded.
    sa.Column('failing_since', TIME),
    sa.Column('consecutive_failures', sa.Integer, nullable=False),
    # Encrypted. The previous one also signs, until then.
    sa.Column('secret', TEXT, nullable=False),
    sa.Column('previous_secret', TEXT),
    sa.Column('previous_secret_until', TIME),
    # It hears of what comes after this entry of the log.
    sa.Column('start_sequence', sa.BigInteger, nullable=False),
    # The last entry of the log that it was sent, or given up for it, without a gap before it.
    # Kept up to date only where nothing is queued; see Subscription.cursor.
    sa.Column('stopped_sequence', sa.BigInteger),
    # While it is pending: when its endpoint is asked next, and how often it was.
    sa.Column('verify_at', TIME),
    sa.Column('verify_attempts', sa.Integer, nullable=False),
    # Of the owner, the endpoint and the filter: the same is not subscribed twice.
    sa.Column('digest', sa.String(64), nullable=False, unique=True),
    # Counts the changes of its owner, for ETag.
    sa.Column('revision', sa.Integer, nullable=False),
    *written(),
    sa.Index('ix_subscriptions_project_id', 'project_id', 'id'),
    sa.Index('ix_subscriptions_scope', 'scope', 'id'),
    sa.Index('ix_subscriptions_verify_at', 'status', 'verify_at'),
    sa.Index('ix_subscriptions_inline_lease_id', 'inline_lease_id'),
    sa.Index('ix_subscriptions_expires_at', 'expires_at'),
)

# One row, made by the migration. Whoever appends to the log holds it until the transaction ends,
# so that entries become visible in the order of their sequence.
log_head = table(
    'log_head',
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('sequence', sa.BigInteger, nullable=False),
    # Entries up to this one are no longer kept.
    sa.Column('swept', sa.BigInteger, nullable=False),
    # Up to this one it is worked out who is sent what. Written by delivery workers only.
    sa.Column('fanned_out', sa.BigInteger, nullable=False),
    # When the list of leases was compared first: what was there by then is no news.
    sa.Column('compared_at', TIME),
)


@sa.event.listens_for(log_head, 'after_create')
def _begin(target: sa.Table, connection: sa.Connection, **options: object) -> None:
    """Begin the log, as the migration does."""
    connection.execute(target.insert().values(id=1, sequence=0, swept=0, fanned_out=0))


# The log: what happened to leases and subscriptions.
notifications = object_table(
    'notifications',
    sa.Column('sequence', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('id', sa.String(ID), nullable=False, unique=True),
    sa.Column('type', sa.String(64), nullable=False),
    # What has happened, the same text from every source: nothing is published twice.
    sa.Column('transition', sa.String(190), nullable=False, unique=True),
    sa.Column('lease_id', sa.String(ID)),
    # Only this subscription's owner hears of it.
    sa.Column('subscription_id', sa.String(ID)),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255), nullable=False),
    # JSON list of texts.
    sa.Column('resource_types', TEXT, nullable=False),
    # 'bus', 'comparison', 'backend', 'timer' or 'service'.
    sa.Column('source', sa.String(12), nullable=False),
    # Seconds before the end of the lease, of a warning that somebody has asked for.
    sa.Column('lead_seconds', sa.Integer),
    sa.Column('time', TIME, nullable=False),
    sa.Column('noticed_at', TIME, nullable=False),
    sa.Column('expires_at', TIME),
    # JSON: the lease in its newest form, and what belongs to the type.
    sa.Column('data', TEXT, nullable=False),
    sa.Index('ix_notifications_project_id', 'project_id', 'sequence'),
    sa.Index('ix_notifications_lease_id', 'lease_id', 'sequence'),
    sa.Index('ix_notifications_noticed_at', 'noticed_at'),
)

# What is to be sent to whom. Those of one subscription and one lane (a lease) are sent in the
# order of their sequence: all but the first that is open are 'waiting'.
deliveries = object_table(
    'deliveries',
    key(),
    sa.Column(
        'subscription_id',
        sa.String(ID),
        sa.ForeignKey('subscriptions.id', ondelete='CASCADE'),
        nullable=False,
    ),
    sa.Column('sequence', sa.BigInteger, nullable=False),
    sa.Column('notification_id', sa.String(ID), nullable=False),
    sa.Column('lane', sa.String(ID), nullable=False),
    # 'waiting', 'queued', 'sending', 'delivered', 'failed', 'expired' or 'cancelled'.
    sa.Column('state', sa.String(9), nullable=False),
    # When it may be sent.
    sa.Column('due_at', TIME, nullable=False),
    sa.Column('expires_at', TIME),
    # Who sends it, at which attempt, and until when (real time).
    sa.Column('owner', sa.String(64)),
    sa.Column('attempt', sa.Integer, nullable=False),
    sa.Column('deadline', SECONDS),
    # JSON: [{"at", "status", "error", "latency_ms"}].
    sa.Column('attempts', TEXT, nullable=False),
    sa.Column('response_status', sa.Integer),
    sa.Column('response_head', TEXT),
    sa.Column('error', sa.String(32)),
    sa.Column('finished_at', TIME),
    *written(),
    sa.Index('ix_deliveries_state', 'state', 'subscription_id', 'due_at'),
    sa.Index('ix_deliveries_lane', 'subscription_id', 'lane', 'state', 'sequence'),
    sa.Index('ix_deliveries_subscription_id', 'subscription_id', 'sequence'),
    sa.Index('ix_deliveries_deadline', 'state', 'deadline'),
    sa.Index('ix_deliveries_finished_at', 'finished_at'),
    sa.Index('ix_deliveries_notification_id', 'notification_id'),
)

# Endpoints that have failed of late.
breakers = table(
    'breakers',
    sa.Column('endpoint', sa.String(270), primary_key=True),
    sa.Column('failures', sa.Integer, nullable=False),
    # Nothing is sent there before.
    sa.Column('open_until', TIME),
)

# Each lease as it was seen last, in Blazar's form and without its trust.
lease_copies = table(
    'lease_copies',
    sa.Column('lease_id', sa.String(ID), primary_key=True),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255), nullable=False),
    sa.Column('status', sa.String(16), nullable=False),
    sa.Column('end_date', TIME, nullable=False),
    # Of what an update can change, as it was published last.
    sa.Column('digest', sa.String(64), nullable=False),
    # Real time: when it was changed by the bus, and the look that found a difference (from, to).
    sa.Column('heard_at', SECONDS),
    sa.Column('compared_from', SECONDS),
    sa.Column('compared_to', SECONDS),
    # JSON.
    sa.Column('document', TEXT, nullable=False),
    sa.Index('ix_lease_copies_project_id', 'project_id', 'end_date'),
)

# Warnings before the end of a lease that somebody has asked for, until they are given.
lead_timers = table(
    'lead_timers',
    sa.Column('lease_id', sa.String(ID), primary_key=True),
    sa.Column('end_date', TIME, primary_key=True),
    sa.Column('lead_seconds', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('due_at', TIME, nullable=False),
    sa.Index('ix_lead_timers_due_at', 'due_at'),
)

# Messages of the bus that were worked on: a bus may bring one twice.
bus_messages = table(
    'bus_messages',
    sa.Column('message_id', sa.String(64), primary_key=True),
    sa.Column('received_at', TIME, nullable=False),
    sa.Index('ix_bus_messages_received_at', 'received_at'),
)

# Messages that could not be read, without what may be secret.
unreadable_messages = table(
    'unreadable_messages',
    key(),
    sa.Column('received_at', TIME, nullable=False),
    sa.Column('reason', TEXT, nullable=False),
    sa.Column('message', TEXT, nullable=False),
    sa.Index('ix_unreadable_messages_received_at', 'received_at'),
)

# IDs that requests brought: the same request again has the same result.
own_ids = table(
    'own_ids',
    # 'lease' or 'subscription'.
    sa.Column('kind', sa.String(16), primary_key=True),
    sa.Column('id', sa.String(ID), primary_key=True),
    sa.Column('project_id', sa.String(255), nullable=False),
    sa.Column('user_id', sa.String(255), nullable=False),
    # Of the body.
    sa.Column('digest', sa.String(64), nullable=False),
    sa.Column('created_at', TIME, nullable=False),
    sa.Index('ix_own_ids_created_at', 'created_at'),
)
