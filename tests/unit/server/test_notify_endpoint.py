"""Where notifications may be sent, as far as the text of it tells."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazarclient.server import errors
from blazarclient.server.objects.notify_endpoint import LONGEST, NotifyEndpoint


@pytest.mark.parametrize(
    ('value', 'url', 'endpoint'),
    [
        ({'url': 'https://ci.example/hook'}, 'https://ci.example/hook', 'ci.example:443'),
        ({'url': 'HTTP://CI.Example'}, 'http://ci.example/', 'ci.example:80'),
        ({'url': 'http://ci.example.:81?a=b'}, 'http://ci.example:81/?a=b', 'ci.example:81'),
        ({'url': 'http://ci.example:80/'}, 'http://ci.example:80/', 'ci.example:80'),
        ({'url': 'http://[2001:DB8::0:1]/x'}, 'http://[2001:db8::1]/x', '[2001:db8::1]:80'),
        ({'url': 'https://192.0.2.1:8443/'}, 'https://192.0.2.1:8443/', '192.0.2.1:8443'),
        ({'url': 'https://bücher.example/'}, 'https://xn--bcher-kva.example/', None),
        ({'url': 'https://a_b.example/%20'}, 'https://a_b.example/%20', 'a_b.example:443'),
        ({'ip_address': '10.0.0.1', 'port': 8217}, 'http://10.0.0.1:8217/', '10.0.0.1:8217'),
        ({'ip_address': '2001:db8::1', 'port': 1}, 'http://[2001:db8::1]:1/', '[2001:db8::1]:1'),
        (
            {'ip_address': '10.0.0.1', 'port': 443, 'scheme': 'https', 'path': '/a?b=c'},
            'https://10.0.0.1:443/a?b=c',
            '10.0.0.1:443',
        ),
    ],
)
def test_both_forms(value: dict[str, Any], url: str, endpoint: str | None) -> None:
    """What is called, and what is told of it; the form that was given stays as it is."""
    found = NotifyEndpoint.parse(value)
    assert (found.given, found.url) == (value, url)
    assert endpoint in {None, found.endpoint}
    # What an answer shows can be sent again.
    assert NotifyEndpoint.parse({'url': found.url, **found.given}) == found


@pytest.mark.parametrize(
    ('value', 'sentence'),
    [
        ('https://ci.example/', 'it has to be an object'),
        (None, 'it has to be an object'),
        ({}, 'it has to have "url", or "ip_address" and "port"'),
        ({'port': 80}, 'it has to have "url", or "ip_address" and "port"'),
        ({'url': 7}, 'it has to be a text'),
        ({'uri': 'https://ci.example/'}, "'uri' is no field of it"),
        ({'url': 'https://ci.example/', 'port': 80}, 'it has to have "url", or'),
        ({'url': 'ci.example'}, 'it has to begin with http:// or https://'),
        ({'url': 'ftp://ci.example/'}, 'it has to begin with http:// or https://'),
        ({'url': 'file:///etc/passwd'}, 'it has to begin with http:// or https://'),
        ({'url': 'http:/ci.example/'}, 'it names no host'),
        ({'url': 'http:///hook'}, 'it names no host'),
        ({'url': 'http://:80/'}, 'its host is no name'),
        ({'url': 'http://ci.example/#top'}, 'a fragment (#) is never sent'),
        ({'url': 'http://ci.example/a b'}, 'no spaces, control characters'),
        ({'url': 'http://ci.example/\r\nX: y'}, 'no spaces, control characters'),
        ({'url': 'http://ci.example\t/'}, 'no spaces, control characters'),
        ({'url': 'http://ci.example\\@10.0.0.1/'}, 'no spaces, control characters'),
        ({'url': 'http://ci.example/ä'}, 'other characters than those of URLs'),
        ({'url': 'http://ci.example/%zz'}, 'other characters than those of URLs'),
        ({'url': 'http://ci.example:0/'}, 'its port has to be a number from 1 to 65535'),
        ({'url': 'http://ci.example:65536/'}, 'its port has to be a number from 1 to 65535'),
        ({'url': 'http://ci.example:/'}, 'its port has to be a number from 1 to 65535'),
        ({'url': 'http://ci.example:8²/'}, 'its port has to be a number from 1 to 65535'),
        ({'url': 'http://[::1%25eth0]/'}, 'must not name a zone'),
        ({'url': 'http://[v1.x]/'}, 'cannot be'),
        ({'url': 'http://[::1/'}, 'cannot be'),
        ({'url': 'http://127.1/'}, 'four decimal numbers'),
        ({'url': 'http://2130706433/'}, 'four decimal numbers'),
        ({'url': 'http://0x7f.0.0.1/'}, 'four decimal numbers'),
        ({'url': 'http://0x7f000001/'}, 'four decimal numbers'),
        ({'url': 'http://0177.0.0.1/'}, 'four decimal numbers'),
        ({'url': 'http://a..example/'}, 'its host is no name'),
        ({'url': 'http://-a.example/'}, 'its host is no name'),
        ({'url': 'http://%31%32%37.example/'}, 'its host is no name'),
        ({'url': f'http://{"a" * 64}.example/'}, 'its host is no name'),
        ({'url': f'http://ci.example/{"a" * LONGEST}'}, f'more than {LONGEST} characters'),
        ({'ip_address': '10.0.0.1'}, 'it has to be a number from 1 to 65535'),
        ({'ip_address': '10.0.0.1', 'port': '80'}, 'it has to be a number from 1 to 65535'),
        ({'ip_address': '10.0.0.1', 'port': True}, 'it has to be a number from 1 to 65535'),
        ({'ip_address': '10.0.0.1', 'port': -1}, 'number from 1 to 65535'),
        ({'ip_address': '10.0.0.1', 'port': 10**400}, 'number from 1 to 65535'),
        ({'ip_address': 1, 'port': 80}, 'it has to be an IPv4 or IPv6 address'),
        ({'ip_address': 'localhost', 'port': 80}, 'it has to be an IPv4 or IPv6 address'),
        ({'ip_address': 'fe80::1%eth0', 'port': 80}, 'it must not name a zone'),
        ({'ip_address': '10.0.0.1', 'port': 80, 'scheme': 'gopher'}, 'it has to be "http" or'),
        ({'ip_address': '10.0.0.1', 'port': 80, 'scheme': ['http']}, 'it has to be "http" or'),
        ({'ip_address': '10.0.0.1', 'port': 80, 'path': 'x'}, 'it has to begin with a slash'),
        ({'ip_address': '10.0.0.1', 'port': 80, 'url': 'http://x/'}, 'its "url" is http://10.0'),
    ],
)
def test_what_cannot_be(value: Any, sentence: str) -> None:
    """The sentence names the field, and says what would be right."""
    with pytest.raises(errors.InvalidInput, match='notify_endpoint') as caught:
        NotifyEndpoint.parse(value)
    assert sentence in str(caught.value)
    assert caught.value.status == 400


def test_a_password_is_not_repeated() -> None:
    """A sentence about an endpoint with a password does not show it."""
    with pytest.raises(errors.InvalidInput, match='a user or a password') as caught:
        NotifyEndpoint.parse({'url': 'https://bob:hunter2@ci.example/'})
    assert 'hunter2' not in str(caught.value)


@given(
    st.one_of(
        st.text(),
        st.builds('http://{}'.format, st.text()),
        st.builds(
            'http{}://{}:{}/{}'.format,
            st.sampled_from(['', 's']),
            st.text('abc.-_:[]%@#ß0123', max_size=20),
            st.text('0123456789x', max_size=6),
            st.text(max_size=20),
        ),
        st.builds('http://{}/'.format, st.ip_addresses()),
        st.builds('http://[{}]/'.format, st.ip_addresses(v=6)),
    )
)
def test_any_text_is_refused_or_made_plain(text: str) -> None:
    """A URL that is taken has one reading: what it calls is what its parts say."""
    try:
        found = NotifyEndpoint.parse({'url': text})
    except errors.InvalidInput:
        return
    assert found.url.isascii()
    parts = urlsplit(found.url)
    assert parts.username is None
    assert parts.fragment == ''
    host = parts.hostname or ''
    port = parts.port or {'http': 80, 'https': 443}[parts.scheme]
    assert found.endpoint == (f'[{host}]:{port}' if ':' in host else f'{host}:{port}')
    assert len(found.endpoint) <= 270
    # Reading it again changes nothing.
    assert NotifyEndpoint.parse({'url': found.url})[1:] == found[1:]


@given(st.ip_addresses(), st.integers(1, 65535))
def test_any_address_with_any_port(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    """Both forms of the same endpoint are the same."""
    given_form = NotifyEndpoint.parse({'ip_address': str(address), 'port': port})
    host = f'[{address}]' if address.version == 6 else str(address)
    as_url = NotifyEndpoint.parse({'url': f'http://{host}:{port}/'})
    assert given_form[1:] == as_url[1:]
