"""Subscriptions: who wants to hear of which leases, where, and how well that goes."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from blazarclient.server import errors, vault
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import (
    notification_types,
    own_id,
    subscription_checks,
    subscription_request,
    subscription_state,
)
from blazarclient.server.objects.base import Registry
from blazarclient.server.objects.lead_timer import LeadTimer
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription_fields import SubscriptionFields
from blazarclient.server.objects.subscription_state import (
    ACTIVE,
    BY_ITS_OWNER,
    DISABLED,
    EXPIRED,
    OVER,
    PATIENCE,
    PENDING,
    STATUSES,
)
from blazarclient.server.objects.transitions import unique
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import log
from blazarclient.server.store import subscriptions as store

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ['PATIENCE', 'STATUSES', 'Subscription']

_RULE = subscription_checks.RULE
#: What decides which notifications are sent, and where.
_HEARD = frozenset({'scope', 'types', 'lease_ids', 'resource_types', 'before_end', 'status'})
_FILTER = _HEARD - {'status'} | {'url'}


@Registry.register
class Subscription(SubscriptionFields):
    """What an endpoint is told, and its state.

    Whoever may see a project's leases may see its subscriptions: the class methods give a project
    its own, and an administrator every one. Everything that writes holds the lock 'deliveries', as
    do the workers that send: a subscription that changes is not sent to at that moment.
    """

    # ------------------------------------------------------------------ finding

    @classmethod
    def get_by_id(cls, ctx: RequestContext, subscription_id: str) -> Self:
        """The subscription with an ID.

        :raises blazarclient.server.errors.NotFound: also for another project's, unless the policy
            lets this user see it, and for one to everybody's leases, unless this user may see
            everybody's subscriptions: what was sent to it tells of other projects.
        """
        with ctx.transaction(write=False) as connection:
            owner = store.owner(connection, subscription_id)
            # The policy is asked for one that there is not, too, and a foreign one is not read:
            # what takes longer would tell that there is one.
            allowed = ctx.may(f'{_RULE}:get', owner) and (
                owner['scope'] != 'all' or ctx.may(f'{_RULE}:get_all', {})
            )
            row = store.subscription(connection, subscription_id) if allowed else None
        if row is not None:
            return cls.from_row(ctx, row)
        if owner['project_id'] is not None and owner['project_id'] == ctx.project_id:
            raise errors.PolicyForbidden(f'{_RULE}:get')
        raise subscription_checks.unknown(subscription_id)

    @classmethod
    def list(
        cls,
        ctx: RequestContext,
        *,
        limit: int = 1000,
        marker: str | None = None,
        status: str | None = None,
        lease_id: str | None = None,
        all_projects: bool = False,
    ) -> list[Self]:
        """The project's subscriptions, in the order in which they were made.

        Those to everybody's leases are for who may see everybody's subscriptions.

        :param marker: the ID of the last one of the page before.
        :param lease_id: only those that name this lease.
        :param all_projects: for an administrator: everybody's.
        :raises blazarclient.server.errors.InvalidInput: there is no such marker.
        """
        ctx.require(f'{_RULE}:get')
        if all_projects:
            ctx.require(f'{_RULE}:get_all')
        project_id = None if all_projects else ctx.project_id
        shared = all_projects or ctx.may(f'{_RULE}:get_all', {})
        with ctx.transaction(write=False) as connection:
            after = None if marker is None else store.subscription(connection, marker)
            if marker is not None and (
                after is None
                or project_id not in {None, after['project_id']}
                or (after['scope'] == 'all' and not shared)
            ):
                raise errors.InvalidInput(f'marker = {marker!r} is the ID of no subscription.')
            found = [
                cls.from_row(ctx, row)
                for row in store.page(
                    connection,
                    project_id=project_id,
                    limit=limit,
                    after=after,
                    status=status,
                    lease_id=lease_id,
                    shared=shared,
                )
            ]
            queues = subscription_state.queues(connection, found)
            for each in found:
                each._queue = queues[each.id]
        return found

    @classmethod
    def of_lease(cls, ctx: RequestContext, lease_id: str) -> Iterable[Self]:
        """The subscriptions that were made with a lease, and that this user may see."""
        project_id = None if ctx.may(f'{_RULE}:get_all', {}) else ctx.project_id
        with ctx.transaction(write=False) as connection:
            rows = store.page(
                connection, project_id=project_id, limit=1000, inline_lease_id=lease_id
            )
        return [cls.from_row(ctx, row) for row in rows]

    @classmethod
    def for_service(cls, ctx: RequestContext, subscription_id: str) -> Self | None:
        """The subscription with an ID, for the service's own work; None when it is gone."""
        with ctx.transaction(write=False) as connection:
            row = store.subscription(connection, subscription_id)
        return None if row is None else cls.from_row(ctx, row)

    # ----------------------------------------------------------------- creating

    @classmethod
    def create(
        cls,
        ctx: RequestContext,
        values: Any,
        microversion: str,
        *,
        inline_lease_id: str | None = None,
        place: int = 0,
    ) -> tuple[Self, str]:
        """Subscribe.

        :param values: the body of the request.
        :param inline_lease_id: the lease that it is made with, and goes with. Whoever passes it
            has checked that it is this user's.
        :param place: among those of one request, which are listed in this order.
        :returns: the subscription, and its secret.
        :raises blazarclient.server.errors.Conflict: the same owner, endpoint and filter is there.
        :raises blazarclient.server.errors.QuotaExceeded: the project has as many as it may have.
        """
        ctx.require(f'{_RULE}:post')
        inline = inline_lease_id is not None
        own, body = subscription_checks.split_id(values)
        now = ctx.now()
        wanted = subscription_request.read_new(body, microversion, now, inline=inline)
        subscription_checks.check_scope(ctx, wanted['scope'])
        if not ctx.project_id:
            raise errors.Forbidden('A subscription needs the token of a project.')
        subscription_checks.check_leases(ctx, wanted['lease_ids'], scope=wanted['scope'])
        if inline:
            wanted['lease_ids'] = [inline_lease_id]
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            if own is not None and not own_id.claim(ctx, 'subscription', own, body):
                return cls._made_before(ctx, own)
            subscription_checks.check_quota(ctx, connection)
            owner = {'project_id': ctx.project_id, 'user_id': ctx.user_id}
            digest = subscription_checks.digest({**owner, **wanted})
            subscription_checks.check_same(connection, digest)
            head = log.head(connection)
            enabled = wanted['enabled']
            secret = vault.new_secret()
            made = cls.from_row(
                ctx,
                {
                    **owner,
                    **wanted,
                    'id': own or str(uuid.uuid4()),
                    'version': cls.VERSION,
                    'expiring_told_at': None,
                    'inline_lease_id': inline_lease_id,
                    'status': PENDING if enabled else DISABLED,
                    'status_reason': None if enabled else BY_ITS_OWNER,
                    'last_success_at': None,
                    'last_failure_at': None,
                    'failing_since': None,
                    'consecutive_failures': 0,
                    'secret': subscription_checks.encrypt(ctx, secret),
                    'previous_secret': None,
                    'previous_secret_until': None,
                    'start_sequence': head,
                    'stopped_sequence': None if enabled else head,
                    'verify_at': now,
                    'verify_attempts': 0,
                    'digest': digest,
                    'revision': 1,
                    'created_at': now + timedelta(microseconds=place),
                    'updated_at': None,
                },
            )
            store.insert(connection, made.stored())
            LeadTimer.arm_for(ctx, made)
            ctx.database.ring(connection)
        return made, secret

    @classmethod
    def _made_before(cls, ctx: RequestContext, id: str) -> tuple[Self, str]:
        """What the same request has made, whose answer was lost."""
        found = cls.for_service(ctx, id)
        if found is None:
            raise errors.Conflict(
                f'Subscription {id} was made by this request before, and is gone. Send another id.',
                code='reservation.id-taken',
            )
        return found, found.secrets(ctx.now())[0]

    # ----------------------------------------------------------------- changing

    def patch(self, values: Any, if_match: str | None, microversion: str) -> None:
        """Change what a request names.

        :param if_match: the header of this name.
        :raises blazarclient.server.errors.PreconditionFailed: somebody has changed it meanwhile.
        """
        ctx = self._context
        before, wanted = self._wanted(values, microversion)
        if wanted.keys() & {'lease_ids', 'scope'} and self.inline_lease_id is None:
            after = {**before, **wanted}
            subscription_checks.check_leases(ctx, after['lease_ids'], scope=after['scope'])
        with ctx.transaction() as connection:
            self._lock(connection, f'{_RULE}:patch', if_match)
            before, wanted = self._wanted(values, microversion)
            after = {**before, **wanted}
            if wanted.get('scope', self.scope) != self.scope:
                if self.scope == 'all':
                    # Else the project could see what was sent to it.
                    raise errors.Conflict(
                        'A subscription to the leases of every project cannot become one to '
                        'fewer. Delete it, and make another one.'
                    )
                subscription_checks.check_scope(ctx, after['scope'])
            if wanted.keys() & _FILTER:
                wanted['digest'] = subscription_checks.digest(after)
                subscription_checks.check_same(connection, wanted['digest'], but=self.id)
            # The answer still tells where one that was stopped has stopped.
            _, reached = subscription_state.queues(connection, [self])[self.id]
            wanted |= subscription_state.after_change(connection, self, wanted, ctx.now())
            self._write(connection, **wanted)
            self._queue = (0, reached) if 'stopped_sequence' in wanted else None
            if wanted.keys() & _HEARD:
                LeadTimer.arm_for(ctx, self)
            ctx.database.ring(connection)

    def rotate(self, overlap_seconds: int = subscription_request.DEFAULT_OVERLAP) -> str:
        """Give it a new secret.

        :param overlap_seconds: for how long the one before also signs.
        """
        ctx = self._context
        secret = vault.new_secret()
        with ctx.transaction() as connection:
            self._lock(connection, f'{_RULE}:patch')
            overlap = timedelta(seconds=overlap_seconds)
            self._write(
                connection,
                secret=subscription_checks.encrypt(ctx, secret),
                previous_secret=self.secret if overlap else None,
                previous_secret_until=ctx.now() + overlap if overlap else None,
            )
        return secret

    def destroy(self, if_match: str | None = None) -> None:
        """Delete it, with what it was to be sent.

        :raises blazarclient.server.errors.PreconditionFailed: somebody has changed it meanwhile.
        """
        with self._context.transaction() as connection:
            self._lock(connection, f'{_RULE}:delete', if_match)
            store.delete(connection, self.id)

    def require(self, rule: str = f'{_RULE}:patch') -> None:
        """Refuse what this user may not do with it.

        :raises blazarclient.server.errors.PolicyForbidden: naming the rule.
        """
        self._context.require(rule, {'project_id': self.project_id, 'user_id': self.user_id})
        # Else a member could send to an endpoint of their own what only an administrator may see.
        subscription_checks.check_scope(self._context, self.scope)

    def _wanted(self, values: Any, microversion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The columns as they are, and those that a request changes."""
        before = {name: getattr(self, name) for name in self.COLUMNS}
        now = self._context.now()
        return before, subscription_request.read_change(values, before, microversion, now)

    def _lock(self, connection: Connection, rule: str, if_match: str | None = None) -> None:
        """Let nobody else change it, and read it again."""
        self._context.database.lock(connection, 'deliveries')
        self._reload(connection)
        self.require(rule)
        if if_match is not None and not subscription_checks.matches(if_match, self.etag):
            raise errors.PreconditionFailed(
                f'Subscription {self.id} has the ETag {self.etag} now, and not {if_match}: '
                'somebody has changed it. Look at it again first.'
            )

    def _reload(self, connection: Connection) -> None:
        row = store.subscription(connection, self.id, lock=True)
        if row is None:
            raise subscription_checks.unknown(self.id)
        self.__dict__ = type(self).from_row(self._context, row).__dict__

    def _write(self, connection: Connection, **values: Any) -> None:
        """Store what its owner changes: all of the row, for it has one version."""
        for name, value in values.items():
            setattr(self, name, value)
        self.revision += 1
        self.updated_at = self._context.now()
        store.update(connection, self.id, self.stored())

    # ------------------------------------------------------- what the service does

    def change(self, **values: Any) -> None:
        """Set fields that are the service's own, and store these alone.

        Whoever calls it in a transaction of their own holds the lock 'deliveries'.
        """
        with self._context.transaction() as connection:
            self._context.database.lock(connection, 'deliveries')
            for name, value in values.items():
                setattr(self, name, value)
            # Not what its owner may change meanwhile.
            store.update(connection, self.id, {name: getattr(self, name) for name in values})

    def verified(self) -> None:
        """Its endpoint wants to be told."""
        with self._as_it_is() as fresh:
            if fresh:
                ready = {'status': ACTIVE} if self.status == PENDING else {}
                self.change(
                    **ready,
                    status_reason=None if ready else self.status_reason,
                    verify_at=None,
                    verify_attempts=0,
                    consecutive_failures=0,
                    failing_since=None,
                )

    def succeeded(self, now: datetime) -> None:
        """A notification has arrived.

        :param now: naive UTC.
        """
        with self._as_it_is() as fresh:
            if fresh:
                self.change(**subscription_state.after_success(self, now))

    def failed(self, now: datetime, error: str, *, attempts: int = 1) -> None:
        """A notification, or the question whether it wants any, has not arrived.

        :param now: naive UTC.
        :param error: the class of the error, ``timeout``.
        :param attempts: how many there were, one after the other.
        """
        with self._as_it_is() as fresh:
            if fresh and self.status not in OVER:
                changed, reason = subscription_state.after_failure(self, now, error, attempts)
                self.change(**changed)
                if reason:
                    self.disable(reason)

    def disable(self, reason: str) -> None:
        """Stop since its endpoint does not take notifications, and tell its project.

        :param reason: a sentence.
        """
        now = self._context.now()
        with self._as_it_is() as fresh, self._context.transaction() as connection:
            if fresh and self.status not in OVER:
                stopped = subscription_state.stop(connection, self, DISABLED, now)
                self.change(**stopped, enabled=False, status_reason=reason)
                self._publish(notification_types.TURNED_OFF)

    def expire(self) -> None:
        """Stop since its time is over, unless it was given more meanwhile."""
        now = self._context.now()
        with self._as_it_is() as fresh, self._context.transaction() as connection:
            if fresh and self.status != EXPIRED and self.expires_at and self.expires_at <= now:
                stopped = subscription_state.stop(connection, self, EXPIRED, now)
                if self.status == DISABLED:
                    del stopped['stopped_sequence']
                self.change(
                    **stopped, status_reason=f'It has expired at {wire_utc(self.expires_at)}.'
                )

    @contextlib.contextmanager
    def _as_it_is(self) -> Iterator[bool]:
        """Let nobody change it meanwhile, and read it again.

        :returns: False when it is gone, or goes to another endpoint: what is known of the one
            before is past.
        """
        with self._context.transaction() as connection:
            self._context.database.lock(connection, 'deliveries')
            row = store.subscription(connection, self.id, lock=True)
            is_same = row is not None and row['url'] == self.url
            if row is not None:
                self.__dict__ = type(self).from_row(self._context, row).__dict__
            yield is_same

    def tell_expiring(self) -> None:
        """Tell its project that it is about to expire."""
        with self._context.transaction():
            self.change(expiring_told_at=self._context.now())
            self._publish(notification_types.EXPIRING)

    def _publish(self, kind: str) -> None:
        now = self._context.now()
        Notification.publish(
            self._context,
            kind,
            unique(kind, f'{self.id}:{now.isoformat()}'),
            source='service',
            time=now,
            owner=(self.project_id, self.user_id),
            subscription_id=self.id,
            expires_at=self.expires_at if kind == notification_types.EXPIRING else None,
            details={'subscription': self.summary()},
        )
