"""A service on each kind of database, and a receiver of what it sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deliveries import Deliveries
from tests.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything, until a test tells it otherwise."""
    with Receiver() as running:
        yield running


@pytest.fixture
def service(database_url: str) -> Iterator[Deliveries]:
    """A service on each kind of database, whose clock stands still."""
    made = Deliveries(database_url)
    yield made
    made.close()
