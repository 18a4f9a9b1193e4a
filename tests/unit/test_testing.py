"""A sandbox for people's own tests: the context manager and the fixture."""

import configparser
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta

import pytest

from blazarclient import testing
from blazarclient.server import cli
from blazarclient.server.sandbox import faults
from tests.commands import run_process

#: Options that are nobody's business, or everybody's.
HIDDEN = {'--help', '--until-stdin-closes'}
ROOT = pathlib.Path(__file__).parents[2]
HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}


def test_all_that_a_box_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options reach the sandbox, whatever the environment says of other clouds."""
    monkeypatch.setenv('OS_CLOUD', 'elsewhere')
    monkeypatch.setenv('OS_AUTH_URL', 'http://192.0.2.1/identity')
    begin = datetime(2030, 1, 7, 8, 0, tzinfo=UTC)
    with testing.sandbox(
        hosts=3, seed='demo', clock=begin, speed=0, faults=['GET /v1/leases 503 x1']
    ) as box:
        assert box.clock.now() == begin
        assert len(box.client('admin').hosts.list()) == 3
        # The client tries again after the fault.
        names = {lease.name for lease in box.client().leases.list()}
        assert {'training', 'webserver'} <= names
        assert box.faults()[0]['applied'] == 1
        assert box.session('bob') is box.session('bob')
        assert box.client('bob', api_version='1.0').leases.list() != []
        variables = {key for key in box.environment if key.startswith('OS_')}
        assert variables == {'OS_CLIENT_CONFIG_FILE', 'OS_CLOUD'}
        blazar = str(pathlib.Path(sys.executable).parent / 'blazar')
        ran = run_process([blazar, 'lease', 'list', '-f', 'json'], box.environment)
        assert {row['name'] for row in ran.json} == names
        with pytest.raises(testing.SandboxError, match="'eve' is no user of the sandbox: admin"):
            box.session('eve')
        with pytest.raises(testing.SandboxError, match='METHOD PATH WHAT'):
            box.fail('everything')
        with pytest.raises(testing.SandboxError, match='is not a duration'):
            box.clock.advance('soon')
    assert not box.config_file.exists()


def test_the_sample(tmp_path: pathlib.Path) -> None:
    """The sample in the documentation of the module runs as it stands there."""
    sample = textwrap.dedent((testing.__doc__ or '').split('::\n')[1].split('\nEach is')[0])
    run_process([sys.executable, '-c', sample], dict(os.environ)).check()


def test_a_lease_of_a_week() -> None:
    """A fast clock brings a week to its end in less than a minute."""
    with testing.sandbox(hosts=1, speed=100_000) as box:
        lease = box.client('alice').leases.create(
            'week', 'now', box.clock.now() + timedelta(days=7), [HOSTS]
        )
        deadline = time.monotonic() + 30
        while lease.refresh().status != 'TERMINATED':
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_file(tmp_path: pathlib.Path) -> None:
    """With a database of its own, and a seed from a file, which the next one goes on with."""
    seed, database = tmp_path / 'seed.yaml', tmp_path / 'x.db'
    seed.write_text('hosts:\n- {name: big, vcpus: 128, memory_mb: 1024, local_gb: 1}\n')
    for _ in range(2):
        with testing.sandbox(seed=seed, database=database) as box:
            (host,) = box.client('admin').hosts.list()
            assert (host.hypervisor_hostname, host.vcpus) == ('big', 128)


def test_what_goes_wrong() -> None:
    """The error has what the sandbox said."""
    with (
        pytest.raises(testing.SandboxError, match=r'--fail: .*METHOD PATH WHAT'),
        testing.sandbox(faults=['nonsense']),
    ):
        pass
    with (
        pytest.raises(testing.SandboxError, match=r'not there after 0 s'),
        testing.sandbox(timeout=0),
    ):
        pass


def test_it_ends_with_the_program_that_started_it(tmp_path: pathlib.Path) -> None:
    """A test run that is killed leaves no sandbox behind."""
    program = (
        'import time\nfrom blazarclient import testing\n'
        'with testing.sandbox() as box:\n'
        '    print(box.url, flush=True)\n    time.sleep(60)\n'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        box = testing.Sandbox(url, tmp_path)
        assert box.faults() == []
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while _is_there(box):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_there(box: testing.Sandbox) -> bool:
    try:
        box.faults()
    except OSError:
        return False
    return True


# --------------------------------------------------------------- with pytest

SUITE = """
import pytest

def test_as_it_comes(blazar_sandbox):
    assert len(blazar_sandbox.client('admin').hosts.list()) == 8
    assert blazar_sandbox.client('alice').leases.list() == []

@pytest.mark.blazar_sandbox(hosts=2, seed='demo')
def test_as_it_is_wanted(blazar_sandbox):
    assert len(blazar_sandbox.client('admin').hosts.list()) == 2
    assert blazar_sandbox.client('alice').leases.list() != []
"""


def test_fixture(tmp_path: pathlib.Path) -> None:
    """A test of somebody else's names the fixture, and says with a marker what it wants."""
    (tmp_path / 'test_mine.py').write_text(SUITE)
    plugin = _entry_point()
    variables = {**os.environ, 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'}
    args = (
        '-m',
        'pytest',
        '-p',
        plugin,
        '-p',
        'no:cacheprovider',
        '--strict-markers',
        '-W',
        'error',
    )
    ran = run_process([sys.executable, *args, str(tmp_path)], variables).check()
    assert '2 passed' in ran.stdout
    ran = run_process([sys.executable, *args, '--markers'], variables).check()
    assert '@pytest.mark.blazar_sandbox(hosts=8, seed="empty"' in ran.stdout


def test_fixture_costs_nothing() -> None:
    """Every test run of everybody who has this package loads it."""
    code = (
        'import sys, pytest, tempfile, http.client\n'
        f'before = set(sys.modules)\nimport {_entry_point()}\n'
        'new = {name for name in set(sys.modules) - before if name.startswith(\n'
        '    ("flask", "keystoneauth1", "requests", "sqlalchemy", "yaml", "oslo"))}\n'
        'ours = {name for name in set(sys.modules) - before if name.startswith("blazarclient")}\n'
        'print(sorted(new), sorted(ours))\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    ours = ['blazarclient', 'blazarclient.testing', 'blazarclient.testing.fixture']
    assert done.stdout == f'[] {ours}\n'


def _entry_point() -> str:
    setup = configparser.ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    return setup['options.entry_points']['pytest11'].split(' = ')[1].strip()


# ------------------------------------------------------------- documentation


def _page() -> str:
    return (ROOT / 'doc' / 'source' / 'user' / 'sandbox.rst').read_text()


def _samples(language: str) -> list[str]:
    pattern = rf'^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)'
    return [textwrap.dedent(each) for each in re.findall(pattern, _page(), re.MULTILINE)]


def test_samples_of_the_page(tmp_path: pathlib.Path) -> None:
    """What the page shows runs as it stands there: a program, and a test."""
    program, test = _samples('python')
    run_process([sys.executable, '-c', program], dict(os.environ)).check()
    (tmp_path / 'test_page.py').write_text(test)
    path = f'{pathlib.Path(sys.executable).parent}:{os.environ["PATH"]}'
    variables = {**os.environ, 'PATH': path, 'PYTEST_DISABLE_PLUGIN_AUTOLOAD': '1'}
    args = ('-m', 'pytest', '-p', _entry_point(), '-p', 'no:cacheprovider', str(tmp_path))
    assert '1 passed' in run_process([sys.executable, *args], variables).check().stdout


def test_seed_of_the_page(tmp_path: pathlib.Path) -> None:
    """The seed file that the page shows can be planted."""
    seed = tmp_path / 'seed.yaml'
    seed.write_text(_samples('yaml')[0])
    with testing.sandbox(seed=seed) as box:
        (host,) = box.client('admin').hosts.list()
        assert (host.hypervisor_hostname, host.capabilities['gpu']) == ('compute-1', 'True')
        assert [lease.name for lease in box.client('alice').leases.list()] == ['training']


def test_faults_and_options_of_the_page() -> None:
    """Every fault that the page shows can be read; every option is on the page."""
    rows = re.findall(r'^``((?:[A-Z]+|\*) [/*].*?)``  ', _page(), re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        faults.parse(row)
    options = cli.Sandbox(None, None).get_parser('blazar sandbox')._option_string_actions
    shown = {option for option in options if option.startswith('--')}
    assert not [option for option in shown - HIDDEN if f'``{option}' not in _page()]
