"""The service behind Keystone, in the WSGI servers that are installed here."""

import contextlib
import importlib
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from oslo_config import cfg
from werkzeug.test import Client

from blazarclient.server import config, service
from blazarclient.server.store.database import Database
from blazarclient.server.vault import new_key
from tests.recorded import RecordedBlazar

LEASE = {'name': 'now', 'start_date': 'now', 'end_date': '2030-01-01 12:00', 'reservations': []}


@pytest.fixture
def options(server: RecordedBlazar, tmp_path: pathlib.Path) -> str:
    """Path of a file with options: a database with tables, and the Keystone of the tests."""
    database = Database(f'sqlite:///{tmp_path}/gateway.db')
    database.upgrade()
    database.dispose()
    path = tmp_path / 'gateway.conf'
    path.write_text(
        f"""
[api]
port = 0
[subscriptions]
secret_key = {new_key()}
[database]
connection = sqlite:///{tmp_path}/gateway.db
[keystone_authtoken]
www_authenticate_uri = {server.url}/identity
auth_type = password
auth_url = {server.auth_url}
username = admin
user_domain_name = Default
password = admin-secret
project_name = admin
project_domain_name = Default
"""
    )
    return str(path)


@pytest.fixture
def application(options: str) -> Iterator[service.Application]:
    made = service.make_application(service.configured(options))
    yield made
    made.close()


@pytest.fixture
def call(server: RecordedBlazar, application: service.Application) -> Callable[..., Any]:
    """Send a request with a token from Keystone; answers with status and content."""
    client = Client(application)

    def send(method: str, path: str, user: str = 'alice', **body: Any) -> tuple[int, Any]:
        headers = {'X-Auth-Token': server.issue_token(user)}
        answer = client.open(path, method=method, headers=headers, **body)
        return answer.status_code, answer.get_json() if answer.data else None

    return send


def until_active(show: Callable[[], str]) -> None:
    """Wait until a lease has been started; a scheduler has to do it."""
    deadline = time.monotonic() + 30
    while (status := show()) != 'ACTIVE':
        assert time.monotonic() < deadline, f'the lease is still {status}'
        time.sleep(0.05)


def test_a_lease_is_made_and_started(call: Callable[..., Any]) -> None:
    """Keystone says who asks, the API makes the lease, and the scheduler starts it."""
    status, made = call('POST', '/v1/leases', json=LEASE)
    assert status == 201, made
    path = f'/v1/leases/{made["lease"]["id"]}'
    until_active(lambda: str(call('GET', path)[1]['lease']['status']))
    assert call('GET', path, user='bob')[0] == 403
    assert call('GET', path, user='rita')[0] == 200
    assert call('DELETE', path, user='rita')[0] == 403
    assert call('GET', '/v1/os-hosts')[0] == 403
    assert call('GET', '/v1/os-hosts', user='admin') == (200, {'hosts': []})
    assert call('DELETE', path) == (204, None)


def test_nobody_vouches_for_himself(
    server: RecordedBlazar, application: service.Application
) -> None:
    """What only the middleware may say is worth nothing when a client says it."""
    forged = {
        'X-Identity-Status': 'Confirmed',
        'X-User-Id': 'x',
        'X-Project-Id': 'x',
        'X-Roles': 'admin',
    }
    server.on('GET', '/identity/v3/auth/tokens', status=404)
    for token in ({}, {'X-Auth-Token': 'gAAAAABforged'}):
        answer = Client(application).get('/v1/os-hosts', headers={**forged, **token})
        assert answer.status_code == 401
        assert answer.get_json()['error']['title'] == 'Unauthorized'
        keystone = f'Keystone uri="{server.url}/identity"'
        assert answer.headers['WWW-Authenticate'] == keystone


def test_without_parts(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where workers do all that is due, who answers requests does not."""
    for option in ('OS_EMBEDDED__SCHEDULER', 'OS_DELIVERY__WORKER'):
        monkeypatch.setenv(option, 'false')
    before = threads()
    made = service.make_application(service.configured(options))
    assert threads() == before
    made.close()


def test_its_parts_end_with_it(options: str) -> None:
    """Nothing is left behind by an application that is closed, not even when closed twice."""
    before = threads()
    made = service.make_application(service.configured(options))
    assert {'scheduler', 'sweeper'} <= threads() - before
    made.close()
    made.close()
    assert threads() == before


def threads() -> set[str]:
    import threading

    return {each.name for each in threading.enumerate()}


def test_a_database_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has tables from the first, as nobody else could make them."""
    monkeypatch.setenv('OS_DATABASE__CONNECTION', 'sqlite://')
    monkeypatch.setenv('OS_SUBSCRIPTIONS__SECRET_KEY', new_key())
    opened = service.open_service(config.load())
    assert opened.database.revision() is not None
    opened.database.dispose()


@pytest.mark.parametrize(
    ('connection', 'said'),
    [('', 'connection'), ('sqlite:///empty.db', 'blazar-gateway db upgrade')],
)
def test_a_database_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, connection: str, said: str
) -> None:
    """The error says what to do."""
    monkeypatch.setenv('OS_DATABASE__CONNECTION', connection)
    monkeypatch.setenv('OS_SUBSCRIPTIONS__SECRET_KEY', new_key())
    with pytest.raises(cfg.Error, match=said):
        service.make_application(config.load())


def test_no_file_with_options() -> None:
    """The error names the variable and the place."""
    with pytest.raises(cfg.Error, match='BLAZAR_GATEWAY_CONF'):
        service.configured()


def test_the_module_makes_the_application(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever imports it has the application of the file that the environment names."""
    monkeypatch.setenv('BLAZAR_GATEWAY_CONF', options)
    monkeypatch.delitem(sys.modules, 'blazarclient.server.wsgi', raising=False)
    made = importlib.import_module('blazarclient.server.wsgi').application
    assert isinstance(made, service.Application)
    made.close()


def test_uwsgi_forks_without_a_word(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its first process nothing is open; in each child all begins before the first request."""
    uwsgi = types.ModuleType('uwsgi')
    vars(uwsgi)['worker_id'] = lambda: 0
    monkeypatch.setitem(sys.modules, 'uwsgi', uwsgi)
    monkeypatch.setenv('BLAZAR_GATEWAY_CONF', options)
    monkeypatch.delitem(sys.modules, 'blazarclient.server.wsgi', raising=False)
    made = importlib.import_module('blazarclient.server.wsgi').application
    assert not made.is_serving
    vars(uwsgi)['post_fork_hook']()
    assert made.is_serving
    made.close()


#: Run in a process of its own, as a fork copies all that a test run has.
FORK = """
import os, threading
from werkzeug.test import Client
from blazarclient.server.wsgi import application

threads = threading.active_count()
child = os.fork()
if child == 0:
    assert not application.is_serving
    assert Client(application).get('/v1/leases').status_code == 401
    assert application.is_serving
    assert threading.active_count() == threads
    application.close()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert application.is_serving
assert threading.active_count() == threads
"""


def test_a_fork(options: str) -> None:
    """The parent goes on where it was, and a child begins with its first request."""
    subprocess.run(
        [sys.executable, '-c', FORK],
        env={**os.environ, 'BLAZAR_GATEWAY_CONF': options},
        cwd=pathlib.Path(service.__file__).parents[2],
        check=True,
        timeout=60,
    )


# --------------------------------------------------------------------- servers

NAME = 'blazarclient.server.wsgi:application'
#: The application is made before the fork, and used after it.
FORKING = f"""
import os, sys
from wsgiref.simple_server import make_server
from {NAME.replace(':', ' import ')}
server = make_server('127.0.0.1', int(sys.argv[1]), application)
if os.fork() == 0:
    server.serve_forever()
os.wait()
"""
SERVERS = {
    'blazar-gateway': ['-m', 'blazarclient.server.gateway', 'api'],
    'waitress': ['-m', 'waitress', '--listen=127.0.0.1:PORT', NAME],
    'fork': ['-c', FORKING, 'PORT'],
    'gunicorn': ['-m', 'gunicorn', '-w2', '--bind=127.0.0.1:PORT', NAME],
    'gunicorn-preload': ['-m', 'gunicorn', '-w2', '--preload', '--bind=127.0.0.1:PORT', NAME],
}
if importlib.util.find_spec('gunicorn') is None:
    SERVERS = {name: line for name, line in SERVERS.items() if 'gunicorn' not in line}
if UWSGI := shutil.which('uwsgi', path=pathlib.Path(sys.executable).parent):
    COMMON = '--die-on-term --enable-threads --master --need-app -p2 --http-socket 127.0.0.1:PORT'
    SERVERS['uwsgi'] = [UWSGI, *COMMON.split(), '--module', NAME]
    SERVERS['uwsgi-lazy'] = [*SERVERS['uwsgi'], '--lazy-apps']


@pytest.fixture(params=SERVERS)
def address(request: pytest.FixtureRequest, options: str, tmp_path: pathlib.Path) -> Iterator[str]:
    """Address of a running server, which has to end when it is told to."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = str(free.getsockname()[1])
    command = [each.replace('PORT', port) for each in SERVERS[request.param]]
    if not command[0].startswith('/'):
        command.insert(0, sys.executable)
    environment = {**os.environ, 'BLAZAR_GATEWAY_CONF': options, 'OS_API__PORT': port}
    log = tmp_path / 'server.log'
    with log.open('w') as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=pathlib.Path(service.__file__).parents[2],
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', int(port)), timeout=5).close()
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f'http://127.0.0.1:{port}'
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        # With what it has forked.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_servers(address: str, server: RecordedBlazar) -> None:
    """Each server answers requests, and in each a lease is started."""

    def send(method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                'X-Auth-Token': server.issue_token('alice'),
                'Content-Type': 'application/json',
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f'{address}/v1/leases', timeout=30)
    assert refused.value.code == 401
    refused.value.close()
    made = send('POST', '/v1/leases', LEASE)['lease']
    until_active(lambda: str(send('GET', f'/v1/leases/{made["id"]}')['lease']['status']))
    assert [lease['id'] for lease in send('GET', '/v1/leases')['leases']] == [made['id']]
