"""Where the URL of a webhook leads, read without any benefit of the doubt.

Programs differ in what they make of an odd URL: ``http://2130706433/`` is 127.0.0.1 to some and a
name to others. What is not plain is refused, so that what is judged is what is connected to.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re

from blazarclient.server import errors
from blazarclient.server.delivery.addresses import Address

__all__ = ['Target', 'read']

_URL = re.compile(
    r'(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>[^#]*).*', re.I
)
_AUTHORITY = re.compile(r'(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5})?)?', re.I)
#: Everything that may stand in a URL, but for the backslash that some take for a slash.
_PLAIN = re.compile(r'[!-\[\]-~]+')
_LABEL = re.compile(r'[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?', re.I)
#: The last part of what somebody might take for an IPv4 address.
_NUMBER = re.compile(r'[0-9]+|0x[0-9a-f]*', re.I)
_PORTS = {'http': 80, 'https': 443}
_LONGEST = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts."""

    #: ``http`` or ``https``.
    scheme: str
    #: As it is resolved: lower case, an IPv6 address without its brackets.
    host: str
    port: int
    #: Path and query.
    path: str
    #: What ``host`` is when it is no name.
    address: Address | None

    @property
    def origin(self) -> str:
        """What may be shown and logged: a path or query may hold a token."""
        return f'{self.scheme}://{self.host_header}'

    @property
    def host_header(self) -> str:
        """``Host``: with brackets, and the port where it is not the scheme's own."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f'{host}:{self.port}'


@functools.lru_cache(1024)
def read(url: str) -> Target:
    """Read a URL.

    :raises blazarclient.server.errors.EndpointForbidden: naming what it has that it may not have.
    """
    if len(url) > _LONGEST:
        raise errors.EndpointForbidden(f'A URL has at most {_LONGEST} characters.')
    if not _PLAIN.fullmatch(url):
        raise errors.EndpointForbidden(
            'A URL has no spaces, backslashes and characters beyond ASCII: write a path with '
            '%-escapes, and a host in its ASCII form (xn--...).'
        )
    parts = _URL.fullmatch(url)
    if parts is None:
        raise errors.EndpointForbidden('A URL has to begin with http:// or https://.')
    if '@' in parts['authority']:
        raise errors.EndpointForbidden('A URL must not hold a user name or a password.')
    authority = _AUTHORITY.fullmatch(parts['authority'])
    if authority is None:
        raise errors.EndpointForbidden('The URL does not name a host, or not in a plain form.')
    scheme = parts['scheme'].lower()
    port = int(authority['port'] or _PORTS[scheme])
    if not 0 < port < 65536:
        raise errors.EndpointForbidden(f'{port} is no port.')
    host, address = _host(authority['host'].lower())
    path = parts['path'] or '/'
    return Target(scheme, host, port, path + parts['query'], address)


def _host(text: str) -> tuple[str, Address | None]:
    try:
        if text.startswith('['):
            address: Address = ipaddress.IPv6Address(text[1:-1])
            return str(address), address
        labels = text.removesuffix('.').split('.')
        if not _NUMBER.fullmatch(labels[-1]):
            if len(text) > 253 or not all(_LABEL.fullmatch(each) for each in labels):
                raise errors.EndpointForbidden(f'{text[:80]} is no name of a host.')
            return text, None
        address = ipaddress.IPv4Address(text)
        return text, address
    except ValueError:
        raise errors.EndpointForbidden(
            f'{text[:80]} is no address. Write 192.0.2.1 or [2001:db8::1].'
        ) from None
