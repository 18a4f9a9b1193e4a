"""What each microversion's objects look like stands in a file, to be changed knowingly."""

import difflib
import inspect
import pathlib

import pytest

from blazarclient.fields import Change, Field
from blazarclient.manifest import manifest, object_versions
from blazarclient.model import Resource
from blazarclient.resources.allocation import AllocatedReservation, Allocation
from blazarclient.resources.device import Device
from blazarclient.resources.floatingip import FloatingIP
from blazarclient.resources.host import Host
from blazarclient.resources.lease import Lease
from blazarclient.resources.network import Network
from blazarclient.resources.notification import Notification
from blazarclient.resources.property import ResourceProperty
from blazarclient.resources.reservation import LeaseEvent, Reservation
from blazarclient.resources.subscription import Delivery, Subscription
from blazarclient.versions import HISTORY, NEWEST
from blazarclient.wiretypes import Integer, Text
from tests.unit.versioned import HISTORY as MADE_UP
from tests.unit.versioned import NUMBERS, gadget

FILE = pathlib.Path(__file__).parents[2] / 'doc/source/sdk/object-versions.txt'
CLASSES: tuple[type[Resource], ...] = (
    Lease,
    Reservation,
    LeaseEvent,
    Host,
    ResourceProperty,
    FloatingIP,
    Allocation,
    AllocatedReservation,
    Subscription,
    Delivery,
    Notification,
    Device,
    Network,
)


def advice(committed: str, computed: str) -> str:
    """What to do about a difference: which line is missing, and what the file has to say."""
    changed = '\n'.join(
        line
        for line in difflib.unified_diff(
            committed.splitlines(), computed.splitlines(), 'committed', 'computed', lineterm='', n=0
        )
    )
    following = f'{NEWEST.major}.{NEWEST.minor + 1}'
    return (
        f'The objects are not those of {FILE.name}:\n{changed}\n\n'
        'A field that Blazar has had all along may be put into the file as it is:\n'
        f'python -m tests.unit.test_manifest > doc/source/sdk/{FILE.name}\n'
        'A field that is new in the API needs a line in HISTORY (blazarclient/versions.py) first,\n'
        f"    '{following}': '<what it changed>.',\n"
        f"and names it: Field(..., since='{following}')."
    )


def test_manifest_is_what_was_committed() -> None:
    """A field that comes, goes or changes is seen here, by its name."""
    committed, computed = FILE.read_text(), manifest(CLASSES)
    assert committed == computed, advice(committed, computed)


def test_every_class_is_in_it() -> None:
    """No resource of the package is left out."""
    ours = {
        each
        for each in Resource.__subclasses__()
        if each.__module__.startswith('blazarclient.resources.')
    }
    assert ours == set(CLASSES)


@pytest.mark.parametrize('kind', CLASSES, ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind: type[Resource]) -> None:
    """The documentation takes its text from the comment above."""
    lines = inspect.getsource(kind).splitlines()
    statements = [n for n, line in enumerate(lines) if ' = Field(' in line]
    assert len(statements) == len(kind.FIELDS)
    for number in statements:
        comment = [
            line.strip()
            for line in lines[max(0, number - 4) : number]
            if line.strip().startswith('#:')
        ]
        assert lines[number - 1].strip().startswith('#:'), lines[number]
        assert comment[-1].endswith('.'), lines[number]


def test_advice_names_the_line_to_add() -> None:
    """Whoever adds a field learns from the failure what else to do."""

    class Changed(Lease):
        colour = Field(Text())

    Changed.__name__ = 'Lease'
    text = advice(FILE.read_text(), manifest([Changed, *CLASSES[1:]]))
    assert '+    colour: text' in text
    following = f'{NEWEST.major}.{NEWEST.minor + 1}'
    assert f"'{following}': '<what it changed>.'," in text
    assert f"since='{following}'" in text


def test_object_versions() -> None:
    """The minor number grows with each microversion that touches the object itself."""
    kinds = [gadget(), gadget().FIELDS['parts'].type.item]  # type: ignore[attr-defined]
    assert object_versions(kinds, MADE_UP) == {
        '1.0': {'Gadget': '1.0', 'Part': '1.0'},
        '1.1': {'Gadget': '1.1', 'Part': '1.0'},
        '1.2': {'Gadget': '1.2', 'Part': '1.1'},
        '1.3': {'Gadget': '1.3', 'Part': '1.1'},
    }
    assert object_versions(CLASSES).keys() == HISTORY.keys()


def test_object_that_came_later() -> None:
    """It is in no microversion before the one that brought it, and starts at 1.0 there."""

    class Later(Resource, since='1.2', history=MADE_UP):
        count = Field(Integer(), since='1.3')
        name = Field(Text(), since='1.2')

    table = object_versions([Later], MADE_UP)
    assert table == {'1.0': {}, '1.1': {}, '1.2': {'Later': '1.0'}, '1.3': {'Later': '1.1'}}
    assert manifest([Later], MADE_UP).count('Later') == 2


@pytest.mark.parametrize('number', NUMBERS)
def test_text_of_a_version(number: str) -> None:
    """It names each field's key, type, form, and who sets it."""

    class Small(Resource, history=MADE_UP):
        id = Field(Text(), read_only=True)
        owner = Field(Text(), tenancy=True, wire='project_id')
        size = Field(Integer(), changes=[Change('1.2', str, int)])
        gone = Field(Text(), until='1.1')

    parts = manifest([Small], MADE_UP).split('\n1.')
    part = parts[NUMBERS.index(number)].splitlines()
    assert part[0].endswith(MADE_UP[number])
    assert part[2:] == [
        '    id: text, read-only',
        '    project_id: text, tenancy',
        '    size: integer, form ' + ('2' if number >= '1.2' else '1'),
        *(['    gone: text'] if number == '1.0' else []),
    ]


if __name__ == '__main__':
    print(manifest(CLASSES), end='')
