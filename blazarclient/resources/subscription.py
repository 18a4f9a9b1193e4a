"""Subscriptions: who is told what happens to leases, and whether it has arrived."""

from __future__ import annotations

import builtins
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from blazarclient import exception
from blazarclient.collection import DeletableCollection
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.versions import Spoken
from blazarclient.wiretypes import Boolean, Instant, Integer, Json, Text

__all__ = ['Delivery', 'Subscription', 'Subscriptions']

#: Objects of one page of a list.
_PAGE = 500


class Delivery(Resource, since='1.1'):
    """One notification on its way to one subscription."""

    __slots__ = ()

    #: Its ID.
    id = Field(Text(), always=True, read_only=True, since='1.1')
    #: The subscription that it is for.
    subscription_id = Field(Text(), always=True, read_only=True, since='1.1')
    #: The notification that is sent; the receiver sees it as ``webhook-id``.
    notification_id = Field(Text(), always=True, read_only=True, since='1.1')
    #: The type of the notification.
    type = Field(Text(), read_only=True, since='1.1')
    #: The lease that the notification is about.
    lease_id = Field(Text(), read_only=True, since='1.1')
    #: ``queued``, ``delivered``, ``failed``, ``expired`` or ``cancelled``.
    status = Field(Text(), always=True, read_only=True, since='1.1')
    #: What was tried: a list of ``at``, ``status``, ``error``, ``latency_ms``.
    attempts = Field(Json(), read_only=True, since='1.1')
    #: When it is tried next (UTC); None when it is not.
    next_attempt_at = Field(Instant(), read_only=True, since='1.1')
    #: The status of the last answer.
    response_status = Field(Integer(), read_only=True, since='1.1')
    #: How the last answer began.
    response_head = Field(Text(), read_only=True, since='1.1')
    #: What kind of failure the last one was.
    error = Field(Text(), read_only=True, since='1.1')
    #: When it was queued (UTC).
    created_at = Field(Instant(), read_only=True, since='1.1')
    #: When it arrived, or was given up (UTC).
    finished_at = Field(Instant(), read_only=True, since='1.1')

    def resend(self) -> None:
        """Send it again, now and with the same ID."""
        self.client.subscriptions.resend(self['subscription_id'], self['id'])


class Subscription(Resource, since='1.1'):
    """Who is told of what, and how that goes."""

    __slots__ = ()

    #: Its ID.
    id = Field(Text(), always=True, read_only=True, since='1.1')
    #: Its name.
    name = Field(Text(), since='1.1')
    #: Whose it is.
    project_id = Field(Text(), always=True, read_only=True, tenancy=True, since='1.1')
    #: Who made it.
    user_id = Field(Text(), always=True, read_only=True, since='1.1')
    #: Where notifications go: ``url``, or ``ip_address`` and ``port``.
    notify_endpoint = Field(Json(), always=True, since='1.1')
    #: Whose leases: ``user`` (my own), ``project``, or ``all`` (administrators).
    scope = Field(Text(), since='1.1')
    #: Types of notifications: ``lease.*``, ``lease.started`` ...
    types = Field(Json(), since='1.1')
    #: Only these leases; empty for every one.
    lease_ids = Field(Json(), since='1.1')
    #: Only leases with reservations of these types; empty for all.
    resource_types = Field(Json(), since='1.1')
    #: How long before the end of a lease it warns: ISO 8601 durations such as ``PT1H``.
    before_end = Field(Json(), since='1.2')
    #: ``full``, or ``thin`` for the lease's ID only.
    payload = Field(Text(), since='1.1')
    #: The microversion of the objects in what is sent.
    payload_version = Field(Text(), since='1.1')
    #: How the endpoint is asked whether it wants this: ``auto``, ``options``, ``test``, ``get``.
    verify = Field(Text(), since='1.1')
    #: When it ends (UTC); None for never.
    expires_at = Field(Instant(), since='1.1')
    #: Whether anything is sent.
    enabled = Field(Boolean(), since='1.1')
    #: ``pending``, ``active``, ``failing``, ``disabled`` or ``expired``.
    status = Field(Text(), always=True, read_only=True, since='1.1')
    #: Why it has this status.
    status_reason = Field(Text(), read_only=True, since='1.1')
    #: When something arrived last (UTC).
    last_success_at = Field(Instant(), read_only=True, since='1.1')
    #: When something failed last (UTC).
    last_failure_at = Field(Instant(), read_only=True, since='1.1')
    #: How many have failed since.
    consecutive_failures = Field(Integer(), read_only=True, since='1.1')
    #: How many wait to be sent.
    queued = Field(Integer(), read_only=True, since='1.1')
    #: The place in the log up to which everything has arrived or was given up.
    cursor = Field(Text(), read_only=True, since='1.1')
    #: What signs the notifications. Answered once, when it is made.
    secret = Field(Text(), read_only=True, since='1.1')
    #: When it was made (UTC).
    created_at = Field(Instant(), read_only=True, since='1.1')
    #: When its owner changed it last (UTC).
    updated_at = Field(Instant(), read_only=True, since='1.1')

    def refresh(self) -> Subscription:
        """Read it anew; what was changed and not saved is forgotten."""
        self._take(self.client.subscriptions.get(self['id']))
        return self

    def save(self) -> Subscription:
        """Send what was changed; nothing is sent when nothing was."""
        changes = self.changes()
        if changes:
            self._take(self.client.subscriptions.patch(self['id'], changes))
        return self

    def delete(self) -> None:
        """Delete it; what was not sent yet is not sent any more."""
        self.client.subscriptions.delete(self['id'])

    def rotate_secret(self, overlap: int = 86400) -> str:
        """Make a new secret.

        :param overlap: seconds for which the old one signs too.
        :returns: the new secret, which is not shown again.
        """
        return self.client.subscriptions.rotate_secret(self['id'], overlap)

    def test(self) -> dict[str, Any]:
        """Send a test now.

        :returns: ``status`` of the answer, ``latency_ms``, ``error``.
        """
        return self.client.subscriptions.test(self['id'])

    def deliveries(self, status: str | None = None) -> Iterator[Delivery]:
        """What was sent and what is to be sent, the newest first.

        :param status: only those with this status.
        """
        return self.client.subscriptions.deliveries(self['id'], status)

    def replay(
        self,
        *,
        since: datetime | str | None = None,
        after: str | None = None,
        until: datetime | str | None = None,
        status: str | None = None,
        types: Sequence[str] = (),
        dry_run: bool = False,
    ) -> int:
        """Send again what has happened; the arguments are those of :meth:`Subscriptions.replay`."""
        return self.client.subscriptions.replay(
            self['id'],
            since=since,
            after=after,
            until=until,
            status=status,
            types=types,
            dry_run=dry_run,
        )


class Subscriptions(DeletableCollection[Subscription]):
    """The subscriptions that the user may see: those of the project, or all for an admin."""

    RESOURCE = Subscription
    PATH = '/subscriptions'
    ONE = 'subscription'
    MANY = 'subscriptions'
    NOUN = 'subscription'
    TELL_APART = ('status', 'notify_endpoint', 'project_id')

    def list(
        self,
        fields: Sequence[str] | None = None,
        *,
        status: str | None = None,
        lease_id: str | None = None,
        all_projects: bool = False,
    ) -> builtins.list[Subscription]:
        """Those of the project, page by page.

        :param status: only those with this status.
        :param lease_id: only those that hear of this lease alone, or among others.
        :param all_projects: for administrators: those of every project.
        """
        keys = None if fields is None else [self._key(name) for name in fields]
        query = {
            'status': status,
            'lease_id': lease_id,
            'all_projects': 'true' if all_projects else None,
        }
        return [
            self._read(
                wire if keys is None else {key: wire[key] for key in keys if key in wire}, spoken
            )
            for wire, spoken in self._pages(self.PATH, self.MANY, query)
        ]

    def _named(self, name: str) -> builtins.list[Subscription]:
        return [one for one in self.list() if one.get('name') == name]

    def _pages(
        self, path: str, key: str, query: Mapping[str, str | None]
    ) -> Iterator[tuple[dict[str, Any], Spoken]]:
        """The objects of a list that comes in pages, each with the version of its answer."""
        asked = {name: value for name, value in query.items() if value is not None}
        asked['limit'] = str(_PAGE)
        while True:
            answer = self.transport.read(
                f'{path}?{urllib.parse.urlencode(asked)}', since=Subscription.SINCE
            )
            page = answer.json()[key]
            for wire in page:
                yield wire, answer.spoken
            if len(page) < _PAGE:
                return
            asked['marker'] = page[-1]['id']

    def create(
        self,
        notify_endpoint: str | Mapping[str, object],
        *,
        id: str | None = None,
        **values: object,
    ) -> Subscription:
        """Make a subscription; its ``secret`` is in this answer only.

        :param notify_endpoint: a URL, or a dict with ``url`` or with ``ip_address`` and ``port``.
        :param id: an ID to use, a UUID of version 4, for a program that repeats itself.
        :param values: other attributes: ``name``, ``types``, ``before_end`` ...
        :raises blazarclient.exception.Conflict: naming the one that there is already.
        """
        endpoint = {'url': notify_endpoint} if isinstance(notify_endpoint, str) else notify_endpoint
        values = {name: value for name, value in values.items() if value is not None}
        body = {'notify_endpoint': dict(endpoint), **values}
        # With an ID of its own the request can be repeated when its answer was lost.
        identified = {'id': id or str(uuid.uuid4()), **body}
        answer = self.transport.write(
            'POST',
            self.PATH,
            lambda spoken: {'subscription': Subscription.encode(identified, spoken)},
            since=Subscription.SINCE,
            needs=lambda sent, at: Subscription.needs(sent['subscription'], at),
            idempotent=True,
        )
        return self._one(answer)

    def update(self, subscription_id: str, **changes: object) -> Subscription:
        """Change attributes of a subscription.

        :raises blazarclient.exception.InvalidInput: for an attribute that only the service sets.
        """
        if not changes:
            raise exception.InvalidInput('Nothing to change was given: name an attribute.')
        for name in changes:
            if (field := Subscription.field(name)).read_only:
                raise field.refused()
        return self.patch(subscription_id, changes)

    def patch(self, subscription_id: str, changes: Mapping[str, object]) -> Subscription:
        """Send a change: attributes and their values."""
        return self._one(
            self.transport.write(
                'PATCH',
                self._url(subscription_id),
                lambda spoken: {'subscription': Subscription.encode(changes, spoken)},
                since=Subscription.SINCE,
                needs=lambda sent, at: Subscription.needs(sent['subscription'], at),
                idempotent=True,
            )
        )

    def rotate_secret(self, subscription_id: str, overlap: int = 86400) -> str:
        """Make a new secret.

        :param overlap: seconds for which the old one signs too.
        :returns: the new secret, which is not shown again.
        """
        path = f'{self._url(subscription_id)}/secret'
        answer = self._do('POST', path, {'overlap': overlap})
        return str(answer['secret'])

    def test(self, subscription_id: str) -> dict[str, Any]:
        """Send a test now.

        :returns: ``status`` of the answer, ``latency_ms``, ``error``.
        """
        answer = self._do('POST', f'{self._url(subscription_id)}/tests', {})
        return dict(answer.get('test', answer))

    def replay(
        self,
        subscription_id: str,
        *,
        since: datetime | str | None = None,
        after: str | None = None,
        until: datetime | str | None = None,
        status: str | None = None,
        types: Sequence[str] = (),
        dry_run: bool = False,
    ) -> int:
        """Send again what has happened since a time, or after a place in the log.

        :param since: a time (no zone: UTC).
        :param after: a cursor, such as the subscription's own.
        :param until: a time up to which; by default now.
        :param status: ``failed`` for what did not arrive only.
        :param types: only these types.
        :param dry_run: only count.
        :returns: how many are sent.
        """
        moment = Instant()
        body: dict[str, Any] = {
            'since': moment.encode(since) if since is not None else None,
            'after': after,
            'until': moment.encode(until) if until is not None else None,
            'status': status,
            'types': [*types] or None,
            'dry_run': dry_run or None,
        }
        given = {name: value for name, value in body.items() if value is not None}
        answer = self._do('POST', f'{self._url(subscription_id)}/replays', given)
        return int(answer['replay']['count'])

    def deliveries(self, subscription_id: str, status: str | None = None) -> Iterator[Delivery]:
        """What was sent and what is to be sent, the newest first, page by page.

        :param status: only those with this status.
        """
        path = f'{self._url(subscription_id)}/deliveries'
        for wire, spoken in self._pages(path, 'deliveries', {'status': status}):
            yield Delivery.read(wire, spoken, self._client)

    def delivery(self, subscription_id: str, delivery_id: str) -> Delivery:
        """One delivery, with what was tried."""
        path = f'{self._url(subscription_id)}/deliveries/{self._segment(delivery_id)}'
        answer = self.transport.read(path, since=Delivery.SINCE)
        return Delivery.read(answer.json()['delivery'], answer.spoken, self._client)

    def resend(self, subscription_id: str, delivery_id: str) -> None:
        """Send a notification again, now and with the same ID."""
        path = f'{self._url(subscription_id)}/deliveries/{self._segment(delivery_id)}/resend'
        self._do('POST', path, {})

    def _do(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.transport.write(method, path, lambda spoken: body, since=Subscription.SINCE)
        found = answer.json()
        return found if isinstance(found, dict) else {}
