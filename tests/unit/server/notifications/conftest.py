"""Fixtures of the tests of the sources of notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

# It imports oslo.messaging, with the warnings of what that imports put aside.
import blazarclient.server.notifications.bus  # noqa: F401
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.policy import Policy
from blazarclient.server.store import log
from blazarclient.server.store.database import Database

POLICY = Policy()


class Gateway:
    """The database of a service in front of a Blazar."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def context(self) -> RequestContext:
        """A context of the service."""
        return RequestContext.for_service(self.database, POLICY, Settings())

    def entries(self) -> list[dict[str, Any]]:
        """The log."""
        with self.database.transaction(write=False) as connection:
            return log.entries(connection, after=0, limit=10_000)

    def told(self) -> list[tuple[str, str]]:
        """Source and type of each entry of the log."""
        return [(each['source'], each['type']) for each in self.entries()]


@pytest.fixture
def gateway(database: Database) -> Gateway:
    """A service on each kind of database."""
    return Gateway(database)


@pytest.fixture
def small_gateway() -> Iterator[Gateway]:
    """A service with its database in memory."""
    database = Database('sqlite://')
    database.upgrade()
    yield Gateway(database)
    database.dispose()
