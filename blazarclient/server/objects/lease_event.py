"""The events of a lease: its start, its end, and a while before its end."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any, Self

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import Registry, StoredObject, fields, wire_iso, wire_spaced
from blazarclient.server.store import due, leases

__all__ = ['BEFORE_END', 'END', 'START', 'LeaseEvent']

START, BEFORE_END, END = 'start_lease', 'before_end_lease', 'end_lease'


@Registry.register
class LeaseEvent(StoredObject):
    """Something that is due at a time.

    An event is *taken* by a worker for a while (owner, attempt, deadline), then carried out. Both
    are transactions; finishing names owner and attempt, so that a worker that comes too late
    changes nothing.
    """

    # Version 1.0: Blazar's Event.
    VERSION = '1.0'

    COLUMNS = (
        'id',
        'lease_id',
        'event_type',
        'time',
        'status',
        'created_at',
        'updated_at',
        'owner',
        'attempt',
        'deadline',
    )
    fields = {
        'id': fields.StringField(),
        'lease_id': fields.StringField(),
        'event_type': fields.StringField(nullable=True),
        'time': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'status': fields.StringField(nullable=True),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'owner': fields.StringField(nullable=True),
        'attempt': fields.IntegerField(default=0),
        'deadline': fields.FloatField(nullable=True),
    }

    id: str
    lease_id: str
    event_type: str | None
    time: datetime | None
    status: str | None
    created_at: datetime
    updated_at: datetime | None
    owner: str | None
    attempt: int
    deadline: float | None

    @classmethod
    def new(
        cls, ctx: RequestContext, lease_id: str, kind: str | None, moment: datetime | None
    ) -> Self:
        """An event that is not stored yet; without a time when it will never be due."""
        now = ctx.now()
        return cls(
            ctx,
            id=str(uuid.uuid4()),
            lease_id=lease_id,
            event_type=kind,
            time=moment,
            status='UNDONE' if moment else None,
            created_at=now,
            updated_at=None,
            owner=None,
            attempt=0,
            deadline=None,
        )

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The event as the API shows it."""
        values = self.answered(microversion)
        return {
            'id': values['id'],
            'lease_id': values['lease_id'],
            'event_type': values['event_type'],
            'time': wire_iso(values['time']),
            'status': values['status'],
            'created_at': wire_spaced(values['created_at']),
            'updated_at': wire_spaced(values['updated_at']),
        }

    def change(self, **values: Any) -> None:
        """Set fields and store them."""
        self.updated_at = self._context.now()
        for name, value in values.items():
            setattr(self, name, value)
        with self._context.transaction() as connection:
            # All of the row, for it has one version. Whoever changes an event holds its lease.
            leases.update_event(connection, self.id, self.stored())

    @classmethod
    def take(cls, ctx: RequestContext, *, owner: str, limit: int = 20) -> list[Self]:
        """Take events that are due, in the order of their times; their leases begin to change.

        :param owner: the name of the worker.
        :param limit: how many at most.
        """
        from blazarclient.server.objects.lease import Lease

        real_now = time.time()
        taken: list[Self] = []
        with ctx.transaction() as connection:
            # One that its lease cannot begin is in ERROR now; another may have waited for it.
            while not taken and (
                rows := due.take_due(
                    connection,
                    now=ctx.now(),
                    real_now=real_now,
                    owner=owner,
                    limit=limit,
                    deadline=real_now + ctx.settings.event_timeout,
                )
            ):
                found = [cls.from_row(ctx, row) for row in rows]
                taken = [each for each in found if Lease.get_by_id(ctx, each.lease_id).begin(each)]
        return taken

    def carry_out(self) -> None:
        """Do what the event is for, once.

        :raises blazarclient.server.errors.TakenOver: when another worker has taken it meanwhile;
            nothing has changed then.
        """
        from blazarclient.server.objects import lease_news
        from blazarclient.server.objects.lease import Lease

        ctx = self._context
        with ctx.transaction() as connection:
            leases.lock_lease(connection, self.lease_id)
            if not due.finish(connection, self.id, self.owner or '', self.attempt, 'DONE'):
                raise errors.TakenOver(f'Event {self.id} was taken by another worker meanwhile.')
            leases.update_event(connection, self.id, {'updated_at': ctx.now()})
            lease = Lease.get_by_id(ctx, self.lease_id)
            lease.finish(self)
            lease_news.carried_out(ctx, lease, self)

    def give_up(self) -> None:
        """Mark an event that cannot be carried out, and its lease, as failed."""
        from blazarclient.server.objects import lease_news
        from blazarclient.server.objects.lease import Lease

        ctx = self._context
        with ctx.transaction() as connection:
            leases.lock_lease(connection, self.lease_id)
            if due.finish(connection, self.id, self.owner or '', self.attempt, 'ERROR'):
                lease = Lease.get_by_id(ctx, self.lease_id)
                lease.change(status='ERROR')
                lease_news.failed(ctx, lease, self)

    @staticmethod
    def next_due(ctx: RequestContext) -> datetime | None:
        """The time of the event that is due next, UTC; None when there is none."""
        with ctx.transaction(write=False) as connection:
            return due.next_due(connection)
