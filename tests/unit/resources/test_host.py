"""Hosts, their capabilities, and the properties made of them."""

import re
from typing import Any

import pytest

from blazarclient import exception
from blazarclient.resources.host import Host
from blazarclient.versions import OLDEST, Spoken
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request

HERE = Spoken(OLDEST, 'a test says so')


@pytest.fixture
def host(server: RecordedBlazar, client: ClientFactory) -> Host:
    """The recorded host with an extra capability; a PUT of it repeats what it was sent."""
    wire = server.recorded('host-show-extra').json['host']
    server.on('GET', f'/v1/os-hosts/{wire["id"]}', body={'host': wire})

    def put(request: Request) -> Answer:
        return Answer(body={'host': {**wire, **request.json}})

    server.on('PUT', f'/v1/os-hosts/{wire["id"]}', put)
    found = client('admin').hosts.get(wire['id'])
    server.forget()
    return found


def bodies(server: RecordedBlazar) -> list[Any]:
    return [each.json for each in server.sent('PUT')]


def test_capabilities(host: Host) -> None:
    """They are the keys beside the fields."""
    assert host.capabilities
    assert host.capabilities.keys() == host.keys() - Host.WIRE.keys()
    assert Host.read({'id': '1'}, HERE, None).capabilities == {}
    assert isinstance(host.cpu_info, dict)


def test_save_capabilities(server: RecordedBlazar, host: Host) -> None:
    """One that is added, changed or removed is sent; then the host is read again."""
    first = min(host.capabilities)
    del host[first]
    host['gpu'] = 'yes'
    host['temporary'] = 'x'
    del host['temporary']
    assert host.save() is host
    assert bodies(server) == [{first: None, 'gpu': 'yes'}]
    assert [each.method for each in server.requests] == ['PUT', 'GET']
    assert 'gpu' not in host
    server.forget()
    host.save()
    assert server.requests == []


def test_fields_cannot_be_changed(server: RecordedBlazar, host: Host) -> None:
    """Blazar would take a change of a field for an extra capability of that name."""
    for name in Host.FIELDS:
        with pytest.raises(exception.InvalidInput, match=rf'Host\.{name} is set by the service'):
            setattr(host, name, 'x')
    host['vcpus'] = 80
    with pytest.raises(exception.InvalidInput, match=r'Host\.vcpus is set by the service'):
        host.save()
    host.refresh()
    assert host.cpu_info is not None
    host.cpu_info['model'] = 'other'
    with pytest.raises(exception.InvalidInput, match=r'Host\.cpu_info is set by the service'):
        host.save()
    assert bodies(server) == []


@pytest.mark.parametrize(
    'given',
    [
        {'gpu': 'x', 'other': None},
        {'vcpus': '8', 'reservable': 'False'},
        {'name': 'x', 'host_id': 'y', 'self': 'z'},
    ],
    ids=str,
)
def test_update(server: RecordedBlazar, host: Host, given: dict[str, Any]) -> None:
    """Every name is a capability and goes as it is, also one that Python uses itself."""
    answered = host.client.hosts.update(host.id, **given)
    assert bodies(server) == [given]
    assert {key: answered[key] for key in given} == given


def test_update_with_nothing(server: RecordedBlazar, host: Host) -> None:
    """It is refused before any request."""
    with pytest.raises(exception.InvalidInput, match='Nothing to change was given'):
        host.client.hosts.update(host.id)
    assert server.requests == []


def test_answers_with_texts(server: RecordedBlazar, host: Host) -> None:
    """Blazar repeats texts where numbers and booleans belong; attributes have the type."""
    answered = host.client.hosts.update(host.id, vcpus='99')
    assert answered.vcpus == 99
    odd: Any = Host.read({'vcpus': '12', 'reservable': '0', 'memory_mb': 'much'}, HERE, None)
    assert (odd.vcpus, odd.reservable, odd.memory_mb) == (12, False, 'much')
    assert Host.read({'reservable': 1}, HERE, None).reservable is True
    assert Host.read({'cpu_info': 'not JSON'}, HERE, None).cpu_info == 'not JSON'
    assert Host.read({'cpu_info': ''}, HERE, None).cpu_info is None
    assert Host.read({'cpu_info': {'a': 1}}, HERE, None).cpu_info == {'a': 1}


def test_create(server: RecordedBlazar, client: ClientFactory) -> None:
    """The name and the capabilities, as they are."""
    server.on('POST', '/v1/os-hosts', status=201, body={'host': {'id': '9'}})
    made = client('admin').hosts.create('compute-9', gpu='x', name_of='y')
    assert made.id == '9'
    assert server.sent('POST', '/v1/os-hosts')[0].json == {
        'name': 'compute-9',
        'gpu': 'x',
        'name_of': 'y',
    }


@pytest.mark.parametrize('text', ['1', 'compute-1'])
def test_find(server: RecordedBlazar, client: ClientFactory, text: str) -> None:
    """By its number, or by its name."""
    found = client('admin').hosts.find(text)
    assert (found.id, found.hypervisor_hostname) == ('1', 'compute-1')


def test_find_what_is_not_unique(server: RecordedBlazar, client: ClientFactory) -> None:
    """The candidates are told apart by their zone."""
    hosts = [{'id': n, 'hypervisor_hostname': 'x', 'availability_zone': f'z{n}'} for n in '12']
    server.on('GET', '/v1/os-hosts', body={'hosts': hosts})
    with pytest.raises(exception.NoUniqueMatch, match=r'2 hosts have (?s:.*)  2  x  z2'):
        client('admin').hosts.find('x')


def test_methods(server: RecordedBlazar, host: Host) -> None:
    """delete, refresh and allocations go to the host's own path."""
    path = f'/v1/os-hosts/{host.id}'
    server.on('DELETE', path, status=204)
    server.on('GET', f'{path}/allocation', body={'allocation': {'reservations': []}})
    host.delete()
    assert host.refresh() is host
    assert host.allocations() == []
    assert server.calls('reservation') == [
        f'DELETE {path}',
        f'GET {path}',
        f'GET {path}/allocation',
    ]


def test_member_may_not(server: RecordedBlazar, client: ClientFactory) -> None:
    """Blazar's refusal says whose rights are lacking."""
    with pytest.raises(exception.Forbidden, match=r'oshosts:get to be performed\. Your roles'):
        client('alice').hosts.list()


def test_names_of_the_recorded_hosts(server: RecordedBlazar, client: ClientFactory) -> None:
    """Every recorded host is listed under its number and name."""
    for one in client('admin').hosts.list():
        assert re.fullmatch('[0-9]+', one.id)
        assert one.hypervisor_hostname.startswith('compute-')
