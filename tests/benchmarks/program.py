"""What a user's script does with the SDK, once written for 4.6.0 and once for this package.

Run by run.py with the Python of the environment that is measured, as
``program.py VERB STYLE AUTH_URL [NAME]``, where STYLE is ``upstream`` or ``ours``. Prints what it
found as JSON, so that run.py can see that both did the same work.
"""

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests
from keystoneauth1 import session as keystone
from keystoneauth1.identity import v3

from blazarclient import client as blazar

FIELDS = ['id', 'name', 'start_date', 'end_date']
GETS = 1000
BLOCK = 100


class Script:
    """A client of one cloud, and the calls that differ between the two packages."""

    def __init__(self, style: str, auth_url: str) -> None:
        self.upstream = style == 'upstream'
        auth = v3.Password(
            auth_url=auth_url,
            username='alice',
            password='secret',
            project_name='research',
            user_domain_name='Default',
            project_domain_name='Default',
        )
        self.session = keystone.Session(auth=auth)
        self.client: Any = blazar.Client('1', session=self.session, service_type='reservation')

    def leases(self) -> list[Any]:
        """Every lease."""
        found: list[Any] = self.client.lease.list() if self.upstream else self.client.leases.list()
        return found

    def named(self, name: str) -> str:
        """Id of the lease of this name."""
        if self.upstream:
            utils = importlib.import_module('blazarclient.utils')
            pattern = '[0-9a-f]{8}-[0-9a-f]{4}-'
            return str(
                utils.find_resource_id_by_name_or_id(self.client, 'lease', name, 'name', pattern)
            )
        return str(self.client.leases.find(name)['id'])

    def get(self, lease_id: str) -> Mapping[str, Any]:
        """One lease."""
        manager = self.client.lease if self.upstream else self.client.leases
        found: Mapping[str, Any] = manager.get(lease_id)
        return found

    def show(self, name: str) -> Mapping[str, Any]:
        """The lease of this name."""
        if self.upstream:
            return self.get(self.named(name))
        found: Mapping[str, Any] = self.client.leases.find(name)
        return found

    def prolong(self, name: str) -> None:
        """Let the lease of this name end an hour later."""
        if self.upstream:
            self.client.lease.update(lease_id=self.named(name), prolong_for='1h')
        else:
            self.client.leases.find(name).extend('1h')

    def few_fields(self) -> Iterable[Mapping[str, Any]]:
        """Four fields of every lease."""
        if self.upstream:
            return [{name: lease[name] for name in FIELDS} for lease in self.client.lease.list()]
        found: Iterable[Mapping[str, Any]] = self.client.leases.list(fields=FIELDS)
        return found

    def raw(self) -> tuple[str, dict[str, str]]:
        """Blazar's address and the headers that a client without any library would send."""
        address = self.session.get_endpoint(service_type='reservation', interface='public')
        headers = {
            'Accept': 'application/json',
            'OpenStack-API-Version': 'reservation 1.0',
            'User-Agent': 'bare',
            'X-Auth-Token': str(self.session.get_token()),
        }
        return str(address).removesuffix('/v1') + '/v1', headers

    def asked(self, auth_url: str, call: Callable[[], object]) -> int:
        """Number of requests that a call makes."""
        address = auth_url[: auth_url.index('/', len('http://'))] + '/-/requests'
        requests.get(address, timeout=60)
        call()
        return len(requests.get(address, timeout=60).json())


def list_all(script: Script) -> dict[str, int]:
    """List every lease and look at each."""
    leases = script.leases()
    return {'count': len(leases), 'letters': sum(len(lease['name']) for lease in leases)}


def list_fields(script: Script) -> dict[str, int]:
    """List four fields of every lease, keep them all and look at each."""
    leases = list(script.few_fields())
    letters = sum(len(lease[name]) for lease in leases for name in FIELDS)
    return {'count': len(leases), 'letters': letters}


def decode(script: Script, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of listing every lease and, in turn, of json.loads of the same bytes."""
    address, headers = script.raw()
    body = requests.get(address + '/leases', headers=headers, timeout=60).content
    script.leases()
    measured: dict[str, list[float]] = {'client': [], 'json.loads': []}
    for _ in range(rounds):
        measured['client'].append(cpu_of(script.leases))
        measured['json.loads'].append(cpu_of(lambda: json.loads(body)))
    return measured


def gets(script: Script) -> dict[str, list[float]]:
    """CPU seconds per request of 1,000 gets and, in turns of 100, of the same by requests alone."""
    address, headers = script.raw()
    lease_id = script.leases()[0]['id']
    bare = requests.Session()
    bare.headers.update(headers)

    def by_client() -> None:
        for _ in range(BLOCK):
            script.get(lease_id)

    def by_requests() -> None:
        for _ in range(BLOCK):
            answer = bare.get(f'{address}/leases/{lease_id}')
            answer.json()['lease']

    script.get(lease_id)
    bare.get(f'{address}/leases/{lease_id}', timeout=60).json()
    measured: dict[str, list[float]] = {'client': [], 'requests': []}
    for _ in range(GETS // BLOCK):
        measured['client'].append(cpu_of(by_client) / BLOCK)
        measured['requests'].append(cpu_of(by_requests) / BLOCK)
    return measured


def count_requests(script: Script, auth_url: str, name: str) -> dict[str, int]:
    """Requests of a script that has its token already."""
    script.session.get_token()
    return {
        'list': script.asked(auth_url, script.leases),
        'show NAME': script.asked(auth_url, lambda: script.show(name)),
        'set --prolong-for NAME': script.asked(auth_url, lambda: script.prolong(name)),
    }


def cpu_of(call: Callable[[], object]) -> float:
    """CPU seconds of one call; freeing what it returns is not counted."""
    gc.collect()
    before = time.process_time()
    kept = call()
    spent = time.process_time() - before
    del kept
    return spent


def main() -> None:
    """Do what the command line says."""
    verb, style, auth_url, *rest = sys.argv[1:]
    script = Script(style, auth_url)
    verbs: dict[str, Callable[[], object]] = {
        'list': lambda: list_all(script),
        'fields': lambda: list_fields(script),
        'find': lambda: script.named(rest[0]),
        'decode': lambda: decode(script, int(rest[0])),
        'gets': lambda: gets(script),
        'requests': lambda: count_requests(script, auth_url, rest[0]),
    }
    print(json.dumps(verbs[verb]()))


if __name__ == '__main__':
    main()
