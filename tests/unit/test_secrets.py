"""No password, token or secret ever gets into a log, an error or a traceback."""

import logging
import traceback
from functools import partial

import pytest

from blazarclient import exception, transport
from blazarclient.client import Client
from tests.conftest import ClientFactory, SessionFactory
from tests.identity import APPCRED_SECRET, USERS
from tests.recorded import Answer, RecordedBlazar, Request

PASSWORD = USERS['alice'].password


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times between tries are a hundredth of what they are."""
    monkeypatch.setattr(transport, 'FIRST_DELAY', 0.005)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that anybody logs."""
    caplog.set_level(logging.DEBUG)
    for name in ('keystoneauth', 'keystoneauth.session', 'keystoneauth.identity', 'urllib3'):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def tokens(server: RecordedBlazar) -> set[str]:
    """Every token that was sent or given."""
    sent = {each.headers.get('X-Auth-Token') for each in server.requests}
    return {each for each in sent if each}


def _give(answer: Answer, _: Request) -> Answer:
    return answer


def everything_fails(server: RecordedBlazar, client: Client) -> list[BaseException]:
    """Go through the ways in which a request can fail; the errors."""
    errors: list[BaseException] = []
    for answer in (
        Answer(401, {'error_message': 'No.'}),
        Answer(403, {'error_message': 'No.'}),
        Answer(500, '<html>broken</html>'),
        Answer(503, 'away'),
        Answer(200, '<html>page</html>'),
        Answer(200, b'{"leases": [', headers={'Content-Length': '99'}),
        Answer(cut=0),
    ):
        server.on('GET', '/v1/leases', partial(_give, answer), times=2)
        with pytest.raises((exception.HTTPError, exception.ConnectionFailed)) as caught:
            client.leases.list()
        errors.append(caught.value)
        if answer.status != 401:
            # The second is for the token that is got anew.
            server.on('GET', '/v1/leases', body={'leases': []}, times=1)
            client.leases.list()
    return errors


@pytest.mark.parametrize('auth', ['password', 'token', 'appcred'])
def test_every_way_in(
    server: RecordedBlazar, client: ClientFactory, log: pytest.LogCaptureFixture, auth: str
) -> None:
    """With everything logged, nothing secret is in it, however requests end."""
    someone = client(auth=auth, connect_retries=0)
    assert someone.leases.list()
    with pytest.raises(exception.NotFound):
        someone.leases.get('0d8e2f3a-0000-4000-8000-000000000000')
    errors = everything_fails(server, someone)
    told = log.text + ''.join(''.join(traceback.format_exception(each)) for each in errors)
    asked, said = 'asked for reservation latest', '200 (reservation 1.0), request req-'
    assert f'GET /leases ({asked}): {said}' in told
    assert 'leases/0d8e2f3a-0000-4000-8000-000000000000 -H "Accept' in told
    assert tokens(server)
    for secret in (PASSWORD, APPCRED_SECRET, *tokens(server)):
        assert secret not in told


def test_password_in_the_address(
    server: RecordedBlazar, session: SessionFactory, log: pytest.LogCaptureFixture
) -> None:
    """An address with a user and a password is used, and shown without them."""
    for address in (f'{server.host}:{server.port}', '127.0.0.1:9'):
        client = Client(
            session=session(),
            endpoint_override=f'http://somebody:hunter2@{address}/v1',
            connect_retries=1,
        )
        errors = []
        server.on('GET', '/v1/leases/x', status=500, body={'error_message': 'No.'})
        server.on('GET', '/v1/leases/y', body='<html>')
        server.on('GET', '/v1/leases/z', body='<html>', headers={'Content-Length': '99'})
        for path in ('/leases/x', '/leases/y', '/leases/z', '/leases'):
            try:
                client.lease.request_manager.get(path)
            except exception.BlazarClientException as error:
                errors.append(error)
        assert len(errors) >= 3
        told = ''.join(''.join(traceback.format_exception(each)) for each in errors) + log.text
        assert 'hunter2' not in told
        assert 'somebody' not in told
        assert f'//{address}/v1/leases' in told
    assert server.sent('GET')[0].headers['Authorization'].startswith('Basic ')


def test_body_log_of_keystoneauth(
    server: RecordedBlazar, client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """keystoneauth1 reads answers again for its log, which happens only where that is wanted."""
    server.hold(server.leases(1))
    lease_id = client().leases.list()[0]['id']
    caplog.set_level(logging.INFO, 'keystoneauth')
    client().leases.get(lease_id)
    assert not [each for each in caplog.records if each.name.startswith('keystoneauth')]
    caplog.set_level(logging.DEBUG, 'keystoneauth')
    client().leases.get(lease_id)
    assert f'"id": "{lease_id}"' in caplog.text
    assert 'RESP BODY' in caplog.text
