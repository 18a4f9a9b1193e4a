"""Sending one ``subscription.test`` at once, for whoever wants to know whether it arrives."""

from __future__ import annotations

import json
import uuid
from typing import Any

from blazarclient.server.context import RequestContext
from blazarclient.server.delivery import message
from blazarclient.server.delivery.outbound import Outbound, Outcome
from blazarclient.server.objects import notification_types
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription

__all__ = ['event', 'send_test']


def send_test(ctx: RequestContext, outbound: Outbound, subscription: Subscription) -> Outcome:
    """Send a test, signed as everything else; it is not in the log."""
    tested = event(ctx, subscription)
    body = json.dumps(tested).encode()
    secrets = subscription.secrets(ctx.now())
    headers = message.headers(secrets, subscription.id, tested['id'], 1, body)
    return outbound.send('POST', subscription.url, headers, body)


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
