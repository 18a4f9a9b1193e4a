"""Which addresses a webhook may go to: a table of our own, and nothing else.

``ipaddress.is_global`` calls global what a tunnel or a translator takes to 127.0.0.1, so the table
is written from the registries themselves: IANA's IPv4 and IPv6 Special-Purpose Address Registries,
the multicast registries, and "Internet Protocol Version 6 Address Space", by which everything
outside of 2000::/3 is nobody's. An IPv6 address that stands for an IPv4 address is judged by that
one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from blazarclient.server import errors

__all__ = ['Address', 'Network', 'is_forbidden', 'networks']

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Refused, but where a sandbox receives its own notifications.
_LOOPBACK = ('127.0.0.0/8', '::1/128')

#: Refused whatever the options say.
_NEVER = (
    '0.0.0.0/8',  # this host, which is what Linux takes 0.0.0.0 for
    '169.254.0.0/16',  # link-local, and what a cloud tells its machines (169.254.169.254)
    '224.0.0.0/4',  # multicast
    '255.255.255.255/32',  # broadcast
    '168.63.129.16/32',  # what other clouds tell their machines
    '100.100.100.200/32',
    '192.0.0.192/32',
    'fd00:ec2::/32',
    '::/128',  # unspecified
    'fe80::/10',  # link-local
    'ff00::/8',  # multicast
    '64:ff9b:1::/48',  # NAT64 of a site: only the site knows where in it the IPv4 address stands
)

#: Refused where the options do not name them.
_PRIVATE = (
    '10.0.0.0/8',  # private
    '100.64.0.0/10',  # carrier-grade NAT
    '172.16.0.0/12',  # private
    '192.0.0.0/24',  # protocol assignments
    '192.0.2.0/24',  # documentation
    '192.31.196.0/24',  # AS112: whichever name server is nearest
    '192.52.193.0/24',  # automatic multicast tunneling
    '192.88.99.0/24',  # 6to4 relays
    '192.168.0.0/16',  # private
    '192.175.48.0/24',  # AS112
    '198.18.0.0/15',  # benchmarking
    '198.51.100.0/24',  # documentation
    '203.0.113.0/24',  # documentation
    '240.0.0.0/4',  # reserved
    '::/3',  # nobody's, but for what stands for an IPv4 address
    '2001::/23',  # protocol assignments: benchmarking, ORCHID and others, but for Teredo
    '2001:db8::/32',  # documentation
    '2620:4f:8000::/48',  # AS112
    '3fff::/20',  # documentation
    '4000::/2',  # nobody's; 5f00::/16 segment routing
    '8000::/1',  # nobody's; fc00::/7 unique local, fec0::/10 site-local
)

#: IPv6 networks whose addresses stand for an IPv4 address, and how many bits stand after it.
_TRANSLATED = (
    ('::/96', 0),  # IPv4-compatible
    ('::ffff:0:0/96', 0),  # IPv4-mapped
    ('64:ff9b::/96', 0),  # NAT64
    ('2002::/16', 80),  # 6to4
    ('2001::/32', 64),  # Teredo: its server
)
#: Teredo writes the IPv4 address of the receiver with all bits turned, at the end.
_TEREDO = ipaddress.IPv6Network('2001::/32')
_32_BITS = 0xFFFFFFFF


def networks(texts: Iterable[str], option: str) -> tuple[Network, ...]:
    """Networks as an option names them: ``10.0.0.0/8``, or one address.

    :param option: which option, for the error.
    :raises blazarclient.server.errors.InvalidInput: for a text that names no network.
    """
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            raise errors.InvalidInput(f'{option}: {error}.') from None
    return tuple(found)


def is_forbidden(
    address: Address,
    allow: Sequence[Network] = (),
    deny: Sequence[Network] = (),
    *,
    allow_loopback: bool = False,
) -> bool:
    """Whether a webhook may not go to an address.

    :param allow: private networks to which it may go all the same.
    :param deny: networks to which it may not go, whatever else is said.
    :param allow_loopback: whether it may go to this machine.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return True
    if _within(address, deny) or _within(address, _NEVER_NETWORKS):
        return True
    if _within(address, _LOOPBACK_NETWORKS):
        return not allow_loopback
    inside = [*_inside(address)]
    if inside:
        return any(
            is_forbidden(each, allow, deny, allow_loopback=allow_loopback) for each in inside
        )
    return _within(address, _PRIVATE_NETWORKS) and not _within(address, allow)


def _inside(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for: where packets to it end up."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    number = int(address)
    for network, after in _TRANSLATED_NETWORKS:
        if address in network:
            yield ipaddress.IPv4Address(number >> after & _32_BITS)
    if address in _TEREDO:
        yield ipaddress.IPv4Address(~number & _32_BITS)


def _within(address: Address, some: Sequence[Network]) -> bool:
    return any(address in each for each in some)


_NEVER_NETWORKS = networks(_NEVER, 'never')
_LOOPBACK_NETWORKS = networks(_LOOPBACK, 'loopback')
_PRIVATE_NETWORKS = networks(_PRIVATE, 'private')
_TRANSLATED_NETWORKS = tuple((ipaddress.IPv6Network(each), after) for each, after in _TRANSLATED)
