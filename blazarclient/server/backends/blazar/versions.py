"""The list of versions: Blazar's own, with what this service speaks on top of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from blazarclient.server.objects import releases

__all__ = ['amended', 'described']


def described(pin: str | None) -> dict[str, Any]:
    """What version 1 has on top of Blazar's: the newest microversion, and what each one speaks.

    :param pin: ``[upgrade] pin``.
    """
    newest = releases.newest(pin)
    known = [*releases.MICROVERSIONS]
    spoken = known[: known.index(newest) + 1]
    return {
        'max_version': newest,
        'object_versions': {each: {**releases.MICROVERSIONS[each]} for each in spoken},
    }


def amended(text: bytes, pin: str | None) -> bytes:
    """Blazar's list with this; unchanged where it is not what Blazar says."""
    try:
        document = json.loads(text)
    except ValueError:
        return text
    versions = document.get('versions') if isinstance(document, Mapping) else None
    if not isinstance(versions, list):
        return text
    for each in versions:
        if isinstance(each, dict) and each.get('id') == 'v1.0':
            each.update(described(pin))
    return json.dumps(document).encode()
