"""The loopback server as run.py sees it: starting it, telling clients of it, its count."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.benchmarks.environments import ROOT

USER = {
    'username': 'alice',
    'password': 'secret',
    'project_name': 'research',
    'user_domain_name': 'Default',
    'project_domain_name': 'Default',
}
#: What a person writes; what our own reader leaves to openstacksdk; the type that asks no version.
CLOUDS = {'plain': '', 'profile': 'profile: benchmark', 'v3password': 'auth_type: v3password'}


class Service:
    """A running server; end it by leaving its context."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process = subprocess.Popen(
            (sys.executable, '-m', 'tests.benchmarks.server', str(home / 'leases')),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.address = f'http://127.0.0.1:{int(self.process.stdout.readline())}'

    def __enter__(self) -> 'Service':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.communicate(timeout=30)

    def auth_url(self, size: int) -> str:
        """Keystone's address of the cloud with so many leases."""
        return f'{self.address}/{size}/identity/v3'

    def cloud(self, size: int, name: str = 'plain') -> Mapping[str, str]:
        """Environment variables that choose a cloud of a clouds.yaml, which is written here."""
        folder = self.home / 'clouds' / f'{size}-{name}'
        folder.mkdir(parents=True, exist_ok=True)
        lines = ['clouds:', '  benchmark:', '    auth:', f'      auth_url: {self.auth_url(size)}']
        lines += [f'      {key}: {value}' for key, value in USER.items()]
        lines += ['    region_name: RegionOne', '    interface: public']
        lines += [f'    {CLOUDS[name]}'] if CLOUDS[name] else []
        (folder / 'clouds.yaml').write_text('\n'.join([*lines, '']))
        profiles = folder / 'openstack' / 'clouds-public.yaml'
        profiles.parent.mkdir(exist_ok=True)
        profiles.write_text('public-clouds:\n  benchmark:\n    floating_ip_source: neutron\n')
        return {
            'OS_CLIENT_CONFIG_FILE': str(folder / 'clouds.yaml'),
            'OS_CLOUD': 'benchmark',
            'XDG_CONFIG_HOME': str(folder),
        }

    def variables(self, size: int) -> Mapping[str, str]:
        """The same cloud in environment variables, without any file."""
        named = {f'OS_{key.upper()}': value for key, value in USER.items()}
        return {
            **named,
            'OS_AUTH_URL': self.auth_url(size),
            'OS_REGION_NAME': 'RegionOne',
            'OS_INTERFACE': 'public',
        }

    def requests(self) -> list[str]:
        """Method and path of each request since the last call of this."""
        with urllib.request.urlopen(f'{self.address}/-/requests', timeout=30) as answer:
            asked: list[str] = json.load(answer)
        return asked
