"""What the README and the guide show runs as it stands there."""

import pathlib
import re
import sys
import textwrap

import pytest

from blazarclient.resources.host import Host
from tests.commands import run_process
from tests.functional.conftest import AsUser, Cloud, Name

ROOT = pathlib.Path(__file__).parents[2]
SAMPLE = re.compile(r'^\.\. code-block:: python\n\n((?:    .*\n|\n)+)', re.MULTILINE)
#: The names of the leases in the samples.
LEASES = re.compile(r"'(my-first|guide)-")
PAGES = ('README.rst', 'doc/source/sdk/index.rst', 'doc/source/sdk/guide.rst')


@pytest.mark.parametrize('page', PAGES)
def test_samples(cloud: Cloud, hosts: list[Host], as_user: AsUser, name: Name, page: str) -> None:
    """The Python samples of a page, one after the other in one program."""
    samples = SAMPLE.findall((ROOT / page).read_text())
    assert samples
    # Names of this test's own, which are cleaned up after it.
    prefix = name()
    program = LEASES.sub(f"'{prefix}-", '\n'.join(map(textwrap.dedent, samples)))
    variables = {f'OS_{key.upper()}': value for key, value in cloud.auth['alice'].items()}
    # openstacksdk warns of what will be missing in its own next release.
    run_process(
        [sys.executable, '-W', 'ignore', '-c', program],
        {'OS_CLIENT_CONFIG_FILE': str(cloud.config_file), **variables},
    ).check()
    # What a page makes it also deletes.
    assert not [lease for lease in as_user('alice').leases.list() if prefix in lease.name]
