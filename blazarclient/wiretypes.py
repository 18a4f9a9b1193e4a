"""How values stand on the wire: text, number, time, JSON inside JSON, nested resources."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from blazarclient import exception, times
from blazarclient.versions import OLDEST, Spoken, Version

if TYPE_CHECKING:
    from blazarclient.model import Resource

__all__ = [
    'Boolean',
    'DateTime',
    'EndDate',
    'Instant',
    'Integer',
    'Json',
    'JsonText',
    'Nested',
    'StartDate',
    'Text',
    'Type',
]

T = TypeVar('T')
R = TypeVar('R', bound='Resource')

_BOOLEANS = {'true': True, 'false': False, '1': True, '0': False}


class Type(Generic[T]):
    """How a value stands on the wire. Subclasses say decode, encode and an example."""

    name = 'any'
    #: An example of the wire's form.
    example: Any = None
    #: Whether the decoded value is a copy that a program may edit in place.
    mutable = False
    #: Whether the decoded value is the wire's own list or dict.
    shared = False

    def decode(self, wire: Any, owner: Resource) -> T:
        """The Python value of the wire's form; ``owner`` is the object that holds it."""
        value: T = wire
        return value

    def encode(self, value: object) -> Any:
        """The wire's form of a value.

        :raises blazarclient.exception.InvalidInput: saying what would be right.
        """
        return value

    def encode_at(self, value: object, spoken: Spoken) -> Any:
        """The same, with the parts of the value in the form of the version spoken."""
        return self.encode(value)

    def check(self, wire: Any, spoken: Spoken) -> None:
        """Raise FieldNotAvailable when a part of the value is none of the version spoken."""

    def needs(self, wire: Any, at: Version) -> Version:
        """The lowest microversion that reads this value, which is in the form of a version."""
        return OLDEST

    def example_at(self, version: Version) -> Any:
        """An example of the newest wire form, for a fake of a version."""
        return self.example


def _is_whole(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r'\s*[+-]?[0-9]+\s*', value))


class Text(Type[str]):
    """A text."""

    name = 'text'
    example = 'example'

    def encode(self, value: object) -> str:
        if isinstance(value, str):
            return value
        raise exception.InvalidInput(f'{value!r} is not a text.')


class Integer(Type[int]):
    """A whole number; a text of digits is taken too."""

    name = 'integer'
    example = 1

    def decode(self, wire: Any, owner: Resource) -> int:
        # The answer to a PUT repeats what was sent, which may have been a text.
        number: int = int(wire) if _is_whole(wire) else wire
        return number

    def encode(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and _is_whole(value):
            return int(value)
        raise exception.InvalidInput(f'{value!r} is not a whole number.')


class Boolean(Type[bool]):
    """True or False; a text of them is taken too."""

    name = 'boolean'
    example = False

    def decode(self, wire: Any, owner: Resource) -> bool:
        # The answer to a PUT has them as '0' and '1'.
        flag: bool = _BOOLEANS.get(str(wire).lower(), wire)
        return flag

    def encode(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
            return _BOOLEANS[value.strip().lower()]
        raise exception.InvalidInput(f'{value!r} is neither True nor False.')


class DateTime(Type[datetime]):
    """A moment. Goes to the wire in whole minutes, which is all that Blazar knows."""

    name = 'time'
    example = '2026-11-20T15:38:00.000000'

    def decode(self, wire: Any, owner: Resource) -> datetime:
        return times.utcnow() if wire == 'now' else times.from_wire(wire)

    def encode(self, value: object) -> str:
        return times.to_wire(self.moment(value))

    def moment(self, value: object) -> datetime:
        """An aware datetime, or any text that the command line takes for a time."""
        if isinstance(value, datetime):
            return value
        if isinstance(value, str):
            return times.parse_time(value)
        raise exception.InvalidInput(f'{value!r} is no time. {times.TIME_GRAMMAR}')


class StartDate(DateTime):
    """A start: the current minute goes as ``now``, since Blazar refuses it as a date."""

    def encode(self, value: object) -> str:
        return times.start_to_wire(self.moment(value))


class EndDate(DateTime):
    """An end: seconds are rounded up, so that nobody gets less than was asked for."""

    def encode(self, value: object) -> str:
        return times.to_wire(self.moment(value), up=True)


class Instant(DateTime):
    """A moment with its seconds, as the parts of the API write it that Blazar does not have."""

    example = '2026-11-20T15:38:00Z'

    def encode(self, value: object) -> str:
        return f'{self.moment(value).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'


class Json(Type[Any]):
    """Any JSON value, as it stands on the wire."""

    name = 'JSON'
    shared = True


class JsonText(Type[Any]):
    """A JSON value inside a text; the empty text is none."""

    name = 'JSON in a text'
    example = '[">=", "$vcpus", "2"]'
    mutable = True

    def decode(self, wire: Any, owner: Resource) -> Any:
        if not isinstance(wire, str):
            return wire
        if not wire:
            return None
        try:
            return json.loads(wire)
        except ValueError:
            return wire

    def encode(self, value: object) -> str:
        return value if isinstance(value, str) else json.dumps(value)


class Nested(Type[list[R]]):
    """A list of resources inside a resource."""

    shared = True

    def __init__(self, item: type[R]) -> None:
        self.item = item
        self.name = f'list of {item.__name__}'

    def decode(self, wire: Any, owner: Resource) -> list[R]:
        # In place: what is edited through the attribute is what the dict holds.
        for index, value in enumerate(wire):
            if isinstance(value, dict) and not isinstance(value, self.item):
                wire[index] = self.item.read(value, owner._spoken, owner._client)
        items: list[R] = wire
        return items

    def encode_at(self, value: object, spoken: Spoken) -> list[Any]:
        return [
            # A resource is in the form of the version that it was read at.
            self._item(item, item.version if isinstance(item, self.item) else None, spoken)
            for item in self._items(value)
        ]

    def _items(self, value: object) -> Sequence[Mapping[str, Any]]:
        if isinstance(value, (list, tuple)) and all(isinstance(item, dict) for item in value):
            return value
        raise exception.InvalidInput(f'{value!r} is not a list of {self.item.__name__} dicts.')

    def _item(self, item: Mapping[str, Any], at: Version | None, spoken: Spoken) -> dict[str, Any]:
        fields = self.item.WIRE
        return {
            key: fields[key].rewritten(value, at, spoken) if key in fields else value
            for key, value in item.items()
        }

    def difference(self, old: Any, new: Any, at: Version, spoken: Spoken) -> list[Any]:
        """What an update sends: of each item that changed its ID and what changed.

        :param at: the version whose form old and new have.
        :raises blazarclient.exception.InvalidInput: when an item is missing.
        """
        was = [item for item in old if isinstance(item, dict)] if isinstance(old, list) else []
        before = {item['id']: item for item in was if 'id' in item}
        items = self._items(new)
        gone = before.keys() - {item.get('id') for item in items}
        if gone:
            raise exception.InvalidInput(
                f'{self.item.__name__} {", ".join(sorted(map(str, gone)))} was taken out of the '
                'list, and the service knows no way to remove one. Put it back, or make another '
                'lease.'
            )
        body = []
        for item in items:
            known = before.get(item.get('id'))
            if known is None:
                body += [self._item(item, at, spoken)] if item not in was else []
            elif changed := self._changed(known, item, at, spoken):
                body.append({'id': item['id'], **changed})
        return body

    def _changed(
        self, known: Mapping[str, Any], item: Mapping[str, Any], at: Version, spoken: Spoken
    ) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for key, value in item.items():
            old = known.get(key)
            if key in known and old == value:
                continue
            field = self.item.WIRE.get(key)
            changed = value if field is None else field.update(old, value, at, spoken)
            if field is None or not field.is_nothing(old, changed):
                body[key] = changed
        return body

    def check(self, wire: Any, spoken: Spoken) -> None:
        for item in _dicts(wire):
            self.item.check(item, spoken)

    def needs(self, wire: Any, at: Version) -> Version:
        return max((self.item.needs(item, at) for item in _dicts(wire)), default=OLDEST)

    def example_at(self, version: Version) -> Any:
        return [dict(self.item.fake(version))]


def _dicts(wire: Any) -> list[dict[str, Any]]:
    return [item for item in wire if isinstance(item, dict)] if isinstance(wire, list) else []
