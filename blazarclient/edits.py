"""What was, or may have been, changed of an object since the server sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

__all__ = ['MISSING', 'Edits', 'Kept', 'TrackedDict', 'deep_copy', 'plain_copy']

T = TypeVar('T')

#: Stands for a key that was not there.
MISSING: Any = object()


class Kept:
    """A decoded value that was handed out and may be edited in place."""

    __slots__ = ('_before', '_wire', 'value')

    def __init__(self, wire: Any, value: Any) -> None:
        self.value = value
        self.settled(wire)

    def settled(self, wire: Any) -> None:
        """Note that the value stands for this wire's form."""
        self._wire = plain_copy(wire)
        self._before = plain_copy(self.value)

    def is_of(self, wire: Any) -> bool:
        """Whether the value was decoded from this wire's form."""
        return bool(self._wire == wire)

    def is_edited(self) -> bool:
        """Whether the value was edited since."""
        return bool(self._before != self.value)


class Edits:
    """A note of an object's values as they were, made before somebody may change them."""

    __slots__ = ('decoded', 'original')

    def __init__(self, original: Mapping[str, Any] | None = None) -> None:
        #: Key -> a copy of what stood there, or MISSING.
        self.original: dict[str, Any] = dict(original or {})
        self.decoded: dict[str, Kept] = {}

    def remember(self, key: str, value: Any) -> None:
        """Keep the first value that a key had."""
        if key not in self.original:
            self.original[key] = plain_copy(value)


class TrackedDict(dict[str, Any]):
    """A dict that notes its changes, also those of the lists and dicts inside it."""

    # No more than needed: a list may hold 100,000 of these.
    __slots__ = ('_edits',)
    _edits: Edits | None

    @property
    def _original(self) -> dict[str, Any]:
        return self._edits.original if self._edits else {}

    def _hand_out(self, key: str, value: object) -> None:
        """Remember a list or dict before somebody may edit it in place."""
        if isinstance(value, (list, dict)):
            self._remember(key)

    def _hand_out_all(self) -> None:
        for key, value in dict.items(self):
            self._hand_out(key, value)

    def _remember(self, key: str) -> Edits:
        if self._edits is None:
            self._edits = Edits()
        self._edits.remember(key, dict.get(self, key, MISSING))
        return self._edits

    def _keep(self, key: str, wire: Any, decode: Callable[[], T]) -> T:
        """The decoded value of a key, which is the same until the wire's form is another."""
        if self._edits is None:
            self._edits = Edits()
        kept = self._edits.decoded.get(key)
        if kept is None or not kept.is_of(wire):
            kept = self._edits.decoded[key] = Kept(wire, decode())
        value: T = kept.value
        return value

    def __iter__(self) -> Iterator[str]:
        # With this, dict(resource) and {**resource} come through __getitem__ below.
        return dict.__iter__(self)

    def __getitem__(self, key: str) -> Any:
        value = dict.__getitem__(self, key)
        if type(value) is not str:
            self._hand_out(key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        value = dict.get(self, key, default)
        if key in self:
            self._hand_out(key, value)
        return value

    def values(self) -> Any:
        self._hand_out_all()
        return dict.values(self)

    def items(self) -> Any:
        self._hand_out_all()
        return dict.items(self)

    def __setitem__(self, key: str, value: Any) -> None:
        self._remember(key).decoded.pop(key, None)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: str) -> None:
        if key in self:
            self._remember(key)
        dict.__delitem__(self, key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            self._remember(key)
        return dict.pop(self, key, *default)

    def popitem(self) -> tuple[str, Any]:
        key = next(reversed(self), None)
        if key is not None:
            self._remember(key)
        return dict.popitem(self)

    def clear(self) -> None:
        for key in self:
            self._remember(key)
        dict.clear(self)


def plain_copy(value: Any) -> Any:
    """A copy of a JSON value, in plain lists and dicts."""
    if isinstance(value, dict):
        return {key: plain_copy(item) for key, item in dict.items(value)}
    if isinstance(value, list):
        return [plain_copy(item) for item in value]
    return value


def deep_copy(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of a JSON value, in which resources are copied as resources."""
    copier = getattr(value, '__deepcopy__', None)
    if copier is not None:
        return copier(memo)
    if isinstance(value, dict):
        return {key: deep_copy(item, memo) for key, item in value.items()}
    if isinstance(value, list):
        return [deep_copy(item, memo) for item in value]
    return value
