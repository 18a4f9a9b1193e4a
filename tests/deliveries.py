"""A service whose notifications go to receivers on this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from blazarclient.server.config import Settings
from blazarclient.server.context import RequestContext
from blazarclient.server.delivery.outbound import Outbound
from blazarclient.server.delivery.worker import Worker
from blazarclient.server.objects.notification import Notification
from blazarclient.server.objects.subscription import Subscription
from blazarclient.server.objects.transitions import unique
from blazarclient.server.store import tables
from blazarclient.server.store.rows import Row, rows
from tests.front_door import FrontDoor

__all__ = ['SETTINGS', 'Deliveries']

#: A key that is none of anybody's.
SETTINGS = Settings(
    secret_keys=('c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=',), allow_loopback=True
)


class Deliveries(FrontDoor):
    """A service, with what a test of deliveries needs besides requests.

    :param settings: what differs from ``SETTINGS``.
    """

    def __init__(self, url: str = 'sqlite://', *, standing: bool = True, **settings: Any) -> None:
        super().__init__(url, settings=dataclasses.replace(SETTINGS, **settings), standing=standing)
        self.outbound = Outbound(allow_loopback=True)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Leave the database and all receivers."""
        self.outbound.close()
        super().close()

    def subscribe(
        self, url: str, *, project: str = 'p-demo', verified: bool = True, **values: Any
    ) -> str:
        """Subscribe to all that happens to the leases of a project; the ID.

        :param verified: whether the endpoint has been asked already if it wants to be told.
        """
        ctx = RequestContext(
            database=self.database,
            policy=self.policy,
            settings=self.settings,
            user_id=f'u-{project}',
            project_id=project,
            roles=frozenset({'member', 'reader'}),
        )
        body = {'notify_endpoint': {'url': url}, **values}
        made, _ = Subscription.create(ctx, body, '1.2')
        if verified:
            made.verified()
        return made.id

    def publish(
        self,
        lease_id: str,
        *,
        project: str = 'p-demo',
        kind: str = 'lease.updated',
        count: int = 1,
        expires_at: datetime | None = None,
        document: dict[str, Any] | None = None,
    ) -> list[str]:
        """Let something happen to a lease; the IDs of the notifications."""
        lease = {
            'id': lease_id,
            'name': f'lease {lease_id}',
            'project_id': project,
            'user_id': f'u-{project}',
            'start_date': '2030-01-07T08:00:00.000000',
            'end_date': '2030-01-08T08:00:00.000000',
            'status': 'ACTIVE',
            'reservations': [],
            'events': [],
            **(document or {}),
        }
        made = []
        ctx = self.context()
        with ctx.transaction():
            for _ in range(count):
                entry = Notification.publish(
                    ctx,
                    kind,
                    unique(kind, f'{lease_id}:{next(self._numbers)}'),
                    source='bus',
                    time=ctx.now(),
                    lease=lease,
                    expires_at=expires_at,
                )
                assert entry is not None
                made.append(entry.id)
        return made

    def worker(self, owner: str = 'worker', *, claim_seconds: float = 60.0) -> Worker:
        """A worker, which does nothing by itself."""
        return Worker(self.context, owner, self.outbound, claim_seconds=claim_seconds)

    @contextlib.contextmanager
    def working(self, *workers: Worker) -> Iterator[None]:
        """Let workers run in threads of their own, by default one."""
        stop = threading.Event()
        threads = [
            threading.Thread(target=each.run, args=[stop]) for each in workers or (self.worker(),)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
                assert not thread.is_alive()

    def stored(self, subscription_id: str | None = None) -> list[Row]:
        """The rows of deliveries, in the order of the log."""
        table = tables.deliveries
        query = table.select().order_by(table.c.sequence, table.c.created_at)
        if subscription_id is not None:
            query = query.where(table.c.subscription_id == subscription_id)
        with self.database.transaction(write=False) as connection:
            return rows(connection, query)

    def subscription(self, subscription_id: str) -> Subscription:
        """A subscription as it is now."""
        found = Subscription.for_service(self.context(), subscription_id)
        assert found is not None
        return found
