"""What a request says of a replay, read field by field. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from blazarclient.server import errors
from blazarclient.server.objects import cursor, notification_types
from blazarclient.server.objects.request_values import (
    check_names,
    refuse,
    texts,
    time_of,
)

__all__ = ['Replay', 'read']

_NAMES = ('since', 'after', 'until', 'status', 'types', 'dry_run')
_LONGEST_TYPES = 50


class Replay(TypedDict):
    """What is to be sent again."""

    since: datetime | None
    after: int | None
    until: datetime | None
    status: str | None
    types: list[str]
    dry_run: bool


def read(values: object) -> Replay:
    """What is to be sent again: from ``since`` or ``after`` on, one of which has to be there.

    :raises blazarclient.server.errors.InvalidInput: naming the field, and what would be right.
    """
    body = check_names(values, _NAMES, 'a replay')
    since, after = body.get('since'), body.get('after')
    if (since is None) is (after is None):
        raise errors.InvalidInput(
            'Either since (a time) or after (a cursor) has to be given, and not both.'
        )
    status = body.get('status')
    if status is not None and status != 'failed':
        refuse('status', status, 'it has to be "failed", or to be left out for everything')
    dry_run = body.get('dry_run', False)
    if not isinstance(dry_run, bool):
        refuse('dry_run', dry_run, 'it has to be true or false')
    types = texts('types', body.get('types', []), _LONGEST_TYPES)
    notification_types.expand(types)
    return Replay(
        since=None if since is None else time_of('since', since),
        after=None if after is None else _cursor(after),
        until=None if body.get('until') is None else time_of('until', body['until']),
        status=status,
        types=types,
        dry_run=dry_run,
    )


def _cursor(value: object) -> int:
    found = cursor.read(value)
    if found is None:
        refuse('after', value, 'it has to be a cursor, a text of digits as answers have it')
    return found
