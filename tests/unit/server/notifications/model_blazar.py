"""A Blazar in a few lines: what its database holds, what it sends, and in which order.

As ``manager/service.py`` has it: a lease is UPDATING while it is updated, its message is sent
before that is over, and the times of the database are whole seconds. Messages wait in ``bus`` until
a test delivers them, in any order, twice, or not at all.
"""

from __future__ import annotations

import copy
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ['ModelBlazar']

#: Where its clock begins: not on a whole second.
_BEGIN = datetime(2026, 11, 20, 15, 38, 0, 400_000, tzinfo=UTC)
_numbers = itertools.count(1)


class ModelBlazar:
    """Leases, and messages about them.

    A document says by ``n`` how many changes of its lease it contains: what a test counts by, and
    what the service knows nothing of.
    """

    def __init__(self) -> None:
        self.now = _BEGIN
        self.leases: dict[str, dict[str, Any]] = {}
        #: What was sent, and not delivered yet.
        self.bus: list[dict[str, Any]] = []
        #: Lease -> the number of the last change of its name, dates or parameters.
        self.changes: dict[str, int] = {}
        #: Of leases that are being updated: their status before that, and when they warn.
        self._before: dict[str, tuple[str, str]] = {}

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def list_leases(self) -> list[dict[str, Any]]:
        """What the API answers."""
        return copy.deepcopy(list(self.leases.values()))

    def get_lease(self, lease_id: str) -> dict[str, Any] | None:
        """What the API answers."""
        return copy.deepcopy(self.leases.get(lease_id))

    def create(self) -> str:
        """Make a lease of an hour, which begins in an hour."""
        number = next(_numbers)
        lease_id = f'00000000-0000-4000-8000-{number:012}'
        start, end = self.now + timedelta(hours=1), self.now + timedelta(hours=2)
        times = {
            'start_lease': start,
            'before_end_lease': end - timedelta(minutes=10),
            'end_lease': end,
        }
        self.leases[lease_id] = {
            'id': lease_id,
            'name': f'lease {number}',
            'project_id': 'red',
            'user_id': 'alice',
            'trust_id': 'SECRET-TRUST',
            'start_date': _iso(start),
            'end_date': _iso(end),
            'status': 'PENDING',
            'degraded': False,
            'created_at': self._written(),
            'updated_at': self._written(),
            'reservations': [
                {
                    'id': f'r{number}',
                    'lease_id': lease_id,
                    'resource_type': 'physical:host',
                    'status': 'pending',
                    'missing_resources': False,
                    'resources_changed': False,
                    'min': 1,
                    'max': 1,
                    'updated_at': self._written(),
                }
            ],
            'events': [
                {
                    'id': f'{kind}-{number}',
                    'event_type': kind,
                    'time': _iso(moment),
                    'status': 'UNDONE',
                    'updated_at': None,
                }
                for kind, moment in times.items()
            ],
            'n': 0,
        }
        self.changes[lease_id] = 0
        self._send(lease_id, 'lease.create')
        return lease_id

    def begin_update(self, lease_id: str) -> None:
        """The lease is UPDATING, and half of it is written: its warning is somewhere else."""
        lease = self.leases[lease_id]
        row = self.row(lease_id, 'before_end_lease')
        self._before[lease_id] = lease['status'], row['time']
        row['time'] = '2026-11-20T23:59:00.000000'
        self._write(lease_id, status='UPDATING')

    def finish_update(
        self, lease_id: str, *, minutes: int = 0, name: str | None = None, killed: bool = False
    ) -> int:
        """The dates, or the name, are changed.

        :param minutes: by how many the end moves; 0 changes nothing.
        :param name: a new one: then nothing is sent.
        :param killed: the manager dies after it has written, and before it sends.
        :returns: the number of the change.
        """
        lease = self.leases[lease_id]
        lease['n'] += 1
        messages = []
        status, warning = self._before.pop(lease_id)
        self.row(lease_id, 'before_end_lease')['time'] = warning
        if name is not None:
            self._write(lease_id, name=name)
        else:
            messages.append('lease.update')
            end = datetime.fromisoformat(lease['end_date']) + timedelta(minutes=minutes)
            row = self.row(lease_id, 'before_end_lease')
            moment = datetime.fromisoformat(row['time']) + timedelta(minutes=minutes)
            if row['status'] == 'DONE':
                row['status'] = 'UNDONE'
                messages.append('lease.event.before_end_lease.stop')
            row['time'] = _iso(moment)
            self.row(lease_id, 'end_lease')['time'] = _iso(end)
            self._write(lease_id, end_date=_iso(end))
        if minutes or name is not None:
            self.changes[lease_id] = lease['n']
        if killed:
            return int(lease['n'])
        for each in messages:
            self._send(lease_id, each)
        self._write(lease_id, status=status)
        return int(lease['n'])

    def carry_out(self, lease_id: str, kind: str, *, failed: bool = False) -> None:
        """Carry out an event of the lease."""
        status = {'start_lease': 'ACTIVE', 'end_lease': 'TERMINATED'}.get(kind)
        row = self.row(lease_id, kind)
        row['status'] = 'ERROR' if failed else 'DONE'
        row['updated_at'] = self._written()
        if status:
            self._write(lease_id, status='ERROR' if failed else status)
        self._send(lease_id, f'lease.event.{kind}')

    def degrade(self, lease_id: str) -> None:
        """Take what the lease has reserved; Blazar sends nothing."""
        row = self.leases[lease_id]['reservations'][0]
        row.update(missing_resources=True, updated_at=self._written())
        self._write(lease_id, degraded=True)

    def delete(self, lease_id: str) -> None:
        """Delete the lease."""
        self.leases[lease_id]['status'] = 'DELETING'
        self._send(lease_id, 'lease.delete')
        del self.leases[lease_id]

    def row(self, lease_id: str, kind: str) -> dict[str, Any]:
        """An event of the lease."""
        return next(each for each in self.leases[lease_id]['events'] if each['event_type'] == kind)

    def _send(self, lease_id: str, event_type: str) -> None:
        lease = copy.deepcopy(self.leases[lease_id])
        self.wait(0.003)
        payload = {'lease_id': lease.pop('id'), **lease}
        self.bus.append(
            {
                'message_id': f'message-{next(_numbers)}',
                'publisher_id': 'blazar.lease',
                'event_type': event_type,
                'priority': 'INFO',
                'payload': payload,
                'timestamp': str(self.now.replace(tzinfo=None)),
            }
        )

    def _write(self, lease_id: str, **values: Any) -> None:
        self.leases[lease_id].update(values, updated_at=self._written())

    def _written(self) -> str:
        return self.now.strftime('%Y-%m-%d %H:%M:%S')


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec='microseconds')
