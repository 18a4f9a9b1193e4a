"""``allocation``: which reservations hold which hosts."""

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar

LEASE = '3740febe-ed91-4ea8-9a65-a2721db1c611'
RESERVATION = 'be4300e5-2f7d-4eb9-88b7-2b4a58724183'


def test_list(server: RecordedBlazar, openstack: Runner) -> None:
    """Every host with the reservations that hold it; JSON has them as they came."""
    ran = openstack('reservation', 'allocation', 'list', 'host', '-f', 'json', cloud='admin')
    assert ran.json == server.recorded('host-allocations').json['allocations']
    assert ran.stderr == ''


@pytest.mark.parametrize(
    'options', [('--lease-id', LEASE), ('--reservation-id', RESERVATION), ('--lease-id', 'x')]
)
def test_list_of_one_lease(
    server: RecordedBlazar, blazar: Runner, options: tuple[str, str]
) -> None:
    """Only what the lease or the reservation holds is shown."""
    sent = server.recorded('host-allocations').json
    server.on('GET', '/v1/os-hosts/allocations', body=sent)
    rows = blazar('allocation', 'list', 'host', *options, '-f', 'json', cloud='admin').json
    held = [row for row in rows if row['reservations']]
    assert held == ([] if 'x' in options else [sent['allocations'][0]])


def test_order(server: RecordedBlazar, blazar: Runner) -> None:
    """Any column sorts; one that does not exist is refused with those that do."""
    options = (
        '--sort-column',
        'resource_id',
        '--sort-descending',
        '-c',
        'resource_id',
        '-f',
        'value',
    )
    ran = blazar('allocation', 'list', 'host', *options, cloud='admin').check()
    assert ran.stdout.split() == ['4', '3', '2', '1']
    ran = blazar('allocation', 'list', 'host', '--sort-by', 'nope', cloud='admin')
    assert ran.code == 1
    assert 'The columns are resource_id, reservations.' in ran.stderr


@pytest.mark.parametrize('host', ['1', 'compute-1'])
def test_show(server: RecordedBlazar, blazar: Runner, host: str) -> None:
    """A host by name or number."""
    sent = server.recorded('host-allocation-one').json['allocation']
    assert blazar('allocation', 'show', 'host', host, '-f', 'json', cloud='admin').json == sent
    ran = blazar('allocation-show', 'host', host, '-f', 'json', cloud='admin')
    assert ran.json['reservations'].startswith('{\n    "id": ')


@pytest.mark.parametrize(
    ('options', 'count'),
    [
        (('--lease-id', LEASE), 1),
        (('--lease-id', LEASE, '--reservation-id', RESERVATION), 1),
        (('--reservation-id', 'x'), 0),
        (('--lease-id', 'x', '--reservation-id', RESERVATION), 0),
    ],
)
def test_show_of_one_lease(
    server: RecordedBlazar, blazar: Runner, options: tuple[str, ...], count: int
) -> None:
    """Only what the lease or the reservation holds is shown."""
    ran = blazar('allocation', 'show', 'host', '1', *options, '-f', 'json', cloud='admin')
    assert len(ran.json['reservations']) == count


def test_words_of_chameleon(server: RecordedBlazar, blazar: Runner) -> None:
    """``host allocation list`` is ``allocation list host``, and likewise ``show``."""
    sent = server.recorded('host-allocations').json['allocations']
    assert blazar('host', 'allocation', 'list', '-f', 'json', cloud='admin').json == sent
    one = server.recorded('host-allocation-one').json['allocation']
    ran = blazar('host', 'allocation', 'show', 'compute-1', '-f', 'json', cloud='admin')
    assert ran.json == one


def test_type(server: RecordedBlazar, blazar: Runner) -> None:
    """Floating IPs have no allocations."""
    assert blazar('allocation', 'list', 'floatingip', cloud='admin').code == 2
    assert not server.calls()


def test_for_a_member(server: RecordedBlazar, blazar: Runner) -> None:
    """Members may not list allocations, and are told so in a clear sentence."""
    server.on(
        'GET',
        '/v1/os-hosts/allocations',
        status=403,
        body={
            'error_code': 403,
            'error_message': "Policy doesn't allow blazar:oshosts:get_allocations to be performed",
        },
    )
    ran = blazar('allocation', 'list', 'host')
    assert ran.code == 1
    assert "Policy doesn't allow blazar:oshosts:get_allocations to be performed." in ran.stderr
