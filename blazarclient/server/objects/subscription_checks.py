"""What is asked of a subscription beside its body: whose, how many, of which leases, only once."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blazarclient.server import errors, vault
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import notification_types, own_id, subscription_request
from blazarclient.server.store import subscriptions as store

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = [
    'RULE',
    'check_leases',
    'check_quota',
    'check_same',
    'check_scope',
    'decrypt',
    'digest',
    'encrypt',
    'matches',
    'split_id',
    'unknown',
]

#: What the rules of the policy begin with.
RULE = 'reservation:subscriptions'


def unknown(subscription_id: str) -> errors.NotFound:
    return errors.NotFound(f'No subscription with the ID {subscription_id!r} was found.')


def split_id(values: object) -> tuple[str | None, Mapping[str, Any]]:
    """The ID that a request brings, and the rest of its body."""
    body = subscription_request.unwrapped(values)
    if 'id' not in body:
        return None, body
    rest = {name: value for name, value in body.items() if name != 'id'}
    return own_id.check(body['id']), rest


def check_scope(ctx: RequestContext, scope: str) -> None:
    if scope == 'all':
        ctx.require(f'{RULE}:post_all')


def check_leases(ctx: RequestContext, lease_ids: Sequence[str], *, scope: str) -> None:
    """Refuse leases that this user does not know, another project's as if there were none.

    Not within a transaction: it may take a Blazar to know.

    :raises blazarclient.server.errors.InvalidInput: naming the first one.
    """
    with ctx.transaction(write=False) as connection:
        owners = {each: store.lease_owner(connection, each) for each in lease_ids}
    for lease_id, owner in owners.items():
        if owner is None:
            is_known = ctx.lease_exists is not None and ctx.lease_exists(lease_id)
        else:
            is_known = owner == ctx.project_id or scope == 'all'
        if not is_known:
            raise errors.InvalidInput(
                f"lease_ids: Object with {{'lease_id': '{lease_id}'}} not found",
                code='reservation.subscription.unknown-lease',
            )


def check_quota(ctx: RequestContext, connection: Connection) -> None:
    allowed = ctx.settings.subscriptions_per_project
    there = store.count(connection, ctx.project_id)
    if there >= allowed:
        raise errors.QuotaExceeded(
            f'The project has {there} subscriptions and may have {allowed}. Delete one that is '
            'not needed any more.'
        )


def check_same(connection: Connection, text: str, *, but: str | None = None) -> None:
    row = store.same(connection, text)
    if row is not None and row['id'] != but:
        raise errors.Conflict(
            f'Subscription {row["id"]} ({row["status"]}) has the same owner, endpoint and filter. '
            'Change that one, or delete it first.',
            code='reservation.subscription.duplicate',
        )


def digest(values: Mapping[str, Any]) -> str:
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


def matches(if_match: str, etag: str) -> bool:
    """Whether ``If-Match`` names an ETag, as RFC 9110 compares them."""
    return any(each.strip() in {'*', etag} for each in if_match.split(','))


def encrypt(ctx: RequestContext, secret: str) -> str:
    """What is kept of a secret.

    :raises blazarclient.server.errors.NotConfigured: there is no key.
    """
    with _told():
        return _opened(ctx.settings.secret_keys).encrypt(secret)


def decrypt(ctx: RequestContext, kept: str) -> str:
    """A secret again.

    :raises blazarclient.server.errors.NotConfigured: the key that it was encrypted with is not
        there any more.
    """
    with _told():
        return _opened(ctx.settings.secret_keys).decrypt(kept)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except vault.BadKey as error:
        raise errors.NotConfigured(f'[subscriptions] secret_key: {error}') from None


@functools.lru_cache(maxsize=8)
def _opened(keys: tuple[str, ...]) -> vault.Vault:
    return vault.Vault(keys)
