"""Leases: reservations of a project for a span of time, and what may happen to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import lease_news, lease_request, lease_status, placement
from blazarclient.server.objects.base import (
    JSONField,
    Registry,
    StoredObject,
    fields,
    wire_iso,
    wire_spaced,
)
from blazarclient.server.objects.lease_event import BEFORE_END, END, START, LeaseEvent
from blazarclient.server.objects.reservation import Reservation
from blazarclient.server.store import allocations, leases

__all__ = ['Lease']


@Registry.register
class Lease(StoredObject):
    """A lease, its reservations and its events.

    Whoever has a lease may have it: the class methods give a project its own leases, and an
    administrator every one. A lease changes in one transaction, so nobody sees it half changed.
    """

    # Version 1.0: Blazar's Lease.
    # Version 1.1: subscriptions that were made with it.
    VERSION = '1.1'

    COLUMNS = (
        'id',
        'name',
        'user_id',
        'project_id',
        'start_date',
        'end_date',
        'trust_id',
        'status',
        'degraded',
        'created_at',
        'updated_at',
    )
    fields = {
        'id': fields.StringField(),
        'name': fields.StringField(nullable=True),
        'user_id': fields.StringField(),
        'project_id': fields.StringField(),
        'start_date': fields.DateTimeField(tzinfo_aware=False),
        'end_date': fields.DateTimeField(tzinfo_aware=False),
        'trust_id': fields.StringField(nullable=True),
        'status': fields.StringField(),
        'degraded': fields.BooleanField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        'reservations': fields.ListOfObjectsField('Reservation'),
        'events': fields.ListOfObjectsField('LeaseEvent'),
        # As a lease shows them: dicts with id, url and status.
        'subscriptions': JSONField(),
    }

    id: str
    name: str | None
    user_id: str
    project_id: str
    start_date: datetime
    end_date: datetime
    trust_id: str | None
    status: str
    degraded: bool
    created_at: datetime
    updated_at: datetime | None
    reservations: list[Reservation]
    events: list[LeaseEvent]
    subscriptions: Sequence[Mapping[str, str]]

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        if target_version == '1.0':
            primitive.pop('subscriptions', None)

    # ------------------------------------------------------------------ finding

    @classmethod
    def get_by_id(cls, ctx: RequestContext, lease_id: str) -> Self:
        """The lease with an ID.

        :raises blazarclient.server.errors.NotFound: also for another project's lease, unless the
            policy lets this user see it.
        """
        rule = 'blazar:leases:get'
        with ctx.transaction(write=False) as connection:
            owner = leases.owner(connection, lease_id)
            # The policy is asked for a lease that there is not, too, and a foreign one is not read:
            # what takes longer would tell that there is one.
            allowed = ctx.may(rule, owner)
            row = leases.lease(connection, lease_id) if allowed else None
        sentence = f"Object with {{'lease_id': '{lease_id}'}} not found"
        if row is not None:
            return cls.from_row(ctx, row)
        if owner['project_id'] is None or allowed:
            raise errors.NotFound(sentence)
        if owner['project_id'] != ctx.project_id:
            raise errors.Foreign(sentence, rule)
        raise errors.PolicyForbidden(rule)

    @classmethod
    def list(cls, ctx: RequestContext) -> list[Self]:
        """The project's leases, or everybody's for an administrator, in the order they were made.

        Reservations and events are loaded with them, in one query each.
        """
        ctx.require('blazar:leases:get')
        project_id = None if ctx.is_admin else ctx.project_id
        with ctx.transaction(write=False) as connection:
            found = {
                row['id']: cls.from_row(ctx, row)
                for row in leases.leases(connection, project_id=project_id)
            }
            ids = None if project_id is None else [*found]
            reservations = leases.reservations_of(connection, ids)
            events = leases.events_of(connection, ids)
        for lease in found.values():
            lease.__dict__['_obj_reservations'] = []
            lease.__dict__['_obj_events'] = []
        for row in reservations:
            found[row['lease_id']].reservations.append(Reservation.from_row(ctx, row))
        for row in events:
            found[row['lease_id']].events.append(LeaseEvent.from_row(ctx, row))
        return [*found.values()]

    def obj_load_attr(self, attrname: str) -> None:
        """Load what belongs to the lease when it is first looked at."""
        with self._context.transaction(write=False) as connection:
            if attrname == 'reservations':
                rows = leases.reservations_of(connection, [self.id])
                loaded: list[Any] = [Reservation.from_row(self._context, row) for row in rows]
            elif attrname == 'events':
                rows = leases.events_of(connection, [self.id])
                loaded = [LeaseEvent.from_row(self._context, row) for row in rows]
            elif attrname == 'subscriptions':
                from blazarclient.server.objects import inline_subscriptions

                shown = inline_subscriptions.shown(self._context, [self.id])
                loaded = [*shown.get(self.id, ())]
            else:
                raise AttributeError(f'Lease has no {attrname!r} to load')
        self.__dict__[f'_obj_{attrname}'] = loaded

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The lease as the API shows it."""
        values = self.answered(microversion)
        shown = {
            'id': values['id'],
            'name': values['name'],
            'user_id': values['user_id'],
            'project_id': values['project_id'],
            'start_date': wire_iso(values['start_date']),
            'end_date': wire_iso(values['end_date']),
            'trust_id': values['trust_id'],
            'status': values['status'],
            'degraded': values['degraded'],
            'created_at': wire_spaced(values['created_at']),
            'updated_at': wire_spaced(values['updated_at']),
            'reservations': [each.render(microversion) for each in self.reservations],
            'events': [each.render(microversion) for each in self.events],
        }
        if values['version'] != '1.0':
            shown['subscriptions'] = self.subscriptions
        return shown

    # ----------------------------------------------------------------- creating

    @classmethod
    def create(cls, ctx: RequestContext, values: Any) -> Self:
        """Make a lease and hold what it reserves.

        :param values: the body of the request.
        :raises blazarclient.server.errors.ServiceError: when it cannot be; nothing is left then.
        """
        ctx.require('blazar:leases:post')
        with ctx.transaction() as connection:
            ctx.database.lock(connection, 'allocations')
            now = ctx.now()
            wanted = lease_request.read_new(values, now)
            period = placement.Period(wanted.start_date, wanted.end_date)
            calendar = placement.Calendar(ctx, connection)
            planned = [placement.plan(calendar, each, period) for each in wanted.reservations]
            before_end = wanted.before_end(ctx.settings.minutes_before_end_lease)
            if leases.lease(connection, wanted.id) is not None:
                raise errors.Conflict(f'The lease with name: {wanted.name} already exists')
            lease = cls(
                ctx,
                id=wanted.id,
                name=wanted.name,
                user_id=ctx.user_id,
                project_id=ctx.project_id,
                start_date=wanted.start_date,
                end_date=wanted.end_date,
                trust_id=uuid.uuid4().hex,
                status='PENDING',
                degraded=False,
                created_at=now,
                updated_at=now,
            )
            leases.insert_lease(connection, lease.stored())
            lease._reserve(calendar, planned, period)
            lease._schedule(wanted.other_events, before_end)
            lease_news.created(ctx, lease)
        return lease

    def _reserve(
        self,
        calendar: placement.Calendar,
        planned: Sequence[placement.Planned],
        period: placement.Period,
    ) -> None:
        """Store reservations and what they hold."""
        made = [
            Reservation.new(
                self._context,
                self.id,
                position,
                plan.resource_type,
                plan.parameters,
                plan.reservation_id,
            )
            for position, plan in enumerate(planned)
        ]
        leases.insert_reservations(calendar.connection, [each.stored() for each in made])
        for plan in planned:
            calendar.hold(plan.kind, plan.reservation_id, plan.resources, period)
        self.__dict__['_obj_reservations'] = made

    def _schedule(self, others: Iterable[str | None], before_end: datetime | None) -> None:
        """Store the events of a new lease."""
        ctx = self._context
        due = [
            (START, self.start_date),
            (END, self.end_date),
            *([(BEFORE_END, before_end)] if before_end else []),
        ]
        made = [LeaseEvent.new(ctx, self.id, kind, None) for kind in others]
        made += [LeaseEvent.new(ctx, self.id, kind, moment) for kind, moment in due]
        with ctx.transaction() as connection:
            leases.insert_events(connection, [each.stored() for each in made])
        # In the order in which they are read again.
        made.sort(key=lambda event: (event.event_type or '', event.id))
        self.__dict__['_obj_events'] = made

    # ----------------------------------------------------------------- changing

    def update(self, values: Any) -> None:
        """Change the lease: ``name``, dates, ``before_end_date``, ``reservations``.

        Afterwards this object shows UPDATING, as Blazar's answer does, and the stored lease is in
        the state that it has come to.

        :param values: the body of the request: what changes.
        :raises blazarclient.server.errors.Refused: when it cannot be; the lease is as it was.
        :raises blazarclient.server.errors.ServiceError: when Blazar would fail: the lease is in
            ERROR, and else as it was.
        """
        ctx = self._context
        ctx.require('blazar:leases:put', self._owner)
        failure: errors.ServiceError | None = None
        with ctx.transaction() as connection:
            self._lock()
            lease_status.check(self, 'UPDATING')
            before = lease_news.document(self)
            try:
                with connection.begin_nested():
                    self._apply(values)
            except errors.Refused:
                raise
            except errors.ServiceError as error:
                failure = error
                self._reload()
                self.change(status='ERROR')
            else:
                self.change(status=lease_status.derive(self))
            lease_news.updated(ctx, self, before)
        if failure is not None:
            raise failure
        # Not a change of the lease: what a Blazar says that is still at it.
        self.__dict__['_obj_status'] = 'UPDATING'

    def extend(self, until: datetime) -> None:
        """Let the lease end at another time.

        :param until: UTC, without a time zone, to the minute.
        """
        self.update({'end_date': f'{until:%Y-%m-%d %H:%M}'})

    def _apply(self, values: Any) -> None:
        ctx = self._context
        changed = lease_request.read_change(values, self, ctx.now())
        if changed.name is not None:
            self.name = changed.name
        if changed.only_name:
            return
        with ctx.transaction() as connection:
            after = placement.Period(changed.start_date, changed.end_date)
            before = placement.Period(self.start_date, self.end_date)
            placement.check_change(changed.reservations, self.reservations)
            calendar = placement.Calendar(ctx, connection)
            for reservation in self.reservations:
                given = changed.reservations.get(reservation.id, {})
                placement.replan(calendar, reservation, given, before, after)
        self._reschedule(changed)
        self.start_date, self.end_date = changed.start_date, changed.end_date

    def _reschedule(self, changed: lease_request.Change) -> None:
        # One that the request brought may have the same type, and no time.
        events = {each.event_type: each for each in self.events if each.time}
        _move(events[START], changed.start_date)
        _move(events[END], changed.end_date)
        if (event := events.get(BEFORE_END)) is None or event.time is None:
            return
        moment = changed.before_end_date
        if moment is None:
            # As long before the end as it was.
            moment = changed.end_date - (self.end_date - event.time)
        if event.status in {'DONE', 'IN_PROGRESS'}:
            # Whoever is at it finds it taken over: it was for another end.
            event.change(status='UNDONE')
        _move(event, max(moment, changed.start_date))

    def destroy(self) -> None:
        """Delete the lease and give up what it holds.

        :raises blazarclient.server.errors.InvalidStatus: while it starts or ends.
        """
        ctx = self._context
        ctx.require('blazar:leases:delete', self._owner)
        with ctx.transaction() as connection:
            self._lock()
            lease_status.check(self, 'DELETING')
            before = lease_news.document(self)
            leases.delete_lease(connection, self.id)
            lease_news.deleted(ctx, before)

    def change(self, **values: Any) -> None:
        """Set fields and store them."""
        self.updated_at = self._context.now()
        for name, value in values.items():
            setattr(self, name, value)
        with self._context.transaction() as connection:
            leases.update_lease(connection, self.id, self.stored())

    # ------------------------------------------------------------------- events

    def begin(self, event: LeaseEvent) -> bool:
        """Go into the state that an event is carried out in.

        :returns: False when the lease cannot: it is in ERROR, and has never started. The event
            is in ERROR then, too.
        """
        wanted = {START: 'STARTING', END: 'TERMINATING'}.get(event.event_type or '')
        if wanted is None or self.status == wanted:
            return True
        if not lease_status.leads_to(self.status, wanted):
            event.change(status='ERROR')
            lease_news.failed(self._context, self, event)
            return False
        self.change(status=wanted)
        return True

    def finish(self, event: LeaseEvent) -> None:
        """Do what an event is for: hosts come and go with it."""
        if event.event_type not in {START, END}:
            return
        with self._context.transaction() as connection:
            for reservation in self.reservations:
                if event.event_type == END:
                    if reservation.resource_type != 'virtual:floatingip':
                        # Blazar forgets the addresses with the lease only.
                        allocations.delete_of_reservation(connection, reservation.id)
                    reservation.change(status='deleted')
                elif reservation.status == 'pending':
                    reservation.change(status='active')
        self.change(status=lease_status.derive(self))

    # ------------------------------------------------------------------ private

    @property
    def _owner(self) -> Mapping[str, object]:
        """Whose it is, for the policy."""
        return {'project_id': self.project_id, 'user_id': self.user_id}

    def _lock(self) -> None:
        """Let nobody else change it, or hosts and addresses, and read it again."""
        with self._context.transaction() as connection:
            self._context.database.lock(connection, 'allocations')
            leases.lock_lease(connection, self.id)
        self._reload()

    def _reload(self) -> None:
        self.__dict__ = type(self).get_by_id(self._context, self.id).__dict__


def _move(event: LeaseEvent, moment: datetime) -> None:
    """Let an event be due at a time; where it is already, Blazar does not call it changed."""
    if event.time != moment:
        event.change(time=moment)
