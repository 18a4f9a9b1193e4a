"""Many processes append to the log, and readers by cursor see every entry."""

from __future__ import annotations

from tests.faults import FULL
from tests.faults.log_parties import run

WRITERS, READERS = 8, 2
ENTRIES = 100_000 if FULL else 1_600


def test_no_reader_skips_an_entry(shared_database_url: str) -> None:
    """Two readers by cursor see every entry of eight processes, once and in its order."""
    found = run(shared_database_url, writers=WRITERS, readers=READERS, entries=ENTRIES)

    assert len(found.there) == ENTRIES
    # What was undone or published already has left no gap either.
    assert found.there == list(range(1, ENTRIES + 1))
    assert found.seen == [found.there] * READERS
