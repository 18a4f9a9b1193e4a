"""Receivers that mean harm are cut at the limits, and cost next to nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import FULL
from tests.faults.hostile import AT_ONCE, CASES, Case, attack

#: Seconds that an attempt may take; the receivers would go on for half a minute and more.
TIMEOUT = 15.0 if FULL else 1.0
MOST_READ = 80 * 1024
MOST_GROWN = 20 * 1024 * 1024


@pytest.mark.skipif(
    not Path('/proc/self/clear_refs').exists(), reason='only Linux says how large a process was'
)
@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_cut_at_the_limits(case: Case) -> None:
    """Sixteen attempts at one time end as they have to, after few bytes and with little memory."""
    result = attack(case, TIMEOUT)
    assert set(result.outcomes) == {(case.status, case.error)}
    assert len(result.outcomes) == AT_ONCE
    assert result.kept <= 4096
    assert result.read <= MOST_READ
    assert result.grown <= MOST_GROWN
    # Nobody is left with a connection that is still open.
    assert result.cut == result.accepted == AT_ONCE
