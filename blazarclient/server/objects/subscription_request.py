"""What a request says of a subscription, read field by field. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

from blazarclient import exception, times
from blazarclient.server import errors
from blazarclient.server.objects import notification_types, releases
from blazarclient.server.objects.notify_endpoint import NotifyEndpoint

__all__ = ['LONGEST_NAME', 'LONGEST_SHARED', 'lead_seconds', 'read_change', 'read_new', 'unwrapped']

LONGEST_NAME = 255
LONGEST_LEASE_IDS = 100
LONGEST_BEFORE_END = 10
LONGEST_TYPES = 50
LONGEST_RESOURCE_TYPES = 20
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
    known = {*_FIELDS, 'notify_endpoint', 'payload_version', 'expires_at'}
    for name in body:
        if name in _READ_ONLY:
            raise errors.InvalidInput(f'{name} is read-only; leave it out.')
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            hint = (
                f'did you mean {close[0]}?' if close else f'known are {", ".join(sorted(known))}.'
            )
            raise errors.InvalidInput(f'{_shown(name)} is no field of a subscription; {hint}')
    if inline and 'lease_ids' in body:
        raise errors.InvalidInput(
            'lease_ids cannot be given here: a subscription in a lease is for this lease.'
        )
    if 'before_end' in body and _number(microversion) < (1, 2):
        raise errors.InvalidInput(
            f'before_end needs microversion 1.2, and this request speaks {microversion}.'
        )


def _check_shared(values: Mapping[str, Any], now: datetime) -> None:
    if values['scope'] != 'all':
        return
    expires_at = values['expires_at']
    if expires_at is None or expires_at > now + LONGEST_SHARED:
        given = 'null' if expires_at is None else f'{expires_at.isoformat()}Z'
        _refuse(
            'expires_at',
            given,
            f'a subscription to every project has to expire within {LONGEST_SHARED.days} days',
        )


# --------------------------------------------------------------------- fields


def _name(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        _refuse('name', value, f'it has to be a text of at most {LONGEST_NAME} characters, or null')
    return value


def _types(value: object) -> list[str]:
    found = _texts('types', value, LONGEST_TYPES)
    if not found:
        _refuse('types', value, 'it has to name a type; ["lease.*"] is every one of leases')
    notification_types.expand(found)
    return found


def _lease_ids(value: object) -> list[str]:
    return _texts('lease_ids', value, LONGEST_LEASE_IDS, longest=36)


def _resource_types(value: object) -> list[str]:
    return _texts('resource_types', value, LONGEST_RESOURCE_TYPES, longest=66)


def _before_end(value: object) -> list[str]:
    found = _texts('before_end', value, LONGEST_BEFORE_END, longest=64)
    for text in found:
        try:
            # Our own grammar is wider: people write 1h, programs ISO 8601.
            lead = times.parse_duration(text if text.startswith('P') else '')
        except exception.InvalidInput:
            lead = timedelta(0)
        if not timedelta(0) < lead <= LONGEST_LEAD or lead.microseconds:
            _refuse(
                'before_end',
                text,
                'a lead time is an ISO 8601 duration in whole seconds such as PT1H, longer than 0 '
                f'and at most P{LONGEST_LEAD.days}D',
            )
    return found


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        _refuse('enabled', value, 'it has to be true or false')
    return value


def _one_of(name: str, known: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            _refuse(name, value, f'it has to be one of {", ".join(known)}')
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


def _payload_version(value: object, microversion: str) -> str:
    if value is None:
        return microversion
    known = [each for each in releases.MICROVERSIONS if _number(each) <= _number(microversion)]
    if not isinstance(value, str) or value not in known:
        _refuse(
            'payload_version',
            value,
            f'it has to be one of {", ".join(known)}, as this request speaks {microversion}',
        )
    return value


def _expires_at(value: object, now: datetime) -> datetime | None:
    if value is None:
        return None
    try:
        # Our own grammar is wider: people write +3h.
        read = times.parse_time(value if isinstance(value, str) and value[:1].isdigit() else '')
    except exception.InvalidInput:
        _refuse('expires_at', value, 'it has to be a time such as 2026-11-20T15:00:00Z, or null')
    moment = read.replace(tzinfo=None)
    if moment <= now:
        _refuse('expires_at', value, f'it has to be later than {now.isoformat()}Z')
    return moment


def _texts(name: str, value: object, limit: int, *, longest: int = 255) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        _refuse(name, value, 'it has to be a list of texts')
    if len(value) > limit:
        raise errors.InvalidInput(f'{name} has {len(value)} entries; it may have {limit}.')
    for text in value:
        if not text or len(text) > longest:
            _refuse(name, text, f'an entry has 1 to {longest} characters')
    return [*dict.fromkeys(value)]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f'{text[:77]}...'


def _refuse(name: str, value: object, why: str) -> NoReturn:
    raise errors.InvalidInput(f'{name} = {_shown(value)} cannot be: {why}.')
