"""A receiver takes what the service has sent, and nothing else."""

import base64
import contextlib
import datetime
import json
import multiprocessing
import pathlib
import threading
import time

import pytest
import standardwebhooks
from hypothesis import given, settings
from hypothesis import strategies as st

from blazarclient import exception, webhooks

SECRET = 'whsec_' + base64.b64encode(bytes(range(32))).decode()
OTHER = 'whsec_' + base64.b64encode(bytes(range(1, 33))).decode()
LEASE = {
    'id': '6d8b2b9c-0c3a-4d3e-9f9a-1b1f0f8a2c11',
    'name': 'gpu-week',
    'project_id': 'research',
    'status': 'ACTIVE',
    'start_date': '2026-11-20T15:00:00Z',
    'end_date': '2026-11-20T16:00:00Z',
}
EVENT = {
    'specversion': '1.0',
    'id': '1f0c7a3e-7d7e-4c67-8f1e-2f6f1f9a0a01',
    'source': '//reservation.example.org/v1',
    'type': 'org.openstack.reservation.lease.before_end',
    'subject': f'leases/{LEASE["id"]}',
    'time': '2026-11-20T15:00:00Z',
    'sequence': '00000000000000004711',
    'objectversion': 'Lease/1.1',
    'data': {'lease': LEASE, 'lead_time': 'PT1H'},
}
BODY = json.dumps(EVENT)


def signed(body: str | bytes = BODY, secret: str = SECRET, **more: int) -> dict[str, str]:
    """Headers as the service sends them."""
    return webhooks.sign(body, secret, id=str(EVENT['id']), **more)


def test_typed_at_its_own_version() -> None:
    """What comes out is a notification with a lease of the version that was sent."""
    notification = webhooks.unwrap(BODY.encode(), signed(), SECRET)
    assert (notification.kind, notification['id']) == ('lease.before_end', EVENT['id'])
    assert notification.lease_id == LEASE['id']
    assert notification.lease is not None
    assert (notification.lease.name, str(notification.lease.version)) == ('gpu-week', '1.1')
    assert notification.lease.end_date == datetime.datetime(2026, 11, 20, 16, tzinfo=datetime.UTC)
    older = json.dumps({**EVENT, 'objectversion': 'Lease/1.0'})
    old = webhooks.unwrap(older, signed(older), SECRET).lease
    assert old is not None
    assert str(old.version) == '1.0'
    with pytest.raises(exception.FieldNotAvailable, match='subscriptions'):
        getattr(old, 'subscriptions')  # noqa: B009


def test_headers_in_any_case() -> None:
    """Web servers write names of headers as they like."""
    for change in (str.upper, str.title):
        headers = {change(name): value for name, value in signed().items()}
        assert webhooks.unwrap(BODY, headers, SECRET)


def test_two_secrets_during_rotation() -> None:
    """A receiver that knows both takes what either signs; and what both sign, with either."""
    for signing in (SECRET, OTHER):
        assert webhooks.unwrap(BODY, signed(secret=signing), [SECRET, OTHER])
    both = signed()
    both['webhook-signature'] += ' ' + signed(secret=OTHER)['webhook-signature']
    for known in (SECRET, OTHER):
        assert webhooks.unwrap(BODY, both, known)


@pytest.mark.parametrize(
    ('body', 'headers'),
    [
        (BODY, signed(secret=OTHER)),
        (BODY + ' ', signed()),
        (BODY, signed(timestamp=int(time.time()) - 3600)),
        (BODY, signed(timestamp=int(time.time()) + 3600)),
        (BODY, {}),
        (BODY, {**signed(), 'webhook-id': ''}),
        (BODY, {**signed(), 'webhook-timestamp': 'soon'}),
        (BODY, {**signed(), 'webhook-timestamp': 'nan'}),
        (BODY, {**signed(), 'webhook-timestamp': '1e400'}),
        (BODY, {**signed(), 'webhook-signature': 'v1'}),
        (BODY, {**signed(), 'webhook-signature': 'v1,a'}),
        (BODY, {**signed(), 'webhook-signature': 'v1,\N{SNOWMAN}'}),
        (BODY, {**signed(), 'webhook-signature': 'v2,AAAA'}),
        (b'\xff', signed(b'\xff')),
        ('\ud800', signed()),
        ('[', signed('[')),
        ('[]', signed('[]')),
        ('{}', signed('{}')),
    ],
)
def test_one_class_of_errors(body: bytes | str, headers: dict[str, str]) -> None:
    """Whatever is wrong with a message is one error, which a receiver answers with 400."""
    with pytest.raises(webhooks.WebhookRefused) as refused:
        webhooks.unwrap(body, headers, SECRET)
    assert refused.value.code == 400
    assert SECRET[6:] not in str(refused.value)


@pytest.mark.parametrize('secret', ['', 'whsec_', 'whsec_!', 'a'])
def test_what_is_no_secret(secret: str) -> None:
    """A mistake of the receiver's own is told from one of the sender, and shows no secret."""
    with pytest.raises(exception.InvalidInput, match='whsec_ and base64'):
        webhooks.unwrap(BODY, signed(), secret)


def accepted_by_the_library(body: bytes, headers: dict[str, str], secret: str) -> bool:
    """Whether the library of Standard Webhooks takes a message."""
    with contextlib.suppress(Exception):
        standardwebhooks.Webhook(secret).verify(body, headers, json_parse=False)
        return True
    return False


def accepted_by_us(body: bytes, headers: dict[str, str], secret: str) -> bool:
    """Whether we do; any other exception than ours comes out."""
    try:
        webhooks.verify(body, headers, secret)
    except webhooks.WebhookRefused:
        return False
    return True


def test_vector_of_standard_webhooks() -> None:
    """The vector that the specification's own libraries are tested with."""
    secret, identity = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek'
    headers = webhooks.sign('{"test": 2432232314}', secret, id=identity, timestamp=1614265330)
    assert headers['webhook-signature'] == 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='


TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=6)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes, dict[str, str]]:
    """A message of the service to which something was done, or nothing."""
    body = BODY.encode()
    both = draw(st.booleans())
    headers = signed(timestamp=int(time.time()) + draw(st.sampled_from([0, 0, 0, -290, 290, 400])))
    if both:
        older = signed(secret=OTHER, timestamp=int(headers['webhook-timestamp']))
        headers['webhook-signature'] = (
            f'{older["webhook-signature"]} {headers["webhook-signature"]}'
        )
    what = draw(st.sampled_from(['', 'body', 'drop', *headers, *headers]))
    if what == 'body':
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 2)) :]
    elif what == 'drop':
        del headers[draw(st.sampled_from(sorted(headers)))]
    elif what:
        text = headers[what]
        at = draw(st.integers(0, len(text)))
        piece = draw(
            st.one_of(TEXT, st.sampled_from([' ', ',', 'v1,', ' v1,', '=', '.5', '_', '+']))
        )
        headers[what] = text[:at] + piece + text[at + draw(st.integers(0, 2)) :]
    return body, headers


@settings(max_examples=10_000)
@given(mutated())
def test_agrees_with_the_library(message: tuple[bytes, dict[str, str]]) -> None:
    """What was changed on its way is refused when the library refuses it, and only then."""
    body, headers = message
    for secret in (SECRET, OTHER):
        theirs = accepted_by_the_library(body, headers, secret)
        assert accepted_by_us(body, headers, secret) == theirs


# -------------------------------------------------------------------- repeats


def test_repeats(tmp_path: pathlib.Path) -> None:
    """A notification is taken once; one whose handling failed is the first again."""
    repeats = webhooks.Repeats(tmp_path / 'repeats.db')

    def fail() -> None:
        with repeats.first('a') as is_first:
            raise ZeroDivisionError if is_first else AssertionError

    with pytest.raises(ZeroDivisionError):
        fail()
    seen = []
    for _ in range(3):
        with webhooks.Repeats(tmp_path / 'repeats.db').first('a') as is_first:
            seen.append(is_first)
    assert seen == [True, False, False]
    with repeats.first('b') as is_first, repeats.first('b') as again:
        assert (is_first, again) == (True, False)


def test_repeats_of_the_dead(tmp_path: pathlib.Path) -> None:
    """Whoever was killed while it handled a notification does not keep it from being handled."""
    repeats = webhooks.Repeats(tmp_path / 'repeats.db', patience=0)
    begun = repeats.first('a')
    assert begun.__enter__()
    time.sleep(0.01)
    with repeats.first('a') as is_first:
        assert is_first


def take(path: pathlib.Path, taken: 'multiprocessing.Queue[str]') -> None:
    """A process of a receiver, with some threads."""
    repeats = webhooks.Repeats(path)

    def run() -> None:
        for number in range(20):
            with repeats.first(str(number)) as is_first:
                if is_first:
                    taken.put(str(number))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_repeats_among_processes(tmp_path: pathlib.Path) -> None:
    """Of all threads of all processes one takes each notification."""
    context = multiprocessing.get_context('spawn')
    taken: multiprocessing.Queue[str] = context.Queue()
    processes = [
        context.Process(target=take, args=(tmp_path / 'repeats.db', taken)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    found = sorted(taken.get(timeout=30) for _ in range(20))
    for process in processes:
        process.join(30)
    assert found == sorted(map(str, range(20)))
    assert taken.empty()
