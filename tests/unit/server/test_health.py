"""``/healthz``: whether a process is well, or which part of it is not."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from blazarclient.server.api.rest import Service
from blazarclient.server.config import Settings
from blazarclient.server.health import Health, Watched
from blazarclient.server.parts import Part, Running
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database


def until_stopped(stop: threading.Event) -> None:
    stop.wait()


def ask(health: Health, path: str = '/healthz', method: str = 'GET') -> tuple[int, Any]:
    answer = Client(Watched(health)).open(path, method=method)
    return answer.status_code, answer.get_json(silent=True)


@pytest.fixture
def service(database: Database) -> Service:
    return Service(database, Policy(), Settings())


@pytest.fixture
def run() -> Iterator[Callable[..., Running]]:
    """Run parts until the test ends."""
    made: list[Running] = []

    def start(*parts: Part) -> Running:
        made.append(Running(parts))
        return made[-1]

    yield start
    for each in made:
        each.stop()
        assert each.join(30)


def test_all_is_well(service: Service, run: Callable[..., Running]) -> None:
    """Each thing that was looked at is named."""
    health = Health(service, run(Part('worker', until_stopped)))
    parts = {'database': 'ok', 'tables': 'ok', 'worker': 'ok'}
    assert ask(health) == (200, {'status': 'ok', 'parts': parts})
    assert ask(health, method='HEAD') == (200, None)
    assert ask(health, method='POST')[0] == 405
    assert ask(health, '/v1/leases')[0] == 404


def test_a_part_says_what_is_wrong(service: Service, run: Callable[..., Running]) -> None:
    """One part that is not well is enough; its own words are told."""
    trouble: list[str] = []
    part = Part('listener', until_stopped, trouble=lambda: next(iter(trouble), None))
    health = Health(service, run(part))
    assert ask(health)[0] == 200
    trouble.append('The bus is not connected.')
    status, told = ask(health)
    assert (status, told['status']) == (503, 'failing')
    assert told['parts']['listener'] == 'The bus is not connected.'


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_a_part_that_has_ended(service: Service, run: Callable[..., Running]) -> None:
    """A part that has ended before its time is not well, whatever it says of itself."""

    def fail(stop: threading.Event) -> None:
        raise RuntimeError

    running = run(Part('worker', fail))
    running.join(30)
    assert ask(Health(service, running)) == (
        503,
        {
            'status': 'failing',
            'parts': {'database': 'ok', 'tables': 'ok', 'worker': 'It has ended.'},
        },
    )


def test_old_tables(service: Service) -> None:
    """Tables of an older release are told, and what to do; those of a newer one are left alone."""
    service.database.downgrade('0001')
    status, told = ask(Health(service))
    assert status == 503
    assert 'blazar-gateway db upgrade' in told['parts']['tables']
    service.database.upgrade()
    with service.database.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    assert ask(Health(service))[0] == 200


def test_no_database() -> None:
    """It is told in no words that name a place or a user; what was counted is told all the same."""
    gone = Database('sqlite:////nowhere/at/all.db')
    health = Health(Service(gone, Policy(), Settings()))
    parts = {'database': 'It does not answer.'}
    assert ask(health) == (503, {'status': 'failing', 'parts': parts})
    metrics = Client(Watched(health)).get('/metrics')
    assert metrics.status_code == 200
    assert 'reservation_gateway_healthy 0.0' in metrics.get_data(as_text=True)
    gone.dispose()


def test_parts_that_do_not_end(run: Callable[..., Running]) -> None:
    """They are waited for, but not for ever."""
    go_on = threading.Event()
    running = Running([Part('stubborn', lambda stop: (go_on.wait(), None)[1])])
    running.stop()
    begun = time.monotonic()
    assert not running.join(0.1)
    assert time.monotonic() - begun < 10
    go_on.set()
    assert running.join(30)
