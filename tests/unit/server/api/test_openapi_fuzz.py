"""Requests that are made up from ``doc/api/openapi.yaml``, right ones and wrong ones.

``BLAZARCLIENT_FAULTS=full`` sends 20,000 of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.core import NotSet
from schemathesis.generation import GenerationMode

from blazarclient.server.api import feed
from blazarclient.server.config import Settings
from blazarclient.server.vault import new_key
from tests import contract
from tests.entries import publish
from tests.front_door import BEGIN, Answer, FrontDoor, Machine, wire

_COUNT = 20_000 if os.environ.get('BLAZARCLIENT_FAULTS') == 'full' else 350
_SCHEMA = schemathesis.openapi.from_dict(contract.document())
_OPERATIONS = sorted(contract.operations())
_EACH = _COUNT // len(_OPERATIONS) // 2 + 1
#: A port of this machine on which nobody listens.
_HOOK = {'notify_endpoint': {'url': 'http://127.0.0.1:9/hook'}}

_DATES = {
    'name': 'lease',
    'start_date': wire(BEGIN.replace(day=BEGIN.day + 2)),
    'end_date': wire(BEGIN.replace(day=BEGIN.day + 3)),
}
#: Path -> what is right in each second body.
_MENDED: Mapping[str, dict[str, Any]] = {
    '/v1/leases': _DATES,
    '/v1/leases/{lease_id}': _DATES,
    '/v1/subscriptions': _HOOK,
    '/v1/subscriptions/{subscription_id}': _HOOK,
}

_SETTINGS = hypothesis.settings(
    max_examples=_EACH,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
#: Status -> how many answers had it.
_answered: Counter[int] = Counter()


@pytest.fixture(scope='module')
def door() -> Iterator[FrontDoor]:
    """A service with hosts, leases, subscriptions and notifications, where nobody waits."""
    made = FrontDoor(settings=Settings(secret_keys=(new_key(),), allow_loopback=True))
    machines = [Machine(number, 8, 16384, 200, {'gpu': 'True'}) for number in range(1, 5)]
    made.surround(machines)
    for each in machines[:3]:
        assert made.add_host(each).status == 201
    feed.close(made.app)
    yield made
    made.close()


@pytest.mark.parametrize('mode', list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize(('method', 'path'), _OPERATIONS)
def test_answers_whatever_is_asked(
    door: FrontDoor, method: str, path: str, mode: GenerationMode
) -> None:
    """No request is answered with 5xx, and each answer is one that the document describes."""
    restock(door)

    @_SETTINGS
    @hypothesis.given(
        case=_SCHEMA[path][method].as_strategy(generation_mode=mode),
        user=strategies.sampled_from(['admin', 'alice']),
        version=strategies.sampled_from(['1.1', '1.2', 'latest']),
        place=strategies.integers(0, 5),
        mend=strategies.booleans(),
    )
    def ask(case: Any, user: str, version: str, place: int, mend: bool) -> None:
        if mend and isinstance(case.body, dict):
            # So that not all end at what is looked at first.
            case.body |= _MENDED.get(path, {})
        known = ids(door, place)
        given = {name: str(value) for name, value in (case.path_parameters or {}).items()}
        # One in three has an ID that nobody knows.
        names = given if place > 3 else {**given, **{n: known.get(n, v) for n, v in given.items()}}
        if path.endswith('/tests'):
            # Whatever it was changed to: nothing is sent beyond this machine.
            door.call('admin', 'PATCH', f'/subscriptions/{names["subscription_id"]}', _HOOK)
            names |= {name: known[name] for name in names}
        answer = send(door, case, user, version, names)
        _answered[answer.status] += 1
        said = f'{method} {path} {names} {case.query} {case.body!r}: {answer}'
        assert answer.status < 500, said
        # A name may have a slash in it, and be that of another URL, or of none.
        if not any('/' in name or name in ('', '.', '..') for name in names.values()):
            contract.check(method, path, answer)

    ask()


def test_sends_as_many_as_it_says() -> None:
    """Requests are sent, and not all of them are refused."""
    assert sum(_answered.values()) >= _COUNT
    assert _answered[200] + _answered[201] + _answered[202] > _COUNT / 10
    print(f'{sum(_answered.values()):,} requests: {dict(sorted(_answered.items()))}')


def send(door: FrontDoor, case: Any, user: str, version: str, names: dict[str, str]) -> Answer:
    """Send what was made up, as somebody who may."""
    case.path_parameters = names
    headers = {
        name: value
        for name, value in (case.headers or {}).items()
        if name.lower() not in ('x-auth-token', 'openstack-api-version', 'content-type')
    }
    body = case.body
    if not isinstance(body, bytes | NotSet):
        body = json.dumps(body).encode()
    client = door.app.test_client()
    response = client.open(
        case.formatted_path,
        method=case.method,
        query_string={name: _text(value) for name, value in (case.query or {}).items()},
        data=None if isinstance(body, NotSet) else body,
        content_type=None if isinstance(body, NotSet) else 'application/json',
        headers={
            **headers,
            'X-Auth-Token': user,
            'OpenStack-API-Version': f'reservation {version}',
        },
    )
    text = response.get_data(as_text=True)
    return Answer(response.status_code, json.loads(text) if text else None, response.headers)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ','.join(map(str, value))
    return str(value)


# ------------------------------------------------------------------------ what there is


def restock(door: FrontDoor) -> None:
    """Put back what the requests before have deleted."""
    door.call('admin', 'POST', '/os-hosts', {'name': 'compute-1', 'gpu': 'True'})
    door.add_address(100)
    for user in ('alice', 'admin'):
        if not door.call(user, 'GET', '/subscriptions', microversion='1.2').body['subscriptions']:
            made = door.call(user, 'POST', '/subscriptions', _HOOK, microversion='1.2')
            assert made.status == 201, made
        begin = BEGIN.replace(hour=BEGIN.hour + 1)
        door.call(
            user,
            'POST',
            '/leases',
            {
                'name': 'lease',
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
            },
        )
    publish(door.context())


def ids(door: FrontDoor, place: int) -> dict[str, str]:
    """A name for each parameter of a path that there is something for."""
    found = {'property_name': 'gpu', 'name': 'lease.created', 'delivery_id': 'none'}
    for name, path in (
        ('lease_id', 'leases'),
        ('host_id', 'os-hosts'),
        ('floatingip_id', 'floatingips'),
        ('subscription_id', 'subscriptions?all_projects=1'),
    ):
        answer = door.call('admin', 'GET', f'/{path}', microversion='1.2')
        listed = answer.body[path.partition('?')[0].removeprefix('os-')]
        found[name] = listed[place % len(listed)]['id'] if listed else 'none'
    return found
