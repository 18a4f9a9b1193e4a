"""``host``: the commands for hosts that can be reserved."""

import json
import re
from typing import Any

import pytest

from tests.conftest import Runner
from tests.recorded import RecordedBlazar

#: Capabilities of compute-1, compute-3, compute-4 and compute-2 in the recorded list.
EXTRA = [{'gpu': 'True'}, {'rack': 'r1'}, {}, {'GPU_Model': 'x y'}]


@pytest.fixture
def hosts(server: RecordedBlazar) -> list[dict[str, Any]]:
    """The recorded hosts, each with a capability that the others lack."""
    keys = list(server.recorded('hosts-list-admin').json['hosts'][2])
    hosts = [
        {**{key: host[key] for key in keys}, **extra}
        for host, extra in zip(
            server.recorded('hosts-list-admin').json['hosts'], EXTRA, strict=True
        )
    ]
    server.on('GET', '/v1/os-hosts', body={'hosts': hosts})
    return hosts


def test_list(hosts: list[dict[str, Any]], openstack: Runner) -> None:
    """The five columns of python-blazarclient 4, sorted by host name."""
    rows = openstack('reservation', 'host', 'list', '-f', 'json', cloud='admin').json
    assert [list(row) for row in rows] == [
        ['id', 'hypervisor_hostname', 'vcpus', 'memory_mb', 'local_gb']
    ] * 4
    assert [row['id'] for row in rows] == ['1', '4', '2', '3']
    assert rows[0] == {
        'id': '1',
        'hypervisor_hostname': 'compute-1',
        'vcpus': 8,
        'memory_mb': 16384,
        'local_gb': 200,
    }


def test_list_of_capabilities(hosts: list[dict[str, Any]], blazar: Runner) -> None:
    """Defect of 4.6.0: a capability that one host lacks made it fail; here it is null there."""
    options = ('-c', 'id', '-c', 'gpu', '-c', 'GPU_Model', '--sort-column', 'nope')
    rows = blazar('host', 'list', *options, '-f', 'json', cloud='admin').json
    assert rows == [
        {'id': '1', 'gpu': 'True', 'GPU_Model': None},
        {'id': '4', 'gpu': None, 'GPU_Model': 'x y'},
        {'id': '2', 'gpu': None, 'GPU_Model': None},
        {'id': '3', 'gpu': None, 'GPU_Model': None},
    ]
    ran = blazar('host', 'list', *options, '-f', 'csv', cloud='admin').check()
    assert ran.stdout.splitlines()[1] == '"1","True",""'


def test_list_in_order_of_a_capability(hosts: list[dict[str, Any]], blazar: Runner) -> None:
    """Hosts with the capability come first; one that no host has is refused."""
    ran = blazar('host', 'list', '--sort-by', 'rack', '-c', 'id', '-f', 'value', cloud='admin')
    assert ran.check().stdout.split() == ['2', '1', '3', '4']
    ran = blazar('host', 'list', '--sort-by', 'nope', cloud='admin')
    assert ran.code == 1
    assert "--sort-by 'nope' is not a column." in ran.stderr
    assert 'hypervisor_hostname' in ran.stderr
    assert 'GPU_Model, gpu, rack' in ran.stderr


def test_list_in_order_of_numbers(
    hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner
) -> None:
    """Numbers are compared as numbers, and a host without one comes last."""
    hosts[0]['vcpus'] = None
    server.on('GET', '/v1/os-hosts', body={'hosts': hosts})
    options = ('--sort-column', 'vcpus', '-c', 'vcpus', '-f', 'json')
    rows = blazar('host', 'list', *options, cloud='admin').json
    assert [row['vcpus'] for row in rows] == [8, 16, 64, None]


def test_list_of_nested_text(hosts: list[dict[str, Any]], blazar: Runner) -> None:
    """The JSON text of cpu_info is a structure in JSON, and the wire's text elsewhere."""
    ran = blazar('host', 'list', '-c', 'cpu_info', '-f', 'value', cloud='admin').check()
    assert ran.stdout.splitlines()[0] == hosts[0]['cpu_info']
    rows = blazar('host', 'list', '-c', 'cpu_info', '-f', 'json', cloud='admin').json
    assert rows[0]['cpu_info'] == json.loads(hosts[0]['cpu_info'])


def test_list_for_a_member(server: RecordedBlazar, blazar: Runner) -> None:
    """Members may not list hosts, and are told so in a clear sentence."""
    ran = blazar('host', 'list')
    assert (ran.code, ran.stdout) == (1, '')
    assert "Policy doesn't allow blazar:oshosts:get to be performed." in ran.stderr
    assert 'Your roles in this project do not permit this' in ran.stderr


def test_show(hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner) -> None:
    """A host is found by name or number, with every key; JSON has real values."""
    server.on('GET', '/v1/os-hosts/1', body={'host': hosts[0]})
    by_name = blazar('host', 'show', 'compute-1', '-f', 'json', cloud='admin').json
    assert by_name == blazar('host', 'show', '1', '-f', 'json', cloud='admin').json
    assert by_name['gpu'] == 'True'
    assert by_name['status'] is None
    assert by_name['cpu_info']['arch'] == 'x86_64'
    assert list(by_name) == sorted(hosts[0])
    ran = blazar('host', 'show', '1', '-f', 'value', '-c', 'cpu_info', cloud='admin').check()
    assert ran.stdout == json.dumps(by_name['cpu_info'], indent=4) + '\n'


def test_show_hyphenated(hosts: list[dict[str, Any]], blazar: Runner) -> None:
    """``blazar host-show -f json`` keeps the texts of python-blazarclient 4."""
    found = blazar('host-show', 'compute-1', '-f', 'json', cloud='admin').json
    assert found['cpu_info'] == json.dumps(json.loads(hosts[0]['cpu_info']), indent=4)
    assert found['status'] == ''


def test_capability_that_looks_like_python(
    hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner
) -> None:
    """Defect of 4.6.0: texts were evaluated; a capability is shown as it is."""
    server.on('GET', '/v1/os-hosts/1', body={'host': {**hosts[0], 'a': 'None', 'b': '["x"]'}})
    ran = blazar('host-show', '1', '-f', 'value', '-c', 'a', '-c', 'b', cloud='admin').check()
    assert ran.stdout == 'None\n["x"]\n'


def test_unreadable_cpu_info(
    hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner
) -> None:
    """A cpu_info that is no JSON is shown as it came."""
    server.on('GET', '/v1/os-hosts/1', body={'host': {**hosts[0], 'cpu_info': '{broken'}})
    assert blazar('host', 'show', '1', '-f', 'json', cloud='admin').json['cpu_info'] == '{broken'
    server.on('GET', '/v1/os-hosts/1', body={'host': {**hosts[0], 'cpu_info': ''}})
    assert blazar('host', 'show', '1', '-f', 'json', cloud='admin').json['cpu_info'] == ''


def test_create(server: RecordedBlazar, openstack: Runner) -> None:
    """The name and the capabilities are sent, and the host is shown."""
    ran = openstack(
        *('reservation', 'host', 'create', 'compute-3', '--extra', 'gpu=True'),
        *('--extra', 'rack=r1', '-f', 'json'),
        cloud='admin',
    )
    assert ran.json['hypervisor_hostname'] == 'compute-3'
    assert ran.stderr == f'Created a new host: {ran.json["id"]}\n'
    [request] = server.sent('POST', '/v1/os-hosts')
    assert request.json == {'name': 'compute-3', 'gpu': 'True', 'rack': 'r1'}


@pytest.mark.parametrize('verb', ['create', 'set'])
@pytest.mark.parametrize(
    ('extra', 'sentence'),
    [
        ('gpu', 'there is no =; did you mean gpu=VALUE?'),
        ('=x', 'there is no key'),
        ('id=7', "'id' is what a host is known by"),
        ('name=x', "'name' is what a host is known by"),
    ],
)
def test_bad_capability(
    server: RecordedBlazar, blazar: Runner, verb: str, extra: str, sentence: str
) -> None:
    """A capability needs a key and a value, and cannot take the host's name away."""
    ran = blazar('host', verb, 'compute-1', '--extra', extra, cloud='admin')
    assert ran.code == 1
    assert sentence in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize('spelling', [('host', 'set'), ('host-update',)])
def test_set(
    hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner, spelling: tuple[str, ...]
) -> None:
    """Capabilities go out as texts, the last of two counts, and reservable is a switch."""
    server.on('PUT', '/v1/os-hosts/4', body={'host': hosts[3]})
    options = ('--extra', 'ssd=a', '--extra', 'ssd=b=c', '--extra', 'reservable=False')
    ran = blazar(*spelling, 'compute-2', *options, cloud='admin').check()
    assert (ran.stdout, ran.stderr) == ('Updated host: compute-2\n', '')
    [request] = server.sent('PUT')
    assert request.json == {'ssd': 'b=c', 'reservable': 'False'}
    assert server.calls('reservation') == ['GET /v1/os-hosts', 'PUT /v1/os-hosts/4']


def test_unset(hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner) -> None:
    """Defect of 4.6.0: ``host unset`` could not be loaded; null removes a capability."""
    server.on('PUT', '/v1/os-hosts/4', body={'host': hosts[3]})
    ran = blazar('host', 'unset', '4', '--extra', 'ssd', '--extra', 'gpu', cloud='admin').check()
    assert ran.stdout == 'Updated host: 4\n'
    [request] = server.sent('PUT')
    assert request.json == {'ssd': None, 'gpu': None}
    assert server.calls('reservation') == ['PUT /v1/os-hosts/4']


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (['set', 'compute-1'], 'give at least one --extra KEY=VALUE'),
        (['unset', 'compute-1'], 'give at least one --extra KEY.'),
        (['unset', 'compute-1', '--extra', 'gpu=True'], 'as in --extra gpu.'),
    ],
)
def test_nothing_to_do(
    server: RecordedBlazar, blazar: Runner, words: list[str], sentence: str
) -> None:
    """A change that would change nothing is refused before any request."""
    ran = blazar('host', *words, cloud='admin')
    assert (ran.code, ran.stdout) == (1, '')
    assert sentence in ran.stderr
    assert not server.calls()


@pytest.mark.parametrize(
    ('options', 'body'),
    [
        ([], {}),
        (['--lease-id', 'L', '--force'], {'lease_id': 'L', 'force': True}),
        (['--lease-id', 'L', '--reservation-id', 'R'], {'reservation_id': 'R'}),
    ],
)
def test_reallocate(
    hosts: list[dict[str, Any]],
    server: RecordedBlazar,
    blazar: Runner,
    options: list[str],
    body: dict[str, Any],
) -> None:
    """Chameleon's word: all that holds a host goes to others, or what a lease has of it."""
    allocation = {'resource_id': '4', 'reservations': []}
    server.on('PUT', '/v1/os-hosts/4/allocation', body={'allocation': allocation})
    ran = blazar('host', 'reallocate', 'compute-2', *options, cloud='admin').check()
    assert ran.stdout == 'Reallocated host: compute-2\n'
    [request] = server.sent('PUT')
    assert request.json == body


def test_reallocate_on_a_stock_blazar(server: RecordedBlazar, blazar: Runner) -> None:
    """It has the path and not the method; the error says who has both."""
    answer = {'error': 405, 'error_message': 'The method is not allowed for the requested URL.'}
    server.on('PUT', '/v1/os-hosts/4/allocation', status=405, body=answer)
    ran = blazar('host', 'reallocate', '4', cloud='admin')
    assert (ran.code, ran.stdout) == (1, '')
    assert "Moving reservations to other hosts is an addition of Chameleon's Blazar" in ran.stderr


def test_host_with_uuid(server: RecordedBlazar, blazar: Runner) -> None:
    """Hosts of Chameleon have UUIDs, which are taken as IDs."""
    host_id = '2b8a7f0e-0b3f-4c66-8a3f-3a5d9b0c4d33'
    server.on('GET', f'/v1/os-hosts/{host_id}', body={'host': {'id': host_id}})
    server.on('DELETE', f'/v1/os-hosts/{host_id}')
    assert blazar('host', 'show', host_id, '-f', 'json', cloud='admin').json == {'id': host_id}
    blazar('host', 'delete', host_id, cloud='admin').check()
    assert len(server.calls('reservation')) == 2


def test_delete(hosts: list[dict[str, Any]], server: RecordedBlazar, blazar: Runner) -> None:
    """Several hosts by name or number; one that is in use does not stop the others."""
    server.on('DELETE', re.compile('/v1/os-hosts/[34]'), status=204)
    server.play('host-delete-in-use-409', path='/v1/os-hosts/1')
    ran = blazar('host', 'delete', '3', 'compute-1', 'compute-2', cloud='admin')
    assert ran.code == 1
    assert ran.stdout == 'Deleted host: 3\nDeleted host: compute-2\n'
    detail = server.recorded('host-delete-in-use-409').json['error_message']
    assert f"Cannot delete host 'compute-1': {detail}" in ran.stderr
    assert ran.stderr.endswith('1 of 3 hosts failed to delete.\n')
