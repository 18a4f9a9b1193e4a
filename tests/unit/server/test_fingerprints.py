"""An object cannot change without a new version, and both halves name the same versions."""

import difflib
import pathlib

from blazarclient import manifest, versions
from blazarclient.server.objects import releases
from blazarclient.server.objects.base import Registry, StoredObject
from blazarclient.server.objects.fingerprints import fingerprints
from tests.unit.test_manifest import CLASSES

FILE = pathlib.Path(__file__).parents[3] / 'doc/source/contributor/object-fingerprints.txt'


def test_no_object_has_changed() -> None:
    """A field or a method that comes, goes or changes is seen here, by its name."""
    committed, computed = FILE.read_text(), fingerprints()
    changed = '\n'.join(
        difflib.unified_diff(committed.splitlines(), computed.splitlines(), lineterm='', n=1)
    )
    assert committed == computed, (
        f'{changed}\nGive each changed object a new VERSION with a line in the comment above it, '
        'name it in objects/releases.py, teach obj_make_compatible the way back, and write the '
        f'new text:\npython -m tests.unit.server.test_fingerprints > doc/source/contributor/'
        f'{FILE.name}'
    )


def test_every_object_has_a_version_in_each_microversion() -> None:
    """The newest microversion speaks each object as it is now."""
    newest = releases.MICROVERSIONS[releases.newest(None)]
    fingerprints()  # imports every object
    ours = {
        name: found[0].VERSION
        for name, found in Registry.obj_classes().items()
        if issubclass(found[0], StoredObject) and found[0].__module__.startswith('blazarclient')
    }
    assert ours == dict(newest)


def test_the_client_speaks_of_the_same_versions() -> None:
    """Of what it knows the client computes them from its fields; the server lists them all."""
    computed = manifest.object_versions(CLASSES)
    known = computed[releases.newest(None)]
    for microversion, objects in releases.MICROVERSIONS.items():
        ours = {name: value for name, value in computed[microversion].items() if name in objects}
        assert ours == {name: value for name, value in objects.items() if name in known}
        # A part of an allocation, and what only Chameleon's Blazar has.
        others = {'AllocatedReservation', 'Device', 'Network'}
        assert computed[microversion].keys() - objects.keys() == others
    assert set(versions.HISTORY) >= set(releases.MICROVERSIONS)


if __name__ == '__main__':
    print(fingerprints(), end='')
