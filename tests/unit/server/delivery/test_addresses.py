"""Which addresses may be reached: a table to be read, and rules that hold for every address."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.delivery.addresses import Address, is_forbidden, networks
from blazarclient.server.delivery.outbound import Outbound

TEN = networks(['10.0.0.0/8'], 'test')

#: What stands in a URL between "http://" and "/"; whether it may be reached with the options as
#: they are, with ``allow_cidrs = 10.0.0.0/8``, and from a sandbox; and what it is.
TABLE = """
1.1.1.1                                  yes yes yes  somebody's
8.8.8.8                                  yes yes yes  somebody's
9.255.255.255                            yes yes yes  the last one before 10/8
11.0.0.0                                 yes yes yes  the first one after it
172.15.255.255                           yes yes yes  the last one before 172.16/12
172.32.0.0                               yes yes yes  the first one after it
223.255.255.255                          yes yes yes  the last one before multicast
[2606:4700:4700::1111]                   yes yes yes  somebody's
[2001:4860:4860::8888]                   yes yes yes  somebody's, though it begins with 2001
[2a00:1450:4001:80b::200e]               yes yes yes  somebody's
10.0.0.1                                 no  yes no   private, as the blueprint's example
10.255.255.255                           no  yes no   private
172.16.0.1                               no  no  no   private
172.31.255.255                           no  no  no   private
192.168.1.1                              no  no  no   private
100.64.0.1                               no  no  no   carrier-grade NAT
100.127.255.255                          no  no  no   carrier-grade NAT
127.0.0.1                                no  no  yes  loopback
127.255.255.254                          no  no  yes  loopback
[::1]                                    no  no  yes  loopback
0.0.0.0                                  no  no  no   this host, in other words
0.0.0.1                                  no  no  no   this network
[::]                                     no  no  no   unspecified
169.254.169.254                          no  no  no   what a cloud tells its machines
169.254.0.1                              no  no  no   link-local
[fe80::1]                                no  no  no   link-local
[febf::1]                                no  no  no   link-local
[fe80::a9fe:a9fe]                        no  no  no   what OpenStack tells its machines
[fd00:ec2::254]                          no  no  no   what another cloud tells its machines
168.63.129.16                            no  no  no   and one more
100.100.100.200                          no  no  no   and one more
224.0.0.1                                no  no  no   multicast
239.255.255.250                          no  no  no   multicast
[ff02::1]                                no  no  no   multicast
[ff0e::1]                                no  no  no   multicast, world-wide
255.255.255.255                          no  no  no   broadcast
240.0.0.1                                no  no  no   reserved
192.0.0.8                                no  no  no   protocol assignments
192.0.2.1                                no  no  no   documentation
198.51.100.7                             no  no  no   documentation
203.0.113.9                              no  no  no   documentation
[2001:db8::1]                            no  no  no   documentation
[3fff::1]                                no  no  no   documentation
198.18.0.1                               no  no  no   benchmarking
198.19.255.255                           no  no  no   benchmarking
[2001:2::1]                              no  no  no   benchmarking
192.88.99.1                              no  no  no   6to4 relays
192.31.196.1                             no  no  no   AS112
[2620:4f:8000::1]                        no  no  no   AS112
[fc00::1]                                no  no  no   unique local
[fdff::1]                                no  no  no   unique local
[fec0::1]                                no  no  no   site-local, which is_global calls global
[100::1]                                 no  no  no   discarded
[2001:10::1]                             no  no  no   ORCHID
[5f00::1]                                no  no  no   segment routing
[4000::1]                                no  no  no   nobody's
[::ffff:127.0.0.1]                       no  no  yes  IPv4-mapped loopback
[::ffff:7f00:1]                          no  no  yes  the same, in other digits
[::ffff:10.0.0.1]                        no  yes no   IPv4-mapped private
[::ffff:169.254.169.254]                 no  no  no   IPv4-mapped link-local
[::ffff:8.8.8.8]                         yes yes yes  IPv4-mapped, and somebody's
[::7f00:1]                               no  no  yes  IPv4-compatible loopback
[::10.0.0.1]                             no  yes no   IPv4-compatible private
[::8.8.8.8]                              yes yes yes  IPv4-compatible, and somebody's
[64:ff9b::7f00:1]                        no  no  yes  NAT64 of loopback
[64:ff9b::a9fe:a9fe]                     no  no  no   NAT64 of 169.254.169.254
[64:ff9b::a00:1]                         no  yes no   NAT64 of a private address
[64:ff9b::808:808]                       yes yes yes  NAT64 of somebody's
[64:ff9b:1::808:808]                     no  no  no   NAT64 of a site: who knows of what
[64:ff9b:2::1]                           no  no  no   nobody's
[2002:7f00:1::1]                         no  no  yes  6to4 of loopback
[2002:a9fe:a9fe::1]                      no  no  no   6to4 of 169.254.169.254
[2002:a00:1::1]                          no  yes no   6to4 of a private address
[2002:808:808::1]                        yes yes yes  6to4 of somebody's
[2001:0:7f00:1::f7f7:f7f7]               no  no  yes  Teredo with a server on loopback
[2001:0:808:808::80ff:fffe]              no  no  yes  Teredo of loopback
[2001:0:808:808::f5ff:fffe]              no  yes no   Teredo of a private address
[2001:0:808:808::f7f7:f7f7]              yes yes yes  Teredo of somebody's
[::ffff:0:127.0.0.1]                     no  no  no   IPv4-translated
2130706433                               no  no  no   127.0.0.1 as one number
0x7f000001                               no  no  no   the same in hexadecimal
017700000001                             no  no  no   the same in octal
127.1                                    no  no  no   127.0.0.1, shorter
127.0.1                                  no  no  no   the same
0x7f.1                                   no  no  no   the same, half in hexadecimal
0177.0.0.1                               no  no  no   the same, half in octal
127.0.0.01                               no  no  no   a zero too much
0                                        no  no  no   0.0.0.0
167772161                                no  no  no   10.0.0.1 as one number
127.0.0.1.                               no  no  no   a dot too much
1.2.3.4.5                                no  no  no   no address
256.1.1.1                                no  no  no   no address
example.0x7f                             no  no  no   ends as a number does
\uff11\uff12\uff17.0.0.1                 no  no  no   digits of another width
127。0。0。1                             no  no  no   dots of another kind
①②⑦.0.0.1                               no  no  no   digits in circles
127%2E0%2E0%2E1                          no  no  no   percent-encoded
%31%32%37.0.0.1                          no  no  no   percent-encoded
localhost%00.example.com                 no  no  no   with an end in the middle
[fe80::1%25eth0]                         no  no  no   an address of one link
[::1%25lo]                               no  no  no   an address of one link
[127.0.0.1]                              no  no  no   IPv4 in brackets
[v1.fe80::1]                             no  no  no   an address of the future
::1                                      no  no  no   IPv6 without brackets
localhost                                no  no  yes  this machine
localhost.                               no  no  yes  this machine, to the end
LOCALHOST                                no  no  yes  this machine, loudly
a.localhost                              no  no  yes  this machine
user@1.1.1.1                             no  no  no   with a user
user:password@1.1.1.1                    no  no  no   with a password
1.1.1.1\\@127.0.0.1                      no  no  no   a slash to some, a user to others
1.1.1.1:0                                no  no  no   no port
1.1.1.1:65536                            no  no  no   no port
1.1.1.1:+80                              no  no  no   no port
1.1.1.1:80:80                            no  no  no   two ports
1.1.1.1:443                              yes yes yes  with a port
1.1.1.1:                                 yes yes yes  with the port of the scheme
example.com                              yes yes yes  a name, judged by its addresses later
example.com.                             yes yes yes  the same
xn--bcher-kva.example                    yes yes yes  a name in its ASCII form
bücher.example                           no  no  no   a name that each resolver reads as it likes
my_host.example                          yes yes yes  a name as some networks have it
-a.example                               no  no  no   no name
a..example                               no  no  no   no name
.                                        no  no  no   no name
"""
ROWS = [tuple(line.split(None, 4)) for line in TABLE.strip().splitlines()]

OUTBOUND = {
    'default': Outbound(),
    'allowed': Outbound(allow_cidrs=['10.0.0.0/8']),
    'sandbox': Outbound(allow_loopback=True),
}


def may_be_reached(outbound: Outbound, url: str) -> bool:
    try:
        outbound.check_literal(url)
    except errors.EndpointForbidden:
        return False
    return True


@pytest.mark.parametrize(('host', 'default', 'allowed', 'sandbox', 'what'), ROWS)
def test_the_table(host: str, default: str, allowed: str, sandbox: str, what: str) -> None:
    """Each spelling of a host is let through exactly where the table says so."""
    expected = {'default': default, 'allowed': allowed, 'sandbox': sandbox}
    for scheme in ('http', 'https'):
        found = {
            name: 'yes' if may_be_reached(outbound, f'{scheme}://{host}/hook') else 'no'
            for name, outbound in OUTBOUND.items()
        }
        assert found == expected, what


def test_the_table_is_long_enough() -> None:
    """The table has at least sixty rows, and each once."""
    assert len(ROWS) >= 60
    assert len({host for host, *_ in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    'url',
    [
        'ftp://1.1.1.1/',
        'file:///etc/passwd',
        'gopher://1.1.1.1/',
        '//1.1.1.1/',
        'http:/1.1.1.1/',
        'http:1.1.1.1',
        'http:///hook',
        'http://',
        'http:// 1.1.1.1/',
        'http://1.1.1.1/a b',
        'http://1.1.1.1/\r\nx: y',
        'http://1.1.1.1\t/',
        '\thttp://1.1.1.1/',
        'http://1.1.1.1/\x00',
        'http://1.1.1.1/é',
        'http:\\\\1.1.1.1/',
        'http://1.1.1.1/' + 'a' * 5000,
        'http://' + 'a' * 64 + '.example/',
        'http://' + 'a.' * 130 + 'example/',
    ],
)
def test_odd_urls(url: str) -> None:
    """What is no plain http or https URL is refused."""
    assert not may_be_reached(OUTBOUND['sandbox'], url)


def test_denied_whatever_else_is_said() -> None:
    """The service's own networks are refused, also in a sandbox and where they are allowed."""
    outbound = Outbound(['10.0.0.0/8'], ['10.1.0.0/16', '127.0.0.1', '1.1.1.1'], True)
    assert may_be_reached(outbound, 'http://10.2.0.1/')
    assert not may_be_reached(outbound, 'http://10.1.0.1/')
    assert not may_be_reached(outbound, 'http://[::ffff:10.1.0.1]/')
    assert not may_be_reached(outbound, 'http://127.0.0.1/')
    assert may_be_reached(outbound, 'http://127.0.0.2/')
    assert not may_be_reached(outbound, 'http://[64:ff9b::101:101]/')


@pytest.mark.parametrize('network', ['10.0.0.1/8', 'ten', '', '10.0.0.0/33'])
def test_networks_that_are_none(network: str) -> None:
    """An option that names no network is refused, and named."""
    with pytest.raises(errors.InvalidInput, match='allow_cidrs'):
        Outbound(allow_cidrs=[network])


# ------------------------------------------------------------------ for every address

V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
V6 = st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)
ALWAYS = networks(
    [
        '0.0.0.0/8',
        '127.0.0.0/8',
        '169.254.0.0/16',
        '224.0.0.0/4',
        '255.255.255.255/32',
        '::/128',
        '::1/128',
        'fe80::/10',
        'ff00::/8',
    ],
    'test',
)


def within(some: st.SearchStrategy[Address], network: str) -> st.SearchStrategy[Address]:
    wanted = ipaddress.ip_network(network)
    last = wanted.num_addresses - 1
    return some.map(lambda each: wanted[int(each) & last])


@given(address=st.one_of([within(V6 if ':' in str(each) else V4, str(each)) for each in ALWAYS]))
def test_nothing_allows_what_is_never_allowed(address: Address) -> None:
    """Loopback, link-local, multicast and unspecified are refused with everything allowed."""
    everything = networks(['0.0.0.0/0', '::/0'], 'test')
    assert is_forbidden(address, everything)


@given(address=st.one_of(V4, V6))
def test_what_python_calls_private_is_refused(address: Address) -> None:
    """The table is stricter than the standard library, never laxer."""
    mapped = getattr(address, 'ipv4_mapped', None)
    judged = mapped or address
    if not judged.is_global or judged.is_multicast or judged.is_reserved:
        inside = is_inside_translated(judged)
        assert is_forbidden(address) or inside


def is_inside_translated(address: Address) -> bool:
    """Whether the table looks at the IPv4 address inside, where the library does not."""
    return any(address in each for each in networks(['::/96', '2001::/32', '2002::/16'], 'test'))


@given(inside=V4, tail=st.integers(0, 2**80 - 1), allow=st.booleans(), loopback=st.booleans())
def test_judged_by_the_address_inside(
    inside: ipaddress.IPv4Address, tail: int, allow: bool, loopback: bool
) -> None:
    """Whatever stands for an IPv4 address is as forbidden as that address."""
    number = int(inside)
    allowed = TEN if allow else ()
    expected = is_forbidden(inside, allowed, allow_loopback=loopback)
    public = int(ipaddress.IPv4Address('8.8.8.8'))
    teredo = 0x20010000 << 96
    for outside in (
        0xFFFF << 32 | number,
        0x64FF9B << 96 | number,
        0x2002 << 112 | number << 80 | tail,
        teredo | public << 64 | (tail & 0xFFFFFFFF) << 32 | ~number & 0xFFFFFFFF,
        teredo | number << 64 | (tail & 0xFFFFFFFF) << 32 | ~public & 0xFFFFFFFF,
    ):
        address = ipaddress.IPv6Address(outside)
        assert is_forbidden(address, allowed, allow_loopback=loopback) == expected, address
    if number > 1:
        compatible = ipaddress.IPv6Address(number)
        assert is_forbidden(compatible, allowed, allow_loopback=loopback) == expected


@given(address=st.one_of(V4, V6), denied=st.integers(0, 128))
def test_a_denied_network_is_denied(address: Address, denied: int) -> None:
    """No address of a denied network may be reached."""
    length = min(denied, address.max_prefixlen)
    network = ipaddress.ip_network(f'{address}/{length}', strict=False)
    everything = networks(['0.0.0.0/0', '::/0'], 'test')
    assert is_forbidden(address, everything, [network], allow_loopback=True)
