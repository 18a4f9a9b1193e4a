"""Extra capabilities of hosts, devices and networks: the option ``--extra``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from blazarclient import exception
from blazarclient.osc import options

__all__ = ['add_keys', 'add_values', 'keys', 'values']


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add ``--extra KEY=VALUE``."""
    parser.add_argument(
        '--extra',
        metavar='KEY=VALUE',
        action='append',
        dest='extra_capabilities',
        default=[],
        help='Extra capability to set (repeat for several)',
    )


def values(
    parsed_args: argparse.Namespace, kind: str, reserved: Sequence[str]
) -> dict[str, object]:
    """The capabilities given; of one given twice the last, as ever.

    :param kind: what has them, in the singular.
    :param reserved: keys that are no capabilities.
    """
    extra: dict[str, object] = {}
    for given in parsed_args.extra_capabilities:
        key, value = options.parse_key_value(given)
        if key in reserved:
            raise exception.InvalidInput(
                f'--extra {given!r}: {key!r} is what a {kind} is known by, and no capability that '
                'can be set.'
            )
        extra[key] = value
    return extra


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add ``--extra KEY``."""
    parser.add_argument(
        '--extra',
        metavar='KEY',
        action='append',
        dest='extra_capabilities',
        default=[],
        help='Extra capability to remove (repeat for several)',
    )


def keys(parsed_args: argparse.Namespace, kind: str, name: str) -> dict[str, None]:
    """The capabilities to remove, each with None in place of its value.

    :raises blazarclient.exception.InvalidInput: when there is none, or one has a value.
    """
    found = parsed_args.extra_capabilities
    if not found:
        raise exception.InvalidInput(
            f'There is nothing to remove from {kind} {name!r}: give at least one --extra KEY.'
        )
    for key in found:
        if '=' in key:
            raise exception.InvalidInput(
                f'--extra {key!r} names no capability: to remove one, give its key without '
                f'a value, as in --extra {key.partition("=")[0]}.'
            )
    return dict.fromkeys(found)
