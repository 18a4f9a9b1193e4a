"""For those who receive notifications: check a webhook, and read it.

::

    from blazarclient import webhooks

    notification = webhooks.unwrap(body, headers, secret)
    if notification.kind == 'lease.started':
        print(notification.lease.name)

A receiver answers with 2xx when it has taken a notification, and soon: after 15 seconds the service
sends it again. It may come twice, with the same ID; :class:`Repeats` remembers which were taken.

The signature is the one of Standard Webhooks (https://www.standardwebhooks.com), the body a
CloudEvent 1.0 in JSON.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import math
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence

from blazarclient import exception
from blazarclient.resources.notification import Notification
from blazarclient.versions import NEWEST, Spoken

__all__ = ['Repeats', 'WebhookRefused', 'new_secret', 'sign', 'unwrap', 'verify']

#: Seconds that a message may be old, or ahead of this machine's clock.
TOLERANCE = 300
_PREFIX = 'whsec_'


class WebhookRefused(exception.BlazarClientException):
    """A message that is not from the service, or not of now: answer it with 400."""

    code = 400


def unwrap(
    body: bytes | str, headers: Mapping[str, str], secret: str | Sequence[str]
) -> Notification:
    """Check a message, and read it.

    :param body: the body as it came, not read as JSON and written again.
    :param headers: its headers, in any case.
    :param secret: the subscription's secret, or several while it is being changed.
    :returns: the notification; its lease has the version that the service sent.
    :raises WebhookRefused: for whatever is wrong with the message.
    :raises blazarclient.exception.InvalidInput: for what is no secret.
    """
    verify(body, headers, secret)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise WebhookRefused('The body is no JSON.') from None
    if not isinstance(event, dict) or not isinstance(event.get('type'), str):
        raise WebhookRefused('The body is no CloudEvent: it has no type.')
    return Notification.read(event, Spoken(NEWEST, 'the message came to a webhook'), None)


def verify(body: bytes | str, headers: Mapping[str, str], secret: str | Sequence[str]) -> None:
    """Check that a message is from the service, and of now; the arguments are those of unwrap.

    :raises WebhookRefused: it is not.
    """
    keys = [_key(each) for each in ([secret] if isinstance(secret, str) else secret)]
    try:
        text = body if isinstance(body, str) else body.decode()
        data = text.encode()
    except UnicodeError:
        raise WebhookRefused('The body is no UTF-8.') from None
    identity, moment, given = _headers(headers)
    signed = f'{identity}.{_timestamp(moment)}.'.encode(errors='replace') + data
    expected = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    for each in given.split(' '):
        version, comma, signature = each.partition(',')
        if not comma or ',' in signature:
            raise WebhookRefused(f'webhook-signature has {each[:20]!r}, which is no signature.')
        if version != 'v1':
            continue
        try:
            found = base64.b64decode(signature)
        except (binascii.Error, ValueError):
            raise WebhookRefused('webhook-signature has one that is no base64.') from None
        if any(hmac.compare_digest(one, found) for one in expected):
            return
    raise WebhookRefused('No signature is that of the secret: somebody else has sent this.')


def sign(
    body: bytes | str, secret: str, *, id: str, timestamp: int | None = None
) -> dict[str, str]:
    """The headers that a message is signed with, for tests of receivers and for relays.

    :param timestamp: seconds since 1970; by default now.
    """
    moment = int(time.time()) if timestamp is None else timestamp
    data = body.encode() if isinstance(body, str) else body
    digest = hmac.digest(_key(secret), f'{id}.{moment}.'.encode() + data, hashlib.sha256)
    return {
        'webhook-id': id,
        'webhook-timestamp': str(moment),
        'webhook-signature': f'v1,{base64.b64encode(digest).decode()}',
    }


def new_secret() -> str:
    """A secret as the service makes them: 32 random bytes."""
    return f'{_PREFIX}{base64.b64encode(secrets.token_bytes(32)).decode()}'


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(f'{secret.removeprefix(_PREFIX)}==')
    except (binascii.Error, ValueError):
        key = b''
    if not key:
        raise exception.InvalidInput(
            'A secret is whsec_ and base64, as the answer to the making of the subscription shows '
            'it; this is something else.'
        )
    return key


def _headers(headers: Mapping[str, str]) -> tuple[str, str, str]:
    lowered = {str(name).lower(): value for name, value in headers.items()}
    names = ('webhook-id', 'webhook-timestamp', 'webhook-signature')
    found = [lowered.get(name) for name in names]
    for name, value in zip(names, found, strict=True):
        if not value or not isinstance(value, str):
            raise WebhookRefused(f'The header {name} is missing.')
    identity, moment, signature = (str(value) for value in found)
    return identity, moment, signature


def _timestamp(text: str) -> int:
    try:
        moment = float(text)
        whole = math.floor(moment)
    except (ValueError, OverflowError):
        raise WebhookRefused(f'webhook-timestamp {text[:20]!r} is no number of seconds.') from None
    if abs(time.time() - moment) > TOLERANCE:
        raise WebhookRefused(
            f'webhook-timestamp {text[:20]!r} is more than {TOLERANCE // 60} minutes from now: the '
            'message was sent long ago, or a clock is wrong.'
        )
    return whole


class Repeats:
    """Which notifications were taken: a service that had no answer sends one again.

    ::

        repeats = webhooks.Repeats('/var/lib/receiver/repeats.db')
        with repeats.first(notification.id) as is_first:
            if is_first:
                ...

    When the body of the ``with`` raises, the notification was not taken, and is the first again
    when it is sent again. Any number of threads and processes may share one file.

    :param path: an SQLite file, which is made.
    :param keep_days: days after which an ID is forgotten; the service sends for less than 15.
    :param patience: seconds after which whoever began with a notification is taken for dead.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, keep_days: float = 30, patience: float = 300
    ) -> None:
        self._path = os.fspath(path)
        self._keep = keep_days * 86400
        self._patience = patience
        with self._connected() as connection:
            connection.execute(
                'CREATE TABLE IF NOT EXISTS taken (id TEXT PRIMARY KEY, at REAL, done INTEGER)'
            )

    @contextlib.contextmanager
    def first(self, id: str) -> Iterator[bool]:
        """Whether nobody has taken this notification, or is at it.

        :param id: the notification's ID.
        """
        is_first = self._begin(id)
        try:
            yield is_first
        except BaseException:
            if is_first:
                with self._connected() as connection:
                    connection.execute('DELETE FROM taken WHERE id = ?', (id,))
            raise
        if is_first:
            with self._connected() as connection:
                connection.execute('UPDATE taken SET done = 1 WHERE id = ?', (id,))

    def _begin(self, id: str) -> bool:
        now = time.time()
        with self._connected() as connection:
            connection.execute(
                'DELETE FROM taken WHERE at < ? OR (NOT done AND at < ?)',
                (now - self._keep, now - self._patience),
            )
            made = connection.execute('INSERT OR IGNORE INTO taken VALUES (?, ?, 0)', (id, now))
            return made.rowcount == 1

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.execute('BEGIN IMMEDIATE')
            yield connection
            connection.execute('COMMIT')
        finally:
            connection.close()
