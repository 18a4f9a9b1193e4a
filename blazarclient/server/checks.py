"""What options have to say together, told before anything begins.

An error names the option, what is wrong with it and what would be right; it never shows a key, a
password or the user of a URL.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Sequence
from importlib import metadata

from oslo_config import cfg

from blazarclient.server.objects import releases
from blazarclient.server.vault import BadKey, Vault

__all__ = ['check', 'check_listener']

#: A service pinned to it has no subscriptions, and needs no key.
_WITHOUT_SUBSCRIPTIONS = '1.0'


def check(config: cfg.ConfigOpts) -> None:
    """Look at the options that every command needs but those for the tables.

    :raises oslo_config.cfg.Error: for the first that is missing or cannot be.
    """
    for each in (_backend, _secret_key, _transport_url, _loopback):
        each(config)


def check_listener(config: cfg.ConfigOpts) -> None:
    """Look at what a listener needs besides.

    :raises oslo_config.cfg.Error: it has nothing to listen to.
    """
    if config.backend.type != 'blazar':
        raise cfg.Error(
            '[backend] type is embedded: there is no Blazar to listen to. A listener needs '
            'type = blazar.'
        )


def _backend(config: cfg.ConfigOpts) -> None:
    if config.backend.type == 'blazar' and not config.blazar.endpoint:
        raise cfg.Error(
            '[blazar] endpoint has to be set where [backend] type is blazar: the address at which '
            'Blazar itself answers, without /v1, such as http://blazar.internal:1234.'
        )


def _secret_key(config: cfg.ConfigOpts) -> None:
    keys: Sequence[str] = config.subscriptions.secret_key
    if not keys:
        if releases.newest(config.upgrade.pin) == _WITHOUT_SUBSCRIPTIONS:
            return
        raise cfg.Error(
            '[subscriptions] secret_key has to be set: the secrets of subscriptions are encrypted '
            'with it. "blazar-gateway secret-key" prints a new one; all processes of this service '
            'need the same.'
        )
    try:
        Vault(keys)
    except BadKey as error:
        raise cfg.Error(f'[subscriptions] secret_key: {error}') from None


def _transport_url(config: cfg.ConfigOpts) -> None:
    given: str | None = config.notifications.transport_url
    if not given:
        return
    known = sorted({each.name for each in metadata.entry_points(group='oslo.messaging.drivers')})
    scheme, found, rest = given.partition('://')
    if not found or scheme.partition('+')[0] not in known:
        raise cfg.Error(
            '[notifications] transport_url has to begin with the name of a driver, such as '
            f'rabbit://; known are: {", ".join(known)}.'
        )
    # The last part is the virtual host; the others are several servers.
    authority = rest.partition('/')[0].partition('?')[0]
    if not all(_is_server(each) for each in authority.split(',')):
        raise cfg.Error(
            '[notifications] transport_url is no address. It is written like rabbit://user:password'
            '@host:5672/virtual_host; characters with a meaning of their own (@ : / ?) in a '
            'password have to be %-encoded.'
        )


def _is_server(text: str) -> bool:
    try:
        split = urllib.parse.urlsplit(f'//{text}')
        return split.port is None or bool(split.hostname)
    except ValueError:
        return False


def _loopback(config: cfg.ConfigOpts) -> None:
    if config.delivery.allow_loopback and not _is_loopback(config.api.host):
        raise cfg.Error(
            '[delivery] allow_loopback is for tests: it lets whoever may subscribe reach what '
            f'listens on this machine. [api] host has to be 127.0.0.1 then, and is '
            f'{config.api.host}.'
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'
