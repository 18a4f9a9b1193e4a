"""What a worker has in hand: deliveries that it has claimed, by the endpoint that they go to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from blazarclient.server.context import RequestContext
from blazarclient.server.delivery.outbound import Outcome
from blazarclient.server.objects.audience import Audience
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.store.due_deliveries import Due
from blazarclient.server.store.sending import Claim

__all__ = ['Batch', 'Event', 'Item', 'Question', 'Result', 'Target', 'host_of', 'subscription_of']

_JSON = ('notify_endpoint', 'types', 'lease_ids', 'resource_types', 'before_end')


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A subscription, as far as sending has to know it."""

    id: str
    project_id: str
    url: str
    #: 'host:port'.
    endpoint: str
    #: The microversion whose form of the objects it is sent.
    version: str
    thin: bool
    #: The current one first.
    secrets: Sequence[str] = dataclasses.field(repr=False)
    audience: Audience


class Event:
    """A notification, and the bodies that were made of it."""

    def __init__(self, notification: Notification) -> None:
        self.notification = notification
        #: By microversion, and whether it is thin.
        self.bodies: dict[tuple[str, bool], bytes] = {}

    @property
    def entry(self) -> Mapping[str, Any]:
        """What filters look at."""
        it = self.notification
        return {
            'type': it.type,
            'project_id': it.project_id,
            'user_id': it.user_id,
            'lease_id': it.lease_id,
            'subscription_id': it.subscription_id,
            'resource_types': it.resource_types,
            'lead_seconds': it.lead_seconds,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """A delivery that this worker has claimed."""

    claim: Claim
    due: Due
    target: Target
    event: Event
    #: Whether the endpoint has failed of late.
    has_failed: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Whether an endpoint wants to be told: asked before the first delivery."""

    target: Target
    #: 'auto', 'options', 'test' or 'get'.
    way: str
    #: How often it was asked before.
    attempts: int
    #: A test, in case it is asked by one.
    message_id: str
    body: bytes


@dataclasses.dataclass(slots=True, eq=False)
class Batch:
    """What is sent to one endpoint, one after the other, by one thread."""

    #: Under which its deliveries are claimed: the worker's name and a number.
    owner: str
    project_id: str
    endpoint: str
    #: Until when it has to be recorded what became of it: seconds since 1970.
    deadline: float
    items: Sequence[Item] = ()
    question: Question | None = None
    #: Whether the endpoint is one that takes long.
    slow: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt."""

    of: Item | Question
    #: None when it was not sent.
    outcome: Outcome | None
    #: When it began: seconds since 1970.
    begun: float


def host_of(endpoint: str) -> str:
    """The host of 'host:port'."""
    return endpoint.rpartition(':')[0]


def subscription_of(ctx: RequestContext, row: Mapping[str, Any]) -> Subscription:
    """The object of a row whose JSON is not decoded yet."""
    decoded = {name: json.loads(row[name]) for name in _JSON}
    return Subscription.from_row(ctx, {**row, **decoded})
