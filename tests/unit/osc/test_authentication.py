"""Logging in with the script: options, environment and clouds.yaml."""

from __future__ import annotations

import getpass
import importlib.metadata
import io
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1 import loading

from blazarclient import shell
from blazarclient.osc import authentication
from tests.conftest import Runner
from tests.identity import APPCRED_ID, APPCRED_SECRET
from tests.recorded import RecordedBlazar

LIST = ('lease', 'list', '-f', 'value', '-c', 'id')


def environment(server: RecordedBlazar, **more: str) -> dict[str, str]:
    return {
        'OS_AUTH_URL': server.auth_url,
        'OS_USERNAME': 'alice',
        'OS_PASSWORD': 'alice-secret',
        'OS_PROJECT_NAME': 'research',
        **more,
    }


@pytest.fixture
def set_variables(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_all(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


def change(path: Path, cloud: str, **settings: Any) -> None:
    content = yaml.safe_load(path.read_text())
    content['clouds'][cloud].update(settings)
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ('cloud', 'requests_to_keystone'),
    [('alice', 1), ('alice-token', 1), ('alice-appcred', 1), ('alice-endpoint', 0)],
)
def test_clouds_of_every_kind(
    blazar: Runner, server: RecordedBlazar, cloud: str, requests_to_keystone: int
) -> None:
    """Password, token, application credential and plain endpoint work from clouds.yaml."""
    assert blazar(*LIST, cloud=cloud).check().stdout
    assert len(server.calls('identity')) == requests_to_keystone
    assert server.calls('reservation') == ['GET /v1/leases']


def test_password_in_secure_yaml(
    blazar: Runner, server: RecordedBlazar, clouds_yaml: Path, set_variables: Any
) -> None:
    """What only openstacksdk can read works as well."""
    auth = yaml.safe_load(clouds_yaml.read_text())['clouds']['alice']['auth']
    password = auth.pop('password')
    change(clouds_yaml, 'alice', auth=auth)
    assert blazar(*LIST).code == 1
    secure = clouds_yaml.with_name('secure.yaml')
    secure.write_text(yaml.safe_dump({'clouds': {'alice': {'auth': {'password': password}}}}))
    set_variables(OS_CLIENT_SECURE_FILE=str(secure))
    assert blazar(*LIST).check().stdout


def test_environment_alone(blazar: Runner, server: RecordedBlazar, set_variables: Any) -> None:
    """The variables of an openrc file are enough; a name without a domain is of the default one."""
    set_variables(**environment(server))
    assert blazar(*LIST, cloud=None).check().stdout
    body = server.sent('POST', '/identity/v3/auth/tokens')[0].json['auth']
    assert body['identity']['password']['user']['domain'] == {'id': 'default'}
    assert body['scope']['project'] == {'name': 'research', 'domain': {'id': 'default'}}


def test_domains_of_the_environment(
    blazar: Runner, server: RecordedBlazar, set_variables: Any
) -> None:
    """A domain that is given is taken; one for all is taken for user and project."""
    set_variables(**environment(server, OS_AUTH_TYPE='v3password', OS_DEFAULT_DOMAIN='other'))
    blazar(*LIST, '--os-domain-name', 'Default', cloud=None).check()
    body = server.sent('POST', '/identity/v3/auth/tokens')[-1].json['auth']
    assert body['identity']['password']['user']['domain'] == {'name': 'Default'}
    assert body['scope']['project']['domain'] == {'name': 'Default'}


def test_options_alone(blazar: Runner, server: RecordedBlazar) -> None:
    """Everything can be said with options, before the command and after it."""
    before = ['--os-auth-url', server.auth_url, '--os-username=alice']
    after = ['--os-password', 'alice-secret', '--os-project-name', 'research']
    blazar(*before, *LIST, *after, '--os-user-domain-name', 'Default', cloud=None).check()


@pytest.mark.parametrize('mark', ['-', '_'])
def test_application_credential_by_options(
    blazar: Runner, server: RecordedBlazar, mark: str
) -> None:
    """The type that is chosen brings its options, spelled as openstack or as keystoneauth1 does."""
    options = {
        '--os-auth-type': 'v3applicationcredential',
        '--os-auth-url': server.auth_url,
        f'--os-application{mark}credential{mark}id': APPCRED_ID,
        f'--os-application{mark}credential{mark}secret': APPCRED_SECRET,
    }
    words = [word for pair in options.items() for word in pair]
    assert blazar(*words, *LIST, cloud=None).check().stdout


def test_token_without_a_type(blazar: Runner, server: RecordedBlazar) -> None:
    """A token with an endpoint, or with an auth URL, needs no --os-auth-type."""
    token = server.issue_token('alice')
    blazar('--os-token', token, '--os-endpoint', server.endpoint_url, *LIST, cloud=None).check()
    assert not server.calls('identity')
    scope = ('--os-project-name', 'research', '--os-project-domain-name', 'Default')
    blazar('--os-token', token, '--os-auth-url', server.auth_url, *scope, *LIST, cloud=None).check()
    assert server.sent('POST', '/identity/v3/auth/tokens')


def test_no_authentication(blazar: Runner, server: RecordedBlazar) -> None:
    """--os-auth-type none sends no token; whether that will do is for the service to say."""
    ran = blazar('--os-auth-type', 'none', '--os-endpoint', server.endpoint_url, *LIST, cloud=None)
    assert (ran.code, len(ran.stderr.splitlines())) == (1, 1)
    assert '401' in ran.stderr
    assert server.requests[-1].headers['X-Auth-Token'] == 'notused'
    assert not server.calls('identity')


def test_option_variable_and_file_in_this_order(
    blazar: Runner, server: RecordedBlazar, set_variables: Any
) -> None:
    """An option goes before the environment, the environment before clouds.yaml."""

    def user(*options: str) -> str:
        server.forget()
        blazar(*options, *LIST)
        body = server.sent('POST', '/identity/v3/auth/tokens')[0].json['auth']
        return str(body['identity']['password']['user']['name'])

    assert user() == 'alice'
    set_variables(OS_USERNAME='bob')
    assert user() == 'bob'
    assert user('--os-username', 'rita') == 'rita'


def test_cloud_of_the_environment(
    blazar: Runner, server: RecordedBlazar, set_variables: Any
) -> None:
    """OS_CLOUD names the cloud unless --os-cloud does."""
    set_variables(OS_CLOUD='nowhere')
    ran = blazar(*LIST, cloud=None)
    assert (ran.code, "no cloud 'nowhere'" in ran.stderr) == (1, True)
    blazar(*LIST, cloud='alice').check()
    blazar('lease', 'list', '--os-cloud', 'alice', cloud=None).check()


def test_endpoint_override(
    blazar: Runner, server: RecordedBlazar, clouds_yaml: Path, set_variables: Any
) -> None:
    """The service's address can stand in clouds.yaml, the environment or an option."""
    nowhere, here = 'http://127.0.0.1:9/v1', server.endpoint_url
    change(clouds_yaml, 'alice', reservation_endpoint_override=here)
    server.catalog_url = nowhere
    blazar(*LIST).check()
    change(clouds_yaml, 'alice', reservation_endpoint_override=nowhere)
    blazar('--os-endpoint-override', here, *LIST).check()
    set_variables(OS_ENDPOINT_OVERRIDE=here)
    blazar(*LIST).check()


@pytest.mark.parametrize(
    'options',
    [
        ('--os-interface', 'nowhere'),
        ('--endpoint-type', 'nowhere', '--os-interface', 'public'),
        ('--os-service-type', 'nowhere'),
        ('--service-type', 'nowhere', '--os-service-type', 'reservation'),
        ('--os-service-name', 'nowhere'),
    ],
)
def test_choice_from_the_catalog(
    blazar: Runner, server: RecordedBlazar, options: tuple[str, ...]
) -> None:
    """The catalog is asked for what the options say."""
    ran = blazar(*options, *LIST)
    assert (ran.code, 'nowhere' in ran.stderr) == (1, True)
    assert not server.calls('reservation')


def test_region_of_the_cloud(blazar: Runner, clouds_yaml: Path) -> None:
    """A region that the cloud does not have is refused before any request."""
    ran = blazar('--os-region-name', 'Mars', *LIST)
    assert (ran.code, "no region 'Mars'" in ran.stderr) == (1, True)


@pytest.mark.parametrize(
    ('left_out', 'asked_for'),
    [
        ('OS_AUTH_URL', '--os-auth-url (or OS_AUTH_URL, or auth.auth_url in clouds.yaml)'),
        ('OS_USERNAME', '--os-username'),
        ('OS_PASSWORD', '--os-password'),
    ],
)
def test_missing_settings_are_asked_for(
    blazar: Runner, server: RecordedBlazar, set_variables: Any, left_out: str, asked_for: str
) -> None:
    """The error names the option that is missing, and nothing is sent."""
    set_variables(**environment(server))
    set_variables(**{left_out: ''})
    ran = blazar(*LIST, cloud=None)
    assert (ran.code, asked_for in ran.stderr, server.requests) == (1, True, [])
    assert '--os-cloud' in ran.stderr


def test_clouds_to_choose_from_are_named(blazar: Runner) -> None:
    """Without any choice the error lists the clouds that there are."""
    ran = blazar(*LIST, cloud=None)
    assert (ran.code, 'OS_CLOUD: admin, alice, ' in ran.stderr) == (1, True)


def test_password_is_asked_for_on_a_terminal(
    server: RecordedBlazar,
    set_variables: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody at a terminal may type the password."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    set_variables(**environment(server, OS_PASSWORD=''))
    monkeypatch.setattr(sys, 'stdin', Terminal())
    monkeypatch.setattr(getpass, 'getpass', lambda prompt: 'alice-secret' if prompt else '')
    assert shell.main(list(LIST)) == 0
    assert capsys.readouterr().out


def test_setting_that_the_type_does_not_know(blazar: Runner, clouds_yaml: Path) -> None:
    """A setting in auth that the authentication type has no use for is named."""
    change(clouds_yaml, 'alice-appcred', auth={'auth_url': 'http://127.0.0.1:9', 'pasword': 'hush'})
    ran = blazar(*LIST, cloud='alice-appcred')
    assert ran.code == 1
    assert 'auth.pasword' in ran.stderr
    assert 'hush' not in ran.stderr


def test_unknown_type(blazar: Runner) -> None:
    """An unknown authentication type is named, with those that there are."""
    ran = blazar('--os-auth-type', 'v9', *LIST)
    assert ran.code == 1
    assert "no authentication type 'v9'" in ran.stderr
    assert 'v3oidcpassword' in ran.stderr


def test_missing_option_of_a_rare_type(blazar: Runner, server: RecordedBlazar) -> None:
    """Types that are found by a search work as well, here up to what is missing."""
    options = ('--os-auth-type', 'v3oidcpassword', '--os-auth-url', server.auth_url)
    ran = blazar(*options, *LIST, cloud=None)
    assert (ran.code, '--os-identity-provider' in ran.stderr) == (1, True)


def test_settings_that_do_not_fit_together(blazar: Runner, server: RecordedBlazar) -> None:
    """What keystoneauth1 refuses is one sentence, and nothing is sent."""
    words = ('--os-auth-type', 'v3token', '--os-token', 'hush', '--os-auth-url', server.auth_url)
    ran = blazar(*words, '--os-project-name', 'research', *LIST, cloud=None)
    assert (ran.code, len(ran.stderr.splitlines()), server.requests) == (1, 1, [])
    assert 'project_domain_id' in ran.stderr


def test_default_domain_by_option(blazar: Runner, server: RecordedBlazar) -> None:
    """keystoneauth1's own option for the default domain is left to it."""
    options = {
        '--os-auth-url': server.auth_url,
        '--os-username': 'alice',
        '--os-password': 'alice-secret',
        '--os-project-name': 'research',
        '--os-default-domain-name': 'Default',
    }
    blazar(*[word for pair in options.items() for word in pair], *LIST, cloud=None).check()
    body = server.sent('POST', '/identity/v3/auth/tokens')[0].json['auth']
    assert body['identity']['password']['user']['domain'] == {'name': 'Default'}


def test_usual_loaders_are_those_of_keystoneauth() -> None:
    """The table of loaders says what keystoneauth1's entry points say."""
    entry_points = importlib.metadata.distribution('keystoneauth1').entry_points
    found = {e.name: e.value for e in entry_points if e.group == loading.PLUGIN_NAMESPACE}
    assert {name: found[name] for name in authentication.USUAL_LOADERS} == (
        authentication.USUAL_LOADERS
    )


def test_loader_that_moved_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another version of keystoneauth1 the search finds what the table does not."""
    monkeypatch.setattr(authentication, 'USUAL_LOADERS', {'v3token': 'keystoneauth1.gone:Token'})
    assert authentication.auth_loader('v3token').get_options()


@pytest.mark.parametrize(
    ('settings', 'options', 'expected'),
    [
        ({}, [], (True, None)),
        ({'verify': False}, [], (False, None)),
        ({'cacert': '/ca.pem'}, [], ('/ca.pem', None)),
        ({'cacert': '/ca.pem'}, ['--insecure'], (False, None)),
        ({'insecure': True}, [], (False, None)),
        ({'cert': '/c.pem'}, ['--os-key', '/k.pem'], (True, ('/c.pem', '/k.pem'))),
        ({'key': '/k.pem'}, [], (True, None)),
        ({}, ['--os-cacert', '/a.pem', '--os-cert', '/c.pem'], ('/a.pem', '/c.pem')),
    ],
)
def test_certificates(
    clouds_yaml: Path, settings: dict[str, Any], options: list[str], expected: tuple[Any, Any]
) -> None:
    """The session verifies and identifies itself as options and clouds.yaml say."""
    change(clouds_yaml, 'alice', **settings)
    session = make_session('--os-cloud', 'alice', *options)
    assert (session.verify, session.cert) == expected


def test_environment_says_truth_in_words(set_variables: Any, server: RecordedBlazar) -> None:
    """OS_INSECURE=true and OS_VERIFY=false are understood."""
    set_variables(**environment(server, OS_INSECURE='true'))
    assert make_session().verify is False
    set_variables(OS_INSECURE='false', OS_VERIFY='false')
    assert make_session().verify is False
    set_variables(OS_VERIFY='True')
    assert make_session().verify is True


@pytest.mark.parametrize(
    ('settings', 'options', 'timeout'),
    [
        ({}, [], 90.0),
        ({'api_timeout': 30}, [], 30.0),
        ({'api_timeout': 30}, ['--timeout', '5'], 5.0),
    ],
)
def test_every_session_has_a_timeout(
    clouds_yaml: Path, settings: dict[str, Any], options: list[str], timeout: float
) -> None:
    """Logging in never waits for ever; --timeout goes before api_timeout."""
    change(clouds_yaml, 'alice', **settings)
    assert make_session('--os-cloud', 'alice', *options).timeout == timeout


def test_tls_options_reach_the_session(clouds_yaml: Path) -> None:
    """keystoneauth1's TLS options are used."""
    session = make_session('--os-cloud', 'alice', '--tls-min-version', '1.3')
    assert session.tls_min_version == '1.3'


def make_session(*words: str) -> Any:
    """The session that the script would use for a command line."""
    run = shell.BlazarShell([*words, 'lease', 'list'])
    login = authentication.Login(run.command_options)
    options = shell.build_parser(login).parse_known_args(run.command_options)[0]
    manager = shell.ClientManager(login, options)
    assert manager.reservation is manager.reservation
    manager.close()
    return manager.session
