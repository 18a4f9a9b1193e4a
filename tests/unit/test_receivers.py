"""The receivers that the documentation shows do what it says."""

import importlib.util
import pathlib
import warnings
from types import ModuleType
from typing import Protocol

import pytest

from blazarclient import webhooks
from tests.unit.test_webhooks import BODY, EVENT, SECRET, signed

SAMPLES = pathlib.Path(__file__).parents[2] / 'doc/source/user'


class Post(Protocol):
    """Sends a message to the receiver, and says the status of its answer."""

    def __call__(self, body: str, headers: dict[str, str]) -> int: ...


def sample(name: str) -> ModuleType:
    """A sample of the documentation, loaded as it stands."""
    spec = importlib.util.spec_from_file_location(name, SAMPLES / f'{name}.py')
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=['flask', 'fastapi'])
def post(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Post:
    """Each receiver in turn."""
    monkeypatch.setenv('WEBHOOK_SECRET', SECRET)
    monkeypatch.setenv('REPEATS', str(tmp_path / 'repeats.db'))
    app = sample(f'receiver_{request.param}').app
    if request.param == 'flask':
        web = app.test_client()
        return lambda body, headers: int(web.post('/hook', data=body, headers=headers).status_code)
    with warnings.catch_warnings():
        # What it is made of says that parts of itself are on their way out.
        warnings.simplefilter('ignore')
        from fastapi.testclient import TestClient

        other = TestClient(app)
    return lambda body, headers: int(
        other.post('/hook', content=body.encode(), headers=headers).status_code
    )


def test_takes_what_is_signed_and_once(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    """A notification is taken, the same one again is not handled, and nothing else gets in."""
    assert post(BODY, signed()) == 204
    assert post(BODY, signed()) == 204
    handled = [each for each in caplog.messages if 'gpu-week' in each]
    assert handled == ['lease.before_end: gpu-week']
    forged = webhooks.sign(BODY, webhooks.new_secret(), id=str(EVENT['id']))
    assert post(BODY, forged) == 400
    assert post(BODY, {}) == 400
