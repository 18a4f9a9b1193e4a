"""What the real cloud does and a sandbox does not: tests that cannot hold there, and why."""

import fnmatch
from collections.abc import Mapping, Sequence

import pytest

#: Pattern of node IDs below tests/functional -> reason.
DIFFERENCES: Mapping[str, str] = {}


def mark(items: Sequence[pytest.Item]) -> list[str]:
    """Expect the tests that are listed here to fail; one that passes fails the run.

    :returns: the patterns that match none of these tests.
    """
    unused = []
    for pattern, reason in DIFFERENCES.items():
        matching = [each for each in items if fnmatch.fnmatchcase(_name(each), pattern)]
        for item in matching:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        if not matching:
            unused.append(pattern)
    return unused


def _name(item: pytest.Item) -> str:
    """``test_host.py::test_show[openstack]``; patterns have no use for brackets."""
    return item.nodeid.rpartition('/')[2].replace('[', '(').replace(']', ')')
