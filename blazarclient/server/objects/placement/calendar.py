"""What is held when: the database's allocations, and those that this request has planned."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from blazarclient.server.backends.embedded import rules
from blazarclient.server.backends.embedded.rules import Held, Period
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import releases
from blazarclient.server.objects.allocation import Allocation
from blazarclient.server.objects.host import Host
from blazarclient.server.store import allocations

__all__ = ['Calendar', 'Planned']


@dataclasses.dataclass(frozen=True)
class Planned:
    """A reservation that can be made: its parameters, and the resource of each of its slots."""

    reservation_id: str
    resource_type: str
    #: ``host`` or ``floatingip``.
    kind: str
    parameters: Mapping[str, Any]
    resources: Sequence[str]


class Calendar:
    """What is held on hosts and floating IPs, as one transaction sees it.

    Whoever makes one has to hold the lock ``allocations``, or what it shows may change.
    """

    def __init__(self, ctx: RequestContext, connection: Connection) -> None:
        self.ctx = ctx
        self.connection = connection
        self._planned: list[tuple[Planned, Period]] = []

    @cached_property
    def hosts(self) -> Sequence[rules.HostView]:
        """Every reservable host."""
        return Host.views(self.ctx)

    def with_margin(self, period: Period) -> Period:
        """A period with the time that hosts need to be cleaned, before and after it."""
        return period.widened(self.ctx.settings.cleaning_time)

    def held(self, kind: str, period: Period, *, but: str | None = None) -> list[Held]:
        """Every slot that is held at some time of a period.

        :param but: a reservation whose slots are left out.
        """
        rows = allocations.overlapping(self.connection, kind, period.start, period.end)
        found = [
            Held(
                row['resource_id'],
                row['reservation_id'],
                row['resource_type'],
                Period(row['start_date'], row['end_date']),
                _usage(row['resource_type'], row['parameters']),
            )
            for row in rows
            if row['reservation_id'] != but
        ]
        for plan, when in self._planned:
            if plan.kind == kind and when.start < period.end and period.start < when.end:
                usage = _usage(plan.resource_type, plan.parameters)
                found += [
                    Held(resource, plan.reservation_id, plan.resource_type, when, usage)
                    for resource in plan.resources
                ]
        return found

    def never_held(self, kind: str) -> set[str]:
        """The resources that nothing holds at any time."""
        planned = {
            each for plan, _ in self._planned if plan.kind == kind for each in plan.resources
        }
        return allocations.never_held(self.connection, kind) - planned

    def add(self, plan: Planned, period: Period) -> Planned:
        """Count a planned reservation from now on."""
        self._planned.append((plan, period))
        return plan

    def hold(
        self, kind: str, reservation_id: str, resources: Sequence[str], period: Period
    ) -> None:
        """Store one allocation for each slot.

        :param resources: the host or floating IP of each slot.
        """
        version = releases.stored_version('Allocation', Allocation.VERSION, self.ctx.settings.pin)
        slots = [
            {
                'id': str(uuid.uuid4()),
                'version': version,
                'resource_id': each,
                'reservation_id': reservation_id,
                'start_date': period.start,
                'end_date': period.end,
            }
            for each in resources
        ]
        allocations.insert(self.connection, kind, slots)


def _usage(resource_type: str, parameters: Mapping[str, Any]) -> Mapping[str, int]:
    """What one slot of a reservation takes of its host."""
    if resource_type == 'virtual:instance':
        return rules.instance_usage(
            parameters['vcpus'], parameters['memory_mb'], parameters['disk_gb']
        )
    if resource_type == 'flavor:instance':
        return rules.flavor_usage(json.loads(parameters['resource_properties']))
    return {}
