"""The names of the capabilities that hosts have, and who may see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, Self

from blazarclient.server import errors
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.base import Registry, StoredObject, fields, wire_iso
from blazarclient.server.store import hosts

__all__ = ['ResourceProperty', 'property_ids']


@Registry.register
class ResourceProperty(StoredObject):
    """A capability's name; it stays when the last host that had the capability is gone."""

    # Version 1.0: Blazar's ResourceProperty.
    VERSION = '1.0'

    COLUMNS = ('id', 'resource_type', 'property_name', 'private', 'created_at', 'updated_at')
    fields = {
        'id': fields.StringField(),
        'resource_type': fields.StringField(),
        'property_name': fields.StringField(),
        'private': fields.BooleanField(),
        'created_at': fields.DateTimeField(tzinfo_aware=False),
        'updated_at': fields.DateTimeField(tzinfo_aware=False, nullable=True),
        # Not a column: the values that hosts have.
        'values': fields.ListOfStringsField(),
    }

    id: str
    resource_type: str
    property_name: str
    private: bool
    created_at: datetime
    updated_at: datetime | None
    values: list[str]

    @classmethod
    def list(cls, ctx: RequestContext, *, all: bool = False) -> list[Self]:
        """The properties that some host has, the oldest first, with their values.

        :param all: private ones too; counts for administrators only.
        """
        ctx.require('blazar:oshosts:get_resource_properties')
        with_private = all and ctx.is_admin
        found = {}
        with ctx.transaction(write=False) as connection:
            for row in sorted(hosts.properties(connection), key=itemgetter('created_at')):
                if with_private or not row['private']:
                    found[row['id']] = cls.from_row(ctx, row)
                    found[row['id']].__dict__['_obj_values'] = []
            for row in hosts.property_values(connection):
                if row['property_id'] in found:
                    found[row['property_id']].values.append(row['capability_value'])
        return [each for each in found.values() if each.values]

    @classmethod
    def set_private(cls, ctx: RequestContext, name: str, values: Mapping[str, Any]) -> Self:
        """Hide a property from those who are no administrators, or show it again.

        :param name: the property's name.
        :param values: the body of the request; keys other than ``private`` are ignored.
        :raises blazarclient.server.errors.DatabaseRefused: there is no such property.
        :raises blazarclient.server.errors.Internal: ``private`` is no truth value.
        """
        ctx.require('blazar:oshosts:update_resource_properties')
        with ctx.transaction() as connection:
            row = hosts.property_by_name(connection, name)
            if row is None:
                raise errors.DatabaseRefused('BlazarDBInvalidResourceProperty')
            found = cls.from_row(ctx, row)
            private = values.get('private', found.private)
            if private not in (True, False):
                raise errors.Internal
            if bool(private) != found.private:
                found.private = bool(private)
                found.updated_at = ctx.now().replace(microsecond=0)
                hosts.update_property(connection, found.id, found.stored())
        return found

    def render(self, microversion: str = '1.0') -> dict[str, Any]:
        """The property as the API shows it after a change."""
        values = self.answered(microversion)
        return {
            'id': values['id'],
            'resource_type': values['resource_type'],
            'property_name': values['property_name'],
            'private': values['private'],
            'created_at': wire_iso(values['created_at']),
            'updated_at': wire_iso(values['updated_at']),
        }

    def render_listed(self, *, detail: bool = False) -> dict[str, Any]:
        """The property as the API shows it in a list.

        :param detail: with the values. Blazar says ``private: false`` of every property then.
        """
        if not detail:
            return {'property': self.property_name}
        return {'property': self.property_name, 'private': False, 'values': [*self.values]}


def property_ids(ctx: RequestContext, names: Iterable[str]) -> dict[str, str]:
    """The ID of the property of each name; what is not there yet is made.

    It asks no policy: a property comes with a host that has it.
    """
    with ctx.transaction() as connection:
        ids = {row['property_name']: str(row['id']) for row in hosts.properties(connection)}
        made = [
            ResourceProperty(
                ctx,
                id=str(uuid.uuid4()),
                resource_type='physical:host',
                property_name=name,
                private=False,
                created_at=ctx.now().replace(microsecond=0),
                updated_at=None,
                values=[],
            )
            for name in names
            if name not in ids
        ]
        for each in made:
            hosts.insert_property(connection, each.stored())
    return ids | {each.property_name: each.id for each in made}
