"""What becomes of a subscription: by its owner, by its endpoint, by time, and by two at once."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from blazarclient.server import errors
from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects import subscription_checks
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store import log, tables
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.databases import shared_database_url
from tests.entries import publish
from tests.front_door import FrontDoor

__all__ = ['shared_database_url']

SETTINGS = Settings(secret_keys=(new_key(), new_key()), subscriptions_per_project=5)
HOOK = {'url': 'https://ci.example/hook'}
BODY = {'notify_endpoint': HOOK}


@pytest.fixture
def door() -> Iterator[FrontDoor]:
    made = FrontDoor(settings=SETTINGS)
    yield made
    made.close()


def of_alice(door: FrontDoor) -> RequestContext:
    return RequestContext(
        database=door.database,
        policy=door.policy,
        settings=door.settings,
        user_id='u-alice',
        project_id='p-demo',
        roles=frozenset({'member', 'reader'}),
    )


def subscribe(door: FrontDoor, **values: Any) -> Subscription:
    return Subscription.create(of_alice(door), {**BODY, **values}, '1.2')[0]


def again(door: FrontDoor, subscription: Subscription) -> Subscription:
    """As it is stored."""
    return Subscription.get_by_id(of_alice(door), subscription.id)


def queue(door: FrontDoor, subscription: Subscription, sequence: int, state: str) -> str:
    """A delivery, as a worker would make it."""
    made = str(uuid.uuid4())
    with door.database.transaction() as connection:
        connection.execute(
            tables.deliveries.insert().values(
                id=made,
                version='1.0',
                subscription_id=subscription.id,
                sequence=sequence,
                notification_id=str(uuid.uuid4()),
                lane=subscription.id,
                state=state,
                due_at=door.now,
                attempt=0,
                attempts='[]',
                created_at=door.now,
            )
        )
        connection.execute(tables.log_head.update().values(fanned_out=sequence))
    return made


def states(door: FrontDoor) -> set[str]:
    with door.database.transaction(write=False) as connection:
        return set(connection.scalars(sa.select(tables.deliveries.c.state)))


def told(door: FrontDoor, kind: str = 'subscription.disabled') -> list[Notification]:
    found, _ = Notification.feed(of_alice(door), after=0, limit=100, types=[kind])
    return found


# ------------------------------------------------------------- by its endpoint


def test_from_pending_to_failing_and_back(door: FrontDoor) -> None:
    """Verified it is active, with a failure failing, with a success active again."""
    made = subscribe(door)
    assert (made.status, made.verify_at) == ('pending', door.now)
    made.failed(door.now, 'timeout')
    assert (made.status, made.consecutive_failures) == ('pending', 1)
    made.verified()
    found = again(door, made)
    assert (found.status, found.status_reason, found.verify_at) == ('active', None, None)
    assert (found.consecutive_failures, found.failing_since) == (0, None)
    made.failed(door.now, 'http-503', attempts=3)
    found = again(door, made)
    assert (found.status, found.consecutive_failures) == ('failing', 3)
    assert found.status_reason == 'The last attempt has failed: http-503.'
    made.succeeded(door.now)
    found = again(door, made)
    assert (found.status, found.status_reason, found.last_success_at) == ('active', None, door.now)
    assert (found.consecutive_failures, found.failing_since) == (0, None)
    # None of this is a change of its owner.
    assert (found.revision, found.updated_at) == (1, None)


def test_410_disables_at_once(door: FrontDoor) -> None:
    """Its project is told, and what was still to be sent is cancelled."""
    made = subscribe(door)
    made.verified()
    queue(door, made, 7, 'queued')
    made.failed(door.now, 'http-410')
    found = again(door, made)
    assert (found.status, found.enabled) == ('disabled', False)
    assert '410' in (found.status_reason or '')
    assert states(door) == {'cancelled'}
    (notice,) = told(door)
    assert (notice.subscription_id, notice.project_id) == (made.id, 'p-demo')
    assert notice.data['subscription']['status_reason'] == found.status_reason
    assert 'secret' not in str(notice.render('1.2'))
    # Once is enough.
    made.failed(door.now, 'http-410')
    made.disable('again')
    assert len(told(door)) == 1


def test_120_hours_without_a_success(door: FrontDoor) -> None:
    """The time counts from the first failure after the last success."""
    made = subscribe(door)
    made.verified()
    begin = door.now
    made.failed(begin, 'timeout')
    made.failed(begin + timedelta(hours=119), 'timeout')
    made.succeeded(begin + timedelta(hours=119))
    made.failed(begin + timedelta(hours=121), 'timeout')
    made.failed(begin + timedelta(hours=240), 'timeout')
    assert again(door, made).status == 'failing'
    made.failed(begin + timedelta(hours=241), 'tls')
    found = again(door, made)
    assert (found.status, found.status_reason) == (
        'disabled',
        'Nothing has arrived for 120 hours; the last error was tls.',
    )


def test_a_worker_that_comes_late_changes_nothing(door: FrontDoor) -> None:
    """What it knows of an endpoint that is no longer that of the subscription is past."""
    made = subscribe(door)
    late = Subscription.for_service(door.context(), made.id)
    assert late is not None
    made.patch({'notify_endpoint': {'url': 'https://other.example/'}}, None, '1.2')
    late.verified()
    assert again(door, made).status == 'pending'
    late = Subscription.for_service(door.context(), made.id)
    assert late is not None
    made.patch({'enabled': False}, None, '1.2')
    late.failed(door.now, 'timeout')
    late.verified()
    late.disable('late')
    found = again(door, made)
    assert (found.status, found.status_reason) == ('disabled', 'Disabled by its owner.')
    made.destroy()
    late.succeeded(door.now)
    late.expire()
    assert Subscription.for_service(door.context(), made.id) is None


# ---------------------------------------------------------------- by its owner


def test_where_it_has_stopped(door: FrontDoor) -> None:
    """The cursor is what all before was sent; disabled it stands, and enabled it goes on."""
    made = subscribe(door)
    made.verified()
    for _ in range(9):
        publish(door.context())
    queue(door, made, 4, 'delivered')
    queue(door, made, 5, 'waiting')
    queue(door, made, 7, 'sending')
    assert (again(door, made).cursor, again(door, made).queued) == (f'{4:020d}', 2)
    made = again(door, made)
    made.patch({'enabled': False}, None, '1.1')
    assert (made.cursor, made.queued) == (f'{4:020d}', 0)
    assert states(door) == {'delivered', 'cancelled'}
    publish(door.context())
    assert again(door, made).cursor == f'{4:020d}'
    made.patch({'enabled': True}, None, '1.1')
    # The answer tells from where on it has missed something, and so does the reason.
    assert (made.status, made.cursor) == ('active', f'{4:020d}')
    assert f'{4:020d}' in (made.status_reason or '')
    assert states(door) == {'delivered', 'cancelled'}
    assert int(again(door, made).cursor) == again(door, made).start_sequence == 10


def test_nothing_open_is_the_head_of_what_was_handed_out(door: FrontDoor) -> None:
    made = subscribe(door)
    assert made.cursor == f'{0:020d}'
    queue(door, made, 12, 'failed')
    assert again(door, made).cursor == f'{12:020d}'
    newer = subscribe(door, types=['*'])
    assert [each.cursor for each in Subscription.list(of_alice(door))] == [f'{12:020d}'] * 2
    assert newer.start_sequence == 0


def test_another_way_to_verify(door: FrontDoor) -> None:
    """It is asked again, and keeps what is queued; a new name changes nothing of this."""
    made = subscribe(door)
    made.verified()
    queue(door, made, 3, 'queued')
    made.patch({'name': 'x', 'types': ['*']}, None, '1.2')
    assert made.status == 'active'
    made.patch({'verify': 'get'}, None, '1.2')
    assert (made.status, made.verify_at, made.verify_attempts) == ('pending', door.now, 0)
    assert states(door) == {'queued'}


def test_what_expires_can_be_given_more_time(door: FrontDoor) -> None:
    made = subscribe(door, expires_at='2030-01-08T00:00:00Z')
    made.verified()
    made.expire()
    assert again(door, made).status == 'active'
    door.advance(24 * 60)
    made = again(door, made)
    made.expire()
    found = again(door, made)
    assert (found.status, found.status_reason) == (
        'expired',
        'It has expired at 2030-01-08T00:00:00Z.',
    )
    with pytest.raises(errors.Conflict, match='later expires_at'):
        found.patch({'enabled': True}, None, '1.2')
    found.patch({'expires_at': None}, None, '1.2')
    assert again(door, made).status == 'active'


def test_one_that_is_disabled_expires_too(door: FrontDoor) -> None:
    """It knows where it has stopped, and is disabled again when it gets more time."""
    made = subscribe(door, expires_at='2030-01-08T00:00:00Z', enabled=False)
    door.advance(24 * 60)
    publish(door.context())
    queue(door, made, 1, 'delivered')
    made = again(door, made)
    made.expire()
    assert (made.status, made.cursor) == ('expired', f'{0:020d}')
    made.patch({'expires_at': '2031-01-01T00:00:00Z'}, None, '1.2')
    found = again(door, made)
    assert (found.status, found.status_reason) == ('disabled', 'Disabled by its owner.')
    assert found.stopped_sequence == 0


def test_its_project_is_told_before_it_expires(door: FrontDoor) -> None:
    made = subscribe(door, expires_at='2030-01-08T00:00:00Z')
    made.tell_expiring()
    (notice,) = told(door, 'subscription.expiring')
    assert notice.expires_at == made.expires_at
    assert again(door, made).expiring_told_at == door.now
    made.patch({'expires_at': '2030-01-09T00:00:00Z'}, None, '1.2')
    assert again(door, made).expiring_told_at is None


def test_secrets_overlap(door: FrontDoor) -> None:
    """The one before signs too, for as long as its owner wants."""
    made, first = Subscription.create(of_alice(door), BODY, '1.2')
    second = made.rotate(60)
    found = again(door, made)
    assert [*found.secrets(door.now)] == [second, first]
    assert [*found.secrets(door.now + timedelta(seconds=60))] == [second]
    third = made.rotate(0)
    assert [*again(door, made).secrets(door.now)] == [third]
    assert again(door, made).revision == 3


def test_keys_can_be_replaced(door: FrontDoor) -> None:
    """A new key in front encrypts; what was encrypted before can be read while its key is there."""
    made, secret = Subscription.create(of_alice(door), BODY, '1.2')
    old = SETTINGS.secret_keys
    for keys, is_readable in (((new_key(), *old), True), ((new_key(),), False)):
        door.settings = Settings(secret_keys=keys)
        found = Subscription.get_by_id(of_alice(door), made.id)
        if is_readable:
            assert [*found.secrets(door.now)] == [secret]
        else:
            with pytest.raises(errors.NotConfigured, match='secret_key does not name'):
                found.secrets(door.now)


# -------------------------------------------------------------------- versions


def test_a_row_of_1_0(door: FrontDoor) -> None:
    """What an older server has written has no lead times, and is new once it is written."""
    made = subscribe(door)
    with door.database.transaction() as connection:
        change = tables.subscriptions.update().values(version='1.0')
        connection.execute(change)
    found = again(door, made)
    assert found.before_end == []
    assert found.render('1.2')['before_end'] == []
    found.patch({'before_end': ['PT1H']}, None, '1.2')
    with door.database.transaction(write=False) as connection:
        row = connection.execute(sa.select(tables.subscriptions)).one()
    assert (row.version, row.before_end) == ('1.1', '["PT1H"]')
    assert again(door, made).lead_seconds == {3600}


def test_a_pinned_server_writes_1_0(tmp_path: Any) -> None:
    """It takes no lead times, and leaves alone those that a newer server has stored."""
    url = f'sqlite:///{tmp_path}/reservation.db'
    new = FrontDoor(url, settings=SETTINGS)
    pinned = FrontDoor(url, settings=Settings(secret_keys=SETTINGS.secret_keys, pin='1.1'))
    made = subscribe(new, before_end=['PT1H'])
    other, _ = Subscription.create(of_alice(pinned), {**BODY, 'types': ['*']}, '1.1')
    again(pinned, made).patch({'name': 'x'}, None, '1.1')
    with new.database.transaction(write=False) as connection:
        rows = connection.execute(sa.select(tables.subscriptions.c.version)).scalars()
        assert [*rows] == ['1.0', '1.0']
    assert again(new, made).before_end == ['PT1H']
    assert again(new, other).before_end == []
    new.close()
    pinned.close()


# ----------------------------------------------------------------- two at once


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """Let threads do something at the same moment; what came of it, also errors."""
    ready = threading.Barrier(count)

    def run(number: int) -> object:
        ready.wait(20)
        try:
            return act(number)
        except errors.ServiceError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(run, range(count))]


@pytest.fixture
def shared(shared_database_url: str) -> Iterator[FrontDoor]:
    made = FrontDoor(shared_database_url, settings=SETTINGS)
    yield made
    made.close()


def test_no_race_for_the_last_place(shared: FrontDoor) -> None:
    """Of many that subscribe at once no more get through than the project may have."""
    found = at_once(
        12, lambda n: subscribe(shared, notify_endpoint={'url': f'https://ci.example/{n}'})
    )
    assert len([each for each in found if isinstance(each, Subscription)]) == 5
    assert len([each for each in found if isinstance(each, errors.QuotaExceeded)]) == 7
    assert len(Subscription.list(of_alice(shared))) == 5


def test_no_race_for_the_same(shared: FrontDoor) -> None:
    """Of many that ask for the same at once one gets it, and the others are told its ID."""
    found = at_once(8, lambda n: subscribe(shared))
    (made,) = [each for each in found if isinstance(each, Subscription)]
    conflicts = [str(each) for each in found if isinstance(each, errors.Conflict)]
    assert len(conflicts) == 7
    assert all(made.id in each for each in conflicts)


def test_no_change_is_lost(shared: FrontDoor) -> None:
    """Of many that change what they have seen one gets through, and the others are told."""
    made = subscribe(shared)

    def change(number: int) -> object:
        again(shared, made).patch({'name': f'n{number}'}, made.etag, '1.2')
        return number

    found = at_once(8, change)
    (winner,) = [each for each in found if isinstance(each, int)]
    assert len([each for each in found if isinstance(each, errors.PreconditionFailed)]) == 7
    assert (again(shared, made).name, again(shared, made).revision) == (f'n{winner}', 2)


def test_a_change_and_a_failure_at_once(shared: FrontDoor) -> None:
    """A worker that tells of failures loses no change of the owner, and the owner no failure."""
    made = subscribe(shared)
    made.verified()

    def act(number: int) -> None:
        if number % 2:
            again(shared, made).patch({'name': f'n{number}'}, None, '1.2')
        else:
            found = Subscription.for_service(shared.context(), made.id)
            assert found is not None
            found.failed(shared.now, 'timeout')

    assert at_once(8, act) == [None] * 8
    found = again(shared, made)
    assert (found.revision, found.consecutive_failures, found.status) == (5, 4, 'failing')


# ------------------------------------------------------------ in front of Blazar


def test_blazar_is_asked_for_leases_that_were_never_seen(door: FrontDoor) -> None:
    """With the token of the user, and outside of transactions."""
    asked: list[str] = []
    ctx = of_alice(door)

    def exists(lease_id: str) -> bool:
        asked.append(lease_id)
        # Blazar may take long: nobody else may wait for the database meanwhile.
        with door.database.transaction():
            return lease_id == 'there'

    ctx.lease_exists = exists
    made, _ = Subscription.create(ctx, {**BODY, 'lease_ids': ['there']}, '1.1')
    made.patch({'lease_ids': ['there'], 'name': 'x'}, None, '1.1')
    for values in ({'lease_ids': ['there', 'nowhere']}, {'lease_ids': ['nowhere']}):
        with pytest.raises(errors.InvalidInput, match="'lease_id': 'nowhere'"):
            made.patch(values, None, '1.1')
    assert asked == ['there', 'there', 'there', 'nowhere', 'nowhere']


def test_a_token_without_a_project(database: Database) -> None:
    """A subscription is somebody's, so an administrator of a domain has none."""
    from blazarclient.server.policy import Policy

    ctx = RequestContext(
        database=database,
        policy=Policy(),
        settings=SETTINGS,
        user_id='u',
        project_id='',
        roles=frozenset({'admin'}),
    )
    with pytest.raises(errors.Forbidden, match='token of a project'):
        Subscription.create(ctx, BODY, '1.1')


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database('sqlite://')
    made.upgrade()
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ('header', 'matches'),
    [
        ('"1"', True),
        ('*', True),
        ('"0", "1"', True),
        ('W/"1"', False),
        ('1', False),
        ('"10"', False),
        ('', False),
    ],
)
def test_if_match(header: str, matches: bool) -> None:
    """ETags are compared as RFC 9110 says: a weak one matches nothing."""
    assert subscription_checks.matches(header, '"1"') is matches


def test_a_subscription_hears_of_what_comes_after_it(door: FrontDoor) -> None:
    publish(door.context())
    made = subscribe(door)
    with door.database.transaction(write=False) as connection:
        assert made.start_sequence == log.head(connection) == 1
