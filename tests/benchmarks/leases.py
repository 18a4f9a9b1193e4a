"""Lists of leases of any length, made from what a real Blazar answered.

Every lease has ids, a name and dates of its own, so that no list is cheaper to hold or to decode
than a real one.
"""

import datetime
import json
import random
import re
import uuid
from collections.abc import Iterator

from tests import recordings

#: An old service's list is mostly leases that have ended, so that one is named more than once.
TEMPLATES = ('leases-list', 'lease-show-terminated', 'lease-show-terminated')
WORDS = ('gpu-week', 'training', 'ci-nightly', 'thesis benchmarks', 'course_2026', 'storage-test')
SEED = 18

_UUID = r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
_USER = '"user_id": "[0-9a-f]{32}"'
_MOMENT = r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{6})?'
_VARYING = re.compile(f'("name": "[^"]*"|{_UUID}|{_USER}|{_MOMENT})')


def recorded_leases() -> list[dict[str, object]]:
    """Return the leases of the recordings that lists are made from."""
    leases: list[dict[str, object]] = []
    for name in TEMPLATES:
        body = recordings.load(name).json
        leases.extend(body['leases'] if 'leases' in body else [body['lease']])
    return leases


def lease_name(number: int) -> str:
    """Return the name of lease `number`; no two leases share one."""
    return f'{WORDS[number % len(WORDS)]}-{number:05d}'


def lease_texts(count: int) -> Iterator[str]:
    """Yield `count` leases as JSON texts in Blazar's own style."""
    chance = random.Random(SEED)
    users = [f'{chance.getrandbits(128):032x}' for _ in range(40)]
    templates = [_VARYING.split(json.dumps(lease)) for lease in recorded_leases()]
    for number in range(count):
        yield _variant(templates[number % len(templates)], number, chance, users)


def list_body(count: int) -> bytes:
    """Return the body that a list of `count` leases has on the wire."""
    return ('{"leases": [' + ', '.join(lease_texts(count)) + ']}').encode()


def _variant(template: list[str], number: int, chance: random.Random, users: list[str]) -> str:
    # re.split with one group puts the varying pieces at the odd places.
    said: dict[str, str] = {}
    later = datetime.timedelta(minutes=number)
    parts = template.copy()
    for place in range(1, len(parts), 2):
        piece = parts[place]
        if piece not in said:
            said[piece] = _replacement(piece, number, later, chance, users)
        parts[place] = said[piece]
    return ''.join(parts)


def _replacement(
    piece: str,
    number: int,
    later: datetime.timedelta,
    chance: random.Random,
    users: list[str],
) -> str:
    if piece.startswith('"name"'):
        return f'"name": "{lease_name(number)}"'
    if piece.startswith('"user_id"'):
        return f'"user_id": "{users[number % len(users)]}"'
    if len(piece) == 36:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))
    moment = datetime.datetime.fromisoformat(piece) + later
    precision = 'microseconds' if '.' in piece else 'seconds'
    return moment.isoformat(piece[10], precision)
