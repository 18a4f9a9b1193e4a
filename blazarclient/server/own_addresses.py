"""The service's own addresses: where no webhook may go, whatever a site allows.

Those of this machine, of the service behind this one, and of the database and the message bus. A
loopback address is not among them: it has a rule of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from oslo_config import cfg

__all__ = ['own_addresses']

#: Asks Linux for the IPv4 address of an interface (netdevice(7)).
_SIOCGIFADDR = 0x8915
#: Where Linux lists the IPv6 addresses of all interfaces.
_IF_INET6 = Path('/proc/net/if_inet6')


def own_addresses(config: cfg.ConfigOpts) -> tuple[str, ...]:
    """The addresses, each as a network of one, as they are at this moment.

    A name that cannot be resolved now has none.
    """
    found = {*_of_this_machine()}
    for name in _names(config):
        found.update(_resolved(name))
    own = {ipaddress.ip_address(each.partition('%')[0]) for each in found}
    return tuple(
        str(ipaddress.ip_network(each))
        for each in sorted(own, key=lambda one: (one.version, int(one)))
        if not each.is_loopback and not each.is_unspecified
    )


def _names(config: cfg.ConfigOpts) -> Iterator[str]:
    """The hosts that the options name."""
    yield config.api.host
    urls = [config.blazar.endpoint, config.database.connection]
    # A bus may have several hosts, with commas between them.
    urls += (config.notifications.transport_url or '').split(',')
    for url in filter(None, urls):
        with contextlib.suppress(ValueError):
            parts = urlsplit(url if '//' in url else f'//{url}')
            if parts.hostname:
                yield parts.hostname


def _resolved(name: str) -> Iterator[str]:
    with contextlib.suppress(ValueError):
        yield str(ipaddress.ip_address(name))
        return
    with contextlib.suppress(OSError, UnicodeError):
        for *_, address in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
            yield str(address[0])


def _of_this_machine() -> Iterator[str]:
    """The addresses of the network interfaces, as Linux tells them; nobody else is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                asked = struct.pack('256s', name.encode()[:15])
                answer = fcntl.ioctl(any_socket.fileno(), _SIOCGIFADDR, asked)
                yield socket.inet_ntoa(answer[20:24])
    with contextlib.suppress(OSError):
        for line in _IF_INET6.read_text().splitlines():
            yield str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])))
