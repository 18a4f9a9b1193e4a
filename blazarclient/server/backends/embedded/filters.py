"""Filters on hosts: ``["and", [">=", "$memory_mb", "8192"], ["==", "$gpu", "True"]]``."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blazarclient.server import errors
from blazarclient.server.backends.embedded.rules import HostView

__all__ = ['Condition', 'Conditions', 'matching', 'parse']

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    '<': operator.lt,
    '<=': operator.le,
    '==': operator.eq,
    '!=': operator.ne,
    '>=': operator.ge,
    '>': operator.gt,
}
_NUMBERS = frozenset({'hypervisor_version', 'local_gb', 'memory_mb', 'reservable', 'vcpus'})
_TEXTS = frozenset(
    {
        'availability_zone',
        'cpu_info',
        'created_at',
        'hypervisor_hostname',
        'hypervisor_type',
        'id',
        'service_name',
        'status',
        'trust_id',
        'updated_at',
    }
)
_NUMBER = re.compile(r'\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?')


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: ``memory_mb >= 8192``."""

    key: str
    operator: str
    value: str


Conditions = tuple[Condition, ...]


def parse(text: object) -> Conditions:
    """Read a filter.

    Blazar keeps only the first condition of an ``and`` inside an ``and``; here all count.

    :param text: JSON, or what stands in it; an empty text is no condition.
    :raises blazarclient.server.errors.MalformedRequirements: when it is no filter.
    """
    try:
        return _parse(text)
    except RecursionError:
        raise errors.MalformedRequirements('that are nested too deep') from None


def _parse(text: object) -> Conditions:
    if isinstance(text, str):
        try:
            value = json.loads(text or '[]')
        except ValueError:
            raise errors.MalformedRequirements(text) from None
    else:
        value = text
    if value == []:
        return ()
    if isinstance(value, list) and _is_condition(value):
        return (_condition(*value),)
    if value is None or isinstance(value, (bool, int, float)):
        raise errors.Internal
    if isinstance(value, list) and len(value) > 1 and value[0] == 'and':
        parts = [_parse(each) for each in value[1:]]
        if all(parts):
            return tuple(condition for part in parts for condition in part)
    raise errors.MalformedRequirements(value)


def matching(conditions: Iterable[Condition], hosts: Sequence[HostView]) -> list[HostView]:
    """The hosts that meet every condition.

    What Blazar has as columns is compared as a database does: numbers as numbers. Capabilities
    are compared as texts, and a host without one does not match.

    :param hosts: every host: a property that none of them has is unknown.
    :raises blazarclient.server.errors.UnknownProperty: for such a property.
    """
    found = list(hosts)
    for condition in conditions:
        if condition.key in _NUMBERS | _TEXTS:
            test = _column_test(condition)
        else:
            if not any(condition.key in host.capabilities for host in hosts):
                raise errors.UnknownProperty
            test = _capability_test(condition)
        found = [host for host in found if test(host)]
    return found


def _is_condition(value: Sequence[object]) -> bool:
    if len(value) != 3 or not all(isinstance(each, str) and each for each in value):
        return False
    sign, name, _ = value
    return sign in {*_COMPARISONS, '='} and str(name).startswith('$') and len(str(name)) > 1


def _condition(sign: str, name: str, value: str) -> Condition:
    if sign == '=':
        sign = '=='
    # Blazar joins the three and parts them again at spaces, so that a space in a name goes wrong.
    return Condition(*f'{name[1:]} {sign} {value}'.split(' ', 2))


def _column_test(condition: Condition) -> Callable[[HostView], bool]:
    key, compare = condition.key, _COMPARISONS.get(condition.operator)
    if compare is None:
        raise errors.DatabaseRefused('BlazarDBInvalidFilterOperator')
    if condition.value == 'null':
        if condition.operator not in {'==', '!='}:
            return lambda host: False
        return lambda host: compare(host.columns.get(key), None)
    of_type: Callable[[object], float | str] = _number if key in _NUMBERS else _text
    wanted = of_type(condition.value)

    def test(host: HostView) -> bool:
        value = host.columns.get(key)
        return value is not None and compare(of_type(value), wanted)

    return test


def _capability_test(condition: Condition) -> Callable[[HostView], bool]:
    key, compare = condition.key, _COMPARISONS.get(condition.operator)
    if compare is None:
        raise errors.Internal
    return lambda host: (
        key in host.capabilities and compare(host.capabilities[key], condition.value)
    )


def _number(value: object) -> float:
    """A number as a database reads a text: as far as it is one."""
    if isinstance(value, (int, float)):
        return float(value)
    match = _NUMBER.match(str(value))
    return float(match.group()) if match else 0.0


def _text(value: object) -> str:
    """A text as Blazar's database compares it: whatever its case."""
    return str(value).casefold()
