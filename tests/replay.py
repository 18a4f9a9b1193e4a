"""Calls recorded from a real Blazar, sent again to the reservation service of this package.

A :class:`Day` is what happened on a cloud one after the other: the recordings in the order in which
they were made, and between them what was not recorded. The clock stands, and shows the time of
each recording. In requests the IDs that the service has given stand in the place of the recorded
ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import Client, TestResponse

from blazarclient.server.app import Identity, create_app
from blazarclient.server.backends.embedded.scheduler import Scheduler
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.policy import Policy
from blazarclient.server.sandbox.users import USERS
from blazarclient.server.store import clock, surroundings
from blazarclient.server.store.database import Database
from tests.comparison import MADE, Comparison, headers
from tests.recordings import Recording, load

__all__ = ['At', 'Begin', 'Call', 'Day', 'Lease', 'Play', 'Replayed', 'replay']

#: What the recorded answers say of themselves, and where clients without a token were sent.
_ADDRESS, _IDENTITY = 'http://127.0.0.1:1234', 'http://127.0.0.1:5000/identity'
_JSON = Headers({'Accept': 'application/json', 'Content-Type': 'application/json'})
#: Blazar's ``minutes_before_end_lease`` on that cloud.
_BEFORE_END = 1


@dataclasses.dataclass(frozen=True)
class At:
    """Let the clock show a time of the day, and carry out what is due."""

    time: str


@dataclasses.dataclass(frozen=True)
class Begin:
    """Let a worker take what is due, and not be done with it."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A request that was not recorded; ``user`` is in the recorded cloud's terms."""

    user: str
    method: str
    path: str
    values: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Lease:
    """Let alice make a lease that an answer shows; how it was made was not recorded."""

    recording: str
    id: str


@dataclasses.dataclass(frozen=True)
class Play:
    """Send recorded requests again, one after the other."""

    recordings: str


Step = At | Begin | Call | Lease | Play


@dataclasses.dataclass(frozen=True, eq=False)
class Day:
    """What happened on one cloud.

    :param date: year, month and day, UTC.
    :param machines: names of the hypervisors, in the order of their numbers; ``hosts-list-admin``
        says how large they are.
    :param floatingip: a recording with a floating IP, for the IDs of network and subnet.
    """

    date: str
    machines: Sequence[str]
    floatingip: str
    steps: Sequence[Step]

    @property
    def recordings(self) -> list[str]:
        """The names of all recordings of the day."""
        return [
            name
            for step in self.steps
            if isinstance(step, Play)
            for name in step.recordings.split()
        ]


@dataclasses.dataclass(frozen=True)
class Replayed:
    """How an answer differs from the recorded one; nothing where it does not."""

    body: Sequence[str]
    headers: Sequence[str]


@functools.cache
def replay(day: Day) -> Mapping[str, Replayed]:
    """Let a day happen again; recording -> how its answer differs."""
    with contextlib.closing(_Service(day)) as service:
        return {name: answer for step in day.steps for name, answer in service.do(step)}


class _Service:
    """A service, and what is known of it in the terms of the recordings."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._comparison = Comparison()
        self._database = Database('sqlite://')
        self._database.upgrade()
        self._policy, self._settings = Policy(), Settings(minutes_before_end_lease=_BEFORE_END)
        with self._database.transaction() as connection:
            surroundings.insert_hypervisors(connection, _hypervisors(day.machines))
            surroundings.insert_flavors(connection, [_flavor()])
            surroundings.insert_subnets(connection, [_subnet(day.floatingip)])
        app = create_app(
            self._database,
            self._policy,
            self._settings,
            _authenticate,
            identity_url=_IDENTITY,
        )
        self._client = Client(app)
        self._scheduler = Scheduler(self._context, 'replay')

    def close(self) -> None:
        self._database.dispose()

    def do(self, step: Step) -> Iterator[tuple[str, Replayed]]:
        """Take a step; give what it has replayed."""
        match step:
            case At(moment):
                self._set_clock(datetime.fromisoformat(f'{self._day.date} {moment}+00:00'))
                self._scheduler.run_due_once()
            case Begin():
                LeaseEvent.take(self._context(), owner='another')
            case Call(user, method, path, values):
                body = None if values is None else json.dumps(values)
                answer = self._send(user, method, path, body, _JSON)
                assert answer.status_code < 300, f'{method} {path}: {answer.text}'
            case Lease(recording, lease_id):
                self._make_lease(load(recording).json, lease_id)
            case Play(names):
                for name in names.split():
                    yield name, self._play(load(name))

    def _context(self) -> RequestContext:
        return RequestContext.for_service(self._database, self._policy, self._settings)

    def _set_clock(self, moment: datetime) -> None:
        with self._database.transaction() as connection:
            clock.write(connection, time.time(), moment.timestamp(), 0.0)

    def _send(
        self, user: str | None, method: str, path: str, body: str | None, headers: Headers
    ) -> TestResponse:
        headers = headers.copy()
        headers.pop('X-Auth-Token', None)
        if user:
            headers['X-Auth-Token'] = user
        return self._client.open(
            self._comparison.translated(path),
            method=method,
            base_url=_ADDRESS,
            headers=headers,
            data=None if body is None else self._comparison.translated(body),
        )

    def _make_lease(self, answer: Mapping[str, Any], lease_id: str) -> None:
        shown = answer.get('leases') or [answer['lease']]
        recorded = next(each for each in shown if each['id'] == lease_id)
        self._comparison.forget(recorded)
        wanted = {
            'id': lease_id,
            'name': recorded['name'],
            'start_date': _date(recorded['start_date']),
            'end_date': _date(recorded['end_date']),
            'reservations': [_wanted(each) for each in recorded['reservations']],
            'events': [],
        }
        made = self._send('alice', 'POST', '/v1/leases', json.dumps(wanted), _JSON)
        assert made.status_code == 201, f'{lease_id}: {made.text}'
        for _ in self._comparison.differences({'lease': recorded}, made.json):
            # The IDs are learned by it. That the lease has not begun yet is no difference.
            pass

    def _play(self, recording: Recording) -> Replayed:
        body = recording.request_body
        answer = self._send(
            recording.user,
            recording.method,
            recording.target,
            None if body is None else body.decode(),
            Headers(recording.request_headers),
        )
        if recording.status is None:
            return Replayed([f'{answer.status_code} instead of no answer'], [])
        return Replayed(
            [*self._differences(recording, answer)], [*headers(recording, answer.headers)]
        )

    def _differences(self, recording: Recording, answer: TestResponse) -> Iterator[str]:
        if recording.status != answer.status_code:
            yield f'status: {answer.status_code} instead of {recording.status}: {answer.text}'
        elif bool(recording.body) != bool(answer.data):
            yield f'body: {answer.text!r} instead of {recording.body!r}'
        elif recording.body:
            yield from self._comparison.differences(recording.json, json.loads(answer.data))


def _authenticate(headers: Headers) -> Identity | None:
    user = USERS.get(headers.get('X-Auth-Token', ''))
    if user is None:
        return None
    return Identity(user.id, user.project_id, frozenset(user.roles), user.name)


def _hypervisors(names: Sequence[str]) -> list[dict[str, Any]]:
    recorded = {
        each['hypervisor_hostname']: each for each in load('hosts-list-admin').json['hosts']
    }
    same = ('hypervisor_hostname', 'vcpus', 'memory_mb', 'local_gb', 'availability_zone')
    return [
        {'id': number, **{key: recorded[name][key] for key in same}}
        for number, name in enumerate(names, 1)
    ]


def _flavor() -> dict[str, Any]:
    reservation = load('lease-create-flavor-instance').json['lease']['reservations'][0]
    flavor = json.loads(reservation['resource_properties'])
    return {
        'ephemeral': flavor['OS-FLV-EXT-DATA:ephemeral'],
        **{key: flavor[key] for key in ('id', 'name', 'vcpus', 'ram', 'disk', 'extra_specs')},
    }


def _subnet(recording: str) -> dict[str, Any]:
    """The external network of tests/cloud."""
    answer = load(recording).json
    floatingip = answer.get('floatingip') or answer['floatingips'][0]
    return {
        'id': floatingip['subnet_id'],
        'network_id': floatingip['floating_network_id'],
        'network_name': 'public',
        'cidr': '203.0.113.0/24',
        'gateway_ip': '203.0.113.1',
        'allocation_pools': [{'start': '203.0.113.10', 'end': '203.0.113.99'}],
    }


def _wanted(reservation: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for to get a reservation as an answer shows it."""
    return {key: value for key, value in reservation.items() if key not in MADE}


def _date(recorded: str) -> str:
    """A time of an answer as requests have it."""
    return f'{datetime.fromisoformat(recorded).replace(tzinfo=UTC):%Y-%m-%d %H:%M}'
