"""How a microversion writes times: Blazar in two ways without a zone, 1.1 in one with it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

__all__ = ['NAMES', 'OLDEST', 'modern', 'read', 'wire_utc']

#: The microversion that writes times as Blazar does.
OLDEST = '1.0'
#: The fields of Blazar's objects that are times.
NAMES = frozenset({'before_end_date', 'created_at', 'end_date', 'start_date', 'time', 'updated_at'})
_BLAZARS = re.compile(r'(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?')


def wire_utc(moment: datetime | None) -> str | None:
    """A time as it is written from 1.1 on: ``2026-11-20T15:38:00Z``.

    :param moment: naive UTC.
    """
    if moment is None:
        return None
    return f'{moment.isoformat().removesuffix(".000000")}Z'


def read(text: str) -> datetime:
    """A time in any of these forms, as naive UTC.

    :raises ValueError: it is none.
    """
    return datetime.fromisoformat(text.removesuffix('Z'))


def modern(content: Any) -> Any:
    """Blazar's JSON with its times as they are written from 1.1 on; a copy."""
    if isinstance(content, list):
        return [modern(each) for each in content]
    if isinstance(content, dict):
        return {
            name: _with_zone(value)
            if name in NAMES and isinstance(value, str)
            else modern(value)
            if isinstance(value, (dict, list))
            else value
            for name, value in content.items()
        }
    return content


def _with_zone(text: str) -> str:
    found = _BLAZARS.fullmatch(text)
    if not found:
        return text
    date, time, fraction = found.groups()
    fraction = (fraction or '').rstrip('0')
    return f'{date}T{time}{"." + fraction if fraction else ""}Z'
