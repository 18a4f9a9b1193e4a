"""Which subscription hears of what: the filter of a subscription, and what it lets through."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from blazarclient import times
from blazarclient.server.objects import notification_types as kinds

__all__ = ['Audience']


@dataclasses.dataclass(frozen=True, slots=True)
class Audience:
    """What one subscription wants to hear, and may."""

    subscription_id: str
    project_id: str
    user_id: str
    #: 'user', 'project' or 'all'.
    scope: str
    types: frozenset[str]
    #: Empty for every one.
    lease_ids: frozenset[str]
    resource_types: frozenset[str]
    #: Seconds before the end of a lease; empty for the moment that the lease itself names.
    leads: frozenset[int]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Audience:
        """The filter of a row, whose JSON is not decoded yet."""
        return cls(
            row['id'],
            row['project_id'],
            row['user_id'],
            row['scope'],
            _types(row['types']),
            _texts(row['lease_ids']),
            _texts(row['resource_types']),
            _leads(row['before_end']),
        )

    def hears(self, entry: Mapping[str, Any]) -> bool:
        """Whether it hears of an entry of the log.

        :param entry: its columns but for ``data``, decoded.
        """
        kind, about = entry['type'], entry['subscription_id']
        if kind == kinds.TEST:
            return bool(about == self.subscription_id)
        if kind not in self.types or not self._may_know(entry):
            return False
        if about is not None:
            # Nobody can be told through an endpoint that it does not work.
            return bool(kind != kinds.TURNED_OFF or about != self.subscription_id)
        if self.lease_ids and entry['lease_id'] not in self.lease_ids:
            return False
        if self.resource_types and self.resource_types.isdisjoint(entry['resource_types']):
            return False
        if kind == kinds.BEFORE_END:
            lead = entry['lead_seconds']
            return bool(lead in self.leads if self.leads else lead is None)
        return True

    def _may_know(self, entry: Mapping[str, Any]) -> bool:
        """Whose leases it hears of; of subscriptions only those of its own project."""
        if self.scope == 'all' and entry['subscription_id'] is None:
            return True
        if entry['project_id'] != self.project_id:
            return False
        return self.scope != 'user' or bool(entry['user_id'] == self.user_id)


# Thousands of subscriptions have the same few filters.


@functools.lru_cache(maxsize=1024)
def _types(text: str) -> frozenset[str]:
    return kinds.expand(json.loads(text))


@functools.lru_cache(maxsize=1024)
def _texts(text: str) -> frozenset[str]:
    return frozenset(json.loads(text))


@functools.lru_cache(maxsize=1024)
def _leads(text: str) -> frozenset[int]:
    return frozenset(int(times.parse_duration(each).total_seconds()) for each in json.loads(text))
