"""The options of the reservation service, as oslo.config reads them from a file.

The options live in a ``ConfigOpts`` of their own, never in oslo.config's global one: a process may
hold more than one service, and the tests hold many.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from blazarclient.server.options import GROUPS

__all__ = ['Settings', 'list_opts', 'load']

#: Where files are looked for that are named without a folder: ``/etc/blazar-gateway`` and so on.
PROJECT = 'blazar-gateway'


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What the options say about leases; the defaults are the options'."""

    #: Minutes between two leases of one host.
    cleaning_time: int = 0
    #: Minutes between the warning and the end of a lease; 0 for no warning.
    minutes_before_end_lease: int = 60
    #: Seconds after which a worker is taken for dead.
    event_timeout: int = 60
    #: The microversion or release whose form of the data is written.
    pin: str | None = None
    #: Whether a Blazar has the leases, and not this service's own database.
    in_front_of_blazar: bool = False
    #: Keys for the secrets of subscriptions, the first of which encrypts.
    secret_keys: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    #: What notifications say that they come from.
    source: str = '//reservation-gateway/v1'
    #: How many subscriptions a project may have.
    subscriptions_per_project: int = 50
    #: Bytes of the longest body of a notification.
    longest_body: int = 65536
    #: Networks to which notifications may go although they are private, and may not go.
    allow_cidrs: tuple[str, ...] = ()
    deny_cidrs: tuple[str, ...] = ()
    #: Whether notifications may go to this machine: in a sandbox and in tests only.
    allow_loopback: bool = False
    #: How many notifications are sent at one time by a worker, and to one host.
    connections: int = 128
    connections_per_host: int = 4
    #: Days for which notifications and deliveries are kept.
    keep_notifications: int = 14
    keep_deliveries: int = 30
    #: How many requests may wait for notifications at one time.
    waiters: int = 256

    @classmethod
    def of(cls, config: cfg.ConfigOpts) -> Settings:
        """The settings that a configuration holds."""
        return cls(
            cleaning_time=config.embedded.cleaning_time,
            minutes_before_end_lease=config.embedded.minutes_before_end_lease,
            event_timeout=config.embedded.event_timeout,
            pin=config.upgrade.pin,
            in_front_of_blazar=config.backend.type == 'blazar',
            secret_keys=tuple(config.subscriptions.secret_key),
            source=config.subscriptions.source,
            subscriptions_per_project=config.subscriptions.per_project,
            longest_body=config.subscriptions.longest_body,
            allow_cidrs=tuple(config.delivery.allow_cidrs),
            deny_cidrs=tuple(config.delivery.deny_cidrs),
            allow_loopback=config.delivery.allow_loopback,
            connections=config.delivery.connections,
            connections_per_host=config.delivery.connections_per_host,
            keep_notifications=config.notifications.keep_days,
            keep_deliveries=config.delivery.keep_days,
            waiters=config.notifications.waiters,
        )


def list_opts() -> list[tuple[str, list[Any]]]:
    """Every option by group, for ``oslo-config-generator``."""
    return [(group, [*options]) for group, options in GROUPS.items()]


def load(files: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Read the options.

    :param files: paths of configuration files; a later one wins. Without any, each option has its
        default or what its environment variable (``OS_API__PORT``) says.
    :raises oslo_config.cfg.Error: naming the file that cannot be read or the value that cannot be.
    """
    config = cfg.ConfigOpts()
    for group, options in GROUPS.items():
        config.register_opts(options, group=None if group == 'DEFAULT' else group)
    config([], project=PROJECT, default_config_files=[*files], default_config_dirs=[])
    # oslo.config looks at most values only when they are used. A wrong one should not wait for
    # the first request.
    for group, options in GROUPS.items():
        section = config if group == 'DEFAULT' else config[group]
        for option in options:
            getattr(section, option.dest)
    return config
