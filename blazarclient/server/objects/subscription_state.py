"""The status of a subscription, by what its owner does and how its endpoint answers.

::

    pending ---verified--> active <--a success, a failure--> failing
       |                      |                                 |
       +---- by its owner, 410, nothing but failures -----------+---> disabled
       +---- its time is over ----------------------------------+---> expired

Each function says which columns change. A subscription that is disabled or has expired knows the
entry of the log up to which it was told everything; what comes after can be asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from blazarclient.server import errors
from blazarclient.server.objects import cursor
from blazarclient.server.objects.wire_times import wire_utc
from blazarclient.server.store import log
from blazarclient.server.store import subscriptions as store

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from blazarclient.server.objects.subscription_fields import SubscriptionFields

__all__ = [
    'ACTIVE',
    'BY_ITS_OWNER',
    'DISABLED',
    'EXPIRED',
    'FAILING',
    'OVER',
    'PATIENCE',
    'PENDING',
    'STATUSES',
    'Queue',
    'after_change',
    'after_failure',
    'after_success',
    'queues',
    'stop',
]

STATUSES = PENDING, ACTIVE, FAILING, DISABLED, EXPIRED = (
    'pending',
    'active',
    'failing',
    'disabled',
    'expired',
)
#: Nothing is sent.
OVER = frozenset({DISABLED, EXPIRED})
BY_ITS_OWNER = 'Disabled by its owner.'
#: How long an endpoint may fail before it is told nothing any more.
PATIENCE = timedelta(hours=120)

#: How many deliveries are not finished, and up to which entry of the log everything is.
Queue = tuple[int, int]


def after_change(
    connection: Connection,
    subscription: SubscriptionFields,
    wanted: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """What follows from a change of the endpoint, of the end, and of whether it is enabled.

    :param wanted: the columns that its owner changes.
    :param now: naive UTC.
    :raises blazarclient.server.errors.Conflict: it has expired, and is to be enabled all the same.
    """
    changed: dict[str, Any] = {}
    if any(wanted.get(name, before) != before for name, before in _verified_by(subscription)):
        changed |= {'verify_at': now, 'verify_attempts': 0, **_NO_FAILURE}
        if subscription.status not in OVER:
            changed |= {'status': PENDING, 'status_reason': None}
    if 'expires_at' in wanted:
        changed['expiring_told_at'] = None
    enabled = wanted.get('enabled')
    if enabled is False:
        if subscription.status not in OVER:
            changed |= stop(connection, subscription, DISABLED, now)
        # One that has expired stays so, and is disabled when it is given more time.
        reason = subscription.status_reason if subscription.status == EXPIRED else BY_ITS_OWNER
        return {**changed, 'status_reason': reason}
    if subscription.status == EXPIRED:
        if 'expires_at' in wanted:
            return changed | _go_on(connection, subscription, changed, enabled=enabled)
        if enabled:
            raise errors.Conflict(
                f'Subscription {subscription.id} has expired at '
                f'{wire_utc(subscription.expires_at)}. Give it a later expires_at, or null.'
            )
    if subscription.status == DISABLED and enabled:
        changed |= _go_on(connection, subscription, changed, enabled=True)
    return changed


def after_success(subscription: SubscriptionFields, now: datetime) -> dict[str, Any]:
    """What follows from a notification that has arrived.

    :param now: naive UTC.
    """
    changed: dict[str, Any] = {'last_success_at': now}
    if subscription.consecutive_failures or subscription.failing_since:
        changed |= _NO_FAILURE
    if subscription.status == FAILING:
        changed |= {'status': ACTIVE, 'status_reason': None}
    return changed


def after_failure(
    subscription: SubscriptionFields, now: datetime, error: str, attempts: int = 1
) -> tuple[dict[str, Any], str | None]:
    """What follows from attempts that have failed.

    :param now: naive UTC.
    :param error: the class of the error, ``timeout``.
    :returns: and why it has to be disabled, if it has to.
    """
    since = subscription.failing_since or now
    changed: dict[str, Any] = {
        'last_failure_at': now,
        'consecutive_failures': subscription.consecutive_failures + attempts,
        'failing_since': since,
    }
    if error == 'http-410':
        return changed, 'Its endpoint has answered 410: it wants no more notifications.'
    if now - since >= PATIENCE:
        hours = int(PATIENCE.total_seconds() // 3600)
        return changed, f'Nothing has arrived for {hours} hours; the last error was {error}.'
    changed['status_reason'] = f'The last attempt has failed: {error}.'
    if subscription.status == ACTIVE:
        changed['status'] = FAILING
    return changed, None


def stop(
    connection: Connection, subscription: SubscriptionFields, status: str, now: datetime
) -> dict[str, Any]:
    """Send nothing any more; what was still to be sent is cancelled.

    :param now: naive UTC.
    """
    _, reached = queues(connection, [subscription])[subscription.id]
    store.cancel_open(connection, subscription.id, now)
    return {'status': status, 'stopped_sequence': reached}


def queues(connection: Connection, found: Sequence[SubscriptionFields]) -> Mapping[str, Queue]:
    """What is queued for some subscriptions, by one query."""
    there = store.queues(connection, [each.id for each in found])
    fanned_out = store.fanned_out(connection)

    def queue(each: SubscriptionFields) -> Queue:
        queued, first = there.get(each.id, (0, 0))
        if each.stopped_sequence is not None:
            return queued, each.stopped_sequence
        return queued, first - 1 if queued else max(fanned_out, each.start_sequence)

    return {each.id: queue(each) for each in found}


_NO_FAILURE: Mapping[str, Any] = {'consecutive_failures': 0, 'failing_since': None}


def _verified_by(subscription: SubscriptionFields) -> tuple[tuple[str, str], ...]:
    """Where it was verified, and how."""
    return ('url', subscription.url), ('verify', subscription.verify)


def _go_on(
    connection: Connection,
    subscription: SubscriptionFields,
    changed: Mapping[str, Any],
    *,
    enabled: bool | None,
) -> dict[str, Any]:
    """Send what happens from now on; what was missed can be asked for."""
    if not (subscription.enabled if enabled is None else enabled):
        return {'status': DISABLED, 'status_reason': BY_ITS_OWNER}
    head, stopped = log.head(connection), subscription.stopped_sequence
    missed = None
    if stopped is not None and stopped < head:
        missed = (
            f'Enabled again. What it has missed comes after the cursor {cursor.write(stopped)}.'
        )
    verify_at = changed.get('verify_at', subscription.verify_at)
    return {
        'status': ACTIVE if verify_at is None else PENDING,
        'status_reason': missed,
        'enabled': True,
        'start_sequence': head,
        'stopped_sequence': None,
        **_NO_FAILURE,
    }
