"""Each lease as it was seen last: what it is compared with, and what timers go by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from blazarclient.server.context import RequestContext
from blazarclient.server.objects import lease_document, wire_times
from blazarclient.server.objects.lead_timer import LeadTimer
from blazarclient.server.store import lease_copies

__all__ = ['LeaseCopy']


@dataclasses.dataclass(frozen=True, slots=True)
class LeaseCopy:
    """A lease as it was seen last.

    It belongs to the service, and asks no policy.
    """

    lease_id: str
    project_id: str
    user_id: str
    status: str
    #: Naive UTC.
    end_date: datetime
    #: Of what an update can change, as it was published last.
    digest: str
    #: Real time, seconds since 1970: when the bus has changed it, and the look that has found a
    #: difference.
    heard_at: float | None
    compared_from: float | None
    compared_to: float | None
    #: In Blazar's form, without its trust.
    document: dict[str, Any]

    @classmethod
    def get(cls, ctx: RequestContext, lease_id: str, lock: bool = False) -> Self | None:
        """The copy of a lease; None when it was never seen.

        :param lock: let nobody else change it until the transaction ends.
        """
        with ctx.transaction(write=lock) as connection:
            row = lease_copies.copy_of(connection, lease_id, lock=lock)
        return None if row is None else cls(**row)

    @classmethod
    def all(cls, ctx: RequestContext) -> list[Self]:
        """Every copy."""
        with ctx.transaction(write=False) as connection:
            return [cls(**row) for row in lease_copies.all_copies(connection)]

    @classmethod
    def record(
        cls,
        ctx: RequestContext,
        document: Mapping[str, Any],
        *,
        digest: str | None = None,
        heard_at: float | None = None,
        compared_from: float | None = None,
        compared_to: float | None = None,
    ) -> None:
        """Keep a lease as it is now, and arm its timers.

        It holds the head of the log until the transaction ends: one transaction records one
        lease, or it locks what else it needs before.

        :param document: the lease, as :func:`lease_document.normal` has it.
        :param digest: by default that of the document.
        :param heard_at: as the attributes; what is None stays as it was.
        """
        values = {
            'project_id': str(document.get('project_id') or ''),
            'user_id': str(document.get('user_id') or ''),
            'status': document.get('status') or '',
            'end_date': wire_times.read(document['end_date']),
            'digest': digest or lease_document.digest(document),
            'document': document,
            'heard_at': heard_at,
            'compared_from': compared_from,
            'compared_to': compared_to,
        }
        with ctx.transaction() as connection:
            lease_copies.keep(connection, document['id'], values)
            LeadTimer.rearm(ctx, document)

    @classmethod
    def forget(cls, ctx: RequestContext, lease_id: str) -> None:
        """Keep a lease no longer, nor its timers."""
        with ctx.transaction() as connection:
            lease_copies.forget(connection, lease_id)
            LeadTimer.drop(ctx, lease_id)
