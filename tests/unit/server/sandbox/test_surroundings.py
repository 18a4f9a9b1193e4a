"""What is needed of Nova and Neutron, through the clients that people use."""

import pytest

from blazarclient import testing
from tests.commands import Ran
from tests.unit.server.sandbox.conftest import Ask, OpenStack


def test_flavors(openstack: OpenStack) -> None:
    rows = openstack('alice', 'flavor', 'list', '-f', 'json').json
    sizes = {row['Name']: (row['VCPUs'], row['RAM'], row['Disk']) for row in rows}
    assert sizes == {'m1.small': (1, 2048, 20), 'm1.large': (4, 8192, 80)}
    shown = openstack('alice', 'flavor', 'show', 'm1.small', '-f', 'json').json
    assert (shown['id'], shown['ram']) in {(row['ID'], row['RAM']) for row in rows}


def test_networks(openstack: OpenStack) -> None:
    (network,) = openstack('alice', 'network', 'list', '--external', '-f', 'json').json
    assert network['Name'] == 'public'
    shown = openstack('alice', 'network', 'show', 'public', '-f', 'json').json
    assert (shown['id'], shown['subnets']) == (network['ID'], network['Subnets'])
    (subnet,) = openstack('alice', 'subnet', 'list', '--network', 'public', '-f', 'json').json
    assert (subnet['ID'], subnet['Subnet']) == (network['Subnets'][0], '203.0.113.0/24')
    pool = openstack('alice', 'subnet', 'show', subnet['ID'], '-f', 'json').json
    assert pool['allocation_pools'] == [{'start': '203.0.113.10', 'end': '203.0.113.99'}]


def test_hypervisors(openstack: OpenStack) -> None:
    rows = openstack('admin', 'hypervisor', 'list', '-f', 'json').json
    assert [row['Hypervisor Hostname'] for row in rows] == [f'compute-{n}' for n in range(1, 5)]
    shown = openstack('admin', 'hypervisor', 'show', 'compute-3', '-f', 'json').json
    assert (shown['vcpus'], shown['memory_mb'], shown['local_gb']) == (16, 32768, 400)
    refused: Ran = openstack('alice', 'hypervisor', 'list')
    assert refused.code == 1
    assert "Policy doesn't allow os_compute_api:os-hypervisors" in refused.stderr


def test_token(openstack: OpenStack) -> None:
    assert openstack('rita', 'token', 'issue', '-f', 'json').json['id'] == 'rita'


def test_versions(box: testing.Sandbox, ask: Ask) -> None:
    """Version documents need no token, and lead back here."""
    (nova,) = ask('GET', '/compute', X_Auth_Token='').json['versions']
    assert nova['links'][0]['href'] == f'{box.url}/compute/v2.1/'
    assert ask('GET', '/compute/v2.1/', X_Auth_Token='').json == {'version': nova}
    (neutron,) = ask('GET', '/network/', X_Auth_Token='').json['versions']
    assert neutron['links'][0]['href'] == f'{box.url}/network/v2.0/'
    names = [each['name'] for each in ask('GET', '/network/v2.0').json['resources']]
    assert names == ['network', 'subnet']


@pytest.mark.parametrize(
    ('query', 'count'),
    [
        ('?name=public', 1),
        ('?name=private', 0),
        ('?name=private&name=public', 1),
        ('?router:external=true', 1),
        ('?router%3Aexternal=False', 0),
        ('?unheard_of=1', 1),
    ],
)
def test_queries(ask: Ask, query: str, count: int) -> None:
    assert len(ask('GET', f'/network/v2.0/networks{query}').json['networks']) == count


def test_fields(ask: Ask) -> None:
    (network,) = ask('GET', '/network/v2.0/networks?fields=id&fields=name').json['networks']
    assert network.keys() == {'id', 'name'}


@pytest.mark.parametrize(
    ('path', 'sentence'),
    [
        ('/compute/v2.1/flavors/none', 'Flavor none could not be found.'),
        ('/compute/v2.1/flavors/none/os-extra_specs', 'Flavor none could not be found.'),
        ('/compute/v2.1/os-hypervisors/99', "Hypervisor with ID '99' could not be found."),
        ('/compute/v2.1/servers', 'The resource could not be found.'),
        ('/network/v2.0/networks/none', 'Network none could not be found.'),
        ('/network/v2.0/subnets/none', 'Subnet none could not be found.'),
        ('/network/v2.0/routers', 'The resource could not be found.'),
    ],
)
def test_what_is_not_here(ask: Ask, path: str, sentence: str) -> None:
    """404 in the form of each service."""
    answer = ask('GET', path, X_Auth_Token='admin')
    assert answer.status == 404
    (error,) = answer.json.values()
    assert error['message'] == sentence


@pytest.mark.parametrize(
    'path',
    [
        '/compute/v2.1/flavors',
        '/compute/v2.1/os-hypervisors',
        '/network/v2.0/networks',
        '/v1/leases',
    ],
)
def test_without_a_token(ask: Ask, path: str) -> None:
    assert ask('GET', path, X_Auth_Token='nobody').status == 401


def test_hypervisors_are_for_administrators(ask: Ask) -> None:
    for path in ('os-hypervisors/1', 'os-aggregates'):
        assert ask('GET', f'/compute/v2.1/{path}').status == 403
        assert ask('GET', f'/compute/v2.1/{path}', X_Auth_Token='admin').status == 200
