"""Messages of Blazar on the bus, and what has happened by them; pure.

``manager/service.py`` and ``notification/api.py`` of Blazar 16 to 18 say when it sends what. The
payload is the lease as the database had it just before the message was sent, with its events and
its trust; who may hear of it stands in the payload, not in the context. That of Blazar 16 is short:
which lease, whose it is, and its dates.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from blazarclient.server.objects import (
    lease_document,
    lease_history,
    notification_types,
    transitions,
    wire_times,
)
from blazarclient.server.objects.lease_history import Document, Happening

__all__ = ['Message', 'Unreadable', 'read', 'redacted', 'told']

CREATE, UPDATE, DELETE = 'lease.create', 'lease.update', 'lease.delete'
_EVENT = re.compile(r'lease\.event\.(start_lease|before_end_lease|end_lease)')
_STOP = 'lease.event.before_end_lease.stop'

#: The longest ID of a message, of a lease, and of a user or a project; the longest status.
_MESSAGE_ID, _LEASE_ID, _OWNER_ID, _STATUS = 64, 36, 255, 16
#: What of an unreadable message is kept: so many characters, and nothing that may be secret.
_KEPT = 16_384
_SECRET = re.compile('context|trust|token|password|passwd|secret|credential|signature|auth', re.I)


class Unreadable(ValueError):
    """A message that is not as Blazar writes them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A message that can be read."""

    #: Given by the sender's oslo.messaging; a bus may bring one message twice.
    id: str
    event_type: str
    #: By Blazar's clock, naive UTC.
    sent_at: datetime
    #: The lease, without its trust.
    document: dict[str, Any]
    #: Whether it says of the lease only which one it is: the rest has to be asked for.
    is_short: bool = False

    @property
    def is_news(self) -> bool:
        """Whether it is of a kind that is known."""
        return (
            self.event_type in (CREATE, UPDATE, DELETE, _STOP)
            or _EVENT.fullmatch(self.event_type) is not None
        )

    def completed(self, lease: Mapping[str, Any]) -> Message:
        """The message with the lease as Blazar tells of it elsewhere.

        :raises Unreadable: as :func:`read`.
        """
        document = lease_document.normal(lease)
        _insist_on(document, _check)
        return dataclasses.replace(self, document=document, is_short=False)


def read(raw: object) -> Message:
    """Read a message, without its context and its trust.

    :raises Unreadable: saying why, without any value of the message.
    """
    if not isinstance(raw, Mapping):
        raise Unreadable('It is no JSON object.')
    message_id, event_type = raw.get('message_id'), raw.get('event_type')
    if not isinstance(message_id, str) or not 0 < len(message_id) <= _MESSAGE_ID:
        raise Unreadable('It has no message_id.')
    if not isinstance(event_type, str):
        raise Unreadable('It has no event_type.')
    payload = raw.get('payload')
    if not isinstance(payload, Mapping):
        raise Unreadable('It has no payload.')
    document = lease_document.normal(payload)
    is_short = 'status' not in document
    _insist_on(document, _check_short if is_short else _check)
    try:
        sent_at = wire_times.read(raw['timestamp'])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f'Its timestamp is none: {type(error).__name__}.') from None
    return Message(message_id, event_type, sent_at, document, is_short)


def told(message: Message, before: Document | None) -> list[Happening]:
    """What a message tells of by its name.

    :param before: the lease as it was known, to say what an update has changed.
    """
    lease, now = message.document, message.sent_at
    if message.event_type == CREATE:
        return [lease_history.created(lease, now)]
    if message.event_type == UPDATE:
        key = transitions.unique('updated', message.id)
        return [lease_history.updated(before, lease, key, now)]
    if message.event_type == DELETE:
        return [lease_history.deleted(lease, now)]
    if message.event_type == _STOP:
        row = lease_history.event_row(lease, 'before_end_lease')
        if row is None:
            key = transitions.unique('cancelled', message.id)
            return [Happening(notification_types.CANCELLED, key, now)]
        return [lease_history.cancelled(row, now)]
    found = _EVENT.fullmatch(message.event_type)
    if found is None:
        return []
    row = lease_history.event_row(lease, found[1])
    if row is not None and row.get('status') in ('DONE', 'ERROR'):
        return [lease_history.carried_out(lease, row, now, failed=_has_failed(lease, row))]
    # The lease was moved between the event and the message: the row is about another moment.
    key = transitions.unique(found[1], message.id)
    given = {'event_type': found[1], 'time': now.isoformat(), 'status': 'DONE', 'id': ''}
    happened = lease_history.carried_out(lease, given, now, failed=_has_failed(lease, given))
    return [dataclasses.replace(happened, transition=key)]


def redacted(raw: object) -> str:
    """What may be kept of an unreadable message: JSON without what is or may be secret."""
    return json.dumps(_without_secrets(raw), default=lambda value: type(value).__name__)[:_KEPT]


def _has_failed(lease: Document, row: Mapping[str, Any]) -> bool:
    is_change = row['event_type'] != 'before_end_lease'
    return row['status'] == 'ERROR' or (is_change and lease.get('status') == 'ERROR')


def _insist_on(document: Mapping[str, Any], check: Callable[[Mapping[str, Any]], None]) -> None:
    """Refuse a document in which something is missing or of another kind."""
    try:
        check(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f'Its payload is no lease: {type(error).__name__}.') from None


def _check_short(lease: Mapping[str, Any]) -> None:
    """Insist on what says which lease it is, and whose."""
    for name, longest in (('id', _LEASE_ID), ('project_id', _OWNER_ID), ('user_id', _OWNER_ID)):
        if not isinstance(lease[name], str) or len(lease[name]) > longest:
            raise ValueError(name)
    if not lease['id']:
        raise ValueError('id')
    for name in ('start_date', 'end_date'):
        wire_times.read(lease[name])


def _check(lease: Mapping[str, Any]) -> None:
    """Insist on what all that follows relies on."""
    _check_short(lease)
    if not isinstance(lease['status'], str) or len(lease['status']) > _STATUS:
        raise ValueError('status')
    lease_history.written_at(lease)
    for each in lease.get('reservations') or []:
        each['id'], each.get('resource_type')
    for each in lease.get('events') or []:
        each['id'], each['event_type'], each.get('status')
        if each.get('time'):
            wire_times.read(each['time'])
    lease_document.digest(lease)


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            str(name): '***' if _SECRET.search(str(name)) else _without_secrets(each)
            for name, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(each) for each in value]
    if isinstance(value, str) and len(value) > 255:
        # A text may hold anything, such as the JSON of a whole message.
        return '***'
    return value
