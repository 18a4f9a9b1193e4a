"""``doc/api/openapi.yaml`` says what the service does, no more and no less."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest

from blazarclient.server.api import feed
from blazarclient.server.config import Settings
from blazarclient.server.objects import notification_schemas
from blazarclient.server.objects.notification_types import DESCRIPTIONS
from blazarclient.server.vault import new_key
from tests import contract
from tests.front_door import BEGIN, NETWORK, Answer, FrontDoor, Machine, wire

_METHODS = frozenset({'GET', 'POST', 'PUT', 'PATCH', 'DELETE'})
_HOOK = {'notify_endpoint': {'url': 'http://127.0.0.1:9/hook'}}


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    """A service with two hosts and an address, that may send to this machine."""
    made = FrontDoor(settings=Settings(secret_keys=(new_key(),), allow_loopback=True))
    machines = [Machine(number, 8, 16384, 200, {'gpu': 'True'}) for number in (1, 2)]
    made.surround(machines)
    for each in machines:
        assert made.add_host(each).status == 201
    assert made.add_address(100).status == 201
    yield made
    feed.close(made.app)
    made.close()


def routes(door: FrontDoor) -> set[tuple[str, str]]:
    """Method and path of every route, as the document writes them."""
    found = set()
    for rule in door.app.url_map.iter_rules():
        if rule.rule.endswith('.json'):
            continue
        path = re.sub(r'<(?:\w+:)?(\w+)>', r'{\1}', rule.rule)
        methods = {'GET'} if path == '/v2' else (rule.methods or set()) & _METHODS
        found |= {(method, path) for method in methods}
    return found


def ask(
    door: FrontDoor, user: str, method: str, path: str, values: Any = None, **headers: str
) -> Answer:
    """Send a request at the newest microversion, and hold the answer against the document."""
    answer = door.call(user, method, path, values, microversion='1.2', headers=headers)
    contract.check(method, f'/v1{path}'.partition('?')[0], answer)
    return answer


def test_is_an_openapi_document() -> None:
    """The document is one that OpenAPI 3.1 allows."""
    openapi_spec_validator.validate(contract.document())


def test_has_every_route_and_no_other(door: FrontDoor) -> None:
    """What can be asked for is described, and what is described can be asked for."""
    assert routes(door) == contract.operations()


def test_shows_notifications_as_their_schemas_do() -> None:
    """The fields of notifications are those that the service itself describes."""
    shown = contract.document()['components']['schemas']['Notification']['properties']
    envelope: set[str] = set()
    data: set[str] = set()
    for name in DESCRIPTIONS:
        properties = notification_schemas.schema(name)['properties']
        envelope |= {*properties}
        data |= {*properties['data']['properties']}
    assert {*shown} == envelope
    assert {*shown['data']['properties']} == data
    kinds = notification_schemas.schema('lease.created')['properties']['data']['properties']
    assert shown['data']['properties']['source']['enum'] == kinds['source']['enum']


def test_each_kind_of_object_is_answered_as_described(door: FrontDoor) -> None:
    """Leases, hosts, floating IPs, what holds them: each answer fits, also when it refuses."""
    lease = ask(door, 'alice', 'POST', '/leases', new_lease()).body['lease']
    path = f'/leases/{lease["id"]}'
    ask(door, 'alice', 'GET', '/leases')
    ask(door, 'alice', 'GET', path)
    ask(door, 'alice', 'PUT', path, {'name': 'another'})
    assert ask(door, 'bob', 'GET', path).status == 404
    assert ask(door, 'alice', 'PUT', path, {'end_date': 'never'}).status == 400
    assert ask(door, 'alice', 'PUT', path, {'reservations': [{'id': []}]}).status == 400
    assert ask(door, 'alice', 'POST', '/leases', new_lease(minimum=9)).status == 409
    assert ask(door, 'nobody', 'GET', path).status == 401
    for path in ('/os-hosts', '/os-hosts/1', '/os-hosts/allocations', '/os-hosts/1/allocation'):
        assert ask(door, 'admin', 'GET', path).status == 200
        assert ask(door, 'alice', 'GET', path).status == 403
    ask(door, 'admin', 'GET', '/os-hosts/properties?detail=1')
    ask(door, 'admin', 'PATCH', '/os-hosts/properties/gpu', {'private': True})
    ask(door, 'admin', 'PUT', '/os-hosts/1', {'gpu': None})
    assert ask(door, 'admin', 'GET', '/os-hosts/9').status == 404
    (address,) = ask(door, 'alice', 'GET', '/floatingips').body['floatingips']
    ask(door, 'alice', 'GET', f'/floatingips/{address["id"]}')
    ask(door, 'admin', 'DELETE', f'/floatingips/{address["id"]}')
    values = {'floating_network_id': NETWORK, 'floating_ip_address': '203.0.113.120'}
    ask(door, 'admin', 'POST', '/floatingips', values)
    assert ask(door, 'admin', 'POST', '/floatingips', values).status == 409
    ask(door, 'alice', 'DELETE', f'/leases/{lease["id"]}')


def test_subscriptions_and_notifications_are_answered_as_described(door: FrontDoor) -> None:
    """Subscriptions, deliveries, notifications and their types fit, also when they refuse."""
    made = ask(door, 'alice', 'POST', '/subscriptions', _HOOK).body['subscription']
    path = f'/subscriptions/{made["id"]}'
    assert ask(door, 'alice', 'POST', '/subscriptions', _HOOK).status == 409
    assert ask(door, 'alice', 'POST', '/subscriptions', {'nothing': 1}).status == 400
    ask(door, 'alice', 'GET', '/subscriptions')
    ask(door, 'alice', 'GET', '/subscriptions?status=pending&limit=1')
    ask(door, 'alice', 'GET', path)
    ask(door, 'alice', 'PATCH', path, {'name': 'ci', 'before_end': ['PT1H']})
    refused = ask(door, 'alice', 'PATCH', path, {'name': 'ci'}, **{'If-Match': '"0"'})
    assert refused.status == 412
    ask(door, 'alice', 'POST', f'{path}/secret', {'overlap': 60})
    ask(door, 'alice', 'POST', f'{path}/tests')
    ask(door, 'alice', 'GET', f'{path}/deliveries')
    assert ask(door, 'alice', 'GET', f'{path}/deliveries/{made["id"]}').status == 404
    ask(door, 'alice', 'POST', f'{path}/replays', {'after': '0', 'dry_run': True})
    ask(door, 'alice', 'POST', f'{path}/replays', {'after': '0'})
    assert ask(door, 'bob', 'GET', path).status == 404
    ask(door, 'alice', 'POST', '/leases', new_lease())
    told = ask(door, 'alice', 'GET', '/notifications').body['notifications']
    assert [each['subject'].split('/')[0] for each in told] == ['leases']
    assert ask(door, 'alice', 'GET', '/notifications?after=99').status == 410
    assert ask(door, 'alice', 'GET', '/notifications?wait=x').status == 400
    ask(door, 'alice', 'GET', '/notification-types')
    ask(door, 'alice', 'GET', '/notification-types/lease.created')
    ask(door, 'alice', 'DELETE', path)


def test_availability_is_answered_as_described(door: FrontDoor) -> None:
    """When hosts are free fits, and so does what is wrong with a question."""
    found = ask(door, 'alice', 'GET', '/availability?duration=PT4H').body['availability']
    assert 'hosts' not in found[0]
    found = ask(door, 'admin', 'GET', '/availability?duration=PT4H&min=2').body['availability']
    assert len(found[0]['hosts']) == 2
    assert ask(door, 'alice', 'GET', '/availability').status == 400


def new_lease(minimum: int = 1) -> dict[str, Any]:
    """The body of a request for a lease of hosts."""
    return {
        'name': 'lease',
        'start_date': wire(BEGIN.replace(hour=BEGIN.hour + 1)),
        'end_date': wire(BEGIN.replace(hour=BEGIN.hour + 3)),
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': minimum,
                'max': minimum,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
    }
