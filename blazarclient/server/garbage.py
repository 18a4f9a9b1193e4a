"""How often a server process looks for garbage.

A list of leases makes five objects of each, none of them in a cycle. With Python's thresholds a
third of the time of a long list goes into looking at them again and again.
"""

from __future__ import annotations

import gc

__all__ = ['look_less_often']


def look_less_often() -> None:
    """Never look at what is there by now, and rarely at what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
