"""The blazar script: its options, its spellings, its errors and its exit codes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import blazarclient
from blazarclient import shell
from tests.conftest import Runner
from tests.identity import APPCRED_SECRET
from tests.recorded import RecordedBlazar

LIST = ('lease', 'list')


# ------------------------------------------------------------------ two spellings


def test_words_and_hyphens_are_the_same_command(blazar: Runner, server: RecordedBlazar) -> None:
    """``lease list`` and ``lease-list`` do the same."""
    server.hold(server.leases(3))
    words, hyphens = blazar('lease', 'list').check(), blazar('lease-list').check()
    assert words.stdout == hyphens.stdout
    assert server.calls('reservation') == ['GET /v1/leases'] * 2


def test_hyphens_keep_the_json_of_python_blazarclient_4(
    blazar: Runner, server: RecordedBlazar
) -> None:
    """``lease-show -f json`` has nested values as text, ``lease show -f json`` as structures."""
    lease_id = json.loads(server.recorded('lease-show-physical').body)['lease']['id']
    assert isinstance(blazar('lease', 'show', lease_id, '-f', 'json').json['events'], list)
    assert isinstance(blazar('lease-show', lease_id, '-f', 'json').json['events'], str)


@pytest.mark.parametrize('form', ['table', 'json', 'yaml', 'csv', 'value'])
def test_lists_in_every_form(blazar: Runner, server: RecordedBlazar, form: str) -> None:
    """Every form that cliff has prints the list."""
    leases = server.leases(3)
    server.hold(leases)
    assert leases[2]['name'] in blazar('lease', 'list', '-f', form).check().stdout


@pytest.mark.parametrize('form', ['table', 'json', 'yaml', 'shell', 'value'])
def test_objects_in_every_form(blazar: Runner, server: RecordedBlazar, form: str) -> None:
    """Every form that cliff has prints a single object."""
    leases = server.leases(1)
    server.hold(leases)
    assert leases[0]['name'] in blazar('lease', 'show', leases[0]['id'], '-f', form).check().stdout


# ------------------------------------------------------------------ about itself


def test_version(blazar: Runner) -> None:
    """--version prints the version and nothing else."""
    ran = blazar('--version', cloud=None).check()
    assert ran.stdout == f'{blazarclient.__version__}\n'


@pytest.mark.parametrize('words', [('--help',), ('-h',), ('help',), ('--help', '--os-cloud', 'x')])
def test_help_lists_commands_and_options(blazar: Runner, words: tuple[str, ...]) -> None:
    """Help needs no cloud, and lists what there is."""
    ran = blazar(*words, cloud=None).check()
    for text in ('lease create', 'host property list', '--os-cloud', '--os-password', '--timeout'):
        assert text in ran.stdout
    assert '--os_reservation_api_version' not in ran.stdout


@pytest.mark.parametrize(
    'words',
    [
        ('help', 'lease', 'list'),
        ('lease', 'list', '--help'),
        ('-h', 'lease', 'list'),
        ('help', 'lease-list'),
        ('lease-list', '-h'),
    ],
)
def test_help_of_a_command(blazar: Runner, words: tuple[str, ...]) -> None:
    """Help of a command shows its options, whichever way it is asked for."""
    ran = blazar(*words, cloud=None).check()
    assert re.match(r'usage: blazar lease[ -]list \[-h\]', ran.stdout)
    assert '--sort-by' in ran.stdout


def test_help_of_a_noun(blazar: Runner) -> None:
    """Help of a noun lists its commands."""
    assert '  lease delete\n' in blazar('help', 'lease', cloud=None).check().stdout


def test_complete(blazar: Runner) -> None:
    """The completion function for bash knows nouns, verbs and options."""
    text = blazar('complete', cloud=None).check().stdout
    assert "cmds_lease='create delete list set show update wait'" in text
    assert re.search("cmds_lease_list='.*--sort-by", text)


def test_bash_completion(blazar: Runner) -> None:
    """bash-completion gives all words in one line."""
    words = blazar('bash-completion', cloud=None).check().stdout.split()
    assert {'lease', 'list', 'lease-list', 'host-update', '--reservation', '--debug'} <= {*words}


def test_interactive_mode(blazar: Runner, server: RecordedBlazar) -> None:
    """Without a command the script reads commands, and goes on past one that fails."""
    leases = server.leases(1)
    server.hold(leases)
    lines = [
        'nonsense',
        'lease show nothing',
        'lease list --nonsense',
        'lease-list -f json',
        'lease list -f value -c name',
        'help lease list',
        'exit',
    ]
    ran = blazar(stdin='\n'.join(lines) + '\n').check()
    assert "There is no command 'nonsense'" in ran.stderr
    assert "'nothing'" in ran.stderr
    assert 'unrecognized option: --nonsense' in ran.stderr
    assert f'\n{leases[0]["name"]}\n' in f'\n{ran.stdout}'
    assert 'usage: lease list' in ran.stdout
    assert len(server.sent('POST', '/identity/v3/auth/tokens')) == 1


# ------------------------------------------------------------------ exit codes


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('lease',), 'Which one: lease create'),
        (('nonsense',), "There is no command 'nonsense'"),
        (('lease', 'list', '--nonsense'), 'unrecognized option: --nonsense'),
        (('lease', 'list', 'nonsense'), 'unrecognized arguments: nonsense'),
        (('lease', 'list', '--os-usernam', 'x'), '(did you mean --os-username?)'),
        (('--nonsense', 'lease', 'list'), 'unrecognized option: --nonsense'),
        (('--timeout', 'soon', 'lease', 'list'), '--timeout'),
        (('--os-username',), 'expected one argument'),
        (('lease', 'show'), 'required'),
        (('lease', 'list', '-f', 'nonsense'), "invalid choice: 'nonsense'"),
    ],
)
def test_wrong_usage_ends_with_2(
    blazar: Runner, server: RecordedBlazar, words: tuple[str, ...], message: str
) -> None:
    """A command line that is wrong sends nothing and ends with 2."""
    ran = blazar(*words)
    assert (ran.code, ran.stdout, server.requests) == (2, '', [])
    assert message in ran.stderr


def test_errors_are_one_sentence(blazar: Runner, server: RecordedBlazar) -> None:
    """An error is one line on stderr, and ends with 1."""
    server.on(
        'GET', '/v1/leases', status=403, body={'error_code': 403, 'error_message': 'Not you.'}
    )
    ran = blazar(*LIST)
    assert (ran.code, ran.stdout, len(ran.stderr.splitlines())) == (1, '', 1)
    assert '403' in ran.stderr


def test_errors_of_other_libraries_are_one_line(
    blazar: Runner, server: RecordedBlazar, clouds_yaml: Path
) -> None:
    """keystoneauth1's and cliff's errors are one line, too."""
    server.hold(server.leases(1))
    clouds_yaml.write_text(clouds_yaml.read_text().replace(server.auth_url, 'http://127.0.0.1:9'))
    ran = blazar(*LIST)
    assert (ran.code, len(ran.stderr.splitlines())) == (1, 1)
    assert '127.0.0.1:9' in ran.stderr


def test_debug_shows_where(blazar: Runner) -> None:
    """--debug adds the traceback."""
    ran = blazar('--debug', 'lease', 'show', 'nothing')
    assert ran.code == 1
    assert 'Traceback (most recent call last):' in ran.stderr
    assert ran.stderr.count('Traceback') == 1


def test_interruption_ends_with_130(blazar: Runner, server: RecordedBlazar) -> None:
    """Ctrl-C ends quietly with 130."""
    server.on('GET', '/v1/leases', interrupt)
    with listening_to_ctrl_c():
        ran = blazar(*LIST)
    assert (ran.code, ran.stdout, ran.stderr) == (130, '', '')


def test_interrupted_wait_names_the_lease(blazar: Runner, server: RecordedBlazar) -> None:
    """Who stops waiting for a new lease is told which one there is."""
    lease = server.leases(1)[0] | {'status': 'PENDING'}
    server.on('POST', '/v1/leases', status=201, body={'lease': lease})
    server.on('GET', f'/v1/leases/{lease["id"]}', interrupt)
    host = 'resource_type=physical:host,min=1,max=1'
    with listening_to_ctrl_c():
        ran = blazar('lease', 'create', 'mine', '--reservation', host, '--wait')
    assert (ran.code, ran.stdout) == (130, '')
    assert ran.stderr.endswith(f'Not waiting any longer. See: lease show {lease["id"]}\n')


def interrupt(_request: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def listening_to_ctrl_c() -> Iterator[None]:
    """A program that a shell has put into the background does not hear it by itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_broken_pipe_is_quiet(clouds_yaml: Path, server: RecordedBlazar) -> None:
    """Whoever stops reading gets no complaint, as with ``blazar lease list | head``."""
    server.hold(server.leases(3000))
    code = 'import sys; from blazarclient.shell import main; sys.exit(main())'
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, '-c', code, '--os-cloud', 'alice', *LIST],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b'')


def test_broken_pipe_of_a_test_is_quiet(
    server: RecordedBlazar, clouds_yaml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does a standard output that is no file."""

    class Closed:
        def write(self, _text: str) -> None:
            raise BrokenPipeError

        def isatty(self) -> bool:
            return False

        def fileno(self) -> int:
            raise OSError

    server.hold(server.leases(1))
    monkeypatch.setattr(sys, 'stdout', Closed())
    assert shell.main(['--os-cloud', 'alice', *LIST]) == 141


def test_closed_streams(clouds_yaml: Path, server: RecordedBlazar) -> None:
    """A process without standard output and error does its work all the same."""
    server.hold([])
    words = [sys.executable, '-m', 'blazarclient.shell', '--os-cloud', 'alice', *LIST]
    done = subprocess.run(['sh', '-c', 'exec "$@" >&- 2>&-', 'sh', *words], timeout=60, check=False)
    assert done.returncode == 0


def test_script_of_its_own(clouds_yaml: Path, server: RecordedBlazar) -> None:
    """As a process the script takes its command line from the process and ends with its code."""
    server.hold(server.leases(1))
    words = [sys.executable, '-m', 'blazarclient.shell', '--os-cloud', 'alice']
    good = subprocess.run([*words, *LIST], capture_output=True, timeout=60, check=False)
    assert (good.returncode, good.stderr) == (0, b'')
    assert b'lease-00000' in good.stdout
    bad = subprocess.run([*words, 'nonsense'], capture_output=True, timeout=60, check=False)
    assert (bad.returncode, bad.stdout) == (2, b'')


# ------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ('words', 'level'),
    [
        (('-q',), logging.WARNING),
        ((), logging.INFO),
        (('-v',), logging.DEBUG),
        (('--debug',), logging.DEBUG),
    ],
)
def test_verbosity(
    blazar: Runner,
    server: RecordedBlazar,
    words: tuple[str, ...],
    level: int,
) -> None:
    """-q and -v choose what is logged; the level is put back afterwards."""
    seen = []

    def note(_request: object) -> None:
        seen.append(logging.getLogger().level)

    server.hold(server.leases(1))
    server.on('GET', '/v1/leases', note)
    before = logging.getLogger().level
    ran = blazar(*words, *LIST).check()
    assert seen == [level]
    assert logging.getLogger().level == before
    assert bool(ran.stderr) is (level == logging.DEBUG)


def test_options_may_follow_the_command(blazar: Runner, server: RecordedBlazar) -> None:
    """Global options are taken anywhere before ``--``."""
    server.hold(server.leases(1))
    blazar('lease', 'list', '--os-cloud', 'alice', '-q', cloud=None).check()
    ran = blazar('lease', 'show', '--', '--os-cloud')
    assert (ran.code, "'--os-cloud'" in ran.stderr) == (1, True)


def test_timeout_is_kept(blazar: Runner, server: RecordedBlazar) -> None:
    """--timeout bounds the wait for Keystone and for the service."""
    server.on('POST', '/identity/v3/auth/tokens', status=503, body='', delay=3.0)
    ran = blazar('--timeout', '0.3', *LIST)
    assert ran.code == 1
    assert 'time' in ran.stderr.lower()


@pytest.mark.parametrize(
    ('options', 'variable', 'sent'),
    [
        ((), '', 'latest'),
        (('--os-reservation-api-version', '1'), '1.0', 'latest'),
        (('--os-reservation-api-version', 'latest'), '1.0', 'latest'),
        (('--os-reservation-api-version', '1.0'), 'latest', '1.0'),
        (('--os-reservation-api-version', 'train'), '', '1.0'),
        (('--os_reservation_api_version', '1.0'), '', '1.0'),
        ((), '1.0', '1.0'),
        ((), '2026.1', '1.0'),
    ],
)
def test_api_version(
    blazar: Runner,
    server: RecordedBlazar,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    variable: str,
    sent: str,
) -> None:
    """The version comes from the option or the environment; 1 and latest negotiate."""
    monkeypatch.setenv('OS_RESERVATION_API_VERSION', variable)
    server.hold(server.leases(1))
    blazar(*options, *LIST).check()
    header = server.sent('GET', '/v1/leases')[0].headers['OpenStack-API-Version']
    assert header == f'reservation {sent}'


@pytest.mark.parametrize('option', ['--os-reservation-api-version', '--os_reservation_api_version'])
@pytest.mark.parametrize('value', ['2', '9.9', 'nonsense', '{os_cloud}'])
def test_api_version_that_is_none(
    blazar: Runner, server: RecordedBlazar, option: str, value: str
) -> None:
    """A version that is none is refused before any request, and hides no command."""
    ran = blazar(option, value, *LIST)
    assert (ran.code, server.requests) == (1, [])
    assert ran.stderr.startswith('--os-reservation-api-version: ')
    assert value in ran.stderr
    blazar('--os-reservation-api-version', value, 'help', 'lease', 'list').check()


# ------------------------------------------------------------------ secrets


@pytest.mark.parametrize('cloud', ['alice', 'alice-appcred', 'alice-token', 'alice-endpoint'])
@pytest.mark.parametrize(
    'words', [('lease', 'list'), ('lease', 'show', 'nothing'), ('-vv', 'lease', 'list')]
)
def test_secrets_stay_secret(
    blazar: Runner, server: RecordedBlazar, clouds_yaml: Path, cloud: str, words: tuple[str, ...]
) -> None:
    """No password and no token is printed, not even with --debug."""
    ran = blazar('--debug', *words, cloud=cloud)
    given = clouds_yaml.read_text()
    secrets = {'alice-secret', APPCRED_SECRET, *re.findall(r'token: (\S+)', given)}
    secrets |= {
        request.headers.get('X-Auth-Token') or 'alice-secret' for request in server.requests
    }
    assert ran.stderr
    for secret in secrets:
        assert secret not in ran.stderr + ran.stdout


@pytest.mark.parametrize(
    'words',
    [
        ('--os-pasword', 'hush', 'lease', 'list'),
        ('--os-pasword=hush', 'lease', 'list'),
        ('lease', 'list', '--os-pasword', 'hush'),
        ('lease', 'list', '--os-pasword=hush'),
        ('--os-password', 'hush', 'lease', 'list'),
        ('--os-password', 'hush', '--timeout', 'soon', 'lease', 'list'),
    ],
)
@pytest.mark.parametrize('debug', [(), ('--debug',)])
def test_errors_keep_secrets(
    blazar: Runner, words: tuple[str, ...], debug: tuple[str, ...]
) -> None:
    """A password on the command line stays out of the error, also when its option is misspelt."""
    ran = blazar(*debug, *words)
    assert ran.code in (1, 2)
    assert 'hush' not in ran.stderr + ran.stdout


# ------------------------------------------------------------------ start


NOT_NEEDED = ('openstack', 'cmd2', 'cliff.commandmanager', 'prettytable', 'oslo_utils', 'dateutil')


def test_little_is_loaded(clouds_yaml: Path, server: RecordedBlazar) -> None:
    """A list loads the command and the authentication type that are used, and no search is made."""
    server.hold(server.leases(1))
    code = f"""
import json, sys
from stevedore import extension
searched = []
extension.ExtensionManager.__init__ = lambda self, *args, **kwargs: searched.append(args)
from blazarclient.shell import main
code = main(['--os-cloud', 'alice', 'lease', 'list'])
found = [name for name in {NOT_NEEDED!r} if name in sys.modules]
print(json.dumps([code, found, searched]), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stderr) == [0, [], []]


def test_nothing_is_left_open(blazar: Runner, server: RecordedBlazar) -> None:
    """A run takes its log handler away and closes its connections."""
    server.keep_alive = True
    server.hold(server.leases(1))
    handlers = list(logging.getLogger().handlers)
    blazar(*LIST).check()
    assert logging.getLogger().handlers == handlers
