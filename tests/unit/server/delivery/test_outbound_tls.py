"""A receiver proves that it is the host that the URL names."""

from __future__ import annotations

import functools
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from blazarclient.server.delivery.outbound import Outbound
from tests.http1 import Listener, read_message
from tests.scripted_receiver import OK, resolving


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a name, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address('127.0.0.9'))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / f'{name}.pem'
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


class Secure:
    """A receiver that speaks TLS, and remembers which names it was asked for."""

    def __init__(self, path: Path) -> None:
        self.names: list[str | None] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(path)
        self._context.sni_callback = self._remember
        self.listener = Listener(self._serve)

    def _remember(self, connection: object, name: str | None, context: object) -> None:
        self.names.append(name)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with (
            self._context.wrap_socket(connection, server_side=True) as secure,
            secure.makefile('rb') as stream,
        ):
            while read_message(stream) is not None:
                secure.sendall(OK)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    """A receiver with a certificate for hook.example."""
    receiver = Secure(certificate(tmp_path, 'hook.example'))
    yield receiver
    receiver.listener.stop()


def test_certificate_and_name(secure: Secure, tmp_path: Path) -> None:
    """The name, and not the address, is what a receiver is asked for and has to prove."""
    trusting = ssl.create_default_context(cafile=tmp_path / 'hook.example.pem')
    outbound = Outbound(allow_loopback=True, resolve=resolving('127.0.0.1'), tls=trusting)
    send = functools.partial(outbound.send, 'POST', headers={}, body=b'x')
    port = secure.listener.port
    for _ in range(2):
        assert send(url=f'https://hook.example:{port}/').error is None
    assert send(url=f'https://hook.example.:{port}/').error is None
    assert send(url=f'https://other.example:{port}/').error == 'tls'
    assert send(url=f'https://127.0.0.1:{port}/').error == 'tls'
    outbound.close()
    assert secure.names == ['hook.example', 'hook.example', 'other.example', None]


def test_a_certificate_that_nobody_vouches_for(secure: Secure) -> None:
    """A certificate of the receiver's own making is not trusted."""
    outbound = Outbound(allow_loopback=True, resolve=resolving('127.0.0.1'))
    outcome = outbound.send('POST', f'https://hook.example:{secure.listener.port}/', {}, b'')
    assert (outcome.status, outcome.error) == (None, 'tls')


def test_no_tls_where_tls_is_spoken(secure: Secure) -> None:
    """TLS to a receiver without it, and the other way round, end with a word of their own."""
    outbound = Outbound(allow_loopback=True)

    def refuse(connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')

    listener = Listener(refuse)
    plain = outbound.send('POST', f'https://127.0.0.1:{listener.port}/', {}, b'')
    listener.stop()
    assert plain.error == 'tls'
    other = outbound.send('POST', f'http://127.0.0.1:{secure.listener.port}/', {}, b'')
    assert other.error in {'bad-response', 'connection-failed'}
