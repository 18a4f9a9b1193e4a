"""What notifications look like: ``GET /v1/notification-types``."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from blazarclient.server.notifications import agreement, messages
from blazarclient.server.objects import lease_document, notification_types
from blazarclient.server.objects.lease_copy import LeaseCopy
from blazarclient.server.objects.notification_types import DESCRIPTIONS
from tests import recordings
from tests.entries import publish
from tests.front_door import BEGIN, FrontDoor, Machine, wire
from tests.unit.server.notifications.model_blazar import ModelBlazar

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
    """The lease of a message fits, in the forms of 1.0 and 1.1; with its trust it does not."""
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
    assert _check_all(door) == [
        notification_types.CREATED,
        notification_types.UPDATED,
        notification_types.STARTED,
        notification_types.BEFORE_END,
        notification_types.ENDED,
        notification_types.DELETED,
    ]


@pytest.mark.parametrize('path', _MESSAGES, ids=lambda path: path.name)
def test_fits_what_is_made_of_messages(door: FrontDoor, path: Any) -> None:
    """What one message of the bus says of a lease that nobody has heard of fits, too."""
    message = messages.read(json.loads(path.read_text()))
    assert agreement.hear(door.context(), message)
    _check_all(door)


def test_fits_what_a_comparison_finds(door: FrontDoor) -> None:
    """So does what a comparison finds of a lease: degraded, failed and gone."""
    blazar, ctx = ModelBlazar(), door.context()
    made = blazar.create()
    for happens in (
        functools.partial(blazar.carry_out, made, 'start_lease'),
        functools.partial(blazar.degrade, made),
        functools.partial(blazar.carry_out, made, 'end_lease', failed=True),
    ):
        happens()
        lease = lease_document.normal(blazar.leases[made])
        agreement.settle(ctx, LeaseCopy.get(ctx, made), lease, 0.0, 1.0)
    agreement.vanish(ctx, LeaseCopy.get(ctx, made))
    assert _check_all(door) == [
        notification_types.CREATED,
        notification_types.STARTED,
        notification_types.DEGRADED,
        notification_types.FAILED,
        notification_types.DELETED,
    ]


def _check_all(door: FrontDoor) -> list[str]:
    """The types of all that the feed tells, each of which fits its schema."""
    schemas = {name: each['schema'] for name, each in types_of(door).items()}
    told = door.call('admin', 'GET', '/notifications?all_projects=1', microversion='1.2')
    names = []
    for event in told.body['notifications']:
        names.append(event['type'].removeprefix('org.openstack.reservation.'))
        check(schemas[names[-1]], event)
    return names


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
