"""Secrets as they are kept in the database: encrypted, with keys that only the service has."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

__all__ = ['BadKey', 'Vault', 'new_key', 'new_secret']


class BadKey(ValueError):
    """A key that is none, or not the one that something was encrypted with."""


def new_key() -> str:
    """A new key: 32 random bytes in URL-safe base64."""
    return Fernet.generate_key().decode()


def new_secret() -> str:
    """A new secret to sign with, as Standard Webhooks writes it: 32 random bytes."""
    return f'whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}'


class Vault:
    """Encrypts with the first of some keys, and decrypts with each.

    :raises BadKey: for what is no key; the error does not show it.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise BadKey('There is no key to encrypt secrets with.')
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, UnicodeError):
            raise BadKey(
                'A key has to be 32 bytes in URL-safe base64, as "blazar-gateway secret-key" '
                'prints.'
            ) from None

    def encrypt(self, secret: str) -> str:
        """What is kept of a secret."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, kept: str) -> str:
        """The secret again.

        :raises BadKey: it was encrypted with a key that is not among these.
        """
        try:
            return self._fernet.decrypt(kept.encode()).decode()
        except InvalidToken:
            raise BadKey(
                'A secret was encrypted with a key that [subscriptions] secret_key does not name.'
            ) from None
