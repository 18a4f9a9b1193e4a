"""The options of the reservation service, as oslo.config reads them from a file.

The options live in a ``ConfigOpts`` of their own, never in oslo.config's global one: a process may
hold more than one service, and the tests hold many.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

__all__ = ['Settings', 'list_opts', 'load']

#: Where files are looked for that are named without a folder: ``/etc/blazar-gateway`` and so on.
PROJECT = 'blazar-gateway'

_DEFAULT = [
    cfg.BoolOpt(
        'debug',
        default=False,
        help='Log what is done for each request, and not only what went wrong.',
    ),
]

_API = [
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='The address on which "blazar-gateway api" listens. It speaks HTTP without TLS: let '
        'it listen beyond this machine only behind a proxy that speaks TLS.',
    ),
    cfg.PortOpt('port', default=1234, help='The port on which "blazar-gateway api" listens.'),
    cfg.IntOpt(
        'threads',
        default=8,
        min=1,
        help='How many requests "blazar-gateway api" works on at one time.',
    ),
]

_DATABASE = [
    cfg.StrOpt(
        'connection',
        secret=True,
        help='The database, as an SQLAlchemy URL: sqlite:////absolute/path, '
        'mysql+pymysql://user:password@host/name, or sqlite:// for one in memory that is gone '
        'when the process ends. It has to be set.',
    ),
]

_EMBEDDED = [
    cfg.IntOpt(
        'cleaning_time',
        default=0,
        min=0,
        help='Minutes for which a host stays empty between two leases.',
    ),
    cfg.IntOpt(
        'minutes_before_end_lease',
        default=60,
        min=0,
        help='How many minutes before the end of a lease its users are told of it, where the '
        'lease does not say. 0: they are not told.',
    ),
    cfg.IntOpt(
        'event_timeout',
        default=60,
        min=1,
        help='Seconds in which a worker has to be done with one event of a lease. After that the '
        'worker is taken for dead, and another one takes the event over.',
    ),
    cfg.BoolOpt(
        'scheduler',
        default=True,
        help='Let each process that answers requests also start and end leases. Turn it off where '
        '"blazar-gateway worker" does this.',
    ),
]

_UPGRADE = [
    cfg.StrOpt(
        'pin',
        help='The microversion (1.0) or release (5.0) whose form of the data is written and '
        'announced. Set it to the old one while servers of two releases share a database; take '
        'it away when all are new.',
    ),
]

_GROUPS: dict[str, Sequence[Any]] = {
    'DEFAULT': _DEFAULT,
    'api': _API,
    'database': _DATABASE,
    'embedded': _EMBEDDED,
    'upgrade': _UPGRADE,
}


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

    @classmethod
    def of(cls, config: cfg.ConfigOpts) -> Settings:
        """The settings that a configuration holds."""
        return cls(
            cleaning_time=config.embedded.cleaning_time,
            minutes_before_end_lease=config.embedded.minutes_before_end_lease,
            event_timeout=config.embedded.event_timeout,
            pin=config.upgrade.pin,
        )


def list_opts() -> list[tuple[str, list[Any]]]:
    """Every option by group, for ``oslo-config-generator``."""
    return [(group, [*options]) for group, options in _GROUPS.items()]


def load(files: Sequence[str] = ()) -> cfg.ConfigOpts:
    """Read the options.

    :param files: paths of configuration files; a later one wins. Without any, each option has its
        default or what its environment variable (``OS_API__PORT``) says.
    :raises oslo_config.cfg.Error: naming the file that cannot be read or the value that cannot be.
    """
    config = cfg.ConfigOpts()
    for group, options in _GROUPS.items():
        config.register_opts(options, group=None if group == 'DEFAULT' else group)
    config([], project=PROJECT, default_config_files=[*files], default_config_dirs=[])
    # oslo.config looks at most values only when they are used. A wrong one should not wait for
    # the first request.
    for group, options in _GROUPS.items():
        section = config if group == 'DEFAULT' else config[group]
        for option in options:
            getattr(section, option.dest)
    return config
