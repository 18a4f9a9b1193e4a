"""The ways to make a client: upstream's and today's, and what is refused."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from keystoneauth1 import adapter, token_endpoint
from keystoneauth1 import session as keystone_session

import blazarclient
from blazarclient import exception
from blazarclient.client import Client
from blazarclient.v1 import client as v1
from tests.conftest import ClientFactory, SessionFactory
from tests.recorded import RecordedBlazar


def header(server: RecordedBlazar, name: str) -> str | None:
    value: str | None = server.requests[-1].headers.get(name)
    return value


@pytest.mark.parametrize('version', [1, '1', '1a0'])
def test_versions_of_upstream(session: SessionFactory, version: int | str) -> None:
    """1 and 1a0 are one version, and no microversion is pinned by it."""
    client = Client(version, session=session())
    assert client.version == '1'
    assert client.transport.negotiation.pin is None


@pytest.mark.parametrize('version', [2, '2', 'latest', '1.0', 1.0, None, ''])
def test_other_versions(session: SessionFactory, version: Any) -> None:
    """They are refused; the error says where a microversion goes."""
    with pytest.raises(exception.UnsupportedVersion, match=r'expected 1\. A microversion') as r:
        Client(version, session=session())
    assert repr(version) in str(r.value)


def test_url_and_token(server: RecordedBlazar) -> None:
    """Upstream's way without a session, by keyword and by position; no Keystone."""
    token = server.issue_token()
    made = [
        Client('1', blazar_url=server.url + '/v1', auth_token=token),
        Client(1, 'reservation', server.url + '/v1', token),
        v1.Client(server.url + '/v1', token),
        v1.Client(blazar_url=server.url + '/v1/', auth_token=token),
        blazarclient.Client(blazar_url=server.url, auth_token=token),
    ]
    for client in made:
        server.forget()
        assert client.lease.list()
        assert server.calls() == ['GET /v1/leases']
        assert header(server, 'X-Auth-Token') == token
        assert client.auth_token == token
        assert client.session is None


@pytest.mark.parametrize(
    'given', [{}, {'blazar_url': 'http://127.0.0.1:1'}, {'auth_token': 'x'}, {'session': None}]
)
@pytest.mark.parametrize('make', [Client, v1.Client])
def test_too_little(make: Callable[..., Client], given: dict[str, Any]) -> None:
    """Neither a session nor both URL and token."""
    with pytest.raises(exception.InsufficientAuthInformation, match='needs session=') as raised:
        make(**given)
    assert raised.value.code == 400


def test_arguments_that_do_not_exist(session: SessionFactory) -> None:
    """A mistyped keyword is Python's own error, and names the keyword."""
    for make in (Client, v1.Client):
        with pytest.raises(TypeError, match="unexpected keyword argument 'reigon_name'"):
            make(session=session(), reigon_name='x')


def test_arguments_of_upstream(server: RecordedBlazar, session: SessionFactory) -> None:
    """Whatever 4.6.0 passed on to keystoneauth1's Adapter is taken."""
    known = inspect.signature(adapter.Adapter.__init__).parameters
    passed: dict[str, Any] = dict.fromkeys(known.keys() - {'self', 'session', 'version'})
    client = Client('1', session=session(), **passed)
    assert client.leases.list()
    assert v1.Client(session=session(), service_type='reservation').leases.list()


def test_v1_is_the_same_client(session: SessionFactory) -> None:
    """Upstream's import path gives the same class."""
    client = v1.Client(session=session(), region_name='RegionOne')
    assert isinstance(client, Client)
    assert type(client).version == '1'


def test_session_of_a_program(server: RecordedBlazar, session: SessionFactory) -> None:
    """Every kind of session works; the client keeps it."""
    for each in (
        session(),
        session(auth='token'),
        session('alice', auth='appcred'),
        adapter.Adapter(session(), service_type='reservation'),
        adapter.LegacyJsonAdapter(session(), service_type='reservation', interface='public'),
    ):
        client = Client(session=each)
        assert client.session is each
        if not isinstance(each, adapter.LegacyJsonAdapter):
            assert client.leases.list() == client.lease.list()


@pytest.mark.parametrize(
    ('given', 'found'),
    [
        ({'interface': 'public', 'region_name': 'RegionOne'}, True),
        ({'interface': ['internal', 'public']}, True),
        ({'region_name': 'Nowhere'}, False),
        ({'interface': 'nowhere'}, False),
        ({'service_type': 'nothing'}, False),
    ],
)
def test_what_the_catalog_is_asked_for(
    server: RecordedBlazar, session: SessionFactory, given: dict[str, Any], found: bool
) -> None:
    """Interface, region and service choose the endpoint, on the client and on an Adapter."""
    inside = {'service_type': 'reservation', **given}
    for client in (
        Client(session=session(), **given),
        Client(session=adapter.Adapter(session(), **inside)),
    ):
        if given.get('service_type') and client.session is not None:
            client = Client(session=session(), **given)
        if found:
            assert client.leases.list()
        else:
            with pytest.raises(exception.NoBlazarEndpoint, match='catalog has no endpoint with'):
                client.leases.list()
    assert ('GET /v1/leases' in server.calls()) == found


@pytest.mark.parametrize('prefix', ['/v1', '', '/reservation/v1', '/reservation'])
@pytest.mark.parametrize('slash', ['', '/'])
def test_addresses_in_the_catalog(
    server: RecordedBlazar, client: ClientFactory, prefix: str, slash: str
) -> None:
    """With version and without, with path and without, with a slash at the end and without."""
    server.prefix = prefix
    server.catalog_url = server.url + prefix + slash
    assert client().leases.list()
    assert server.requests[-1].raw_path == prefix.removesuffix('/v1') + '/v1/leases'


def test_endpoint_override(server: RecordedBlazar, client: ClientFactory) -> None:
    """The catalog is not asked for it."""
    server.catalog_url = 'http://127.0.0.1:1/v1'
    assert client(endpoint_override=server.url + '/v1').leases.list()
    bare = token_endpoint.Token(server.url, server.issue_token())
    plain = keystone_session.Session(auth=bare)
    assert Client(session=plain, endpoint_override=server.url).leases.list()
    plain.session.close()


@pytest.mark.parametrize(
    ('given', 'source'),
    [
        ({'api_version': '1.0'}, 'api_version'),
        ({'api_version': '2026.1', 'api_version_source': 'OS_X'}, 'OS_X'),
        ({'default_microversion': '1.0'}, 'default_microversion'),
        ({'api_version': '1.0', 'default_microversion': '9.9'}, 'api_version'),
    ],
)
def test_pins(
    server: RecordedBlazar, client: ClientFactory, given: dict[str, str], source: str
) -> None:
    """A version that is asked for is sent as it is, and errors name where it came from."""
    mine = client(**given)
    assert mine.leases.list()
    assert header(server, 'OpenStack-API-Version') == 'reservation 1.0'
    assert mine.transport.spoken is not None
    assert mine.transport.spoken.reason == f'it is pinned by {source}'
    server.versions = ('1.1', '1.2')
    with pytest.raises(exception.NotAcceptable, match=f'1.0 is pinned by {source}'):
        mine.leases.list()


def test_pin_of_an_adapter(server: RecordedBlazar, session: SessionFactory) -> None:
    """The default_microversion of a session that is an Adapter is a pin as well."""
    inner = adapter.Adapter(
        session(), service_type='reservation', default_microversion='1.0', interface='public'
    )
    mine = Client(session=inner)
    assert mine.leases.list()
    assert header(server, 'OpenStack-API-Version') == 'reservation 1.0'
    assert mine.transport.spoken is not None
    assert "the session's default_microversion" in mine.transport.spoken.reason
    with pytest.raises(exception.UnsupportedVersion, match="the session's default_microversion"):
        Client(session=adapter.Adapter(session(), default_microversion='9.9'))


@pytest.mark.parametrize('value', ['1', 'latest', '', 1, None])
def test_versions_that_negotiate(
    server: RecordedBlazar, client: ClientFactory, value: str | int | None
) -> None:
    """A bare major and latest ask for the best version in common."""
    assert client(api_version=value).leases.list()
    assert header(server, 'OpenStack-API-Version') == 'reservation latest'


def test_headers(server: RecordedBlazar, client: ClientFactory) -> None:
    """What a program wants in every request is in every request."""
    mine = client(
        additional_headers={'X-Extra': 'yes'},
        global_request_id='req-3740febe-ed91-4ea8-9a65-a2721db1c611',
        user_agent='my-program',
    )
    assert mine.leases.list()
    assert header(server, 'X-Extra') == 'yes'
    assert header(server, 'X-OpenStack-Request-ID') == 'req-3740febe-ed91-4ea8-9a65-a2721db1c611'
    assert header(server, 'User-Agent') == 'my-program'
    assert header(server, 'Accept') == 'application/json'
    assert client().leases.list()
    assert header(server, 'User-Agent') == 'python-blazarclient'


def test_other_auth(server: RecordedBlazar, session: SessionFactory) -> None:
    """A plugin of the client's own goes before the session's."""
    admin = session('admin')
    mine = Client(session=session(), auth=admin.auth)
    assert mine.leases.list()
    assert server.requests[-1].user == 'admin'


def test_no_request_before_the_first_call(server: RecordedBlazar, session: SessionFactory) -> None:
    """Making a client costs nothing."""
    Client(session=session())
    assert server.requests == []
