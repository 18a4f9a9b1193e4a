"""How values stand on the wire: text, number, time, JSON inside JSON, nested resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from blazarclient import exception, times
from blazarclient.versions import OLDEST, Spoken, Version

if TYPE_CHECKING:
    from blazarclient.model import Resource

__all__ = [
    'Boolean',
    'DateTime',
    'EndDate',
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

    def difference(self, old: Any, new: Any, spoken: Spoken) -> Any:
        """What an update sends when the wire's form changed from old to new."""
        return new

    def needs(self, wire: Any) -> Version:
        """The lowest microversion that can hold this value."""
        return OLDEST

    def example_at(self, version: Version) -> Any:
        """An example of the newest wire form, for a fake of a version."""
        return self.example


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

    def encode(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lstrip('-').isdecimal():
            return int(value)
        raise exception.InvalidInput(f'{value!r} is not a whole number.')


class Boolean(Type[bool]):
    """True or False."""

    name = 'boolean'
    example = False

    def encode(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
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

    def encode(self, value: object) -> list[Any]:
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return [self._encoded(item) for item in value]
        raise exception.InvalidInput(f'{value!r} is not a list of {self.item.__name__} dicts.')

    def _encoded(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Plain values go as they are; lists, dicts and datetimes as the item's fields say."""
        return {
            key: self.item.WIRE[key].type.encode(value)
            if key in self.item.WIRE and isinstance(value, (list, dict, datetime))
            else value
            for key, value in item.items()
        }

    def difference(self, old: Any, new: Any, spoken: Spoken) -> Any:
        if not isinstance(old, list) or not isinstance(new, list):
            return new
        before = {item['id']: item for item in old if 'id' in item}
        gone = before.keys() - {item.get('id') for item in new}
        if gone:
            raise exception.InvalidInput(
                f'{self.item.__name__} {", ".join(sorted(gone))} was taken out of the list, and '
                'the service knows no way to remove one. Put it back, or make another lease.'
            )
        body = []
        for item in new:
            known = before.get(item.get('id'))
            changed = {
                key: value
                for key, value in dict.items(item)
                if known is None or key not in known or known[key] != value
            }
            if known is not None:
                self._check(changed, spoken)
                if changed:
                    changed = {'id': item['id'], **changed}
            if changed:
                body.append(self._encoded(changed))
        return body

    def _check(self, changed: Mapping[str, Any], spoken: Spoken) -> None:
        for key, value in changed.items():
            field = self.item.WIRE.get(key)
            if field is None:
                continue
            if value is not None and not field.available(spoken.version):
                raise field.not_available(spoken)
            if field.read_only:
                raise exception.InvalidInput(
                    f'{field.owner}.{field.name} is set by the service and cannot be changed.'
                )

    def needs(self, wire: Any) -> Version:
        items = [item for item in wire if isinstance(item, dict)] if isinstance(wire, list) else []
        return max((self.item.needs(item) for item in items), default=OLDEST)

    def example_at(self, version: Version) -> Any:
        return [dict(self.item.fake(version))]
