"""Every kind of database that the service can keep its tables in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from blazarclient.server.store.database import Database

__all__ = ['database', 'database_url', 'shared_database_url']


@pytest.fixture(params=['memory', 'file', 'mariadb'])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == 'memory':
        return 'sqlite://'
    return _shared(request, tmp_path)


@pytest.fixture(params=['file', 'mariadb'])
def shared_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database that several processes can use, of each kind in turn."""
    return _shared(request, tmp_path)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with its tables, of each kind in turn."""
    from blazarclient.server.store.database import Database

    made = Database(database_url)
    made.upgrade()
    yield made
    made.dispose()


def _shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == 'file':
        return f'sqlite:///{tmp_path / "reservation.db"}'
    url: str = request.getfixturevalue('mariadb_url')
    return url
