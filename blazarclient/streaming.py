"""Objects out of a long JSON list while it arrives, so that it is never held as a whole.

A list of 100,000 leases is 160 MB of text and a gigabyte of Python objects. Here one batch of
it at a time is text, and what is not wanted of a batch is gone before the next one comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ['Truncated', 'objects']


class Truncated(ValueError):
    """The text ended before the list did, or is none."""


def objects(
    pieces: Iterator[bytes], key: str, wanted: Callable[[bytes], bool] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Batches of the objects in ``{"<key>": [{...}, {...}]}``.

    :param pieces: the UTF-8 text, cut anywhere.
    :param key: the name of the list; other members beside it are passed over.
    :param wanted: looks at a batch's text and says whether it is worth parsing at all.
    :raises Truncated: when the text ends too early or is not such a list.
    """
    buffer = b''
    start: int | None = None
    enough = 0
    for piece in pieces:
        buffer += piece
        if start is None:
            start = _list_start(buffer, key)
            if start is None:
                continue
            buffer = buffer[start:]
        if len(buffer) < enough:
            continue
        for end, following in _borders(buffer):
            batch = buffer[:end]
            skip = wanted is not None and not wanted(batch)
            parsed = [] if skip else _parse(b'[' + batch + b']')
            if parsed is not None:
                yield parsed
                buffer, enough = buffer[following:], 0
                break
        else:
            # No border, or none that is one: try again when there is twice the text.
            enough = 2 * len(buffer)
    yield _rest(buffer, key, start)


def _list_start(text: bytes, key: str) -> int | None:
    """Where the first object of the list begins, when the text is long enough to tell."""
    opening = text.find(b'[')
    if opening < 0 or json.dumps(key).encode() not in text[:opening]:
        return None
    # Only a list that is the first member is streamed; any other is parsed at the end.
    head = text[:opening].strip().removeprefix(b'{').strip()
    if not head.startswith(json.dumps(key).encode()):
        return None
    rest = text[opening + 1 :]
    return opening + 1 + len(rest) - len(rest.lstrip()) if rest.lstrip() else None


def _borders(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the last whole object may end and the next one begin, the likeliest first.

    Objects of one list begin alike: with the same first key. So the first bytes of the text,
    behind a comma, mark a border. Inside a string they cannot stand, since a quote is
    escaped there; where they stand deeper inside an object, the batch will not parse.
    """
    quote = text.find(b'"', text.find(b'"') + 1)
    if quote < 0 or not text.startswith(b'{'):
        return
    for comma in (b'}, ', b'},'):
        for closing in (b'}]', b'[]', b'}', b''):
            found = text.rfind(closing + comma + text[: quote + 1])
            if found > 0:
                end = found + len(closing) + 1
                yield end, end + len(comma) - 1


def _parse(text: bytes) -> list[dict[str, Any]] | None:
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, list) else None


def _rest(buffer: bytes, key: str, start: int | None) -> list[dict[str, Any]]:
    """What is left when the text has ended: the last objects and the closing brackets."""
    text = buffer if start is None else f'{{{json.dumps(key)}: ['.encode() + buffer
    try:
        parsed = json.loads(text)
        found = parsed[key]
    except (ValueError, KeyError, TypeError):
        raise Truncated(f'no whole list of {key}') from None
    if not isinstance(found, list):
        raise Truncated(f'{key} is not a list')
    return found
