"""Microversions: which one is spoken, and what asking for another one comes to."""

import pathlib
from collections.abc import Mapping

import pytest
import yaml

from blazarclient import exception
from blazarclient.resources.host import Host
from blazarclient.transport import Transport
from blazarclient.versions import Pin, Version
from tests.functional.conftest import SERVER, SPOKEN, AsUser, Cloud, Name, Run, Slot
from tests.proxy import Proxy

WORDS = {
    'openstack': ('reservation', 'lease', 'list'),
    'blazar': ('lease', 'list'),
}
HOSTS = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}
GOOD = ('1', '1.0', 'latest', 'gazpacho', '2026.1')
BAD = ('abc', '9.9', '2', '1.0.0', '2019.1', '{x}')


@pytest.mark.parametrize(
    ('script', 'value'),
    [*(('blazar', value) for value in GOOD), ('openstack', 'latest'), ('openstack', '2026.1')],
)
def test_good_option(run: Run, script: str, value: str) -> None:
    option = ('--os-reservation-api-version', value)
    run(script, 'alice', *option, *WORDS[script]).check()


@pytest.mark.parametrize(
    ('script', 'value'),
    [*(('blazar', value) for value in BAD), ('openstack', '9.9'), ('openstack', '{x}')],
)
def test_bad_option(run: Run, script: str, value: str) -> None:
    ran = run(script, 'alice', '--os-reservation-api-version', value, *WORDS[script])
    assert (ran.code, ran.stdout) == (1, '')
    assert ran.stderr.startswith('--os-reservation-api-version: ')
    assert value in ran.stderr
    assert 'microversion' in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ('value', 'words'), [('latest', 'token issue'), ('abc', 'token issue'), ('abc', 'network list')]
)
def test_other_services_go_on(run: Run, value: str, words: str) -> None:
    """Defect of 4.6.0: a value other than 1 took commands away."""
    option = ('--os-reservation-api-version', value)
    run('openstack', 'alice', *option, *words.split()).check()


@pytest.mark.parametrize('script', WORDS)
def test_variable(run: Run, script: str) -> None:
    good = {'OS_RESERVATION_API_VERSION': 'latest'}
    run(script, 'alice', *WORDS[script], env=good).check()
    ran = run(script, 'alice', *WORDS[script], env={'OS_RESERVATION_API_VERSION': '9.9'})
    assert ran.code == 1
    assert ran.stderr.startswith('OS_RESERVATION_API_VERSION: this client does not speak 9.9')
    # The option goes first.
    option = ('--os-reservation-api-version', '1.0')
    run(script, 'alice', *option, *WORDS[script], env={'OS_RESERVATION_API_VERSION': '9.9'}).check()


@pytest.mark.parametrize('script', WORDS)
@pytest.mark.parametrize(
    ('settings', 'code', 'source'),
    [
        ({'reservation_api_version': 1}, 0, ''),
        ({'reservation_api_version': '1.0'}, 0, ''),
        ({'reservation_default_microversion': 1.0}, 0, ''),
        ({'reservation_api_version': '9.9'}, 1, 'reservation_api_version in clouds.yaml: '),
        (
            {'reservation_api_version': '1', 'reservation_default_microversion': '1.7'},
            1,
            'reservation_default_microversion in clouds.yaml: ',
        ),
    ],
)
def test_clouds_yaml(
    run: Run,
    cloud: Cloud,
    tmp_path: pathlib.Path,
    script: str,
    settings: Mapping[str, object],
    code: int,
    source: str,
) -> None:
    clouds = tmp_path / 'clouds.yaml'
    one = {'auth': dict(cloud.auth['alice']), 'auth_type': 'v3password', **settings}
    clouds.write_text(yaml.safe_dump({'clouds': {'x': one}}))
    ran = run(script, 'x', *WORDS[script], env={'OS_CLIENT_CONFIG_FILE': str(clouds)})
    assert ran.code == code, ran.stderr
    assert source in ran.stderr


# --------------------------------------------------------------------- in Python


def test_what_is_spoken(as_user: AsUser, hosts: list[Host], name: Name, slot: Slot) -> None:
    alice = as_user('alice')
    lease = alice.leases.create(name(), *slot(), [HOSTS])
    # A write to a server that is still unknown asks for no more than it needs.
    assert str(lease.version) == '1.0'
    assert str(alice.leases.get(str(lease.id)).version) == SPOKEN
    assert str(lease.refresh().version) == SPOKEN
    assert alice.transport.spoken is not None
    assert str(alice.transport.spoken.version) == SPOKEN
    assert str(alice.leases.create(name(), *slot(), [HOSTS]).version) == SPOKEN


def test_the_managers_of_version_4(
    as_user: AsUser, hosts: list[Host], name: Name, slot: Slot
) -> None:
    """Programs for python-blazarclient 4 read Blazar's texts, whatever else is spoken."""
    alice = as_user('alice')
    start, end = (f'{moment:%Y-%m-%d %H:%M}' for moment in slot())
    made = alice.lease.create(name(), start, end, [HOSTS], [])
    alice.leases.list()
    known = alice.lease.get(made['id'])
    assert known['end_date'] == f'{end.replace(" ", "T")}:00.000000'
    assert ' ' in known['created_at']
    assert 'subscriptions' not in known
    assert [each for each in alice.lease.list() if each['id'] == made['id']] == [known]
    assert str(known.version) == '1.0'
    found = alice.leases.get(made['id'])
    assert str(found.version) == SPOKEN
    assert (found.start_date, found.end_date) == (known.start_date, known.end_date)


@pytest.mark.parametrize('value', [*GOOD, 1, 1.0])
def test_good_pin(as_user: AsUser, value: str | float) -> None:
    client = as_user('alice', api_version=value)
    client.leases.list()
    assert client.transport.spoken is not None
    wanted = SERVER if str(value) in ('1', 'latest') else '1.0'
    assert str(client.transport.spoken.version) == wanted


def test_bad_pin(as_user: AsUser) -> None:
    with pytest.raises(exception.UnsupportedVersion, match=r'api_version: this client does not'):
        as_user('alice', api_version='9.9')


def _newer(url: str, cloud: Cloud, pin: Pin | None = None) -> Transport:
    """The transport of a client that speaks more than the service."""
    history = dict.fromkeys(('1.0', '1.1', '1.2', '8.0', '9.0'), 'what was new')
    session = cloud.session('alice')
    return Transport(session, endpoint_override=url, history=history, pin=pin)


def test_newer_client(cloud: Cloud, blazar_proxy: Proxy) -> None:
    """The first read finds out what is spoken, at no cost."""
    transport = _newer(blazar_proxy.url, cloud)
    assert str(transport.read('/leases').spoken.version) == SERVER
    transport.read('/leases')
    assert len(blazar_proxy.done) == 2


def test_newer_client_with_a_pin(cloud: Cloud, blazar_proxy: Proxy) -> None:
    """A pin is sent as it is; the error names it, and what the server speaks."""
    transport = _newer(blazar_proxy.url, cloud, Pin(Version(9, 0), 'my settings'))
    with pytest.raises(exception.NotAcceptable) as caught:
        transport.read('/leases')
    assert (caught.value.status, caught.value.versions) == (406, ('1.0', SERVER))
    assert 'Version 9.0 is not supported by the API' in caught.value.detail
    assert '9.0 is pinned by my settings' in str(caught.value)


@pytest.mark.parametrize('path', ['', '/', '/v1', '/v1/'])
def test_addresses(as_user: AsUser, blazar_proxy: Proxy, path: str) -> None:
    client = as_user('alice', endpoint_override=blazar_proxy.url + path)
    client.leases.list()
    assert [each[:2] for each in blazar_proxy.done] == [('GET', '/v1/leases')]
