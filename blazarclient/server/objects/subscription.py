"""Subscriptions: who wants to hear of which leases, where, and how well that goes."""

from __future__ import annotations

import functools
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from blazarclient.server import errors, vault
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import notification_types, subscription_request
from blazarclient.server.objects.base import JSONField, Registry, StoredObject, fields
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.transitions import unique
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import log
from blazarclient.server.store import subscriptions as store

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ['DEFAULT_OVERLAP', 'LONGEST_OVERLAP', 'STATUSES', 'Subscription']

PENDING, ACTIVE, FAILING, DISABLED, EXPIRED = STATUSES = (
    'pending',
    'active',
    'failing',
    'disabled',
    'expired',
)
#: How long an endpoint may fail before it is told nothing any more.
PATIENCE = timedelta(hours=120)
#: Seconds for which the secret before also signs.
DEFAULT_OVERLAP = 86_400
LONGEST_OVERLAP = 7 * 86_400

_RULE = 'reservation:subscriptions'
_BY_ITS_OWNER = 'Disabled by its owner.'
#: What decides which notifications are sent where.
_FILTER = frozenset({'url', 'scope', 'types', 'lease_ids', 'resource_types', 'before_end'})


@Registry.register
class Subscription(StoredObject):
    """What an endpoint is told, and its state.

    Whoever may see a project's leases may see its subscriptions: the class methods give a project
    its own, and an administrator every one. Everything that writes holds the lock 'deliveries', as
    do the workers that send: a subscription that changes is not sent to at that moment.
    """

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

    # ------------------------------------------------------------------ finding

    @classmethod
    def get_by_id(cls, ctx: RequestContext, subscription_id: str) -> Self:
        """The subscription with an ID.

        :raises blazarclient.server.errors.NotFound: also for another project's, unless the policy
            lets this user see it.
        """
        with ctx.transaction(write=False) as connection:
            row = store.subscription(connection, subscription_id)
        if row is not None:
            target = {'project_id': row['project_id'], 'user_id': row['user_id']}
            if ctx.may(f'{_RULE}:get', target):
                return cls.from_row(ctx, row)
            if row['project_id'] == ctx.project_id:
                raise errors.PolicyForbidden(f'{_RULE}:get')
        raise _unknown(subscription_id)

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

        :param marker: the ID of the last one of the page before.
        :param lease_id: only those that name this lease.
        :param all_projects: for an administrator: everybody's.
        :raises blazarclient.server.errors.InvalidInput: there is no such marker.
        """
        ctx.require(f'{_RULE}:get')
        if all_projects:
            ctx.require(f'{_RULE}:get_all')
        project_id = None if all_projects else ctx.project_id
        with ctx.transaction(write=False) as connection:
            after = None if marker is None else store.subscription(connection, marker)
            if marker is not None and (
                after is None or project_id not in {None, after['project_id']}
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
                )
            ]
            cls._load_queues(connection, found)
        return found

    @classmethod
    def of_lease(cls, ctx: RequestContext, lease_id: str) -> Iterable[Self]:
        """The subscriptions that were made with a lease; whoever asks may see the lease."""
        with ctx.transaction(write=False) as connection:
            rows = store.page(connection, project_id=None, limit=1000, inline_lease_id=lease_id)
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
    ) -> tuple[Self, str]:
        """Subscribe.

        :param values: the body of the request.
        :param inline_lease_id: the lease that it is made with, and goes with. Whoever passes it
            has checked that it is this user's.
        :returns: the subscription, and its secret.
        :raises blazarclient.server.errors.Conflict: the same owner, endpoint and filter is there.
        :raises blazarclient.server.errors.QuotaExceeded: the project has as many as it may have.
        """
        ctx.require(f'{_RULE}:post')
        inline = inline_lease_id is not None
        with ctx.transaction() as connection:
            now = ctx.now()
            wanted = subscription_request.read_new(values, microversion, now, inline=inline)
            if inline:
                wanted['lease_ids'] = [inline_lease_id]
            _check_scope(ctx, wanted['scope'])
            if not ctx.project_id:
                raise errors.Forbidden('A subscription needs the token of a project.')
            ctx.database.lock(connection, 'deliveries')
            if not inline:
                _check_leases(ctx, connection, wanted)
            _check_quota(ctx, connection)
            owner = {'project_id': ctx.project_id, 'user_id': ctx.user_id}
            digest = _digest({**owner, **wanted})
            _check_same(connection, digest)
            head = log.head(connection)
            enabled = wanted['enabled']
            secret = vault.new_secret()
            made = cls.from_row(
                ctx,
                {
                    **owner,
                    **wanted,
                    'id': str(uuid.uuid4()),
                    'version': cls.VERSION,
                    'expiring_told_at': None,
                    'inline_lease_id': inline_lease_id,
                    'status': PENDING if enabled else DISABLED,
                    'status_reason': None if enabled else _BY_ITS_OWNER,
                    'last_success_at': None,
                    'last_failure_at': None,
                    'failing_since': None,
                    'consecutive_failures': 0,
                    'secret': _vault(ctx).encrypt(secret),
                    'previous_secret': None,
                    'previous_secret_until': None,
                    'start_sequence': head,
                    'stopped_sequence': None if enabled else head,
                    'verify_at': now,
                    'verify_attempts': 0,
                    'digest': digest,
                    'revision': 1,
                    'created_at': now,
                    'updated_at': None,
                },
            )
            store.insert(connection, made.stored())
            made._queue = (0, max(head, store.fanned_out(connection)))
            ctx.database.ring(connection)
        return made, secret

    # ----------------------------------------------------------------- changing

    @property
    def etag(self) -> str:
        """What the owner's changes change."""
        return f'"{self.revision}"'

    def patch(self, values: Any, if_match: str | None, microversion: str) -> None:
        """Change what a request names.

        :param if_match: the header of this name.
        :raises blazarclient.server.errors.PreconditionFailed: somebody has changed it meanwhile.
        """
        ctx = self._context
        with ctx.transaction() as connection:
            self._lock(connection, f'{_RULE}:patch', if_match)
            before = {name: getattr(self, name) for name in self.COLUMNS}
            wanted = subscription_request.read_change(values, before, microversion, ctx.now())
            after = {**before, **wanted}
            if wanted.get('scope', self.scope) != self.scope:
                _check_scope(ctx, after['scope'])
            if wanted.keys() & {'lease_ids', 'scope'} and self.inline_lease_id is None:
                _check_leases(ctx, connection, after)
            if wanted.keys() & _FILTER:
                wanted['digest'] = _digest(after)
                _check_same(connection, wanted['digest'], but=self.id)
            wanted |= self._next_state(connection, wanted)
            self._write(connection, **wanted)
            ctx.database.ring(connection)

    def rotate(self, overlap_seconds: int = DEFAULT_OVERLAP) -> str:
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
                secret=_vault(ctx).encrypt(secret),
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
        _check_scope(self._context, self.scope)

    def _next_state(self, connection: Connection, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What follows from a change of the endpoint, of its end, and of whether it is enabled."""
        now = self._context.now()
        changed: dict[str, Any] = {}
        if wanted.get('url', self.url) != self.url or wanted.get('verify', self.verify) != (
            self.verify
        ):
            changed |= {
                'verify_at': now,
                'verify_attempts': 0,
                'consecutive_failures': 0,
                'failing_since': None,
            }
        if 'expires_at' in wanted:
            changed['expiring_told_at'] = None
        expires_at = wanted.get('expires_at', self.expires_at)
        if wanted.get('enabled') is False:
            if self.status != DISABLED:
                changed |= self._stop(connection, DISABLED)
            return {**changed, 'status_reason': _BY_ITS_OWNER}
        again = self.status == DISABLED and wanted.get('enabled') is True
        if self.status == EXPIRED:
            again = 'expires_at' in wanted and wanted.get('enabled', self.enabled)
            if not again and wanted.get('enabled'):
                raise errors.Conflict(
                    f'Subscription {self.id} has expired at {wire_utc(expires_at)}. Give it a '
                    'later expires_at, or null.'
                )
        if again:
            changed |= self._resume(connection, verify_at=changed.get('verify_at', self.verify_at))
        elif 'verify_at' in changed and self.status in {ACTIVE, FAILING}:
            changed |= {'status': PENDING, 'status_reason': None}
        return changed

    def _stop(self, connection: Connection, status: str) -> dict[str, Any]:
        """Send nothing any more; what was open is missed."""
        stopped = self._cursor(connection)
        store.cancel_open(connection, self.id, self._context.now())
        self._queue = (0, stopped)
        return {'status': status, 'stopped_sequence': stopped}

    def _resume(self, connection: Connection, verify_at: datetime | None) -> dict[str, Any]:
        """Send what happens from now on; what was missed can be asked for."""
        head = log.head(connection)
        stopped = self.stopped_sequence
        missed = None
        if stopped is not None and stopped < head:
            missed = f'Enabled again. What it has missed comes after the cursor {stopped:020d}.'
        # The answer to this change still tells where it stopped.
        self._queue = (0, head if stopped is None else stopped)
        return {
            'status': ACTIVE if verify_at is None else PENDING,
            'status_reason': missed,
            'enabled': True,
            'start_sequence': head,
            'stopped_sequence': None,
            'consecutive_failures': 0,
            'failing_since': None,
        }

    def _lock(self, connection: Connection, rule: str, if_match: str | None = None) -> None:
        """Let nobody else change it, and read it again."""
        self._context.database.lock(connection, 'deliveries')
        self._reload(connection)
        self.require(rule)
        if if_match is not None and not _matches(if_match, self.etag):
            raise errors.PreconditionFailed(
                f'Subscription {self.id} has the ETag {self.etag} now, and not {if_match}: '
                'somebody has changed it. Look at it again first.'
            )

    def _reload(self, connection: Connection) -> None:
        row = store.subscription(connection, self.id, lock=True)
        if row is None:
            raise _unknown(self.id)
        self.__dict__ = type(self).from_row(self._context, row).__dict__

    def _write(self, connection: Connection, **values: Any) -> None:
        """Store what its owner changes: all of the row, for it has one version."""
        queue = self._queue
        for name, value in values.items():
            setattr(self, name, value)
        self.revision += 1
        self.updated_at = self._context.now()
        store.update(connection, self.id, self.stored())
        self._queue = queue

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
        ready: dict[str, Any] = {'verify_at': None, 'verify_attempts': 0}
        if self.status == PENDING:
            ready |= {'status': ACTIVE, 'status_reason': None}
        self.change(**ready, consecutive_failures=0, failing_since=None)

    def succeeded(self, now: datetime) -> None:
        """A notification has arrived.

        :param now: naive UTC.
        """
        changed: dict[str, Any] = {'last_success_at': now}
        if self.consecutive_failures or self.failing_since:
            changed |= {'consecutive_failures': 0, 'failing_since': None}
        if self.status == FAILING:
            changed |= {'status': ACTIVE, 'status_reason': None}
        self.change(**changed)

    def failed(self, now: datetime, error: str) -> None:
        """A notification, or the question whether it wants any, has not arrived.

        :param now: naive UTC.
        :param error: the class of the error, ``timeout``.
        """
        if self.status in {DISABLED, EXPIRED}:
            return
        since = self.failing_since or now
        changed: dict[str, Any] = {
            'last_failure_at': now,
            'consecutive_failures': self.consecutive_failures + 1,
            'failing_since': since,
        }
        with self._context.transaction():
            if error == 'http-410':
                self.change(**changed)
                self.disable('Its endpoint has answered 410: it wants no more notifications.')
            elif now - since >= PATIENCE:
                self.change(**changed)
                hours = int(PATIENCE.total_seconds() // 3600)
                self.disable(f'Nothing has arrived for {hours} hours; the last error was {error}.')
            else:
                reason = f'The last attempt has failed: {error}.'
                status = FAILING if self.status == ACTIVE else self.status
                self.change(**changed, status=status, status_reason=reason)

    def disable(self, reason: str) -> None:
        """Stop since its endpoint does not take notifications, and tell its project.

        :param reason: a sentence.
        """
        ctx = self._context
        if self.status in {DISABLED, EXPIRED}:
            return
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'deliveries')
            self.change(
                **self._stop(connection, DISABLED),
                enabled=False,
                status_reason=reason,
            )
            self._publish(notification_types.TURNED_OFF)

    def expire(self) -> None:
        """Stop since its time is over."""
        with self._context.transaction() as connection:
            self._context.database.lock(connection, 'deliveries')
            stopped = self._stop(connection, EXPIRED)
            self.change(**stopped, status_reason=f'It has expired at {wire_utc(self.expires_at)}.')

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
            details={
                'subscription': {
                    'id': self.id,
                    'name': self.name,
                    'status': self.status,
                    'status_reason': self.status_reason,
                    'expires_at': wire_utc(self.expires_at),
                }
            },
        )

    # ------------------------------------------------------------------ reading

    def secrets(self, now: datetime) -> Sequence[str]:
        """What notifications are signed with, the current secret first.

        :param now: naive UTC.
        """
        kept = [self.secret]
        if self.previous_secret and self.previous_secret_until and now < self.previous_secret_until:
            kept.append(self.previous_secret)
        opened = _vault(self._context)
        return [opened.decrypt(each) for each in kept]

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
        return f'{self._state_of_queue()[1]:020d}'

    #: How many deliveries are open, and the cursor, where somebody has looked already.
    _queue: tuple[int, int] | None = None

    def _state_of_queue(self) -> tuple[int, int]:
        if self._queue is None:
            with self._context.transaction(write=False) as connection:
                self._load_queues(connection, [self])
        assert self._queue is not None  # noqa: S101
        return self._queue

    def _cursor(self, connection: Connection) -> int:
        self._load_queues(connection, [self])
        return self._state_of_queue()[1]

    @classmethod
    def _load_queues(cls, connection: Connection, found: Sequence[Self]) -> None:
        """Look at what is queued for some of them, by one query."""
        queues = store.queues(connection, [each.id for each in found])
        head = store.fanned_out(connection)
        for each in found:
            queued, first = queues.get(each.id, (0, 0))
            if each.stopped_sequence is not None:
                reached = each.stopped_sequence
            else:
                reached = first - 1 if queued else max(head, each.start_sequence)
            each._queue = (queued, reached)

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


def _unknown(subscription_id: str) -> errors.NotFound:
    return errors.NotFound(f'No subscription with the ID {subscription_id!r} was found.')


def _check_scope(ctx: RequestContext, scope: str) -> None:
    if scope == 'all':
        ctx.require(f'{_RULE}:post_all')


def _check_leases(ctx: RequestContext, connection: Connection, wanted: Mapping[str, Any]) -> None:
    """Refuse leases that this user does not know, another project's as if there were none."""
    for lease_id in wanted['lease_ids']:
        owner = store.lease_owner(connection, lease_id)
        known = owner == ctx.project_id or (owner is not None and wanted['scope'] == 'all')
        if not known:
            raise errors.InvalidInput(
                f"lease_ids: Object with {{'lease_id': '{lease_id}'}} not found",
                code='reservation.subscription.unknown-lease',
            )


def _check_quota(ctx: RequestContext, connection: Connection) -> None:
    allowed = ctx.settings.subscriptions_per_project
    there = store.count(connection, ctx.project_id)
    if there >= allowed:
        raise errors.QuotaExceeded(
            f'The project has {there} subscriptions and may have {allowed}. Delete one that is '
            'not needed any more.'
        )


def _check_same(connection: Connection, digest: str, *, but: str | None = None) -> None:
    row = store.same(connection, digest)
    if row is not None and row['id'] != but:
        raise errors.Conflict(
            f'Subscription {row["id"]} ({row["status"]}) has the same owner, endpoint and filter. '
            'Change that one, or delete it first.',
            code='reservation.subscription.duplicate',
        )


def _digest(values: Mapping[str, Any]) -> str:
    """A text that is the same for the same owner, endpoint and filter."""
    text = json.dumps(
        [
            values['project_id'],
            values['user_id'],
            values['url'],
            values['scope'],
            sorted(notification_types.expand(values['types'])),
            sorted(values['lease_ids']),
            sorted(values['resource_types']),
            sorted(set(map(subscription_request.lead_seconds, values['before_end']))),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _matches(if_match: str, etag: str) -> bool:
    """Whether ``If-Match`` names an ETag, as RFC 9110 compares them."""
    return any(each.strip() in {'*', etag} for each in if_match.split(','))


def _vault(ctx: RequestContext) -> vault.Vault:
    try:
        return _opened(ctx.settings.secret_keys)
    except vault.BadKey as error:
        raise errors.ServiceError(
            f'[subscriptions] secret_key: {error}', code='reservation.not-configured'
        ) from None


@functools.lru_cache(maxsize=8)
def _opened(keys: tuple[str, ...]) -> vault.Vault:
    return vault.Vault(keys)
