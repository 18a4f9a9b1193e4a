"""The plugin of OpenStackClient."""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1.session import Session

from blazarclient import exception
from blazarclient.client import Client
from blazarclient.osc import plugin
from tests.conftest import Runner, SessionFactory
from tests.recorded import RecordedBlazar

LIST = ('reservation', 'lease', 'list', '-f', 'value', '-c', 'id')


class ClientManager:
    """As much of OpenStackClient's client manager as the plugin asks for."""

    def __init__(self, **config: object) -> None:
        self.session = Session()
        self.region_name = 'RegionOne'
        self.interface = ''
        self._config = config

    def get_configuration(self) -> dict[str, object]:
        return copy.deepcopy(self._config)


def change(path: Path, cloud: str, **settings: Any) -> None:
    content = yaml.safe_load(path.read_text())
    content['clouds'][cloud].update(settings)
    path.write_text(yaml.safe_dump(content))


def asked_version(server: RecordedBlazar) -> str:
    header: str = server.sent('GET', '/v1/leases')[-1].headers['OpenStack-API-Version']
    return header.removeprefix('reservation ')


def test_plugin_has_what_openstackclient_asks_for() -> None:
    """OpenStackClient's names are there; its version option is one that nobody can set."""
    assert plugin.API_NAME == 'reservation'
    assert plugin.DEFAULT_API_VERSION in plugin.API_VERSIONS
    parser = plugin.build_option_parser(argparse.ArgumentParser())
    options = vars(parser.parse_args([]))
    assert list(options) == ['os_reservation_api_version']
    assert plugin.API_VERSION_OPTION not in options


@pytest.mark.parametrize(
    ('settings', 'found'),
    [
        ({}, True),
        ({'reservation_service_type': 'reservation', 'reservation_service_name': 'blazar'}, True),
        ({'reservation_interface': 'internal', 'interface': 'nowhere'}, True),
        ({'reservation_region_name': 'RegionOne'}, True),
        ({'interface': 'nowhere'}, False),
        ({'reservation_interface': 'nowhere'}, False),
        ({'reservation_region_name': 'nowhere'}, False),
        ({'reservation_service_type': 'nowhere'}, False),
        ({'reservation_service_name': 'nowhere'}, False),
    ],
)
def test_client_takes_what_the_cloud_says(
    server: RecordedBlazar, session: SessionFactory, settings: dict[str, str], found: bool
) -> None:
    """Region, interface and service come from the cloud's settings, without a request."""
    manager = ClientManager(**settings)
    manager.session = session()
    manager.interface = settings.get('interface', '')
    client = plugin.make_client(manager)
    assert isinstance(client, Client)
    assert not server.requests
    if found:
        assert client.leases.list()
    else:
        with pytest.raises(Exception, match='nowhere'):
            client.leases.list()


@pytest.mark.parametrize(('own', 'timeout'), [(None, 90.0), (7.0, 7.0)])
def test_session_gets_a_timeout(own: float | None, timeout: float) -> None:
    """A session without a timeout gets one, so that logging in cannot hang."""
    manager = ClientManager()
    manager.session = Session(timeout=own)
    plugin.make_client(manager)
    assert manager.session.timeout == timeout


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        ({}, (None, '')),
        ({'reservation_api_version': '1'}, ('1', 'reservation_api_version in clouds.yaml')),
        ({'reservation_api_version': ''}, (None, '')),
        (
            {'reservation_api_version': '1', 'reservation_default_microversion': '1.0'},
            ('1.0', 'reservation_default_microversion in clouds.yaml'),
        ),
    ],
)
def test_version_of_the_settings(config: dict[str, str], expected: tuple[Any, str]) -> None:
    """clouds.yaml can name the version in two ways, and the more exact one counts."""
    assert plugin.requested_version(config) == expected


def test_option_knows_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place where a version stands survives the way through openstacksdk."""

    def read(*words: str) -> tuple[str | None, str]:
        parser = plugin.build_option_parser(argparse.ArgumentParser())
        value = vars(parser.parse_args(words))['os_reservation_api_version']
        config = {'reservation_api_version': value, 'reservation_default_microversion': '9.9'}
        expanded = copy.deepcopy(config)
        if value is not None:
            expanded['reservation_api_version'] = value.format(**config)
        return plugin.requested_version(expanded)

    monkeypatch.setenv('OS_RESERVATION_API_VERSION', '{x}')
    assert read() == ('{x}', 'OS_RESERVATION_API_VERSION')
    assert read('--os-reservation-api-version', '1') == ('1', '--os-reservation-api-version')
    monkeypatch.setenv('OS_RESERVATION_API_VERSION', '')
    assert read() == ('9.9', 'reservation_default_microversion in clouds.yaml')


def test_bad_version_is_refused_here() -> None:
    """A version that is none is an error with its place when the client is made."""
    with pytest.raises(exception.UnsupportedVersion, match=r'in clouds\.yaml: .nonsense'):
        plugin.make_client(ClientManager(reservation_api_version='nonsense'))


def test_plugin_costs_next_to_nothing() -> None:
    """Other commands of openstack load the plugin and nothing with it."""
    code = (
        'import sys, argparse, os, collections.abc, typing\n'
        'before = set(sys.modules)\n'
        'import blazarclient.osc.plugin\n'
        'print(sorted(set(sys.modules) - before))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    loaded = [name for name in ast_list(done.stdout) if not name.startswith('__')]
    assert loaded == ['blazarclient', 'blazarclient.osc', 'blazarclient.osc.plugin']


def ast_list(text: str) -> list[str]:
    import ast

    value = ast.literal_eval(text)
    assert isinstance(value, list)
    return value


# ------------------------------------------------------------------ through `openstack`


@pytest.mark.parametrize(
    ('options', 'variable', 'settings', 'sent'),
    [
        ((), '', {}, 'latest'),
        ((), '', {'reservation_api_version': '1'}, 'latest'),
        ((), '', {'reservation_api_version': '1.0'}, '1.0'),
        ((), '', {'reservation_api_version': 2026.1}, '1.0'),
        ((), '', {'reservation_default_microversion': '1.0'}, '1.0'),
        ((), 'latest', {'reservation_api_version': '1.0'}, 'latest'),
        ((), 'train', {}, '1.0'),
        (('--os-reservation-api-version', '1'), '1.0', {}, 'latest'),
        (('--os-reservation-api-version', '1.0'), 'latest', {}, '1.0'),
    ],
)
def test_version_for_openstack(
    openstack: Runner,
    server: RecordedBlazar,
    clouds_yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    variable: str,
    settings: dict[str, Any],
    sent: str,
) -> None:
    """Option, environment and clouds.yaml, in this order, decide what is sent."""
    monkeypatch.setenv('OS_RESERVATION_API_VERSION', variable)
    change(clouds_yaml, 'alice', **settings)
    openstack(*options, *LIST).check()
    assert asked_version(server) == sent


@pytest.mark.parametrize('place', ['option', 'environment', 'file'])
@pytest.mark.parametrize('value', ['1.9', 'nonsense', '{status}'])
def test_bad_version_hides_no_command(
    openstack: Runner,
    server: RecordedBlazar,
    clouds_yaml: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    value: str,
) -> None:
    """With a version that is none our commands say so, and those of other services work."""
    options: tuple[str, ...] = ()
    if place == 'option':
        options = ('--os-reservation-api-version', value)
    elif place == 'environment':
        monkeypatch.setenv('OS_RESERVATION_API_VERSION', value)
    elif value == '{status}':
        value = 'active'
        change(clouds_yaml, 'alice', reservation_api_version='{status}')
    else:
        change(clouds_yaml, 'alice', reservation_api_version=value)
    ran = openstack(*options, *LIST)
    assert ran.code == 1
    assert value in ran.stderr
    assert not server.calls('reservation')
    assert openstack(*options, 'configuration', 'show', '-f', 'json').json
    assert 'reservation lease list' in openstack(*options, 'command', 'list').check().stdout


def test_endpoint_override_for_openstack(
    openstack: Runner, server: RecordedBlazar, clouds_yaml: Path
) -> None:
    """reservation_endpoint_override in clouds.yaml goes before the catalog."""
    change(clouds_yaml, 'alice', reservation_endpoint_override=server.endpoint_url)
    server.catalog_url = 'http://127.0.0.1:9/v1'
    openstack(*LIST).check()


def test_openstack_and_blazar_print_the_same(
    openstack: Runner, blazar: Runner, server: RecordedBlazar
) -> None:
    """Both doors lead to the same command."""
    server.hold(server.leases(20))
    for form in ('table', 'json', 'csv'):
        words = ('lease', 'list', '-f', form)
        assert openstack('reservation', *words).check().stdout == blazar(*words).check().stdout
