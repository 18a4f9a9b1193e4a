"""What was, or may have been, changed of an object since the server sent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blazarclient.fields import Field

__all__ = ['MISSING', 'Edits', 'deep_copy', 'plain_copy']

#: Stands for a key that was not there.
MISSING: Any = object()


class Edits:
    """A note of an object's values as they were, made before somebody may change them."""

    __slots__ = ('decoded', 'original')

    def __init__(self, original: Mapping[str, Any] | None = None) -> None:
        #: Key -> a copy of what stood there, or MISSING.
        self.original: dict[str, Any] = dict(original or {})
        #: Key -> the wire's form, the decoded value that was handed out, and the field.
        self.decoded: dict[str, tuple[Any, Any, Field[Any]]] = {}

    def remember(self, key: str, value: Any) -> None:
        """Keep the first value that a key had."""
        if key not in self.original:
            self.original[key] = plain_copy(value)


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
