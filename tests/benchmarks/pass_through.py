r"""What a gateway adds to a request to Blazar; writes a table for the documentation.

A ``blazar-gateway api`` with its database in a file stands before a sandbox, whose API at 1.0 is
Blazar's, with 10,000 leases; the sandbox is its Keystone, too. With ``--endpoint`` it stands before
a real Blazar instead, which has to be without leases: they are made in its ``--database``, and
``cloud reset`` forgets them. Requests go to both in turns, so that what else the machine does meets
both alike.

Run it with a Python that has the package and what its tests need::

    .venv/bin/python -m tests.benchmarks.pass_through
    .venv/bin/python -m tests.benchmarks.pass_through \
        --endpoint http://127.0.0.1:1234 --keystone http://127.0.0.1:5000/identity \
        --database mysql+pymysql://USER:PASSWORD@127.0.0.1/blazar --append
"""

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy

from blazarclient import testing
from blazarclient.server import vault
from tests.benchmarks.databases import table

TABLE = 'doc/source/contributor/reliability-pass-through-table.rst'
HEADINGS = ('what', 'direct', 'through the gateway', 'added or ratio', 'limit', 'kept')
MS = 1000.0
LEASES = 10_000
#: Milliseconds that may be added to a GET, and what a list may take, by microversion.
ADDED = {'1.0': 3.0, '1.1': 6.0}
RATIO = 1.3
JSON = {'Content-Type': 'application/json'}
#: Tables with parts of a lease -> the column that says of what; each after those it refers to.
PARTS = {
    'reservations': 'lease_id',
    'computehost_reservations': 'reservation_id',
    'events': 'lease_id',
}
HOST = {
    'resource_type': 'physical:host',
    'min': 1,
    'max': 1,
    'hypervisor_properties': '',
    'resource_properties': '',
}


@dataclasses.dataclass(frozen=True)
class Upstream:
    """What the gateway stands before."""

    endpoint: str
    #: Keystone, without /v3.
    keystone: str
    token: str


class Web:
    """One connection that is kept, as a client has it, where the server keeps it."""

    def __init__(self, address: str, token: str, microversion: str) -> None:
        self._netloc = urlsplit(address).netloc
        self._headers = {
            'X-Auth-Token': token,
            'Accept': 'application/json',
            'OpenStack-API-Version': f'reservation {microversion}',
        }
        self._connection = http.client.HTTPConnection(self._netloc, timeout=600)

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds from the request until the last byte of its answer, and the answer."""
        return self.ask('GET', path)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[float, bytes]:
        """The same of any request; a body is JSON."""
        headers = self._headers if body is None else {**self._headers, **JSON}
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - began
        assert answer.status in (200, 201), text
        return took, text


# ------------------------------------------------------------------- what is there


@contextlib.contextmanager
def sandbox(folder: Path, count: int) -> Iterator[Upstream]:
    """A sandbox with so many leases."""
    database = folder / 'blazar.db'
    with testing.sandbox(hosts=1, database=database) as box:
        make_lease(Upstream(box.url, f'{box.url}/identity', 'alice'))
    multiply(f'sqlite:///{database}', count)
    with testing.sandbox(hosts=1, database=database) as box:
        yield Upstream(box.url, f'{box.url}/identity', 'alice')


def make_lease(upstream: Upstream) -> None:
    """Reserve a host from tomorrow on."""
    start = datetime.now(UTC) + timedelta(days=1)
    body = {
        'name': 'lease',
        'start_date': f'{start:%Y-%m-%d %H:%M}',
        'end_date': f'{start + timedelta(hours=1):%Y-%m-%d %H:%M}',
        'events': [],
        'reservations': [HOST],
    }
    Web(upstream.endpoint, upstream.token, '1.0').ask('POST', '/v1/leases', json.dumps(body))


def multiply(url: str, count: int) -> None:
    """Let there be so many leases that differ in nothing but their IDs.

    They all hold the same host at the same time, which nobody could ask for; what a list of them
    costs is the same.

    :param url: the database of a sandbox or of a Blazar.
    """
    engine = sqlalchemy.create_engine(url)
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, only=lambda name, _: name == 'leases' or name in PARTS)
    with engine.begin() as connection:
        found = {
            name: [dict(row) for row in connection.execute(each.select()).mappings()]
            for name, each in metadata.tables.items()
        }
        (lease,) = found['leases']
        made: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
        for number in range(2, count + 1):
            ids = {lease['id']: str(uuid.uuid4())}
            numbered = {'number': number} if 'number' in lease else {}
            made['leases'].append({**lease, **numbered, 'id': ids[lease['id']]})
            for name, parent in PARTS.items():
                for row in found.get(name, ()):
                    ids[row['id']] = str(uuid.uuid4())
                    new = {**row, 'id': ids[row['id']], parent: ids[row[parent]]}
                    made[name].append(new)
        for name in ('leases', *PARTS):
            if made.get(name):
                connection.execute(metadata.tables[name].insert(), made[name])
    engine.dispose()


@contextlib.contextmanager
def gateway(upstream: Upstream, folder: Path, user: str, password: str) -> Iterator[str]:
    """The address of a gateway before it."""
    options = folder / 'gateway.conf'
    options.write_text(
        f"""
[api]
port = 0
[backend]
type = blazar
[blazar]
endpoint = {upstream.endpoint}
[database]
connection = sqlite:///{folder}/gateway.db
[delivery]
worker = false
[notifications]
listener = false
[subscriptions]
secret_key = {vault.new_key()}
[keystone_authtoken]
www_authenticate_uri = {upstream.keystone}
auth_type = password
auth_url = {upstream.keystone}/v3
username = {user}
user_domain_name = Default
password = {password}
project_name = {user}
project_domain_name = Default
"""
    )
    command = [sys.executable, '-m', 'blazarclient.server.gateway']
    subprocess.run([*command, 'db', 'upgrade', '--config-file', options], check=True)
    with subprocess.Popen(
        [*command, 'api', '--config-file', options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            _, found, address = line.partition('listening on ')
            if found:
                break
        else:
            raise SystemExit('The gateway does not start.')
        try:
            yield address.split()[0]
        finally:
            process.terminate()
            process.stderr.read()


def token_of(keystone: str, user: str, project: str, password: str) -> str:
    """A token of a user, from a Keystone."""
    domain = {'name': 'Default'}
    identity = {
        'methods': ['password'],
        'password': {'user': {'name': user, 'domain': domain, 'password': password}},
    }
    scope = {'project': {'name': project, 'domain': domain}}
    body = json.dumps({'auth': {'identity': identity, 'scope': scope}}).encode()
    request = urllib.request.Request(
        f'{keystone}/v3/auth/tokens', body, {'Content-Type': 'application/json'}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        token: str = answer.headers['X-Subject-Token']
        return token


# --------------------------------------------------------------------- measuring


def measure(upstream: Upstream, address: str, gets: int, lists: int) -> list[tuple[str, ...]]:
    """The cells of the table."""
    direct = Web(upstream.endpoint, upstream.token, '1.0')
    leases = json.loads(direct.get('/v1/leases')[1])['leases']
    one = f'/v1/leases/{leases[-1]["id"]}'
    rows: list[tuple[str, ...]] = []
    for microversion, limit in ADDED.items():
        through = Web(address, upstream.token, microversion)
        first, second = in_turns(direct, through, one, gets)
        added = (second - first) * MS
        rows.append(
            (
                f'GET of a lease at {microversion}, p50',
                f'{first * MS:.2f} ms',
                f'{second * MS:.2f} ms',
                f'{added:+.2f} ms',
                f'{limit:.0f} ms',
                'yes' if added <= limit else 'NO',
            )
        )
    for microversion in ADDED:
        through = Web(address, upstream.token, microversion)
        first, second = in_turns(direct, through, '/v1/leases', lists)
        rows.append(
            (
                f'list of {len(leases):,} leases at {microversion}, p50',
                f'{first:.3f} s',
                f'{second:.3f} s',
                f'{second / first:.2f}',
                f'{RATIO:.1f}',
                'yes' if second <= RATIO * first else 'NO',
            )
        )
    return rows


def in_turns(direct: Web, through: Web, path: str, times: int) -> tuple[float, float]:
    """The medians of both."""
    took: tuple[list[float], list[float]] = ([], [])
    for web in (direct, through):
        web.get(path)
    for _ in range(times):
        for web, seconds in zip((direct, through), took, strict=True):
            seconds.append(web.get(path)[0])
    return statistics.median(took[0]), statistics.median(took[1])


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--gets', type=int, default=1_000)
    parser.add_argument('--lists', type=int, default=15)
    parser.add_argument('--leases', type=int, default=LEASES)
    parser.add_argument('--endpoint', help='a real Blazar, without /v1')
    parser.add_argument('--keystone', help='its Keystone, without /v3')
    parser.add_argument('--database', help='its database, as an URL of SQLAlchemy')
    parser.add_argument('--user', default='admin', help='who asks, in a project of the same name')
    parser.add_argument('--append', action='store_true', help='add to the table that is there')
    parser.add_argument('--output', type=Path, default=Path(TABLE))
    given = parser.parse_args()
    password = os.environ.get('OS_PASSWORD', f'{given.user}-secret')
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if given.endpoint:
            token = token_of(given.keystone, given.user, given.user, password)
            upstream, what = Upstream(given.endpoint, given.keystone, token), 'a Blazar 18.0.0'
            make_lease(upstream)
            multiply(given.database, given.leases)
        else:
            upstream = stack.enter_context(sandbox(folder, given.leases))
            what = 'a sandbox'
        address = stack.enter_context(gateway(upstream, folder, given.user, password))
        rows = measure(upstream, address, given.gets, given.lists)
    about = (
        f'A gateway, which is one process, before {what}; in turns {given.gets:,} GETs of one '
        f'lease and {given.lists} lists, directly at 1.0 and through the gateway, one after the '
        'other on connections that are kept where the server keeps them.'
    )
    text = table('python -m tests.benchmarks.pass_through', about, HEADINGS, rows)
    if given.append:
        text = '\n'.join([given.output.read_text(), *text.splitlines()[2:], ''])
    given.output.write_text(text)
    print(text)


if __name__ == '__main__':
    main()
