"""A tenant who tries everything learns nothing of what others have."""

from __future__ import annotations

from tests.faults import FULL
from tests.faults.tenants import attack, opened

COUNT = 100_000 if FULL else 300


def test_others_learn_nothing(shared_database_url: str) -> None:
    """Lists, guesses, forgeries, markers, cursors, replays, webhooks: nothing foreign is in any."""
    with opened(shared_database_url) as (door, receiver):
        found = attack(door, receiver, count=COUNT, guesses=8 if FULL else 3)
        assert found.leaks == []
        assert found.tells == []
        assert found.answers > 300
