"""The fields of a resource: their names, their types on the wire, and their versions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from blazarclient import exception, times
from blazarclient.versions import OLDEST, Spoken, Version

if TYPE_CHECKING:
    from blazarclient.model import Resource

__all__ = [
    'Boolean',
    'Change',
    'DateTime',
    'EndDate',
    'Field',
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


class Change:
    """A field's form on the wire changed at a microversion.

    :param version: the microversion that brought the new form.
    :param up: turns the old form into the new one.
    :param down: turns the new form into the old one. What does not come back unchanged
        through ``up`` cannot be said in the old form, and is refused before any request.
    """

    __slots__ = ('down', 'up', 'version')

    def __init__(self, version: str, up: Callable[[Any], Any], down: Callable[[Any], Any]) -> None:
        self.version = Version.parse(version)
        self.up = up
        self.down = down


class Field(Generic[T]):
    """One attribute of a resource.

    :param type: how the wire's form becomes a Python value and back.
    :param wire: the key on the wire, where it is not the attribute's name.
    :param since: the microversion that brought the field.
    :param until: the first microversion without it.
    :param changes: changes of its form, in their order.
    :param read_only: set by the service alone.
    :param tenancy: says whose the object is.
    """

    __slots__ = (
        'changes',
        'name',
        'owner',
        'read_only',
        'since',
        'tenancy',
        'type',
        'until',
        'wire',
    )

    def __init__(
        self,
        type: Type[T],
        *,
        wire: str = '',
        since: str | None = None,
        until: str | None = None,
        changes: Sequence[Change] = (),
        read_only: bool = False,
        tenancy: bool = False,
    ) -> None:
        self.type = type
        self.wire = wire
        self.since = Version.parse(since) if since else OLDEST
        self.until = Version.parse(until) if until else None
        self.changes = tuple(changes)
        self.read_only = read_only
        self.tenancy = tenancy
        self.name = ''
        self.owner = ''

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner = owner.__name__
        self.name = name
        self.wire = self.wire or name

    def versions(self) -> Iterator[Version]:
        """The microversions at which this field appeared, changed or went."""
        yield self.since
        yield from (change.version for change in self.changes)
        if self.until:
            yield self.until

    def available(self, version: Version) -> bool:
        """Whether a microversion has this field."""
        return self.since <= version and (self.until is None or version < self.until)

    @overload
    def __get__(self, obj: None, owner: type) -> Field[T]: ...
    @overload
    def __get__(self, obj: Resource, owner: type) -> T | None: ...
    def __get__(self, obj: Resource | None, owner: type) -> Field[T] | T | None:
        if obj is None:
            return self
        if not self.available(obj._spoken.version):
            raise self.not_available(obj._spoken)
        wire = dict.get(obj, self.wire)
        if wire is None:
            return None
        if self.type.shared:
            obj._hand_out(self.wire, wire)
        wire = self.newest(wire, obj._spoken.version)
        if not self.type.mutable:
            return self.type.decode(wire, obj)
        # A decoded list or dict may be edited in place: keep it, and encode it again on save.
        kept = obj._decoded_values()
        if self.wire not in kept or kept[self.wire][0] != wire:
            kept[self.wire] = (wire, self.type.decode(wire, obj), self)
        value: T = kept[self.wire][1]
        return value

    def __set__(self, obj: Resource, value: object) -> None:
        if self.read_only:
            raise exception.InvalidInput(
                f'{self.owner}.{self.name} is set by the service and cannot be changed.'
            )
        obj[self.wire] = self.encode(value, obj._spoken)

    def encode(self, value: object, spoken: Spoken) -> Any:
        """The wire's form of a value, at the microversion spoken.

        :raises blazarclient.exception.FieldNotAvailable: when that version lacks the field,
            or cannot say this value.
        :raises blazarclient.exception.InvalidInput: when the value is none of the field's.
        """
        if value is None:
            return None
        if not self.available(spoken.version):
            raise self.not_available(spoken)
        try:
            wire = self.type.encode(value)
        except exception.InvalidInput as error:
            raise exception.InvalidInput(f'{self.owner}.{self.name}: {error}') from None
        return self.lowered(wire, spoken)

    def newest(self, wire: Any, version: Version) -> Any:
        """The newest form of what stands on the wire at a version."""
        for change in self.changes:
            if change.version > version:
                wire = change.up(wire)
        return wire

    def lowered(self, wire: Any, spoken: Spoken) -> Any:
        """The form at the version spoken of what stands in the newest form.

        :raises blazarclient.exception.FieldNotAvailable: when that form cannot say it.
        """
        for change in reversed(self.changes):
            if change.version > spoken.version:
                wire = self._down(change, wire, spoken)
        return wire

    def _down(self, change: Change, wire: Any, spoken: Spoken) -> Any:
        try:
            older = change.down(wire)
            if change.up(older) == wire:
                return older
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            pass
        raise exception.FieldNotAvailable(
            f'{self.owner}.{self.name}: the value {wire!r} needs microversion {change.version} or '
            f'greater and cannot be said at {spoken.version}: {spoken.reason}.'
        )

    def not_available(self, spoken: Spoken) -> exception.FieldNotAvailable:
        """The error for a version without this field."""
        needs = (
            f'was removed in microversion {self.until}'
            if self.until and spoken.version >= self.until
            else f'needs microversion {self.since} or greater'
        )
        return exception.FieldNotAvailable(
            f'{self.owner}.{self.name} {needs}, but {spoken.version} is spoken: {spoken.reason}.'
        )
