"""What a request says of a subscription, read field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from blazarclient import exception, times
from blazarclient.server import errors
from blazarclient.server.objects import notification_types, releases
from blazarclient.server.objects.notify_endpoint import NotifyEndpoint
from blazarclient.server.objects.request_values import check_names, refuse, texts, time_of

__all__ = [
    'DEFAULT_OVERLAP',
    'LONGEST_OVERLAP',
    'lead_seconds',
    'read_change',
    'read_new',
    'read_nothing',
    'read_overlap',
    'unwrapped',
]

LONGEST_NAME = 255
LONGEST_LEASE_IDS = 100
LONGEST_BEFORE_END = 10
LONGEST_TYPES = 50
LONGEST_RESOURCE_TYPES = 20
#: Seconds for which the secret before also signs.
DEFAULT_OVERLAP = 86_400
LONGEST_OVERLAP = 7 * 86_400
LONGEST_LEAD = timedelta(days=366)
#: How long a subscription to every project's leases may last: later nobody has shown again that
#: its owner is still an administrator.
LONGEST_SHARED = timedelta(days=90)
SCOPES = ('user', 'project', 'all')
PAYLOADS = ('full', 'thin')
VERIFY = ('auto', 'options', 'test', 'get')

_READ_ONLY = frozenset(
    {
        'consecutive_failures',
        'created_at',
        'cursor',
        'id',
        'last_failure_at',
        'last_success_at',
        'project_id',
        'queued',
        'secret',
        'status',
        'status_reason',
        'updated_at',
        'user_id',
    }
)


def unwrapped(values: object) -> Mapping[str, Any]:
    """A body, which may also stand under ``subscription`` as in an answer.

    :raises blazarclient.server.errors.InvalidInput: it is no JSON object.
    """
    if isinstance(values, Mapping) and values.keys() == {'subscription'}:
        values = values['subscription']
    if not isinstance(values, Mapping):
        raise errors.InvalidInput('The body has to be a JSON object: {"notify_endpoint": ...}.')
    return values


def read_new(
    values: object, microversion: str, now: datetime, *, inline: bool = False
) -> dict[str, Any]:
    """The columns of a new subscription that a request decides.

    :param now: naive UTC.
    :param inline: it is made with a lease, which it is for.
    :raises blazarclient.server.errors.InvalidInput: naming the field, and what would be right.
    """
    body = unwrapped(values)
    _check_names(body, microversion, inline=inline)
    if 'notify_endpoint' not in body:
        raise errors.InvalidInput(
            'notify_endpoint is missing: {"url": "https://ci.example/hook"} says where '
            'notifications go.'
        )
    found: dict[str, Any] = {
        'name': None,
        'scope': 'project',
        'types': ['lease.*'],
        'lease_ids': [],
        'resource_types': [],
        'before_end': [],
        'payload': 'full',
        'payload_version': microversion,
        'verify': 'auto',
        'expires_at': None,
        'enabled': True,
    }
    found |= _read(body, microversion, now)
    _check_shared(found, now)
    return found


def read_change(
    values: object, before: Mapping[str, Any], microversion: str, now: datetime
) -> dict[str, Any]:
    """The columns of a subscription that a request changes.

    :param before: the columns as they are.
    :param now: naive UTC.
    :raises blazarclient.server.errors.InvalidInput: naming the field, and what would be right.
    """
    body = unwrapped(values)
    _check_names(body, microversion)
    found = _read(body, microversion, now)
    if found.keys() & {'scope', 'expires_at'}:
        _check_shared({**before, **found}, now)
    return found


def read_overlap(values: object) -> int:
    """For how many seconds the secret before also signs.

    :raises blazarclient.server.errors.InvalidInput: naming the field, and what would be right.
    """
    overlap = check_names(values, ['overlap'], 'a new secret').get('overlap', DEFAULT_OVERLAP)
    if isinstance(overlap, bool) or not isinstance(overlap, int):
        refuse('overlap', overlap, 'it has to be a number of seconds')
    if not 0 <= overlap <= LONGEST_OVERLAP:
        refuse('overlap', overlap, f'it has to be from 0 to {LONGEST_OVERLAP} seconds (7 days)')
    return overlap


def read_nothing(values: object) -> None:
    """Of a request that says all by its URL.

    :raises blazarclient.server.errors.InvalidInput: its body says something.
    """
    check_names(values, [], 'this request')


def lead_seconds(duration: str) -> int:
    """The seconds of a lead time that was read before."""
    return int(times.parse_duration(duration).total_seconds())


def _read(body: Mapping[str, Any], microversion: str, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name == 'notify_endpoint':
            endpoint = NotifyEndpoint.parse(value)
            found |= {
                'notify_endpoint': endpoint.given,
                'url': endpoint.url,
                'endpoint': endpoint.endpoint,
            }
        elif name == 'payload_version':
            found[name] = _payload_version(value, microversion)
        elif name == 'expires_at':
            found[name] = _expires_at(value, now)
        else:
            found[name] = _FIELDS[name](value)
    return found


def _check_names(body: Mapping[str, Any], microversion: str, *, inline: bool = False) -> None:
    for name in body:
        if name in _READ_ONLY:
            raise errors.InvalidInput(f'{name} is read-only; leave it out.')
    check_names(body, _NAMES, 'a subscription')
    if inline and 'lease_ids' in body:
        raise errors.InvalidInput(
            'lease_ids cannot be given here: a subscription in a lease is for this lease.'
        )
    if 'before_end' in body and releases.number(microversion) < (1, 2):
        raise errors.InvalidInput(
            f'before_end needs microversion 1.2, and this request speaks {microversion}.'
        )


def _check_shared(values: Mapping[str, Any], now: datetime) -> None:
    if values['scope'] != 'all':
        return
    expires_at = values['expires_at']
    if expires_at is None or expires_at > now + LONGEST_SHARED:
        given = 'null' if expires_at is None else f'{expires_at.isoformat()}Z'
        refuse(
            'expires_at',
            given,
            f'a subscription to every project has to expire within {LONGEST_SHARED.days} days',
        )


# --------------------------------------------------------------------- fields


def _name(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        refuse('name', value, f'it has to be a text of at most {LONGEST_NAME} characters, or null')
    return value


def _types(value: object) -> list[str]:
    found = texts('types', value, LONGEST_TYPES)
    if not found:
        refuse('types', value, 'it has to name a type; ["lease.*"] is every one of leases')
    notification_types.expand(found)
    return found


def _lease_ids(value: object) -> list[str]:
    return texts('lease_ids', value, LONGEST_LEASE_IDS, longest=36)


def _resource_types(value: object) -> list[str]:
    return texts('resource_types', value, LONGEST_RESOURCE_TYPES, longest=66)


def _before_end(value: object) -> list[str]:
    found = texts('before_end', value, LONGEST_BEFORE_END, longest=64)
    for text in found:
        try:
            # Our own grammar is wider: people write 1h, programs ISO 8601.
            lead = times.parse_duration(text if text.startswith('P') else '')
        except exception.InvalidInput:
            lead = timedelta(0)
        if not timedelta(0) < lead <= LONGEST_LEAD or lead.microseconds:
            refuse(
                'before_end',
                text,
                'a lead time is an ISO 8601 duration in whole seconds such as PT1H, longer than 0 '
                f'and at most P{LONGEST_LEAD.days}D',
            )
    return found


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        refuse('enabled', value, 'it has to be true or false')
    return value


def _one_of(name: str, known: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            refuse(name, value, f'it has to be one of {", ".join(known)}')
        return value

    return read


_FIELDS: Mapping[str, Callable[[object], object]] = {
    'name': _name,
    'scope': _one_of('scope', SCOPES),
    'types': _types,
    'lease_ids': _lease_ids,
    'resource_types': _resource_types,
    'before_end': _before_end,
    'payload': _one_of('payload', PAYLOADS),
    'verify': _one_of('verify', VERIFY),
    'enabled': _enabled,
}
_NAMES = frozenset({*_FIELDS, 'notify_endpoint', 'payload_version', 'expires_at'})


def _payload_version(value: object, microversion: str) -> str:
    if value is None:
        return microversion
    known = [
        each
        for each in releases.MICROVERSIONS
        if releases.number(each) <= releases.number(microversion)
    ]
    if not isinstance(value, str) or value not in known:
        refuse(
            'payload_version',
            value,
            f'it has to be one of {", ".join(known)}, as this request speaks {microversion}',
        )
    return value


def _expires_at(value: object, now: datetime) -> datetime | None:
    if value is None:
        return None
    moment = time_of('expires_at', value)
    if moment <= now:
        refuse('expires_at', value, f'it has to be later than {now.isoformat()}Z')
    return moment
