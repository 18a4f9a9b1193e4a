"""What each object looks like, as text that a person can compare.

The text is kept in ``doc/source/contributor/object-fingerprints.txt``. A test fails when an object
changes and its version does not: whoever changes a field gives the object a new version, says in
the comment above it what is new, and teaches :meth:`obj_make_compatible` the way back.
"""

from __future__ import annotations

import importlib
import pkgutil
import types

from blazarclient.server import objects
from blazarclient.server.objects.base import Registry, StoredObject

__all__ = ['fingerprints']

_METHODS = (types.FunctionType, classmethod, staticmethod)


def fingerprints() -> str:
    """Every object with its version, its fields and its public methods."""
    for module in pkgutil.iter_modules(objects.__path__, f'{objects.__name__}.'):
        importlib.import_module(module.name)
    newest = [versions[0] for versions in Registry.obj_classes().values()]
    ours = [
        each
        for each in newest
        if issubclass(each, StoredObject) and each.__module__.startswith(objects.__name__)
    ]
    return '\n'.join(_fingerprint(each) for each in sorted(ours, key=lambda one: one.obj_name()))


def _fingerprint(kind: type[StoredObject]) -> str:
    lines = [f'{kind.obj_name()} {kind.VERSION}']
    for name, field in sorted(kind.fields.items()):
        nullable = ' or None' if field.nullable else ''
        objname = getattr(field, 'objname', None)
        what = type(field).__name__.removesuffix('Field') + (f' of {objname}' if objname else '')
        lines.append(f'    {name}: {what}{nullable}')
    methods = {
        name
        for each in kind.mro()[: kind.mro().index(StoredObject)]
        for name, value in vars(each).items()
        if not name.startswith(('_', 'obj_'))
        and (callable(value) or isinstance(value, classmethod))
    }
    lines.extend(f'    {name}()' for name in sorted(methods))
    return '\n'.join([*lines, ''])
