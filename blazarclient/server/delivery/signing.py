"""The signature of a webhook, as Standard Webhooks v1 has it.

HMAC-SHA256 over ``id.timestamp.body`` with the bytes of the subscription's secret. While a secret
is being replaced both sign, and a receiver is content with either.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from blazarclient.server.vault import new_secret

__all__ = ['new_secret', 'sign', 'signatures']

_PREFIX = 'whsec_'


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: ``v1,`` and 32 bytes in base64.

    :param secret: as :func:`new_secret` makes it.
    :param message_id: the ``webhook-id``, the same on every attempt.
    :param timestamp: the ``webhook-timestamp`` of this attempt, in seconds since 1970.
    :raises ValueError: it is no secret; the error does not show it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError('A secret has to be "whsec_" and bytes in base64.') from None
    content = b'%b.%d.%b' % (message_id.encode(), timestamp, body)
    return 'v1,' + base64.b64encode(hmac.digest(key, content, 'sha256')).decode()


def signatures(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of an attempt: a signature by each secret, a space in between."""
    return ' '.join(sign(secret, message_id, timestamp, body) for secret in secrets)
