"""Fixtures of the tests of commands."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_client_of_an_earlier_test() -> Iterator[None]:
    """OpenStackClient keeps the clients it made for as long as the process lives; we do not."""
    yield
    if manager := sys.modules.get('osc_lib.clientmanager'):
        for kept in vars(manager.ClientManager).values():
            if hasattr(kept, '_handle'):
                kept._handle = None
