"""The options of the reservation service, as oslo.config reads them from a file.

The options live in a ``ConfigOpts`` of their own, never in oslo.config's global one: a process may
hold more than one service, and the tests hold many.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg, types

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

_BACKEND = [
    cfg.StrOpt(
        'type',
        default='embedded',
        choices=[
            ('embedded', 'the leases are in the database of this service'),
            ('blazar', 'a Blazar has them; this service stands in front of it'),
        ],
        help='Who keeps the leases.',
    ),
]

_BLAZAR = [
    cfg.URIOpt(
        'endpoint',
        schemes=['http', 'https'],
        help='Where Blazar answers, without /v1: http://blazar.internal:1234. It has to be set '
        'where [backend] type is blazar.',
    ),
    cfg.StrOpt('cafile', help='The certificates by which an https endpoint is known.'),
    cfg.FloatOpt(
        'connect_timeout', default=5.0, min=0.1, help='Seconds to wait for a connection to Blazar.'
    ),
    cfg.FloatOpt(
        'timeout',
        default=600.0,
        min=1.0,
        help='Seconds to wait for the next bytes of an answer of Blazar. A long list takes it '
        'minutes before the first one comes.',
    ),
    cfg.IntOpt(
        'comparison_interval',
        default=60,
        min=1,
        help='Seconds from one comparison with the list of leases to the next.',
    ),
]

_NOTIFICATIONS = [
    cfg.StrOpt(
        'transport_url',
        secret=True,
        help='The message bus to which Blazar publishes: rabbit://user:password@host:5672/. '
        'Without it the comparison with the list of leases is the only source.',
    ),
    cfg.StrOpt(
        'topic',
        default='reservation_gateway',
        help='The topic to listen to. It has to be one of its own, also named in [oslo_messaging_'
        'notifications] topics of blazar.conf: listeners to one topic take messages from each '
        'other.',
    ),
    cfg.StrOpt('exchange', default='openstack', help='The exchange that Blazar publishes to.'),
    cfg.IntOpt(
        'keep_days', default=14, min=1, help='Days for which what has happened can be read again.'
    ),
    cfg.IntOpt(
        'waiters',
        default=256,
        min=1,
        help='How many requests may wait for notifications at one time. More are told to come '
        'again (429).',
    ),
]

_SUBSCRIPTIONS = [
    cfg.MultiStrOpt(
        'secret_key',
        secret=True,
        help='What the secrets of subscriptions are encrypted with in the database: 32 bytes in '
        'URL-safe base64, as "blazar-gateway secret-key" prints. The first one encrypts, each one '
        'decrypts. It has to be set.',
    ),
    cfg.StrOpt(
        'source',
        default='//reservation-gateway/v1',
        help='The "source" of notifications: a URI that names this service, such as '
        '//reservation.example.org/v1.',
    ),
    cfg.IntOpt('per_project', default=50, min=0, help='How many subscriptions a project may have.'),
    cfg.IntOpt(
        'longest_body',
        default=65536,
        min=1024,
        help='Bytes of the longest body that is sent. Of a lease that is longer only the ID is '
        'sent.',
    ),
]

_DELIVERY = [
    cfg.BoolOpt(
        'worker',
        default=True,
        help='Let each process that answers requests also send notifications. Turn it off where '
        '"blazar-gateway worker" does this.',
    ),
    cfg.ListOpt(
        'allow_cidrs',
        default=[],
        item_type=types.String(),
        help='Networks to which notifications may go although they are private, such as '
        '10.0.0.0/8. Loopback, link-local and multicast addresses are refused whatever it says.',
    ),
    cfg.ListOpt(
        'deny_cidrs',
        default=[],
        item_type=types.String(),
        help="Networks to which notifications may not go: the service's own addresses.",
    ),
    cfg.IntOpt(
        'connections',
        default=128,
        min=1,
        help='How many notifications one worker sends at one time.',
    ),
    cfg.IntOpt(
        'connections_per_host',
        default=4,
        min=1,
        help='How many notifications are sent to one host at one time.',
    ),
    cfg.IntOpt('keep_days', default=30, min=1, help='Days for which deliveries can be looked at.'),
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
    'backend': _BACKEND,
    'blazar': _BLAZAR,
    'database': _DATABASE,
    'delivery': _DELIVERY,
    'embedded': _EMBEDDED,
    'notifications': _NOTIFICATIONS,
    'subscriptions': _SUBSCRIPTIONS,
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
    #: Whether notifications may go to this machine: in a sandbox only.
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
            secret_keys=tuple(config.subscriptions.secret_key or ()),
            source=config.subscriptions.source,
            subscriptions_per_project=config.subscriptions.per_project,
            longest_body=config.subscriptions.longest_body,
            allow_cidrs=tuple(config.delivery.allow_cidrs),
            deny_cidrs=tuple(config.delivery.deny_cidrs),
            connections=config.delivery.connections,
            connections_per_host=config.delivery.connections_per_host,
            keep_notifications=config.notifications.keep_days,
            keep_deliveries=config.delivery.keep_days,
            waiters=config.notifications.waiters,
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
