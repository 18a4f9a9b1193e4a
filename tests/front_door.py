"""A reservation service in this process, reached the way everybody reaches it: by requests.

Its clock stands still until a test moves it on. Who asks is known by the token, which is the
user's name: ``admin``, ``alice`` and ``bob``, the last two members of projects of their own;
``max`` is a member of the administrator's project, ``rita`` a reader of that of alice.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse

from blazarclient.server.app import Identity, create_app
from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.availability import Inventory
from blazarclient.server.policy import Policy
from blazarclient.server.store import clock, tables
from blazarclient.server.store.database import Database

__all__ = ['FLAVORS', 'NETWORK', 'Answer', 'FrontDoor', 'Machine', 'wire']

_VERSION = 'OpenStack-API-Version'
#: When the clock starts: naive UTC, as every time of the service.
BEGIN = datetime(2030, 1, 7, 8, 0)  # noqa: DTZ001

NETWORK = 'b5b5a2a4-4f5c-4d6e-9d0f-2d3a5e0c1f11'
#: Name -> vcpus, ram (MiB), disk (GiB).
FLAVORS: Mapping[str, tuple[int, int, int]] = {
    'm1.small': (1, 2048, 20),
    'm1.large': (4, 8192, 80),
}

_USERS = {
    'admin': Identity('u-admin', 'p-admin', frozenset({'admin', 'member', 'reader'}), 'admin'),
    'alice': Identity('u-alice', 'p-demo', frozenset({'member', 'reader'}), 'alice'),
    'bob': Identity('u-bob', 'p-other', frozenset({'member', 'reader'}), 'bob'),
    'max': Identity('u-max', 'p-admin', frozenset({'member', 'reader'}), 'max'),
    'rita': Identity('u-rita', 'p-demo', frozenset({'reader'}), 'rita'),
}


@dataclasses.dataclass(frozen=True)
class Machine:
    """A hypervisor that can be made a host."""

    number: int
    vcpus: int
    memory_mb: int
    local_gb: int
    capabilities: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its host name."""
        return f'compute-{self.number}'


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: the status, the body as JSON reads it, and the headers."""

    status: int
    body: Any
    headers: Headers = dataclasses.field(default_factory=Headers, compare=False, repr=False)

    @property
    def sentence(self) -> str:
        """What the service says of an error."""
        return str((self.body or {}).get('error_message', ''))


class FrontDoor:
    """A service on a database.

    :param url: as SQLAlchemy reads it; its tables are made if it has none.
    :param inventory: who knows the hosts, where they are a Blazar's.
    :param standing: let the clock stand still at BEGIN; otherwise it stays as it is.
    """

    def __init__(
        self,
        url: str = 'sqlite://',
        *,
        settings: Settings | None = None,
        standing: bool = True,
        inventory: Callable[[], Inventory] | None = None,
    ) -> None:
        self.database = Database(url)
        self.database.upgrade()
        self.policy, self.settings = Policy(), settings or Settings()
        self.app = create_app(
            self.database, self.policy, self.settings, _authenticate, inventory=inventory
        )
        self._client = Client(self.app)
        self.scheduler = Scheduler(self.context, 'front-door')
        self.now = BEGIN
        if standing:
            self.set_clock(BEGIN)

    def close(self) -> None:
        """Leave the database."""
        self.database.dispose()

    def context(self) -> RequestContext:
        """The service's own context."""
        return RequestContext.for_service(self.database, self.policy, self.settings)

    def call(
        self,
        user: str,
        method: str,
        path: str,
        values: Any = None,
        *,
        microversion: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request.

        :param path: below ``/v1``.
        :param microversion: what the request asks for, ``1.2``; without one it is a 1.0.
        :param headers: what it has besides.
        """
        data = None if values is None else json.dumps(values)
        asked = {} if microversion is None else {_VERSION: f'reservation {microversion}'}
        response = self._open(user, method, path, data, {**asked, **(headers or {})})
        text = response.get_data(as_text=True)
        content = json.loads(text) if text else None
        return Answer(response.status_code, content, response.headers)

    def raw(self, user: str, path: str) -> bytes:
        """The body of a GET, as it travels."""
        return self._open(user, 'GET', path).get_data()

    def _open(
        self,
        user: str,
        method: str,
        path: str,
        data: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        sent = {'X-Auth-Token': user, 'Accept': 'application/json', **(headers or {})}
        return self._client.open(
            f'/v1{path}',
            method=method,
            data=data,
            headers=sent,
            content_type='application/json',
        )

    def set_clock(self, moment: datetime, *, speed: float = 0.0) -> None:
        """Let the clock show a time.

        :param speed: how many seconds it goes on in one real second.
        """
        self.now = moment
        shown = (moment - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001
        with self.database.transaction() as connection:
            clock.write(connection, time.time(), shown, speed)

    def advance(self, minutes: float) -> None:
        """Move the clock on."""
        self.set_clock(self.now + timedelta(minutes=minutes))

    def surround(
        self, machines: Sequence[Machine], flavors: Mapping[str, tuple[int, int, int]] = FLAVORS
    ) -> None:
        """Let there be machines, flavors, and a network with addresses from .100 on."""
        with self.database.transaction() as connection:
            connection.execute(
                tables.hypervisors.insert(),
                [
                    {
                        'id': each.number,
                        'hypervisor_hostname': each.name,
                        'vcpus': each.vcpus,
                        'memory_mb': each.memory_mb,
                        'local_gb': each.local_gb,
                        'availability_zone': '',
                    }
                    for each in machines
                ],
            )
            connection.execute(
                tables.flavors.insert(),
                [
                    {
                        'id': name,
                        'name': name,
                        'vcpus': vcpus,
                        'ram': ram,
                        'disk': disk,
                        'ephemeral': 0,
                        'extra_specs': '{}',
                    }
                    for name, (vcpus, ram, disk) in flavors.items()
                ],
            )
            connection.execute(
                tables.subnets.insert(),
                {
                    'id': 'subnet',
                    'network_id': NETWORK,
                    'network_name': 'public',
                    'cidr': '203.0.113.0/24',
                    'gateway_ip': '203.0.113.1',
                    'allocation_pools': json.dumps(
                        [{'start': '203.0.113.10', 'end': '203.0.113.99'}]
                    ),
                },
            )

    def add_host(self, machine: Machine) -> Answer:
        """Make a machine a host."""
        return self.call(
            'admin', 'POST', '/os-hosts', {'name': machine.name, **machine.capabilities}
        )

    def add_address(self, number: int) -> Answer:
        """Let 203.0.113.NUMBER be reserved."""
        values = {'floating_network_id': NETWORK, 'floating_ip_address': f'203.0.113.{number}'}
        return self.call('admin', 'POST', '/floatingips', values)


def wire(moment: datetime) -> str:
    """A time as requests have it."""
    return f'{moment:%Y-%m-%d %H:%M}'


def _authenticate(headers: Headers) -> Identity | None:
    return _USERS.get(headers.get('X-Auth-Token', ''))
