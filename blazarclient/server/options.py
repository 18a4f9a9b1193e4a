"""The options by group: what they are called, and what an operator reads of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_config import cfg, types

__all__ = ['GROUPS']


class Network(types.ConfigType):
    """A network, such as 10.0.0.0/8."""

    def __init__(self) -> None:
        super().__init__(type_name='network')

    def __call__(self, value: object) -> str:
        """The network as it is written.

        :raises ValueError: it is none.
        """
        try:
            return str(ipaddress.ip_network(str(value).strip()))
        except ValueError as error:
            raise ValueError(f'{error}: a network is written like 10.0.0.0/8 or fd00::/8') from None

    def __repr__(self) -> str:
        return 'Network'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network)

    __hash__ = None  # type: ignore[assignment]

    def _formatter(self, value: str) -> str:
        return value


_DEFAULT = [
    cfg.BoolOpt(
        'debug',
        default=False,
        help='Log what is done for each request, and not only what went wrong.',
    ),
    cfg.StrOpt(
        'log_format',
        default='text',
        choices=[
            ('text', 'lines for people'),
            ('json', 'one JSON object a line, for programs'),
        ],
        help='How "blazar-gateway" writes its log, which goes to stderr. WSGI servers have '
        'options of their own.',
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
        help='How many requests "blazar-gateway api" can work on at one time whatever happens; '
        'as long as nobody waits for notifications, those threads work on requests, too.',
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
    cfg.BoolOpt(
        'listener',
        default=True,
        help='Where [backend] type is blazar, let each process that answers requests also listen '
        'to the bus and compare with the list of leases. Turn it off where "blazar-gateway '
        'listener" does this, and where more than one process answers requests.',
    ),
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
    # No MultiStrOpt: the environment cannot give one.
    cfg.ListOpt(
        'secret_key',
        default=[],
        item_type=types.String(),
        secret=True,
        help='What the secrets of subscriptions are encrypted with in the database: 32 bytes in '
        'URL-safe base64, as "blazar-gateway secret-key" prints. Of several, separated by commas, '
        'the first one encrypts and each one decrypts. It has to be set, unless [upgrade] pin is '
        '1.0.',
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
        help='Let each process that answers requests also send notifications, give the warnings '
        'that were asked for, and delete what is no longer kept. Turn it off where '
        '"blazar-gateway worker" does this.',
    ),
    cfg.ListOpt(
        'allow_cidrs',
        default=[],
        item_type=Network(),
        help='Networks to which notifications may go although they are private, such as '
        '10.0.0.0/8. Loopback, link-local and multicast addresses are refused whatever it says.',
    ),
    cfg.ListOpt(
        'deny_cidrs',
        default=[],
        item_type=Network(),
        help="Networks to which notifications may not go: the service's own addresses. Those of "
        'this machine, of Blazar, the database and the message bus are refused without it.',
    ),
    cfg.BoolOpt(
        'allow_loopback',
        default=False,
        help='FOR TESTS ONLY. Let notifications go to this machine: whoever may subscribe reaches '
        'every service that listens on it. It is refused unless [api] host is a loopback address.',
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

_METRICS = [
    cfg.PortOpt(
        'port',
        help='The port on which "blazar-gateway listener" and "blazar-gateway worker" answer '
        '/healthz and /metrics. Without it they answer nothing. "blazar-gateway api" answers them '
        'on its own port.',
    ),
    cfg.HostAddressOpt(
        'host',
        default='127.0.0.1',
        help='The address for that port. Nobody is asked for a token there.',
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

GROUPS: Mapping[str, Sequence[Any]] = {
    'DEFAULT': _DEFAULT,
    'api': _API,
    'backend': _BACKEND,
    'blazar': _BLAZAR,
    'database': _DATABASE,
    'delivery': _DELIVERY,
    'embedded': _EMBEDDED,
    'metrics': _METRICS,
    'notifications': _NOTIFICATIONS,
    'subscriptions': _SUBSCRIPTIONS,
    'upgrade': _UPGRADE,
}
