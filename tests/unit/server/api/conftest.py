"""The reservation API in this process, on a database in memory."""

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blazarclient.server.app import create_app
from blazarclient.server.config import Settings
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.unit.server.api.requests import KEYSTONE, LEASE, Call, authenticate


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database('sqlite://')
    made.upgrade()
    yield made
    made.dispose()


@pytest.fixture
def woken() -> list[str]:
    """Gets an entry whenever the application wakes the scheduler."""
    return []


@pytest.fixture
def settings() -> Settings:
    """What the service is set to; a key for the secrets of subscriptions has to be there."""
    return Settings(secret_keys=(new_key(),))


@pytest.fixture
def app(database: Database, settings: Settings, woken: list[str]) -> flask.Flask:
    return create_app(
        database,
        Policy(),
        settings,
        authenticate,
        identity_url=KEYSTONE,
        wake=lambda: woken.append('woken'),
    )


@pytest.fixture
def web(app: flask.Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def call(web: FlaskClient) -> Call:
    """Send a request as a user, alice by default."""

    def send(method: str, path: str, user: str | None = 'alice', **options: Any) -> TestResponse:
        headers = {**options.pop('headers', {})}
        if user is not None:
            headers['X-Auth-Token'] = user
        return web.open(
            path, method=method, headers=headers, base_url='http://127.0.0.1:1234', **options
        )

    return send


@pytest.fixture
def lease_id(call: Call) -> str:
    """A lease of alice's."""
    made = call('POST', '/v1/leases', json=LEASE)
    assert made.status_code == 201, made.text
    return str(made.get_json()['lease']['id'])


@pytest.fixture
def modern(call: Call) -> Call:
    """Send a request at microversion 1.2, or another one."""

    def send(
        method: str, path: str, user: str = 'alice', microversion: str = '1.2', **options: Any
    ) -> TestResponse:
        version = {'OpenStack-API-Version': f'reservation {microversion}'}
        headers = {**version, **options.pop('headers', {})}
        return call(method, f'/v1{path}', user, headers=headers, **options)

    return send
