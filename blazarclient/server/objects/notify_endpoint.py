"""Where notifications are sent: what ``notify_endpoint`` of a subscription may say.

Either ``{"url": "https://ci.example/hook"}``, or the form of the first blueprint,
``{"ip_address": "10.0.0.1", "port": 8217}`` with ``scheme`` and ``path`` where they are not
``http`` and ``/``. Pure: whether notifications may go there is asked elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, Self
from urllib.parse import urlsplit

import idna

from blazarclient.server import errors
from blazarclient.server.objects.request_values import shown

__all__ = ['LONGEST', 'NotifyEndpoint']

#: Characters of the longest URL.
LONGEST = 2048
_PORTS = {'http': 80, 'https': 443}
_URL_FIELDS = frozenset({'url'})
_ADDRESS_FIELDS = frozenset({'ip_address', 'port', 'scheme', 'path'})
#: RFC 3986's characters; a browser would take the backslash for a slash.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
_BAD_PERCENT = re.compile(r'%(?![0-9A-Fa-f]{2})')
_AUTHORITY = re.compile(r'(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?')
_LABEL = re.compile(r'[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?')
#: What a resolver may take for an address: 127.1, 0x7f000001, 2130706433.
_NUMBER = re.compile(r'[0-9]+|0[xX][0-9A-Fa-f]*')
_LONGEST_HOST = 253


class NotifyEndpoint(NamedTuple):
    """An endpoint that can be one."""

    #: As it was given.
    given: dict[str, Any]
    #: What is called: the host in lower case and in ASCII, and always with a path.
    url: str
    #: ``host:port``, an IPv6 address in brackets.
    endpoint: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an endpoint in either form.

        :raises blazarclient.server.errors.InvalidInput: it is none.
        """
        if not isinstance(value, Mapping):
            _refuse(value, 'it has to be an object such as {"url": "https://ci.example/hook"}')
        unknown = value.keys() - _URL_FIELDS - _ADDRESS_FIELDS
        if unknown:
            known = ', '.join(sorted(_URL_FIELDS | _ADDRESS_FIELDS))
            _refuse(value, f'{min(map(str, unknown))!r} is no field of it; known are {known}')
        if 'ip_address' not in value:
            if value.keys() != _URL_FIELDS:
                _refuse(value, 'it has to have "url", or "ip_address" and "port"')
            return cls({'url': value['url']}, *_normal(value['url']))
        given = {name: each for name, each in value.items() if name != 'url'}
        url, endpoint = _normal(_joined(given))
        # What an answer has shown may come back.
        if value.get('url', url) != url:
            _refuse(value, f'its "url" is {url}, as its other fields say; leave it out')
        return cls(given, url, endpoint)


def _joined(value: Mapping[str, Any]) -> str:
    """The URL of an address and a port."""
    text = value['ip_address']
    try:
        # A number would be taken for an address, too.
        address = ipaddress.ip_address(text if isinstance(text, str) else '')
    except ValueError:
        _refuse(text, 'it has to be an IPv4 or IPv6 address', 'ip_address')
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        _refuse(text, 'it must not name a zone', 'ip_address')
    port = value.get('port')
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        _refuse(port, 'it has to be a number from 1 to 65535', 'port')
    scheme, path = value.get('scheme', 'http'), value.get('path', '/')
    if not isinstance(scheme, str) or scheme not in _PORTS:
        _refuse(scheme, 'it has to be "http" or "https"', 'scheme')
    if not isinstance(path, str) or not path.startswith('/'):
        _refuse(path, 'it has to begin with a slash', 'path')
    host = f'[{address}]' if address.version == 6 else str(address)
    return f'{scheme}://{host}:{port}{path}'


def _normal(url: object) -> tuple[str, str]:
    """A URL as it is called, and its endpoint."""
    if not isinstance(url, str):
        _refuse(url, 'it has to be a text such as "https://ci.example/hook"', 'url')
    if len(url) > LONGEST:
        _refuse(url, f'it has more than {LONGEST} characters', 'url')
    # Python drops some of these without a word.
    if any(each <= ' ' or each == '\x7f' or each == '\\' for each in url):
        _refuse(url, 'it must have no spaces, control characters or backslashes', 'url')
    try:
        parts = urlsplit(url)
    except ValueError:
        _refuse(url, 'it is no URL', 'url')
    if parts.scheme not in _PORTS:
        _refuse(url, 'it has to begin with http:// or https://', 'url')
    if not url[len(parts.scheme) :].startswith('://') or not parts.netloc:
        _refuse(url, 'it names no host', 'url')
    if '@' in parts.netloc:
        # Not shown: it may hold a password.
        _refuse(url, 'a user or a password must not stand in it', 'url', is_shown=False)
    if '#' in url:
        _refuse(url, 'a fragment (#) is never sent; leave it out', 'url')
    rest = (parts.path or '/') + (f'?{parts.query}' if parts.query else '')
    if not _CHARACTERS.fullmatch(rest) or _BAD_PERCENT.search(rest):
        _refuse(url, 'other characters than those of URLs are written as %XX in it', 'url')
    found = _AUTHORITY.fullmatch(parts.netloc)
    if found is None:
        _refuse(url, 'what stands between // and / is no host with or without a port', 'url')
    host, port = _host(found[1], url), _port(found[2], url)
    authority = host if port is None else f'{host}:{port}'
    normal = f'{parts.scheme}://{authority}{rest}'
    if len(normal) > LONGEST:
        _refuse(url, f'it has more than {LONGEST} characters', 'url')
    return normal, f'{host}:{port or _PORTS[parts.scheme]}'


def _port(text: str | None, url: str) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r'[0-9]{1,5}', text) or not 0 < int(text) < 65536:
        _refuse(url, 'its port has to be a number from 1 to 65535', 'url')
    return int(text)


def _host(text: str, url: str) -> str:
    """A host in lower case: an address, or a name in ASCII."""
    if text.startswith('['):
        try:
            address = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            _refuse(url, 'what stands in brackets has to be an IPv6 address', 'url')
        if address.scope_id is not None:
            _refuse(url, 'an address in it must not name a zone', 'url')
        return f'[{address}]'
    name = text.lower().removesuffix('.')
    if not name.isascii():
        try:
            name = idna.encode(text, uts46=True).decode().removesuffix('.')
        except (idna.IDNAError, UnicodeError):
            _refuse(url, 'its host is no name that the DNS can have', 'url')
    labels = name.split('.')
    if len(name) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, labels)):
        _refuse(url, 'its host is no name that the DNS can have', 'url')
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            _refuse(url, 'an IPv4 address is written as four decimal numbers', 'url')
    return name


def _refuse(value: object, why: str, field: str = '', *, is_shown: bool = True) -> NoReturn:
    name = f'notify_endpoint.{field}' if field else 'notify_endpoint'
    what = f'{name} = {shown(value)}' if is_shown else name
    raise errors.InvalidInput(f'{what} cannot be: {why}.')
