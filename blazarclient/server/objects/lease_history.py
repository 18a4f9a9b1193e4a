"""What has happened to a lease, seen from two of its documents; pure.

Both the bus and the comparison learn of most of it by what differs between the lease as it was
known and as it is now: a message that comes may also show what one that was lost had to tell.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from blazarclient.server.objects import lease_document, notification_types, transitions, wire_times
from blazarclient.server.objects.lead_timer import iso_duration

__all__ = [
    'TRANSITIONAL',
    'Document',
    'Happening',
    'between',
    'cancelled',
    'carried_out',
    'created',
    'deleted',
    'event_row',
    'updated',
    'written_at',
]

#: A lease in Blazar's form.
Document = Mapping[str, Any]

#: Statuses in which Blazar is changing a lease: what can be seen of it may be half of a change.
TRANSITIONAL = frozenset({'CREATING', 'STARTING', 'UPDATING', 'TERMINATING', 'DELETING'})

#: Blazar's event -> the part of a lease's life that it is, and what it is called when it is done.
_EVENTS: Mapping[str, tuple[str, str]] = {
    'start_lease': ('start', notification_types.STARTED),
    'before_end_lease': ('before_end', notification_types.BEFORE_END),
    'end_lease': ('end', notification_types.ENDED),
}
_OVER = ('DONE', 'ERROR')


@dataclasses.dataclass(frozen=True, slots=True)
class Happening:
    """Something to publish."""

    kind: str
    transition: str
    #: Naive UTC, as all times here.
    time: datetime
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    expires_at: datetime | None = None


def created(lease: Document, now: datetime) -> Happening:
    """The lease was made.

    :param now: when, unless the lease says so itself.
    """
    return Happening(
        notification_types.CREATED,
        transitions.created(lease['id']),
        _time(lease.get('created_at')) or now,
    )


def updated(before: Document | None, lease: Document, transition: str, now: datetime) -> Happening:
    """The lease was changed.

    :param before: None where it is not known how it was.
    """
    new = lease_document.parts(lease)
    old = new if before is None else lease_document.parts(before)
    changed = [name for name in new if new[name] != old[name]]
    return Happening(notification_types.UPDATED, transition, now, {'changed': changed})


def deleted(lease: Document, now: datetime) -> Happening:
    """The lease is gone.

    :param lease: as it was seen last.
    """
    start, end = event_row(lease, 'start_lease'), event_row(lease, 'end_lease')
    has_started = start is not None and start.get('status') == 'DONE'
    has_ended = end is not None and end.get('status') in _OVER
    return Happening(
        notification_types.DELETED,
        transitions.deleted(lease['id']),
        now,
        {'was_active': has_started and not has_ended},
    )


def cancelled(row: Mapping[str, Any], now: datetime) -> Happening:
    """A warning that was given does not hold: it will be given for another moment.

    :param row: the event, as it is now.
    """
    # The bus shows the event after it was moved only, so the new moment is what all sources know.
    key = transitions.unique('cancelled', f'{row["id"]}:{row["time"]}')
    return Happening(notification_types.CANCELLED, key, now)


def carried_out(
    lease: Document, row: Mapping[str, Any], now: datetime, *, failed: bool
) -> Happening:
    """An event of the lease is done, or has failed.

    :param row: the event.
    """
    phase, kind = _EVENTS[row['event_type']]
    due = wire_times.read(row['time'])
    # Blazar lets the time of a start or an end change for a minute after it was carried out, and
    # carries out neither again.
    is_again = row['event_type'] == 'before_end_lease'
    key = transitions.event(row['id'], due) if is_again else transitions.unique('event', row['id'])
    if failed:
        return Happening(notification_types.FAILED, key, now, {'phase': phase})
    if kind != notification_types.BEFORE_END:
        return Happening(kind, key, now)
    end = wire_times.read(lease['end_date'])
    details = {
        'lead_time': iso_duration(max(0, round((end - due).total_seconds()))),
        'remaining_seconds': max(0, round((end - now).total_seconds())),
    }
    return Happening(kind, key, now, details, expires_at=end)


def between(before: Document | None, lease: Document, now: datetime) -> list[Happening]:
    """What has happened to a lease but for what an update changes, in the order of time.

    Each has the name that every source has for it.

    :param before: the lease as it was known; None when it was not there.
    :param now: the time of what does not say when it was.
    """
    found = [*_events(before, lease, now), *_degraded(before, lease, now)]
    failed = any(each.kind == notification_types.FAILED for each in found)
    was = None if before is None else before.get('status')
    if lease.get('status') == 'ERROR' != was and not failed and not _has_failed_event(lease):
        # An update or a deletion that could not be carried out; Blazar tells nobody.
        moment = written_at(lease)
        key = transitions.unique('failed', f'{lease["id"]}:{moment.isoformat()}')
        found.append(Happening(notification_types.FAILED, key, moment, {'phase': 'update'}))
    return sorted(found, key=attrgetter('time'))


def event_row(lease: Document, kind: str) -> Mapping[str, Any] | None:
    """The event of a kind; None where the lease has none that has a time."""
    for each in lease.get('events') or []:
        if each['event_type'] == kind and each.get('time'):
            row: Mapping[str, Any] = each
            return row
    return None


def written_at(lease: Document) -> datetime:
    """When Blazar has written the lease last, by its own clock and to the second.

    Each update writes it at its beginning and at its end: it is UPDATING in between.
    """
    return wire_times.read(lease.get('updated_at') or lease['created_at'])


def _events(before: Document | None, lease: Document, now: datetime) -> Iterator[Happening]:
    for kind in _EVENTS:
        row = event_row(lease, kind)
        if row is None:
            continue
        was = (event_row(before, kind) if before else None) or {}
        status, old = row.get('status'), was.get('status')
        is_moved = bool(was) and was['time'] != row['time']
        # Only a warning is given again after it was moved.
        is_again = kind == 'before_end_lease' and old == 'DONE' and is_moved
        when = _time(row.get('updated_at')) or now
        if is_again and status in ('UNDONE', 'IN_PROGRESS', *_OVER):
            yield cancelled(row, min(when, now))
        if status in _OVER and (status != old or is_again):
            yield carried_out(lease, row, when, failed=status == 'ERROR')


def _degraded(before: Document | None, lease: Document, now: datetime) -> Iterator[Happening]:
    known = {each['id']: each for each in (before or {}).get('reservations') or []}
    flags = ('missing_resources', 'resources_changed')
    found = [
        each
        for each in lease.get('reservations') or []
        if any(each.get(flag) and not known.get(each['id'], {}).get(flag) for flag in flags)
    ]
    if not found:
        return
    details = [{name: each.get(name) for name in ('id', *flags)} for each in found]
    text = repr([(*(each.get(name) for name in ('id', *flags, 'updated_at')),) for each in found])
    key = f'{lease["id"]}:{hashlib.sha256(text.encode()).hexdigest()}'
    moments = [moment for each in found if (moment := _time(each.get('updated_at')))]
    yield Happening(
        notification_types.DEGRADED,
        transitions.unique('degraded', key),
        max(moments, default=now),
        {'reservations': details},
    )


def _has_failed_event(lease: Document) -> bool:
    return any(each.get('status') == 'ERROR' for each in lease.get('events') or [])


def _time(text: object) -> datetime | None:
    return wire_times.read(text) if isinstance(text, str) and text else None
