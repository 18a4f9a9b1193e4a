"""Subscriptions that are made with a lease: what a request says of them, and what a lease shows.

A lease with subscriptions is made in this order: all entries are checked, the subscriptions are
made for the ID that the lease will have, the lease is made. So its first notification reaches
them, and an entry that cannot be leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import own_id, subscription_checks, subscription_request
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import inline_subscriptions as store

__all__ = ['Wanted', 'check_replacement', 'create', 'drop', 'read', 'replace', 'shown', 'told']

#: Entries of one request.
_MOST = 50

#: What a lease shows of a subscription.
Shown = dict[str, str]


class Wanted(NamedTuple):
    """What a request wants of a lease, and of subscriptions to it."""

    #: The rest of the body, for who keeps the leases.
    lease: dict[str, Any]
    #: None where the request says nothing of subscriptions.
    entries: Sequence[Any] | None
    #: The ID of a new lease, and whether the request brought it.
    id: str
    brings_id: bool


class _Undone(Exception):
    """Ends a transaction that was only tried."""


def read(
    ctx: RequestContext,
    values: Any,
    microversion: str,
    check_endpoint: Callable[[Mapping[str, Any]], None],
    *,
    is_new: bool = True,
) -> Wanted:
    """Take a body apart.

    :param check_endpoint: refuses an entry whose endpoint may not be sent to.
    :param is_new: it is for a lease that shall be made.
    :raises blazarclient.server.errors.InvalidInput: for an ID or an entry that cannot be.
    """
    if not isinstance(values, Mapping):
        # Whoever keeps the leases says what is wrong with it.
        return Wanted(values, None, '', False)
    lease = {name: value for name, value in values.items() if name != 'subscriptions'}
    brings_id = is_new and lease.get('id') is not None
    lease_id = own_id.check(lease['id']) if brings_id else str(uuid.uuid4())
    entries = values.get('subscriptions')
    if entries is None:
        return Wanted(lease, None, lease_id, brings_id)
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise errors.InvalidInput(
            'subscriptions has to be a list: [{"notify_endpoint": {"url": ...}}].'
        )
    if len(entries) > _MOST:
        raise errors.InvalidInput(
            f'subscriptions has {len(entries)} entries, and may have {_MOST}.'
        )
    now = ctx.now()
    places: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if _kept_id(entry) is None:
            with _naming(number):
                found = subscription_request.read_new(entry, microversion, now, inline=True)
                check_endpoint(subscription_request.unwrapped(entry))
                # Else it would be told of one that was made, and is gone with the request.
                same = subscription_checks.digest({**_own(ctx), **found})
                place = places.setdefault(same, number)
                if place != number:
                    raise errors.InvalidInput(
                        f'it has the same endpoint and filter as subscriptions[{place}].',
                        code='reservation.subscription.duplicate',
                    )
    return Wanted(lease, entries, lease_id, brings_id)


def create(
    ctx: RequestContext,
    lease_id: str,
    entries: Sequence[Any],
    microversion: str,
    *,
    first: int = 0,
) -> Sequence[Shown]:
    """Make subscriptions for a lease that is about to be made, all of them or none.

    :param first: the place of the first one among those of the request.
    :returns: what the lease shows of them, with their secrets: nobody is shown these again.
    """
    made = []
    with ctx.transaction():
        for number, entry in enumerate(entries, first):
            with _naming(number):
                subscription, secret = Subscription.create(
                    ctx, entry, microversion, inline_lease_id=lease_id, place=number
                )
            made.append({**_shown(subscription), 'secret': secret})
    return made


def replace(
    ctx: RequestContext, lease_id: str, entries: Sequence[Any], microversion: str
) -> Sequence[Shown]:
    """Let a lease have these subscriptions and no others of this user's project.

    An entry with the ``id`` of one that the lease has, as it is shown, keeps this one as it is.

    :returns: what the lease shows of them; the new ones with their secrets.
    """
    with ctx.transaction() as connection:
        ctx.database.lock(connection, 'deliveries')
        there = {
            each.id: each
            for each in Subscription.of_lease(ctx, lease_id)
            if each.project_id == ctx.project_id
        }
        kept = {_kept_id(entry) for entry in entries}
        for subscription in there.values():
            if subscription.id not in kept:
                subscription.destroy()
        result: list[Shown] = []
        for number, entry in enumerate(entries):
            known = _kept_id(entry)
            if known is None:
                result += create(ctx, lease_id, [entry], microversion, first=number)
            elif known in there:
                result.append(_shown(there[known]))
            else:
                with _naming(number):
                    raise errors.InvalidInput(
                        f'the lease has no subscription with the id {known!r}. Leave it away to '
                        'make a new one.'
                    )
    return result


def check_replacement(
    ctx: RequestContext, lease_id: str, entries: Sequence[Any], microversion: str
) -> None:
    """Refuse subscriptions that a lease cannot have, before anything else is done."""
    with contextlib.suppress(_Undone), ctx.transaction():
        replace(ctx, lease_id, entries, microversion)
        raise _Undone


def drop(ctx: RequestContext, lease_id: str) -> None:
    """Forget the subscriptions of a lease that was not made after all."""
    service = RequestContext.for_service(ctx.database, ctx.policy, ctx.settings)
    with service.transaction() as connection:
        service.database.lock(connection, 'deliveries')
        for each in Subscription.of_lease(service, lease_id):
            each.destroy()


def shown(
    ctx: RequestContext, lease_ids: Sequence[str] | None = None
) -> Mapping[str, Sequence[Shown]]:
    """What leases show of their subscriptions; a lease without any is not named.

    :param lease_ids: None for all leases.
    """
    if lease_ids is not None:
        # Most leases have none, and to know that takes less time than to ask the policy.
        found = _by_lease(ctx, lease_ids, None)
        if not found:
            return found
    if not ctx.may('reservation:subscriptions:get', _own(ctx)):
        return {}
    project_id = None if ctx.may('reservation:subscriptions:get_all', {}) else ctx.project_id
    return _by_lease(ctx, lease_ids, project_id)


def _by_lease(
    ctx: RequestContext, lease_ids: Sequence[str] | None, project_id: str | None
) -> dict[str, list[Shown]]:
    found: dict[str, list[Shown]] = {}
    with ctx.transaction(write=False) as connection:
        for row in store.of_leases(connection, lease_ids, project_id=project_id):
            found.setdefault(row.pop('lease_id'), []).append(row)
    return found


def told(ctx: RequestContext, lease_id: str) -> Sequence[Shown]:
    """What whoever has made a lease is told of its subscriptions once more, with the secrets."""
    now = ctx.now()
    return [
        {**_shown(each), 'secret': each.secrets(now)[0]}
        for each in Subscription.of_lease(ctx, lease_id)
        if (each.project_id, each.user_id) == (ctx.project_id, ctx.user_id)
    ]


def _shown(subscription: Subscription) -> Shown:
    return {'id': subscription.id, 'url': subscription.url, 'status': subscription.status}


def _own(ctx: RequestContext) -> Mapping[str, object]:
    return {'project_id': ctx.project_id, 'user_id': ctx.user_id}


def _kept_id(entry: Any) -> str | None:
    """The ID of an entry that is one of those that a lease shows."""
    if isinstance(entry, Mapping) and 'notify_endpoint' not in entry:
        known = entry.get('id')
        return known if isinstance(known, str) else None
    return None


@contextlib.contextmanager
def _naming(number: int) -> Iterator[None]:
    """Say in an error which entry it is about."""
    try:
        yield
    except errors.ServiceError as error:
        error.args = (f'subscriptions[{number}]: {error}',)
        raise
