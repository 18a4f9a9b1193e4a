"""Blazar's answers in the form of microversion 1.1, written while they arrive.

A list of 10,000 leases is 16 MB. It is not read as a whole: times are rewritten in the text, and
of each lease only as much is read as is needed to put its subscriptions in.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from blazarclient.server.objects import wire_times

__all__ = ['lease_list', 'with_zones']

#: A time after the name of a field that is one, as wire_times knows them. In JSON no quotation mark
#: stands within a text without a backslash before it, so this is never part of a text.
_TIME = re.compile(
    rb'("(?:%b)":[ \n]?"\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)'
    rb'(?:(?=\.\d{1,6}")(?:\.0+|(\.\d*[1-9])0*))?"' % '|'.join(sorted(wire_times.NAMES)).encode()
)
_BEGIN = re.compile(r'\s*\{\s*"leases"\s*:\s*\[\s*')
_NEXT = re.compile(r'\s*,\s*')
_decode = json.JSONDecoder().raw_decode
#: Where nothing that can be a list of leases has begun by then, it is none.
_LONGEST_BEGIN = 4096


def with_zones(parts: Iterable[bytes]) -> Iterator[bytes]:
    """JSON with its times as they are written from 1.1 on."""
    rest = b''
    for part in parts:
        rest += part
        # No time and no name of a field has a comma in it.
        end = rest.rfind(b',')
        if end >= 0:
            yield _rewritten(rest[:end])
            rest = rest[end:]
    if rest:
        yield _rewritten(rest)


def lease_list(
    parts: Iterable[bytes], subscriptions: Mapping[str, Sequence[Mapping[str, str]]]
) -> Iterator[bytes]:
    """A list of leases with the subscriptions of each, and with zones.

    :param subscriptions: lease ID -> what it shows of them.
    """
    return with_zones(_with_subscriptions(parts, subscriptions))


def _with_subscriptions(
    parts: Iterable[bytes], subscriptions: Mapping[str, Sequence[Mapping[str, str]]]
) -> Iterator[bytes]:
    text, has_begun = '', False
    decoder = codecs.getincrementaldecoder('utf-8')('surrogateescape')
    source = iter(parts)
    for part in source:
        text += decoder.decode(part)
        place = 0
        if not has_begun:
            begin = _BEGIN.match(text)
            if begin is None:
                if len(text) > _LONGEST_BEGIN:
                    break
                continue
            has_begun, place = True, begin.end()
            yield begin.group().encode()
        ready: list[str] = []
        while True:
            between = _NEXT.match(text, place)
            try:
                lease, end = _decode(text, between.end() if between else place)
            except ValueError:
                # Half of it, or the end of the list.
                break
            if not isinstance(lease, dict):
                break
            ready.append(text[place : end - 1])
            ready.append(_addition(lease, subscriptions))
            place = end
        yield ''.join(ready).encode('utf-8', 'surrogateescape')
        text = text[place:]
    text += decoder.decode(b'')
    yield text.encode('utf-8', 'surrogateescape')
    # Where it was no list, what has not been read yet goes on as it is.
    yield from source


def _addition(
    lease: dict[str, Any], subscriptions: Mapping[str, Sequence[Mapping[str, str]]]
) -> str:
    found = subscriptions.get(str(lease.get('id')))
    shown = json.dumps([*found]) if found else '[]'
    return f'{", " if lease else ""}"subscriptions": {shown}}}'


def _rewritten(text: bytes) -> bytes:
    # Split and joined again: a substitution would call a function for each of the times.
    pieces = _TIME.split(text)
    times = len(pieces) // 4
    result = [b'T'] * (6 * times + 1)
    result[0::6] = pieces[0::4]
    result[1::6] = pieces[1::4]
    result[3::6] = pieces[2::4]
    result[4::6] = [fraction or b'' for fraction in pieces[3::4]]
    result[5::6] = [b'Z"'] * times
    return b''.join(result)
