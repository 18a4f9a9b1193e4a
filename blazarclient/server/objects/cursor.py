"""Places in the log, as readers of it keep them: the sequence of an entry in twenty digits. Pure.

They sort as texts like the entries do.
"""

from __future__ import annotations

__all__ = ['read', 'write']

_DIGITS = 20


def write(sequence: int) -> str:
    """The cursor of what comes after an entry of the log."""
    return f'{sequence:0{_DIGITS}d}'


def read(text: object) -> int | None:
    """The sequence that a cursor says; None for what is none. Zeros in front may be left out."""
    if isinstance(text, str) and len(text) <= _DIGITS and text.isascii() and text.isdigit():
        return int(text)
    return None
