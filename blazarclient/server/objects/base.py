"""What every object of the service has: a version, a context, two forms of itself.

An object is *stored* at the version that ``[upgrade] pin`` names and *answered* at the version
that the request's microversion names (:mod:`blazarclient.server.objects.releases`). Both forms are
made by :meth:`StoredObject.obj_make_compatible`, which every object with a history implements; a
row that an older server wrote comes back through :meth:`StoredObject.obj_make_current`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from oslo_service import backend

with warnings.catch_warnings():
    # What oslo.versionedobjects imports says that what it imports is on its way out.
    warnings.filterwarnings('ignore', r'\s*Eventlet is deprecated')
    warnings.filterwarnings('ignore', category=DeprecationWarning)
    # Else oslo.service chooses Eventlet.
    backend.init_backend(backend.BackendType.THREADING)
    from oslo_versionedobjects import base, fields

from blazarclient.server.objects import releases

if TYPE_CHECKING:
    from blazarclient.server.context import RequestContext

__all__ = ['JSONField', 'Registry', 'StoredObject', 'fields', 'wire_iso', 'wire_spaced']

#: The microversion that a request speaks when it names none.
OLDEST = '1.0'


class Registry(base.VersionedObjectRegistry):
    """The objects of this service."""


class JSONField(fields.AutoTypedField[Any]):
    """What JSON can hold, as it was given."""

    AUTO_TYPE = fields.FieldType()


class StoredObject(base.VersionedObject):
    """An object with a row in the database."""

    OBJ_SERIAL_NAMESPACE = 'reservation_object'
    OBJ_PROJECT_NAMESPACE = 'reservation'

    #: The fields that are columns.
    COLUMNS: ClassVar[tuple[str, ...]] = ()

    _context: RequestContext

    @classmethod
    def from_row(cls, ctx: RequestContext, row: Mapping[str, Any]) -> Self:
        """The object of a row, upgraded when an older server has written it."""
        if row['version'] != cls.VERSION:
            row = cls.obj_make_current(dict(row), row['version'])
        # A list of leases is made of five objects each. The database has typed these values, so
        # they need not be coerced one by one.
        self = cls.__new__(cls)
        state = self.__dict__
        state['_changed_fields'] = set()
        state['_context'] = ctx
        for name, attribute in _attributes(cls.COLUMNS):
            state[attribute] = row[name]
        return self

    @classmethod
    def obj_make_current(cls, values: dict[str, Any], stored_version: str) -> dict[str, Any]:
        """Turn the values of an older version into those of this one."""
        return values

    def obj_make_compatible(self, primitive: dict[str, Any], target_version: str) -> None:
        """Turn the values of this version into those of an older one, in place."""

    def stored(self) -> dict[str, Any]:
        """The values of a row, at the version that is pinned."""
        version = releases.stored_version(self.obj_name(), self.VERSION, self._context.settings.pin)
        return self._at(version)

    def answered(self, microversion: str = OLDEST) -> dict[str, Any]:
        """The values of an answer, at the version that a microversion names."""
        return self._at(releases.answered_version(self.obj_name(), self.VERSION, microversion))

    def _at(self, version: str) -> dict[str, Any]:
        return self._values_at(version, self.COLUMNS)

    def _values_at(self, version: str, names: tuple[str, ...]) -> dict[str, Any]:
        """Fields that are set, in the form of a version."""
        # Reading the attributes behind the properties halves the time of a list of leases.
        state = self.__dict__
        values = {name: state[attribute] for name, attribute in _attributes(names)}
        if version != self.VERSION:
            self.obj_make_compatible(values, version)
        values['version'] = version
        return values


@functools.cache
def _attributes(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Fields, and where oslo.versionedobjects keeps their values."""
    return tuple((name, f'_obj_{name}') for name in names)


def wire_iso(moment: datetime | None) -> str | None:
    """A time as Blazar writes most of them: ``2026-11-20T15:38:00.000000``, UTC."""
    return None if moment is None else moment.isoformat(timespec='microseconds')


def wire_spaced(moment: datetime | None) -> str | None:
    """A time as Blazar writes when a row was written: ``2026-11-20 15:38:28``, UTC."""
    return None if moment is None else moment.isoformat(' ', 'seconds')
