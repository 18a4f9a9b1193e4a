"""A made-up resource with a history, which proves what HISTORY alone cannot yet: 1.1 and up.

:data:`WIRE` says by hand what one gadget looks like at each microversion. :func:`gadget` makes
the class as a client of some age would have it, which knows nothing of what came later.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

from blazarclient.client import Client
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Change, Field
from blazarclient.model import Resource
from blazarclient.transport import Transport
from blazarclient.versions import Pin, Version
from blazarclient.wiretypes import Integer, Json, Nested, Text
from tests.recorded import Answer, RecordedBlazar, Request

HISTORY = {
    '1.0': 'A gadget has a name, a weight, a size in cm, one tag, and parts.',
    '1.1': 'It has a colour. Its size is a text with a unit.',
    '1.2': 'It has no weight, and many tags. Parts have a material.',
    '1.3': 'Its size is a value and a unit.',
}
NUMBERS = tuple(HISTORY)

WIRE: dict[str, dict[str, Any]] = {
    '1.0': {
        'id': 'G',
        'name': 'one',
        'weight': 7,
        'size': 12,
        'tags': 'red',
        'parts': [{'id': 'P', 'count': 1}],
    },
    '1.1': {
        'id': 'G',
        'name': 'one',
        'weight': 7,
        'colour': 'blue',
        'size': '12 cm',
        'tags': 'red',
        'parts': [{'id': 'P', 'count': 1}],
    },
    '1.2': {
        'id': 'G',
        'name': 'one',
        'colour': 'blue',
        'size': '12 cm',
        'tags': ['red'],
        'parts': [{'id': 'P', 'count': 1, 'material': 'oak'}],
    },
    '1.3': {
        'id': 'G',
        'name': 'one',
        'colour': 'blue',
        'size': {'value': 12, 'unit': 'cm'},
        'tags': ['red'],
        'parts': [{'id': 'P', 'count': 1, 'material': 'oak'}],
    },
}

TO_TEXT = Change('1.1', lambda cm: f'{cm} cm', lambda text: int(text.removesuffix(' cm')))
TO_PAIR = Change(
    '1.3',
    lambda text: {'value': int(text.split()[0]), 'unit': text.split()[1]},
    lambda pair: f'{pair["value"]} {pair["unit"]}',
)
TO_MANY = Change('1.2', lambda tag: [tag], lambda tags: tags[0])


def history(lowest: str = '1.0', highest: str = '1.3') -> dict[str, str]:
    """The part of the history that a client or server of this range knows."""
    return {number: text for number, text in HISTORY.items() if lowest <= number <= highest}


def gadget(newest: str = '1.3') -> type[Resource]:
    """The class that a client has whose newest microversion is this."""
    known = history(highest=newest)

    def until_now(*changes: Change) -> list[Change]:
        return [each for each in changes if str(each.version) <= newest]

    part: dict[str, Any] = {'id': Field(Text(), read_only=True), 'count': Field(Integer())}
    if newest >= '1.2':
        part['material'] = Field(Text(), since='1.2')
    parts = Nested(_declare('Part', part, known))
    fields: dict[str, Any] = {
        'id': Field(Text(), read_only=True),
        'name': Field(Text()),
        'weight': Field(Integer(), until='1.2' if newest >= '1.2' else None),
        'size': Field(Json(), changes=until_now(TO_TEXT, TO_PAIR)),
        'tags': Field(Json(), changes=until_now(TO_MANY)),
        'parts': Field(parts),
    }
    if newest >= '1.1':
        fields['colour'] = Field(Text(), since='1.1')
    return _declare('Gadget', fields, known)


def _declare(name: str, fields: dict[str, Any], known: Mapping[str, str]) -> type[Resource]:
    return types.new_class(name, (Resource,), {'history': known}, lambda body: body.update(fields))


class Gadgets(DeletableCollection[Resource]):
    """The collection of gadgets, of whatever age the client is."""

    PATH = '/gadgets'
    ONE = 'gadget'
    MANY = 'gadgets'
    NOUN = 'gadget'
    ID = re.compile('G')

    def __init__(self, client: Client, kind: type[Resource]) -> None:
        super().__init__(client)
        self.RESOURCE = kind

    def create(self, **values: object) -> Resource:
        return self._one(self._write('POST', self.PATH, values))

    def create_raw(self, body: Mapping[str, Any]) -> Resource:
        return self._post(body)

    def save(self, resource: Resource) -> Resource:
        return self._one(
            self.transport.write('PUT', '/gadgets/G', resource.changes, needs=self.RESOURCE.needs)
        )


def gadgets(
    client: Client, lowest: str = '1.0', newest: str = '1.3', *, pin: Pin | None = None
) -> Gadgets:
    """The gadgets of a client that speaks this range of versions."""
    before = client.transport
    client.transport = Transport(
        before.session,
        endpoint_filter={'service_type': 'reservation'},
        history=history(lowest, newest),
        pin=pin,
    )
    return Gadgets(client, gadget(newest))


def serve(server: RecordedBlazar, lowest: str = '1.0', highest: str = '1.3') -> None:
    """Answer for gadgets at a range of versions; what is written is answered as it came."""
    server.versions = (lowest, highest)

    def show(request: Request) -> Answer:
        wire = WIRE[answered_at(request, server)]
        if request.path == '/v1/gadgets' and request.method == 'GET':
            return Answer(body={'gadgets': [wire]})
        return Answer(body={'gadget': {**wire, **(request.json or {})}})

    for method in ('GET', 'POST', 'PUT'):
        server.on(method, re.compile('/v1/gadgets(/G)?'), show)


def answered_at(request: Request, server: RecordedBlazar) -> str:
    """The version that the server answers a request at."""
    if not server.send_version_header:
        return '1.0'
    asked = asked_by(request)
    return server.versions[1] if asked == 'latest' else asked


def asked_by(request: Request) -> str:
    """The version that a request asks for."""
    return str(request.headers['OpenStack-API-Version']).removeprefix('reservation ')


def asked(server: RecordedBlazar) -> list[str]:
    """Method and version of every request to the service so far."""
    return [
        f'{request.method} {asked_by(request)}'
        for request in server.requests
        if request.service == 'reservation'
    ]


def ranges(numbers: Iterable[str] = NUMBERS) -> list[tuple[str, str]]:
    """Every range of versions that there can be."""
    every = list(numbers)
    return [(low, high) for low in every for high in every if low <= high]


def version(text: str) -> Version:
    return Version.parse(text)
