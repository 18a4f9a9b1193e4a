"""Reading what happened, and waiting for it: ``GET /v1/notifications``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest

from blazarclient.server.api import feed
from blazarclient.server.config import Settings
from blazarclient.server.objects import notification_types
from blazarclient.server.store import fan_out, log
from blazarclient.server.store.database import Database
from tests.entries import document, publish
from tests.front_door import BEGIN, Answer, FrontDoor

_PATIENCE = 30


@pytest.fixture
def door(database_url: str) -> Iterator[FrontDoor]:
    """A service on each kind of database, where three requests may wait."""
    made = FrontDoor(database_url, settings=Settings(waiters=3))
    yield made
    feed.close(made.app)
    made.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests that wait."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def read(door: FrontDoor, query: str = '', user: str = 'alice') -> Answer:
    """Ask for notifications at the newest microversion."""
    return door.call(user, 'GET', f'/notifications{query}', microversion='1.2')


def ids(answer: Answer) -> list[str]:
    """The IDs of the notifications in an answer."""
    assert answer.status == 200, answer
    return [each['id'] for each in answer.body['notifications']]


def test_gives_a_project_its_own_in_the_order_of_the_log(door: FrontDoor) -> None:
    """A reader sees what happened in the own project, in order, and nothing of another one."""
    mine = [publish(door.context()) for _ in range(3)]
    publish(door.context(), project_id='p-other', user_id='u-bob')
    answer = read(door)
    assert ids(answer) == mine
    assert answer.body['cursor'] == '00000000000000000004'


def test_goes_on_from_a_cursor(door: FrontDoor) -> None:
    """Pages that are read one after the other are all there is, each entry once."""
    made = [publish(door.context()) for _ in range(5)]
    found, query = [], '?limit=2'
    for _ in range(3):
        answer = read(door, query)
        found += ids(answer)
        query = f'?limit=2&after={answer.body["cursor"]}'
    assert found == made
    assert not ids(read(door, query))


def test_chooses_types_and_a_lease(door: FrontDoor) -> None:
    """Types are separated by commas or repeated, and may be prefixes or Blazar's names."""
    lease = document('p-demo', 'u-alice', BEGIN)
    kinds = (notification_types.CREATED, notification_types.STARTED, notification_types.ENDED)
    created, started, ended = (publish(door.context(), kind, lease=lease) for kind in kinds)
    other = publish(door.context())
    assert ids(read(door, '?types=lease.started,lease.ended')) == [started, ended]
    assert ids(read(door, '?types=start_lease&types=lease.created')) == [created, started, other]
    assert ids(read(door, f'?types=lease.*&lease_id={lease["id"]}')) == [created, started, ended]


def test_gives_administrators_everything_when_they_ask_for_it(door: FrontDoor) -> None:
    """all_projects is for administrators; without it they, too, see their own project only."""
    made = publish(door.context())
    assert ids(read(door, user='admin')) == []
    assert ids(read(door, '?all_projects=true', user='admin')) == [made]
    refused = read(door, '?all_projects=true')
    assert refused.status == 403
    assert 'reservation:notifications:get_all' in refused.sentence


def test_begins_where_it_is_asked_to(door: FrontDoor) -> None:
    """since=TIME begins with what was noticed then, after=latest with what comes from now on."""
    publish(door.context())
    door.advance(10)
    second = publish(door.context())
    assert ids(read(door, '?since=2030-01-07T08:05:00Z')) == [second]
    assert ids(read(door, '?since=2030-01-07T10:05:00%2B02:00')) == [second]
    assert ids(read(door, '?since=2031-01-01')) == []
    latest = read(door, '?after=latest')
    assert (ids(latest), latest.body['cursor']) == ([], '00000000000000000002')


def sweep(door: FrontDoor) -> None:
    """Forget what is older than the service keeps."""
    keeps = timedelta(days=door.settings.keep_notifications)
    with door.database.transaction() as connection:
        # A worker has seen to it who is sent them.
        fan_out.advance(connection, log.head(connection))
        log.sweep(connection, door.now - keeps, limit=100)


@pytest.mark.parametrize('after', ['0', '1', '00000000000000000004', '99999999999999999999'])
def test_leaves_no_gap_unsaid(door: FrontDoor, after: str) -> None:
    """A cursor of what is no longer kept, or of what never was, is gone: 410."""
    first = read(door).body['cursor']
    for _ in range(2):
        publish(door.context())
    door.advance(60 * 24 * 15)
    kept = publish(door.context())
    sweep(door)
    assert ids(read(door)) == [kept]
    assert ids(read(door, '?after=2')) == [kept]
    for cursor in (after, first):
        assert read(door, f'?after={cursor}').status == 410
    assert read(door, '?since=2030-01-07').status == 410


@pytest.mark.parametrize(
    ('query', 'words'),
    [
        ('after=abc', 'after=abc'),
        ('after=-1', 'cursor'),
        ('after=123456789012345678901', 'cursor'),
        ('after=%C2%B2', 'cursor'),
        ('after=1&since=2030-01-07', 'not both'),
        ('since=yesterday', '2026-11-20T15:00:00Z'),
        ('since=0001-01-01T00:00:00%2B23:00', 'a time'),
        ('limit=0', 'from 1 to 1000'),
        ('limit=1001', 'from 1 to 1000'),
        ('limit=1.5', 'a whole number'),
        ('wait=31', 'from 0 to 30'),
        ('types=lease.created,nonsense', 'nonsense'),
        ('all_projects=perhaps', 'true or false'),
    ],
)
def test_refuses_what_cannot_be(door: FrontDoor, query: str, words: str) -> None:
    """A wrong value is 400 with a sentence that names it and says what would be right."""
    answer = read(door, f'?{query}')
    assert answer.status == 400
    assert words in answer.sentence


def test_is_unknown_at_1_0(door: FrontDoor) -> None:
    """At 1.0 there is no such URL, and the answer is the one for any other, to every method."""
    for method in ('GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'):
        answer = door.call('alice', method, '/notifications')
        unknown = door.call('alice', method, '/nothing')
        assert (answer.status, answer.body) == (unknown.status, unknown.body)
        assert {*answer.headers.keys()} == {*unknown.headers.keys()}
    assert door.call('alice', 'POST', '/notifications', microversion='1.1').status == 405
    # Nor is what 1.2 begins there at 1.1, whose errors have a form of their own.
    answer = door.call('alice', 'GET', '/availability', microversion='1.1')
    assert answer.status == 404
    assert answer.body['errors'][0]['code'] == 'reservation.not-found'


# ------------------------------------------------------------------------ waiting


def waiting(door: FrontDoor) -> int:
    """How many requests are waiting."""
    count: int = door.app.extensions['reservation-waiters'].count
    return count


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def ask(
    door: FrontDoor, threads: ThreadPoolExecutor, query: str, user: str = 'alice'
) -> Future[Answer]:
    """Send a request that waits, and return when it does."""
    before = waiting(door)
    answer = threads.submit(read, door, query, user)
    eventually(lambda: waiting(door) > before or answer.done())
    return answer


def test_answers_as_soon_as_there_is_something_for_this_reader(
    door: FrontDoor, threads: ThreadPoolExecutor
) -> None:
    """Who waits is answered with what is for them, and goes on waiting at what is not."""
    lease = document('p-demo', 'u-alice', BEGIN)
    mine = ask(door, threads, '?after=latest&wait=30')
    of_lease = ask(door, threads, f'?wait=30&lease_id={lease["id"]}')
    ended = ask(door, threads, '?wait=30&types=lease.ended')
    publish(door.context(), project_id='p-other', user_id='u-bob')
    first = publish(door.context())
    assert ids(mine.result(_PATIENCE)) == [first]
    assert not of_lease.done()
    assert not ended.done()
    second = publish(door.context(), notification_types.STARTED, lease=lease)
    assert ids(of_lease.result(_PATIENCE)) == [second]
    third = publish(door.context(), notification_types.ENDED)
    assert ids(ended.result(_PATIENCE)) == [third]
    # Nobody waits, so nobody looks.
    eventually(lambda: not [each for each in threading.enumerate() if each.name == 'feed'])


def test_answers_with_nothing_when_there_is_nothing(door: FrontDoor) -> None:
    """After the wait the answer is empty, and its cursor has passed what others did."""
    publish(door.context(), project_id='p-other', user_id='u-bob')
    answer = read(door, '?wait=1')
    assert (ids(answer), answer.body['cursor']) == ([], '00000000000000000001')


def test_limits_how_many_wait(door: FrontDoor, threads: ThreadPoolExecutor) -> None:
    """The one that is too many is told when to come again; without waiting there is no limit."""
    waits = [ask(door, threads, '?wait=30') for _ in range(3)]
    refused = read(door, '?wait=30')
    assert refused.status == 429
    assert int(refused.headers['Retry-After']) > 0
    assert ids(read(door)) == []
    made = publish(door.context())
    assert [ids(each.result(_PATIENCE)) for each in waits] == [[made]] * 3
    assert waiting(door) == 0


def test_answers_those_who_wait_when_the_service_ends(
    door: FrontDoor, threads: ThreadPoolExecutor
) -> None:
    """The end of the service answers all that wait, and later requests do not wait."""
    waits = [ask(door, threads, '?wait=30', user) for user in ('alice', 'bob')]
    feed.close(door.app)
    assert [ids(each.result(_PATIENCE)) for each in waits] == [[], []]
    assert ids(read(door, '?wait=30')) == []


def test_waits_without_a_transaction(door: FrontDoor, threads: ThreadPoolExecutor) -> None:
    """Others write and read while somebody waits, in a database in memory too."""
    answer = ask(door, threads, '?wait=30&types=lease.deleted')
    checked_out = door.database.engine.pool.status()
    for _ in range(20):
        publish(door.context())
    assert len(ids(read(door))) == 20
    assert not answer.done(), checked_out
    made = publish(door.context(), notification_types.DELETED)
    assert ids(answer.result(_PATIENCE)) == [made]


def test_hears_of_what_another_process_writes(
    shared_database_url: str, threads: ThreadPoolExecutor
) -> None:
    """Entries of others, of whom no bell tells, are found by looking."""
    here, there = FrontDoor(shared_database_url), FrontDoor(shared_database_url)
    try:
        answer = ask(here, threads, '?wait=30')
        made = publish(there.context())
        assert ids(answer.result(_PATIENCE)) == [made]
    finally:
        feed.close(here.app)
        here.close()
        there.close()


def test_goes_on_when_the_database_was_away(
    door: FrontDoor, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that fails is tried again."""
    answer = ask(door, threads, '?wait=30')
    transaction = Database.transaction
    failed = threading.Event()

    def away(self: Database, *, write: bool = True) -> object:
        if threading.current_thread().name == 'feed':
            failed.set()
            raise ConnectionError('the database is away')
        return transaction(self, write=write)

    with monkeypatch.context() as patch:
        patch.setattr(Database, 'transaction', away)
        assert failed.wait(_PATIENCE)
    made = publish(door.context())
    assert ids(answer.result(_PATIENCE)) == [made]


def test_lets_go_of_who_has_hung_up(door: FrontDoor) -> None:
    """A request whose client is gone keeps its place for no more than a few seconds."""
    gone = threading.Event()
    headers = {'X-Auth-Token': 'alice', 'OpenStack-API-Version': 'reservation 1.1'}
    client = door.app.test_client()

    def send() -> int:
        answer = client.get(
            '/v1/notifications?wait=30',
            headers=headers,
            environ_base={'waitress.client_disconnected': gone.is_set},
        )
        return answer.status_code

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send)
        eventually(lambda: waiting(door) == 1)
        began = time.monotonic()
        gone.set()
        assert answer.result(_PATIENCE) == 200
        assert time.monotonic() - began < _PATIENCE / 2
