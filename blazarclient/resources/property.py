"""Resource properties: the names of extra capabilities, of hosts mostly."""

from __future__ import annotations

import builtins
import urllib.parse
from collections.abc import Sequence
from typing import Any

from blazarclient import exception
from blazarclient.collection import Collection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Boolean, DateTime, Json, Text

__all__ = ['ResourceProperties', 'ResourceProperty']


class ResourceProperty(Resource):
    """The name of an extra capability of hosts, and the values that hosts have of it."""

    __slots__ = ()

    #: Its name.
    property = Field(Text(), always=True, read_only=True)
    #: Whether only an admin sees it.
    private = Field(Boolean())
    #: The values that hosts have of it.
    property_values = Field(Json(), wire='values', read_only=True)
    #: Its ID; only in the answer to a change.
    id = Field(Text(), read_only=True)
    #: The resource type that it belongs to; only in the answer to a change.
    resource_type = Field(Text(), read_only=True)
    #: Its name; only in the answer to a change.
    property_name = Field(Text(), read_only=True)
    #: When it was made (UTC); only in the answer to a change.
    created_at = Field(DateTime(), read_only=True)
    #: When it was last changed (UTC, seconds); only in the answer to a change.
    updated_at = Field(DateTime(), read_only=True)

    def save(self) -> ResourceProperty:
        """Send what was changed; nothing is sent when nothing was."""
        changes = self.changes()
        if changes:
            self._home().update(self['property'], **changes)
            self.refresh()
        return self

    def refresh(self) -> ResourceProperty:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self._home().get(self['property']))
        return self

    def _home(self) -> ResourceProperties:
        """The collection that it is of."""
        return self.client.properties


class ResourceProperties(Collection[ResourceProperty]):
    """The extra capabilities that hosts have. By default only an admin may see them."""

    RESOURCE = ResourceProperty
    PATH = '/os-hosts/properties'
    ONE = 'resource_property'
    MANY = 'resource_properties'
    NAME = 'property'
    NOUN = 'host property'

    def list(
        self, fields: Sequence[str] | None = None, *, detail: bool = False, all: bool = False
    ) -> list[ResourceProperty]:
        """The properties that hosts have; with ``detail`` and ``all`` that takes two requests.

        :param detail: with their values, and whether they are private.
        :param all: private ones too.
        """
        found, spoken = self.ask(detail=detail, all=all)
        if detail and all:
            # Blazar calls every property public there. Private ones are those that it leaves out
            # of the list for everybody.
            public = {item['property'] for item in self.ask()[0]}
            for item in found:
                item['private'] = bool(item.get('private')) or item['property'] not in public
        keys = None if fields is None else [self._key(name) for name in fields]
        return [
            self._read(
                item if keys is None else {key: item[key] for key in keys if key in item}, spoken
            )
            for item in found
        ]

    def ask(
        self, *, detail: bool = False, all: bool = False
    ) -> tuple[builtins.list[dict[str, Any]], Spoken]:
        """What one request answers, and the version that it is in."""
        query = {name: 'True' for name, on in (('detail', detail), ('all', all)) if on}
        path = self.PATH + ('?' + urllib.parse.urlencode(query) if query else '')
        answer = self.transport.read(path, since=ResourceProperty.SINCE)
        return self._many(answer), answer.spoken

    def get(self, name: str) -> ResourceProperty:
        """The property of this name, private or not, with its values.

        :raises blazarclient.exception.ResourcePropertyNotFound: when there is none.
        """
        for found in self.list(detail=True, all=True):
            if found['property'] == name:
                return found
        raise exception.ResourcePropertyNotFound(
            f'No {self.NOUN.split()[0]} has a property {name!r}. `{self.NOUN} list --all` shows '
            'which there are.'
        )

    def find(self, name_or_id: str) -> ResourceProperty:
        """The same as :meth:`get`: a property has no other handle than its name."""
        return self.get(name_or_id)

    def update(self, name: str, *, private: bool) -> ResourceProperty:
        """Hide a property from all but admins, or show it to all."""
        return self._one(
            self._write('PATCH', self._url(name), {'private': private}, idempotent=True)
        )
