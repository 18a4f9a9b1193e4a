"""Reading what a request wants of a lease: Blazar's order of checks, and its sentences.

Blazar trips over a value of the wrong kind and answers 500; such a value is refused as
:class:`~blazarclient.server.errors.Internal` here, in so many words.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from blazarclient.server import errors

if TYPE_CHECKING:
    from blazarclient.server.objects.lease import Lease

__all__ = ['Change', 'New', 'read_change', 'read_new']

_DATE = '%Y-%m-%d %H:%M'
#: Columns of Blazar's database.
_LONGEST_ID, _LONGEST_NAME, _LONGEST_EVENT_TYPE = 36, 80, 66


@dataclasses.dataclass(frozen=True)
class New:
    """A lease that is wanted. Dates are UTC, without a time zone, to the minute."""

    id: str
    name: str | None
    start_date: datetime
    end_date: datetime
    reservations: Sequence[Mapping[str, Any]]
    #: The kinds of events that were given besides; they never become due.
    other_events: Sequence[str | None]
    #: The text that was given, None when none was.
    before_end_date: str | None

    def before_end(self, default_minutes: int) -> datetime | None:
        """When the lease is about to end; None for never.

        :param default_minutes: how long before the end when the request does not say; 0 for never.
        """
        if self.before_end_date:
            return _inside(self.before_end_date, self.start_date, self.end_date)
        if default_minutes <= 0:
            return None
        return max(self.end_date - timedelta(minutes=default_minutes), self.start_date)


@dataclasses.dataclass(frozen=True)
class Change:
    """What shall change in a lease; dates that stay are here too."""

    name: str | None
    only_name: bool
    start_date: datetime
    end_date: datetime
    before_end_date: datetime | None
    #: Reservation ID -> what was given for it.
    reservations: Mapping[str, Mapping[str, Any]]


def read_new(values: Any, now: datetime) -> New:
    """Read the body of a POST.

    :param now: what the service's clock shows.
    """
    values = _mapping(values)
    missing = [name for name in ('name', 'end_date', 'start_date') if name not in values]
    if missing:
        raise errors.MissingParameter(*missing)
    reservations = [_mapping(each) for each in _list(values.get('reservations', []))]
    for each in reservations:
        if 'resource_type' not in each:
            raise errors.MissingParameter('resource_type')
    minute = now.replace(second=0, microsecond=0)
    start, end = _date(values['start_date'], minute), _date(values['end_date'], minute)
    if start < minute:
        raise errors.InvalidInput('Start date must be later than current date')
    if end <= start:
        raise errors.InvalidInput('End date must be later than start date.')
    events = [_mapping(each) for each in _list(values.get('events', []))]
    return New(
        id=_id(values.get('id')),
        name=_name(values['name']),
        start_date=start,
        end_date=end,
        reservations=reservations,
        other_events=[_event_type(each.get('event_type')) for each in events],
        before_end_date=values.get('before_end_date'),
    )


def read_change(values: Any, lease: Lease, now: datetime) -> Change:
    """Read the body of a PUT.

    :param now: what the service's clock shows.
    """
    values = _mapping(values)
    name = _name(values['name']) if 'name' in values else None
    minute = now.replace(second=0, microsecond=0)
    only_name = not set(values) - {'name'}
    start = _date(values['start_date'], minute) if 'start_date' in values else lease.start_date
    end = _date(values['end_date'], minute) if 'end_date' in values else lease.end_date
    if only_name:
        return Change(name, True, start, end, None, {})
    _check_dates(lease, start, end, minute)
    before_end = None
    if values.get('before_end_date'):
        before_end = _inside(values['before_end_date'], start, end)
    given = [_mapping(each) for each in _list(values.get('reservations', []))]
    return Change(name, False, start, end, before_end, _by_id(given, lease))


def _check_dates(lease: Lease, start: datetime, end: datetime, minute: datetime) -> None:
    # Blazar looks at the dates only, and lets a lease change in the minute in which it has begun
    # or ended.
    past = {each.event_type for each in lease.events if each.status not in (None, 'UNDONE')}
    if (lease.start_date < minute or 'start_lease' in past) and start != lease.start_date:
        raise errors.InvalidInput('Cannot modify the start date of already started leases')
    if lease.start_date > minute > start:
        raise errors.InvalidInput('Start date must be later than current date')
    if lease.end_date < minute or 'end_lease' in past:
        raise errors.InvalidInput('Terminated leases can only be renamed')
    if end < minute or end < start:
        raise errors.InvalidInput('End date must be later than current and start date')


def _by_id(given: Sequence[Mapping[str, Any]], lease: Lease) -> dict[str, Mapping[str, Any]]:
    if any('id' not in each for each in given):
        raise errors.MissingParameter('reservation ID')
    if any(isinstance(each['id'], list | dict) for each in given):
        raise errors.Internal
    known = {each.id for each in lease.reservations}
    unknown = [str(each['id']) for each in given if each['id'] not in known]
    if unknown:
        raise errors.InvalidInput(
            'Please enter valid reservation IDs. Invalid reservation IDs are: '
            + ','.join(sorted(unknown))
        )
    return {each['id']: each for each in given}


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise errors.Internal
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise errors.Internal
    return value


def _id(value: Any) -> str:
    """The ID that was given, whatever it is, or a new one."""
    if value is None:
        return str(uuid.uuid4())
    if not isinstance(value, str | int) or len(str(value)) > _LONGEST_ID:
        raise errors.Internal
    return str(value)


def _name(value: Any) -> str | None:
    return _short(value, _LONGEST_NAME)


def _event_type(value: Any) -> str | None:
    return _short(value, _LONGEST_EVENT_TYPE)


def _short(value: Any, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | int | float) or len(str(value)) > longest:
        raise errors.Internal
    return str(value)


def _date(value: Any, minute: datetime) -> datetime:
    if value == 'now':
        return minute
    if not isinstance(value, str):
        raise errors.Internal
    try:
        return datetime.strptime(value, _DATE)  # noqa: DTZ007 - every time here is UTC
    except ValueError:
        raise errors.InvalidDate(value) from None


def _inside(value: Any, start: datetime, end: datetime) -> datetime:
    """A date that has to lie inside the lease; here ``now`` is no date."""
    if value == 'now':
        raise errors.InvalidDate(value)
    moment = _date(value, start)
    if not start < moment < end:
        raise errors.Forbidden('Datetime is out of lease limits')
    return moment
