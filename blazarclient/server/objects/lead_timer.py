"""Warnings a while before the end of a lease, at the lead times that subscriptions ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from blazarclient.server.context import RequestContext
from blazarclient.server.objects import lease_document, notification_types, transitions, wire_times
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription_request import lead_seconds
from blazarclient.server.store import lead_timers, log
from blazarclient.server.store.rows import Row

if TYPE_CHECKING:
    from blazarclient.server.objects.subscription import Subscription

__all__ = ['LeadTimer', 'iso_duration']

#: A moment that has passed when a lease is made or moved is still told of for so long.
_GRACE = timedelta(minutes=5)
#: How many timers are written at a time.
_PORTION = 1000


def iso_duration(seconds: int) -> str:
    """So many seconds as an ISO 8601 duration: ``P1DT2H``."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    clock = ''.join(f'{n}{unit}' for n, unit in ((hours, 'H'), (minutes, 'M'), (rest, 'S')) if n)
    if not days:
        return f'PT{clock or "0S"}'
    return f'P{days}D{"T" if clock else ""}{clock}'


@dataclasses.dataclass(frozen=True, slots=True)
class LeadTimer:
    """A moment at which somebody wants to hear that a lease ends so many seconds later.

    There is one for each lease, end and lead time, however many subscriptions ask for it. It is
    armed when the lease is recorded or the subscription made, and told of once: a lease that is
    moved and moved back does not bring the same warning again.
    """

    lease_id: str
    #: Naive UTC.
    end_date: datetime
    lead_seconds: int
    due_at: datetime

    # ------------------------------------------------------------------- arming

    @classmethod
    def rearm(cls, ctx: RequestContext, document: Mapping[str, Any]) -> None:
        """Let the timers of a lease be those of its end as it is now.

        :param document: the lease, in Blazar's form and without its trust.
        """
        lease_id, end_date = document['id'], wire_times.read(document['end_date'])
        with ctx.transaction() as connection:
            log.hold(connection)
            now = ctx.now()
            if not lead_timers.is_concerned(connection, lease_id, document['project_id'], now):
                return
            if document.get('status') in lead_timers.OVER:
                lead_timers.drop(connection, lease_id)
                return
            there = set()
            for timer in lead_timers.of_leases(connection, [lease_id]):
                there.add((timer['end_date'], timer['lead_seconds']))
            if any(end != end_date for end, lead in there):
                lead_timers.drop(connection, lease_id, but=end_date)
            leads = _leads(lead_timers.asked_for(connection, document['project_id'], now), document)
            missing = [lead for lead in leads if (end_date, lead) not in there]
            lead_timers.insert(connection, _timers(lease_id, end_date, missing, now))

    @classmethod
    def arm_for(cls, ctx: RequestContext, subscription: Subscription) -> None:
        """Arm what a subscription that was made or changed asks for, in the same transaction."""
        if not subscription.before_end:
            return
        asking = {
            name: getattr(subscription, name)
            for name in (
                'scope', 'project_id', 'user_id', 'lease_ids', 'resource_types', 'before_end'
            )
        }  # fmt: skip
        with ctx.transaction() as connection:
            log.hold(connection)
            now = ctx.now()
            found = lead_timers.copies(
                connection,
                project_id=None if subscription.scope == 'all' else subscription.project_id,
                lease_ids=subscription.lease_ids,
                since=now,
            )
            there = {
                (timer['lease_id'], timer['end_date'], timer['lead_seconds'])
                for timer in lead_timers.of_leases(connection, [each['lease_id'] for each in found])
            }
            new: list[Row] = []
            for copy in found:
                lease_id, end_date = copy['lease_id'], copy['end_date']
                leads = _leads([asking], copy['document'])
                missing = [each for each in leads if (lease_id, end_date, each) not in there]
                new += _timers(lease_id, end_date, missing, now)
            for first in range(0, len(new), _PORTION):
                lead_timers.insert(connection, new[first : first + _PORTION])

    @classmethod
    def drop(cls, ctx: RequestContext, lease_id: str) -> None:
        """Forget the timers of a lease that is gone."""
        with ctx.transaction() as connection:
            log.hold(connection)
            lead_timers.drop(connection, lease_id)

    # ------------------------------------------------------------------- firing

    @classmethod
    def fire_due(cls, ctx: RequestContext, limit: int = 200, *, lease_id: str | None = None) -> int:
        """Publish the warnings that are due, and forget their timers, in one transaction.

        Those of an end that a lease no longer has, of a lease that is over and those that nobody
        asks for any more are only forgotten.

        :param limit: how many at most.
        :param lease_id: of one lease only.
        :returns: how many timers were due.
        """
        with ctx.transaction() as connection:
            log.hold(connection)
            now = ctx.now()
            timers = [
                cls(**row)
                for row in lead_timers.due(connection, now, limit=limit, lease_id=lease_id)
            ]
            if not timers:
                return 0
            lead_timers.delete(connection, [dataclasses.asdict(each) for each in timers])
            copies = {
                row['lease_id']: row
                for row in lead_timers.copies(
                    connection, lease_ids={each.lease_id for each in timers}
                )
            }
            asking: dict[str, list[Row]] = {}
            for timer in timers:
                copy = copies.get(timer.lease_id)
                if copy is None or copy['end_date'] != timer.end_date:
                    continue
                project_id = copy['project_id']
                if project_id not in asking:
                    asking[project_id] = lead_timers.asked_for(connection, project_id, now)
                if timer.lead_seconds in _leads(asking[project_id], copy['document']):
                    timer._publish(ctx, copy['document'], now)
        return len(timers)

    @staticmethod
    def next_due(ctx: RequestContext) -> datetime | None:
        """When the next timer is due, naive UTC; None when there is none."""
        with ctx.transaction(write=False) as connection:
            return lead_timers.next_due(connection)

    def _publish(self, ctx: RequestContext, document: Mapping[str, Any], now: datetime) -> None:
        remaining = max(0, round((self.end_date - now).total_seconds()))
        Notification.publish(
            ctx,
            notification_types.BEFORE_END,
            transitions.lead(self.lease_id, self.end_date, self.lead_seconds),
            source='timer',
            time=self.due_at,
            lease=document,
            lead_seconds=self.lead_seconds,
            expires_at=self.end_date,
            details={
                'lead_time': iso_duration(self.lead_seconds),
                'remaining_seconds': remaining,
            },
        )


def _leads(asking: Iterable[Mapping[str, Any]], document: Mapping[str, Any]) -> list[int]:
    """The lead times that subscriptions ask for, of a lease that they could hear of."""
    found: set[int] = set()
    kinds: set[str] | None = None
    for each in asking:
        if each['scope'] != 'all' and each['project_id'] != document['project_id']:
            continue
        if each['scope'] == 'user' and each['user_id'] != document['user_id']:
            continue
        if each['lease_ids'] and document['id'] not in each['lease_ids']:
            continue
        if each['resource_types']:
            if kinds is None:
                kinds = {*lease_document.resource_types(document)}
            if not kinds & {*each['resource_types']}:
                continue
        found.update(map(lead_seconds, each['before_end']))
    return sorted(found)


def _timers(lease_id: str, end_date: datetime, leads: Iterable[int], now: datetime) -> list[Row]:
    """The timers of an end that is to come, but for those whose moment has passed."""
    return [
        {'lease_id': lease_id, 'end_date': end_date, 'lead_seconds': lead, 'due_at': due_at}
        for lead in leads
        if end_date > now and (due_at := end_date - timedelta(seconds=lead)) >= now - _GRACE
    ]
