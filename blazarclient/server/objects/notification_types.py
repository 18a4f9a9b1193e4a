"""The types of notifications, and which of them a filter means.

A filter is a type (``lease.started``), a prefix (``lease.*``, ``*``) or the name that Blazar gives
the event (``lease.event.start_lease``, ``event.start_lease``, ``start_lease``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blazarclient.server import errors

__all__ = [
    'BEFORE_END',
    'CANCELLED',
    'CREATED',
    'DEGRADED',
    'DELETED',
    'DESCRIPTIONS',
    'ENDED',
    'EXPIRING',
    'FAILED',
    'STARTED',
    'TEST',
    'TURNED_OFF',
    'UPDATED',
    'expand',
]

CREATED = 'lease.created'
UPDATED = 'lease.updated'
STARTED = 'lease.started'
BEFORE_END = 'lease.before_end'
CANCELLED = 'lease.before_end.cancelled'
ENDED = 'lease.ended'
FAILED = 'lease.failed'
DEGRADED = 'lease.degraded'
DELETED = 'lease.deleted'
TEST = 'subscription.test'
TURNED_OFF = 'subscription.disabled'
EXPIRING = 'subscription.expiring'

#: Type -> when it is sent.
DESCRIPTIONS: Mapping[str, str] = {
    CREATED: 'A lease was made.',
    UPDATED: 'The name, the dates or the reservations of a lease were changed.',
    STARTED: 'A lease has started: what it reserves can be used.',
    BEFORE_END: 'A lease is about to end.',
    CANCELLED: 'A lease that was about to end was moved, and is not about to end any more.',
    ENDED: 'A lease has ended: what it reserved is no longer its own.',
    FAILED: 'A lease could not start or end as it should.',
    DEGRADED: 'A lease has lost something that it reserves, or was given something else for it.',
    DELETED: 'A lease was deleted.',
    TEST: 'Somebody wants to know whether notifications arrive.',
    TURNED_OFF: 'A subscription was disabled, since its endpoint does not take notifications.',
    EXPIRING: 'A subscription is about to expire.',
}

#: Blazar's name -> the types that it means.
_BLAZARS: Mapping[str, tuple[str, ...]] = {
    'lease.create': (CREATED,),
    'lease.update': (UPDATED,),
    'lease.delete': (DELETED,),
    'lease.event.start_lease': (STARTED, FAILED),
    'lease.event.before_end_lease': (BEFORE_END,),
    'lease.event.before_end_lease.stop': (CANCELLED,),
    'lease.event.end_lease': (ENDED, FAILED),
}


def expand(filters: Iterable[str]) -> frozenset[str]:
    """The types that filters mean.

    :raises blazarclient.server.errors.InvalidInput: for a filter that means none.
    """
    found: set[str] = set()
    for each in filters:
        meant = _meant(each)
        if not meant:
            raise errors.InvalidInput(
                f'{each!r} is no type of notification. Expected one of '
                f'{", ".join(DESCRIPTIONS)}, a prefix such as lease.*, or a name of Blazar such as '
                'lease.event.start_lease.',
                code='reservation.subscription.unknown-type',
            )
        found |= meant
    return frozenset(found)


def _meant(text: str) -> set[str]:
    if text == '*':
        return {*DESCRIPTIONS}
    if text.endswith('.*'):
        return {name for name in DESCRIPTIONS if name.startswith(text[:-1])}
    for name in (text, f'lease.{text}', f'lease.event.{text}'):
        if name in _BLAZARS:
            return {*_BLAZARS[name]}
    return {text} & DESCRIPTIONS.keys()
