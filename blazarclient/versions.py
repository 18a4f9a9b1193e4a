"""The API's microversions: their history, and which one is spoken.

:data:`HISTORY` is the single table. A field, a resource, a query parameter or an option
that came later than 1.0 names the entry that it came with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from blazarclient import exception

__all__ = [
    'HISTORY',
    'NEWEST',
    'OLDEST',
    'RELEASES',
    'Pin',
    'Spoken',
    'Version',
    'common',
    'pin_from',
]


class Version(NamedTuple):
    """A microversion, ordered as numbers are: 1.9 comes before 1.10."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f'{self.major}.{self.minor}'

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``1.2``.

        :raises blazarclient.exception.UnsupportedVersion: for anything else.
        """
        found = re.fullmatch(r'([0-9]{1,4})\.([0-9]{1,4})', text)
        if not found:
            raise exception.UnsupportedVersion(
                f'{text!r} is not a microversion: expected a number such as 1.0.'
            )
        return cls(int(found[1]), int(found[2]))


#: Microversion -> one line of what it changed. New entries go at the end.
HISTORY: Mapping[str, str] = {
    '1.0': 'Blazar as it is: leases, hosts, floating IPs, allocations, resource properties.',
    '1.1': 'Subscriptions, notifications and deliveries; the subscriptions of a lease.',
    '1.2': 'Lead times of warnings before the end, in a subscription; availability.',
}

#: The newest microversion that each OpenStack release speaks.
#: Every Blazar since Train answers 1.0, and none more.
RELEASES: Mapping[str, str] = dict.fromkeys(
    (
        *('train', 'ussuri', 'victoria', 'wallaby', 'xena', 'yoga', 'zed'),
        *('antelope', 'bobcat', 'caracal', 'dalmatian', 'epoxy', 'flamingo', 'gazpacho'),
        *('2023.1', '2023.2', '2024.1', '2024.2', '2025.1', '2025.2', '2026.1', '2026.2'),
    ),
    '1.0',
)

OLDEST = Version.parse(next(iter(HISTORY)))
NEWEST = Version.parse(list(HISTORY)[-1])

#: Values that name no microversion but ask for the best one in common. ``1a0`` is what
#: python-blazarclient 4 also took for 1.
_NEGOTIATE = ('', '1', '1a0', 'latest')


class Pin(NamedTuple):
    """A microversion that the user asked for, and where: it is sent as it is, never lowered."""

    version: Version
    source: str


class Spoken(NamedTuple):
    """The microversion of an answer, and why it is not a higher one."""

    version: Version
    reason: str


def pin_from(
    value: str | float | None, source: str, *, newest: Version = NEWEST, oldest: Version = OLDEST
) -> Pin | None:
    """The pin that an option, a variable or a setting asks for.

    :param value: a microversion (``1.0``), a release name (``2026.1``, ``train``); or ``1``,
        ``latest`` or nothing to negotiate.
    :param source: where the value stands, named in errors (``--os-reservation-api-version``).
    :returns: None when the version is to be negotiated.
    :raises blazarclient.exception.UnsupportedVersion: for a value that is none of these.
    """
    text = '' if value is None else str(value).strip().lower()
    if text in _NEGOTIATE:
        return None
    text = RELEASES.get(text, text)
    # Four digits before the point are a year, and of no release that is known here.
    if not re.fullmatch(r'[0-9]{1,3}\.[0-9]{1,4}', text):
        raise exception.UnsupportedVersion(
            f'{source}: {str(value)!r} is not an API version. Expected 1 or latest (the best one '
            f'in common with the server), a microversion from {oldest} to {newest}, or the name of '
            'an OpenStack release such as 2026.1.'
        )
    version = Version.parse(text)
    if not oldest <= version <= newest:
        raise exception.UnsupportedVersion(
            f'{source}: this client does not speak {version}. Expected a microversion from '
            f'{oldest} to {newest}, or 1 or latest for the best one in common with the server.'
        )
    return Pin(version, source)


def common(
    server: tuple[Version, Version], *, newest: Version = NEWEST, oldest: Version = OLDEST
) -> Version | None:
    """The highest microversion that a server's range (lowest, highest) shares with ours."""
    best = min(server[1], newest)
    return best if best >= max(server[0], oldest) else None
