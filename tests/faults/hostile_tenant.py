"""A tenant who wants to know what others have, and all that this one tries.

What belongs to others is known here by its IDs, names and URLs. Each answer, with its headers, is
searched for them; what the request itself has said is no news. An ID that is another's is answered
as one that nobody has, in the same words.
"""

from __future__ import annotations

import dataclasses
import json
import re
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from tests.deliveries import Deliveries
from tests.entries import document, publish
from tests.front_door import BEGIN, Answer, Machine, wire

__all__ = ['PLANTED', 'Estate', 'Hostile', 'fill', 'lease_body', 'machines', 'settle', 'subscribe']

_UUID = re.compile(r'[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}')
#: What stands in names and URLs that are others'.
PLANTED = 'PLANTED'
_KINDS = ('lease.created', 'lease.updated', 'lease.started', 'lease.ended', 'lease.deleted')
_PAGE = 1000
#: Entries of the log in one transaction.
_BATCH = 500
_FORGED: Mapping[str, str] = {
    'X-Project-Id': 'p-demo',
    'X-Tenant-Id': 'p-demo',
    'X-User-Id': 'u-alice',
    'X-Roles': 'admin',
    'X-Role': 'admin',
    'X-Is-Admin-Project': 'True',
    'X-Identity-Status': 'Confirmed',
    'X-Service-Token': 'admin',
    'X-Forwarded-User': 'alice',
    'OpenStack-System-Scope': 'all',
}


@dataclasses.dataclass
class Estate:
    """What a project has."""

    user: str
    project_id: str
    leases: list[str] = dataclasses.field(default_factory=list)
    subscriptions: list[str] = dataclasses.field(default_factory=list)
    deliveries: list[str] = dataclasses.field(default_factory=list)
    #: IDs of all kinds, in no particular order.
    ids: set[str] = dataclasses.field(default_factory=set)
    cursors: list[str] = dataclasses.field(default_factory=list)


def lease_body(name: str, **more: Any) -> dict[str, Any]:
    """A request for a lease of a host tomorrow."""
    begin = BEGIN.replace(day=BEGIN.day + 1)
    return {
        'name': name,
        'start_date': wire(begin),
        'end_date': wire(begin.replace(hour=begin.hour + 2)),
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
        **more,
    }


def settle(door: Deliveries, user: str, project_id: str, *, leases: int, planted: str) -> Estate:
    """Let a project have leases with names that say whose they are."""
    estate = Estate(user, project_id)
    for number in range(leases):
        body = lease_body(f'{planted}-{project_id}-{number}')
        made = door.call(user, 'POST', '/leases', body, microversion='1.2')
        assert made.status == 201, made
        estate.leases.append(made.body['lease']['id'])
        estate.ids |= set(_UUID.findall(json.dumps(made.body)))
    return estate


def subscribe(door: Deliveries, estate: Estate, hook: str, planted: str) -> None:
    """Let a project have subscriptions.

    :param hook: where its notifications go.
    """
    for number in range(2):
        body = {
            'name': f'{planted}-{estate.project_id}-{number}',
            'notify_endpoint': {'url': f'{hook}/{planted}-{estate.project_id}-{number}'},
        }
        made = door.call(estate.user, 'POST', '/subscriptions', body, microversion='1.2')
        assert made.status == 201, made
        estate.subscriptions.append(made.body['subscription']['id'])
        door.subscription(estate.subscriptions[-1]).verified()
    estate.ids |= {*estate.subscriptions}


def fill(door: Deliveries, estates: Iterable[Estate], count: int, planted: str) -> None:
    """Let so many things happen, in turns to the leases of several projects."""
    owners = [*estates]
    ctx = door.context()
    done = 0
    while done < count:
        with ctx.transaction():
            for _ in range(min(_BATCH, count - done)):
                estate = owners[done % len(owners)]
                lease_id = estate.leases[done // len(owners) % len(estate.leases)]
                kind = _KINDS[done % len(_KINDS)]
                name = f'{planted}-{estate.project_id}-{done}'
                told = document(
                    estate.project_id, f'u-{estate.user}', BEGIN, lease_id=lease_id, name=name
                )
                estate.ids |= {publish(ctx, kind, lease=told), *_UUID.findall(json.dumps(told))}
                done += 1


class Hostile:
    """Whoever asks for what is not theirs, and the words that no answer may have.

    :param foreign: what others have.
    :param words: names, users and projects of others.
    """

    def __init__(self, door: Deliveries, foreign: Estate, words: Iterable[str]) -> None:
        self.door = door
        self.foreign = foreign
        self._words = [*words]
        #: Requests and answers in which something was found.
        self.leaks: list[str] = []
        #: What was answered otherwise for another's ID than for one that there is not.
        self.tells: list[str] = []
        self.answers = 0
        self.bytes = 0
        self.statuses: Counter[int] = Counter()

    def ask(
        self,
        user: str,
        method: str,
        path: str,
        values: Any = None,
        *,
        microversion: str = '1.2',
        **headers: str,
    ) -> Answer:
        """Send a request, and search its answer."""
        answer = self.door.call(
            user, method, path, values, microversion=microversion, headers=headers
        )
        said = json.dumps([path, values, headers])
        text = json.dumps(answer.body) + ''.join(f'{k}: {v}\n' for k, v in answer.headers.items())
        self.answers += 1
        self.bytes += len(text)
        self.statuses[answer.status] += 1
        found = self.foreign.ids.intersection(_UUID.findall(text))
        found |= {word for word in self._words if word in text}
        news = {each for each in found if each not in said}
        if news:
            self.leaks.append(f'{user} {method} {path} {values}: {sorted(news)[:3]}')
        if answer.status >= 500:
            self.leaks.append(f'{user} {method} {path} {values}: {answer}')
        return answer

    def compare(
        self,
        user: str,
        method: str,
        path: str,
        another: str,
        values: Any = None,
        *,
        microversion: str = '1.2',
    ) -> None:
        """Ask for what is another's, and for what there is not, in the same words.

        :param path: with ``ID`` in the place of the ID; values may have it, too.
        :param another: the ID of what is another's.
        """
        unknown = str(uuid.uuid4())
        told = []
        for each in (another, unknown):
            sent = json.loads(json.dumps(values).replace('ID', each))
            answer = self.ask(
                user, method, path.replace('ID', each), sent, microversion=microversion
            )
            body = json.dumps(answer.body).replace(each, 'ID')
            headers = sorted(answer.headers.keys())
            told.append((answer.status, _without_request(body), headers))
        if told[0] != told[1] or told[0][0] < 400:
            self.tells.append(f'{user} {method} {path} {values}: {told}')

    # ------------------------------------------------------------------- attempts

    def read_everything(self, user: str) -> int:
        """List all that there is to list; how many notifications there were."""
        for path in (
            '/leases',
            '/leases?project_id=p-demo',
            '/leases?all_tenants=1&all_projects=True',
            '/os-hosts',
            '/os-hosts/1',
            '/os-hosts/allocations',
            '/os-hosts/1/allocation',
            '/os-hosts/properties?all=1&detail=1',
            '/floatingips',
            '/subscriptions',
            '/subscriptions?limit=1000&project_id=p-demo&user_id=u-alice',
            '/subscriptions?all_projects=true',
            '/notifications?all_projects=true',
            '/notifications?all_projects=1&project_id=p-demo',
            '/notification-types',
            '/availability?resource_type=physical:host&min=1&max=1&duration=PT1H',
        ):
            for forged in ({}, _FORGED):
                self.ask(user, 'GET', path, **forged)
        for status in ('pending', 'active', 'failing', 'disabled', 'expired'):
            self.ask(user, 'GET', f'/subscriptions?status={status}')
        count, cursor = 0, ''
        while True:
            answer = self.ask(user, 'GET', f'/notifications?limit={_PAGE}{cursor}')
            count += len(answer.body['notifications'])
            cursor = f'&after={answer.body["cursor"]}'
            if len(answer.body['notifications']) < _PAGE:
                return count

    def guess_leases(self, user: str, lease_ids: Iterable[str]) -> None:
        """Ask for leases of others, and subscribe to them."""
        hook = {'notify_endpoint': {'url': 'http://127.0.0.1:9/mine'}}
        for lease_id in lease_ids:
            self.compare(user, 'GET', '/leases/ID', lease_id)
            self.compare(user, 'PUT', '/leases/ID', lease_id, {'name': 'mine'})
            self.compare(user, 'PUT', '/leases/ID', lease_id, {'subscriptions': [hook]})
            self.compare(user, 'DELETE', '/leases/ID', lease_id)
            self.compare(user, 'POST', '/subscriptions', lease_id, {**hook, 'lease_ids': ['ID']})
            for mine in self.own_subscriptions(user):
                self.compare(
                    user, 'PATCH', f'/subscriptions/{mine}', lease_id, {'lease_ids': ['ID']}
                )
            for path in (
                f'/notifications?lease_id={lease_id}',
                f'/subscriptions?lease_id={lease_id}',
                f'/os-hosts/allocations?lease_id={lease_id}',
            ):
                answer = self.ask(user, 'GET', path)
                for found in (answer.body.get('notifications'), answer.body.get('subscriptions')):
                    if found:
                        self.leaks.append(f'{user} {path}: {len(found)}')
            for guessed in neighbours(lease_id):
                self.ask(user, 'GET', f'/leases/{guessed}')

    def guess_subscriptions(
        self, user: str, subscription_ids: Iterable[str], delivery_ids: Iterable[str]
    ) -> None:
        """Ask for subscriptions and deliveries of others, and use them as markers."""
        for subscription_id in subscription_ids:
            one = '/subscriptions/ID'
            for method, path, values in (
                ('GET', one, None),
                ('PATCH', one, {'enabled': False}),
                ('PATCH', one, {'notify_endpoint': {'url': 'http://127.0.0.1:9/mine'}}),
                ('DELETE', one, None),
                ('POST', f'{one}/secret', {'overlap': 0}),
                ('POST', f'{one}/tests', {}),
                ('POST', f'{one}/replays', {'after': '0', 'dry_run': True}),
                ('POST', f'{one}/replays', {'after': '0'}),
                ('GET', f'{one}/deliveries', None),
                ('GET', '/subscriptions?marker=ID', None),
            ):
                self.compare(user, method, path, subscription_id, values)
            for guessed in neighbours(subscription_id):
                self.ask(user, 'GET', f'/subscriptions/{guessed}')
            self.ask(user, 'GET', one.replace('ID', quote(f'../{subscription_id}', safe='')))
        owns = self.own_subscriptions(user)
        for delivery_id in delivery_ids:
            for mine in owns:
                path = f'/subscriptions/{mine}/deliveries'
                self.compare(user, 'GET', f'{path}/ID', delivery_id)
                self.compare(user, 'POST', f'{path}/ID/resend', delivery_id, {})
                self.compare(user, 'GET', f'{path}?marker=ID', delivery_id)

    def forge(self, user: str) -> None:
        """Say that one is somebody else."""
        hook = {'notify_endpoint': {'url': 'http://127.0.0.1:9/forged'}}
        theirs = {'project_id': 'p-demo', 'user_id': 'u-alice'}
        for body in (
            {**hook, **theirs},
            {**hook, 'scope': 'all', 'expires_at': wire_later()},
            {**hook, 'status': 'active'},
            {'subscription': {**hook, **theirs}},
        ):
            answer = self.ask(user, 'POST', '/subscriptions', body, **_FORGED)
            if answer.status == 201:
                self.leaks.append(f'{user} POST /subscriptions {body}: {answer}')
        for mine in self.own_subscriptions(user):
            for change in ({'scope': 'all', 'expires_at': wire_later()}, theirs):
                answer = self.ask(user, 'PATCH', f'/subscriptions/{mine}', change, **_FORGED)
                if answer.status == 200:
                    self.leaks.append(f'{user} PATCH {change}: {answer}')
        made = self.ask(user, 'POST', '/leases', lease_body('mine', **theirs), **_FORGED)
        if made.status == 201:
            if made.body['lease']['project_id'] == self.foreign.project_id:
                self.leaks.append(f'{user} POST /leases {theirs}: {made}')
            self.ask(user, 'DELETE', f'/leases/{made.body["lease"]["id"]}')

    def use_cursors(self, user: str, cursors: Iterable[str]) -> None:
        """Read and replay from cursors that others were given."""
        for cursor in cursors:
            self.ask(user, 'GET', f'/notifications?after={cursor}&limit=1000')
            for mine in self.own_subscriptions(user):
                wanted = {'after': cursor, 'dry_run': True}
                self.ask(user, 'POST', f'/subscriptions/{mine}/replays', wanted)

    def own_subscriptions(self, user: str) -> list[str]:
        """The IDs of the subscriptions that somebody may see."""
        answer = self.ask(user, 'GET', '/subscriptions?limit=1000')
        return [each['id'] for each in answer.body['subscriptions']][:2]

    def search_received(self, texts: Iterable[str]) -> None:
        """Search what was delivered to an endpoint."""
        for text in texts:
            self.answers += 1
            self.bytes += len(text)
            found = self.foreign.ids.intersection(_UUID.findall(text))
            found |= {word for word in self._words if word in text}
            if found:
                self.leaks.append(f'delivered: {sorted(found)[:3]}')

    def time_ids(self, user: str, path: str, another: Iterable[str], rounds: int) -> float:
        """How much longer the answer for another's ID takes than that for an unknown one.

        :returns: the difference of the medians of each, by the median for an unknown one.
        """
        foreign: list[float] = []
        unknown: list[float] = []
        ids = [*another]
        for turn in range(rounds):
            for took, wanted in ((foreign, ids[turn % len(ids)]), (unknown, str(uuid.uuid4()))):
                began = time.perf_counter()
                self.door.call(user, 'GET', path.replace('ID', wanted), microversion='1.2')
                took.append(time.perf_counter() - began)
        base = statistics.median(unknown)
        return (statistics.median(foreign) - base) / base


def neighbours(known: str) -> Iterator[str]:
    """IDs that look like one that is there."""
    number = uuid.UUID(known).int
    for step in (-1, 1, 1 << 64):
        yield str(uuid.UUID(int=(number + step) % (1 << 128)))
    yield known.upper()
    yield known.replace('-', '')
    yield f'{known}%20'
    yield f'{known[:-1]}%25'


def wire_later() -> str:
    """A time at which a subscription may end."""
    return f'{BEGIN.replace(month=BEGIN.month + 1):%Y-%m-%dT%H:%M:%SZ}'


def machines() -> list[Machine]:
    """Hosts with room for all leases here."""
    return [Machine(number, 8, 16384, 200) for number in range(1, 21)]


def _without_request(body: str) -> str:
    """A body without the ID of its request."""
    return re.sub(r'req-[0-9a-f-]+', 'req', body)
