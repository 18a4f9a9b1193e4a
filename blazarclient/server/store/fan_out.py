"""From the log to deliveries: what is not handed out yet, and who could want it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from blazarclient.server.store import rows
from blazarclient.server.store.rows import Row
from blazarclient.server.store.tables import log_head, notifications, subscriptions

__all__ = ['advance', 'audience_row', 'audiences', 'entries', 'reached', 'reached_and_head']

_COLUMNS = subscriptions.c
#: The filter of a subscription, with its JSON as it is stored.
_FILTER = (
    _COLUMNS.id,
    _COLUMNS.project_id,
    _COLUMNS.user_id,
    _COLUMNS.scope,
    _COLUMNS.types,
    _COLUMNS.lease_ids,
    _COLUMNS.resource_types,
    _COLUMNS.before_end,
    _COLUMNS.start_sequence,
    _COLUMNS.expires_at,
)
_HEARING = ('pending', 'active', 'failing')


def reached(connection: Connection) -> int:
    """The last entry of the log that was handed out."""
    return int(connection.scalar(sa.select(log_head.c.fanned_out)) or 0)


def reached_and_head(connection: Connection) -> tuple[int, int]:
    """The last entry of the log that was handed out, and the last one that there is."""
    row = connection.execute(sa.select(log_head.c.fanned_out, log_head.c.sequence)).first()
    return (row[0], row[1]) if row else (0, 0)


def advance(connection: Connection, sequence: int) -> None:
    """Say that all up to an entry is handed out: the last act of a transaction."""
    connection.execute(log_head.update().values(fanned_out=sequence))


def entries(
    connection: Connection,
    *,
    after: int,
    limit: int,
    until: int | None = None,
    condition: Sequence[sa.ColumnElement[bool]] = (),
) -> list[Row]:
    """Entries of the log without what they say, in the order of their sequence."""
    names = [each for each in notifications.c if each.name not in ('data', 'transition', 'version')]
    query = sa.select(*names).where(notifications.c.sequence > after, *condition)
    if until is not None:
        query = query.where(notifications.c.sequence <= until)
    found = rows.rows(connection, query.order_by(notifications.c.sequence).limit(limit))
    return rows.decoded(found, 'resource_types')


def audiences(connection: Connection, projects: Iterable[str]) -> list[Row]:
    """The filters of all subscriptions that could hear of the leases of some projects."""
    query = sa.select(*_FILTER).where(_COLUMNS.enabled, _COLUMNS.status.in_(_HEARING))
    found = [
        row
        for batch in rows.batches(projects)
        for row in rows.rows(
            connection, query.where(_COLUMNS.project_id.in_(batch), _COLUMNS.scope != 'all')
        )
    ]
    return found + rows.rows(connection, query.where(_COLUMNS.scope == 'all'))


def audience_row(connection: Connection, subscription_id: str) -> Row | None:
    """The filter of one subscription, whatever its state."""
    return rows.first(connection, sa.select(*_FILTER).where(_COLUMNS.id == subscription_id))
