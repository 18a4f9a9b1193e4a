"""A loopback server that answers as Keystone and Blazar do, from bytes that are ready beforehand.

It is a process of its own and does next to nothing per request, so that what is measured is the
client. The first part of every path is the number of leases that this cloud has:
``/10000/identity/v3`` is the auth URL of a cloud whose catalog points to
``/10000/reservation/v1``. ``/-/requests`` returns the requests since the last call of it.

Run by run.py: prints its port, and ends when its standard input is closed.
"""

import argparse
import functools
import hashlib
import json
import socket
import socketserver
import sys
import threading
from pathlib import Path

from tests.benchmarks import leases

SIZES = (10, 10_000, 100_000)
TOKEN = 'gAAAAAB' + hashlib.sha512(b'benchmark').hexdigest() + 'x' * 48
REQUEST_ID = 'req-55afb908-f768-4765-b9a3-4bc2c48f6df8'
REASONS = {
    200: 'OK',
    201: 'Created',
    300: 'Multiple Choices',
    400: 'Bad Request',
    401: 'Unauthorized',
    404: 'Not Found',
    406: 'Not Acceptable',
}
OTHER_SERVICES = (
    'compute',
    'image',
    'network',
    'volumev3',
    'placement',
    'object-store',
    'orchestration',
    'dns',
    'key-manager',
    'load-balancer',
    'metric',
)
VERSION = {
    'id': 'v3.14',
    'status': 'stable',
    'updated': '2020-04-07T00:00:00Z',
    'media-types': [
        {'base': 'application/json', 'type': 'application/vnd.openstack.identity-v3+json'}
    ],
}


def answer(status: int, body: bytes, *headers: str) -> bytes:
    """Return the whole answer, status line to body."""
    return head(status, len(body), *headers) + body


def head(status: int, length: int, *headers: str) -> bytes:
    """Return status line and headers of an answer whose body has `length` bytes."""
    lines = (
        f'HTTP/1.1 {status} {REASONS[status]}',
        'Content-Type: application/json',
        f'Content-Length: {length}',
        *headers,
        f'x-openstack-request-id: {REQUEST_ID}',
    )
    return '\r\n'.join((*lines, '', '')).encode()


def lease_head(length: int) -> bytes:
    """Return the headers with which Blazar sends leases."""
    return head(
        200, length, 'Vary: OpenStack-API-Version', 'OpenStack-API-Version: reservation 1.0'
    )


def encoded(value: object) -> bytes:
    """Return `value` as JSON in the style that OpenStack services use."""
    return json.dumps(value).encode()


class Cloud:
    """One Keystone and one Blazar with a given number of leases."""

    def __init__(self, size: int, folder: Path, address: str) -> None:
        self.size = size
        self.folder = folder
        self.base = f'{address}/{size}'

    @functools.cached_property
    def leases(self) -> bytes:
        """The body of the lease list."""
        return (self.folder / f'leases-{self.size}.json').read_bytes()

    @functools.cached_property
    def by_id(self) -> dict[str, dict[str, object]]:
        """Every lease under its id."""
        return {lease['id']: lease for lease in json.loads(self.leases)['leases']}

    @functools.cached_property
    def token(self) -> bytes:
        """Keystone's answer to a password."""
        named = {'domain': {'id': 'default', 'name': 'Default'}}
        catalog = [
            self._service('identity', f'{self.base}/identity'),
            self._service('reservation', f'{self.base}/reservation/v1'),
            *(self._service(kind, f'{self.base}/{kind}/v2') for kind in OTHER_SERVICES),
        ]
        token = {
            'methods': ['password'],
            'user': {
                **named,
                'id': 'c5a39535a9964fe593506f60c05e47d6',
                'name': 'alice',
                'password_expires_at': None,
            },
            'audit_ids': ['3T2dc1CGQxyJsHdDu1xkcw'],
            'expires_at': '2126-11-20T15:38:00.000000Z',
            'issued_at': '2026-11-20T15:38:00.000000Z',
            'project': {**named, 'id': 'dd09f65678b848e1a79f76e275b476a3', 'name': 'research'},
            'is_domain': False,
            'roles': [{'id': '9fe2ff9ee4384b1894a90878d3e92bab', 'name': 'member'}],
            'catalog': catalog,
        }
        return answer(
            201, encoded({'token': token}), f'X-Subject-Token: {TOKEN}', 'Vary: X-Auth-Token'
        )

    def _service(self, kind: str, url: str) -> dict[str, object]:
        number = hashlib.md5(kind.encode(), usedforsecurity=False).hexdigest()
        endpoints = [
            {
                'id': number[:-1] + str(digit),
                'interface': interface,
                'region': 'RegionOne',
                'region_id': 'RegionOne',
                'url': url,
            }
            for digit, interface in enumerate(('admin', 'internal', 'public'))
        ]
        return {'id': number, 'type': kind, 'name': kind, 'endpoints': endpoints}

    def identity(self, method: str, path: str) -> bytes:
        """Answer as Keystone."""
        if method == 'POST' and path == '/v3/auth/tokens':
            return self.token
        version = {**VERSION, 'links': [{'rel': 'self', 'href': f'{self.base}/identity/v3/'}]}
        if path == '/v3':
            return answer(200, encoded({'version': version}), 'Vary: X-Auth-Token')
        if path == '':
            return answer(300, encoded({'versions': {'values': [version]}}), 'Vary: X-Auth-Token')
        return answer(
            404,
            encoded(
                {
                    'error': {
                        'code': 404,
                        'title': 'Not Found',
                        'message': 'The resource could not be found.',
                    }
                }
            ),
        )

    def reservation(self, method: str, path: str, headers: dict[str, str]) -> list[bytes]:
        """Answer as Blazar."""
        if headers.get('x-auth-token') != TOKEN:
            return [
                answer(
                    401,
                    b'{"error": {"code": 401, "title": "Unauthorized", '
                    b'"message": "The request you have made requires authentication."}}',
                )
            ]
        service, _, version = headers.get('openstack-api-version', '').partition(' ')
        if service == 'reservation' and version not in {'1.0', 'latest'}:
            text = (
                f'Version {version} is not supported by the API. Minimum is 1.0 and maximum is 1.0.'
            )
            return [answer(406, encoded({'error': 406, 'error_message': text}))]
        if path == '':
            return [answer(300, encoded({'versions': self._versions()}))]
        if path == '/v1/leases' and method == 'GET':
            return [lease_head(len(self.leases)), self.leases]
        lease = self.by_id.get(path.removeprefix('/v1/leases/'))
        if lease is None:
            return [
                answer(404, b'{"error": 404, "error_message": "The resource could not be found."}')
            ]
        shown = {**lease, 'status': 'UPDATING'} if method == 'PUT' else lease
        body = encoded({'lease': shown})
        return [lease_head(len(body)) + body]

    def _versions(self) -> list[dict[str, object]]:
        def links(path: str) -> list[dict[str, str]]:
            return [{'href': f'{self.base}/reservation/{path}', 'rel': 'self'}]

        return [
            {
                'id': 'v1.0',
                'status': 'CURRENT',
                'links': links('v1'),
                'min_version': '1.0',
                'max_version': '1.0',
            },
            {'id': 'v2.0', 'status': 'DEPRECATED', 'links': links('v2')},
        ]


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of loopback and counts what it is asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: Path) -> None:
        super().__init__(('127.0.0.1', 0), Connection)
        self.asked: list[str] = []
        self.clouds = {
            str(size): Cloud(size, folder, f'http://127.0.0.1:{self.port}') for size in SIZES
        }

    @property
    def port(self) -> int:
        """The port that was free."""
        return int(self.server_address[1])

    def answer(self, method: str, target: str, headers: dict[str, str]) -> list[bytes]:
        """Return the answer to one request, in one or more pieces."""
        path = target.partition('?')[0].rstrip('/')
        if path == '/-/requests':
            asked, self.asked = self.asked, []
            return [answer(200, encoded(asked))]
        self.asked.append(f'{method} {path}')
        _, size, service, *rest = [*path.split('/', 3), '', '']
        cloud = self.clouds.get(size)
        inner = '/' + rest[0] if rest[0] else ''
        if cloud and service == 'identity':
            return [cloud.identity(method, inner)]
        if cloud and service == 'reservation':
            return cloud.reservation(method, inner, headers)
        return [answer(404, b'{}')]


class Connection(socketserver.StreamRequestHandler):
    """One kept-alive connection."""

    disable_nagle_algorithm = True
    rbufsize = 64 * 1024

    def handle(self) -> None:
        """Answer until the client hangs up."""
        try:
            while line := self.rfile.readline():
                method, target, _ = line.decode('latin-1').split(' ', 2)
                headers = self._headers()
                self.rfile.read(int(headers.get('content-length', '0')))
                self._send(method, target, headers)
        except ConnectionError:
            return

    def _headers(self) -> dict[str, str]:
        headers = {}
        while line := self.rfile.readline().rstrip(b'\r\n'):
            name, _, value = line.decode('latin-1').partition(':')
            headers[name.lower()] = value.strip()
        return headers

    def _send(self, method: str, target: str, headers: dict[str, str]) -> None:
        assert isinstance(self.server, Server)
        assert isinstance(self.request, socket.socket)
        for piece in self.server.answer(method, target, headers):
            self.request.sendall(piece)


def make_lists(folder: Path) -> None:
    """Write the lease lists, unless they are there and made by the present code and recordings."""
    made_from = hashlib.sha256(Path(leases.__file__).read_bytes())
    made_from.update(encoded(leases.recorded_leases()))
    stamp = folder / 'made-from'
    if stamp.exists() and stamp.read_text() == made_from.hexdigest():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        (folder / f'leases-{size}.json').write_bytes(leases.list_body(size))
    stamp.write_text(made_from.hexdigest())


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='where the lease lists are kept')
    folder = parser.parse_args().folder
    make_lists(folder)
    with Server(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == '__main__':
    main()
