"""The clouds.yaml of a sandbox: a cloud for each of its users."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blazarclient.server.sandbox.identity import REGION
from blazarclient.server.sandbox.users import USERS, User

__all__ = ['NotOurs', 'default_path', 'written']

_FIRST_LINE = '# Written by `blazar sandbox`, and removed when it ends.\n'


class NotOurs(Exception):
    """A file that somebody else has written."""


def default_path(port: int) -> Path:
    """Where the file belongs when nobody says: in a folder that only this user can read.

    The port is in the path, so that a sandbox that is started again is found where it was.
    """
    base = os.environ.get('XDG_CACHE_HOME') or Path('~/.cache').expanduser()
    folder = Path(base) / 'blazar-sandbox'
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    # Some users, such as a container's, have no home.
    own = folder if writable else Path(tempfile.mkdtemp(prefix='blazar-sandbox-'))
    return own / str(port) / 'clouds.yaml'


@contextlib.contextmanager
def written(path: Path, address: str) -> Iterator[None]:
    """Write the file, and remove it in the end.

    :param address: the sandbox's.
    :raises NotOurs: when there is a file that no sandbox has written; it stays as it is.
    :raises OSError: when it cannot be written.
    """
    if path.exists() and not path.read_text(errors='replace').startswith(_FIRST_LINE):
        raise NotOurs(
            f'{path} exists already, and no sandbox has written it. Move it away, or name '
            'another file with --config-file.'
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = _FIRST_LINE + 'clouds:\n' + ''.join(_cloud(user, address) for user in USERS.values())
    # Who waits for the file must not read half of it.
    half = path.with_name(f'.{path.name}.{secrets.token_hex(4)}')
    half.write_text(text)
    half.chmod(0o600)
    half.replace(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            # Another sandbox may have taken the place.
            if path.read_text() == text:
                path.unlink()


def _cloud(user: User, address: str) -> str:
    return f"""\
  {user.name}:
    auth_type: v3password
    auth:
      auth_url: {address}/identity/v3
      username: {user.name}
      password: {user.password}
      project_name: {user.project_name}
      user_domain_name: Default
      project_domain_name: Default
    region_name: {REGION}
    interface: public
    identity_api_version: '3'
"""
