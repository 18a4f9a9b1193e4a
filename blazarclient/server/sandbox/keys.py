"""The key with which a sandbox encrypts the secrets of subscriptions.

It has to live as long as the database: what it has encrypted cannot be read with another one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import sqlalchemy as sa

__all__ = ['kept_in', 'key_for']

_BYTES = 32


def key_for(url: sa.URL) -> str:
    """The key for a database: 32 bytes in URL-safe base64.

    In memory, a new one. Beside a file, the one in the file :func:`kept_in`. For a server, one
    that follows from the URL with its password, so that all sandboxes on it have the same.

    :raises OSError: the file with the key cannot be read or written.
    """
    if url.get_backend_name() != 'sqlite':
        text = url.render_as_string(hide_password=False)
        return _encoded(hashlib.sha256(f'sandbox {text}'.encode()).digest())
    path = kept_in(url)
    if path is None:
        return _encoded(secrets.token_bytes(_BYTES))
    with contextlib.suppress(FileExistsError):
        _keep(path, _encoded(secrets.token_bytes(_BYTES)))
    return path.read_text().strip()


def kept_in(url: sa.URL) -> Path | None:
    """The file beside a database that its key is in; None where it is in none."""
    if url.get_backend_name() != 'sqlite' or url.database in {None, '', ':memory:'}:
        return None
    path = Path(url.database or '')
    return path.with_name(f'{path.name}.secret-key')


def _keep(path: Path, key: str) -> None:
    """Write a key, unless another process has done so.

    :raises FileExistsError: it has.
    """
    # Nobody may read half of a key, and only this user any of it.
    whole = path.with_name(f'.{path.name}.{secrets.token_hex(4)}')
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'w') as file:
        file.write(f'{key}\n')
    try:
        os.link(whole, path)
    finally:
        whole.unlink()


def _encoded(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()
