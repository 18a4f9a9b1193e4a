"""What is signed here is verified by the library that receivers use."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from blazarclient.server.delivery.signing import new_secret, sign, signatures

IDS = st.uuids().map(str)
#: What can be sent: the text of any JSON.
BODIES = st.text(max_size=200).map(str.encode)


def secret_of(key: bytes) -> str:
    return 'whsec_' + base64.b64encode(key).decode()


SECRETS = st.binary(min_size=1, max_size=64).map(secret_of)


def verify(secret: str, message_id: str, timestamp: int, body: bytes, signature: str) -> None:
    # The library takes only what is JSON, after it has verified it.
    headers = {
        'webhook-id': message_id,
        'webhook-timestamp': str(timestamp),
        'webhook-signature': signature,
    }
    try:
        Webhook(secret).verify(body, headers)
    except ValueError:
        # A body that is no JSON: its signature was right.
        pass


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@given(secret=SECRETS, message_id=IDS, body=BODIES)
def test_receivers_verify_it(secret: str, message_id: str, body: bytes) -> None:
    """The receivers' library accepts the signature of any body."""
    timestamp = now()
    verify(secret, message_id, timestamp, body, sign(secret, message_id, timestamp, body))


@given(old=SECRETS, new=SECRETS, message_id=IDS, body=BODIES)
def test_both_secrets_verify_during_the_overlap(
    old: str, new: str, message_id: str, body: bytes
) -> None:
    """A receiver that knows either secret accepts what both have signed."""
    timestamp = now()
    both = signatures([new, old], message_id, timestamp, body)
    verify(new, message_id, timestamp, body, both)
    verify(old, message_id, timestamp, body, both)


@given(message_id=IDS, body=BODIES)
def test_nothing_else_verifies(message_id: str, body: bytes) -> None:
    """Another secret, another body, another ID and another time are refused."""
    secret, timestamp = new_secret(), now()
    signature = sign(secret, message_id, timestamp, body)
    for changed in (
        (new_secret(), message_id, timestamp, body),
        (secret, f'{message_id}x', timestamp, body),
        (secret, message_id, timestamp - 1, body),
        (secret, message_id, timestamp, body + b'x'),
    ):
        with pytest.raises(WebhookVerificationError):
            verify(*changed, signature)


def test_secrets_are_long_and_never_the_same() -> None:
    """A secret is 32 bytes, each time others."""
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    for secret in made:
        assert secret.startswith('whsec_')
        assert len(base64.b64decode(secret.removeprefix('whsec_'))) == 32


@pytest.mark.parametrize('secret', ['whsec_not base64!', 'whsec_abc', 'whsec_ä'])
def test_what_is_no_secret_is_not_shown(secret: str) -> None:
    """A secret that cannot be read is refused in words that do not hold it."""
    with pytest.raises(ValueError, match='has to be') as caught:
        sign(secret, 'id', 1, b'')
    assert secret.removeprefix('whsec_') not in str(caught.value)
