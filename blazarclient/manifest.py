"""What each microversion's objects look like, computed from the resources' fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from blazarclient.model import Resource
from blazarclient.versions import HISTORY, Version

__all__ = ['manifest', 'object_versions']


def object_versions(
    classes: Iterable[type[Resource]], history: Mapping[str, str] = HISTORY
) -> dict[str, dict[str, str]]:
    """Microversion -> object -> object version, computed from the classes' fields.

    An object starts at 1.0 with the microversion that brought it, and its minor number
    grows with every microversion that adds, changes or removes one of its fields.
    """
    table: dict[str, dict[str, str]] = {}
    for text in history:
        at = Version.parse(text)
        table[text] = {}
        for cls in classes:
            if at < cls.SINCE:
                continue
            steps = {v for field in cls.FIELDS.values() for v in field.versions()}
            minor = sum(1 for step in steps if cls.SINCE < step <= at)
            table[text][cls.__name__] = f'1.{minor}'
    return table


def manifest(classes: Sequence[type[Resource]], history: Mapping[str, str] = HISTORY) -> str:
    """A readable text of what every microversion's objects look like on the wire."""
    lines: list[str] = []
    for text, objects in object_versions(classes, history).items():
        at = Version.parse(text)
        lines.append(f'{text}  {history[text]}')
        for cls in classes:
            if cls.__name__ not in objects:
                continue
            lines.append(f'  {cls.__name__} {objects[cls.__name__]}')
            for field in cls.FIELDS.values():
                if field.available(at):
                    form = sum(1 for change in field.changes if change.version <= at)
                    words = [f'{field.wire}: {field.type.name}']
                    words += [f'form {form + 1}'] if field.changes else []
                    words += ['read-only'] if field.read_only else []
                    words += ['tenancy'] if field.tenancy else []
                    lines.append('    ' + ', '.join(words))
    return '\n'.join(lines) + '\n'
