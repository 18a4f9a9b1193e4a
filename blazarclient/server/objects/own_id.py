"""IDs that a request brings along, so that a lost answer never makes two of one thing.

From microversion 1.1 on a POST may say which ``id`` what it makes shall have. The same request
again then has the same result, and another request with this ID is refused.
"""

from __future__ import annotations

import hashlib
import json
import uuid

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.store import own_ids

__all__ = ['check', 'claim', 'forget', 'is_known', 'taken']


def check(value: object) -> str:
    """The ID that a request brings, which has to be a random UUID in its usual form.

    :raises blazarclient.server.errors.InvalidInput: for anything else: an ID that can be guessed
        may be somebody else's.
    """
    try:
        # Compared as texts: UUID() also reads other forms, among them without hyphens.
        known = isinstance(value, str) and str(uuid.UUID(value, version=4)) == value
    except ValueError:
        known = False
    if not known:
        raise errors.InvalidInput(
            f'{str(value)[:80]!r} cannot be an id. Expected a random UUID (version 4) in lower '
            'case, such as 6d8b0c0e-2c1f-4b7c-9f2e-0f6a5f0d3c11; or leave it away.',
            code='reservation.invalid-id',
        )
    return str(value)


def claim(ctx: RequestContext, kind: str, id: str, body: object) -> bool:
    """Take an ID for what a request makes, in the transaction that makes it.

    :param kind: ``lease`` or ``subscription``.
    :param id: one that :func:`check` lets through.
    :param body: what the request says, as JSON reads it.
    :returns: False when the same request of the same user has taken it before.
    :raises blazarclient.server.errors.Conflict: when any other request has, whoever sent it.
    """
    wanted = {
        'kind': kind,
        'id': id,
        'project_id': ctx.project_id,
        'user_id': ctx.user_id,
        'digest': _digest(body),
    }
    with ctx.transaction() as connection:
        known = own_ids.find(connection, kind, id)
        if known is None:
            if own_ids.insert(connection, {**wanted, 'created_at': ctx.now()}):
                return True
            known = own_ids.find(connection, kind, id)
    if known is None or any(known[name] != value for name, value in wanted.items()):
        raise taken(id)
    return False


def is_known(ctx: RequestContext, kind: str, id: str) -> bool:
    """Whether a request has taken this ID."""
    with ctx.transaction(write=False) as connection:
        return own_ids.find(connection, kind, id) is not None


def forget(ctx: RequestContext, kind: str, id: str) -> None:
    """Give an ID back: what it was for was not made."""
    with ctx.transaction() as connection:
        own_ids.delete(connection, kind, id)


def taken(id: str) -> errors.Conflict:
    """What a request is told whose ID is another's; not whose."""
    return errors.Conflict(
        f'The id {id} is taken by another request. Send the same body as then, or another id.',
        code='reservation.id-taken',
    )


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
