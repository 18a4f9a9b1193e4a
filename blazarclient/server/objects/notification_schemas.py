"""JSON Schemas of notifications, and an example of each type.

The one place that says what a notification looks like: ``/v1/notification-types`` serves it, and
``doc/api/openapi.yaml`` is held to it by a test. What is not named may be there all the same, and
more will be in later versions: a receiver that refuses it breaks.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from blazarclient.server.objects import lease_document, notification_types
from blazarclient.server.objects.notification import cloud_event_type

__all__ = ['DIALECT', 'example', 'schema']

#: What a JSON Schema document is written in.
DIALECT = 'https://json-schema.org/draft/2020-12/schema'

Schema = dict[str, Any]

#: From 1.1 on with a Z; a subscription with payload_version 1.0 gets leases in Blazar's forms.
_TIME: Schema = {
    'type': 'string',
    'pattern': r'^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?$',
    'description': 'UTC, such as 2026-11-20T15:00:00Z.',
}
_UTC: Schema = {
    'type': 'string',
    'format': 'date-time',
    'pattern': r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$',
}
_ID: Schema = {'type': 'string', 'minLength': 1, 'maxLength': 36}
_TEXT: Schema = {'type': 'string'}
_FLAG: Schema = {'type': 'boolean'}
_COUNT: Schema = {'type': 'integer', 'minimum': 0}
_ROWS: Schema = {'created_at': _TIME, 'updated_at': {**_TIME, 'type': ['string', 'null']}}


def _object(
    properties: Schema, required: Sequence[str] | None = None, **more: object
) -> dict[str, Any]:
    """An object that has at least some properties, by default all that are named."""
    names = [*properties] if required is None else [*required]
    return {'type': 'object', 'properties': properties, 'required': names, **more}


#: What Blazar says of a reservation that is no longer what it was.
_LOSSES: Schema = {'missing_resources': _FLAG, 'resources_changed': _FLAG}
_RESERVATION = _object(
    {
        'id': _ID,
        'lease_id': _ID,
        'resource_id': {'type': ['string', 'null']},
        'resource_type': {**_TEXT, 'examples': ['physical:host', 'virtual:floatingip']},
        'status': {**_TEXT, 'examples': ['pending', 'active', 'deleted', 'error']},
        **_LOSSES,
        **_ROWS,
    },
    required=['id', 'resource_type', 'status', *_LOSSES],
)
_EVENT = _object(
    {
        'id': _ID,
        'lease_id': _ID,
        'event_type': {'type': ['string', 'null']},
        'time': {**_TIME, 'type': ['string', 'null']},
        'status': {'type': ['string', 'null']},
        **_ROWS,
    },
    required=['event_type', 'time', 'status'],
)
_LEASE = _object(
    {
        'id': _ID,
        'name': {'type': ['string', 'null']},
        'user_id': _TEXT,
        'project_id': _TEXT,
        'start_date': _TIME,
        'end_date': _TIME,
        'status': {**_TEXT, 'examples': ['PENDING', 'ACTIVE', 'TERMINATED', 'ERROR']},
        'degraded': _FLAG,
        'reservations': {'type': 'array', 'items': _RESERVATION},
        'events': {'type': 'array', 'items': _EVENT},
        **_ROWS,
    },
    required=['id'],
    description='The lease as it was then. Of a subscription with payload "thin", and of a lease '
    'that is too long to be sent, only the ID.',
    # There is no trust in it, by which the service acts for the user.
    not_={'required': ['trust_id']},
)
_LEASE['not'] = _LEASE.pop('not_')

_LEAD: Schema = {
    'type': 'string',
    'pattern': r'^P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?$',
    'description': 'How long before the end this is, an ISO 8601 duration such as PT1H.',
}
_CHANGED: Schema = {
    'type': 'array',
    'items': {'type': 'string'},
    'examples': [['end_date']],
    'description': 'The fields that were changed: name, start_date, end_date, before_end_date, '
    'reservations. Empty where nothing is known of the lease before, or it has stayed the same.',
}
_SUBSCRIPTION = _object(
    {
        'id': _ID,
        'name': {'type': ['string', 'null']},
        'status': {'enum': ['pending', 'active', 'failing', 'disabled', 'expired']},
        'status_reason': {'type': ['string', 'null']},
    },
    required=['id', 'status', 'status_reason'],
)

#: Type -> what its ``data`` has besides a lease, a source and the time at which it was noticed.
_DETAILS: Mapping[str, Schema] = {
    notification_types.UPDATED: {'changed': _CHANGED},
    notification_types.BEFORE_END: {
        'lead_time': _LEAD,
        'remaining_seconds': {
            **_COUNT,
            'description': 'What was left of the lease when this was published.',
        },
    },
    notification_types.FAILED: {
        'phase': {**_TEXT, 'examples': ['start', 'before_end', 'end', 'update']},
    },
    notification_types.DEGRADED: {
        'reservations': {
            'type': 'array',
            'items': _object({'id': _ID, **_LOSSES}),
            'minItems': 1,
            'description': 'Those that have lost something, or were given something else.',
        },
    },
    notification_types.DELETED: {
        'was_active': {**_FLAG, 'description': 'Whether it had started and not ended.'},
    },
    notification_types.TURNED_OFF: {'subscription': _SUBSCRIPTION},
    notification_types.EXPIRING: {'subscription': _SUBSCRIPTION},
    notification_types.TEST: {'subscription': _SUBSCRIPTION},
}


def schema(name: str) -> Schema:
    """The JSON Schema of a notification of a type, as it is sent: a CloudEvent.

    :param name: one of ``notification_types.DESCRIPTIONS``.
    """
    of_lease = name.startswith('lease.')
    subject = 'leases' if of_lease else 'subscriptions'
    data = {
        **({'lease': _LEASE} if of_lease else {}),
        **_DETAILS.get(name, {}),
        'source': {
            'enum': ['bus', 'comparison', 'backend', 'timer', 'service'],
            'description': 'Who has noticed it.',
        },
        'noticed_at': _UTC,
    }
    event = {
        'specversion': {'const': '1.0'},
        'id': {'type': 'string', 'format': 'uuid', 'description': 'The same at each attempt.'},
        'source': {'type': 'string', 'format': 'uri-reference'},
        'type': {'const': cloud_event_type(name)},
        'subject': {'type': 'string', 'pattern': f'^{subject}/.+$'},
        'time': _UTC,
        'datacontenttype': {'const': 'application/json'},
        'dataschema': {'type': 'string', 'format': 'uri-reference'},
        'sequence': {
            'type': 'string',
            'pattern': r'^\d{20}$',
            'description': 'Its place in the log: the texts sort as the numbers do.',
        },
        'partitionkey': {**_TEXT, 'description': 'Those with one key come in order.'},
        'expirytime': {**_UTC, 'description': 'After this nobody needs it any more.'},
        'objectversion': {
            'type': 'string',
            'pattern': r'^(Lease|Subscription)/1\.\d+$',
        },
        'data': _object(data),
    }
    optional = {'expirytime'}
    if name == notification_types.TEST:
        # One that is sent at once has no place in the log.
        optional.add('sequence')
    made = {
        '$schema': DIALECT,
        'title': cloud_event_type(name),
        'description': notification_types.DESCRIPTIONS[name],
        **_object(event, required=[each for each in event if each not in optional]),
    }
    return copy.deepcopy(made)


# ------------------------------------------------------------------- examples

_LEASE_ID = '3740febe-ed91-4ea8-9a65-a2721db1c611'
_SUBSCRIPTION_ID = '0b1b5a57-5d0e-4a36-8f0c-6d2f9f5c7c0e'
_PROJECT_ID = 'dd09f65678b848e1a79f76e275b476a3'
_USER_ID = 'c5a39535a9964fe593506f60c05e47d6'
_BEGIN, _WARNING, _END = ('2026-11-20T15:38:00Z', '2026-11-20T16:38:00Z', '2026-11-20T17:38:00Z')
_MADE = '2026-11-20T15:30:28Z'
_EVENTS = ('start_lease', 'before_end_lease', 'end_lease')
#: Type -> how many of the events of the lease are done, its status, that of its reservation.
_STATES: Mapping[str, tuple[int, str, str]] = {
    notification_types.CREATED: (0, 'PENDING', 'pending'),
    notification_types.UPDATED: (0, 'PENDING', 'pending'),
    notification_types.STARTED: (1, 'ACTIVE', 'active'),
    notification_types.BEFORE_END: (2, 'ACTIVE', 'active'),
    notification_types.CANCELLED: (1, 'ACTIVE', 'active'),
    notification_types.ENDED: (3, 'TERMINATED', 'deleted'),
    notification_types.FAILED: (0, 'ERROR', 'error'),
    notification_types.DEGRADED: (1, 'ACTIVE', 'active'),
    notification_types.DELETED: (0, 'DELETING', 'pending'),
}
_WHEN: Mapping[str, str] = {
    notification_types.STARTED: _BEGIN,
    notification_types.BEFORE_END: _WARNING,
    notification_types.ENDED: _END,
}


def example(name: str, source: str) -> dict[str, Any]:
    """A notification of a type, in the newest form.

    :param source: what notifications say that they come from.
    """
    of_lease = name.startswith('lease.')
    at = _WHEN.get(name, _MADE)
    data: dict[str, Any] = {}
    if of_lease:
        data['lease'] = _lease(name)
    data |= _details(name, data.get('lease'))
    event = {
        'specversion': '1.0',
        'id': 'a5f0ad0c-3a43-4cf4-9a2b-1b7f6e0f3c55',
        'source': source,
        'type': cloud_event_type(name),
        'subject': f'leases/{_LEASE_ID}' if of_lease else f'subscriptions/{_SUBSCRIPTION_ID}',
        'time': at,
        'datacontenttype': 'application/json',
        'dataschema': f'{source}/notification-types/{name}',
        'sequence': '00000000000000004711',
        'partitionkey': _LEASE_ID if of_lease else _SUBSCRIPTION_ID,
        'objectversion': 'Lease/1.1' if of_lease else 'Subscription/1.1',
        'data': {**data, 'source': 'bus' if of_lease else 'service', 'noticed_at': at},
    }
    if name == notification_types.BEFORE_END:
        event['expirytime'] = _END
    return event


def _details(name: str, lease: Mapping[str, Any] | None) -> dict[str, Any]:
    subscription = {'id': _SUBSCRIPTION_ID, 'name': 'ci', 'status': 'active', 'status_reason': None}
    off = {'status': 'disabled', 'status_reason': 'Nothing was received for 120 hours.'}
    details: Mapping[str, dict[str, Any]] = {
        notification_types.UPDATED: {'changed': ['end_date']},
        notification_types.BEFORE_END: {'lead_time': 'PT1H', 'remaining_seconds': 3600},
        notification_types.FAILED: {'phase': 'start'},
        notification_types.DEGRADED: {
            'reservations': [
                {name: each[name] for name in ('id', *_LOSSES)}
                for each in (lease['reservations'] if lease else [])
            ]
        },
        notification_types.DELETED: {'was_active': False},
        notification_types.TURNED_OFF: {'subscription': {**subscription, **off}},
        notification_types.EXPIRING: {'subscription': subscription},
        notification_types.TEST: {'subscription': subscription},
    }
    return details.get(name, {})


def _lease(name: str) -> dict[str, Any]:
    done, status, reserved = _STATES[name]
    is_degraded = name == notification_types.DEGRADED
    reservation = {
        'id': 'be4300e5-2f7d-4eb9-88b7-2b4a58724183',
        'lease_id': _LEASE_ID,
        'resource_id': '55aed8c4-cb28-4285-8087-f0fcf4e2c395',
        'resource_type': 'physical:host',
        'status': reserved,
        'missing_resources': False,
        'resources_changed': is_degraded,
        'created_at': _MADE,
        'updated_at': _MADE,
        'hypervisor_properties': '[">=", "$vcpus", "2"]',
        'resource_properties': '',
        'before_end': 'default',
        'min': 1,
        'max': 1,
    }
    events = [
        {
            'id': f'4248bcb2-2cf6-4000-a913-e0dd768e7c2{place}',
            'lease_id': _LEASE_ID,
            'event_type': kind,
            'time': time,
            'status': 'DONE' if place < done else 'UNDONE',
            'created_at': _MADE,
            'updated_at': None,
        }
        for place, (kind, time) in enumerate(zip(_EVENTS, (_BEGIN, _WARNING, _END), strict=True))
    ]
    if name == notification_types.FAILED:
        events[0]['status'] = 'ERROR'
    return lease_document.normal(
        {
            'id': _LEASE_ID,
            'user_id': _USER_ID,
            'project_id': _PROJECT_ID,
            'start_date': _BEGIN,
            'end_date': _END,
            'status': status,
            'reservations': [reservation],
            'events': events,
            'name': 'first',
            'created_at': _MADE,
            'updated_at': _MADE,
            'degraded': is_degraded,
        }
    )
