"""What doc/api/openapi.yaml says of an answer, held against answers."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.front_door import Answer

__all__ = ['DOCUMENT', 'check', 'document', 'operations']

DOCUMENT = Path(__file__).parent.parent / 'doc' / 'api' / 'openapi.yaml'
_METHODS = ('get', 'post', 'put', 'patch', 'delete')


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    read: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text(encoding='utf-8'))
    return read


def operations() -> set[tuple[str, str]]:
    """Method and path of every operation."""
    return {
        (method.upper(), path)
        for path, item in document()['paths'].items()
        for method in item
        if method in _METHODS
    }


def check(method: str, path: str, answer: Answer) -> None:
    """Refuse an answer that the document does not describe.

    :param path: with ``/v1``, without what stands behind the question mark.
    """
    responses = document()['paths'][_template(method, path)][method.lower()]['responses']
    response = _resolved(responses.get(str(answer.status)) or responses['default'])
    if answer.status < 300:
        assert str(answer.status) in responses, f'{method} {path}: {answer.status}'
    for name, header in response.get('headers', {}).items():
        if name in answer.headers:
            _validate(_resolved(header)['schema'], answer.headers[name])
        else:
            assert name not in ('Vary', 'OpenStack-API-Version'), f'{method} {path}: no {name}'
    content = response.get('content')
    if content is None:
        assert answer.body is None, f'{method} {path}: {answer.body}'
        return
    _validate(content['application/json']['schema'], answer.body)


def _template(method: str, path: str) -> str:
    """The path of the document that a path means; one without names comes first."""
    fitting = [
        each
        for each, item in document()['paths'].items()
        if method.lower() in item and re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', each), path)
    ]
    found: str = min(fitting, key=lambda each: each.count('{'))
    return found


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    if '$ref' not in part:
        return part
    found: Any = document()
    for name in part['$ref'].removeprefix('#/').split('/'):
        found = found[name]
    return _resolved(found)


def _validate(schema: dict[str, Any], value: Any) -> None:
    # References are to the whole document.
    whole = {**schema, 'components': document()['components']}
    validator = jsonschema.Draft202012Validator
    validator(whole, format_checker=validator.FORMAT_CHECKER).validate(value)
