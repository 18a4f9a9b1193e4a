"""A lease as a document: what Blazar's API and its notifications say of it.

Kept and published in Blazar's form (Lease 1.0), without the trust by which Blazar acts for its
user. :func:`in_version` gives each receiver the form that it has asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from blazarclient.server.objects import wire_times

__all__ = ['digest', 'in_version', 'normal', 'parts', 'resource_types']

#: What an update can change. The rest of a reservation follows from these, or from time.
_DATES = ('name', 'start_date', 'end_date')
_PARAMETERS = (
    'affinity',
    'amount',
    'disk_gb',
    'flavor_id',
    'hypervisor_properties',
    'max',
    'memory_mb',
    'min',
    'network_id',
    'required_floatingips',
    'resource_properties',
    'vcpus',
)


def normal(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an answer or a message, with ``id`` and without ``trust_id``."""
    kept = {name: value for name, value in document.items() if name not in ('lease_id', 'trust_id')}
    return {'id': document.get('id') or document.get('lease_id'), **kept}


def in_version(document: Mapping[str, Any], microversion: str) -> dict[str, Any]:
    """The document in the form of a microversion."""
    if microversion == wire_times.OLDEST:
        return dict(document)
    changed: dict[str, Any] = wire_times.modern(document)
    return changed


def parts(document: Mapping[str, Any]) -> dict[str, Any]:
    """What an update can change: field -> value, where equal values mean that nothing changed."""
    reservations = {
        each['id']: {name: each[name] for name in _PARAMETERS if name in each}
        for each in document.get('reservations') or []
    }
    events = {
        each['event_type']: each['time']
        for each in document.get('events') or []
        if each.get('event_type') == 'before_end_lease'
    }
    return {
        **{name: document.get(name) for name in _DATES},
        'before_end_date': events.get('before_end_lease'),
        'reservations': reservations,
    }


def digest(document: Mapping[str, Any]) -> str:
    """A text that differs when something differs that an update can change."""
    text = json.dumps(parts(document), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def resource_types(document: Mapping[str, Any]) -> list[str]:
    """The resource types of the reservations, each once, sorted."""
    found = {str(each.get('resource_type')) for each in document.get('reservations') or []}
    return sorted(found)
