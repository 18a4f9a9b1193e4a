"""Sends requests at random: ``python -m tests.faults.random_requests URL SEED COUNT``.

It prints, as JSON, how often each request had which answer. An answer that a user should never see
ends it.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from tests.front_door import NETWORK, Answer, FrontDoor, wire

__all__ = ['Requests']

#: What is said of a request that comes too late, or for which there is no room.
_EXPECTED_500 = ('Not enough hosts available', 'Invalid lease status.')
#: The last part of the addresses that can be reserved.
_ADDRESSES = range(100, 106)


class Requests:
    """Requests of an administrator, who may change everybody's leases."""

    def __init__(self, door: FrontDoor, seed: int) -> None:
        self._door = door
        self._chance = random.Random(seed)
        self.done: Counter[str] = Counter()

    def send(self) -> None:
        """Send one request."""
        leases = self._door.call('admin', 'GET', '/leases').body['leases']
        there = [lease for lease in leases if lease['status'] != 'TERMINATED']
        deed = self._chance.choice(['create', 'create', 'update', 'update', 'delete'])
        if deed == 'create' or not there:
            self._told('create', self._call('POST', '/leases', self._new()))
            return
        lease = self._chance.choice(there)
        path = f'/leases/{lease["id"]}'
        if deed == 'update':
            self._told('update', self._call('PUT', path, self._change(lease)))
        else:
            self._told('delete', self._call('DELETE', path, None))

    def _call(self, method: str, path: str, values: Any) -> Answer:
        return self._door.call('admin', method, path, values)

    def _told(self, deed: str, answer: Answer) -> None:
        self.done[f'{deed} {answer.status}'] += 1
        if answer.status == 503 or (answer.status == 500 and answer.sentence not in _EXPECTED_500):
            raise AssertionError(f'{deed}: {answer}')

    # -------------------------------------------------------------------- bodies

    def _new(self) -> dict[str, Any]:
        chance = self._chance
        start = self._door.context().now() + timedelta(minutes=chance.randrange(1, 120))
        end = start + timedelta(minutes=chance.randrange(10, 120))
        return {
            'name': 'lease',
            'start_date': wire(start),
            'end_date': wire(end),
            'reservations': [self._reservation() for _ in range(chance.choice([1, 1, 2]))],
        }

    def _reservation(self) -> dict[str, Any]:
        chance = self._chance
        kind = chance.choice(['hosts', 'hosts', 'instances', 'flavors', 'addresses'])
        if kind == 'hosts':
            minimum = chance.randrange(1, 3)
            return {
                'resource_type': 'physical:host',
                'min': minimum,
                'max': minimum + chance.randrange(2),
                'hypervisor_properties': '',
                'resource_properties': '',
            }
        if kind == 'instances':
            return {
                'resource_type': 'virtual:instance',
                'vcpus': chance.randrange(1, 6),
                'memory_mb': chance.choice([512, 4096]),
                'disk_gb': 10,
                'amount': chance.randrange(1, 5),
                'affinity': chance.choice([None, True, False]),
                'resource_properties': '',
            }
        if kind == 'flavors':
            return {
                'resource_type': 'flavor:instance',
                'flavor_id': chance.choice(['m1.small', 'm1.large']),
                'amount': chance.randrange(1, 5),
                'affinity': None,
            }
        return {
            'resource_type': 'virtual:floatingip',
            'network_id': NETWORK,
            'amount': chance.randrange(1, 3),
            'required_floatingips': chance.choice(
                [[], [], [f'203.0.113.{chance.choice(_ADDRESSES)}']]
            ),
        }

    def _change(self, lease: dict[str, Any]) -> dict[str, Any]:
        chance = self._chance
        start, end = (datetime.fromisoformat(lease[key]) for key in ('start_date', 'end_date'))
        by = timedelta(minutes=chance.randrange(-60, 90))
        kind = chance.choice(['end', 'move', 'amount', 'name'])
        if kind == 'name':
            return {'name': f'lease {chance.randrange(100)}'}
        if kind == 'end':
            return {'end_date': wire(end + by)}
        if kind == 'move':
            return {'start_date': wire(start + by), 'end_date': wire(end + by)}
        reservation = chance.choice(lease['reservations'])
        amount = chance.randrange(1, 5)
        sizes = {'amount': amount}
        if reservation['resource_type'] == 'physical:host':
            sizes = {'min': amount, 'max': amount}
        return {'reservations': [{'id': reservation['id'], **sizes}]}


def main(url: str, seed: int, count: int) -> None:
    """Send requests, and print what came of them."""
    door = FrontDoor(url, standing=False)
    requests = Requests(door, seed)
    for _ in range(count):
        requests.send()
    door.close()
    print(json.dumps(requests.done))


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
