"""Names whose addresses change, and listeners that say who was connected to."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from blazarclient.server.delivery.outbound import Outbound
from tests.scripted_receiver import Receiver, resolving

__all__ = ['FORBIDDEN', 'GOOD', 'PATTERNS', 'Counted', 'rebind']

#: What may be reached here, and what may not: each with a listener on the same port.
GOOD = '127.0.0.1'
FORBIDDEN = ('127.0.0.2', '::1')

#: What a name stands for, one answer after the other.
PATTERNS: dict[str, Sequence[Sequence[str]]] = {
    'good and forbidden in turn': [[GOOD], ['127.0.0.2']],
    'good twice, then forbidden': [[GOOD], [GOOD], ['127.0.0.2']],
    'A good, AAAA forbidden': [[GOOD, '::1'], ['::1', GOOD]],
    'A good, AAAA forbidden now and then': [[GOOD], ['::1', GOOD], [GOOD, '127.0.0.2']],
    'forbidden in other words': [
        [GOOD],
        ['::ffff:127.0.0.2'],
        ['::127.0.0.2'],
        ['64:ff9b::7f00:2'],
        ['2002:7f00:2::1'],
        ['2001:0:7f00:2::80ff:fffd'],
        [GOOD, '::ffff:7f00:2'],
    ],
    'many good, one forbidden': [[GOOD] * 20 + ['127.0.0.2'], ['::1', *[GOOD] * 20], [GOOD]],
    'link-local, unspecified and nobody': [
        ['169.254.169.254', GOOD],
        ['0.0.0.0'],
        ['::'],
        [],
        [GOOD],
    ],
}


@dataclasses.dataclass(frozen=True)
class Counted:
    """What became of some attempts."""

    tries: int
    #: Answers of the resolver that held nothing forbidden, and requests that were received.
    good: int
    received: int
    #: How often the name was resolved.
    resolved: int
    #: Connections to where none should be.
    forbidden: int
    #: The errors that were told.
    errors: set[str | None]


def rebind(pattern: Sequence[Sequence[str]], tries: int, seed: int = 1) -> Counted:
    """Send to a name whose addresses change, in turn at first and then at random."""
    chance = random.Random(seed)
    answers = itertools.chain(
        itertools.chain.from_iterable(itertools.repeat(pattern, tries // len(pattern) // 2)),
        (chance.choice(pattern) for _ in itertools.count()),
    )
    asked: list[Sequence[str]] = []

    def resolve(host: str, port: int, **options: object) -> list[tuple[Any, ...]]:
        asked.append(next(answers))
        return resolving(*asked[-1])(host, port)

    with listening() as (good, forbidden):
        outbound = Outbound(
            deny_cidrs=[*FORBIDDEN, '0.0.0.0/8'], allow_loopback=True, resolve=resolve
        )
        errors = set()
        for number in range(tries):
            url = f'http://hook.example:{good.port}/'
            errors.add(outbound.send('POST', url, {'webhook-id': str(number)}, b'{}').error)
        outbound.close()
        return Counted(
            tries,
            sum(bool(each) and set(each) == {GOOD} for each in asked),
            len(good.requests),
            len(asked),
            sum(each.accepted for each in forbidden),
            errors,
        )


@contextlib.contextmanager
def listening() -> Iterator[tuple[Receiver, list[Receiver]]]:
    """A receiver where one may be, and others on the same port where none may be reached."""
    with contextlib.ExitStack() as stack:
        good = Receiver(address=GOOD)
        stack.callback(good.stop)
        others = []
        for address in FORBIDDEN:
            with contextlib.suppress(OSError):
                others.append(Receiver(address=address, port=good.port))
                stack.callback(others[-1].stop)
        yield good, others
