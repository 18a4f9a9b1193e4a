"""No webhook reaches the service itself, whatever a site allows."""

import ipaddress
from pathlib import Path

import pytest

from blazarclient.server import config, errors
from blazarclient.server.delivery.outbound import Outbound
from blazarclient.server.own_addresses import own_addresses

CONFIG = """\
[api]
host = 198.51.100.7
[blazar]
endpoint = http://198.51.100.8:1234
[database]
connection = mysql+pymysql://user:secret@198.51.100.9/gateway
[notifications]
transport_url = rabbit://user:secret@198.51.100.10:5672,user:secret@[2001:db8::11]:5672/
"""


def test_what_the_options_name(tmp_path: Path) -> None:
    """Hosts of the service are among them, and nothing of loopback is."""
    file = tmp_path / 'gateway.conf'
    file.write_text(CONFIG)
    found = own_addresses(config.load([str(file)]))
    named = {f'198.51.100.{number}/32' for number in (7, 8, 9, 10)} | {'2001:db8::11/128'}
    assert named <= {*found}
    assert not [each for each in found if ipaddress.ip_network(each).is_loopback]
    outbound = Outbound(['198.51.100.0/24'], found)
    outbound.check_literal('http://198.51.100.77/')
    with pytest.raises(errors.EndpointForbidden):
        outbound.check_literal('http://198.51.100.8:1234/v1/leases')


def test_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of all interfaces are among them, but for those of loopback."""
    listed = tmp_path / 'if_inet6'
    listed.write_text(
        '20010db800000000000000000000abcd 02 40 00 80     eth0\n'
        '00000000000000000000000000000001 01 80 10 80       lo\n'
    )
    monkeypatch.setattr('blazarclient.server.own_addresses._IF_INET6', listed)
    file = tmp_path / 'gateway.conf'
    file.write_text('[blazar]\nendpoint = http://localhost:1234\n')
    found = own_addresses(config.load([str(file)]))
    assert '2001:db8::abcd/128' in found
    assert not [each for each in found if ipaddress.ip_network(each).is_loopback]
    assert all(ipaddress.ip_network(each).num_addresses == 1 for each in found)
