"""Everything that is held, read with plain SQL and checked by brute force.

It shares nothing with the service but the names of tables and columns: each host and each address
is looked at in each moment in which something begins to be held.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

__all__ = ['Calendar', 'Slot']

Row = Mapping[str, Any]

#: What an instance takes, as the parameters of a reservation and the columns of a host name it.
SIZES = {'vcpus': 'vcpus', 'memory_mb': 'memory_mb', 'disk_gb': 'local_gb'}
#: For flavors a processor is given out four times, and 512 MiB stay with the machine.
OVERCOMMIT, KEPT_MB = 4, 512


@dataclasses.dataclass(frozen=True)
class Slot:
    """What one allocation says, with what it belongs to."""

    kind: str
    resource_id: str
    reservation_id: str
    resource_type: str
    lease_id: str
    start: datetime
    end: datetime
    parameters: Row

    def covers(self, moment: datetime) -> bool:
        """Whether it is held then; at its end it is not."""
        return self.start <= moment < self.end


class Calendar:
    """One state of the database."""

    def __init__(self, connection: Connection) -> None:
        def rows(table: str, order: str) -> list[dict[str, Any]]:
            found = connection.execute(sa.text(f'SELECT * FROM {table} ORDER BY {order}'))
            return [_typed(dict(row)) for row in found.mappings()]

        self.hosts = {row['id']: row for row in rows('hosts', 'id')}
        self.addresses = {row['id']: row for row in rows('floatingips', 'id')}
        self.leases = {row['id']: row for row in rows('leases', 'number')}
        self.reservations = {row['id']: row for row in rows('reservations', 'lease_id, position')}
        self.events = rows('events', 'lease_id, time')
        for row in self.reservations.values():
            row['parameters'] = json.loads(row['parameters'])
        self.allocations = rows('allocations', 'id')
        self.slots = [self._slot(row) for row in self.allocations]

    def _slot(self, row: Row) -> Slot:
        reservation = self.reservations[row['reservation_id']]
        return Slot(
            row['kind'],
            row['resource_id'],
            reservation['id'],
            reservation['resource_type'],
            reservation['lease_id'],
            row['start_date'],
            row['end_date'],
            reservation['parameters'],
        )

    def wrong(self) -> list[str]:
        """Everything that must not be."""
        return [
            *self._dates(),
            *self._hosts(),
            *self._addresses(),
            *self._promises(),
            *self._events(),
        ]

    # ------------------------------------------------------------------ private

    def _dates(self) -> Iterator[str]:
        for slot in self.slots:
            lease = self.leases[slot.lease_id]
            if (slot.start, slot.end) != (lease['start_date'], lease['end_date']):
                yield f'{slot} is held at other times than {lease}'
            there = self.hosts if slot.kind == 'host' else self.addresses
            if slot.resource_id not in there:
                yield f'{slot} is held, and is not there'

    def _hosts(self) -> Iterator[str]:
        for host_id, slots in _by_resource(self.slots, 'host').items():
            if host_id not in self.hosts:
                continue
            for moment in {slot.start for slot in slots}:
                there = [slot for slot in slots if slot.covers(moment)]
                if trouble := _crowded(self.hosts[host_id], there):
                    yield f'host {host_id} at {moment}: {trouble}'

    def _addresses(self) -> Iterator[str]:
        for address_id, slots in _by_resource(self.slots, 'floatingip').items():
            for moment in {slot.start for slot in slots}:
                there = [slot for slot in slots if slot.covers(moment)]
                if len(there) > 1:
                    yield f'address {address_id} at {moment} is held {len(there)} times: {there}'

    def _promises(self) -> Iterator[str]:
        held = defaultdict(list)
        for slot in self.slots:
            held[slot.reservation_id].append(slot.resource_id)
        for reservation in self.reservations.values():
            lease = self.leases[reservation['lease_id']]
            trouble = self._broken(reservation, lease, held[reservation['id']])
            if trouble:
                yield f'{reservation} of {lease}: {trouble}'

    def _broken(self, reservation: Row, lease: Row, held: Sequence[str]) -> str:
        kind, promised = reservation['resource_type'], reservation['parameters']
        if reservation['status'] == 'deleted' or lease['status'] == 'TERMINATED':
            ended_holds = held and kind != 'virtual:floatingip'
            return f'has ended and holds {held}' if ended_holds else ''
        if kind == 'physical:host':
            enough = promised['min'] <= len(held) <= promised['max']
            return '' if enough and _all_differ(held) else f'holds {held}'
        if len(held) != promised['amount']:
            return f'holds {held}'
        if kind == 'virtual:floatingip':
            addresses = {self.addresses[each]['floating_ip_address'] for each in held}
            lacking = set(promised['required_floatingips']) - addresses
            return f'lacks {lacking}' if lacking else ''
        apart = promised['affinity'] is False and not _all_differ(held)
        scattered = promised['affinity'] is True and len(set(held)) > 1
        return f'is spread wrongly: {held}' if apart or scattered else ''

    def _events(self) -> Iterator[str]:
        found: dict[str, dict[str, Row]] = defaultdict(dict)
        for event in self.events:
            if event['event_type'] in found[event['lease_id']]:
                yield f'{event} is there twice'
            found[event['lease_id']][event['event_type']] = event
        for lease in self.leases.values():
            its = found[lease['id']]
            times = {kind: event['time'] for kind, event in its.items()}
            if times.get('start_lease') != lease['start_date']:
                yield f'{lease} starts at another time than its event'
            if times.get('end_lease') != lease['end_date']:
                yield f'{lease} ends at another time than its event'


def _crowded(host: Row, slots: Sequence[Slot]) -> str:
    """What is wrong with what a host is held for at one moment; nothing when all is well."""
    kinds = Counter(slot.resource_type for slot in slots)
    if kinds['physical:host']:
        return '' if len(slots) == 1 else f'is held whole and {len(slots)} times: {slots}'
    used: Counter[str] = Counter()
    for slot in slots:
        for name in SIZES:
            used[name] += slot.parameters[name]
    room = {name: host[column] for name, column in SIZES.items()}
    if not kinds['virtual:instance']:
        room['vcpus'] *= OVERCOMMIT
        room['memory_mb'] -= KEPT_MB
    over = [f'{used[name]} of {room[name]} {name}' for name in SIZES if used[name] > room[name]]
    return f'gives more than it has: {over}, {slots}' if over else ''


def _by_resource(slots: Iterable[Slot], kind: str) -> dict[str, list[Slot]]:
    found = defaultdict(list)
    for slot in slots:
        if slot.kind == kind:
            found[slot.resource_id].append(slot)
    return found


def _all_differ(values: Sequence[str]) -> bool:
    return len(set(values)) == len(values)


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """Times as times: SQLite has texts."""
    for name in ('start_date', 'end_date', 'time'):
        if isinstance(row.get(name), str):
            row[name] = datetime.fromisoformat(row[name])
    return row
