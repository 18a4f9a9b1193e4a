"""Neither a name that changes its addresses nor a receiver leads where it may not lead."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from blazarclient.server.delivery.outbound import Outbound
from tests.faults.rebinding import PATTERNS, listening, rebind
from tests.scripted_receiver import Receiver, resolving

TRIES = 1000
PUBLIC = ['1.1.1.1', '8.8.8.8', '2606:4700:4700::1111']
NOT_PUBLIC = ['127.0.0.1', '::1', '169.254.169.254', '10.0.0.1', 'fd00::1', '::ffff:127.0.0.1']


@pytest.mark.parametrize('pattern', PATTERNS.values(), ids=PATTERNS)
def test_rebinding(pattern: Sequence[Sequence[str]]) -> None:
    """Of 1,000 tries each resolves once, the good ones arrive, and none goes where it may not."""
    counted = rebind(pattern, TRIES)
    assert counted.forbidden == 0
    assert counted.resolved == TRIES
    assert counted.received == counted.good
    assert counted.good < TRIES
    assert counted.errors <= {None, 'connection-failed'}


def test_one_bad_address_is_enough(loopback_only: list[str]) -> None:
    """Of a name with public and other addresses none is connected to, whatever their order."""
    chance = random.Random(4)

    def resolve(host: str, port: int, **options: object) -> list[tuple[Any, ...]]:
        addresses = [*chance.sample(PUBLIC, 2), chance.choice(NOT_PUBLIC)]
        chance.shuffle(addresses)
        return resolving(*addresses)(host, port)

    outbound = Outbound(resolve=resolve)
    with listening() as (good, others):
        for _ in range(TRIES):
            outcome = outbound.send('POST', f'http://hook.example:{good.port}/', {}, b'')
            assert outcome.error == 'connection-failed'
        assert [each.accepted for each in [good, *others]] == [0] * (1 + len(others))
    outbound.close()
    # The public ones were not even tried: that would have failed this test.
    assert loopback_only == []


@pytest.fixture
def somewhere() -> Iterator[Receiver]:
    """A receiver that nothing should reach."""
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_redirects(somewhere: Receiver, loopback_only: list[str]) -> None:
    """Nobody goes where a receiver sends them."""
    places = [
        'http://169.254.169.254/latest/meta-data/',
        f'http://127.0.0.1:{somewhere.port}/',
        '//169.254.169.254/',
        '/elsewhere',
        'http://[fe80::a9fe:a9fe]/',
    ]
    answers = [
        f'HTTP/1.1 {status} Over There\r\nLocation: {place}\r\nRefresh: 0; url={place}\r\n'
        'content-length: 0\r\n\r\n'.encode()
        for status in (301, 302, 303, 307, 308)
        for place in places
    ]
    receiver = Receiver(*answers)
    outbound = Outbound(allow_loopback=True)
    for _ in answers:
        assert outbound.send('POST', receiver.url, {}, b'{}').error == 'redirect'
    outbound.close()
    receiver.stop()
    assert len(receiver.requests) == len(answers)
    assert somewhere.accepted == 0
    assert loopback_only == []


def test_proxies_of_the_environment(
    somewhere: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies that are set for others are not used, and no credentials of this machine are sent."""
    proxy = f'http://127.0.0.1:{somewhere.port}'
    for name in ('HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'FTP_PROXY'):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    netrc = tmp_path / 'netrc'
    netrc.write_text('default login alice password alice-secret\n')
    monkeypatch.setenv('NETRC', str(netrc))
    receiver = Receiver()
    outbound = Outbound(allow_loopback=True, resolve=resolving('127.0.0.1'))
    for host in ('127.0.0.1', 'hook.example'):
        for _ in range(10):
            outcome = outbound.send('POST', f'http://{host}:{receiver.port}/', {}, b'{}')
            assert outcome.error is None
        assert outbound.send('POST', f'https://{host}:1/', {}, b'').error == 'connection-failed'
    outbound.close()
    receiver.stop()
    assert somewhere.accepted == 0
    assert len(receiver.requests) == 20
    assert not any('alice' in each.raw.decode() for each in receiver.requests)
    assert all({*each.headers} == {'host', 'content-length'} for each in receiver.requests)


def test_names_are_resolved_by_the_system(somewhere: Receiver) -> None:
    """Where nothing else is said the system resolves, and this machine stays out of reach."""
    url = f'http://localhost:{somewhere.port}/'
    assert Outbound().send('POST', url, {}, b'').error == 'connection-failed'
    assert somewhere.accepted == 0
    assert socket.getaddrinfo('localhost', somewhere.port)
    outbound = Outbound(allow_loopback=True)
    assert outbound.send('POST', url, {}, b'').error is None
    outbound.close()
