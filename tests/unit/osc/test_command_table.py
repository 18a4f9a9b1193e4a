"""The commands that the script knows without a search."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from blazarclient.osc import command_table

SETUP = Path(__file__).parents[3] / 'setup.cfg'


def test_commands_are_the_entry_points() -> None:
    """The script has the commands that setup.cfg gives to openstack, and no other."""
    setup = configparser.ConfigParser()
    setup.read(SETUP)
    lines = setup['options.entry_points']['openstack.reservation.v1'].split('\n')
    entry_points = dict(line.split(' = ') for line in lines if line)
    assert entry_points == {
        'reservation_' + name.replace(' ', '_'): target
        for name, target in command_table.COMMANDS.items()
    }


@pytest.mark.parametrize(
    'spelling',
    [
        *('lease-list', 'lease-show', 'lease-create', 'lease-update', 'lease-delete'),
        *('host-list', 'host-show', 'host-create', 'host-update', 'host-unset', 'host-delete'),
        *('host-property-list', 'host-property-show', 'host-property-set'),
        *('floatingip-list', 'floatingip-show', 'floatingip-create', 'floatingip-delete'),
        *('allocation-list', 'allocation-show'),
    ],
)
def test_spellings_of_python_blazarclient_4(spelling: str) -> None:
    """Every command of python-blazarclient 4 is there under its name."""
    found = command_table.find([spelling, 'x', '--y'])
    assert found
    assert (found.name, found.rest, found.hyphenated) == (spelling, ['x', '--y'], True)
    expected = {'lease-update': 'lease set', 'host-update': 'host set'}
    words = expected.get(spelling) or spelling.replace('-', ' ')
    assert found.target == command_table.COMMANDS[words]


@pytest.mark.parametrize(
    ('words', 'name', 'rest'),
    [
        ('lease list', 'lease list', []),
        ('host property show gpu', 'host property show', ['gpu']),
        ('host list property', 'host list', ['property']),
        ('lease show lease list', 'lease show', ['lease', 'list']),
        ('host capa l', 'host capability list', []),
        ('lease del x', 'lease delete', ['x']),
        ('lease-d x', 'lease-delete', ['x']),
        ('help lease list', 'help', ['lease', 'list']),
    ],
)
def test_words_are_found(words: str, name: str, rest: list[str]) -> None:
    """Words are found as a whole, or cut short as long as they are clear."""
    found = command_table.find(words.split())
    assert found
    assert (found.name, found.rest) == (name, rest)


@pytest.mark.parametrize(
    ('words', 'answer'),
    [
        ('lease', 'Which one: lease create, '),
        ('lease s x', 'Did you mean: lease '),
        ('leese list', 'Did you mean: lease list'),
        ('lease-lst', 'Did you mean: lease-list'),
        ('nonsense', "There is no command 'nonsense'. See: blazar --help"),
        ('--os-pasword hush lease list', 'option: --os-pasword (did you mean --os-password?)'),
        ('--zzz=hush lease list', 'unrecognized option: --zzz. See: blazar --help'),
    ],
)
def test_unknown_words_are_answered(words: str, answer: str) -> None:
    """What is no command gets an answer that helps, without the values of options."""
    assert command_table.find(words.split()) is None
    text = command_table.why_not(words.split(), ['--os-password', '--os-username'])
    assert answer in text
    assert 'hush' not in text
