"""Where requests go: the catalog in all its forms, overrides, connections, timeouts."""

import concurrent.futures
import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session

from blazarclient import endpoint, exception
from blazarclient.client import Client
from tests.conftest import ClientFactory, SessionFactory
from tests.proxy import Proxy, unavailable
from tests.recorded import ALICE, Answer, RecordedBlazar, Request

TOKENS = 'POST /identity/v3/auth/tokens'


class Counting(ksa_session.Session):
    """A session that counts what is looked up in the catalog."""

    looked_up = 0

    def get_endpoint(self, *args: Any, **kwargs: Any) -> str | None:
        self.looked_up += 1
        return super().get_endpoint(*args, **kwargs)


@pytest.mark.parametrize('prefix', ['/v1', '/', '', '/reservation/v1', '/reservation'])
@pytest.mark.parametrize('slash', ['', '/'])
def test_catalog_addresses(
    server: RecordedBlazar, client: ClientFactory, prefix: str, slash: str
) -> None:
    """Whatever form the catalog gives it in, the address works and nothing is discovered."""
    server.prefix = prefix
    server.catalog_url = server.url + prefix + slash
    assert client().leases.list()
    assert server.calls() == [TOKENS, 'GET /v1/leases']
    base = prefix.rstrip('/').removesuffix('/v1')
    assert server.requests[-1].raw_path == f'{base}/v1/leases'


@pytest.mark.parametrize(
    ('override', 'path'),
    [
        ('/v1', '/v1/leases'),
        ('/v1/', '/v1/leases'),
        ('', '/v1/leases'),
        ('/', '/v1/leases'),
        (f'/v1/{ALICE.project_id}', f'/v1/{ALICE.project_id}/leases'),
        ('/v1/%(project_id)s', f'/v1/{ALICE.project_id}/leases'),
        ('/v1/%(tenant_id)s/', f'/v1/{ALICE.project_id}/leases'),
    ],
)
def test_endpoint_override(
    server: RecordedBlazar, client: ClientFactory, override: str, path: str
) -> None:
    """An address is taken as it is given, with version 1 where it names none."""
    server.on('GET', path, body={'leases': []})
    server.catalog_url = 'http://127.0.0.1:9/never-asked'
    assert client(endpoint_override=server.url + override).leases.list() == []
    assert server.calls() == [TOKENS, f'GET {path}']


@pytest.mark.parametrize('text', ['notaurl', '127.0.0.1:1234/v1', 'http://', '/v1'])
def test_override_that_is_no_address(
    server: RecordedBlazar, client: ClientFactory, text: str
) -> None:
    """It is refused with its text, where keystoneauth1 speaks of the catalog."""
    with pytest.raises(exception.InvalidInput, match=f'^{text!r} is not the address of a service'):
        client(endpoint_override=text).leases.list()
    assert server.calls() == []


def test_no_endpoint_names_what_was_looked_for(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """An empty catalog entry is explained with what was asked of it."""
    nowhere = client(region_name='Nowhere', interface='internal')
    with pytest.raises(exception.NoBlazarEndpoint) as caught:
        nowhere.leases.list()
    assert str(caught.value) == (
        'The service catalog has no endpoint with service_type=reservation, interface=internal, '
        'region_name=Nowhere. Check the region and interface, or name the address: with '
        'endpoint_override in Python, reservation_endpoint_override in clouds.yaml, '
        'OS_RESERVATION_ENDPOINT_OVERRIDE where the environment names the cloud, or blazar '
        '--os-endpoint-override.'
    )
    assert server.calls() == [TOKENS]


def test_catalog_is_read_once(server: RecordedBlazar, session: SessionFactory) -> None:
    """However many requests are made, the catalog is looked at for the first only."""
    counting = Counting(auth=session().auth)
    client = Client(session=counting)
    for _ in range(3):
        client.leases.list()
    assert counting.looked_up == 1
    assert server.calls() == [TOKENS, *['GET /v1/leases'] * 3]
    counting.session.close()


def test_service_without_authentication(server: RecordedBlazar) -> None:
    """A session without a plugin is used as it is; the service says what it thinks of it."""
    bare = ksa_session.Session()
    client = Client(session=bare, endpoint_override=server.url)
    with pytest.raises(exception.Unauthorized, match='requires authentication'):
        client.leases.list()
    assert server.calls() == ['GET /v1/leases']
    bare.session.close()


def test_url_and_token(server: RecordedBlazar) -> None:
    """A URL and a token are enough, and Keystone is not asked."""
    client = Client(blazar_url=server.url, auth_token=server.issue_token())
    assert client.leases.list()
    assert server.calls() == ['GET /v1/leases']


def test_adapter_as_session(server: RecordedBlazar, session: SessionFactory) -> None:
    """An Adapter serves as a session: timeout and connections are those of what is inside."""
    inner = session(timeout=7)
    client = Client(session=ksa_adapter.Adapter(inner, service_type='reservation'))
    assert client.leases.list()
    assert client.transport.project_id == ALICE.project_id
    assert client.transport._timeout == 7
    assert _pool_size(inner, server.endpoint_url) == endpoint.CONNECTIONS


class Duck:
    """A look-alike: all it has is ``request``."""

    def __init__(self, token: str, url: str) -> None:
        self.token, self.url = token, url
        self.http = requests.Session()
        self.given: list[dict[str, Any]] = []

    def request(self, url: str, method: str, **kwargs: Any) -> requests.Response:
        self.given.append(kwargs)
        headers = {**kwargs['headers'], 'X-Auth-Token': self.token}
        return self.http.request(
            method,
            self.url + url,
            headers=headers,
            json=kwargs.get('json'),
            timeout=kwargs['timeout'],
            stream=kwargs.get('stream', False),
        )


def test_duck_typed_session(server: RecordedBlazar) -> None:
    """A look-alike gets paths and the filter, and its answers and errors are understood."""
    duck = Duck(server.issue_token(), server.url + '/v1')
    client = Client(session=duck, region_name='RegionOne')
    server.hold(server.leases(1))
    lease = client.leases.list()[0]
    assert client.leases.get(lease['id']) == lease
    with pytest.raises(exception.NotFound, match='request req-'):
        client.leases.get('0d8e2f3a-0000-4000-8000-000000000000')
    assert duck.given[0]['endpoint_filter'] == {
        'service_type': 'reservation',
        'service_name': None,
        'interface': None,
        'region_name': 'RegionOne',
    }
    assert duck.given[0]['headers']['OpenStack-API-Version'] == 'reservation latest'
    assert client.transport.project_id is None
    duck.url = 'http://127.0.0.1:9/v1'
    with pytest.raises(exception.ConnectionFailed, match='cannot be reached'):
        Client(session=duck, connect_retries=0).leases.list()
    duck.http.close()


class Minimal:
    """The least that a response can be."""

    def __init__(self, status_code: int, text: str) -> None:
        self.status_code, self.text = status_code, text


@pytest.mark.parametrize('reader', [lambda c: c.leases.list(), lambda c: c.leases.get('a')])
def test_minimal_responses(reader: Callable[[Client], object]) -> None:
    """Responses with a status and a text are understood."""

    class Fake:
        def request(self, url: str, method: str, **_: Any) -> Minimal:
            body = '{"leases": [{"id": "a"}]}' if url == '/leases' else '{"lease": {"id": "a"}}'
            return Minimal(200, body)

    assert reader(Client(session=Fake())) in ([{'id': 'a'}], {'id': 'a'})


def _pool_size(session: ksa_session.Session, url: str) -> object:
    state: Any = session.session.get_adapter(url).__getstate__()
    return state['_pool_maxsize']


def test_32_threads_keep_their_connections(
    server: RecordedBlazar,
    session: SessionFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Threads share one client: each keeps its connection, and none is thrown away."""
    server.keep_alive = True
    server.hold(server.leases(1))
    client = Client(session=session())
    caplog.set_level(logging.WARNING)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: client.leases.list(), range(200)))
    assert all(len(each) == 1 for each in answers)
    assert not caplog.records
    assert len({each.connection for each in server.requests}) <= 33
    assert server.calls('identity') == [TOKENS]


def test_second_client_keeps_the_connections(
    server: RecordedBlazar, session: SessionFactory
) -> None:
    """Another client on the same session takes over the first one's connections."""
    server.keep_alive = True
    shared = session()
    for _ in range(3):
        Client(session=shared).leases.list()
    assert len({each.connection for each in server.sent('GET')}) == 1


def test_chosen_adapters_are_left_alone(server: RecordedBlazar, session: SessionFactory) -> None:
    """What the user has mounted stays, be it of another class or only of another size."""

    class Own(requests.adapters.HTTPAdapter):
        pass

    for adapter in (Own(), requests.adapters.HTTPAdapter(pool_maxsize=3)):
        chosen = session()
        chosen.mount('http://', adapter)
        Client(session=chosen).leases.list()
        assert chosen.session.get_adapter(server.endpoint_url + '/leases') is adapter


@pytest.mark.parametrize('where', ['environment', 'session', 'session, late', 'none'])
def test_proxies(
    server: RecordedBlazar,
    session: SessionFactory,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """A proxy is used, be it the environment's or the session's; the service is behind it."""
    own = session()
    client = Client(session=own, endpoint_override=server.url + '/v1', connect_retries=0)
    own.get_token()
    if where == 'environment':
        monkeypatch.setenv('http_proxy', proxy.url)
    elif where == 'session':
        own.session.proxies = {'http': proxy.url}
    elif where == 'session, late':
        client.leases.list()
        own.session.proxies = {'http': proxy.url}
    proxy.plan([unavailable()])
    try:
        client.leases.list()
    except exception.ServiceUnavailable:
        assert where != 'none'
    assert [each[1] for each in proxy.done] == (
        [] if where == 'none' else [f'{server.url}/v1/leases']
    )


def test_timeouts(session: SessionFactory) -> None:
    """The client's timeout counts, else the session's, else connect and read have our own."""
    assert Client(session=session()).transport._timeout == (10.0, 90.0)
    assert Client(session=session(timeout=5)).transport._timeout == 5.0
    assert Client(session=session(timeout=5), timeout=(1, 2)).transport._timeout == (1, 2)


def test_address_of_something_else(server: RecordedBlazar, client: ClientFactory) -> None:
    """A web page is told at once, with its address; it is no answer that was cut."""
    page = Answer(body='<html>Welcome</html>', headers={'Content-Type': 'text/html'})

    def serve(_: Request) -> Answer:
        return page

    server.on('GET', '/v1/leases', serve)
    server.on('GET', '/v1/leases/x', serve)
    someone = client()
    with pytest.raises(exception.ConnectionFailed, match='Is this the address of a reservation'):
        someone.leases.get('x')
    with pytest.raises(exception.ConnectionFailed, match='Is this the address of a reservation'):
        someone.leases.list()
    assert len(server.sent('GET')) == 2
