"""The command `blazar sandbox`, as far as it goes without running one."""

import subprocess
import sys

from tests.conftest import Runner


def test_help(blazar: Runner) -> None:
    """Help is there, by each of its names, with examples that can be copied."""
    ran = blazar('sandbox', '--help', cloud=None).check()
    assert ran.stdout.startswith('usage: blazar sandbox ')
    assert '\n  blazar sandbox --speed 3600 --fail ' in ran.stdout
    assert 'not for production' in ran.stdout
    assert '--until-stdin-closes' not in ran.stdout
    assert blazar('help', 'sandbox', cloud=None).check().stdout == ran.stdout
    assert '\n  sandbox  ' in blazar('help', cloud=None).check().stdout
    assert 'sandbox' in blazar('bash-completion', cloud=None).check().stdout.split()


def test_without_the_extra() -> None:
    """Without Flask and the others one sentence says what to install; the help still works."""
    program = (
        'import sys\n'
        'sys.modules["{module}"] = None\n'
        'from blazarclient.shell import main\n'
        'sys.exit(main(sys.argv[1:]))\n'
    )
    for module in ('flask', 'sqlalchemy', 'waitress', 'oslo_versionedobjects'):
        command = [sys.executable, '-c', program.format(module=module), 'sandbox']
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (1, '')
        assert "pip install 'python-blazarclient[server]>=5'" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1, ran.stderr
        helped = subprocess.run([*command, '--help'], capture_output=True, text=True, check=True)
        assert 'usage: blazar sandbox' in helped.stdout


def test_help_loads_nothing_of_the_server() -> None:
    code = (
        'import sys, blazarclient.server.cli\n'
        'slow = {"flask", "sqlalchemy", "waitress", "oslo_config", "werkzeug", "yaml"}\n'
        'print(sorted(slow & sys.modules.keys()))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == '[]\n'
