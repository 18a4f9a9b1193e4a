"""Hosts, their capabilities, floating IPs, the clock, and what a small cloud has besides."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from blazarclient.server.store import clock, floatingips, hosts, surroundings
from blazarclient.server.store.database import Database
from tests.unit.server.store_rows import MINUTE, T0, host_row


def _property_row(id: str, name: str, **values: Any) -> dict[str, Any]:
    return {
        'id': id,
        'version': '1.0',
        'resource_type': 'physical:host',
        'property_name': name,
        'private': False,
        'created_at': T0,
        'updated_at': None,
        **values,
    }


def _floatingip_row(id: str, address: str) -> dict[str, Any]:
    return {
        'id': id,
        'version': '1.0',
        'floating_network_id': 'n',
        'subnet_id': 's',
        'floating_ip_address': address,
        'reservable': True,
        'created_at': T0,
        'updated_at': None,
    }


def test_hosts(database: Database) -> None:
    """In the order of their numbers, not of their texts; changed and deleted by ID."""
    with database.transaction() as connection:
        for each in ('10', '9', '1'):
            hosts.insert_host(connection, host_row(each))
        assert [row['id'] for row in hosts.hosts(connection)] == ['1', '9', '10']
        assert hosts.host(connection, '9') == host_row('9')
        assert hosts.host(connection, '2') is None
        assert hosts.update_host(connection, '9', {'reservable': False})
        assert not hosts.update_host(connection, '2', {'reservable': False})
        assert hosts.host(connection, '9') == host_row('9', reservable=False)
        assert hosts.delete_host(connection, '9')
        assert not hosts.delete_host(connection, '9')
        assert [row['id'] for row in hosts.hosts(connection)] == ['1', '10']


def test_a_machine_is_one_host(database: Database) -> None:
    """The database refuses a second host of the same name."""
    with database.transaction() as connection:
        hosts.insert_host(connection, host_row('1'))
    with pytest.raises(IntegrityError), database.transaction() as connection:
        hosts.insert_host(connection, host_row('2', hypervisor_hostname='host-1'))


def test_capabilities(database: Database) -> None:
    """A host has one value of each, which may change; names differ in case."""
    with database.transaction() as connection:
        for each in ('1', '2'):
            hosts.insert_host(connection, host_row(each))
        for each, name in (('p', 'gpu'), ('q', 'GPU'), ('r', 'rack')):
            hosts.insert_property(connection, _property_row(each, name))
        hosts.set_capability(connection, '1', 'p', 'old')
        hosts.set_capability(connection, '1', 'p', 'new')
        hosts.set_capability(connection, '1', 'p', 'new')
        hosts.set_capability(connection, '1', 'q', 'x' * 100_000)
        hosts.set_capability(connection, '2', 'p', 'new')
        hosts.set_capability(connection, '2', 'r', '7')
        assert hosts.capabilities(connection, '2') == [
            {
                'host_id': '2',
                'property_id': each,
                'property_name': name,
                'capability_value': value,
                'private': False,
            }
            for each, name, value in (('p', 'gpu', 'new'), ('r', 'rack', '7'))
        ]
        assert len(hosts.capabilities(connection)) == 4
        assert hosts.property_values(connection) == [
            {'property_id': 'p', 'capability_value': 'new'},
            {'property_id': 'q', 'capability_value': 'x' * 100_000},
            {'property_id': 'r', 'capability_value': '7'},
        ]
        hosts.delete_capabilities(connection, '2', ['gpu', 'no such'])
        hosts.delete_capabilities(connection, '2', [])
        assert [row['property_name'] for row in hosts.capabilities(connection, '2')] == ['rack']
        assert hosts.delete_host(connection, '1')
        assert [row['host_id'] for row in hosts.capabilities(connection)] == ['2']


def test_properties(database: Database) -> None:
    """They outlive the hosts that have them; the oldest first."""
    with database.transaction() as connection:
        hosts.insert_property(connection, _property_row('a', 'z'))
        hosts.insert_property(connection, _property_row('b', 'y', created_at=T0 + MINUTE))
        hosts.insert_property(connection, _property_row('c', 'a'))
        assert [row['id'] for row in hosts.properties(connection)] == ['c', 'a', 'b']
        assert hosts.update_property(connection, 'a', {'private': True, 'updated_at': T0})
        assert not hosts.update_property(connection, 'd', {'private': True})
        found = hosts.property_by_name(connection, 'z')
        assert found == _property_row('a', 'z', private=True, updated_at=T0)
        assert hosts.property_by_name(connection, 'Z') is None
        assert hosts.property_by_name(connection, 'z', 'virtual:instance') is None
    with pytest.raises(IntegrityError), database.transaction() as connection:
        hosts.insert_property(connection, _property_row('e', 'z'))


def test_floating_ips(database: Database) -> None:
    """In the order of their IDs; an address once in a subnet."""
    with database.transaction() as connection:
        floatingips.insert_floatingip(connection, _floatingip_row('b', '203.0.113.1'))
        floatingips.insert_floatingip(connection, _floatingip_row('a', '203.0.113.2'))
        assert [row['id'] for row in floatingips.floatingips(connection)] == ['a', 'b']
        assert floatingips.floatingip(connection, 'b') == _floatingip_row('b', '203.0.113.1')
        assert floatingips.floatingip(connection, 'c') is None
        assert floatingips.update_floatingip(connection, 'b', {'reservable': False})
        assert not floatingips.update_floatingip(connection, 'c', {'reservable': False})
        assert floatingips.delete_floatingip(connection, 'a')
        assert not floatingips.delete_floatingip(connection, 'a')
        assert [row['reservable'] for row in floatingips.floatingips(connection)] == [False]
    with pytest.raises(IntegrityError), database.transaction() as connection:
        floatingips.insert_floatingip(connection, _floatingip_row('c', '203.0.113.1'))


def test_the_clock(database: Database) -> None:
    """Real time until somebody sets it; then what was set, to the last bit."""
    with database.transaction() as connection:
        before = time.time()
        anchor, shown, speed = clock.read(connection)
        assert before <= anchor == shown <= time.time()
        assert speed == 1
        for values in ((1795239434.8339827, 1795239434.0000002, 3600.0), (0.1, -5.5, 0.0)):
            clock.write(connection, *values)
            clock.write(connection, *values)
            assert clock.read(connection) == values


def test_surroundings(database: Database) -> None:
    """Machines by name or number, flavors, subnets and application credentials."""
    machines = [
        {
            'id': number,
            'hypervisor_hostname': name,
            'vcpus': 8,
            'memory_mb': 16384,
            'local_gb': 200,
            'availability_zone': 'nova',
        }
        for number, name in ((2, 'host-2'), (1, '2'))
    ]
    flavor = {
        'id': '1',
        'name': 'm1.small',
        'vcpus': 1,
        'ram': 2048,
        'disk': 20,
        'ephemeral': 0,
        'extra_specs': {'resources:VGPU': '1'},
    }
    subnet = {
        'id': 's',
        'network_id': 'n',
        'network_name': 'public',
        'cidr': '203.0.113.0/24',
        'gateway_ip': '203.0.113.1',
        'allocation_pools': [{'start': '203.0.113.10', 'end': '203.0.113.99'}],
    }
    credential = {'id': 'c', 'name': 'ci', 'user_name': 'alice', 'secret_hash': 'h'}
    with database.transaction() as connection:
        surroundings.insert_hypervisors(connection, machines)
        surroundings.insert_flavors(connection, [flavor])
        surroundings.insert_subnets(connection, [subnet, {**subnet, 'id': 'a', 'network_id': 'm'}])
        surroundings.insert_application_credential(connection, credential)
        surroundings.insert_hypervisors(connection, [])
        surroundings.insert_flavors(connection, [])
        surroundings.insert_subnets(connection, [])
    with database.transaction() as connection:
        assert surroundings.hypervisors(connection) == machines[::-1]
        # A name comes before a number.
        assert surroundings.hypervisor(connection, '2') == machines[1]
        assert surroundings.hypervisor(connection, '1') == machines[1]
        assert surroundings.hypervisor(connection, 'host-2') == machines[0]
        assert surroundings.hypervisor(connection, 'host-3') is None
        assert surroundings.flavors(connection) == [flavor]
        assert surroundings.flavor(connection, '1') == flavor
        assert surroundings.flavor(connection, 'm1.small') is None
        assert [row['id'] for row in surroundings.subnets(connection)] == ['a', 's']
        assert surroundings.subnets(connection, 'n') == [subnet]
        assert surroundings.application_credential(connection, 'c') == credential
        found = surroundings.application_credential_named(connection, 'alice', 'ci')
        assert found == credential
        assert surroundings.application_credential_named(connection, 'bob', 'ci') is None
        assert surroundings.delete_application_credential(connection, 'c')
        assert not surroundings.delete_application_credential(connection, 'c')
        assert surroundings.application_credential(connection, 'c') is None
