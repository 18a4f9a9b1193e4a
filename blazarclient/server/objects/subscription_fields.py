"""What is known of a subscription, in which version of it, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from blazarclient.server.objects import (
    cursor,
    subscription_checks,
    subscription_request,
    subscription_state,
)
from blazarclient.server.objects.base import JSONField, StoredObject, fields
from blazarclient.server.objects.wire_times import wire_utc

__all__ = ['SubscriptionFields']


class SubscriptionFields(StoredObject):
    """The fields of a subscription; what it does is in ``Subscription``."""

    # Version 1.0: the first one.
    # Version 1.1: before_end.
    VERSION = '1.1'

    fields = {
        'id': fields.StringField(),
        'project_id': fields.StringField(),
        'user_id': fields.StringField(),
        'name': fields.StringField(nullable=True),
        'notify_endpoint': JSONField(),
        'url': fields.StringField(),
        'endpoint': fields.StringField(),
        'scope': fields.StringField(),
        'types': fields.ListOfStringsField(),
        'lease_ids': fields.ListOfStringsField(),
        'resource_types': fields.ListOfStringsField(),
        'before_end': fields.ListOfStringsField(),
        'payload': fields.StringField(),
        'payload_version': fields.StringField(),
        'verify': fields.StringField(),
        'expires_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'expiring_told_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'enabled': fields.BooleanField(),
        'inline_lease_id': fields.StringField(nullable=True),
        'status': fields.StringField(),
        'status_reason': fields.StringField(nullable=True),
        'last_success_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'last_failure_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'failing_since': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'consecutive_failures': fields.IntegerField(),
        'secret': fields.SensitiveStringField(),
        'previous_secret': fields.SensitiveStringField(nullable=True),
        'previous_secret_until': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'start_sequence': fields.IntegerField(),
        'stopped_sequence': fields.IntegerField(nullable=True),
        'verify_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'verify_attempts': fields.IntegerField(),
        'digest': fields.StringField(),
        'revision': fields.IntegerField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
    }
    COLUMNS = tuple(fields)

    id: str
    project_id: str
    user_id: str
    name: str | None
    notify_endpoint: dict[str, Any]
    url: str
    endpoint: str
    scope: str
    types: list[str]
    lease_ids: list[str]
    resource_types: list[str]
    before_end: list[str]
    payload: str
    payload_version: str
    verify: str
    expires_at: datetime | None
    expiring_told_at: datetime | None
    enabled: bool
    inline_lease_id: str | None
    status: str
    status_reason: str | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    failing_since: datetime | None
    consecutive_failures: int
    secret: str
    previous_secret: str | None
    previous_secret_until: datetime | None
    start_sequence: int
    stopped_sequence: int | None
    verify_at: datetime | None
    verify_attempts: int
    digest: str
    revision: int
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def obj_make_current(cls, values: dict[str, Any], stored_version: str) -> dict[str, Any]:
        if stored_version == '1.0':
            values.setdefault('before_end', [])
        return values

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        if target_version == '1.0':
            primitive.pop('before_end', None)

    def __repr__(self) -> str:
        # That of the base class shows every field.
        return f'<Subscription {self.id} of {self.project_id}: {self.status}>'

    @property
    def etag(self) -> str:
        """What the owner's changes change."""
        return f'"{self.revision}"'

    def secrets(self, now: datetime) -> Sequence[str]:
        """What notifications are signed with, the current secret first.

        :param now: naive UTC.
        """
        kept = [self.secret]
        if self.previous_secret and self.previous_secret_until and now < self.previous_secret_until:
            kept.append(self.previous_secret)
        return [subscription_checks.decrypt(self._context, each) for each in kept]

    @property
    def lead_seconds(self) -> frozenset[int]:
        """Its lead times in seconds."""
        return frozenset(map(subscription_request.lead_seconds, self.before_end))

    @property
    def queued(self) -> int:
        """How many deliveries are not finished."""
        return self._state_of_queue()[0]

    @property
    def cursor(self) -> str:
        """Up to where in the log everything was delivered or given up."""
        return cursor.write(self._state_of_queue()[1])

    #: What is queued, where somebody has looked already.
    _queue: subscription_state.Queue | None = None

    def _state_of_queue(self) -> subscription_state.Queue:
        if self._queue is None:
            with self._context.transaction(write=False) as connection:
                self._queue = subscription_state.queues(connection, [self])[self.id]
        return self._queue

    def render(self, microversion: str) -> dict[str, Any]:
        """The subscription as the API shows it; never with a secret."""
        values = self.answered(microversion)
        shown = {
            'id': values['id'],
            'project_id': values['project_id'],
            'user_id': values['user_id'],
            'name': values['name'],
            'notify_endpoint': {'url': values['url'], **values['notify_endpoint']},
            'scope': values['scope'],
            'types': values['types'],
            'lease_ids': values['lease_ids'],
            'resource_types': values['resource_types'],
            'payload': values['payload'],
            'payload_version': values['payload_version'],
            'verify': values['verify'],
            'expires_at': wire_utc(values['expires_at']),
            'enabled': values['enabled'],
            'status': values['status'],
            'status_reason': values['status_reason'],
            'last_success_at': wire_utc(values['last_success_at']),
            'last_failure_at': wire_utc(values['last_failure_at']),
            'consecutive_failures': values['consecutive_failures'],
            'queued': self.queued,
            'cursor': self.cursor,
            'created_at': wire_utc(values['created_at']),
            'updated_at': wire_utc(values['updated_at']),
        }
        if 'before_end' in values:
            shown['before_end'] = values['before_end']
        return shown

    def summary(self) -> dict[str, Any]:
        """What a notification tells of it."""
        return {
            'id': self.id,
            'name': self.name,
            'status': self.status,
            'status_reason': self.status_reason,
            'expires_at': wire_utc(self.expires_at),
        }
