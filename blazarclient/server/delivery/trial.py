"""Sending one ``subscription.test`` at once, for whoever wants to know whether it arrives."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any

from blazarclient.server.context import RequestContext
from blazarclient.server.delivery import signing
from blazarclient.server.delivery.outbound import Outbound, Outcome
from blazarclient.server.objects import notification_types
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription

__all__ = ['USER_AGENT', 'event', 'headers', 'send_test']

USER_AGENT = 'reservation-gateway/5.0'


def send_test(ctx: RequestContext, outbound: Outbound, subscription: Subscription) -> Outcome:
    """Send a test, signed as everything else; it is not in the log."""
    message = event(ctx, subscription)
    body = json.dumps(message).encode()
    secrets = subscription.secrets(ctx.now())
    sent = headers(subscription.id, secrets, message['id'], body, attempt=1)
    return outbound.send('POST', subscription.url, sent, body)


def event(ctx: RequestContext, subscription: Subscription) -> dict[str, Any]:
    """A ``subscription.test`` that is no entry of the log, as a CloudEvent in JSON."""
    now = ctx.now()
    message_id = str(uuid.uuid4())
    unpublished = Notification.from_row(
        ctx,
        {
            'sequence': 0,
            'id': message_id,
            'type': notification_types.TEST,
            'transition': message_id,
            'lease_id': None,
            'subscription_id': subscription.id,
            'project_id': subscription.project_id,
            'user_id': subscription.user_id,
            'resource_types': [],
            'source': 'service',
            'lead_seconds': None,
            'time': now,
            'noticed_at': now,
            'expires_at': None,
            'data': {'subscription': subscription.summary()},
            'version': Notification.VERSION,
        },
    )
    rendered = unpublished.render(subscription.payload_version)
    # It has no place in the log.
    del rendered['sequence']
    return rendered


def headers(
    subscription_id: str, secrets: Sequence[str], message_id: str, body: bytes, *, attempt: int
) -> dict[str, str]:
    """The headers of an attempt.

    :param message_id: the same on every attempt.
    :param attempt: 1 for the first.
    """
    timestamp = int(time.time())
    return {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'user-agent': USER_AGENT,
        'webhook-id': message_id,
        'webhook-timestamp': str(timestamp),
        'webhook-signature': signing.signatures(secrets, message_id, timestamp, body),
        'blazar-subscription-id': subscription_id,
        'blazar-delivery-attempt': str(attempt),
    }
