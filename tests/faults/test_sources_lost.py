"""What happens to leases reaches the log although the sources of it break.

On the real cloud of tests/cloud, with the gateway's listener in a process of its own on a MariaDB
of the tests'. It kills Blazar's manager, stops RabbitMQ, empties the queue and takes the database
away, for everybody who uses that cloud::

    tests/cloud/cloud up; tests/cloud/cloud seed
    export BLAZARCLIENT_TEST_CLOUD=1 BLAZARCLIENT_FAULTS=full
    python -m pytest tests/faults/test_sources_lost.py

At full size it takes a quarter of an hour, and writes the table for the documentation.
"""

from __future__ import annotations

import contextlib
import pathlib
import platform
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from blazarclient.server.objects import lease_document
from tests.faults import FULL
from tests.real_cloud import REAL, RealCloud, until

if REAL:
    from tests.faults.listening import Listening

pytestmark = pytest.mark.skipif(not REAL, reason='needs the real cloud of tests/cloud')

TABLE = pathlib.Path(__file__).parents[2] / 'doc/source/contributor/reliability-sources-table.rst'
#: Where pytest keeps the figures from one run to the next, and of how many tests.
KEPT, TESTS = 'blazarclient/sources', 7
CREATED, UPDATED, STARTED, DELETED = (
    'lease.created',
    'lease.updated',
    'lease.started',
    'lease.deleted',
)
#: Seconds for which the database is away.
AWAY = 60 if FULL else 8
TIMES = 5 if FULL else 1


class Figures:
    """What was measured, for the table.

    :param kept: what was measured by tests that have run before: their name -> a row.
    """

    def __init__(self, kept: dict[str, list[str]]) -> None:
        self.rows = kept
        self.test = ''

    def add(
        self,
        what: str,
        listening: Listening,
        leases: list[str],
        took: float,
        processor: str = '-',
    ) -> None:
        """Count what is in the log of some leases; that nothing is lost or doubled was seen."""
        entries = [each for lease in leases for each in listening.entries(lease)]
        sources = Counter(each['source'] for each in entries)
        self.rows[self.test] = [
            what,
            f'{len(entries)}',
            f'{sources["bus"]}',
            f'{sources["comparison"]}',
            '0',
            '0',
            f'{took:.0f} s',
            processor,
        ]

    def write(self) -> None:
        """Write the table."""
        head = ('what', 'happened', 'by the bus', 'by the comparison', 'lost', 'doubled',
                'all there after', 'processor')  # fmt: skip
        lines = [
            f'.. Written by {pathlib.Path(__file__).name}; run it again instead of editing this.',
            '',
            'On the cloud of ``tests/cloud`` (Blazar 18.0.0, RabbitMQ), a comparison every 10 s.',
            f'Measured with MariaDB and Python {platform.python_version()} on Linux, 2 cores.',
            '',
            '.. list-table::',
            '   :header-rows: 1',
            '',
        ]
        for row in (head, *(row for _, row in sorted(self.rows.items()))):
            lines += [f'   {"*" if not n else " "} - {cell}' for n, cell in enumerate(row)]
        TABLE.write_text('\n'.join([*lines, '']))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """Figures, which become a table when each test has run at full size once."""
    cache = request.config.cache
    assert cache is not None
    kept = Figures(cache.get(KEPT, {}))
    kept.test = request.node.name
    yield kept
    if FULL:
        cache.set(KEPT, kept.rows)
        if len(kept.rows) == TESTS:
            kept.write()


@pytest.fixture
def cloud() -> Iterator[RealCloud]:
    """The cloud, which is whole again at the end."""
    made = RealCloud()
    yield made
    made.up()
    made.close()


@pytest.fixture
def listening(cloud: RealCloud, mariadb_url: str, tmp_path: pathlib.Path) -> Iterator[Listening]:
    """A listener at work."""
    made = Listening(cloud, mariadb_url, tmp_path)
    made.purge()
    made.start()
    yield made
    made.kill()
    made.database.dispose()


def made(cloud: RealCloud, listening: Listening, *, start: int = 60, end: int = 120) -> str:
    """A lease that the log knows of."""
    lease = cloud.create(start=start, end=end)
    until(lambda: listening.count(lease)[CREATED])
    return lease


def aside(act: Callable[[], object]) -> threading.Thread:
    """Do something that may never be answered."""

    def run() -> None:
        with contextlib.suppress(Exception):
            act()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize('what', ['update', 'start', 'delete'])
def test_manager_killed_between_commit_and_publish(
    cloud: RealCloud, listening: Listening, figures: Figures, what: str
) -> None:
    """What Blazar has written and never told is published once."""
    expected: dict[str, dict[str, int]] = {}
    for _ in range(TIMES):
        lease = made(cloud, listening, start=1 if what == 'start' else 60)
        _kill_during(cloud, lease, what)
        cloud.up()
        kind = {'update': UPDATED, 'start': STARTED, 'delete': DELETED}[what]
        expected[lease] = {CREATED: 1, kind: 1}
    took = listening.settled(expected)
    name = f'Blazar killed between what it writes and what it sends: {what}, {TIMES} times'
    figures.add(name, listening, [*expected], took)
    for lease in expected:
        if what != 'delete':
            cloud.delete(lease)


def _kill_during(cloud: RealCloud, lease: str, what: str) -> None:
    """Kill the manager when it has written something of a lease."""
    end = cloud.stored(lease)['end_date']
    if what == 'update':
        aside(lambda: cloud.move(lease, 150))
        cloud.kill_manager_when(lambda: cloud.stored(lease)['end_date'] != end)
    elif what == 'start':
        cloud.kill_manager_when(lambda: cloud.stored(lease)['status'] == 'ACTIVE')
    else:
        aside(lambda: cloud.ask('DELETE', f'/leases/{lease}'))
        cloud.kill_manager_when(lambda: not cloud.stored(lease))


def test_broker_restarted(cloud: RealCloud, listening: Listening, figures: Figures) -> None:
    """What happens while RabbitMQ is away, and right after, is published once."""
    expected: dict[str, dict[str, int]] = {}
    for _ in range(1 + TIMES // 2):
        # It starts while there is no broker.
        starting, moving, going = (made(cloud, listening, start=each) for each in (2, 60, 60))
        moment = datetime.fromisoformat((cloud.show(starting) or {})['start_date'])
        remaining = moment.replace(tzinfo=UTC).timestamp() - time.time()
        time.sleep(max(0.0, remaining - 3))
        with cloud.without_broker():
            time.sleep(8)
        _move_when_possible(cloud, moving, 180)
        cloud.delete(going)
        expected[starting] = {CREATED: 1, STARTED: 1}
        expected[moving] = {CREATED: 1, UPDATED: 1}
        expected[going] = {CREATED: 1, DELETED: 1}
    took = listening.settled(expected)
    figures.add(f'RabbitMQ restarted, {1 + TIMES // 2} times', listening, [*expected], took)
    for lease, kinds in expected.items():
        if DELETED not in kinds:
            cloud.delete(lease)


def _move_when_possible(cloud: RealCloud, lease: str, end: int) -> None:
    """Move the end of a lease; while Blazar has no bus it answers nothing."""

    def has_a_bus() -> bool:
        status: int = cloud.ask('GET', f'/leases/{lease}').status_code
        return status == 200

    until(has_a_bus, 120)
    cloud.move(lease, end)


def test_queue_purged(cloud: RealCloud, listening: Listening, figures: Figures) -> None:
    """What was in the queue when it was emptied is found by the comparison, each lease once."""
    expected: dict[str, dict[str, int]] = {}
    lost = 0
    for _ in range(TIMES):
        moved = [made(cloud, listening) for _ in range(3)]
        listening.kill()
        new = cloud.create(start=60, end=120)
        for lease in moved:
            # Two updates between two looks arrive as one.
            cloud.move(lease, 130)
            cloud.move(lease, 140)
        cloud.delete(moved[0])
        lost += listening.purge()
        listening.start()
        expected[new] = {CREATED: 1}
        expected[moved[0]] = {CREATED: 1, DELETED: 1}
        expected[moved[1]] = expected[moved[2]] = {CREATED: 1, UPDATED: 1}
        took = listening.settled(expected)
    for lease, kinds in expected.items():
        if DELETED not in kinds:
            shown = listening.entries(lease)[-1]['data']['lease']
            real = cloud.show(lease)
            assert real is not None
            assert lease_document.parts(shown) == lease_document.parts(real)
            cloud.delete(lease)
    # Others may use the cloud too.
    assert lost >= 8 * TIMES
    name = f'gateway killed and {lost} messages purged from its queue'
    figures.add(name, listening, [*expected], took)


@pytest.mark.parametrize('how', ['refuses', 'hangs'])
def test_database_away(cloud: RealCloud, listening: Listening, figures: Figures, how: str) -> None:
    """30 updates of a lease in six seconds while the database is away become 30 entries."""
    lease = made(cloud, listening)
    away = listening.without_database if how == 'refuses' else listening.hanging_database
    with away():
        used, begin = listening.seconds_used(), time.monotonic()
        for number in range(30):
            cloud.move(lease, 130 + number)
        updating = time.monotonic() - begin
        time.sleep(max(0.0, AWAY - updating))
        used, passed = listening.seconds_used() - used, time.monotonic() - begin
    took = listening.settled({lease: {CREATED: 1, UPDATED: 30}})
    updates = [each for each in listening.entries(lease) if each['type'] == UPDATED]
    assert {each['source'] for each in updates} == {'bus'}
    assert [each['time'] for each in updates] == sorted(each['time'] for each in updates)
    assert used / passed < 0.2
    name = f'database {how} for {passed:.0f} s, 30 updates of one lease in {updating:.1f} s'
    figures.add(name, listening, [lease], took, f'{100 * used / passed:.1f} %')
    cloud.delete(lease)
    listening.stop()
