"""Notifications: what happened to a lease or a subscription, each once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import cursor, lease_document, notification_types, releases
from blazarclient.server.objects.base import Registry, StoredObject, fields
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import log, tables

__all__ = ['News', 'Notification', 'cloud_event_type']

_TYPE_PREFIX = 'org.openstack.reservation.'
#: It does not say where the log begins and ends: that counts what happens in other projects.
_GONE = (
    'Not all that happened {} is known, since it is too long ago, or has yet to come. List again '
    'without "after" and "since", and go on from the cursor of the answer.'
)


def cloud_event_type(name: str) -> str:
    """The CloudEvents type of a type of notification."""
    return f'{_TYPE_PREFIX}{name}'


class News(NamedTuple):
    """Whom an entry of the log may concern."""

    project_id: str
    type: str
    lease_id: str | None


@Registry.register
class Notification(StoredObject):
    """An entry of the log.

    Whoever may see a lease may read what happened to it: the class methods give a project its own
    entries, and an administrator every one.
    """

    # Version 1.0: the first one.
    VERSION = '1.0'

    COLUMNS = (
        'sequence',
        'id',
        'type',
        'transition',
        'lease_id',
        'subscription_id',
        'project_id',
        'user_id',
        'resource_types',
        'source',
        'lead_seconds',
        'time',
        'noticed_at',
        'expires_at',
        'data',
    )
    fields = {
        'sequence': fields.IntegerField(),
        'id': fields.StringField(),
        'type': fields.StringField(),
        'transition': fields.StringField(),
        'lease_id': fields.StringField(nullable=True),
        'subscription_id': fields.StringField(nullable=True),
        'project_id': fields.StringField(),
        'user_id': fields.StringField(),
        'resource_types': fields.ListOfStringsField(),
        'source': fields.StringField(),
        'lead_seconds': fields.IntegerField(nullable=True),
        'time': fields.DateTimeField(tzinfo_aware=False),
        'noticed_at': fields.DateTimeField(tzinfo_aware=False),
        'expires_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'data': fields.DictOfNullableStringsField(),
    }

    sequence: int
    id: str
    type: str
    transition: str
    lease_id: str | None
    subscription_id: str | None
    project_id: str
    user_id: str
    resource_types: list[str]
    source: str
    lead_seconds: int | None
    time: datetime
    noticed_at: datetime
    expires_at: datetime | None
    data: dict[str, Any]

    # --------------------------------------------------------------- publishing

    @classmethod
    def publish(
        cls,
        ctx: RequestContext,
        kind: str,
        transition: str,
        *,
        source: str,
        time: datetime,
        lease: Mapping[str, Any] | None = None,
        owner: tuple[str, str] | None = None,
        subscription_id: str | None = None,
        lead_seconds: int | None = None,
        expires_at: datetime | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Self | None:
        """Append to the log, in the transaction that is open: as its last act.

        :param kind: one of :mod:`~blazarclient.server.objects.notification_types`.
        :param transition: what has happened, in the words that every source has for it
            (:mod:`~blazarclient.server.objects.transitions`); what was published already is not
            published again.
        :param source: ``bus``, ``comparison``, ``backend``, ``timer`` or ``service``.
        :param time: when it happened, naive UTC.
        :param lease: its document in Blazar's form.
        :param owner: project and user, where there is no lease.
        :param subscription_id: the one that it is about; only its owner hears of it.
        :param lead_seconds: of a warning that somebody asked for.
        :param expires_at: from when on nobody wants to hear of it any more, naive UTC.
        :param details: what the type has besides the lease.
        :returns: None when it was published already.
        """
        document = None if lease is None else lease_document.normal(lease)
        if document is not None:
            owner = str(document.get('project_id') or ''), str(document.get('user_id') or '')
        project_id, user_id = owner or ('', '')
        data = {**({} if document is None else {'lease': document}), **(details or {})}
        entry = {
            'id': str(uuid.uuid4()),
            'type': kind,
            'transition': transition,
            'lease_id': document['id'] if document else None,
            'subscription_id': subscription_id,
            'project_id': project_id,
            'user_id': user_id,
            'resource_types': lease_document.resource_types(document or {}),
            'source': source,
            'lead_seconds': lead_seconds,
            'time': time,
            'noticed_at': ctx.now(),
            'expires_at': expires_at,
            'data': data,
            'version': cls.VERSION,
        }
        with ctx.transaction() as connection:
            sequence = log.append(connection, entry)
            ctx.database.ring(connection)
        return None if sequence is None else cls.from_row(ctx, {**entry, 'sequence': sequence})

    # ------------------------------------------------------------------ reading

    @classmethod
    def feed(
        cls,
        ctx: RequestContext,
        *,
        after: int | None,
        limit: int,
        types: Sequence[str] = (),
        lease_id: str | None = None,
        all_projects: bool = False,
    ) -> tuple[list[Self], int]:
        """What this user may know of, in the order of the log.

        :param after: the sequence of the last entry that was read; None for all that is kept.
        :param types: filters of types; empty for all.
        :param all_projects: for an administrator: everybody's.
        :returns: the entries, and the sequence to go on after.
        :raises blazarclient.server.errors.Gone: entries after that one are no longer kept, or it
            never was one: a reader must know that it has missed something.
        """
        ctx.require('reservation:notifications:get')
        if all_projects:
            ctx.require('reservation:notifications:get_all')
        with ctx.transaction(write=False) as connection:
            head, swept = log.head(connection), log.swept(connection)
            if after is None:
                after = swept
            if not swept <= after <= head:
                raise errors.Gone(_GONE.format(f'after {after}'))
            table = tables.notifications.c
            condition: list[sa.ColumnElement[bool]] = []
            if not all_projects:
                condition.append(table.project_id == ctx.project_id)
            if types:
                condition.append(table.type.in_(sorted(notification_types.expand(types))))
            if lease_id is not None:
                condition.append(table.lease_id == lease_id)
            found = log.entries(
                connection, after=after, limit=limit, until=head, condition=condition
            )
        # Where there is room for more, all up to the head has been looked at.
        reached = found[-1]['sequence'] if len(found) == limit else head
        return [cls.from_row(ctx, row) for row in found], reached

    @classmethod
    def latest(cls, ctx: RequestContext) -> int:
        """The sequence of the last entry, whosever it is."""
        ctx.require('reservation:notifications:get')
        with ctx.transaction(write=False) as connection:
            return log.head(connection)

    @classmethod
    def before(cls, ctx: RequestContext, moment: datetime) -> int:
        """The sequence after which everything comes that was noticed at or after a time.

        :param moment: naive UTC.
        :raises blazarclient.server.errors.Gone: some of it may no longer be kept.
        """
        ctx.require('reservation:notifications:get')
        with ctx.transaction(write=False) as connection:
            swept = log.swept(connection)
            kept_since = ctx.now() - timedelta(days=ctx.settings.keep_notifications)
            if swept and moment < kept_since:
                raise errors.Gone(_GONE.format(f'since {wire_utc(moment)}'))
            first = log.first_since(connection, moment)
            return log.head(connection) if first is None else first - 1

    @classmethod
    def news(cls, ctx: RequestContext, *, after: int, limit: int) -> tuple[list[News], int]:
        """Whom new entries may concern, for the service itself.

        :returns: what there is, and the sequence to go on after.
        """
        ctx.require('reservation:notifications:get_all')
        with ctx.transaction(write=False) as connection:
            head = log.head(connection)
            if head <= after:
                return [], after
            found = log.concerned(connection, after=after, until=head, limit=limit)
        reached = found[-1][0] if len(found) == limit else head
        return [News(*each[1:]) for each in found], reached

    @classmethod
    def get_by_id(cls, ctx: RequestContext, notification_id: str) -> Self:
        """One entry.

        :raises blazarclient.server.errors.NotFound: also for another project's, unless the policy
            lets this user see it, and for one that is no longer kept.
        """
        ctx.require('reservation:notifications:get')
        with ctx.transaction(write=False) as connection:
            row = log.by_id(connection, notification_id)
        if row is None or (
            row['project_id'] != ctx.project_id
            and not ctx.may('reservation:notifications:get_all', {})
        ):
            raise errors.NotFound(f'No notification with the ID {notification_id!r} was found.')
        return cls.from_row(ctx, row)

    # ---------------------------------------------------------------- rendering

    @property
    def cursor(self) -> str:
        """Its place in the log, as CloudEvents' ``sequence`` has it: texts that sort as numbers."""
        return cursor.write(self.sequence)

    def render(self, microversion: str, *, thin: bool = False) -> dict[str, Any]:
        """The notification as a CloudEvent in JSON.

        :param microversion: the form of the objects in it.
        :param thin: leave the lease out, but for its ID.
        """
        source = self._context.settings.source
        event = {
            'specversion': '1.0',
            'id': self.id,
            'source': source,
            'type': cloud_event_type(self.type),
            'subject': f'leases/{self.lease_id}'
            if self.lease_id
            else f'subscriptions/{self.subscription_id}',
            'time': wire_utc(self.time),
            'datacontenttype': 'application/json',
            'dataschema': f'{source}/notification-types/{self.type}',
            'sequence': self.cursor,
            'partitionkey': self.lease_id or self.subscription_id,
        }
        if self.expires_at:
            event['expirytime'] = wire_utc(self.expires_at)
        name = 'Lease' if self.lease_id else 'Subscription'
        version = releases.MICROVERSIONS[microversion].get(name, '1.0')
        event['objectversion'] = f'{name}/{version}'
        data = {**self.data, 'source': self.source, 'noticed_at': wire_utc(self.noticed_at)}
        if 'lease' in data:
            lease = lease_document.in_version(data['lease'], microversion)
            data['lease'] = {'id': lease['id']} if thin else lease
        return {**event, 'data': data}
