"""Random reservations, as the model has them and as requests have them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.front_door import FLAVORS, NETWORK, Machine
from tests.unit.server.lease_stock import ADDRESS, FLAVOR, HOST, INSTANCE, Reservation

__all__ = ['ADDRESSES', 'MACHINES', 'addresses', 'body', 'flavors', 'hosts', 'instances']

MACHINES = [
    Machine(1, 8, 16384, 200, {'gpu': 'True'}),
    Machine(2, 8, 16384, 200),
    Machine(3, 16, 32768, 400, {'gpu': 'True'}),
    Machine(10, 4, 8192, 100),
    Machine(11, 16, 16384, 100, {'gpu': 'False'}),
]
#: The last part of addresses of 203.0.113.0/24 that the network does not give out itself.
ADDRESSES = (101, 102, 103, 104)


def hosts() -> st.SearchStrategy[Reservation]:
    wanted = st.fixed_dictionaries(
        {
            'min': st.integers(1, 3),
            'max': st.sampled_from([0, 0, 1, 1, 2, -1]),
            'at_least': st.sampled_from([0, 0, 0, 8, 16]),
            'gpu': st.sampled_from([False, False, True]),
        }
    )
    return wanted.map(lambda each: Reservation(HOST, {**each, 'max': each['min'] + each['max']}))


def instances() -> st.SearchStrategy[Reservation]:
    wanted = st.fixed_dictionaries(
        {
            'vcpus': st.sampled_from([1, 1, 2, 3, 8]),
            'memory_mb': st.sampled_from([512, 512, 4096, 8192]),
            'disk_gb': st.sampled_from([10, 10, 60]),
            'amount': st.sampled_from([1, 1, 2, 3, 4]),
            'affinity': st.sampled_from([None, None, True, False]),
            'at_least': st.sampled_from([0, 0, 8]),
            'gpu': st.sampled_from([False, False, False, True]),
        }
    )
    return wanted.map(lambda each: Reservation(INSTANCE, each))


def flavors() -> st.SearchStrategy[Reservation]:
    def reservation(name: str, amount: int) -> Reservation:
        vcpus, memory_mb, disk_gb = FLAVORS[name]
        return Reservation(
            FLAVOR,
            {
                'flavor_id': name,
                'amount': amount,
                'vcpus': vcpus,
                'memory_mb': memory_mb,
                'disk_gb': disk_gb,
            },
        )

    return st.builds(reservation, st.sampled_from([*FLAVORS]), st.integers(1, 9))


def addresses() -> st.SearchStrategy[Reservation]:
    required = st.sampled_from([[], [], [], *([each] for each in ADDRESSES), [102, 101]])
    wanted = st.fixed_dictionaries(
        {
            'amount': st.sampled_from([1, 1, 2, 3]),
            'required_floatingips': required.map(lambda them: [f'203.0.113.{n}' for n in them]),
        }
    )
    return wanted.map(lambda each: Reservation(ADDRESS, each))


def body(reservation: Reservation) -> dict[str, Any]:
    """A reservation as a request has it."""
    kind, wanted = reservation.kind, reservation.wanted
    values: dict[str, Any] = {'resource_type': kind}
    if kind in {HOST, INSTANCE}:
        gpu = ['==', '$gpu', 'True'] if wanted['gpu'] else []
        size = ['>=', '$vcpus', str(wanted['at_least'])] if wanted['at_least'] else []
        if kind == HOST:
            values['hypervisor_properties'] = json.dumps(size) if size else ''
            values['resource_properties'] = json.dumps(gpu) if gpu else ''
        else:
            both = ['and', size, gpu] if size and gpu else size or gpu
            values['resource_properties'] = json.dumps(both) if both else ''
    if kind == FLAVOR:
        return {
            **values,
            'flavor_id': wanted['flavor_id'],
            'amount': wanted['amount'],
            'affinity': None,
        }
    if kind == ADDRESS:
        values['network_id'] = NETWORK
    return values | {key: wanted[key] for key in wanted if key not in {'at_least', 'gpu'}}
