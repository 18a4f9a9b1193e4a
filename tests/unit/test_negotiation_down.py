"""Servers behind one address that differ, and threads that negotiate at once."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from blazarclient import exception
from blazarclient.versions import Version
from tests.conftest import ClientFactory
from tests.recorded import Answer, RecordedBlazar, Request
from tests.unit.versioned import WIRE, asked, asked_by, gadgets, serve, version


def pass_on(server: RecordedBlazar, *highest: str) -> None:
    """Let each request meet another server, which speaks 1.0 and up to this; then the last."""
    left = list(highest)
    lock = threading.Lock()

    def refuse(request: Request) -> Answer | None:
        with lock:
            own = left.pop(0) if len(left) > 1 else left[0]
        wanted = asked_by(request)
        return None if wanted <= own else Answer(406, no(wanted, own))

    for method in ('GET', 'POST'):
        server.on(method, re.compile('/v1/gadgets(/G)?'), refuse)


def no(version: str, highest: str) -> dict[str, object]:
    return {
        'error': 406,
        'error_message': f'Version {version} is not supported by the API. '
        f'Minimum is 1.0 and maximum is {highest}.',
    }


def test_406_leads_down_the_chain(server: RecordedBlazar, client: ClientFactory) -> None:
    """Several servers behind one address: down to what the oldest speaks, and it stays there."""
    serve(server)
    found = gadgets(client())
    found.get('G')
    pass_on(server, '1.2', '1.1', '1.0')
    server.forget()
    assert found.create(name='x', tags=['a'])['tags'] == 'a'
    assert asked(server) == ['POST 1.3', 'POST 1.2', 'POST 1.1', 'POST 1.0']
    serve(server)
    found.get('G')
    assert asked(server)[-1] == 'GET 1.0'
    assert found.transport.spoken is not None
    assert found.transport.spoken.reason == 'the server speaks 1.0 to 1.0'


def test_406_leads_a_read_down_the_chain(server: RecordedBlazar, client: ClientFactory) -> None:
    """The same for a read; what was newer is read at the version said."""
    serve(server)
    found = gadgets(client())
    found.get('G')
    pass_on(server, '1.1', '1.0')
    server.forget()
    assert found.get('G') == WIRE['1.0']
    assert asked(server) == ['GET 1.3', 'GET 1.1', 'GET 1.0']


def test_406_refuses_what_the_lower_version_lacks(
    server: RecordedBlazar, client: ClientFactory
) -> None:
    """After a 406 the body is looked at anew, and not sent without its field."""
    serve(server)
    found = gadgets(client())
    found.get('G')
    serve(server, '1.0', '1.0')
    with pytest.raises(exception.FieldNotAvailable, match=r'but 1.0 is spoken: .* 1.0 to 1.0'):
        found.create(colour='red')
    assert [each.status for each in server.sent('POST', '/v1/gadgets')] == [406]


def test_threads_that_negotiate_at_once(server: RecordedBlazar, client: ClientFactory) -> None:
    """All first requests may ask for latest; all end with the same version."""
    serve(server, '1.0', '1.2')
    found = gadgets(client())
    together = threading.Barrier(8)

    def read(_number: int) -> tuple[Version, object]:
        together.wait(10)
        one = found.get('G')
        return one.version, one.changes()

    with ThreadPoolExecutor(8) as pool:
        assert set(map(str, pool.map(read, range(8)))) == {str((version('1.2'), {}))}
    server.forget()
    found.get('G')
    assert asked(server) == ['GET 1.2']


def test_threads_and_servers_that_differ(server: RecordedBlazar, client: ClientFactory) -> None:
    """Behind one address one server is older: every request is answered, none with an error."""
    serve(server)
    lock = threading.Lock()
    count = 0

    def older_now_and_then(request: Request) -> Answer | None:
        nonlocal count
        with lock:
            count += 1
            older = count % 3 == 0
        wanted = asked_by(request)
        if older and wanted not in ('latest', '1.0', '1.1'):
            return Answer(406, no(wanted, '1.1'))
        return None

    for method in ('GET', 'POST'):
        server.on(method, re.compile('/v1/gadgets(/G)?'), older_now_and_then)
    found = gadgets(client())

    def use(number: int) -> object:
        return found.create(name='x') if number % 2 else found.get('G')

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(use, range(48)))
    assert len(results) == 48
    assert found.transport.spoken is not None
    assert str(found.transport.spoken.version) == '1.1'
