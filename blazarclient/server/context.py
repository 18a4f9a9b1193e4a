"""Who asks, in which project, and what the answer is worked out with."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from blazarclient.server import errors
from blazarclient.server.backends.embedded.clock import Anchor
from blazarclient.server.store import clock as stored_clock

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from blazarclient.server.config import Settings
    from blazarclient.server.policy import Policy
    from blazarclient.server.store.database import Database

__all__ = ['RequestContext']


class RequestContext:
    """One request: the user, the roles, and the database.

    A context belongs to one thread. Objects are loaded with one, and keep it.
    """

    def __init__(
        self,
        *,
        database: Database,
        policy: Policy,
        settings: Settings,
        user_id: str,
        project_id: str,
        roles: frozenset[str],
        request_id: str | None = None,
        lease_exists: Callable[[str], bool] | None = None,
    ) -> None:
        self.database = database
        self.policy = policy
        self.settings = settings
        self.user_id = user_id
        self.project_id = project_id
        self.roles = roles
        #: In front of a Blazar: whether it shows this user a lease that was never seen here. Not
        #: asked within a transaction.
        self.lease_exists = lease_exists
        self.request_id = request_id or f'req-{uuid.uuid4()}'
        self._connection: Connection | None = None
        self._writes = False
        self._now: datetime | None = None

    @classmethod
    def for_service(cls, database: Database, policy: Policy, settings: Settings) -> RequestContext:
        """The service's own context, which may see and do everything."""
        return cls(
            database=database,
            policy=policy,
            settings=settings,
            user_id='',
            project_id='',
            roles=frozenset({'admin'}),
        )

    @property
    def is_admin(self) -> bool:
        """Whether the policy takes this user for an administrator."""
        return self.may('admin', {})

    def may(self, rule: str, target: Mapping[str, object]) -> bool:
        """Whether a policy rule allows this user an action on a target."""
        credentials = {
            'user_id': self.user_id,
            # A token for a domain has roles and no project: what is in no project is not its own.
            'project_id': self.project_id or None,
            'roles': sorted(self.roles),
        }
        return self.policy.check(rule, target, credentials)

    def require(self, rule: str, target: Mapping[str, object] | None = None) -> None:
        """Refuse what a policy rule does not allow.

        :param target: whose object it is; by default one of the user's own project.
        :raises blazarclient.server.errors.PolicyForbidden: naming the rule.
        """
        own = {'project_id': self.project_id, 'user_id': self.user_id}
        if not self.may(rule, own if target is None else target):
            raise errors.PolicyForbidden(rule)

    @contextlib.contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Connection]:
        """A transaction, or the one that is open already.

        :param write: whether it changes anything; a transaction that only reads cannot be
            joined by one that writes.
        """
        if self._connection is not None:
            if write and not self._writes:
                raise RuntimeError('a transaction that only reads cannot begin to write')
            yield self._connection
            return
        with self.database.transaction(write=write) as connection:
            self._connection, self._writes = connection, write
            try:
                yield connection
            finally:
                self._connection = self._now = None

    def now(self) -> datetime:
        """What the service's clock shows: UTC, without a time zone, to the microsecond.

        All of a transaction happens at one moment.
        """
        with self.transaction(write=False) as connection:
            if self._now is None:
                self._now = Anchor(*stored_clock.read(connection)).now(time.time())
            return self._now
