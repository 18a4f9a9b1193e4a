"""Subscriptions by requests."""

import concurrent.futures
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from blazarclient.server.config import Settings
from blazarclient.server.vault import new_key
from tests.receiver import Received, Receiver, Reply
from tests.unit.server.api.requests import Call

HOOK = {'url': 'https://ci.example/hook'}
BODY = {'notify_endpoint': HOOK}


@pytest.fixture
def settings() -> Settings:
    return Settings(secret_keys=(new_key(),), allow_loopback=True, subscriptions_per_project=5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def subscribe(modern: Call, **values: Any) -> dict[str, Any]:
    answer = modern('POST', '/subscriptions', json={**BODY, **values})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()['subscription']
    return made


def shown(answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()['subscription']
    return found


def test_subscribing(modern: Call) -> None:
    """The answer says where the subscription is, and shows its secret, which no other does."""
    answer = modern('POST', '/subscriptions', json={**BODY, 'name': 'ci', 'before_end': ['PT1H']})
    assert answer.status_code == 201
    made = answer.get_json()['subscription']
    assert answer.headers['Location'] == f'http://127.0.0.1:1234/v1/subscriptions/{made["id"]}'
    assert answer.headers['ETag'] == '"1"'
    assert answer.headers['OpenStack-API-Version'] == 'reservation 1.2'
    assert made.pop('secret').startswith('whsec_')
    assert shown(modern('GET', f'/subscriptions/{made["id"]}')) == made
    assert modern('GET', '/subscriptions').get_json() == {
        'subscriptions': [made],
        'subscriptions_links': [],
    }
    assert {name: made[name] for name in ('name', 'notify_endpoint', 'status', 'enabled')} == {
        'name': 'ci',
        'notify_endpoint': HOOK,
        'status': 'pending',
        'enabled': True,
    }
    assert (made['queued'], made['cursor']) == (0, '0' * 20)
    assert made['created_at'].endswith('Z')


def test_the_form_of_the_blueprint(modern: Call, receiver: Receiver) -> None:
    """An address and a port: they are shown as they were given, with the URL that they mean."""
    endpoint = {'ip_address': '127.0.0.1', 'port': receiver.port}
    made = subscribe(modern, notify_endpoint=endpoint)
    assert made['notify_endpoint'] == {**endpoint, 'url': f'http://127.0.0.1:{receiver.port}/'}
    # What was shown can be sent.
    path = f'/subscriptions/{made["id"]}'
    again = modern('PATCH', path, json={'notify_endpoint': made['notify_endpoint']})
    assert shown(again)['notify_endpoint'] == made['notify_endpoint']


def test_lead_times_are_of_1_2(modern: Call) -> None:
    """At 1.1 they are neither taken nor shown, and stay as they are."""
    made = subscribe(modern, before_end=['PT1H'])
    path = f'/subscriptions/{made["id"]}'
    assert 'before_end' not in shown(modern('GET', path, microversion='1.1'))
    refused = modern('PATCH', path, microversion='1.1', json={'before_end': []})
    assert refused.status_code == 400
    assert 'needs microversion 1.2' in refused.text
    shown(modern('PATCH', path, microversion='1.1', json={'name': 'x'}))
    assert shown(modern('GET', path))['before_end'] == ['PT1H']


CALLS = [
    ('GET', '/subscriptions'),
    ('POST', '/subscriptions'),
    ('GET', '/subscriptions/{id}'),
    ('PATCH', '/subscriptions/{id}'),
    ('DELETE', '/subscriptions/{id}'),
    ('POST', '/subscriptions/{id}/secret'),
    ('POST', '/subscriptions/{id}/tests'),
    ('GET', '/subscriptions/{id}/deliveries'),
    ('GET', '/subscriptions/{id}/deliveries/x'),
    ('POST', '/subscriptions/{id}/deliveries/x/resend'),
    ('POST', '/subscriptions/{id}/replays'),
]


@pytest.mark.parametrize(('method', 'path'), CALLS)
def test_before_1_1_there_are_none(call: Call, modern: Call, method: str, path: str) -> None:
    """A request at 1.0 is told what a stock Blazar tells of a path that it does not have."""
    path = path.format(id=subscribe(modern)['id'])
    answer, unknown = call(method, f'/v1{path}'), call(method, '/v1/nothing')
    assert answer.status_code == 404
    assert answer.data == unknown.data
    assert 'OpenStack-API-Version' not in answer.headers


def test_the_same_twice(modern: Call) -> None:
    """The same owner, endpoint and filter: 409, which names the one that there is."""
    made = subscribe(modern, types=['lease.started', 'lease.ended'])
    same = {'types': ['lease.ended', 'lease.started'], 'name': 'another name'}
    for change in (same, {**same, 'notify_endpoint': {'url': 'https://CI.example/hook'}}):
        answer = modern('POST', '/subscriptions', json={**BODY, **change})
        assert answer.status_code == 409
        assert made['id'] in answer.get_json()['error_message']
    other = subscribe(modern, types=['lease.started'])
    answer = modern('PATCH', f'/subscriptions/{other["id"]}', json=same)
    assert answer.status_code == 409
    assert answer.get_json()['errors'][0]['code'] == 'reservation.subscription.duplicate'


def test_a_project_has_no_more_than_it_may(modern: Call) -> None:
    """The quota is the project's; what is deleted does not count."""
    made = [
        subscribe(modern, notify_endpoint={'url': f'https://ci.example/{number}'})
        for number in range(5)
    ]
    extra = {'notify_endpoint': {'url': 'https://ci.example/x'}}
    answer = modern('POST', '/subscriptions', json=extra)
    assert answer.status_code == 403
    assert answer.get_json()['errors'][0]['code'] == 'reservation.quota-exceeded'
    assert modern('POST', '/subscriptions', user='bob', json=extra).status_code == 201
    assert modern('DELETE', f'/subscriptions/{made[0]["id"]}').status_code == 204
    assert modern('POST', '/subscriptions', json=extra).status_code == 201


def test_an_id_of_ones_own(modern: Call) -> None:
    """The same request again has the same result, secret and all: its answer may have been lost."""
    body = {**BODY, 'id': str(uuid.uuid4())}
    first = modern('POST', '/subscriptions', json=body)
    again = modern('POST', '/subscriptions', json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert first.get_json()['subscription']['id'] == body['id']
    assert len(modern('GET', '/subscriptions').get_json()['subscriptions']) == 1
    for user, change in (('alice', {'name': 'x'}), ('bob', {})):
        answer = modern('POST', '/subscriptions', user=user, json={**body, **change})
        assert answer.status_code == 409
    assert modern('POST', '/subscriptions', json={**body, 'id': 'x'}).status_code == 400
    # What is gone is not made again by a request that comes late.
    assert modern('DELETE', f'/subscriptions/{body["id"]}').status_code == 204
    assert modern('POST', '/subscriptions', json=body).status_code == 409


def test_pages(modern: Call) -> None:
    """A list is cut into pages in the order in which subscriptions were made, each linked to."""
    made = [
        subscribe(modern, notify_endpoint={'url': f'https://ci.example/{n}'})['id']
        for n in range(5)
    ]
    path, seen, pages = '/subscriptions?limit=2&status=pending', [], 0
    while path:
        answer = modern('GET', path).get_json()
        seen += [each['id'] for each in answer['subscriptions']]
        links = answer['subscriptions_links']
        path = links[0]['href'].partition('/v1')[2] if links else ''
        pages += 1
    assert (seen, pages) == (made, 3)


@pytest.mark.parametrize(
    ('query', 'sentence'),
    [
        ('limit=0', 'limit'),
        ('limit=1001', 'limit'),
        ('limit=x', 'limit'),
        ('status=broken', 'pending, active, failing, disabled, expired'),
        ('marker=x', 'marker'),
        ('all_projects=perhaps', 'all_projects'),
    ],
)
def test_queries_that_cannot_be(modern: Call, query: str, sentence: str) -> None:
    answer = modern('GET', f'/subscriptions?{query}')
    assert answer.status_code == 400
    assert sentence in answer.get_json()['error_message']


def test_lists_of_one_lease_or_status(modern: Call, lease_id: str) -> None:
    named = subscribe(modern, lease_ids=[lease_id])
    idle = subscribe(modern, enabled=False)

    def ids(query: str) -> list[str]:
        found = modern('GET', f'/subscriptions?{query}').get_json()
        return [each['id'] for each in found['subscriptions']]

    assert ids(f'lease_id={lease_id}') == [named['id']]
    assert ids('lease_id=%25') == ids('lease_id=x') == []
    assert ids('status=disabled') == [idle['id']]


def test_changes(modern: Call) -> None:
    """A change is partial, and moves the ETag on; what may not be changed is refused."""
    made = subscribe(modern)
    path = f'/subscriptions/{made["id"]}'
    answer = modern('PATCH', path, json={'subscription': {'name': 'new', 'payload': 'thin'}})
    assert answer.headers['ETag'] == '"2"'
    changed = shown(answer)
    assert changed.pop('updated_at')
    before = {name: value for name, value in made.items() if name not in {'secret', 'updated_at'}}
    assert changed == {**before, 'name': 'new', 'payload': 'thin'}
    wrong: list[Any] = [{'id': 'x'}, {'status': 'active'}, {'nmae': 'x'}, {'payload': None}, []]
    for values in wrong:
        assert modern('PATCH', path, json=values).status_code == 400
    assert modern('GET', path).headers['ETag'] == '"2"'


@pytest.mark.parametrize('method', ['PATCH', 'DELETE'])
def test_only_what_was_seen_is_changed(modern: Call, method: str) -> None:
    """If-Match names the ETag that the caller has seen; another one is 412."""
    path = f'/subscriptions/{subscribe(modern)["id"]}'
    assert modern('PATCH', path, json={'name': 'x'}, headers={'If-Match': '*'}).status_code == 200
    for stale in ('"1"', 'W/"2"', '2', '"7", "8"', ''):
        answer = modern(method, path, json={}, headers={'If-Match': stale})
        assert answer.status_code == 412, stale
        assert answer.get_json()['errors'][0]['code'] == 'reservation.precondition-failed'
    answer = modern(method, path, json={}, headers={'If-Match': '"1", "2"'})
    assert answer.status_code in {200, 204}


def test_another_endpoint_is_verified_again(modern: Call) -> None:
    made = subscribe(modern)
    path = f'/subscriptions/{made["id"]}'
    changed = shown(modern('PATCH', path, json={'notify_endpoint': {'url': 'http://x.example/'}}))
    assert changed['status'] == 'pending'
    assert changed['notify_endpoint']['url'] == 'http://x.example/'


def test_disabling_and_enabling(modern: Call) -> None:
    """A subscription that its owner disables is not sent to, and says so."""
    path = f'/subscriptions/{subscribe(modern)["id"]}'
    off = shown(modern('PATCH', path, json={'enabled': False}))
    assert (off['status'], off['status_reason']) == ('disabled', 'Disabled by its owner.')
    on = shown(modern('PATCH', path, json={'enabled': True}))
    assert (on['status'], on['status_reason'], on['enabled']) == ('pending', None, True)


@pytest.mark.parametrize('host', ['169.254.169.254', '10.0.0.1', '[fe80::1]', '224.0.0.1'])
def test_endpoints_that_are_forbidden(modern: Call, host: str) -> None:
    """An address that notifications may not go to is refused at once."""
    endpoint = {'notify_endpoint': {'url': f'http://{host}/'}}
    made = subscribe(modern)
    for method, path in (('POST', '/subscriptions'), ('PATCH', f'/subscriptions/{made["id"]}')):
        answer = modern(method, path, json=endpoint)
        assert answer.status_code == 400
        code = answer.get_json()['errors'][0]['code']
        assert code == 'reservation.subscription.endpoint-forbidden'


def test_a_test_is_sent_now(modern: Call, receiver: Receiver) -> None:
    """Also while the subscription is pending; its receiver can verify it."""
    from standardwebhooks import Webhook

    made = subscribe(modern, notify_endpoint={'url': receiver.url()})
    path = f'/subscriptions/{made["id"]}/tests'
    answer = modern('POST', path)
    assert answer.status_code == 200
    result = answer.get_json()['test']
    assert result.pop('latency_ms') > 0
    assert result == {'status': 204, 'error': None}
    (request,) = receiver.received
    event = Webhook(made['secret']).verify(request.body, dict(request.headers))
    assert event['type'] == 'org.openstack.reservation.subscription.test'
    assert event['id'] == request.id
    assert event['data']['subscription']['id'] == made['id']
    assert request.headers['blazar-subscription-id'] == made['id']
    assert 'x-auth-token' not in request.headers


def test_a_test_that_fails(modern: Call, receiver: Receiver) -> None:
    """The result tells the class of the error, and nothing of what was answered."""
    receiver.reply = Reply(503, body=b'a secret of the receiver')
    path = f'/subscriptions/{subscribe(modern, notify_endpoint={"url": receiver.url()})["id"]}'
    answer = modern('POST', f'{path}/tests', json={})
    assert answer.status_code == 200
    assert (answer.get_json()['test']['status'], answer.get_json()['test']['error']) == (
        503,
        'http-503',
    )
    assert 'secret' not in answer.text
    assert modern('POST', f'{path}/tests', json={'type': 'x'}).status_code == 400


def test_slow_endpoints_keep_few_threads(modern: Call, receiver: Receiver) -> None:
    """While two tests wait for an answer, a third one is told to come again."""
    answered = threading.Event()

    def slow(request: Received) -> Reply:
        answered.wait(20)
        return Reply()

    receiver.reply = slow
    path = f'/subscriptions/{subscribe(modern, notify_endpoint={"url": receiver.url()})["id"]}'
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(modern, 'POST', f'{path}/tests') for _ in range(2)]
        assert len(receiver.wait(2)) == 2
        refused = modern('POST', f'{path}/tests')
        answered.set()
        assert [each.result().status_code for each in waiting] == [200, 200]
    assert refused.status_code == 429
    assert int(refused.headers['Retry-After']) > 0
    assert modern('POST', f'{path}/tests').status_code == 200


def test_a_new_secret(modern: Call, receiver: Receiver) -> None:
    """Both sign while they overlap, and only the new one where they do not."""
    from standardwebhooks import Webhook
    from standardwebhooks.webhooks import WebhookVerificationError

    made = subscribe(modern, notify_endpoint={'url': receiver.url()})
    path = f'/subscriptions/{made["id"]}'
    answer = modern('POST', f'{path}/secret', json={'overlap': 60})
    assert answer.status_code == 200
    assert answer.get_json()['previous_secret_until'].endswith('Z')
    second = answer.get_json()['secret']
    modern('POST', f'{path}/tests')
    for secret in (made['secret'], second):
        Webhook(secret).verify(receiver.received[0].body, dict(receiver.received[0].headers))
    third = modern('POST', f'{path}/secret', json={'overlap': 0}).get_json()
    assert third['previous_secret_until'] is None
    modern('POST', f'{path}/tests')
    request = receiver.received[1]
    Webhook(third['secret']).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(second).verify(request.body, dict(request.headers))
    assert modern('POST', f'{path}/secret', json={'overlap': -1}).status_code == 400


def test_deliveries_and_replays(modern: Call) -> None:
    """A subscription that has been sent nothing has no deliveries; a dry run only counts."""
    path = f'/subscriptions/{subscribe(modern)["id"]}'
    assert modern('GET', f'{path}/deliveries').get_json() == {
        'deliveries': [],
        'deliveries_links': [],
    }
    assert modern('GET', f'{path}/deliveries/x').status_code == 404
    assert modern('POST', f'{path}/deliveries/x/resend').status_code == 404
    counted = modern('POST', f'{path}/replays', json={'after': '0', 'dry_run': True})
    assert (counted.status_code, counted.get_json()) == (200, {'replay': {'count': 0}})
    queued = modern('POST', f'{path}/replays', json={'since': '2020-01-01'})
    assert (queued.status_code, queued.get_json()) == (202, {'replay': {'count': 0}})
    assert modern('POST', f'{path}/replays', json={}).status_code == 400
    assert modern('POST', f'{path}/replays', json={'after': '7' * 20}).status_code == 410
