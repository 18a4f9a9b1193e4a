"""Reservable hosts and their properties, through commands and through the SDK."""

import contextlib
import secrets
from collections.abc import Callable, Iterator

import pytest

from blazarclient import exception
from blazarclient.resources.host import Host
from tests.functional.conftest import DOORS, HYPERVISORS, AsUser, Cloud, Command

COLUMNS = ['id', 'hypervisor_hostname', 'vcpus', 'memory_mb', 'local_gb']
SIZES = {
    'compute-1': (8, 16384, 200),
    'compute-2': (8, 16384, 200),
    'compute-3': (16, 32768, 400),
    'compute-4': (64, 262144, 2000),
}


@pytest.fixture
def hosts(register_hosts: Callable[[], list[Host]]) -> list[Host]:
    """For each test anew, as some of them delete hosts."""
    return register_hosts()


@pytest.fixture
def key(hosts: list[Host], as_user: AsUser, cloud: Cloud) -> Iterator[str]:
    """The name of a capability that no host has; none has it in the end, where that is possible."""
    key = f'fun_{secrets.token_hex(3)}'
    yield key
    admin = as_user('admin')
    for host in admin.hosts.list():
        if key in host and cloud.removes_capabilities:
            # Blazar 18 answers 500 while a flavor:instance reservation holds the host.
            with contextlib.suppress(exception.ServerError):
                admin.hosts.update(host['id'], **{key: None})


@pytest.fixture
def free_host(hosts: list[Host], as_user: AsUser) -> Host:
    """A host that nothing holds."""
    held = {each.resource_id for each in as_user('admin').allocations.list() if each.reservations}
    return next(host for host in reversed(hosts) if host.id not in held)


@pytest.mark.parametrize('door', DOORS)
def test_list(hosts: list[Host], command: Command, door: str) -> None:
    rows = command(door, 'admin', 'host list', '-f', 'json').json
    assert list(rows[0]) == COLUMNS
    names = [row['hypervisor_hostname'] for row in rows]
    assert names == sorted(names)
    sizes = {row['hypervisor_hostname']: tuple(row.values())[2:] for row in rows}
    assert sizes == SIZES


def test_list_sorted_and_other_columns(hosts: list[Host], command: Command) -> None:
    args = ('--sort-by', 'vcpus', '-c', 'vcpus', '-c', 'service_name', '-f', 'csv')
    lines = command('blazar', 'admin', 'host list', *args).check().stdout.splitlines()
    assert lines[0] == '"vcpus","service_name"'
    assert [line.split(',')[0] for line in lines[1:]] == ['8', '8', '16', '64']
    by_memory = ('--sort-column', 'memory_mb', '--sort-descending')
    ran = command('openstack', 'admin', 'host list', *by_memory, '-c', 'id', '-f', 'value')
    values = ran.check().stdout.splitlines()
    assert values[0] == hosts[HYPERVISORS.index('compute-4')].id


@pytest.mark.parametrize('door', DOORS)
def test_show(hosts: list[Host], command: Command, door: str) -> None:
    by_name = command(door, 'admin', 'host show', 'compute-4', '-f', 'json').json
    by_id = command(door, 'admin', 'host show', str(hosts[3].id), '-f', 'json').json
    assert by_name == by_id
    assert (by_name['vcpus'], by_name['hypervisor_hostname']) == (64, 'compute-4')
    # A JSON text of the service: a structure, but not with the old spelling.
    assert isinstance(by_name['cpu_info'], str if door == 'hyphens' else dict)


@pytest.mark.parametrize('door', DOORS)
def test_capabilities(
    free_host: Host, command: Command, as_user: AsUser, cloud: Cloud, key: str, door: str
) -> None:
    name = free_host.hypervisor_hostname
    setting = 'host update' if door == 'hyphens' else 'host set'
    other = f'{key}_2'
    both = ('--extra', f'{key}=a=b c,ü', '--extra', f'{other}=2')
    ran = command(door, 'admin', setting, *both, name).check()
    assert ran.stdout == f'Updated host: {name}\n'
    host = as_user('admin').hosts.find(name)
    assert host[key] == host.capabilities[key] == 'a=b c,ü'
    shown = command(door, 'admin', 'host show', name, '-f', 'json').json
    assert (shown[key], shown[other]) == ('a=b c,ü', '2')
    ran = command(door, 'admin', 'host unset', '--extra', key, '--extra', other, str(host.id))
    if cloud.removes_capabilities:
        ran.check()
        assert not {key, other} & {*host.refresh()}
    else:
        assert (ran.code, ran.stdout) == (1, '')
        assert 'HTTP 500' in ran.stderr


@pytest.mark.parametrize('door', DOORS)
def test_delete_and_create(
    free_host: Host, command: Command, as_user: AsUser, key: str, door: str
) -> None:
    name = str(free_host.hypervisor_hostname)
    ran = command(door, 'admin', 'host delete', name)
    assert (ran.check().stdout, ran.stderr) == (f'Deleted host: {name}\n', '')
    with pytest.raises(exception.NotFound):
        as_user('admin').hosts.get(str(free_host.id))
    made = command(door, 'admin', 'host create', name, '--extra', f'{key}=yes', '-f', 'json')
    assert made.stderr == f'Created a new host: {made.json["id"]}\n'
    assert (made.json['hypervisor_hostname'], made.json[key]) == (name, 'yes')
    assert as_user('admin').hosts.find(name).capabilities[key] == 'yes'


def test_delete_goes_on_past_a_failure(
    free_host: Host, command: Command, register_hosts: Callable[[], list[Host]]
) -> None:
    name = str(free_host.hypervisor_hostname)
    ran = command('blazar', 'admin', 'host delete', 'no-such-host', name)
    assert ran.code == 1
    assert ran.stdout == f'Deleted host: {name}\n'
    first, last = ran.stderr.splitlines()
    assert first.startswith("Cannot delete host 'no-such-host': No host with the name or ID")
    assert last == '1 of 2 hosts failed to delete.'
    register_hosts()


def test_a_host_as_an_object(free_host: Host, as_user: AsUser, cloud: Cloud, key: str) -> None:
    host = as_user('admin').hosts.get(free_host.id)
    assert (host.vcpus, host.memory_mb, host.local_gb) == SIZES[host.hypervisor_hostname]
    assert isinstance(host.cpu_info, dict)
    assert host.created_at is not None
    host[key] = 'x'
    host.save()
    assert host.capabilities[key] == 'x'
    host[key] = 'y'
    host.save()
    assert host.capabilities[key] == 'y'
    if cloud.removes_capabilities:
        del host[key]
        host.save()
        assert key not in host


def test_a_capability_that_hides_a_field(
    free_host: Host, as_user: AsUser, register_hosts: Callable[[], list[Host]]
) -> None:
    """What Blazar keeps under the name of a field is a text, and only looks like the field."""
    as_user('admin').hosts.update(str(free_host.id), reservable=False)
    try:
        assert free_host.refresh().reservable is False
    finally:
        # It cannot be removed everywhere.
        free_host.delete()
        register_hosts()


@pytest.mark.parametrize(
    ('door', 'noun'),
    [
        ('openstack', 'host property'),
        ('blazar', 'host capability'),
        ('hyphens', 'host property'),
        ('hyphens', 'host capability'),
    ],
)
def test_properties(hosts: list[Host], command: Command, key: str, door: str, noun: str) -> None:
    command('blazar', 'admin', 'host set', '--extra', f'{key}=r1', 'compute-1').check()

    def listed(*args: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = command(
            door, 'admin', f'{noun} list', *args, '-f', 'json'
        ).json
        return [row for row in rows if row['property'] == key]

    assert listed() == [{'property': key}]
    shown = {'property': key, 'private': False, 'property_values': ['r1']}
    assert listed('--detail') == [shown]
    command(door, 'admin', f'{noun} set', key, '--private').check()
    assert listed() == []
    shown['private'] = True
    assert listed('--all', '--detail') == [shown]
    assert command(door, 'admin', f'{noun} show', key, '-f', 'json').json == shown
    ran = command(door, 'admin', f'{noun} set', '--public', key).check()
    assert ran.stdout == f'Updated host property: {key}\n'
    assert listed('--detail') == [{**shown, 'private': False}]


def test_properties_as_objects(hosts: list[Host], as_user: AsUser, key: str) -> None:
    admin = as_user('admin')
    admin.hosts.update(str(hosts[0].id), **{key: '1'})
    admin.hosts.update(str(hosts[1].id), **{key: '2'})
    found = admin.properties.find(key)
    assert (found.private, sorted(found.property_values or [])) == (False, ['1', '2'])
    admin.properties.update(key, private=True)
    assert key not in [each.property for each in admin.properties.list()]
    assert key in [each.property for each in admin.properties.list(all=True)]
    assert admin.properties.find(key).private is True
    admin.properties.update(key, private=False)
    with pytest.raises(exception.ResourcePropertyNotFound, match='no_such'):
        admin.properties.find('no_such')


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['host set', 'compute-1'], 'give at least one --extra KEY=VALUE'),
        (['host unset', 'compute-1'], 'give at least one --extra KEY.'),
        (['host set', 'compute-1', '--extra', 'gpu'], 'gpu'),
        (['host show', 'no-such-host'], "No host with the name or ID 'no-such-host' was found"),
        (['host create', 'no-such-hypervisor'], 'no-such-hypervisor'),
        (['host create', 'compute-1'], 'HTTP 409'),
        (['host property show', 'no_such'], "No host has a property 'no_such'"),
        (['host property set', 'no_such', '--private'], "No host has a property 'no_such'"),
        (['host property set', 'no_such'], 'give --private or --public'),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0].replace(' ', '-'),
)
def test_refusals(hosts: list[Host], command: Command, words: list[str], message: str) -> None:
    ran = command('blazar', 'admin', *words)
    assert (ran.code, ran.stdout) == (1, '')
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize('words', ['host list', 'host property list'])
def test_member_may_not(command: Command, words: str) -> None:
    ran = command('openstack', 'alice', words)
    assert ran.code == 1
    assert 'Your roles in this project do not permit this call' in ran.stderr
    assert 'HTTP 403' in ran.stderr
