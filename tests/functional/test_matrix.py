"""Clients at each microversion against services of each: every command works, or says why not.

The table in the documentation is what this test holds; it is written anew by
``python -m tests.functional.test_matrix``.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

from blazarclient import shell, testing
from blazarclient.osc.command_table import COMMANDS
from blazarclient.testing import Sandbox
from tests.commands import INTERRUPTIBLE, Ran, run_here
from tests.functional.conftest import REAL
from tests.receiver import Receiver

TABLE = pathlib.Path(__file__).parents[2] / 'doc/source/user/version-matrix-table.rst'
#: What the service is -> its newest microversion.
SERVICES: Mapping[str, str] = {'Blazar': '1.0', 'gateway pinned to 1.1': '1.1', 'gateway': '1.2'}
#: What the client is told to speak; None lets it negotiate.
CLIENTS = (None, '1.0', '1.1', '1.2')
OPTION = '--os-reservation-api-version'
#: With a pin, all commands are tried only where there is time for it; else one of each kind.
FULL = os.environ.get('BLAZARCLIENT_FAULTS') == 'full'
PINNED = (
    'version show',
    'lease list',
    'lease create --subscribe',
    'notification list',
    'subscription create --before-end',
    'subscription list',
    'subscription listen',
)
HOSTS = 'resource_type=physical:host,min=1,max=1'

#: Command -> who types it, and what comes after it; in an order in which each finds what it needs.
LINES: Mapping[str, tuple[str, str]] = {
    'version show': ('alice', ''),
    'host show': ('admin', 'compute-4'),
    'host set': ('admin', 'compute-4 --extra gpu=True'),
    'host property list': ('admin', ''),
    'host property set': ('admin', 'gpu --public'),
    'host property show': ('admin', 'gpu'),
    'host capability list': ('admin', ''),
    'host capability set': ('admin', 'gpu --private'),
    'host capability show': ('admin', 'gpu'),
    'host capability update': ('admin', 'gpu --public'),
    'host unset': ('admin', 'compute-4 --extra gpu'),
    'host delete': ('admin', 'compute-4'),
    'host create': ('admin', 'compute-4'),
    'host list': ('admin', ''),
    'host allocation list': ('admin', ''),
    'host allocation show': ('admin', 'compute-4'),
    'host reallocate': ('admin', 'compute-4'),
    'allocation list': ('admin', 'host'),
    'allocation show': ('admin', 'host compute-4'),
    'floatingip create': ('admin', '{network} 203.0.113.120'),
    'floatingip list': ('alice', ''),
    'floatingip show': ('alice', '203.0.113.120'),
    'floatingip delete': ('admin', '203.0.113.120'),
    'lease create': ('alice', f'new --reservation {HOSTS} --end-date +1h'),
    'lease create --subscribe': ('alice', f'new --subscribe {{url}}/inline --reservation {HOSTS}'),
    'lease wait': ('alice', 'there --wait-timeout 60s'),
    'lease list': ('alice', '--long'),
    'lease show': ('alice', 'there'),
    'lease set': ('alice', 'there --prolong-for 1h'),
    'lease update': ('alice', 'there --prolong-for 1h'),
    'notification list': ('alice', '--since 1h'),
    'notification type list': ('alice', ''),
    'notification type show': ('alice', 'lease.started'),
    'subscription create': ('alice', '--url {url}/new --name new'),
    'subscription create --before-end': ('alice', '--url {url}/other --before-end 1h'),
    'subscription list': ('alice', ''),
    'subscription show': ('alice', 'there'),
    'subscription set': ('alice', 'there --type lease.*'),
    'subscription unset': ('alice', 'there --types'),
    'subscription test': ('alice', 'there'),
    'subscription secret rotate': ('alice', 'there'),
    'subscription replay': ('alice', 'there --since 1h --dry-run'),
    'subscription delivery list': ('alice', 'there'),
    'subscription delivery show': ('alice', 'there {delivery}'),
    'subscription delivery resend': ('alice', 'there {delivery}'),
    'subscription listen': ('alice', '--since 1h'),
    'subscription delete': ('alice', 'there'),
    'lease delete': ('alice', 'there'),
    'device create': ('admin', 'pi-1'),
    'device list': ('admin', ''),
    'device show': ('admin', 'pi-1'),
    'device set': ('admin', 'pi-1 --extra gpu=True'),
    'device unset': ('admin', 'pi-1 --extra gpu'),
    'device reallocate': ('admin', 'pi-1'),
    'device delete': ('admin', 'pi-1'),
    'network create': ('admin', '--network-type vlan --physical-network physnet1 --segment 7'),
    'network list': ('admin', ''),
    'network show': ('admin', '7'),
    'network set': ('admin', '7 --extra gpu=True'),
    'network unset': ('admin', '7 --extra gpu'),
    'network delete': ('admin', '7'),
    **{
        f'{kind} {words}': ('admin', rest)
        for kind in ('device', 'network')
        for words, rest in (
            ('allocation list', ''),
            ('allocation show', 'some'),
            ('property list', ''),
            ('property set', 'gpu --public'),
            ('property show', 'gpu'),
            ('capability list', ''),
            ('capability set', 'gpu --private'),
            ('capability show', 'gpu'),
            ('capability update', 'gpu --public'),
        )
    },
}
#: Said of what none of these services has.
OF_CHAMELEON = "an addition of Chameleon's Blazar, which this service does not have"


@dataclasses.dataclass(frozen=True)
class Cell:
    """How a command ended."""

    works: bool
    sentence: str


def expected(command: str, client: str | None, newest: str) -> str:
    """The beginning of what a command says that refuses; empty for one that works."""
    if command == 'version show':
        return ''
    if command.startswith(('device ', 'network ')):
        # Before any version is looked at.
        return OF_CHAMELEON
    spoken = client or newest
    if command == 'lease create --subscribe':
        needed, what = '1.1', 'Lease.subscriptions needs'
    elif command.startswith(('subscription', 'notification')) and spoken == '1.0':
        needed, what = '1.1', 'This needs'
    elif command.endswith('--before-end'):
        needed, what = '1.2', 'Subscription.before_end needs'
    else:
        needed, what = '1.0', ''
    if needed > spoken:
        # Before any request.
        return f'{what} microversion {needed} or greater, but {spoken} is spoken'
    if spoken > newest:
        return f'Version {spoken} is not supported by the API. Minimum is 1.0 and maximum is'
    return OF_CHAMELEON if command == 'host reallocate' else ''


# ------------------------------------------------------------------------- what there is


class Place:
    """A service with something in it, whatever the client at hand may speak."""

    def __init__(self, box: Sandbox, url: str) -> None:
        self.box = box
        self._alice = box.client('alice')
        self._admin = box.client('admin')
        network = box.session('admin').get(
            '/v2.0/networks?name=public', endpoint_filter={'service_type': 'network'}
        )
        self.names = {'network': network.json()['networks'][0]['id'], 'url': url, 'delivery': '-'}

    @contextlib.contextmanager
    def filled(self) -> Iterator[None]:
        """A lease and a subscription, both named ``there``, that are gone in the end."""
        subscribes = str(self._alice.api_versions()['spoken']) > '1.0'
        if subscribes:
            subscription = self._alice.subscriptions.create(
                f'{self.names["url"]}/there', name='there'
            )
        reservation = {'resource_type': 'physical:host', 'min': 1, 'max': 1}
        self._alice.leases.create('there', 'now', '+1h', [reservation]).wait(timeout=60)
        if subscribes:
            found = self._alice.notifications.page(after='latest')
            assert found[1]
            self.names['delivery'] = next(iter(subscription.deliveries())).id
        yield
        for one in self._alice.leases.list():
            one.delete()
        for each in self._alice.subscriptions.list() if subscribes else ():
            each.delete()
        for address in self._admin.floatingips.list():
            address.delete()
        if 'compute-4' not in {host.hypervisor_hostname for host in self._admin.hosts.list()}:
            self._admin.hosts.create('compute-4')

    def run(self, command: str, client: str | None) -> Ran:
        """Type a command."""
        user, line = LINES[command]
        words, _, _ = command.partition(' --')
        given = f'{words} {line}'.format_map(self.names).split()
        pin = [OPTION, client] if client else []
        argv = ['--os-cloud', user, *pin, *given]
        os.environ['OS_CLIENT_CONFIG_FILE'] = str(self.box.config_file)
        if words == 'subscription listen':
            return self._listen(argv)
        return run_here(shell.main, argv)

    def _listen(self, argv: list[str]) -> Ran:
        """Listen until the first line is there, and end it with Ctrl-C."""
        script = pathlib.Path(sys.executable).parent / 'blazar'
        with subprocess.Popen(
            [*INTERRUPTIBLE, str(script), *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            assert process.stderr
            first = process.stdout.readline()
            if first:
                process.send_signal(signal.SIGINT)
            try:
                code = process.wait(30)
            finally:
                process.kill()
            return Ran(
                tuple(argv), 0 if first and code == 130 else code, first, process.stderr.read()
            )


def seen(newest: str) -> dict[tuple[str, str | None], Cell]:
    """How every command ends with every client, against a service of a microversion."""
    cells: dict[tuple[str, str | None], Cell] = {}
    with Receiver() as receiver, testing.sandbox(hosts=4, pin=newest) as box:
        place = Place(box, receiver.url())
        for client in CLIENTS:
            with place.filled():
                for command in LINES if FULL or client is None else PINNED:
                    ran = place.run(command, client)
                    cells[command, client] = Cell(ran.code == 0, ran.stderr)
    return cells


# ------------------------------------------------------------------------------ the table


def word(command: str, client: str | None, newest: str) -> str:
    """What the table says of a command."""
    sentence = expected(command, client, newest)
    if not sentence:
        return 'works'
    if sentence == OF_CHAMELEON:
        return "refused: only Chameleon's Blazar has it"
    if sentence.startswith('Version'):
        return f'refused: {newest} is the newest there'
    return 'refused: needs ' + sentence.partition('microversion ')[2].partition(' ')[0]


def table() -> str:
    """The table of the documentation: commands that behave alike stand in one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for command in LINES:
        words = [
            word(command, client, newest) for client in CLIENTS for newest in SERVICES.values()
        ]
        rows.setdefault(tuple(words), []).append(command)
    lines = ['.. list-table::', '   :header-rows: 1', '']
    heads = ('Commands', 'Client', *SERVICES)
    lines += [f'   {"*" if not number else " "} - {head}' for number, head in enumerate(heads)]
    for cells_of, commands in rows.items():
        for number, client in enumerate(CLIENTS):
            cells = cells_of[number * len(SERVICES) : (number + 1) * len(SERVICES)]
            first = ', '.join(f'``{each}``' for each in commands) if not number else ''
            lines += [f'   * - {first}'.rstrip(), f'     - {client or "negotiates"}']
            lines += [f'     - {cell}' for cell in cells]
    return '\n'.join([*lines, ''])


def test_every_command_is_tried() -> None:
    """Nobody adds a command and forgets it here."""
    assert {command.partition(' --')[0] for command in LINES} == COMMANDS.keys()


@pytest.mark.skipif(REAL, reason='it starts services of its own')
@pytest.mark.parametrize('newest', SERVICES.values(), ids=SERVICES)
def test_works_or_says_why_not(newest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command does what it is for, or says which version that needs, and where the pin is."""
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', '')
    for (command, client), cell in seen(newest).items():
        what = f'{command}, client {client}: {cell.sentence}'
        sentence = expected(command, client, newest)
        assert cell.works == (not sentence), what
        assert sentence in cell.sentence, what
        if sentence not in ('', OF_CHAMELEON) and client is not None:
            assert f'pinned by {OPTION}' in cell.sentence, what


def test_table() -> None:
    """The documentation shows what the test above holds."""
    assert TABLE.read_text() == table(), 'python -m tests.functional.test_matrix writes it anew'


if __name__ == '__main__':
    TABLE.write_text(table())
