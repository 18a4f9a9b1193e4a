"""Which state of a lease may follow which, and which one its events and reservations make.

From Blazar's ``status.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from blazarclient.server import errors

if TYPE_CHECKING:
    from blazarclient.server.objects.lease import Lease

__all__ = ['NEXT', 'STABLE', 'check', 'derive', 'leads_to']

#: States that a lease stays in.
STABLE = frozenset({'PENDING', 'ACTIVE', 'TERMINATED', 'ERROR'})

#: State -> states that may follow.
NEXT: Mapping[str, frozenset[str]] = {
    'CREATING': frozenset({'PENDING', 'DELETING'}),
    'PENDING': frozenset({'STARTING', 'UPDATING', 'DELETING'}),
    'STARTING': frozenset({'ACTIVE', 'ERROR', 'DELETING'}),
    'ACTIVE': frozenset({'TERMINATING', 'UPDATING', 'DELETING'}),
    'TERMINATING': frozenset({'TERMINATED', 'ERROR', 'DELETING'}),
    'TERMINATED': frozenset({'UPDATING', 'DELETING'}),
    'ERROR': frozenset({'TERMINATING', 'UPDATING', 'DELETING'}),
    'UPDATING': STABLE | {'DELETING'},
    'DELETING': frozenset({'ERROR'}),
}

#: Start event, end event -> the state that they make, if the reservations agree.
_MADE = {
    ('UNDONE', 'UNDONE'): 'PENDING',
    ('DONE', 'UNDONE'): 'ACTIVE',
    ('DONE', 'DONE'): 'TERMINATED',
}
_RESERVATIONS = {'PENDING': 'pending', 'ACTIVE': 'active', 'TERMINATED': 'deleted'}


def leads_to(status: str, wanted: str) -> bool:
    """Whether a lease in one state may go to another."""
    return wanted in NEXT[status]


def check(lease: Lease, wanted: str) -> None:
    """Refuse a state that may not follow, or that an event being carried out forbids.

    :raises blazarclient.server.errors.InvalidStatus: as Blazar does.
    """
    busy = {each.event_type for each in lease.events if each.status == 'IN_PROGRESS'}
    if not leads_to(lease.status, wanted) or busy & {'start_lease', 'end_lease'}:
        raise errors.InvalidStatus


def derive(lease: Lease) -> str:
    """The state that the stored events and reservations of a lease make."""
    # The events may have changed since they were loaded.
    lease.obj_load_attr('events')
    states = {each.event_type: each.status or '' for each in lease.events if each.time}
    made = _MADE.get((states['start_lease'], states['end_lease']), 'ERROR')
    fitting = all(each.status == _RESERVATIONS.get(made) for each in lease.reservations)
    return made if fitting else 'ERROR'
