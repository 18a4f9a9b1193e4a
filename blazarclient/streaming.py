"""Objects out of a long JSON list while it arrives, so that it is never held as a whole.

A list of 100,000 leases is 160 MB of text and a gigabyte of Python objects. Here one batch of
it at a time is text, and what is not wanted of a batch is gone before the next one comes.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from typing import Any

__all__ = ['NoList', 'Truncated', 'objects']


_TEXT = rb'"(?:[^"\\]|\\.)*"'
#: The first two keys of an object, when the value between them is a simple one.
_HEAD = re.compile(
    rb'\{\s*(' + _TEXT + rb')\s*:\s*(?:' + _TEXT + rb'|[\w.+-]+)\s*,\s*(' + _TEXT + rb')'
)


class NoList(ValueError):
    """The text is something else."""


class Truncated(ValueError):
    """The text ended before the list did."""


def objects(
    pieces: Iterator[bytes], key: str, needle: bytes = b''
) -> Iterator[list[dict[str, Any]]]:
    """Batches of the objects in ``{"<key>": [{...}, {...}]}``.

    :param pieces: the UTF-8 text, cut anywhere.
    :param key: the name of the list; other members beside it are passed over.
    :param needle: a batch whose text does not hold it is not even parsed.
    :raises Truncated: when the text ends too early.
    :raises NoList: when it is not such a list.
    """
    buffer = bytearray()
    begun = False
    enough = 0
    for piece in pieces:
        buffer += piece
        if not begun:
            start = _list_start(buffer, key)
            if start is None:
                continue
            # From here on the buffer is an opening bracket and objects behind it.
            del buffer[: start - 1]
            buffer[0:1] = b'['
            begun = True
        if len(buffer) < enough:
            continue
        for end, following in _borders(buffer):
            if buffer.find(needle, 0, end) < 0 and _are_alike(buffer, 1, following):
                parsed: list[dict[str, Any]] | None = []
            else:
                parsed = _parse(buffer, end)
            if parsed is not None:
                yield parsed
                del buffer[1:following]
                enough = 0
                break
        else:
            # No border, or none that is one: try again when there is twice the text.
            enough = 2 * len(buffer)
    yield _rest(bytes(buffer), key, begun)


def _list_start(text: bytearray, key: str) -> int | None:
    """Where the first object of the list begins, when the text is long enough to tell."""
    opening = text.find(b'[')
    if opening < 0:
        return None
    # Only a list that is the first member is streamed; any other is parsed at the end.
    head = bytes(text[:opening]).strip().removeprefix(b'{').strip()
    if head.removesuffix(b':').strip() != json.dumps(key).encode():
        return None
    rest = bytes(text[opening + 1 :])
    return opening + 1 + len(rest) - len(rest.lstrip()) if rest.lstrip() else None


def _borders(text: bytearray) -> Iterator[tuple[int, int]]:
    """Where the last whole object may end and the next one begin, the likeliest first.

    Objects of one list begin alike: with the same first key. So the first bytes of the text,
    behind a comma, mark a border. Inside a string they cannot stand, since a quote is
    escaped there; where they stand deeper inside an object, the batch will not parse.
    """
    quote = text.find(b'"', text.find(b'"') + 1)
    if quote < 0 or not text.startswith(b'[{'):
        return
    for comma in (b'}, ', b'},'):
        for closing in (b'}]', b'[]', b'}', b''):
            found = text.rfind(closing + comma + text[1 : quote + 1])
            if found > 0:
                end = found + len(closing) + 1
                yield end, end + len(comma) - 1


def _are_alike(text: bytearray, one: int, other: int) -> bool:
    """Whether the objects at two places begin with the same two keys.

    What is passed over is not parsed, which would tell a border deeper inside an object.
    """
    head, other_head = _HEAD.match(text, one), _HEAD.match(text, other)
    return head is not None and other_head is not None and head.groups() == other_head.groups()


def _parse(buffer: bytearray, end: int) -> list[dict[str, Any]] | None:
    """The objects up to a border, where the comma becomes a bracket if all is well."""
    comma = buffer[end]
    buffer[end : end + 1] = b']'
    # What json.loads makes has no cycles; looking for them takes a fifth of a long list's time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with memoryview(buffer)[: end + 1] as view:
            text = str(view, 'utf-8')
        parsed: list[dict[str, Any]] = json.loads(text)
    except ValueError:
        buffer[end] = comma
        return None
    finally:
        if collecting:
            gc.enable()
    return parsed


def _rest(buffer: bytes, key: str, begun: bool) -> list[dict[str, Any]]:
    """What is left when the text has ended: the last objects and the closing brackets."""
    text = f'{{{json.dumps(key)}: '.encode() + buffer if begun else buffer
    try:
        parsed = json.loads(text)
    except ValueError:
        if begun or not text or text.lstrip()[:1] == b'{':
            raise Truncated(f'no whole list of {key}') from None
        raise NoList(f'no list of {key}: {bytes(text[:80])!r}') from None
    found = parsed.get(key) if isinstance(parsed, dict) else None
    if not isinstance(found, list):
        raise NoList(f'no list of {key}: {bytes(text[:80])!r}')
    return found
