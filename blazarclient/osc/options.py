"""Values of options that are more than a word: reservations, events, capabilities, times.

Call these from ``take_action`` and not as an argparse ``type=``: argparse would replace the
reasons given here by "invalid value".
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from blazarclient import exception, times

__all__ = [
    'duration_option',
    'parse_event',
    'parse_key_value',
    'parse_physical_reservation',
    'parse_reservation',
    'past_option',
    'time_option',
]

# The keys of each resource type and what is sent when they are not given, as by
# python-blazarclient 4; None is not sent. on_start is Chameleon's.
_DEFAULTS: Mapping[str, Mapping[str, object]] = {
    'physical:host': {
        'min': '',
        'max': '',
        'hypervisor_properties': '',
        'resource_properties': '',
        'before_end': None,
        'on_start': None,
    },
    'virtual:instance': {
        'vcpus': '',
        'memory_mb': '',
        'disk_gb': '',
        'amount': '',
        'affinity': 'None',
        'resource_properties': '',
    },
    'virtual:floatingip': {'amount': 1, 'network_id': None, 'required_floatingips': []},
    'flavor:instance': {'flavor_id': '', 'amount': '', 'affinity': 'None'},
}
# Chameleon's. Other keys pass, too: other clouds have added types of these names.
_ADDED: Mapping[str, Mapping[str, object]] = {
    'device': {'min': '', 'max': '', 'resource_properties': ''},
    'network': {
        'network_name': '',
        'network_description': '',
        'network_properties': '',
        'resource_properties': '',
    },
}
_INTEGERS = frozenset(('min', 'max', 'vcpus', 'memory_mb', 'disk_gb', 'amount'))
_FILTERS = frozenset(('hypervisor_properties', 'resource_properties'))
_WORDS = frozenset(('id', 'resource_type'))
# What a column of integers holds in the database of every Blazar.
_LARGEST = 2**31 - 1

_EXAMPLES = {
    'physical:host': 'resource_type=physical:host,min=1,max=2',
    'virtual:instance': 'resource_type=virtual:instance,vcpus=2,memory_mb=4096,disk_gb=20,amount=1',
    'virtual:floatingip': 'resource_type=virtual:floatingip,network_id=NETWORK_ID,amount=1',
    'flavor:instance': 'resource_type=flavor:instance,flavor_id=FLAVOR_ID,amount=1',
}
_UPDATE_EXAMPLE = 'id=RESERVATION_ID,min=1,max=2'
_PHYSICAL_EXAMPLE = 'min=1,max=2'
_EVENT_EXAMPLE = 'event_type=before_end_lease,event_date=2026-11-21 15:00'
_FILTER_EXAMPLE = '["==", "$gpu", "True"]'
_ADDRESS_EXAMPLE = '["203.0.113.5"]'
_SHELL = (
    'a shell takes quotes and $names away, so put the whole value of the option in single quotes'
)

_CLOSING = {'[': ']', '{': '}'}
_CLOCKS_DIFFER = timedelta(minutes=1)
# Numbers that could not be written otherwise; 007 and +1 may be names.
_INTEGER = re.compile(r'0|-?[1-9][0-9]{0,18}')


def parse_reservation(text: str, *, for_update: bool = False) -> dict[str, object]:
    """Read ``--reservation key=value,...`` into the reservation that goes into the request.

    Commas separate keys except in brackets, braces and double quotes. A value that is one JSON
    string loses its quotes. Keys and integers of Blazar's own resource types are checked; other
    resource types keep all their keys, and Chameleon's get its defaults.

    :param text: for example ``resource_type=physical:host,min=1,max=2``.
    :param for_update: the values change an existing reservation: ``id`` is required,
        ``resource_type`` is not, and no defaults are added.
    :raises blazarclient.exception.InvalidInput: when the text is no reservation.
    """
    reader = _Reader('--reservation', text, _UPDATE_EXAMPLE if for_update else '')
    given = reader.pairs()
    return reader.changed(given) if for_update else reader.created(given)


def parse_physical_reservation(text: str) -> dict[str, object]:
    """Read ``--physical-reservation min=1,max=2,...`` into a reservation of hosts.

    :raises blazarclient.exception.InvalidInput: when the text is no such reservation.
    """
    reader = _Reader('--physical-reservation', text, _PHYSICAL_EXAMPLE)
    given = reader.pairs()
    if given.setdefault('resource_type', 'physical:host') != 'physical:host':
        reader.refuse(
            f'resource_type={given["resource_type"]} is not for this option; use --reservation'
        )
    values = reader.created(given)
    numbers = {}
    for key in ('min', 'max'):
        number = values[key]
        if not isinstance(number, int):
            reader.refuse(f'{key}= is missing')
        if number < 1:
            reader.refuse(f'{key}={number} is less than 1')
        numbers[key] = number
    if numbers['min'] > numbers['max']:
        reader.refuse(
            f'min={numbers["min"]} is more than max={numbers["max"]}; did you mean '
            f'min={numbers["max"]},max={numbers["min"]}?'
        )
    return values


def parse_event(text: str, *, now: datetime | None = None) -> dict[str, str]:
    """Read ``--event event_type=...,event_date=...`` into the event that goes into the request.

    :param now: what ``now`` and ``+`` in the date count from; the present time by default.
    :returns: ``event_type`` and ``event_date``, the date as Blazar reads it.
    :raises blazarclient.exception.InvalidInput: when the text is no event.
    """
    reader = _Reader('--event', text, _EVENT_EXAMPLE)
    given = reader.pairs()
    reader.check_keys(given, ('event_type', 'event_date'), 'an event')
    for key in ('event_type', 'event_date'):
        if not given.get(key):
            reader.refuse(f'{key}= is missing')
    try:
        date = times.parse_time(given['event_date'], now=now)
    except exception.InvalidInput as error:
        reader.refuse(f'event_date: {error}')
    return {'event_type': given['event_type'], 'event_date': times.to_wire(date)}


def parse_key_value(text: str, *, option: str = '--extra') -> tuple[str, str]:
    """Read ``key=value``; everything behind the first ``=`` is the value, as it stands.

    :raises blazarclient.exception.InvalidInput: when there is no key or no ``=``.
    """
    key, equals, value = text.partition('=')
    reader = _Reader(option, text, 'gpu=True')
    if not key.strip():
        reader.refuse('there is no key')
    if not equals:
        reader.refuse(f'there is no =; did you mean {key.strip()}=VALUE?')
    return key.strip(), value


def time_option(option: str, text: str, *, now: datetime | None = None) -> datetime:
    """Read the time given to an option, naming the option when it cannot be read."""
    try:
        return times.parse_time(text, now=now)
    except exception.InvalidInput as error:
        raise exception.InvalidInput(f'{option}: {error}') from None


def duration_option(option: str, text: str) -> timedelta:
    """Read the duration given to an option, naming the option when it cannot be read."""
    try:
        return times.parse_duration(text)
    except exception.InvalidInput as error:
        raise exception.InvalidInput(f'{option}: {error}') from None


def past_option(option: str, text: str) -> datetime:
    """Read a time that has passed: also ``2h``, which is that long ago."""
    now = times.utcnow()
    try:
        return now - times.parse_duration(text)
    except (exception.InvalidInput, OverflowError):
        pass
    try:
        moment = times.parse_time(text, now=now)
    except exception.InvalidInput:
        raise exception.InvalidInput(
            f'{option} {_cut(text)!r} is no time that has passed. Expected a duration (2h is that '
            'long ago), "now", YYYY-MM-DD HH:MM, a date, or ISO 8601; without an offset it is UTC.'
        ) from None
    # Another machine's clock may have written it.
    if moment > now + _CLOCKS_DIFFER:
        raise exception.InvalidInput(
            f'{option} {_cut(text)!r} lies ahead ({times.to_wire(moment)} UTC). Expected a time '
            'that has passed; 2h is that long ago.'
        )
    return moment


class _Reader:
    """The value of one option, and how its errors are worded."""

    def __init__(self, option: str, text: str, example: str = '') -> None:
        self.option = option
        self.text = text
        self.example = example or _EXAMPLES['physical:host']

    def refuse(self, why: str) -> NoReturn:
        stop = '' if why.endswith(('.', '?')) else '.'
        raise exception.InvalidInput(
            f'{self.option} {_cut(self.text)!r}: {_cut(why)}{stop} Expected KEY=VALUE, as in '
            f"{self.option} '{self.example}'."
        )

    def pairs(self) -> dict[str, str]:
        """Return the keys and the text of their values."""
        if not self.text.strip():
            self.refuse('it is empty')
        pieces = self.pieces()
        # python-blazarclient 4 let a list begin with a comma.
        if len(pieces) > 1 and not pieces[0].strip():
            del pieces[0]
        pairs: dict[str, str] = {}
        for piece in pieces:
            key, equals, value = (part.strip() for part in piece.partition('='))
            if not key and not equals:
                self.refuse('there is nothing behind a comma')
            if not equals:
                self.refuse(self.no_equals(key, first=not pairs))
            if not key or re.search(r'[\s"\[\]{}]', key):
                self.refuse(f'{key!r} is not a key')
            if key in pairs:
                self.refuse(f'{key} is given twice: {key}={pairs[key]} and {key}={value}')
            pairs[key] = value
        # Both are compared with names below, so they are wanted without quotes.
        for key in _WORDS & pairs.keys():
            pairs[key] = _unquoted(pairs[key])
            if not pairs[key]:
                self.refuse(f'{key}= has no value')
        return pairs

    def no_equals(self, piece: str, *, first: bool) -> str:
        if piece in _DEFAULTS:
            return f'{piece!r} has no =; did you mean resource_type={piece}?'
        if first:
            return f'{piece!r} has no ='
        return (
            f'{piece!r} has no =; if it belongs to the value before it, that value has a comma '
            f'and needs double quotes or brackets around it ({_SHELL})'
        )

    def pieces(self) -> list[str]:
        """Cut the text at the commas that are not inside brackets, braces or double quotes."""
        pieces = []
        start = 0
        awaited: list[str] = []
        quoted = escaped = False
        for position, character in enumerate(self.text):
            if quoted:
                quoted = escaped or character != '"'
                escaped = character == '\\' and not escaped
            elif character == '"':
                quoted = True
            elif character in _CLOSING:
                awaited.append(_CLOSING[character])
            elif character in _CLOSING.values():
                if not awaited or awaited.pop() != character:
                    self.refuse(f'the {character} at character {position + 1} closes nothing')
            elif character == ',' and not awaited:
                pieces.append(self.text[start:position])
                start = position + 1
        if quoted or awaited:
            mark = '"' if quoted else awaited[-1]
            self.refuse(f'a {mark} is missing at the end of a value ({_SHELL})')
        pieces.append(self.text[start:])
        return pieces

    def created(self, given: Mapping[str, str]) -> dict[str, object]:
        """Return a new reservation, with the defaults of its resource type."""
        kind = given.get('resource_type')
        if not kind:
            self.refuse(self.which_type(given))
        defaults = _DEFAULTS.get(kind)
        if defaults is None:
            return {**_ADDED.get(kind, {}), **self.values(given, known=False)}
        self.example = self.example if self.example == _PHYSICAL_EXAMPLE else _EXAMPLES[kind]
        self.check_keys(given, (*defaults, 'resource_type'), kind)
        values = self.values(given, known=True)
        for key, default in defaults.items():
            if default is not None and key not in values:
                values[key] = list(default) if isinstance(default, list) else default
        return values

    def changed(self, given: Mapping[str, str]) -> dict[str, object]:
        """Return the changes of a reservation that exists."""
        if not given.get('id'):
            self.refuse('id= is missing: the ID of the reservation to change')
        known = given.get('resource_type') in (None, *_DEFAULTS)
        if known:
            keys = {key for defaults in _DEFAULTS.values() for key in defaults}
            self.check_keys(given, (*sorted(keys), *sorted(_WORDS)), 'a reservation')
        if not given.keys() - _WORDS:
            self.refuse('it changes nothing')
        return self.values(given, known=known)

    def which_type(self, given: Mapping[str, str]) -> str:
        """Say that the resource type is missing, and which one was probably meant."""
        for key, value in given.items():
            if _nearest(key, ['resource_type']):
                return f'{key!r} is not a key; did you mean resource_type={value}?'
        kinds = [kind for kind, keys in _DEFAULTS.items() if given.keys() <= keys.keys()]
        if len(kinds) == 1:
            return f'resource_type= is missing; did you mean resource_type={kinds[0]}?'
        return 'resource_type= is missing: ' + ', '.join(_DEFAULTS) + ' or one that your cloud adds'

    def check_keys(self, given: Mapping[str, str], allowed: tuple[str, ...], whose: str) -> None:
        for key, value in given.items():
            if key in allowed:
                continue
            why = f'{key!r} is not a key of {whose}'
            owners = [kind for kind, keys in _DEFAULTS.items() if key in keys]
            if owners:
                why += ' but of ' + ' and '.join(owners)
            else:
                nearest = _nearest(key, [name for name in allowed if name not in given])
                if nearest:
                    self.refuse(f'{why}; did you mean {nearest}={value}?')
            self.refuse(f'{why}; its keys are ' + ', '.join(allowed))

    def values(self, given: Mapping[str, str], *, known: bool) -> dict[str, object]:
        return {key: self.value(key, text, known=known) for key, text in given.items()}

    def value(self, key: str, text: str, *, known: bool) -> object:
        if key in _WORDS:
            return text
        value = _unquoted(text)
        if known and key in _INTEGERS:
            return self.integer(key, value)
        if known and key in _FILTERS:
            return self.filter(key, value)
        if known and key == 'required_floatingips':
            return self.addresses(key, value)
        # Quotes say that the digits in them are text.
        return int(text) if _INTEGER.fullmatch(text) else value

    def integer(self, key: str, value: str) -> int | str:
        # Nothing is what python-blazarclient 4 sends for a number that is not given.
        if not value:
            return value
        if not re.fullmatch(r'[+-]?[0-9]{1,19}', value):
            self.refuse(f'{key}={value} is not an integer such as {key}=1')
        number = int(value)
        if not 0 <= number <= _LARGEST:
            self.refuse(f'{key}={value} is not between 0 and {_LARGEST}')
        return number

    def filter(self, key: str, value: str) -> str:
        # Blazar wants the text of a JSON list and not the list itself.
        if value and not isinstance(_json(value), list):
            self.refuse(f'{key}={value} is not a JSON list such as {_FILTER_EXAMPLE}; {_SHELL}')
        return value

    def addresses(self, key: str, value: str) -> list[str]:
        decoded = _json(value)
        items = decoded if isinstance(decoded, list) else [decoded]
        found = [item for item in items if isinstance(item, str)]
        if items is not decoded or len(found) < len(items):
            self.refuse(self.no_addresses(key, value))
        return found

    def no_addresses(self, key: str, value: str) -> str:
        plain = [part.strip(' "') for part in value.strip('[]').split(',')]
        meant = _ADDRESS_EXAMPLE
        if all(
            re.search(r'[.:]', part) and not re.search(r'[^0-9a-fA-F.:]', part) for part in plain
        ):
            meant = json.dumps(plain)
        return f'{key}={value} is not a JSON list of addresses such as {key}={meant} ({_SHELL})'


def _json(text: str) -> object:
    """Decode JSON; what is none, or is nested too deeply, becomes None."""
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return decoded


def _unquoted(text: str) -> str:
    """Return what a JSON string says, and any other text as it stands."""
    if text.startswith('"'):
        decoded = _json(text)
        if isinstance(decoded, str):
            return decoded
    return text


def _nearest(key: str, names: list[str]) -> str | None:
    """Return the name that was probably meant: one spelt much alike, or one that ends so."""
    key = key.lower().replace('-', '_')
    for name in difflib.get_close_matches(key, names, 1):
        return name
    ending = [name for name in names if name.endswith(f'_{key}')]
    return ending[0] if len(ending) == 1 else None


def _cut(text: str) -> str:
    return text if len(text) <= 600 else f'{text[:600]}...'
