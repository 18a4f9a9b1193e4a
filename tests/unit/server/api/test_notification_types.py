"""What notifications look like: ``GET /v1/notification-types``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from blazarclient.server.objects import lease_document, notification_types
from blazarclient.server.objects.notification_types import DESCRIPTIONS
from tests import recordings
from tests.entries import publish
from tests.front_door import BEGIN, FrontDoor, Machine, wire

_MESSAGES = sorted((recordings.WIRE / 'notifications').glob('*.message.json'))


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    """A service with a host."""
    made = FrontDoor()
    made.surround([Machine(1, 8, 16384, 200)])
    assert made.add_host(Machine(1, 8, 16384, 200)).status == 201
    yield made
    made.close()


def types_of(door: FrontDoor) -> dict[str, dict[str, Any]]:
    """Type -> what the service says of it."""
    answer = door.call('alice', 'GET', '/notification-types', microversion='1.1')
    assert answer.status == 200
    return {each['name']: each for each in answer.body['notification_types']}


def check(schema: dict[str, Any], event: dict[str, Any]) -> None:
    """Refuse what a schema does not allow."""
    validator = jsonschema.Draft202012Validator
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(event)


def test_lists_every_type(door: FrontDoor) -> None:
    """Each type has a description, a schema that is one, and an example that fits it."""
    found = types_of(door)
    assert [*found] == [*DESCRIPTIONS]
    for name, each in found.items():
        assert each['cloud_event_type'] == f'org.openstack.reservation.{name}'
        assert each['description'] == DESCRIPTIONS[name]
        jsonschema.Draft202012Validator.check_schema(each['schema'])
        check(each['schema'], each['example'])


def test_shows_one_type(door: FrontDoor) -> None:
    """One type is shown as in the list; one that is not there is 404 and says which are."""
    shown = door.call('alice', 'GET', '/notification-types/lease.created', microversion='1.2')
    assert shown.body['notification_type'] == types_of(door)['lease.created']
    unknown = door.call('alice', 'GET', '/notification-types/lease.gone', microversion='1.2')
    assert unknown.status == 404
    assert 'lease.created' in unknown.sentence
    assert door.call('alice', 'GET', '/notification-types').status == 404


@pytest.mark.parametrize('path', _MESSAGES, ids=lambda path: path.name)
def test_fits_what_blazar_publishes(door: FrontDoor, path: Any) -> None:
    """A lease of a message of Blazar fits, in the forms of 1.0 and 1.1; with its trust it does not."""
    lease = lease_document.normal(json.loads(path.read_text())['payload'])
    publish(door.context(), lease=lease)
    schema = types_of(door)[notification_types.CREATED]['schema']
    answer = door.call('admin', 'GET', '/notifications?all_projects=1', microversion='1.1')
    (event,) = answer.body['notifications']
    check(schema, event)
    event['data']['lease'] = lease
    check(schema, event)
    event['data']['lease'] = {**lease, 'trust_id': 'b0c0'}
    with pytest.raises(jsonschema.ValidationError):
        check(schema, event)


def test_fits_what_happens_to_leases(door: FrontDoor) -> None:
    """Whatever a lease goes through, what is told of it fits the schema of its type."""
    lease = door.call('alice', 'POST', '/leases', _lease(1)).body['lease']
    later = _lease(1)
    door.call(
        'alice', 'PUT', f'/leases/{lease["id"]}', {'end_date': later['end_date'], 'name': 'x'}
    )
    for _ in range(4):
        door.advance(60)
        door.scheduler.run_due_once()
    door.call('alice', 'DELETE', f'/leases/{lease["id"]}')
    schemas = {name: each['schema'] for name, each in types_of(door).items()}
    told = door.call('alice', 'GET', '/notifications', microversion='1.2').body['notifications']
    names = [each['type'].removeprefix('org.openstack.reservation.') for each in told]
    assert names == [
        notification_types.CREATED,
        notification_types.UPDATED,
        notification_types.STARTED,
        notification_types.BEFORE_END,
        notification_types.ENDED,
        notification_types.DELETED,
    ]
    for name, event in zip(names, told, strict=True):
        check(schemas[name], event)


def _lease(hours: int) -> dict[str, Any]:
    start = BEGIN.replace(hour=BEGIN.hour + hours)
    return {
        'name': 'lease',
        'start_date': wire(start),
        'end_date': wire(start.replace(hour=start.hour + 2)),
        'reservations': [
            {
                'resource_type': 'physical:host',
                'min': 1,
                'max': 1,
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        ],
    }
