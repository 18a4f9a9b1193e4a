"""Warnings before the end of leases that are moved: each is given once, and in time."""

from __future__ import annotations

from tests.faults import FULL
from tests.faults.lead_times import LEADS, run

LEASES, TOGETHER = (1000, 250) if FULL else (40, 20)


def test_each_warning_is_given_once_and_in_time(shared_database_url: str) -> None:
    """Of leases moved twice each lead time is told of once, within 2 s, and none of old dates."""
    found = run(shared_database_url, leases=LEASES, together=TOGETHER)

    assert found.wanted == LEASES * len(LEADS)
    assert (found.given, found.twice, found.of_old_dates) == (found.wanted, 0, 0)
    assert found.late[0] >= 0
    assert found.late[-1] <= 2
