"""Between the times that people write, the times on the wire and aware datetimes.

Blazar works in whole minutes of UTC: it reads ``YYYY-MM-DD HH:MM`` or ``now``, and writes
naive UTC with or without seconds. Every datetime that leaves this module is aware and in UTC.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn

from blazarclient import exception

__all__ = [
    'DURATION_GRAMMAR',
    'TIME_GRAMMAR',
    'format_duration',
    'from_wire',
    'iso_duration',
    'parse_duration',
    'parse_time',
    'start_to_wire',
    'to_wire',
    'utcnow',
]

#: What a time may look like.
TIME_GRAMMAR = (
    'A time is "now", "+" and a duration counted from now (+3h, +2d12h), YYYY-MM-DD HH:MM, '
    'a date (its first minute), or ISO 8601 with or without an offset '
    '(2026-11-21T15:00+01:00); without an offset it is UTC.'
)
#: What a duration may look like.
DURATION_GRAMMAR = (
    'A duration is numbers with units, the largest unit first: w, d, h, m (minutes), s, '
    'as in 2w, 1d12h, 90m; or ISO 8601: P2D, PT4H, P1DT2H.'
)

_MINUTE = timedelta(minutes=1)
_SECONDS = {'w': 604_800, 'd': 86_400, 'h': 3_600, 'm': 60, 's': 1}
# Longer text is no time or duration, and Python refuses to read numbers of thousands of digits.
_LONGEST = 64
# The furthest offset from UTC that is in use anywhere: Kiribati.
_FURTHEST_OFFSET = timedelta(hours=14)

# [0-9] and not \d, which also stands for the digits of other scripts. Most patterns are texts,
# compiled when first used, since every start of the program pays for what stands here.
_PART = re.compile(r'([0-9]+)(?:\.([0-9]+))?([A-Za-z]*) ?')
_NUMBER = r'([0-9]+(?:\.[0-9]+)?)'
_ISO_DURATION = (
    rf'P(?=[0-9T])(?:{_NUMBER}W)?(?:{_NUMBER}D)?'
    rf'(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?'
)
_SECOND = r'([0-9]{2})(?:\.([0-9]{1,9}))?'
_OFFSET = r'(?: ?(?:Z|z|UTC|([+-])([0-9]{2})(?::?([0-9]{2}))?))?'
_MOMENT = (
    r'([0-9]{4})-([0-9]{2})-([0-9]{2})'
    rf'(?:[Tt ]([0-9]{{2}}):([0-9]{{2}})(?::{_SECOND})?{_OFFSET})?'
)
# ISO 8601's basic format, as `date -u +%Y%m%dT%H%MZ` prints it.
_COMPACT = (
    rf'([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})[Tt]([0-9]{{2}})([0-9]{{2}})(?:{_SECOND})?{_OFFSET}'
)
# YYYY-MM-DD HH:MM, with seconds, with microseconds: all that Blazar sends.
_WIRE_LENGTHS = frozenset((16, 19, 26))


def utcnow() -> datetime:
    """Return the present time as an aware datetime in UTC."""
    return datetime.now(UTC)


def parse_time(text: str, *, now: datetime | None = None) -> datetime:
    """Read a time as a person writes it; :data:`TIME_GRAMMAR` says how.

    :param text: ``now``, ``+3h``, ``2026-11-21 15:00``, ``2026-11-21``, ISO 8601.
    :param now: what ``now`` and ``+`` count from; the present time by default.
    :returns: the time in UTC; seconds are kept.
    :raises blazarclient.exception.InvalidInput: when the text is no time.
    """
    value = _trim(text)
    if value.lower() == 'now':
        return utcnow() if now is None else _utc(now)
    if value.startswith('+'):
        try:
            after = parse_duration(value[1:])
        except exception.InvalidInput as error:
            _not_a_time(text, f'what follows the + is not a duration ({_reason(error)})', '+3h')
        try:
            return (utcnow() if now is None else _utc(now)) + after
        except OverflowError:
            _not_a_time(text, 'that is after the year 9999', '+3h')
    return _moment(text, value)


def parse_duration(text: str) -> timedelta:
    """Read a duration as a person writes it; :data:`DURATION_GRAMMAR` says how.

    A day is 24 hours and a week is 7 days, always. The last number may have a fraction (1.5h).

    :param text: ``2w``, ``1d12h``, ``90m``, ``30s``, ``P2D``, ``PT4H``, ``P1DT2H``.
    :raises blazarclient.exception.InvalidInput: when the text is no duration.
    """
    value = _trim(text)
    if not value:
        _not_a_duration(text, 'it is empty', '4h')
    if len(value) > _LONGEST:
        _not_a_duration(text, 'it is too long', '4h')
    if value[0] in '+-':
        why = 'it cannot be negative' if value[0] == '-' else 'it has no sign: + begins a time'
        simple = re.fullmatch(r'[0-9]+[wdhms]', value[1:])
        _not_a_duration(text, why, simple.group() if simple else '4h')
    parts = _iso_parts(text, value) if value[0] == 'P' else _parts(text, value)
    microseconds = 0
    for index, (whole, fraction, unit) in enumerate(parts, 1):
        microseconds += int(whole) * _SECONDS[unit] * 1_000_000
        if fraction:
            if index < len(parts):
                _not_a_duration(text, 'only its last number may have a fraction', '1d1.5h')
            more, rest = divmod(int(fraction) * _SECONDS[unit] * 1_000_000, 10 ** len(fraction))
            if rest:
                _not_a_duration(text, 'it is finer than a microsecond', '1.5h')
            microseconds += more
    try:
        return timedelta(microseconds=microseconds)
    except OverflowError:
        _not_a_duration(text, 'it is longer than all of the calendar', '4h')


def format_duration(duration: timedelta) -> str:
    """Write a duration the way :func:`parse_duration` reads it: ``1d12h``, ``90s`` as ``1m30s``.

    :raises blazarclient.exception.InvalidInput: when the duration is negative.
    """
    if duration < timedelta(0):
        raise exception.InvalidInput(
            f'{duration} is a negative duration, which cannot be written. {DURATION_GRAMMAR}'
        )
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = ''.join(
        f'{number}{unit}'
        for number, unit in ((duration.days, 'd'), (hours, 'h'), (minutes, 'm'))
        if number
    )
    if duration.microseconds:
        return text + f'{seconds}.{duration.microseconds:06}'.rstrip('0') + 's'
    return text + f'{seconds}s' if seconds or not text else text


def iso_duration(duration: timedelta) -> str:
    """Write a duration as ISO 8601 does: ``P1DT12H``, ``PT90S`` as ``PT1M30S``.

    :raises blazarclient.exception.InvalidInput: when the duration is negative.
    """
    days, comma, rest = format_duration(duration).upper().rpartition('D')
    return f'P{days}{comma}' + (f'T{rest}' if rest else '')


def from_wire(text: str) -> datetime:
    """Read a time as a service sends it: ``2026-11-20T15:38:00.000000``, ``2026-11-20 15:38:28``.

    :returns: the time in UTC; a text without an offset is UTC already.
    :raises blazarclient.exception.InvalidInput: when the text is no time.
    """
    # Lists of leases hold tens of thousands of these: everything that Blazar is known to send
    # takes this way. fromisoformat() alone would also take week dates and any separator.
    try:
        if len(text) in _WIRE_LENGTHS and text[10] in 'T ' and text[7] == '-' and text[13] == ':':
            return datetime.fromisoformat(text + '+00:00')
    except (TypeError, ValueError):
        pass
    return _moment(text, _trim(text))


def to_wire(moment: datetime, *, up: bool = False) -> str:
    """Write a time the way Blazar reads it: ``YYYY-MM-DD HH:MM`` in UTC.

    :param moment: an aware datetime, or a naive one in UTC.
    :param up: round up to the next whole minute; otherwise seconds are cut off.
    :raises blazarclient.exception.InvalidInput: when the time in UTC is outside years 1 to 9999.
    """
    utc = _utc(moment)
    if up and (utc.second or utc.microsecond):
        try:
            utc += _MINUTE
        except OverflowError:
            _outside(moment)
    # isoformat() and not strftime(), which writes the year 987 in three digits.
    return utc.replace(tzinfo=None).isoformat(' ', 'minutes')


def start_to_wire(moment: datetime, *, now: datetime | None = None) -> str:
    """Write the start of a lease: ``now`` within the current minute, else as :func:`to_wire`.

    Blazar refuses a start before the current minute. A start less than a minute ago is therefore
    ``now`` too: it was the present time when it was read, and the minute has turned since.

    :param moment: an aware datetime, or a naive one in UTC.
    :param now: the present time by default.
    :raises blazarclient.exception.InvalidInput: when the time in UTC is outside years 1 to 9999.
    """
    start = _utc(moment)
    present = utcnow() if now is None else _utc(now)
    if start <= present:
        return 'now' if present - start < _MINUTE else to_wire(start)
    written = to_wire(start)
    return 'now' if written == to_wire(present) else written


def _trim(text: str) -> str:
    if not isinstance(text, str):
        raise exception.InvalidInput(f'{text!r} is not a text. {TIME_GRAMMAR} {DURATION_GRAMMAR}')
    return text.strip()


def _utc(moment: datetime) -> datetime:
    # A tzinfo that knows no offset makes a datetime naive too; astimezone() would then take it
    # for the machine's local time.
    try:
        if moment.utcoffset() is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except OverflowError:
        _outside(moment)


def _parts(text: str, value: str) -> list[tuple[str, str, str]]:
    """Cut '1d12h' into its numbers, fractions and units, checking their order."""
    parts: list[tuple[str, str, str]] = []
    position = 0
    units = list(_SECONDS)
    while position < len(value):
        match = _PART.match(value, position)
        if match is None:
            _not_a_duration(text, f'{value[position:]!r} is not a number with a unit', '1d12h')
        whole, fraction, unit = match.group(1), match.group(2) or '', match.group(3)
        number = match.group().strip()
        if not unit:
            following = 'm' if not parts else units[0] if units else ''
            hint = value[:position] + number + following if following else '1d12h'
            _not_a_duration(text, f'the {number} has no unit', hint)
        if unit not in _SECONDS:
            known = unit.lower() if unit.lower() in _SECONDS else ''
            why = f'{unit!r} is not a unit'
            if unit in ('y', 'Y', 'mo', 'M'):
                why += ' (months and years have no fixed length)'
            _not_a_duration(text, why, f'{whole}{known}' if known else '1d12h')
        if unit not in units:
            _not_a_duration(text, f'{number} comes after a smaller or equal unit', '1d12h')
        del units[: units.index(unit) + 1]
        parts.append((whole, fraction, unit))
        position = match.end()
    return parts


def _iso_parts(text: str, value: str) -> list[tuple[str, str, str]]:
    """Cut 'P1DT2H' into its numbers, fractions and units."""
    match = re.fullmatch(_ISO_DURATION, value)
    if match is None:
        date = value.partition('T')[0]
        if 'Y' in date or 'M' in date:
            why = 'months and years have no fixed length (minutes come after a T)'
        else:
            why = 'it is not an ISO 8601 duration'
        _not_a_duration(text, why, 'P1DT2H30M')
    parts = []
    for number, unit in zip(match.groups(), _SECONDS, strict=True):
        if number:
            whole, _, fraction = number.partition('.')
            parts.append((whole, fraction, unit))
    return parts


def _moment(text: str, value: str) -> datetime:
    """Read a date with or without a time and an offset."""
    match = re.fullmatch(_MOMENT, value) or re.fullmatch(_COMPACT, value)
    if match is None:
        _not_a_time(text, *_misread(value))
    year, month, day, hour, minute, second = (int(number or 0) for number in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    why = _impossible(year, month, day, hour, minute, second)
    if why:
        _not_a_time(text, why, '2026-11-21 15:00')
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset > _FURTHEST_OFFSET or (minutes and int(minutes) > 59):
        _not_a_time(text, f'no place is {sign}{hours}:{minutes or "00"} from UTC', '+01:00')
    microsecond = int(f'{fraction or "":0<6}'[:6])
    zone = timezone(-offset if sign == '-' else offset)
    try:
        moment = datetime(year, month, day, hour, minute, second, microsecond, zone)
        return moment.astimezone(UTC)
    except OverflowError:
        _not_a_time(text, 'in UTC it is outside the years 1 to 9999', '2026-11-21 15:00')


def _impossible(year: int, month: int, day: int, hour: int, minute: int, second: int) -> str | None:
    if year < 1:
        return 'the years begin with 0001'
    if not 1 <= month <= 12:
        return f'there is no month {month}'
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        return f'{year:04}-{month:02} has the days 1 to {days}'
    if hour > 23:
        return f'there is no hour {hour}; hours are 00 to 23'
    if minute > 59 or second > 59:
        return 'minutes and seconds are 00 to 59'
    return None


def _misread(value: str) -> tuple[str, str]:
    """Say why a text is no time, and what its writer may have meant."""
    if not value:
        return 'it is empty', 'now'
    if value.startswith('-'):
        return 'it counts backwards', '2026-11-21 15:00'
    try:
        parse_duration(value)
    except exception.InvalidInput:
        pass
    else:
        return 'it is a duration; with a + it counts from now', f'+{value}'
    if re.fullmatch(r'[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?', value):
        return 'it has no date', f'2026-11-21 {value:0>5}'
    if re.match(r'[0-9]{5,}-', value):
        return 'the years end with 9999', '2026-11-21 15:00'
    return 'it is in no form that is understood', '2026-11-21 15:00'


def _shown(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else repr(text[:_LONGEST]) + '...'


def _reason(error: exception.InvalidInput) -> str:
    return str(error).removesuffix(f' {DURATION_GRAMMAR}')


def _not_a_time(text: str, why: str, example: str) -> NoReturn:
    raise exception.InvalidInput(
        f'{_shown(text)} is not a time: {why}. For example: {example}. {TIME_GRAMMAR}'
    )


def _not_a_duration(text: str, why: str, example: str) -> NoReturn:
    raise exception.InvalidInput(
        f'{_shown(text)} is not a duration: {why}. For example: {example}. {DURATION_GRAMMAR}'
    )


def _outside(moment: datetime) -> NoReturn:
    raise exception.InvalidInput(
        f'{moment} is outside the years 1 to 9999 when counted in UTC. {TIME_GRAMMAR}'
    )
