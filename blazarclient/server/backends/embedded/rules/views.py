"""What the rules look at: periods, hosts, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ['Held', 'HostView', 'Period', 'by_number', 'during']

# Every time of the service is naive UTC.
_FIRST, _LAST = datetime.min, datetime.max  # noqa: DTZ901


@dataclass(frozen=True, slots=True)
class Period:
    """The time from ``start`` to just before ``end``, both naive UTC."""

    start: datetime
    end: datetime

    def widened(self, minutes: int) -> Period:
        """The period with some minutes more before and after it."""
        margin = timedelta(minutes=minutes)
        return Period(
            self.start - min(margin, self.start - _FIRST),
            self.end + min(margin, _LAST - self.end),
        )

    def overlaps(self, other: Period) -> bool:
        """Whether the two have any time in common."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class HostView:
    """A host as filters and rules see it."""

    id: str
    #: What Blazar has as columns: ``vcpus``, ``memory_mb``, ``local_gb`` and so on.
    columns: Mapping[str, object]
    #: What an administrator has said of it, all as texts.
    capabilities: Mapping[str, str] = field(default_factory=dict)
    reservable: bool = True
    #: Resource class -> how much of it can be used.
    inventory: Mapping[str, int] = field(default_factory=dict)
    #: Resource class -> how much of it one instance can use.
    largest: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """One slot of one reservation: a host, a share of one, or an address, for some time."""

    resource_id: str
    reservation_id: str
    resource_type: str
    period: Period
    #: Resource class -> how much of it the slot uses; nothing for what is held whole.
    usage: Mapping[str, int] = field(default_factory=dict)


def by_number(hosts: Iterable[HostView]) -> list[HostView]:
    """The hosts that can be reserved, in the order of their IDs as numbers."""
    return sorted((host for host in hosts if host.reservable), key=lambda host: _number(host.id))


def during(held: Iterable[Held], period: Period) -> list[Held]:
    """What is held at some time of a period."""
    return [each for each in held if each.period.overlaps(period)]


def _number(host_id: str) -> tuple[int, str]:
    return (int(host_id), '') if host_id.isdecimal() else (-1, host_id)
