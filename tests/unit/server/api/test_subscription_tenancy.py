"""Whose subscriptions are whose, by requests; and where their secrets are seen."""

import logging
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.policy import Policy
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.receiver import Receiver
from tests.unit.server.api.requests import Call

BODY = {'notify_endpoint': {'url': 'https://ci.example/hook'}}
#: Every call that looks at one subscription or changes it.
READING = [
    ('GET', '', None),
    ('GET', '/deliveries', None),
    ('GET', '/deliveries/x', None),
]
CHANGING: list[tuple[str, str, Any]] = [
    ('PATCH', '', {'name': 'x'}),
    ('PATCH', '', {'notify_endpoint': {'url': 'https://evil.example/'}}),
    ('POST', '/secret', {}),
    ('POST', '/tests', {}),
    ('POST', '/deliveries/x/resend', {}),
    ('POST', '/replays', {'after': '0'}),
    ('POST', '/replays', {'after': '0', 'dry_run': True}),
    ('DELETE', '', None),
]


@pytest.fixture
def settings() -> Settings:
    return Settings(secret_keys=(new_key(),), allow_loopback=True)


def subscribe(modern: Call, user: str = 'alice', **values: Any) -> dict[str, Any]:
    answer = modern('POST', '/subscriptions', user=user, json={**BODY, **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()['subscription']
    return made


def listed(modern: Call, user: str, query: str = '') -> list[str]:
    answer = modern('GET', f'/subscriptions{query}', user=user)
    assert answer.status_code == 200, answer.text
    return [each['id'] for each in answer.get_json()['subscriptions']]


@pytest.mark.parametrize(('method', 'path', 'body'), READING + CHANGING)
def test_another_projects_is_not_there(
    modern: Call, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """What is another project's is told in the words for what there is not."""
    made = subscribe(modern)
    unknown = '00000000-0000-4000-8000-000000000000'
    theirs = modern(method, f'/subscriptions/{made["id"]}{path}', user='bob', json=body)
    nobodys = modern(method, f'/subscriptions/{unknown}{path}', user='bob', json=body)
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.get_json()['error_message'] == nobodys.get_json()['error_message'].replace(
        unknown, made['id']
    )
    mine = modern('GET', f'/subscriptions/{made["id"]}').get_json()['subscription']
    assert mine == {name: value for name, value in made.items() if name != 'secret'}


def test_lists(modern: Call) -> None:
    """A list is of the own project; of every project only for an administrator who asks for it."""
    hers, his = subscribe(modern), subscribe(modern, 'bob')
    assert listed(modern, 'alice') == listed(modern, 'rita') == [hers['id']]
    assert listed(modern, 'bob') == [his['id']]
    assert listed(modern, 'admin') == []
    assert listed(modern, 'admin', '?all_projects=true') == [hers['id'], his['id']]
    for user in ('alice', 'rita'):
        assert modern('GET', '/subscriptions?all_projects=1', user=user).status_code == 403
    foreign = modern('GET', f'/subscriptions?marker={his["id"]}')
    nobodys = modern('GET', '/subscriptions?marker=x')
    assert foreign.status_code == nobodys.status_code == 400
    assert foreign.get_json()['error_message'] == nobodys.get_json()['error_message'].replace(
        "'x'", f"'{his['id']}'"
    )


@pytest.mark.parametrize(('method', 'path', 'body'), CHANGING)
def test_a_reader_changes_nothing(
    modern: Call, method: str, path: str, body: dict[str, Any] | None
) -> None:
    made = subscribe(modern)
    answer = modern(method, f'/subscriptions/{made["id"]}{path}', user='rita', json=body)
    assert answer.status_code == 403
    assert answer.get_json()['errors'][0]['code'] == 'reservation.policy-forbidden'


def test_a_reader_sees_all_but_the_secret(modern: Call) -> None:
    made = subscribe(modern)
    secret = made.pop('secret')
    answer = modern('GET', f'/subscriptions/{made["id"]}', user='rita')
    assert answer.get_json()['subscription'] == made
    assert secret not in answer.text
    assert modern('POST', '/subscriptions', user='rita', json=BODY).status_code == 403


def test_an_administrator_sees_and_changes_every_one(modern: Call) -> None:
    made = subscribe(modern)
    path = f'/subscriptions/{made["id"]}'
    assert modern('GET', path, user='admin').status_code == 200
    changed = modern('PATCH', path, user='admin', json={'name': 'x'})
    assert changed.get_json()['subscription']['project_id'] == made['project_id']
    assert modern('DELETE', path, user='admin').status_code == 204


def test_everybodys_leases_are_for_administrators(modern: Call) -> None:
    """Neither made nor come by through a change; and not for long."""
    shared = {'scope': 'all', 'expires_at': '2026-01-01'}
    with_time = {**BODY, 'scope': 'all'}
    assert modern('POST', '/subscriptions', user='admin', json=with_time).status_code == 400
    mine = subscribe(modern)
    now = mine['created_at']
    shared['expires_at'] = re.sub(r'^\d{4}', lambda year: str(int(year[0]) + 1), now)
    refused = modern('POST', '/subscriptions', user='admin', json={**BODY, **shared})
    assert 'within 90 days' in refused.get_json()['error_message']
    soon = f'{now[:10]}T23:59:59.5Z'
    shared['expires_at'] = soon
    for method, path in (('POST', '/subscriptions'), ('PATCH', f'/subscriptions/{mine["id"]}')):
        answer = modern(method, path, json={**shared, **(BODY if method == 'POST' else {})})
        assert answer.status_code == 403, answer.text
    made = subscribe(modern, 'admin', **shared)
    assert made['scope'] == 'all'


def test_a_lease_of_another_project_is_unknown(modern: Call, lease_id: str) -> None:
    """Nobody finds out by a subscription whether there is a lease."""
    body = {**BODY, 'lease_ids': [lease_id]}
    assert modern('POST', '/subscriptions', json=body).status_code == 201
    sentences = []
    unknown = '00000000-0000-4000-8000-000000000000'
    mine = subscribe(modern, 'bob')
    for named in (lease_id, unknown):
        for method, path in (
            ('POST', '/subscriptions'),
            ('PATCH', f'/subscriptions/{mine["id"]}'),
        ):
            values = {'lease_ids': [named], **(BODY if method == 'POST' else {})}
            answer = modern(method, path, user='bob', json=values)
            assert answer.status_code == 400
            sentences.append(answer.get_json()['error_message'].replace(named, 'ID'))
    assert set(sentences) == {"lease_ids: Object with {'lease_id': 'ID'} not found"}


def test_without_a_project_there_is_nothing(modern: Call) -> None:
    """A body that names a project, a user or a state is refused, whoever sends it."""
    for name in ('project_id', 'user_id', 'status', 'secret', 'cursor'):
        for user in ('alice', 'admin'):
            answer = modern('POST', '/subscriptions', user=user, json={**BODY, name: 'p-other'})
            assert answer.status_code == 400
            assert f'{name} is read-only' in answer.get_json()['error_message']


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


class TestSecrets:
    """A secret is in the answer to who makes it, and nowhere else."""

    @pytest.fixture
    def path(self, tmp_path: pathlib.Path) -> pathlib.Path:
        return tmp_path / 'reservation.db'

    @pytest.fixture
    def database(self, path: pathlib.Path) -> Iterator[Database]:
        made = Database(f'sqlite:///{path}')
        made.upgrade()
        yield made
        made.dispose()

    def test_where_they_are(
        self,
        modern: Call,
        database: Database,
        settings: Settings,
        path: pathlib.Path,
        receiver: Receiver,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        made = subscribe(modern, notify_endpoint={'url': receiver.url('/hook?token=hunter2')})
        one = f'/subscriptions/{made["id"]}'
        secrets = [made['secret']]
        for _ in range(2):
            answer = modern('POST', f'{one}/secret', json={'overlap': 60})
            secrets.append(answer.get_json()['secret'])
        assert len(set(secrets)) == 3
        again = {'notify_endpoint': made['notify_endpoint']}
        calls: list[tuple[str, str, Any]] = [
            ('GET', '/subscriptions', None),
            ('GET', one, None),
            ('POST', f'{one}/tests', {}),
            ('GET', f'{one}/deliveries', None),
            ('PATCH', one, {'name': 'x'}),
            ('GET', '/notifications', None),
            ('POST', '/subscriptions', again),
            ('POST', f'{one}/secret', {'overlap': 'x'}),
        ]
        answers = [modern(method, call, json=body).text for method, call, body in calls]
        self.look_at_the_object(database, settings, made['id'], secrets)
        # With what is only in the journal yet.
        kept = b''.join(each.read_bytes() for each in path.parent.iterdir())
        assert made['id'].encode() in kept
        assert len(receiver.received) == 1
        seen = '\n'.join([*answers, caplog.text, *map(repr, receiver.received)])
        for secret in secrets:
            bare = secret.removeprefix('whsec_')
            assert bare not in seen
            assert bare.encode() not in kept
        # The URL of a webhook is a password of a kind.
        assert 'hunter2' not in caplog.text

    @staticmethod
    def look_at_the_object(
        database: Database, settings: Settings, id: str, secrets: list[str]
    ) -> None:
        ctx = RequestContext.for_service(database, Policy(), settings)
        found = Subscription.get_by_id(ctx, id)
        assert [*found.secrets(ctx.now())] == [secrets[2], secrets[1]]
        shown = f'{found!r} {found} {found.render("1.2")} {found.summary()} {settings!r}'
        for secret in secrets:
            assert secret not in shown
            assert secret not in str(found.stored())
        assert found.secret not in shown
        assert settings.secret_keys[0] not in shown

    def test_without_a_key_none_is_made(self, database: Database, caplog: Any) -> None:
        """A service that has no key to encrypt with refuses, and names the option."""
        from blazarclient.server.app import create_app
        from tests.unit.server.api.requests import authenticate

        web = create_app(database, Policy(), Settings(), authenticate).test_client()
        headers = {'X-Auth-Token': 'alice', 'OpenStack-API-Version': 'reservation 1.1'}
        answer = web.post('/v1/subscriptions', json=BODY, headers=headers)
        assert answer.status_code == 500
        assert '[subscriptions] secret_key' in answer.get_json()['error_message']
