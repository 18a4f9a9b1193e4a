"""Running command lines in this process leaves the process as it was."""

import logging
import pathlib
import sys

import pytest

from tests.commands import run_here, run_process
from tests.conftest import Runner
from tests.recorded import ALICE, RecordedBlazar


def test_openstack_runs_here(server: RecordedBlazar, openstack: Runner) -> None:
    """The real ``openstack`` gets in with the clouds.yaml that was written for the server."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    ran = openstack('token', 'issue', '-f', 'json')
    assert ran.stderr == ''
    assert ran.json['project_id'] == ALICE.project_id
    assert openstack('no-such-command').code != 0
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
    assert server.calls() == ['POST /identity/v3/auth/tokens']


def test_streams_and_exit_codes_are_kept() -> None:
    """Output, standard input, and every way to end are reported."""

    def main(argv: list[str]) -> int | None:
        sys.stdout.buffer.write('é'.encode())
        sys.stdout.write(sys.stdin.read())
        if argv == ['sentence']:
            sys.exit('a sentence')
        return {'two': 2, 'none': None}[argv[0]]

    ran = run_here(main, ['two'], 'in')
    assert (ran.code, ran.stdout, ran.stderr) == (2, 'éin', '')
    assert run_here(main, ['none']).check().code == 0
    ended = run_here(main, ['sentence'])
    assert (ended.code, ended.stderr) == (1, 'a sentence\n')
    with pytest.raises(AssertionError, match='sentence: exit code 1'):
        ended.check()


def test_own_process(tmp_path: pathlib.Path) -> None:
    """A command can also run in a process of its own."""
    ran = run_process([sys.executable, '-c', 'print(input())'], {}, stdin='[1]')
    assert ran.json == [1]
