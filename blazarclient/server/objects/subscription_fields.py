"""What is known of a subscription, and in which version of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from blazarclient.server.objects.base import JSONField, StoredObject, fields

__all__ = ['SubscriptionFields']


class SubscriptionFields(StoredObject):
    """The fields of a subscription; what it does is in :class:`.Subscription`."""

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
