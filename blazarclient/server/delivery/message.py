"""What one delivery says: the body and the headers of a webhook."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from blazarclient.server.delivery import signing
from blazarclient.server.objects.notification import Notification

__all__ = ['CONTENT_TYPE', 'USER_AGENT', 'body', 'headers']

CONTENT_TYPE = 'application/cloudevents+json; charset=utf-8'
USER_AGENT = 'reservation-gateway/5.0'


def body(notification: Notification, version: str, *, thin: bool, longest: int) -> bytes:
    """A notification as it is sent.

    :param version: the microversion whose form of the objects the receiver wants.
    :param thin: whether it wants the ID of the lease alone.
    :param longest: bytes above which it gets no more than that.
    """
    text = _encoded(notification.render(version, thin=thin))
    if len(text) > longest and not thin:
        text = _encoded(notification.render(version, thin=True))
    return text


def headers(
    secrets: Sequence[str],
    subscription_id: str,
    notification_id: str,
    attempt: int,
    text: bytes,
    *,
    now: float | None = None,
) -> Mapping[str, str]:
    """What is sent with a body: who sends it, and signatures by which the receiver knows that.

    :param secrets: all that are valid, the current one first.
    :param attempt: which attempt it is, counted from 1.
    :param now: seconds since 1970, real time whatever the service's clock shows.
    """
    timestamp = int(time.time() if now is None else now)
    return {
        'content-type': CONTENT_TYPE,
        'user-agent': USER_AGENT,
        'webhook-id': notification_id,
        'webhook-timestamp': str(timestamp),
        'webhook-signature': signing.signatures(secrets, notification_id, timestamp, text),
        'blazar-subscription-id': subscription_id,
        'blazar-delivery-attempt': str(attempt),
    }


def _encoded(event: Mapping[str, object]) -> bytes:
    # In ASCII: also what is no text by itself, as half of a surrogate pair.
    return json.dumps(event, separators=(',', ':')).encode()
