"""Messages of a real Blazar as they were recorded, and messages that are none."""

from __future__ import annotations

import json
import pathlib
from datetime import datetime
from typing import Any

import pytest

from blazarclient.server.notifications import messages
from blazarclient.server.notifications.messages import Unreadable, read, redacted, told
from blazarclient.server.objects import lease_document, notification_types
from tests import recordings

FOLDER = pathlib.Path(__file__).parents[3] / 'wire' / 'notifications'
RECORDED = sorted(path.name for path in FOLDER.glob('*.message.json'))
#: The event of Blazar -> what it tells of.
KINDS = {
    'lease.create': 'lease.created',
    'lease.update': 'lease.updated',
    'lease.delete': 'lease.deleted',
    'lease.event.start_lease': 'lease.started',
    'lease.event.before_end_lease': 'lease.before_end',
    'lease.event.before_end_lease.stop': 'lease.before_end.cancelled',
    'lease.event.end_lease': 'lease.ended',
}


def recorded(name: str) -> dict[str, Any]:
    """A recorded message."""
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def row(raw: dict[str, Any], kind: str) -> dict[str, Any]:
    """An event in the payload of a message."""
    return next(each for each in raw['payload']['events'] if each['event_type'] == kind)


@pytest.mark.parametrize('name', RECORDED)
def test_every_recorded_message(name: str) -> None:
    """Each recorded message tells of one thing, and holds neither its context nor its trust."""
    raw = recorded(name)
    message = read(raw)
    assert message.is_news
    assert [each.kind for each in told(message, None)] == [KINDS[raw['event_type']]]
    kept = json.dumps(message.document)
    assert raw['payload']['trust_id'] not in kept
    assert '_context' not in kept
    assert 'trust' not in kept
    assert message.document['id'] == raw['payload']['lease_id']
    assert str(message.sent_at) == raw['timestamp']


def test_events_are_known_by_their_rows() -> None:
    """A start is named by Blazar's event, a warning by its event and its time."""
    raw = recorded('lease.event.start_lease.message.json')
    (started,) = told(read(raw), None)
    assert started.transition == f'event:{row(raw, "start_lease")["id"]}'
    raw = recorded('lease.event.before_end_lease.message.json')
    (warned,) = told(read(raw), None)
    event = row(raw, 'before_end_lease')
    moment = datetime.fromisoformat(event['time']).isoformat()
    assert warned.transition == f'event:{event["id"]}:{moment}'


def test_before_end() -> None:
    """A warning says how long before the end it is given, and is of no use after it."""
    raw = recorded('lease.event.before_end_lease.message.json')
    (happened,) = told(read(raw), None)
    assert happened.details['lead_time'] == 'PT1M'
    assert 0 < happened.details['remaining_seconds'] <= 60
    assert happened.expires_at == datetime.fromisoformat(raw['payload']['end_date'])


def test_update_says_what_has_changed() -> None:
    """An update names the fields that differ from the lease as it was known."""
    raw = recorded('lease.update.message.json')
    before = {**read(raw).document, 'name': 'another', 'end_date': '2026-11-20T17:31:00.000000'}
    (happened,) = told(read(raw), before)
    assert happened.details == {'changed': ['name', 'end_date']}
    (happened,) = told(read(raw), read(raw).document)
    assert happened.details == {'changed': []}


@pytest.mark.parametrize(('kind', 'phase'), [('start_lease', 'start'), ('end_lease', 'end')])
def test_failed(kind: str, phase: str) -> None:
    """A start or an end that leaves the lease in ERROR has failed."""
    raw = recorded(f'lease.event.{kind}.message.json')
    raw['payload']['status'] = 'ERROR'
    (happened,) = told(read(raw), None)
    assert (happened.kind, happened.details) == (notification_types.FAILED, {'phase': phase})


def test_warning_that_was_moved_before_it_was_sent() -> None:
    """A warning whose event has another time by now does not take the name of the next one."""
    raw = recorded('lease.event.before_end_lease.message.json')
    first = told(read(raw), None)[0].transition
    event = row(raw, 'before_end_lease')
    event.update(time='2026-11-20T17:00:00.000000', status='UNDONE')
    (happened,) = told(read(raw), None)
    assert happened.kind == notification_types.BEFORE_END
    event['status'] = 'DONE'
    assert happened.transition not in (first, told(read(raw), None)[0].transition)


@pytest.mark.parametrize(('start', 'end', 'active'), [
    ('UNDONE', 'UNDONE', False),
    ('DONE', 'UNDONE', True),
    ('DONE', 'DONE', False),
])  # fmt: skip
def test_was_active(start: str, end: str, active: bool) -> None:
    """A deletion says whether the lease was active."""
    raw = recorded('lease.delete.message.json')
    row(raw, 'start_lease')['status'] = start
    row(raw, 'end_lease')['status'] = end
    assert told(read(raw), None)[0].details == {'was_active': active}


def test_other_events_are_no_news() -> None:
    """What a later Blazar may send besides is read, and passed over."""
    raw = recorded('lease.create.message.json')
    raw['event_type'] = 'lease.event.something_new'
    assert not read(raw).is_news
    assert told(read(raw), None) == []


def listed() -> dict[str, dict[str, Any]]:
    """The leases of the recorded answers, as they were last."""
    found = {}
    for recording in recordings.load_all():
        content = recording.json
        if isinstance(content, dict):
            for each in [content.get('lease'), *(content.get('leases') or [])]:
                if isinstance(each, dict) and each.get('events'):
                    found[each['id']] = lease_document.normal(each)
    return found


def test_bus_and_list_agree() -> None:
    """The events and what an update can change read the same in a message and in the list."""
    leases, compared = listed(), 0
    for name in RECORDED:
        document = read(recorded(name)).document
        other = leases.get(document['id'])
        if other is None:
            continue
        compared += 1
        assert other.keys() == document.keys()
        names = {each['id']: each['event_type'] for each in other['events']}
        assert names == {each['id']: each['event_type'] for each in document['events']}
        if other['end_date'] == document['end_date'] and other['name'] == document['name']:
            assert lease_document.parts(other) == lease_document.parts(document)
            assert {e['id']: e['time'] for e in other['events']} == {
                e['id']: e['time'] for e in document['events']
            }
    assert compared > 5


# ------------------------------------------------------------------ no messages


def _changed(**values: Any) -> dict[str, Any]:
    raw = recorded('lease.create.message.json')
    return {**raw, **values}


def _payload(**values: Any) -> dict[str, Any]:
    raw = recorded('lease.create.message.json')
    return {**raw, 'payload': {**raw['payload'], **values}}


BROKEN: list[object] = [
    None,
    [],
    'text',
    7,
    {},
    _changed(message_id=None),
    _changed(message_id='x' * 65),
    _changed(message_id=''),
    _changed(event_type=None),
    _changed(event_type={}),
    _changed(payload=None),
    _changed(payload='SECRET'),
    _changed(payload={}),
    _changed(timestamp=None),
    _changed(timestamp='yesterday'),
    _payload(lease_id=None),
    _payload(lease_id='x' * 37),
    _payload(lease_id=7),
    _payload(project_id=None),
    _payload(user_id=['x']),
    _payload(status=None),
    _payload(end_date=None),
    _payload(end_date='soon'),
    _payload(start_date=5),
    _payload(created_at=None, updated_at=None),
    _payload(updated_at='x'),
    _payload(reservations='SECRET'),
    _payload(reservations=[{}]),
    _payload(events={'a': 1}),
    _payload(events=[{'id': 'x', 'event_type': 'start_lease', 'time': 'never'}]),
]


@pytest.mark.parametrize('raw', BROKEN, ids=range(len(BROKEN)))
def test_unreadable(raw: object) -> None:
    """What is no message is refused with a reason that shows nothing of it."""
    with pytest.raises(Unreadable) as refused:
        read(raw)
    assert 'SECRET' not in str(refused.value)


def test_redacted() -> None:
    """What is kept of an unreadable message has neither trust, context, token nor long texts."""
    raw = recorded('lease.create.message.json')
    raw['_context_auth_token'] = 'SECRET-1'
    raw['payload'].update(
        trust_id='SECRET-2',
        nested=[{'Authorization': 'SECRET-3', 'x-auth-token': 'SECRET-4'}],
        text='SECRET-5' * 100,
        end_date=None,
    )
    kept = redacted(raw)
    assert 'SECRET' not in kept
    assert json.loads(kept)['payload']['lease_id'] == raw['payload']['lease_id']
    assert 'SECRET' not in redacted({'oslo.message': json.dumps(raw)})


def test_module_is_pure() -> None:
    """A message is read without database or clock."""
    assert not {'store', 'context', 'time'} & vars(messages).keys()
