"""The pytest fixture ``blazar_sandbox``, which pytest finds by itself.

::

    @pytest.mark.blazar_sandbox(hosts=2, seed='demo')
    def test_my_program(blazar_sandbox):
        subprocess.run(['my-program'], env=blazar_sandbox.environment, check=True)

The marker takes the arguments of :func:`blazarclient.testing.sandbox`, and may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blazarclient import testing

__all__ = ['blazar_sandbox', 'pytest_configure']


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        'markers',
        'blazar_sandbox(hosts=8, seed="empty", speed=1, clock=None, faults=()): what kind of '
        'sandbox the fixture of this name starts',
    )


@pytest.fixture
def blazar_sandbox(request: pytest.FixtureRequest) -> Iterator[testing.Sandbox]:
    """A reservation service of this test's own."""
    marker = request.node.get_closest_marker('blazar_sandbox')
    with testing.sandbox(**(marker.kwargs if marker else {})) as box:
        yield box
