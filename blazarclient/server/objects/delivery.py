"""Deliveries: what was sent to a subscription, what is to be sent, and what is sent again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import cursor, notification_types
from blazarclient.server.objects.audience import Audience
from blazarclient.server.objects.base import Registry, StoredObject, fields
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import deliveries, fan_out, log, tables
from blazarclient.server.store.deliveries import Wanted
from blazarclient.server.store.rows import Row

if TYPE_CHECKING:
    from blazarclient.server.objects.subscription import Subscription

__all__ = ['STATUSES', 'Delivery']

#: Status in the API -> the states that it stands for.
STATUSES: Mapping[str, tuple[str, ...]] = {
    'queued': deliveries.OPEN,
    **{state: (state,) for state in deliveries.OVER},
}
#: What was not received, so that it may be wanted again.
_MISSED = frozenset({'failed', 'expired', 'cancelled'})
#: How many entries of the log are queued again in one transaction.
_PORTION = 500


@Registry.register
class Delivery(StoredObject):
    """One notification on its way to one subscription.

    Whoever may see a subscription may see its deliveries: the class methods take one that its own
    class methods have given out.
    """

    # Version 1.0: the first one.
    VERSION = '1.0'

    COLUMNS = (
        'id',
        'subscription_id',
        'sequence',
        'notification_id',
        'lane',
        'state',
        'due_at',
        'expires_at',
        'owner',
        'attempt',
        'deadline',
        'attempts',
        'response_status',
        'response_head',
        'error',
        'finished_at',
        'created_at',
        'updated_at',
    )
    fields = {
        'id': fields.StringField(),
        'subscription_id': fields.StringField(),
        'sequence': fields.IntegerField(),
        'notification_id': fields.StringField(),
        # Of the notification; None when that is no longer kept.
        'type': fields.StringField(nullable=True),
        'lane': fields.StringField(),
        'state': fields.StringField(),
        'due_at': fields.DateTimeField(tzinfo_aware=False),
        'expires_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'owner': fields.StringField(nullable=True),
        'attempt': fields.IntegerField(default=0),
        'deadline': fields.FloatField(nullable=True),
        'attempts': fields.ListOfDictOfNullableStringsField(),
        'response_status': fields.IntegerField(nullable=True),
        'response_head': fields.StringField(nullable=True),
        'error': fields.StringField(nullable=True),
        'finished_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
    }

    id: str
    subscription_id: str
    sequence: int
    notification_id: str
    type: str | None
    lane: str
    state: str
    due_at: datetime
    expires_at: datetime | None
    owner: str | None
    attempt: int
    deadline: float | None
    attempts: list[dict[str, Any]]
    response_status: int | None
    response_head: str | None
    error: str | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime | None

    _subscription: Subscription

    # ------------------------------------------------------------------ reading

    @classmethod
    def list(
        cls,
        ctx: RequestContext,
        subscription: Subscription,
        *,
        limit: int = 100,
        marker: str | None = None,
        status: str | None = None,
    ) -> list[Self]:
        """Deliveries of a subscription, the newest first.

        :param marker: the ID of the last one of the page before.
        :param status: only those with this status.
        :raises blazarclient.server.errors.InvalidInput: for a status or a marker that is none.
        """
        ctx.require('reservation:subscriptions:get', _owner(subscription))
        states = _states(status)
        with ctx.transaction(write=False) as connection:
            after = None
            if marker is not None:
                after = deliveries.delivery(connection, subscription.id, marker)
                if after is None:
                    raise errors.InvalidInput(f'The marker {marker!r} is no delivery of this list.')
            found = deliveries.page(
                connection, subscription.id, limit=limit, after=after, states=states
            )
        return [cls._of(ctx, subscription, row) for row in found]

    @classmethod
    def get_by_id(cls, ctx: RequestContext, subscription: Subscription, id: str) -> Self:
        """One delivery of a subscription.

        :raises blazarclient.server.errors.NotFound: it has none with this ID.
        """
        ctx.require('reservation:subscriptions:get', _owner(subscription))
        with ctx.transaction(write=False) as connection:
            row = deliveries.delivery(connection, subscription.id, id)
        if row is None:
            raise errors.NotFound(f'No delivery with the ID {id!r} was found.')
        return cls._of(ctx, subscription, row)

    @classmethod
    def _of(cls, ctx: RequestContext, subscription: Subscription, row: Row) -> Self:
        self = cls.from_row(ctx, row)
        self.type = row['type']
        self.obj_reset_changes()
        self._subscription = subscription
        return self

    @property
    def status(self) -> str:
        """What the API calls the state: how far it is on its way is nobody's business."""
        return 'queued' if self.state in deliveries.OPEN else self.state

    def render(self, microversion: str) -> dict[str, Any]:
        """The delivery as the API shows it."""
        values = self.answered(microversion)
        is_open = values['state'] in deliveries.OPEN
        return {
            'id': values['id'],
            'subscription_id': values['subscription_id'],
            'notification_id': values['notification_id'],
            'sequence': cursor.write(values['sequence']),
            'type': self.type,
            'lease_id': None if values['lane'] == values['subscription_id'] else values['lane'],
            'status': self.status,
            'attempts': values['attempts'],
            # One that waits for another has no time yet.
            'next_attempt_at': wire_utc(values['due_at'])
            if is_open and values['state'] != 'waiting'
            else None,
            'expires_at': wire_utc(values['expires_at']),
            'error': values['error'],
            'response_status': values['response_status'],
            'response_head': values['response_head'],
            'created_at': wire_utc(values['created_at']),
            'finished_at': wire_utc(values['finished_at']),
        }

    # ------------------------------------------------------------------ sending again

    def resend(self) -> Self:
        """Queue the same notification once more.

        :returns: the new delivery, whose notification has the ID that it always had.
        :raises blazarclient.server.errors.Conflict: it is on its way already, or the subscription
            is not one that is sent anything.
        :raises blazarclient.server.errors.Gone: the notification is no longer kept.
        """
        ctx, subscription = self._context, self._subscription
        subscription.require('reservation:subscriptions:patch')
        _check_sendable(subscription)
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            states = deliveries.latest_states(connection, subscription.id, [self.sequence])
            if states.get(self.sequence) in deliveries.OPEN:
                raise errors.Conflict(
                    f'Notification {self.notification_id} is on its way to this subscription.'
                )
            if log.by_id(connection, self.notification_id) is None:
                raise errors.Gone(
                    f'Notification {self.notification_id} is no longer kept.',
                    code='reservation.notification.not-kept',
                )
            wanted = Wanted(
                subscription.id, self.lane, self.sequence, self.notification_id, self.expires_at
            )
            ids = deliveries.insert(connection, [wanted], ctx.now(), self.VERSION)
            ctx.database.ring(connection)
            row = deliveries.delivery(connection, subscription.id, ids[0])
        assert row is not None, ids  # noqa: S101 - it was made a moment ago
        return self._of(ctx, subscription, row)

    @classmethod
    def replay(
        cls,
        ctx: RequestContext,
        subscription: Subscription,
        *,
        since: datetime | None = None,
        after: int | None = None,
        until: datetime | None = None,
        status: str | None = None,
        types: Sequence[str] = (),
        dry_run: bool = False,
    ) -> int:
        """Queue again what has happened, as far as the subscription hears of it.

        What is on its way already is not queued twice. Each notification keeps its ID.

        :param since: what was noticed at that time or later, naive UTC.
        :param after: what comes after this entry of the log.
        :param until: and what was noticed at that time or before, naive UTC.
        :param status: ``failed`` for only what was not received.
        :param types: filters of types, beside the subscription's own; empty for all.
        :param dry_run: only count.
        :returns: how many deliveries were queued, or would be.
        :raises blazarclient.server.errors.Gone: entries after that one are no longer kept.
        :raises blazarclient.server.errors.Conflict: the subscription is not sent anything.
        """
        subscription.require('reservation:subscriptions:patch')
        if status not in (None, 'failed'):
            raise errors.InvalidInput(f'status has to be "failed", and not {status!r}.')
        if since is None and after is None:
            raise errors.MissingParameter('since', 'after')
        _check_sendable(subscription)
        condition = _noticed(since, until)
        if types:
            wanted = sorted(notification_types.expand(types))
            condition.append(tables.notifications.c.type.in_(wanted))
        count, reached = 0, _begin(ctx, after)
        for portion in _portions(ctx, subscription, reached, condition):
            with ctx.transaction(write=not dry_run) as connection:
                if not dry_run:
                    ctx.database.lock(connection, 'deliveries')
                states = deliveries.latest_states(
                    connection, subscription.id, [each.sequence for each in portion]
                )
                again = [
                    each
                    for each in portion
                    if states.get(each.sequence) in _MISSED
                    or (status is None and states.get(each.sequence) not in deliveries.OPEN)
                ]
                count += len(again)
                if not dry_run:
                    deliveries.insert(connection, again, ctx.now(), cls.VERSION)
                    ctx.database.ring(connection)
        return count


def _begin(ctx: RequestContext, after: int | None) -> int:
    """The entry of the log after which a replay begins."""
    with ctx.transaction(write=False) as connection:
        head, swept = log.head(connection), log.swept(connection)
    if after is None:
        return swept
    if after > head or after < swept:
        # As in the feed it does not say where the log begins and ends, which others move.
        raise errors.Gone(
            f'Not all that happened after {after} is known, since it is too long ago, or has yet '
            'to come. Give "since" in place of "after" to send again what is kept.'
        )
    return after


def _portions(
    ctx: RequestContext,
    subscription: Subscription,
    after: int,
    condition: Sequence[sa.ColumnElement[bool]],
) -> Iterator[Sequence[Wanted]]:
    """What the subscription hears of in the log, up to what is handed out anyway."""
    while True:
        with ctx.transaction(write=False) as connection:
            audience = fan_out.audience_row(connection, subscription.id)
            until = fan_out.reached(connection)
            found = fan_out.entries(
                connection, after=after, until=until, limit=_PORTION, condition=condition
            )
        if audience is None:
            return
        ears = Audience.of(audience)
        yield [
            Wanted(
                subscription.id,
                row['lease_id'] or subscription.id,
                row['sequence'],
                row['id'],
                row['expires_at'],
            )
            for row in found
            if ears.hears(row)
        ]
        if len(found) < _PORTION:
            return
        after = found[-1]['sequence']


def _noticed(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    column = tables.notifications.c.noticed_at
    condition: list[sa.ColumnElement[bool]] = []
    if since is not None:
        condition.append(column >= since)
    if until is not None:
        condition.append(column <= until)
    return condition


def _states(status: str | None) -> Sequence[str]:
    if status is None:
        return ()
    if status not in STATUSES:
        raise errors.InvalidInput(
            f'{status!r} is no status of a delivery. Expected one of {", ".join(STATUSES)}.'
        )
    return STATUSES[status]


def _check_sendable(subscription: Subscription) -> None:
    if not subscription.enabled or subscription.status in ('disabled', 'expired'):
        raise errors.Conflict(
            f'Subscription {subscription.id} is {subscription.status}: nothing is sent to it. '
            'Enable it first.'
        )


def _owner(subscription: Subscription) -> dict[str, str]:
    return {'project_id': subscription.project_id, 'user_id': subscription.user_id}
