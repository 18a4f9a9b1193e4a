"""A table of its fields in the documentation of every resource, made from the class itself."""

import itertools
import typing

from sphinx.pycode import ModuleAnalyzer

from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.wiretypes import Nested

#: What collections and resources have for the package's own use.
_INTERNAL = (
    *('RESOURCE', 'PATH', 'ONE', 'MANY', 'NAME', 'NOUN', 'ID', 'TELL_APART', 'SINCE'),
    *('ask', 'put', 'send', 'refuse_what_breaks'),
)


def _python_type(field):
    """What reading the attribute gives."""
    if isinstance(field.type, Nested):
        name = f'list[{field.type.item.__name__}]'
    else:
        bases = itertools.chain.from_iterable(
            getattr(cls, '__orig_bases__', ()) for cls in type(field.type).__mro__
        )
        of = next(arg for base in bases for arg in typing.get_args(base))
        name = 'any JSON' if of is typing.Any else of.__name__
    return name if field.always or name == 'any JSON' else f'{name} | None'


def _meaning(cls, name):
    """The ``#:`` comment of a field, which may stand in a class above."""
    for owner in cls.__mro__:
        found = ModuleAnalyzer.for_module(owner.__module__).find_attr_docs()
        if (owner.__qualname__, name) in found:
            return ' '.join(found[owner.__qualname__, name]).strip()
        if owner is Resource:
            break
    raise ValueError(f'{cls.__name__}.{name} has no #: comment that says what it is.')


def add_table(_app, what, _name, obj, _options, lines):
    """Put the table below the docstring of a resource."""
    if what != 'class' or not issubclass(obj, Resource) or not obj.FIELDS:
        return
    lines += ['', '.. list-table::', '   :header-rows: 1', '   :widths: 22 22 8 10 38', '']
    rows = [('Attribute', 'Type', 'Since', 'Read-only', 'What it is')]
    for name, field in obj.FIELDS.items():
        meaning = _meaning(obj, name)
        if field.wire != name:
            meaning += f' Its key in the dict is ``{field.wire}``.'
        until = f' to {field.until}' if field.until else ''
        rows.append(
            (
                f'``{name}``',
                f'``{_python_type(field)}``',
                f'{field.since}{until}',
                'yes' if field.read_only else '',
                meaning,
            )
        )
    for row in rows:
        for number, cell in enumerate(row):
            lines.append(f'   {"*" if number == 0 else " "} - {cell}'.rstrip())
    lines.append('')


def skip_member(app, what, name, obj, skip, _options):
    """Leave out what the table says, and what is for the package's own use."""
    if what != 'class' or app.env.current_document.docname != 'sdk/resources':
        return skip
    # Those of Resource itself are empty, and explained.
    tables = name in ('FIELDS', 'WIRE') and obj
    return True if isinstance(obj, Field) or tables or name in _INTERNAL else skip


def setup(app):
    app.connect('autodoc-process-docstring', add_table)
    app.connect('autodoc-skip-member', skip_member)
    return {'parallel_read_safe': True}
