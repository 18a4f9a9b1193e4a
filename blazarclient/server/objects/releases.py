"""Which version of each object a microversion and a release speak, and what a pin makes of it.

With ``[upgrade] pin`` a new server stores and answers the old form of every object, so that
servers of two releases share one database while they are replaced one by one. Without it the
newest form is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from blazarclient.server import errors

__all__ = [
    'MICROVERSIONS',
    'RELEASES',
    'answered_version',
    'newest',
    'number',
    'pinned',
    'stored_version',
]

#: Microversion -> object -> its version there. New entries go at the end.
MICROVERSIONS: Mapping[str, Mapping[str, str]] = {
    '1.0': {
        'Allocation': '1.0',
        'FloatingIP': '1.0',
        'Host': '1.0',
        'Lease': '1.0',
        'LeaseEvent': '1.0',
        'Reservation': '1.0',
        'ResourceProperty': '1.0',
    },
    '1.1': {
        'Allocation': '1.0',
        'Delivery': '1.0',
        'FloatingIP': '1.0',
        'Host': '1.0',
        'Lease': '1.1',
        'LeaseEvent': '1.0',
        'Notification': '1.0',
        'Reservation': '1.0',
        'ResourceProperty': '1.0',
        'Subscription': '1.0',
    },
    '1.2': {
        'Allocation': '1.0',
        'Availability': '1.0',
        'Delivery': '1.0',
        'FloatingIP': '1.0',
        'Host': '1.0',
        'Lease': '1.1',
        'LeaseEvent': '1.0',
        'Notification': '1.0',
        'Reservation': '1.0',
        'ResourceProperty': '1.0',
        'Subscription': '1.1',
    },
}

#: Release of this package -> the newest microversion that it speaks.
RELEASES: Mapping[str, str] = {'5.0': '1.2'}


def number(microversion: str) -> tuple[int, ...]:
    """What a microversion is compared by: 1.9 comes before 1.10."""
    return tuple(int(part) for part in microversion.split('.'))


def pinned(pin: str | None) -> str | None:
    """The microversion that a pin means.

    :param pin: a microversion, a release, or None for no pin.
    :raises blazarclient.server.errors.InvalidInput: for anything else.
    """
    if not pin:
        return None
    version = RELEASES.get(pin, pin)
    if version not in MICROVERSIONS:
        known = ', '.join([*MICROVERSIONS, *RELEASES])
        raise errors.InvalidInput(
            f'[upgrade] pin = {pin} is neither a microversion nor a release. Known are: {known}.'
        )
    return version


def newest(pin: str | None) -> str:
    """The newest microversion that the service announces."""
    return pinned(pin) or [*MICROVERSIONS][-1]


def stored_version(name: str, current: str, pin: str | None) -> str:
    """The version at which an object is stored."""
    version = pinned(pin)
    return current if version is None else MICROVERSIONS[version].get(name, current)


def answered_version(name: str, current: str, microversion: str) -> str:
    """The version at which an object is answered."""
    return MICROVERSIONS[microversion].get(name, current)
