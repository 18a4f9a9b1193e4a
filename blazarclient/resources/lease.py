"""Leases: resources that a project has for a span of time."""

from __future__ import annotations

import builtins
import math
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from blazarclient import exception, times, waiting
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.create_once import CreateOnce, is_lost
from blazarclient.resources.reservation import LeaseEvent, Reservation, completed
from blazarclient.transport import pause_after
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Boolean, DateTime, EndDate, Json, Nested, StartDate, Text

if TYPE_CHECKING:
    from blazarclient.resources.host import Host

__all__ = ['Lease', 'Leases']

T = TypeVar('T')

_UUID4 = r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
#: Blazar's words for "not now": the lease is between two states.
_BUSY = 'Invalid lease status'


class Lease(Resource):
    """A lease, and what can be done with it."""

    __slots__ = ()

    #: The lease's ID.
    id = Field(Text(), always=True, read_only=True)
    #: Its name; several leases may have the same.
    name = Field(Text(), always=True)
    #: Who made it.
    user_id = Field(Text(), always=True, read_only=True)
    #: Whose it is.
    project_id = Field(Text(), always=True, read_only=True, tenancy=True)
    #: When it starts (UTC, whole minutes).
    start_date = Field(StartDate(), always=True)
    #: When it ends (UTC, whole minutes).
    end_date = Field(EndDate(), always=True)
    #: When what is to happen before the end happens (UTC). Written, never answered.
    before_end_date = Field(DateTime())
    #: The Keystone trust that the service acts with.
    trust_id = Field(Text(), read_only=True)
    #: ``PENDING``, ``STARTING``, ``ACTIVE``, ``TERMINATING``, ``TERMINATED``, ``ERROR`` ...
    status = Field(Text(), always=True, read_only=True)
    #: Whether one of its reservations lost or changed resources.
    degraded = Field(Boolean(), read_only=True)
    #: When it was made (UTC).
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds).
    updated_at = Field(DateTime(), read_only=True)
    #: What it holds.
    reservations = Field(Nested(Reservation), always=True)
    #: What the service does to it, and when.
    events = Field(Nested(LeaseEvent), always=True, read_only=True)
    #: Who is told of it: ``id``, ``url`` and ``status`` of each subscription.
    subscriptions = Field(Json(), since='1.1')

    def refresh(self) -> Lease:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self.client.leases.get(self['id']))
        return self

    def save(self, *, force: bool = False) -> Lease:
        """Send what was changed; nothing is sent when nothing was.

        The answer shows the state while the change is being made (``UPDATING``);
        :meth:`refresh` shows the result.

        :param force: send a change even when Blazar is known to break the lease with it.
        :raises blazarclient.exception.InvalidInput: for such a change, without force.
        """
        changes = self.changes()
        if changes:
            if not force:
                self.refuse_what_breaks(changes)
            self._take(self.client.leases.put(self['id'], self.changes))
        return self

    def refuse_what_breaks(self, changes: Mapping[str, object]) -> None:
        """Raise InvalidInput for a change that puts the lease into ERROR.

        Blazar 18.0.0 answers 404 or 409 to new dates or amounts of a flavor:instance
        reservation, and the lease is in ERROR from then on.
        """
        moved = sorted(changes.keys() & {'start_date', 'end_date', 'reservations'})
        if not moved:
            return
        kinds = {item.get('resource_type') for item in self._whole('reservations') or ()}
        if 'flavor:instance' in kinds:
            raise exception.InvalidInput(
                f'Changing {", ".join(moved)} of the lease {self.get("name")!r} would put it into '
                'ERROR: Blazar cannot change a flavor:instance reservation. Make a new lease '
                'instead, or force the change (--force, force=True).'
            )

    def delete(self) -> None:
        """Delete it, which also ends it."""
        self.client.leases.delete(self['id'])

    def extend(self, by: str | timedelta | datetime, *, force: bool = False) -> Lease:
        """Let it end later.

        :param by: how much later (``'2h'``, a timedelta), or until when (``'+2h'`` from now, a
            date, a datetime).
        :param force: as for :meth:`save`.
        :raises blazarclient.exception.InvalidInput: when it would end earlier than it does.
        """
        return self._move('end_date', by, 1, force)

    def reduce(self, by: str | timedelta | datetime, *, force: bool = False) -> Lease:
        """Let it end earlier; the arguments are those of :meth:`extend`."""
        return self._move('end_date', by, -1, force)

    def wait(
        self,
        status: str = 'ACTIVE',
        *,
        timeout: float = 600.0,
        report: Callable[[str], None] | None = None,
    ) -> Lease:
        """Wait until it has a status; see :func:`blazarclient.waiting.until`.

        :param timeout: seconds to wait at most.
        """
        return waiting.until(self, status, timeout=timeout, report=report)

    def hosts(self) -> list[Host]:
        """The hosts that it holds. Needs the right to list allocations and hosts."""
        client = self.client
        return [
            client.hosts.get(allocation['resource_id'])
            for allocation in client.allocations.list(lease_id=self['id'])
            if allocation['reservations']
        ]

    def _whole(self, key: str) -> Any:
        """The value of a key, asked for when the answer was of some fields only."""
        return self[key] if key in self else self.client.leases.get(self['id'])[key]

    def _move(self, name: str, by: str | timedelta | datetime, sign: int, force: bool) -> Lease:
        before = self._whole(name)
        setattr(self, name, self._moved(before, by, sign))
        try:
            ends, ended = times.from_wire(self[name]), times.from_wire(before)
            if (ends - ended) * sign < timedelta():
                here, there = ('extend', 'reduce') if sign > 0 else ('reduce', 'extend')
                raise exception.InvalidInput(
                    f'{here}({str(by)!r}) would let the lease {self.get("name")!r} end at '
                    f'{times.to_wire(ends)} UTC, but it ends at {times.to_wire(ended)} UTC now: '
                    f'if that is what you want, call {there}().'
                )
            return self.save(force=force)
        except BaseException:
            # Who tries again moves it by as much, not by twice as much.
            self[name] = before
            raise

    def _moved(self, before: str, by: str | timedelta | datetime, sign: int) -> datetime:
        if isinstance(by, datetime):
            return by
        if isinstance(by, str):
            try:
                delta = times.parse_duration(by)
            except exception.InvalidInput as not_a_duration:
                try:
                    return times.parse_time(by)
                except exception.InvalidInput:
                    raise not_a_duration from None
        else:
            delta = by
        return times.from_wire(before) + sign * delta


class Leases(DeletableCollection[Lease]):
    """The leases that the user may see: those of the project, or all for an admin."""

    RESOURCE = Lease
    PATH = '/leases'
    ONE = 'lease'
    MANY = 'leases'
    NOUN = 'lease'
    TELL_APART = ('start_date', 'end_date', 'status', 'project_id')

    def list(
        self,
        fields: Sequence[str] | None = None,
        *,
        all_projects: bool = False,
        limit: int | None = None,
        marker: str | None = None,
    ) -> builtins.list[Lease]:
        """All that the service shows, in its order.

        :param fields: attributes or keys that are wanted.
        :param all_projects: those of every project, for administrators. Chameleon's Blazar wants
            to be asked for them; a stock one shows an administrator all in any case.
        :param limit: how many at most; only Chameleon's Blazar reads this and the next.
        :param marker: the ID of the last lease of the page before.
        """
        query = {'all_tenants': all_projects or None, 'limit': limit, 'marker': marker}
        given = {name: value for name, value in query.items() if value is not None}
        return self._listed(fields, self.PATH + (f'?{urlencode(given)}' if given else ''))

    def create(
        self,
        name: str,
        start_date: datetime | str,
        end_date: datetime | str,
        reservations: Sequence[Mapping[str, Any]],
        events: Sequence[Mapping[str, Any]] = (),
        before_end_date: datetime | str | None = None,
        *,
        id: str | None = None,
        subscriptions: Sequence[Mapping[str, Any]] = (),
    ) -> Lease:
        """Make a lease: exactly one, or none, whatever the network does.

        The request carries an ID of its own. When its answer is lost, the service is asked for
        that ID, and the request is sent again under the same ID when there is no such lease.

        :param start_date: when it starts; ``now``, ``+2h``, a date or a datetime (no zone: UTC).
        :param end_date: when it ends, likewise.
        :param reservations: what it holds, each a dict with a ``resource_type`` and what that
            type needs: ``min`` and ``max`` hosts, say. Filters may be lists; those that are not
            given do not filter.
        :param events: more events, each with ``event_type`` and ``event_date``.
        :param before_end_date: when what is to happen before the end happens.
        :param id: an ID to use, a UUID of version 4, for a program that repeats itself.
        :param subscriptions: who is told what happens to it, each a dict with a
            ``notify_endpoint``; needs microversion 1.1.
        :raises blazarclient.exception.OutcomeUnknown: when the service could not be asked what
            became of the request; the message names the ID to look for.
        :raises blazarclient.exception.NotEnoughResources: when so much is not free then.
        """
        if id is not None and not re.fullmatch(_UUID4, id):
            raise exception.InvalidInput(
                f'{id!r} cannot be the ID of a lease: expected a UUID of version 4 in lower case, '
                'as str(uuid.uuid4()) gives it.'
            )
        values: dict[str, object] = {
            'id': id or str(uuid.uuid4()),
            'name': name,
            'start_date': start_date,
            'end_date': end_date,
            'reservations': [completed(item) for item in reservations],
            'events': [dict(item) for item in events],
        }
        if before_end_date is not None:
            values['before_end_date'] = before_end_date
        if subscriptions:
            values['subscriptions'] = [dict(item) for item in subscriptions]
        return CreateOnce(self, values, given=id is not None).run()

    def send(self, values: Mapping[str, object]) -> Lease:
        """POST a lease, once."""
        return self._one(self._write('POST', self.PATH, values))

    def update(self, lease_id: str, **changes: object) -> Lease:
        """Change attributes of a lease.

        :param changes: ``name``, ``start_date``, ``end_date``, ``before_end_date``, and
            ``reservations`` with the ``id`` of each and what shall change.
        :returns: the lease as the answer shows it, mostly in ``UPDATING``.
        :raises blazarclient.exception.InvalidInput: for an attribute that only the service sets,
            which Blazar would ignore.
        """
        if not changes:
            raise exception.InvalidInput('Nothing to change was given: name an attribute.')
        for name in changes:
            if (field := Lease.field(name)).read_only:
                raise field.refused()
        return self.put(lease_id, lambda spoken: Lease.encode(changes, spoken))

    def put(self, lease_id: str, encode: Callable[[Spoken], Mapping[str, Any]]) -> Lease:
        """Send a change, and again when the answer was lost or the lease was between states."""

        def send() -> Lease:
            return self._one(
                self.transport.write(
                    'PUT', self._url(lease_id), encode, since=Lease.SINCE, needs=Lease.needs
                )
            )

        def vanished(error: exception.NotFound) -> Lease:
            raise error

        return self._persistent(lease_id, send, vanished)

    def delete(self, lease_id: str) -> None:
        """Delete a lease, which also ends it; one that is just starting is waited for.

        :raises blazarclient.exception.NotFound: when there is none.
        """

        def send() -> None:
            self.transport.write('DELETE', self._url(lease_id))

        def vanished(_error: exception.NotFound) -> None:
            """That is what was wanted."""

        self._persistent(lease_id, send, vanished, tries=3)

    # ------------------------------------------------------- what makes them reliable

    def _persistent(
        self,
        lease_id: str,
        send: Callable[[], T],
        vanished: Callable[[exception.NotFound], T],
        *,
        tries: int = 1,
    ) -> T:
        """Send what may be repeated, until it is sure that it was carried out or refused.

        The lease is looked at before each repetition. Blazar answers 500 to a change of a lease
        that it is creating, changing, starting or deleting. Of two at a time that both found it
        at rest, one fails half-way (500, or a 404 about something else) and can leave ERROR.

        :param vanished: what it means that a lease that was there is gone.
        :param tries: how often it is sent at least while it fails.
        """
        lost = False
        for attempt in range(self.transport.retries + 1):
            failure: exception.HTTPError | exception.ConnectionFailed
            try:
                return send()
            except exception.NotFound as error:
                if attempt and lease_id in error.detail:
                    return vanished(error)
                if tries == 1 or lease_id in error.detail:
                    raise
                failure = error
            except (exception.ServerError, exception.ConnectionFailed, exception.Conflict) as error:
                failure = _passing(error)
            pause = pause_after(failure, attempt)
            if (_is_unsent(failure) and not lost) or pause == math.inf:
                raise failure
            lost = lost or is_lost(failure)
            time.sleep(pause)
            try:
                lease = self.get(lease_id)
            except exception.NotFound as error:
                if not attempt and isinstance(failure, exception.NotFound):
                    raise
                return vanished(error)
            busy = lease.status in waiting.TRANSITIONAL
            again = lost or busy or _BUSY in str(failure) or attempt + 1 < tries
            if attempt == self.transport.retries or not again:
                raise failure
            if busy:
                waiting.until_stable(lease)
        raise AssertionError('the last attempt returns or raises')


def _passing(
    error: exception.HTTPError | exception.ConnectionFailed,
) -> exception.HTTPError | exception.ConnectionFailed:
    """The error, where it may pass: a gateway says 409 from 1.1 on to what Blazar says 500."""
    if isinstance(error, exception.Conflict) and _BUSY not in str(error):
        raise error
    return error


def _is_unsent(failure: Exception) -> bool:
    return isinstance(failure, exception.ConnectionFailed) and not failure.sent
