"""What every command has in common: its help, its place, and what it loads."""

import configparser
import importlib
import pathlib
import subprocess
import sys

import pytest
from osc_lib.command import command as osc

from tests.conftest import Runner

ROOT = pathlib.Path(__file__).parents[3]


def _commands() -> dict[str, str]:
    """Words of each command -> module:Class, from setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    lines = setup['options.entry_points']['openstack.reservation.v1'].split('\n')
    pairs = [line.split(' = ') for line in lines if line]
    return {name.removeprefix('reservation_').replace('_', ' '): where for name, where in pairs}


COMMANDS = _commands()


@pytest.mark.parametrize('words', COMMANDS)
def test_every_command(words: str) -> None:
    """Defect of 4.6.0: an entry point could not be loaded; each is a class just below osc-lib's."""
    module, _, name = COMMANDS[words].partition(':')
    found = getattr(importlib.import_module(module), name)
    assert found.__bases__[-1] in (osc.Command, osc.Lister, osc.ShowOne)
    assert found.__doc__


@pytest.mark.parametrize('words', COMMANDS)
def test_help(blazar: Runner, words: str) -> None:
    """The help says what the command does, and ends with examples that can be copied."""
    ran = blazar(*words.split(), '--help', cloud=None).check()
    assert ran.stdout.startswith(f'usage: blazar {words} ')
    examples = ran.stdout.partition('\nExample')[2].splitlines()[1:]
    assert examples
    assert all(line.startswith(f'  blazar {words}') for line in examples if line)


def test_help_of_the_plugin(openstack: Runner) -> None:
    """Under ``openstack`` the examples say so, and the old option for hosts is hidden."""
    ran = openstack('reservation', 'lease', 'create', '--help', cloud=None).check()
    assert ' reservation lease create gpu-week --end-date +7d' in ran.stdout
    assert '--physical-reservation' not in ran.stdout


def test_help_of_the_script(blazar: Runner) -> None:
    """``blazar`` shows the old option for hosts, as ever."""
    ran = blazar('lease', 'create', '--help', cloud=None).check()
    assert '--physical-reservation min=N,max=N,...' in ran.stdout


def test_help_needs_no_sdk() -> None:
    """Loading the commands loads nothing slow: no HTTP, no SDK, none of OpenStack's libraries."""
    modules = sorted({where.partition(':')[0] for where in COMMANDS.values()})
    code = (
        f'import sys, {", ".join(modules)}\n'
        'slow = {"requests", "urllib3", "keystoneauth1", "openstack", "oslo_utils", "yaml",\n'
        '        "blazarclient.client", "blazarclient.transport", "blazarclient.model"}\n'
        'print(sorted(slow & sys.modules.keys()))\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == '[]\n'
