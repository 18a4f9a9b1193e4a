"""Leases, hosts and floating IPs, one call after another."""

import time
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import pytest

from blazarclient.server import errors
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.lease_event import LeaseEvent
from blazarclient.server.policy import Policy
from blazarclient.server.store import clock as stored_clock
from blazarclient.server.store import surroundings
from blazarclient.server.store.database import Database
from tests import recordings
from tests.unit.server.api.requests import LEASE, UNKNOWN, Call


def test_a_lease_through_its_life(call: Call) -> None:
    """Create, show, list, change and delete answer with Blazar's statuses."""
    made = call('POST', '/v1/leases', json=LEASE)
    assert made.status_code == 201
    lease = made.get_json()['lease']
    path = f'/v1/leases/{lease["id"]}'
    shown = call('GET', path).get_json()
    assert call('GET', f'{path}.json').get_json() == shown
    assert call('GET', '/v1/leases').get_json() == {'leases': [shown['lease']]}
    # As in Blazar the events come in any order.
    for each in (lease, shown['lease']):
        each['events'].sort(key=itemgetter('id'))
    assert shown == {'lease': lease}
    changed = call('PUT', path, json={'name': 'other'})
    assert (changed.status_code, changed.get_json()['lease']['name']) == (200, 'other')
    gone = call('DELETE', path)
    assert (gone.status_code, gone.data) == (204, b'')
    assert gone.headers['OpenStack-API-Version'] == 'reservation 1.0'
    assert call('DELETE', path).status_code == 404


def test_a_host_through_its_life(call: Call, database: Database) -> None:
    """Create, show, list, change, look at its allocations and properties, and delete."""
    machine = {
        'id': '1',
        'hypervisor_hostname': 'compute-1',
        'vcpus': 8,
        'memory_mb': 16384,
        'local_gb': 200,
        'availability_zone': 'nova',
    }
    with database.transaction() as connection:
        surroundings.insert_hypervisors(connection, [machine])

    def ask(method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = call(method, f'/v1/os-hosts{path}', user='admin', **options)
        assert answer.status_code == status, answer.text
        return answer.get_json() if answer.data else None

    made = ask('POST', '', 201, json={'name': 'compute-1', 'gpu': 'True'})['host']
    assert (made['id'], made['gpu']) == ('1', 'True')
    assert ask('GET', '/1.json') == {'host': made}
    assert ask('GET', '') == {'hosts': [made]}
    assert ask('PUT', '/1', json={'gpu': 'False'})['host']['gpu'] == 'False'
    nothing = ask('PUT', '/1', 400, json={})
    assert nothing == recordings.load('host-update-empty').json
    held = {'resource_id': '1', 'reservations': []}
    assert ask('GET', '/1/allocation') == {'allocation': held}
    assert ask('GET', f'/allocations?lease_id={UNKNOWN}') == {'allocations': [held]}
    assert ask('GET', '/properties') == {'resource_properties': [{'property': 'gpu'}]}
    hidden = ask('PATCH', '/properties/gpu', json={'private': True})['resource_property']
    assert hidden['private'] is True
    assert ask('GET', '/properties.json') == {'resource_properties': []}
    assert ask('GET', '/properties?all=True&detail=True') == {
        'resource_properties': [{'property': 'gpu', 'private': False, 'values': ['False']}]
    }
    assert ask('DELETE', '/1', 204) is None
    assert ask('GET', '/1', 404)['error_message'] == "Object with {'host_id': '1'} not found"


def test_a_floating_ip_through_its_life(call: Call, database: Database) -> None:
    """Create, show, list and delete."""
    subnet = {
        'id': 'subnet',
        'network_id': 'network',
        'network_name': 'public',
        'cidr': '203.0.113.0/24',
        'gateway_ip': '203.0.113.1',
        'allocation_pools': [{'start': '203.0.113.10', 'end': '203.0.113.99'}],
    }
    with database.transaction() as connection:
        surroundings.insert_subnets(connection, [subnet])
    wanted = {'floating_network_id': 'network', 'floating_ip_address': '203.0.113.200'}
    made = call('POST', '/v1/floatingips', user='admin', json=wanted)
    assert made.status_code == 201, made.text
    path = f'/v1/floatingips/{made.get_json()["floatingip"]["id"]}'
    shown = call('GET', path).get_json()['floatingip']
    assert shown['floating_ip_address'] == '203.0.113.200'
    assert call('GET', '/v1/floatingips.json').get_json() == {'floatingips': [shown]}
    assert call('DELETE', path).status_code == 403
    assert call('DELETE', path, user='admin').status_code == 204
    assert call('GET', path).status_code == 404


def test_a_body_is_read_before_a_lease_is_looked_for(call: Call) -> None:
    """What is wrong is told in Blazar's order, from the token to the object."""
    path = f'/v1/leases/{UNKNOWN}'
    json_type = {'Content-Type': 'application/json'}
    wrong = {'OpenStack-API-Version': 'reservation 9.9', **json_type}
    assert call('PUT', '/v1/nowhere', user=None).status_code == 401
    assert call('PUT', '/v1/nowhere', headers=wrong, data='{').status_code == 404
    assert call('PATCH', path, headers=wrong, data='{').status_code == 405
    assert call('PUT', path, headers=wrong, data='{').status_code == 406
    assert call('PUT', path, headers=json_type, data='{').status_code == 500
    assert call('PUT', path, headers=json_type, data='{}').status_code == 404


def test_a_warning_that_moves_while_it_is_given(
    call: Call, lease_id: str, database: Database
) -> None:
    """It is given again, at its new time, and the worker that was at it changes nothing."""

    def service() -> RequestContext:
        return RequestContext.for_service(database, Policy(), Settings())

    def state() -> tuple[str, str]:
        events = call('GET', f'/v1/leases/{lease_id}').get_json()['lease']['events']
        found = next(each for each in events if each['event_type'] == 'before_end_lease')
        return found['status'], found['time']

    with database.transaction() as connection:
        stored_clock.write(
            connection, time.time(), datetime(2030, 1, 1, 11, 10, tzinfo=UTC).timestamp(), 0
        )
    taken: list[LeaseEvent] = []
    while not any(each.event_type == 'before_end_lease' for each in taken):
        taken = LeaseEvent.take(service(), owner='worker')
        for each in taken:
            if each.event_type == 'start_lease':
                each.carry_out()
    assert state() == ('IN_PROGRESS', '2030-01-01T11:00:00.000000')
    body = {'end_date': '2030-01-01 14:00'}
    assert call('PUT', f'/v1/leases/{lease_id}', json=body).status_code == 200
    with pytest.raises(errors.TakenOver):
        taken[0].carry_out()
    assert state() == ('UNDONE', '2030-01-01T13:00:00.000000')


@pytest.mark.parametrize('kind', [{}, ['x'], 'x' * 67])
def test_an_event_of_no_kind(call: Call, kind: object) -> None:
    """It is what Blazar's database cannot keep."""
    answer = call('POST', '/v1/leases', json={**LEASE, 'events': [{'event_type': kind}]})
    assert (answer.status_code, answer.get_json()['error_name']) == (500, 'INTERNAL_SERVER_ERROR')
