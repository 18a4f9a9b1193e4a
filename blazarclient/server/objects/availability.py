"""When enough hosts are free: counts for everybody who may ask, names for who may list hosts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, Self

from blazarclient.server import errors
from blazarclient.server.backends.embedded import filters, rules
from blazarclient.server.backends.embedded.rules import Held, HostView, Period, Window
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import wire_times
from blazarclient.server.objects.base import Registry, StoredObject, fields
from blazarclient.server.objects.host import Host
from blazarclient.server.objects.placement import Calendar

__all__ = ['RESOURCE_TYPE', 'Availability', 'Inventory', 'Wanted']

#: The only kind of resource of which windows are known.
RESOURCE_TYPE = 'physical:host'

_MINUTE = timedelta(minutes=1)
#: How far is looked ahead where it is not said.
_AHEAD = timedelta(days=30)
#: A property by which nobody can ask, and those by which only who may list hosts can ask for more
#: than one value: by "<" and ">" a name is found letter by letter.
_SECRET = frozenset({'trust_id'})
_NAMES = frozenset({'hypervisor_hostname', 'id', 'service_name'})
_PLAIN = frozenset({'==', '!='})
_COLUMNS = frozenset(Host.COLUMNS)


class Inventory(Protocol):
    """What another service knows of hosts, in Blazar's forms."""

    def list_hosts(self) -> Sequence[Mapping[str, Any]]:
        """The hosts that can be reserved."""

    def list_allocations(self) -> Sequence[Mapping[str, Any]]:
        """Which reservation holds which host."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked for; times are naive UTC, and None where they are not said."""

    minimum: int
    maximum: int | None
    duration: timedelta
    earliest: datetime | None = None
    latest: datetime | None = None
    hypervisor_properties: str = ''
    resource_properties: str = ''

    def period(self, now: datetime) -> Period:
        """In which to look: whole minutes, none of them gone.

        :raises blazarclient.server.errors.InvalidInput: for what no period can be.
        """
        if self.maximum is not None and self.maximum < self.minimum:
            raise errors.InvalidInput(
                f'max={self.maximum} cannot be: expected min ({self.minimum}) or more.'
            )
        if self.duration < _MINUTE:
            raise errors.InvalidInput('duration: expected a minute or more.')
        # A lease can begin in the minute that has begun.
        start = _floor(now)
        try:
            if self.earliest is not None and self.earliest > start:
                start = _floor(self.earliest + _MINUTE - timedelta.resolution)
            end = _floor(self.latest) if self.latest else start + _AHEAD
        except OverflowError:
            raise errors.InvalidInput('earliest: it is too far away.') from None
        if self.latest is not None and self.latest < (self.earliest or start):
            raise errors.InvalidInput(
                f'latest={wire_times.wire_utc(self.latest)} cannot be: expected a time after '
                f'{wire_times.wire_utc(self.earliest or start)}.'
            )
        return Period(start, max(start, end))


@Registry.register
class Availability(StoredObject):
    """A period in which some hosts are free from its start to its end."""

    # Version 1.0: start, end, available, total, and the names of the hosts.
    VERSION = '1.0'

    COLUMNS = ('start', 'end', 'available', 'total', 'hosts')
    fields = {
        'start': fields.DateTimeField(tzinfo_aware=False),
        'end': fields.DateTimeField(tzinfo_aware=False),
        'available': fields.IntegerField(),
        'total': fields.IntegerField(),
        'hosts': fields.ListOfStringsField(nullable=True),
    }

    start: datetime
    end: datetime
    #: How many of the hosts that match are free all the time.
    available: int
    #: How many match.
    total: int
    #: The names of those that are free; None for who may not list hosts.
    hosts: list[str] | None

    @classmethod
    def list(
        cls,
        ctx: RequestContext,
        wanted: Wanted,
        limit: int,
        inventory: Callable[[], Inventory] | None = None,
    ) -> list[Self]:
        """The periods in which that many hosts that match are free for that long.

        :param limit: of the earliest so many.
        :param inventory: what knows the hosts; by default they are in this service's database.
        :raises blazarclient.server.errors.InvalidInput: for what cannot be asked.
        """
        ctx.require('reservation:availability:get')
        may_list = ctx.may('blazar:oshosts:get', {'project_id': ctx.project_id})
        period = wanted.period(ctx.now())
        hosts, held = _own(ctx, period) if inventory is None else _blazars(inventory())
        matching = _matching(hosts, wanted, may_list=may_list)
        found = rules.windows(
            [each.id for each in matching], held, wanted.minimum, wanted.duration, period
        )
        names = {each.id: str(each.columns.get('hypervisor_hostname') or '') for each in matching}
        return [
            cls._of(ctx, each, len(matching), names if may_list else None)
            for each in itertools.islice(found, limit)
        ]

    @classmethod
    def _of(
        cls, ctx: RequestContext, window: Window, total: int, names: Mapping[str, str] | None
    ) -> Self:
        return cls(
            ctx,
            start=window.period.start,
            end=window.period.end,
            available=len(window.host_ids),
            total=total,
            hosts=None if names is None else sorted(names[each] for each in window.host_ids),
        )

    def render(self, microversion: str) -> dict[str, Any]:
        """The period as the API shows it."""
        values = self.answered(microversion)
        shown: dict[str, Any] = {
            'start': wire_times.wire_utc(values['start']),
            'end': wire_times.wire_utc(values['end']),
            'available': values['available'],
            'total': values['total'],
        }
        if values['hosts'] is not None:
            shown['hosts'] = values['hosts']
        return shown


def _own(ctx: RequestContext, period: Period) -> tuple[list[HostView], list[Held]]:
    """The hosts in this service's database, and what is held of them, cleaning included."""
    with ctx.transaction(write=False) as connection:
        calendar = Calendar(ctx, connection)
        held = calendar.held('host', calendar.with_margin(period))
        widened = [
            dataclasses.replace(each, period=calendar.with_margin(each.period)) for each in held
        ]
        return [*calendar.hosts], widened


def _blazars(inventory: Inventory) -> tuple[list[HostView], list[Held]]:
    """The hosts of a Blazar, and what is held of them."""
    try:
        hosts = [
            HostView(
                str(each['id']),
                {key: value for key, value in each.items() if key in _COLUMNS},
                {key: value for key, value in each.items() if key not in _COLUMNS},
            )
            for each in inventory.list_hosts()
            if each.get('reservable', True)
        ]
        held = [
            Held(
                str(allocation['resource_id']),
                str(each['id']),
                RESOURCE_TYPE,
                Period(wire_times.read(each['start_date']), wire_times.read(each['end_date'])),
            )
            for allocation in inventory.list_allocations()
            for each in allocation['reservations']
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise errors.BadGateway(
            'The reservation service behind this gateway describes hosts in a form of its own.'
        ) from None
    return hosts, held


def _matching(hosts: Sequence[HostView], wanted: Wanted, *, may_list: bool) -> Sequence[HostView]:
    """The hosts that a lease with these filters could get."""
    found = hosts
    for name in ('hypervisor_properties', 'resource_properties'):
        text = getattr(wanted, name)
        try:
            conditions = filters.parse(text)
        except errors.Internal:
            raise errors.MalformedRequirements(text) from None
        for each in conditions if hosts else ():
            _check(name, each, may_list=may_list)
            try:
                # What no host has is unknown, also when those that have it do not match.
                matching = filters.matching([each], hosts)
            except errors.UnknownProperty:
                raise errors.InvalidInput(f'{name}: no host has a property {each.key!r}.') from None
            except (errors.DatabaseRefused, errors.Internal):
                raise errors.MalformedRequirements(text) from None
            ids = {host.id for host in matching}
            found = [host for host in found if host.id in ids]
    return found


def _check(name: str, condition: filters.Condition, *, may_list: bool) -> None:
    if condition.key in _SECRET:
        raise errors.InvalidInput(f'{name}: no host has a property {condition.key!r}.')
    if condition.key in _NAMES and condition.operator not in _PLAIN and not may_list:
        raise errors.InvalidInput(f'{name}: {condition.key!r} can be compared with == and != only.')


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
