"""The servers that the other tests stand on do what the recordings say."""

import dataclasses
import pathlib
import re
import socket
import time
from collections.abc import Callable

import pytest
import requests
from keystoneauth1 import session as keystone_session
from keystoneauth1.exceptions import Unauthorized as KeystoneUnauthorized
from keystoneauth1.identity import v3

from tests import recordings
from tests.conftest import SessionFactory
from tests.identity import ALICE
from tests.recorded import Answer, RecordedBlazar, Request
from tests.recordings import Recording

EVERY = [*recordings.load_all('rest'), *recordings.load_all('rest-16')]
ANSWERED = [each for each in EVERY if each.status is not None]
JSON = {'Accept': 'application/json'}


def ask(server: RecordedBlazar, recording: Recording) -> bytes:
    """Make the recorded call again and return all that comes back."""
    headers = [(key, value) for key, value in recording.request_headers if key != 'X-Auth-Token']
    if recording.user:
        known = recording.user != 'nobody'
        headers.append(('X-Auth-Token', server.issue_token(recording.user) if known else 'x'))
    body = recording.request_body or b''
    lines = [f'{recording.method} {recording.target} HTTP/1.1', 'Host: blazar']
    lines += [f'{key}: {value}' for key, value in headers]
    if recording.request_body is not None:
        lines.append(f'Content-Length: {len(body)}')
    with socket.create_connection((server.host, server.port), 10) as connection:
        connection.sendall('\r\n'.join([*lines, '', '']).encode() + body)
        with connection.makefile('rb') as stream:
            return stream.read()


def get(server: RecordedBlazar, path: str, **headers: str) -> requests.Response:
    token = {'X-Auth-Token': server.issue_token('alice')}
    named = {key.replace('_', '-'): value for key, value in headers.items()}
    return requests.get(server.url + path, headers={**token, **JSON, **named}, timeout=10)


def same_call(recording: Recording) -> tuple[object, ...]:
    """What makes two calls the same one; only a server's state tells such answers apart."""
    asked = tuple(recording.request_header(name) for name in ('Accept', 'OpenStack-API-Version'))
    sent = recording.request_json or recording.request_body or b''
    return recording.method, recording.target, recording.user, asked, str(sent)


def without_request_id(raw: bytes) -> bytes:
    return re.sub(rb'(?i)(request-id: req-)[0-9a-f-]{36}', rb'\1...', raw)


def test_recordings_are_read_completely() -> None:
    """Every recorded body has the length that its header says."""
    assert len(recordings.load_all('rest')) == 179
    for each in ANSWERED:
        length = each.header('Content-Length')
        if length and each.method != 'HEAD':
            assert len(each.body) == int(length), each.name


def test_unknown_recording_is_named() -> None:
    """A mistyped name says so."""
    with pytest.raises(LookupError, match="named 'lease-shwo'"):
        recordings.load('lease-shwo')


@pytest.mark.parametrize('recording', ANSWERED, ids=lambda each: each.name)
def test_played_answer_comes_back_byte_for_byte(
    server: RecordedBlazar, recording: Recording
) -> None:
    """A recorded answer that is played comes back as it was, headers, order and all."""
    server.play(recording.name)
    anything = dataclasses.replace(
        recordings.load('leases-list'), method=recording.method, request_body=b'{"x": 1}'
    )
    assert ask(server, anything) == recording.raw


@pytest.mark.parametrize(
    'recording', [each for each in recordings.load_all() if each.status], ids=lambda each: each.name
)
def test_recorded_call_is_answered_as_then(server: RecordedBlazar, recording: Recording) -> None:
    """A recorded call made again gets the recorded answer, with nothing queued or scripted."""
    alike = [each for each in ANSWERED if same_call(each) == same_call(recording)]
    answers = {without_request_id(each.raw) for each in alike}
    assert without_request_id(ask(server, recording)) in answers
    assert server.requests[0].status in {each.status for each in alike}


REFUSALS = [
    'discovery-v1-slash-token',
    'discovery-v1-token',
    'floatingip-show-404',
    'host-show-404',
    'host-allocation-404',
    'lease-show-404',
    'lease-update-404',
    'leases-list-trailing-slash',
    'leases-no-token',
    'microversion-9.9-no-token',
    'microversion-reservation-1',
    'microversion-reservation-1.1',
    'microversion-reservation-9.9',
    'microversion-reservation-abc',
    'unknown-path-404',
]


@pytest.mark.parametrize('name', REFUSALS)
def test_refusals_are_made_as_blazar_makes_them(server: RecordedBlazar, name: str) -> None:
    """What the server refuses by rule looks as recorded, also where nothing was recorded."""
    recording = server.recorded(name)
    server.recordings = ()
    assert without_request_id(ask(server, recording)) == without_request_id(recording.raw)
    server.unexpected.clear()


def test_no_accept_header_no_answer(server: RecordedBlazar) -> None:
    """Without an Accept header the connection ends without an answer."""
    assert ask(server, server.recorded('accept-none')) == b''
    assert server.requests[0].status is None


def test_delete_and_own_id_answer_differently_the_second_time(server: RecordedBlazar) -> None:
    """Calls that were recorded twice answer in that order."""
    gone = server.recorded('lease-delete-204')
    for _ in range(3):
        ask(server, gone)
    for _ in range(2):
        ask(server, server.recorded('lease-create-own-id-201'))
    assert [each.status for each in server.requests] == [204, 404, 404, 201, 409]


def test_query_counts_where_blazar_reads_it(server: RecordedBlazar) -> None:
    """Host properties depend on the query, leases do not."""
    for query in ('?detail=True', '?all=True&detail=True', ''):
        recording = next(
            each
            for each in recordings.load_all()
            if each.user == 'admin' and each.target == f'/v1/os-hosts/properties{query}'
        )
        assert ask(server, recording) == recording.raw
    assert get(server, '/v1/leases?limit=1').json() == server.recorded('leases-list').json


def test_unanswered_requests_and_plays_are_complained_about(server: RecordedBlazar) -> None:
    """What nothing answers, and a play nobody asked for, is told at the end."""
    assert get(server, '/v1/leases/11111111-2222-4333-8444-555555555555').status_code == 404
    assert server.complaints() == []
    assert get(server, '/v1/os-hosts/1').status_code == 404
    server.play('lease-delete-204')
    complaints = server.complaints()
    assert len(complaints) == 2
    assert complaints[0].startswith('nothing answers GET /v1/os-hosts/1 of alice')
    assert complaints[1] == "play('lease-delete-204') was never asked for"
    server.unexpected.clear()
    token = server.issue_token()
    requests.delete(
        f'{server.url}/v1/leases/x', headers={'X-Auth-Token': token, **JSON}, timeout=10
    )


def test_scripted_answers(server: RecordedBlazar) -> None:
    """Handlers: the latest first, so many times, passing on, headers added and taken away."""
    server.on('GET', '/v1/leases', body={'leases': []}, headers={'Vary': None, 'X-More': 'yes'})
    server.on('GET', '/v1/leases', status=503, body='busy', times=2)
    server.on('GET', re.compile('/v1/.*'), lambda request: None)
    assert [get(server, '/v1/leases').status_code for _ in range(3)] == [503, 503, 200]
    answer = get(server, '/v1/leases')
    assert answer.json() == {'leases': []}
    assert answer.headers['X-More'] == 'yes'
    assert 'Vary' not in answer.headers
    assert answer.headers['OpenStack-API-Version'] == 'reservation 1.0'
    assert answer.headers['x-openstack-request-id'].startswith('req-')


def test_requests_are_kept(server: RecordedBlazar) -> None:
    """Tests can look at what was sent."""

    def echo(request: Request) -> Answer:
        return Answer(201, {'lease': request.json})

    server.on('POST', '/v1/leases', echo)
    token = server.issue_token('bob')
    sent = requests.post(
        f'{server.url}/v1/leases?a=b',
        json={'name': 'é'},
        headers={'X-Auth-Token': token, **JSON},
        timeout=10,
    )
    assert sent.json() == {'lease': {'name': 'é'}}
    (request,) = server.sent('POST', '/v1/leases')
    assert (request.user, request.query, request.status) == ('bob', 'a=b', 201)
    assert request.headers['ACCEPT'] == 'application/json'
    assert server.calls() == server.calls('reservation') == ['POST /v1/leases']
    server.forget()
    assert server.requests == []


def test_more_microversions(server: RecordedBlazar) -> None:
    """A server can be declared that speaks more; latest is its highest, outside is 406."""
    server.versions = ('1.0', '1.2')
    said = {}
    for asked in ('latest', '1.0', '1.1', '1.2', '1.3', '2.0'):
        answer = get(server, '/v1/leases', OpenStack_API_Version=f'reservation {asked}')
        said[asked] = answer.headers.get('OpenStack-API-Version', answer.text)
    assert said['latest'] == said['1.2'] == 'reservation 1.2'
    assert said['1.1'] == 'reservation 1.1'
    assert said['1.0'] == get(server, '/v1/leases').headers['OpenStack-API-Version']
    assert (
        'Version 1.3 is not supported by the API. Minimum is 1.0 and maximum is 1.2.' in said['1.3']
    )
    assert '"error": 406' in said['2.0']


def test_server_that_says_no_version(server: RecordedBlazar) -> None:
    """A server without microversions neither reads nor writes the header."""
    server.send_version_header = False
    answer = get(server, '/v1/leases', OpenStack_API_Version='reservation 9.9')
    assert answer.status_code == 200
    assert 'OpenStack-API-Version' not in answer.headers


@pytest.mark.parametrize('prefix', ['/v1', '', '/', '/reservation/v1'])
def test_prefix_is_in_the_catalog_and_served(
    server: RecordedBlazar, session: SessionFactory, prefix: str
) -> None:
    """The catalog says the prefix, and the service answers below it only."""
    server.prefix = prefix
    made = session()
    assert made.get_endpoint(service_type='reservation') == server.url + prefix
    base = prefix.rstrip('/').removesuffix('/v1')
    assert get(server, f'{base}/v1/leases').status_code == 200
    assert server.requests[-1].path == '/v1/leases'
    assert get(server, '/elsewhere/v1/leases').status_code == 404
    server.unexpected.clear()


@pytest.mark.parametrize('keep_alive', [False, True])
def test_connections_are_kept_when_told(server: RecordedBlazar, keep_alive: bool) -> None:
    """Blazar behind uWSGI closes each connection; a server that keeps them can be had."""
    server.keep_alive = keep_alive
    headers = {'X-Auth-Token': server.issue_token(), **JSON}
    with requests.Session() as http:
        for _ in range(3):
            assert (
                http.get(f'{server.url}/v1/leases', headers=headers, timeout=10).status_code == 200
            )
    assert [each.connection for each in server.requests] == ([1, 1, 1] if keep_alive else [1, 2, 3])


def test_gzip(server: RecordedBlazar) -> None:
    """Answers are compressed when the test and the client want it."""
    server.gzip = True
    answer = get(server, '/v1/leases')
    assert answer.headers['Content-Encoding'] == 'gzip'
    assert answer.json() == server.recorded('leases-list').json
    assert 'Content-Encoding' not in get(server, '/v1/leases', Accept_Encoding='identity').headers


def test_leases_for_listing(server: RecordedBlazar) -> None:
    """Made leases have the recorded fields in order, and ids of their own."""
    leases = server.leases(200, status='PENDING', name=lambda index: f'n{index}')
    recorded = server.recorded('lease-show-physical').json['lease']
    assert {tuple(each) for each in leases} == {tuple(recorded)}
    parts = [part['id'] for each in leases for part in (*each['reservations'], *each['events'])]
    assert len({*parts, *(each['id'] for each in leases)}) == len(parts) + 200
    assert (leases[7]['name'], leases[7]['status']) == ('n7', 'PENDING')
    server.hold(leases)
    assert get(server, '/v1/leases').json() == {'leases': leases}
    assert get(server, f'/v1/leases/{leases[3]["id"]}').json() == {'lease': leases[3]}


@pytest.mark.parametrize('auth', ['password', 'token', 'appcred'])
def test_keystone_lets_in(server: RecordedBlazar, session: SessionFactory, auth: str) -> None:
    """Each way in gives a token of the right user and project."""
    made = session('alice', auth=auth)
    assert made.get_user_id() == ALICE.id
    assert made.get_project_id() == ALICE.project_id
    assert made.get_endpoint(service_type='reservation') == f'{server.url}/v1'
    assert server.calls() == ['POST /identity/v3/auth/tokens']
    assert get(server, '/v1/leases', X_Auth_Token=str(made.get_token())).status_code == 200


def test_keystone_turns_away(server: RecordedBlazar) -> None:
    """A wrong password, another's project and a bad token are 401 in Keystone's words."""
    for user, password, project in (
        ('alice', 'wrong', 'research'),
        ('nobody', 'nobody-secret', 'research'),
        ('alice', 'alice-secret', 'teaching'),
    ):
        auth = v3.Password(
            server.auth_url,
            username=user,
            password=password,
            user_domain_name='Default',
            project_name=project,
            project_domain_name='Default',
        )
        with pytest.raises(KeystoneUnauthorized, match='requires authentication'):
            auth.get_access(keystone_session.Session())


def test_tokens_end(server: RecordedBlazar, session: SessionFactory) -> None:
    """An expired or revoked token is refused; the session gets another and goes on."""
    made = session()
    url = f'{server.url}/v1/leases'
    assert made.get(url, headers=JSON).status_code == 200
    server.expire_tokens()
    assert made.get(url, headers=JSON).status_code == 200
    assert server.calls() == [
        'POST /identity/v3/auth/tokens',
        'GET /v1/leases',
        'GET /v1/leases',
        'POST /identity/v3/auth/tokens',
        'GET /v1/leases',
    ]
    token = str(made.get_token())
    tokens = f'{server.auth_url}/auth/tokens'
    both = {'X-Auth-Token': token, 'X-Subject-Token': token}
    assert requests.get(tokens, headers=both, timeout=10).json()['token']['user']['name'] == 'alice'
    assert requests.delete(tokens, headers=both, timeout=10).status_code == 204
    assert requests.get(tokens, headers=both, timeout=10).status_code == 401
    server.token_lifetime = 0
    assert get(server, '/v1/leases').status_code == 401


def test_version_documents_of_keystone(server: RecordedBlazar) -> None:
    """Discovery of the identity service works as at Keystone."""
    found = requests.get(f'{server.url}/identity', timeout=10)
    assert found.status_code == 300
    assert found.json()['versions']['values'][0]['links'][0]['href'] == f'{server.auth_url}/'
    assert requests.get(server.auth_url, timeout=10).json()['version']['id'] == 'v3.14'
    requests.get(f'{server.auth_url}/projects', timeout=10)
    assert len(server.unexpected) == 1
    server.unexpected.clear()


@pytest.mark.parametrize(
    'cloud', ['admin', 'alice', 'alice-appcred', 'alice-endpoint', 'alice-token', 'bob', 'rita']
)
def test_clouds_yaml(server: RecordedBlazar, clouds_yaml: pathlib.Path, cloud: str) -> None:
    """Every cloud of the written clouds.yaml is read by openstacksdk's loader and gets in."""
    from openstack.config import OpenStackConfig

    region = OpenStackConfig(config_files=[str(clouds_yaml)]).get_one(cloud)
    made = region.get_session()
    headers = {**JSON, 'X-Auth-Token': str(made.get_token())}
    asked = requests.get(f'{server.endpoint_url}/leases/nosuch', headers=headers, timeout=10)
    assert asked.status_code == 404
    assert server.requests[-1].user == cloud.partition('-')[0]


def test_answer_cut_and_delayed(server: RecordedBlazar) -> None:
    """A scripted answer can be late, incomplete, or not come at all."""
    server.on('GET', '/v1/leases', body={'leases': []}, delay=0.2, times=1)
    server.on('GET', '/v1/leases', body={'leases': []}, cut=0, times=1)
    server.on('GET', '/v1/leases', body={'leases': []}, cut=200, times=1)
    recording = server.recorded('leases-list')
    assert len(ask(server, recording)) == 200
    assert ask(server, recording) == b''
    began = time.monotonic()
    assert b'{"leases": []}' in ask(server, recording)
    assert time.monotonic() - began >= 0.2
    assert [each.status for each in server.requests] == [200, None, 200]


def test_nothing_beyond_loopback(loopback_only: list[str]) -> None:
    """The guard that keeps tests on this machine works."""
    reach: list[Callable[[], object]] = [
        lambda: socket.create_connection(('192.0.2.1', 80), 0.1),
        lambda: socket.getaddrinfo('blazar.example.org', 80),
    ]
    for attempt in reach:
        with pytest.raises(AssertionError, match='wanted to reach'):
            attempt()
    assert loopback_only == ['192.0.2.1', 'blazar.example.org']
    loopback_only.clear()
