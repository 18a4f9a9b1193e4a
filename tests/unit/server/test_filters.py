"""Filters on hosts: what is read, and which hosts match."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.backends.embedded.filters import Condition, matching, parse
from blazarclient.server.backends.embedded.rules import HostView


def host(host_id: str, vcpus: int, **capabilities: str) -> HostView:
    columns = {
        'id': host_id,
        'vcpus': vcpus,
        'memory_mb': vcpus * 2048,
        'local_gb': 200,
        'hypervisor_hostname': f'compute-{host_id}',
        'hypervisor_type': 'QEMU',
        'status': None,
        'reservable': True,
    }
    return HostView(host_id, columns, capabilities)


HOSTS = [
    host('1', 8, gpu='True', rack='9'),
    host('2', 8, rack='10'),
    host('3', 16, gpu='False'),
    host('10', 64, gpu='True', rack='9'),
]


def ids(text: object) -> list[str]:
    return [each.id for each in matching(parse(text), HOSTS)]


# ----------------------------------------------------------------------- parse


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', ()),
        ('[]', ()),
        ([], ()),
        ('["==", "$gpu", "True"]', (Condition('gpu', '==', 'True'),)),
        ('["=", "$gpu", "True"]', (Condition('gpu', '==', 'True'),)),
        (['==', '$gpu', 'True'], (Condition('gpu', '==', 'True'),)),
        ('["==", "$gpu", "a b  c"]', (Condition('gpu', '==', 'a b  c'),)),
        ('["and", ["<", "$a", "1"]]', (Condition('a', '<', '1'),)),
        (
            '["and", ["and", [">=", "$a", "1"], ["!=", "$b", "2"]], [">", "$c", "3"]]',
            (Condition('a', '>=', '1'), Condition('b', '!=', '2'), Condition('c', '>', '3')),
        ),
        (
            ['and', '["<=", "$a", "1"]', ['==', '$b', '2']],
            (Condition('a', '<=', '1'), Condition('b', '==', '2')),
        ),
    ],
)
def test_reads(text: object, expected: tuple[Condition, ...]) -> None:
    """Everything that Blazar accepts, and every condition of a nested `and`."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('[[[', '[[['),
        ('gpu', 'gpu'),
        ('"gpu"', 'gpu'),
        ('{}', '{}'),
        ('["and"]', "['and']"),
        ('["and", []]', "['and', []]"),
        ('["or", ["==", "$a", "1"]]', "['or', ['==', '$a', '1']]"),
        ('["==", "gpu", "1"]', "['==', 'gpu', '1']"),
        ('["==", "$", "1"]', "['==', '$', '1']"),
        ('["==", "$gpu", ""]', "['==', '$gpu', '']"),
        ('["==", "$gpu", 1]', "['==', '$gpu', 1]"),
        ('["in", "$gpu", "1"]', "['in', '$gpu', '1']"),
        ('["and", ["==", "$a", "1"], "b"]', 'b'),
        ('[' * 100_000, 'that are nested too deep'),
        ('["and",' * 900 + '["==", "$a", "1"]' + ']' * 900, 'that are nested too deep'),
    ],
)
def test_malformed(text: str, shown: str) -> None:
    """What is no filter is named in Blazar's sentence."""
    with pytest.raises(errors.MalformedRequirements) as caught:
        parse(text)
    assert str(caught.value) == f'Malformed requirements {shown}'
    assert caught.value.status == 400


@pytest.mark.parametrize('text', ['5', 'null', 'true', '1.5', None, 5])
def test_fails_on_other_json(text: object) -> None:
    """Blazar fails without a word on JSON that is neither list, object nor text."""
    with pytest.raises(errors.Internal):
        parse(text)


# -------------------------------------------------------------------- matching


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', ['1', '2', '3', '10']),
        ('[">=", "$vcpus", "16"]', ['3', '10']),
        ('[">", "$vcpus", "9"]', ['3', '10']),
        ('["<", "$vcpus", "1e1"]', ['1', '2']),
        ('["==", "$vcpus", "8.0 processors"]', ['1', '2']),
        ('[">", "$vcpus", "many"]', ['1', '2', '3', '10']),
        ('["==", "$reservable", "1"]', ['1', '2', '3', '10']),
        ('["==", "$reservable", "True"]', []),
        ('["==", "$hypervisor_hostname", "compute-3"]', ['3']),
        ('["==", "$hypervisor_type", "qemu"]', ['1', '2', '3', '10']),
        ('["<", "$id", "2"]', ['1', '10']),
        ('["==", "$status", "null"]', ['1', '2', '3', '10']),
        ('["!=", "$status", "null"]', []),
        ('["<", "$status", "null"]', []),
        ('["!=", "$status", "up"]', []),
        ('["==", "$availability_zone", "nova"]', []),
        ('["==", "$gpu", "True"]', ['1', '10']),
        ('["==", "$gpu", "true"]', []),
        ('["!=", "$gpu", "True"]', ['3']),
        ('["<", "$rack", "9"]', ['2']),
        ('[">=", "$rack", "10"]', ['1', '2', '10']),
        ('["and", ["==", "$gpu", "True"], [">", "$vcpus", "8"]]', ['10']),
        ('["and", ["==", "$gpu", "True"], ["==", "$gpu", "False"]]', []),
    ],
)
def test_matches(text: str, expected: list[str]) -> None:
    """Columns compare as in a database, capabilities as texts."""
    assert ids(text) == expected


@pytest.mark.parametrize(
    'text', ['["==", "$color", "red"]', '["and", [">", "$vcpus", "99"], ["==", "$color", "red"]]']
)
def test_unknown_property(text: str) -> None:
    """A property of no host at all is an error, whatever else is asked for."""
    with pytest.raises(errors.UnknownProperty) as caught:
        ids(text)
    assert str(caught.value) == 'BlazarDBNotFound: A database error occurred'


def test_space_in_a_name() -> None:
    """A name with a space goes wrong as it does in Blazar."""
    with pytest.raises(errors.DatabaseRefused) as caught:
        ids('["==", "$vcpus of", "1"]')
    assert str(caught.value) == 'BlazarDBInvalidFilterOperator: A database error occurred'
    with pytest.raises(errors.Internal):
        ids('["==", "$gpu of", "1"]')


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    '<': operator.lt,
    '<=': operator.le,
    '==': operator.eq,
    '!=': operator.ne,
    '>=': operator.ge,
    '>': operator.gt,
}
words = st.text('0123456789ab', min_size=1, max_size=3)


@given(
    values=st.lists(st.one_of(st.none(), words), min_size=1, max_size=6).filter(any),
    sign=st.sampled_from([*COMPARISONS]),
    wanted=words,
)
def test_capabilities_compare_as_texts(values: list[str | None], sign: str, wanted: str) -> None:
    """A host matches when its text compares so; one without a text does not."""
    hosts = [
        host(str(number), 1, **({} if value is None else {'rack': value}))
        for number, value in enumerate(values)
    ]
    found = matching(parse(json.dumps([sign, '$rack', wanted])), hosts)
    assert [each.id for each in found] == [
        str(number)
        for number, value in enumerate(values)
        if value is not None and COMPARISONS[sign](value, wanted)
    ]


@given(
    values=st.lists(st.integers(0, 300), min_size=1, max_size=6),
    sign=st.sampled_from([*COMPARISONS]),
    wanted=st.integers(0, 300),
)
def test_columns_compare_as_numbers(values: list[int], sign: str, wanted: int) -> None:
    """10 processors are more than 9."""
    hosts = [host(str(number), value) for number, value in enumerate(values)]
    found = matching(parse([sign, '$vcpus', str(wanted)]), hosts)
    assert [int(each.id) for each in found] == [
        number for number, value in enumerate(values) if COMPARISONS[sign](value, wanted)
    ]
