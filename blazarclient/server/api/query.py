"""What stands behind the ``?`` of a request, read by kind; what cannot be is refused."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import flask

from blazarclient.server import errors

__all__ = ['flag', 'moment', 'number', 'one_of', 'text', 'texts']

_TRUE = frozenset({'1', 'on', 't', 'true', 'y', 'yes'})
_FALSE = frozenset({'', '0', 'f', 'false', 'n', 'no', 'off'})
_LONGEST_NUMBER = 20


def text(name: str) -> str | None:
    """A text; None where there is none, or an empty one."""
    return flask.request.args.get(name) or None


def texts(name: str) -> list[str]:
    """Texts that are separated by commas, or the parameter is repeated."""
    given = ','.join(flask.request.args.getlist(name))
    return [each.strip() for each in given.split(',') if each.strip()]


def one_of(name: str, values: Collection[str]) -> str | None:
    """One of some texts; None where there is none.

    :raises blazarclient.server.errors.InvalidInput: for any other.
    """
    found = text(name)
    if found is not None and found not in values:
        raise _refused(name, found, f'one of {", ".join(values)}')
    return found


def number(name: str, default: int, *, least: int, most: int) -> int:
    """A whole number.

    :param default: what it is where there is none.
    :raises blazarclient.server.errors.InvalidInput: it is none, or out of range.
    """
    found = text(name)
    if found is None:
        return default
    if len(found) > _LONGEST_NUMBER or not (found.isascii() and found.isdigit()):
        raise _refused(name, found, f'a whole number from {least} to {most}')
    if not least <= int(found) <= most:
        raise _refused(name, found, f'a whole number from {least} to {most}')
    return int(found)


def flag(name: str) -> bool:
    """Whether something is wanted; not where it is not said.

    :raises blazarclient.server.errors.InvalidInput: for what is neither true nor false.
    """
    found = flask.request.args.get(name, '')
    if found.lower() in _TRUE:
        return True
    if found.lower() in _FALSE:
        return False
    raise _refused(name, found, 'true or false')


def moment(name: str) -> datetime | None:
    """A time, as naive UTC; None where there is none.

    :raises blazarclient.server.errors.InvalidInput: it is none.
    """
    found = text(name)
    if found is None:
        return None
    try:
        read = datetime.fromisoformat(found)
        return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except (OverflowError, ValueError):
        raise _refused(name, found, 'a time in UTC such as 2026-11-20T15:00:00Z') from None


def _refused(name: str, value: str, expected: str) -> errors.InvalidInput:
    shown = value if len(value) <= 80 else f'{value[:80]}...'
    return errors.InvalidInput(f'{name}={shown} cannot be: expected {expected}.')
