"""Leases as objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease import Lease
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database


@pytest.fixture
def ctx() -> Iterator[RequestContext]:
    database = Database('sqlite://')
    database.upgrade()
    yield RequestContext.for_service(database, Policy(), Settings())
    database.dispose()


def test_events_that_a_request_brings(ctx: RequestContext) -> None:
    """They are kept, and neither start nor end a lease, whichever comes first in a list."""
    made = Lease.create(
        ctx,
        {
            'name': 'x',
            'start_date': '2090-01-01 10:00',
            'end_date': '2090-01-01 12:00',
            'events': [{'event_type': 'start_lease'}, {'event_type': 'end_lease'}] * 8,
        },
    )
    made.update({'end_date': '2090-01-01 11:30'})
    lease = Lease.get_by_id(ctx, made.id)
    assert lease.status == 'PENDING'
    ends = [str(each.time) for each in lease.events if each.event_type == 'end_lease']
    assert sorted(ends) == ['2090-01-01 11:30:00', *['None'] * 8]
