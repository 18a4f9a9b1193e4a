"""The changes of a resource are right after any sequence of a dict's operations."""

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blazarclient import exception
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.versions import OLDEST, Spoken
from blazarclient.wiretypes import Json

HERE = Spoken(OLDEST, 'a test says so')
KEYS = ('name', 'end_date', 'status', 'before_end_date', 'gpu', 'zone')
TEXTS = st.sampled_from(['a', 'b', '2030-01-01 00:00'])
VALUES = st.one_of(
    st.none(), TEXTS, st.lists(TEXTS, max_size=2), st.dictionaries(TEXTS, TEXTS, max_size=2)
)
PAIRS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3)
Step = tuple[str, Any]
STEPS = st.one_of(
    st.tuples(st.just('set'), st.tuples(st.sampled_from(KEYS), VALUES)),
    st.tuples(st.sampled_from(['del', 'pop', 'pop default', 'edit']), st.sampled_from(KEYS)),
    st.tuples(st.just('setdefault'), st.tuples(st.sampled_from(KEYS), VALUES)),
    st.tuples(st.sampled_from(['update', 'update pairs', 'update kwargs', 'or']), PAIRS),
    st.tuples(st.sampled_from(['clear', 'popitem', 'copy', 'deepcopy', 'pickle']), st.none()),
)


def apply(step: Step, one: dict[str, Any]) -> dict[str, Any]:
    """Do the same to a resource or to a plain dict."""
    name, argument = step
    argument = copy.deepcopy(argument)
    if name == 'set':
        one[argument[0]] = argument[1]
    elif name == 'setdefault':
        one.setdefault(*argument)
    elif name == 'pop default':
        one.pop(argument, None)
    elif name in ('del', 'pop') and argument not in one:
        with pytest.raises(KeyError):
            one.pop(argument) if name == 'pop' else one.__delitem__(argument)
    elif name in ('del', 'pop'):
        one.pop(argument) if name == 'pop' else one.__delitem__(argument)
    elif name == 'edit':
        edit_in_place(one.get(argument))
    elif name == 'popitem':
        if one:
            one.popitem()
        else:
            with pytest.raises(KeyError):
                one.popitem()
    elif name == 'clear':
        one.clear()
    else:
        return apply_to_all(name, argument, one)
    return one


def edit_in_place(value: Any) -> None:
    if isinstance(value, list):
        value.append('edited')
    elif isinstance(value, dict):
        value['edited'] = True


def apply_to_all(name: str, argument: Any, one: dict[str, Any]) -> dict[str, Any]:
    if name == 'update':
        one.update(argument)
    elif name == 'update pairs':
        one.update(list(argument.items()))
    elif name == 'update kwargs':
        one.update(**argument)
    elif name == 'or':
        one |= argument
    elif name == 'pickle':
        return pickle.loads(pickle.dumps(one))  # type: ignore[no-any-return]
    else:
        return copy.copy(one) if name == 'copy' else copy.deepcopy(one)
    return one


class Thing(Resource):
    """Known keys, and room for unknown ones."""

    name = Field(Json())
    end_date = Field(Json())
    status = Field(Json(), read_only=True)
    before_end_date = Field(Json())


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any] | str:
    """What has to be sent, by looking at both as a whole."""
    body: dict[str, Any] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        known = key in Thing.WIRE
        if key in new and (key not in old or old[key] != new[key]):
            if key == 'status':
                return 'refused'
            body[key] = new[key]
        elif key not in new and not known:
            body[key] = None
        elif key not in new and key != 'status' and old[key] is not None:
            return 'refused'
    return body


@settings(max_examples=1000, deadline=None)
@given(start=PAIRS, steps=st.lists(STEPS, max_size=12), seen=st.integers(0, 12))
def test_any_sequence_of_operations(start: dict[str, Any], steps: list[Step], seen: int) -> None:
    """The changes are the difference to what the server sent, after whatever was done."""
    one: dict[str, Any] = Thing.read(copy.deepcopy(start), HERE, None)
    model = copy.deepcopy(start)
    for index, step in enumerate(steps):
        one, model = apply(step, one), apply(step, model)
        assert one == model
        assert list(one) == list(model)
        if index == seen:
            changes_or_refusal(one)
    assert isinstance(one, Thing)
    assert changes_or_refusal(one) == difference(start, model)
    assert json.dumps(one) == json.dumps(model)


def changes_or_refusal(one: Any) -> dict[str, Any] | str:
    try:
        changes: dict[str, Any] = one.changes()
    except exception.InvalidInput:
        return 'refused'
    return changes
