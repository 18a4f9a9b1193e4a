"""Notifications: what happened to leases, in the order in which it became known."""

from __future__ import annotations

import builtins
import math
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from blazarclient import exception
from blazarclient.fields import Field
from blazarclient.model import Resource
from blazarclient.resources.lease import Lease
from blazarclient.transport import pause_after
from blazarclient.versions import HISTORY, Spoken, Version
from blazarclient.wiretypes import Instant, Json, Text

if TYPE_CHECKING:
    from blazarclient.client import Client

__all__ = ['Notification', 'Notifications']

_PREFIX = 'org.openstack.reservation.'
#: How long the service holds a request back until there is something (seconds).
LONGEST_WAIT = 30


class Notification(Resource, since='1.1'):
    """Something that happened: a CloudEvent, as it also comes to a webhook.

    ``notification['type']`` is the whole name of CloudEvents; :attr:`kind` is the short one.
    """

    __slots__ = ()

    #: Its ID; a webhook gets the same one as ``webhook-id``, however often it is sent.
    id = Field(Text(), always=True, read_only=True, since='1.1')
    #: ``org.openstack.reservation.lease.started`` ...
    type = Field(Text(), always=True, read_only=True, since='1.1')
    #: Which service it comes from.
    source = Field(Text(), read_only=True, since='1.1')
    #: What it is about: ``leases/ID`` or ``subscriptions/ID``.
    subject = Field(Text(), read_only=True, since='1.1')
    #: When it happened (UTC).
    time = Field(Instant(), always=True, read_only=True, since='1.1')
    #: Its place in the log; what comes after it comes after this.
    sequence = Field(Text(), always=True, read_only=True, since='1.1')
    #: What belongs in one order: the lease's ID.
    partitionkey = Field(Text(), read_only=True, since='1.1')
    #: From when on nobody wants to hear of it any more (UTC).
    expirytime = Field(Instant(), read_only=True, since='1.1')
    #: The version of the object in it: ``Lease/1.1``.
    objectversion = Field(Text(), read_only=True, since='1.1')
    #: The lease, and what belongs to the type: ``changed``, ``lead_time`` ...
    data = Field(Json(), always=True, read_only=True, since='1.1')

    @property
    def kind(self) -> str:
        """Its type without the prefix of CloudEvents: ``lease.started``."""
        return str(self['type']).removeprefix(_PREFIX)

    @property
    def lease_id(self) -> str | None:
        """The lease that it is about; None when it is about something else."""
        noun, _, found = str(self.get('subject') or '').partition('/')
        return found if noun == 'leases' else None

    @property
    def lease(self) -> Lease | None:
        """The lease as it was then, at the version that it was sent in; None without one."""
        wire = (self.get('data') or {}).get('lease')
        if not isinstance(wire, dict):
            return None
        spoken = Spoken(_version(self.get('objectversion')), 'the notification says so')
        return Lease.read(wire, spoken, self._client)


def _version(text: object) -> Version:
    """The microversion of an object's version, which for a lease has the same number."""
    number = str(text or '').rpartition('/')[2]
    return Version.parse(number if number in HISTORY else [*HISTORY][-1])


class Notifications:
    """What happened to the leases that the user may see."""

    PATH = '/notifications'

    def __init__(self, client: Client) -> None:
        self._client = client

    def page(
        self,
        *,
        after: str | None = None,
        since: datetime | str | None = None,
        limit: int | None = None,
        wait: float = 0,
        types: Sequence[str] = (),
        lease_id: str | None = None,
        all_projects: bool = False,
    ) -> tuple[builtins.list[Notification], str]:
        """What there is after a place in the log.

        :param after: a cursor of an earlier call, or ``latest`` for the end.
        :param since: a time (no zone: UTC), in place of a cursor.
        :param limit: how many at most; the service has a limit of its own.
        :param wait: seconds, at most 30, that the service waits for something to happen.
        :param types: only these types: ``lease.started``, ``lease.*``.
        :param lease_id: only this lease.
        :param all_projects: for administrators: what happened in every project.
        :returns: the notifications, and the cursor to go on after.
        :raises blazarclient.exception.HTTPError: with status 410 for a cursor that is older than
            what is kept: something was missed.
        """
        query: dict[str, object] = {
            'after': after,
            'since': Instant().encode(since) if since is not None else None,
            'limit': limit,
            # The service takes whole seconds.
            'wait': math.ceil(min(wait, LONGEST_WAIT)) or None,
            'types': ','.join(types) or None,
            'lease_id': lease_id,
            'all_projects': 'true' if all_projects else None,
        }
        given = {name: value for name, value in query.items() if value is not None}
        path = f'{self.PATH}?{urllib.parse.urlencode(given)}' if given else self.PATH
        answer = self._client.transport.read(path, since=Notification.SINCE)
        body: dict[str, Any] = answer.json()
        found = [
            Notification.read(wire, answer.spoken, self._client) for wire in body['notifications']
        ]
        return found, str(body['cursor'])

    def list(
        self,
        *,
        after: str | None = None,
        since: datetime | str | None = None,
        types: Sequence[str] = (),
        lease_id: str | None = None,
        all_projects: bool = False,
    ) -> Iterator[Notification]:
        """All that is known by now, the oldest first; the arguments are those of :meth:`page`."""
        while True:
            found, cursor = self.page(
                after=after,
                since=since,
                types=types,
                lease_id=lease_id,
                all_projects=all_projects,
            )
            yield from found
            if not found:
                return
            after, since = cursor, None

    def listen(
        self,
        *,
        after: str | None = None,
        since: datetime | str | None = None,
        types: Sequence[str] = (),
        lease_id: str | None = None,
        all_projects: bool = False,
        timeout: float | None = None,
        report: Callable[[str], None] | None = None,
    ) -> Iterator[Notification]:
        """What happens, as it happens; for ever, unless a timeout is given.

        It goes on after a connection that broke and a service that restarts, without a gap and
        without anything twice.

        :param after: a cursor to go on after; without it and without ``since``, from now on.
        :param since: a time (no zone: UTC) from which on what has happened comes first.
        :param types: only these types: ``lease.started``, ``lease.*``.
        :param lease_id: only this lease.
        :param all_projects: for administrators: what happens in every project.
        :param timeout: seconds after which it ends.
        :param report: called with a sentence when the service cannot be reached.
        :raises blazarclient.exception.HTTPError: when the service refuses; with status 410 when it
            was away from for so long that something was missed.
        """
        filters: Any = {'types': types, 'lease_id': lease_id, 'all_projects': all_projects}
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        if after is None and since is None:
            after = 'latest'
        attempt = 0
        while (left := deadline - time.monotonic()) > 0:
            # The end is asked for without waiting: what happens meanwhile comes after it.
            wait = 0.0 if after in (None, 'latest') else min(left, LONGEST_WAIT)
            try:
                found, cursor = self.page(after=after, since=since, wait=wait, **filters)
            except (exception.ConnectionFailed, exception.ServiceUnavailable) as error:
                pause = min(pause_after(error, attempt), LONGEST_WAIT, left)
                if report is not None:
                    report(f'{error} Trying again in {math.ceil(pause)} s.')
                time.sleep(pause)
                attempt += 1
                continue
            attempt = 0
            yield from found
            after, since = cursor, None

    def types(self) -> builtins.list[dict[str, Any]]:
        """The types of notifications: ``name``, ``description``, ``schema``, ``example``."""
        answer = self._client.transport.read('/notification-types', since=Notification.SINCE)
        return builtins.list(answer.json()['notification_types'])
