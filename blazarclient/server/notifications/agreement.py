"""How the bus and the comparison agree: whatever happens to a lease is published once.

The bus brings messages late, twice, in another order or not at all. The comparison sees a state,
and not how it came about; what it sees may be older than what the bus has brought meanwhile, or
newer than what the bus is about to bring. Both work on the *copy*, the lease as it was seen last,
with its row locked, in the transaction that publishes.

*What has a name is published once by its name.* That a lease was made or is gone is known by its
ID; a start and an end by Blazar's event, a warning by its event and its time, for it is given again
when the lease was moved. Whoever replaces the copy publishes all of that in which the new document
differs from it: so a message also tells what one that was lost had to.

*Updates have no name*, and their times in Blazar's database are whole seconds.

- Each message of an update is published, once for its ID.
- The comparison publishes an update when name, dates or parameters differ from those of the copy
  (its digest), and keeps when Blazar had written that lease last (``compared_to``).
- A message of an update that Blazar had written no later than that is *covered*: it tells of what
  was published, and is not published again. This needs no clock but Blazar's. It is exact since the
  comparison believes a difference only if it has seen it twice, in a lease that nothing has changed
  for the seconds of its *grace* in between: an update that is in the state that was seen was
  written by then, and one that is not is written seconds later. Several updates that the bus has
  not brought by the second look are published as one.
- Documents of other messages may be older than their message: Blazar reads the lease, asks Keystone
  for the user's trust, and then sends. So only updates and looks change what is compared. Another
  message replaces the copy only where its name, dates and parameters are the copy's; a change that
  it shows (a rename, or an update that was lost) is left to the comparison.
- A message that is older than the copy, by when Blazar had written the lease or by when it was
  sent, is published and does not replace it.

*The comparison waits for the bus.* Copies are read before Blazar is asked, and what the bus has
changed since then is looked at again: so what was seen is never older than the copy that it is
compared with. It settles nothing while messages are waiting to be taken, after the database or the
gateway was away. With 30 updates of a lease in six seconds each look finds the copy changed, and it
is the bus that tells of each. While Blazar is changing a lease (UPDATING and so on) half of a
change may be seen; only what stays like this for the comparison's *patience* is believed, since a
manager that was killed leaves it so for ever.

*What is gone stays gone.* A message that comes after its lease was deleted is published if it is
not covered and its name is new, for it is true, if late; it makes no copy. A message of a lease
that nobody has heard of says that the lease was made, once there was a first look: what was there
before that is no news.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from blazarclient.server.context import RequestContext
from blazarclient.server.notifications import messages
from blazarclient.server.notifications.messages import Message
from blazarclient.server.objects import (
    lease_document,
    lease_history,
    notification_types,
    transitions,
)
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.lease_history import Document, Happening
from blazarclient.server.objects.notification import Notification
from blazarclient.server.store import log, sources

__all__ = ['begin', 'has_begun', 'hear', 'set_begun', 'settle', 'vanish']

BUS, COMPARISON = 'bus', 'comparison'


def hear(ctx: RequestContext, message: Message) -> int:
    """Take a message of the bus, in one transaction.

    :returns: how many entries the log has got by it.
    """
    with ctx.transaction() as connection:
        if not sources.remember(connection, message.id, ctx.now()) or not message.is_news:
            return 0
        copy = LeaseCopy.get(ctx, message.document['id'], lock=True)
        if copy is None:
            news = _of_unknown(ctx, connection, message)
        else:
            news = _of_known(ctx, copy, message)
        return _publish(ctx, news, message.document, BUS)


def settle(
    ctx: RequestContext,
    seen: LeaseCopy | None,
    document: dict[str, Any],
    asked: float,
    answered: float,
) -> int | None:
    """Take what a look has found of a lease, in one transaction.

    :param seen: the copy, as it was before Blazar was asked.
    :param document: the lease in Blazar's answer.
    :param asked: when Blazar was asked, seconds since 1970.
    :param answered: when it had answered.
    :returns: how many entries the log has got by it; None where the copy is another one by now.
    """
    with ctx.transaction():
        copy = LeaseCopy.get(ctx, document['id'], lock=True)
        if copy != seen:
            return None
        now = ctx.now()
        if copy is None:
            news = [lease_history.created(document, now)]
            news += lease_history.between(None, document, now)
            LeaseCopy.record(ctx, document)
            return _publish(ctx, news, document, COMPARISON)
        news = lease_history.between(copy.document, document, now)
        if lease_document.digest(document) == copy.digest:
            LeaseCopy.record(ctx, document)
            return _publish(ctx, news, document, COMPARISON)
        written = lease_history.written_at(document)
        key = transitions.unique('updated', f'{document["id"]}:{written.isoformat()}:{asked}')
        news.append(lease_history.updated(copy.document, document, key, written))
        LeaseCopy.record(
            ctx, document, compared_from=min(asked, answered), compared_to=_seconds(written)
        )
        news.sort(key=lambda each: each.time)
        return _publish(ctx, news, document, COMPARISON)


def vanish(
    ctx: RequestContext, seen: LeaseCopy | None, document: dict[str, Any] | None = None
) -> int | None:
    """Take it that a lease is gone, in one transaction.

    :param seen: the copy, as it was before Blazar was asked.
    :param document: the lease as a look had found it, where there was no copy.
    :returns: as :func:`settle`.
    """
    lease = document if seen is None else seen.document
    if lease is None:
        return 0
    with ctx.transaction():
        if LeaseCopy.get(ctx, lease['id'], lock=True) != seen:
            return None
        now = ctx.now()
        news = [lease_history.deleted(lease, now)]
        if seen is None:
            made = lease_history.created(lease, now)
            news = [made, *lease_history.between(None, lease, now), *news]
        else:
            LeaseCopy.forget(ctx, lease['id'])
        return _publish(ctx, news, lease, COMPARISON)


def begin(ctx: RequestContext, document: dict[str, Any]) -> None:
    """Keep a lease that is there at the first look: it is no news."""
    with ctx.transaction():
        if LeaseCopy.get(ctx, document['id'], lock=True) is None:
            LeaseCopy.record(ctx, document)


def set_begun(ctx: RequestContext) -> None:
    """Remember that there was a first look."""
    with ctx.transaction() as connection:
        sources.set_compared(connection, ctx.now())


def has_begun(ctx: RequestContext) -> bool:
    """Whether there was a first look."""
    with ctx.transaction(write=False) as connection:
        return sources.compared_at(connection) is not None


def _of_known(ctx: RequestContext, copy: LeaseCopy, message: Message) -> list[Happening]:
    """What a message tells of a lease that has a copy, which may be replaced by it."""
    lease, sent_at = message.document, message.sent_at
    is_update = message.event_type == messages.UPDATE
    if is_update and copy.compared_to and _seconds(_written(lease)) <= copy.compared_to:
        return []
    news = messages.told(message, copy.document)
    if message.event_type == messages.DELETE:
        news = [*_others(lease_history.between(copy.document, lease, sent_at), news), *news]
        LeaseCopy.forget(ctx, lease['id'])
        return news
    is_older = _written(lease) < _written(copy.document) or _seconds(sent_at) < (
        copy.heard_at or 0.0
    )
    if is_older or not (is_update or lease_document.digest(lease) == copy.digest):
        return news
    LeaseCopy.record(ctx, lease, heard_at=_seconds(sent_at))
    return [*_others(lease_history.between(copy.document, lease, sent_at), news), *news]


def _of_unknown(ctx: RequestContext, connection: Connection, message: Message) -> list[Happening]:
    """What a message tells of a lease without a copy."""
    lease, sent_at = message.document, message.sent_at
    news = messages.told(message, None)
    if log.is_published(connection, transitions.deleted(lease['id'])):
        return [] if _was_shown(connection, message) else news
    is_new = message.event_type == messages.CREATE
    if is_new or sources.compared_at(connection) is not None:
        made = [lease_history.created(lease, sent_at)]
        made += lease_history.between(None, lease, sent_at)
        news = [*_others(made, news), *news]
    if message.event_type != messages.DELETE:
        LeaseCopy.record(ctx, lease, heard_at=_seconds(sent_at))
    return news


def _was_shown(connection: Connection, message: Message) -> bool:
    """Whether an update of a lease that is gone is covered by what a look has published."""
    if message.event_type != messages.UPDATE:
        return False
    lease_id, kind = message.document['id'], notification_types.UPDATED
    shown = sources.last_entry(connection, lease_id, kind, COMPARISON)
    return shown is not None and _written(message.document) <= _written(shown['lease'])


def _others(found: Iterable[Happening], than: Iterable[Happening]) -> list[Happening]:
    names = {each.transition for each in than}
    return [each for each in found if each.transition not in names]


def _publish(ctx: RequestContext, news: Iterable[Happening], lease: Document, source: str) -> int:
    published = [
        Notification.publish(
            ctx,
            each.kind,
            each.transition,
            source=source,
            time=each.time,
            lease=lease,
            expires_at=each.expires_at,
            details=each.details,
        )
        for each in news
    ]
    return sum(each is not None for each in published)


def _written(lease: Document) -> datetime:
    return lease_history.written_at(lease)


def _seconds(moment: datetime) -> float:
    """Seconds since 1970 of a time in UTC without a zone."""
    return moment.replace(tzinfo=UTC).timestamp()
