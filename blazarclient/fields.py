"""The fields of a resource: their names, their versions, and the changes of their form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from blazarclient import exception
from blazarclient.versions import OLDEST, Spoken, Version
from blazarclient.wiretypes import Nested, Type

if TYPE_CHECKING:
    from blazarclient.model import Resource

__all__ = ['Change', 'Field']

T = TypeVar('T')
V = TypeVar('V')


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
    :param always: stands in every whole answer, and is never None there. It says so to type
        checkers, who would ask for a check of each use otherwise.
    """

    __slots__ = (
        'always',
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

    @overload
    def __init__(
        self: Field[V],
        type: Type[V],
        *,
        always: Literal[True],
        wire: str = '',
        since: str | None = None,
        until: str | None = None,
        changes: Sequence[Change] = (),
        read_only: bool = False,
        tenancy: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self: Field[V | None],
        type: Type[V],
        *,
        wire: str = '',
        since: str | None = None,
        until: str | None = None,
        changes: Sequence[Change] = (),
        read_only: bool = False,
        tenancy: bool = False,
    ) -> None: ...
    def __init__(
        self,
        type: Type[Any],
        *,
        always: bool = False,
        wire: str = '',
        since: str | None = None,
        until: str | None = None,
        changes: Sequence[Change] = (),
        read_only: bool = False,
        tenancy: bool = False,
    ) -> None:
        self.type = type
        self.always = always
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
    def __get__(self, obj: Resource, owner: type) -> T: ...
    def __get__(self, obj: Resource | None, owner: type) -> Field[T] | T:
        if obj is None:
            return self
        value: T = self._read(obj)
        return value

    def _read(self, obj: Resource) -> Any:
        if not self.available(obj._spoken.version):
            raise self.not_available(obj._spoken)
        wire = dict.get(obj, self.wire)
        if wire is None:
            return None
        newest = self.newest(wire, obj._spoken.version)
        if self.type.shared and newest is wire:
            # What is edited through the attribute is what the dict holds.
            obj._hand_out(self.wire, wire)
            return self.type.decode(wire, obj)
        if self.type.shared or self.type.mutable:
            # It may be edited in place, too: it is kept, and encoded again on save.
            return obj._keep(self.wire, wire, lambda: self.type.decode(newest, obj))
        return self.type.decode(newest, obj)

    def __set__(self, obj: Resource, value: object) -> None:
        if self.read_only:
            raise self.refused()
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
        return self.converted(self._encoded(value, spoken), None, spoken)

    def _encoded(self, value: object, spoken: Spoken) -> Any:
        try:
            return self.type.encode_at(value, spoken)
        except exception.InvalidInput as error:
            raise exception.InvalidInput(f'{self.owner}.{self.name}: {error}') from None

    def update(self, old: Any, new: Any, at: Version, spoken: Spoken) -> Any:
        """What an update sends at the version spoken when the wire's form changed.

        :param at: the version whose form old and new have.
        :raises blazarclient.exception.InvalidInput: when only the service sets this field.
        :raises blazarclient.exception.FieldNotAvailable: as for :meth:`encode`.
        """
        if self.read_only:
            raise self.refused()
        if new is None or self.changes or not isinstance(self.type, Nested):
            return self.rewritten(new, at, spoken)
        if not self.available(spoken.version):
            raise self.not_available(spoken)
        return self.type.difference(old, new, at, spoken)

    def is_nothing(self, old: Any, changed: Any) -> bool:
        """Whether an update has nothing to send, as of nested objects in another order."""
        nested = isinstance(self.type, Nested) and not self.changes
        return nested and changed == [] and isinstance(old, list)

    def rewritten(self, wire: Any, at: Version | None, spoken: Spoken) -> Any:
        """The form at the version spoken of what is in the form of another.

        :param at: the other version; None for the newest form.
        """
        if wire is None:
            return None
        if not self.available(spoken.version):
            raise self.not_available(spoken)
        # A dict may hold what only an attribute would have encoded at once.
        if isinstance(wire, datetime) or (isinstance(wire, (list, dict)) and not self.changes):
            wire = self._encoded(wire, spoken)
        return self.converted(wire, at, spoken)

    def form(self, version: Version) -> Version:
        """The microversion that brought the form which a version has of this field."""
        changed = [change.version for change in self.changes if change.version <= version]
        return max(changed, default=self.since)

    def newest(self, wire: Any, version: Version) -> Any:
        """The newest form of what stands on the wire at a version."""
        for change in self.changes:
            if change.version > version:
                wire = change.up(wire)
        return wire

    def converted(self, wire: Any, at: Version | None, spoken: Spoken) -> Any:
        """The form at the version spoken of what stands in the form of another version.

        :param at: the other version; None for the newest form.
        :raises blazarclient.exception.FieldNotAvailable: when that form cannot say it.
        """
        for change in self.changes:
            if at is not None and at < change.version <= spoken.version:
                wire = change.up(wire)
        for change in reversed(self.changes):
            if spoken.version < change.version and (at is None or change.version <= at):
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

    def refused(self) -> exception.InvalidInput:
        """The error for a change of what only the service sets."""
        return exception.InvalidInput(
            f'{self.owner}.{self.name} is set by the service and cannot be changed.'
        )

    def cannot_go(self) -> exception.InvalidInput:
        """The error for a field that was taken out of an object which is then saved."""
        return exception.InvalidInput(
            f'{self.owner}.{self.name} was removed, and the service knows no way to do that. Give '
            'it a value, or read the object anew with refresh().'
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
