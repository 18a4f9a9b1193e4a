"""How two answers to one request differ: one recorded from a real Blazar, one given here.

Keys and their order, types, texts and numbers have to be the same. IDs are made up by each service:
one is learned where it is first seen, and is expected from then on. Of the times at which something
was written only the form can be the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.datastructures import Headers

from tests.recordings import Recording

__all__ = ['MADE', 'Comparison', 'headers']

#: Headers that clients look at.
_HEADERS = (
    'Allow',
    'Content-Type',
    'OpenStack-API-Version',
    'Vary',
    'WWW-Authenticate',
    'x-openstack-request-id',
)
_REQUEST_ID = re.compile(r'req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_IDS = frozenset(
    {
        'flavor_id',
        'id',
        'lease_id',
        'project_id',
        'resource_id',
        'server_group_id',
        'trust_id',
        'user_id',
    }
)
#: A text of so many letters may be the number of a hypervisor, which is the recorded one.
_NUMBER = 8
_WRITTEN = frozenset({'created_at', 'updated_at'})
#: Keys of answers that no request can have.
MADE = frozenset(
    {'aggregate_id', 'missing_resources', 'resources_changed', 'status', *_IDS, *_WRITTEN}
)
#: Lists that Blazar's database gives in any order -> by what they are laid beside each other.
_UNORDERED: Mapping[str, str] = {
    'events': 'event_type',
    'floatingips': 'floating_ip_address',
    'leases': 'id',
    'reservations': 'resource_type',
    'resource_properties': 'property',
}


class Comparison:
    """Compares answers, and knows the IDs that have been given so far."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._aggregates: dict[int, int] = {}

    def forget(self, recorded: Any) -> None:
        """Learn the IDs in a recorded value anew: what had them is gone."""
        text = json.dumps(recorded)
        self._ids = {key: given for key, given in self._ids.items() if key not in text}
        self._aggregates = {
            key: given
            for key, given in self._aggregates.items()
            if f'"aggregate_id": {key}' not in text
        }

    def translated(self, text: str) -> str:
        """A text with the IDs given here instead of the recorded ones."""
        for recorded, given in self._ids.items():
            text = text.replace(recorded, given)
        return text

    def differences(self, recorded: Any, answered: Any, where: str = '') -> Iterator[str]:
        """Say where two values from JSON differ.

        :param where: what the values are in, such as ``.lease.events[0].status``.
        """
        key = re.sub(r'.*\.|\[.*', '', where)
        if isinstance(recorded, dict) and isinstance(answered, dict):
            if [*recorded] != [*answered]:
                yield f'{where}: keys {[*answered]} instead of {[*recorded]}'
            for name in recorded:
                if name in answered:
                    yield from self.differences(recorded[name], answered[name], f'{where}.{name}')
        elif isinstance(recorded, list) and isinstance(answered, list):
            if len(recorded) != len(answered):
                yield f'{where}: {len(answered)} entries instead of {len(recorded)}'
            pairs = zip(self._sorted(key, recorded), self._sorted(key, answered), strict=False)
            for number, (one, other) in enumerate(pairs):
                yield from self.differences(one, other, f'{where}[{number}]')
        else:
            expected, found = self._comparable(key, recorded, answered)
            if (type(expected), expected) != (type(found), found):
                yield f'{where}: {found!r} instead of {expected!r}'

    def _comparable(self, key: str, recorded: Any, answered: Any) -> tuple[Any, Any]:
        """What is expected in the place of a recorded value, and what is compared with it."""
        if key in _WRITTEN:
            return _form(recorded), _form(answered)
        if key == 'aggregate_id' and isinstance(recorded, int) and isinstance(answered, int):
            return self._aggregates.setdefault(recorded, answered), answered
        if not isinstance(recorded, str) or not isinstance(answered, str):
            return recorded, answered
        if key in _IDS and _form(recorded) == _form(answered) and len(recorded) > _NUMBER:
            return self._ids.setdefault(recorded, answered), answered
        return _without_request_id(self.translated(recorded)), _without_request_id(answered)

    def _sorted(self, key: str, values: list[Any]) -> list[Any]:
        by = _UNORDERED.get(key)
        if by is None:
            return values
        return sorted(values, key=lambda each: self.translated(str(each.get(by))))


def headers(recording: Recording, answered: Headers) -> Iterator[str]:
    """Say how the headers differ that clients look at."""
    for name in _HEADERS:
        expected = _comparable_header(name, recording.header(name))
        found = _comparable_header(name, answered.get(name))
        if expected != found:
            yield f'{name}: {found!r} instead of {expected!r}'


def _comparable_header(name: str, value: str | None) -> object:
    if value and name == 'x-openstack-request-id':
        return _without_request_id(value)
    return sorted(value.split(', ')) if value and name == 'Allow' else value


def _form(value: object) -> object:
    """A text with every hexadecimal digit the same."""
    return re.sub(r'[0-9a-f]', '0', value) if isinstance(value, str) else value


def _without_request_id(text: str) -> str:
    return _REQUEST_ID.sub('req-', text)
