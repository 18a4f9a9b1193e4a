"""Values of a JSON body, from microversion 1.1 on: what cannot be is refused by its name. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NoReturn

from blazarclient import exception, times
from blazarclient.server import errors

__all__ = ['check_names', 'refuse', 'shown', 'texts', 'time_of']

_LONGEST_SHOWN = 80


def check_names(values: object, known: Collection[str], what: str) -> Mapping[str, Any]:
    """A body that has to be a JSON object with no fields but these.

    :param what: ``a subscription``.
    :raises blazarclient.server.errors.InvalidInput: naming the field, and the one that was meant.
    """
    if not isinstance(values, Mapping):
        raise errors.InvalidInput(f'The body has to be a JSON object that describes {what}.')
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            names = ', '.join(sorted(known))
            hint = f'did you mean {close[0]}?' if close else f'known are {names or "none"}.'
            raise errors.InvalidInput(f'{shown(name)} is no field of {what}; {hint}')
    return values


def texts(name: str, value: object, limit: int, *, longest: int = 255) -> list[str]:
    """A list of texts, each once.

    :param limit: entries at most.
    :param longest: characters of an entry at most.
    :raises blazarclient.server.errors.InvalidInput: it is none.
    """
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        refuse(name, value, 'it has to be a list of texts')
    if len(value) > limit:
        raise errors.InvalidInput(f'{name} has {len(value)} entries; it may have {limit}.')
    for text in value:
        if not text or len(text) > longest:
            refuse(name, text, f'an entry has 1 to {longest} characters')
    return [*dict.fromkeys(value)]


def time_of(name: str, value: object) -> datetime:
    """A time, as naive UTC.

    :raises blazarclient.server.errors.InvalidInput: it is none.
    """
    try:
        # Our own grammar is wider: people write +3h.
        read = times.parse_time(value if isinstance(value, str) and value[:1].isdigit() else '')
    except exception.InvalidInput:
        refuse(name, value, 'it has to be a time such as 2026-11-20T15:00:00Z')
    return read.replace(tzinfo=None)


def refuse(name: str, value: object, why: str) -> NoReturn:
    """Say that a field cannot have a value.

    :raises blazarclient.server.errors.InvalidInput: always.
    """
    raise errors.InvalidInput(f'{name} = {shown(value)} cannot be: {why}.')


def shown(value: object) -> str:
    """A value as a sentence has it, which stays one however long the value is."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f'{text[: _LONGEST_SHOWN - 3]}...'
