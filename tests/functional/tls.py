"""TLS in front of a server that speaks in short turns: a question, an answer."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from threading import Thread
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "127.0.0.1"


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate that it signs itself, for loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return path


@contextmanager
def tls_before(port: int, certificate: Path) -> Iterator[int]:
    """The port of a TLS server that hands each turn to the server at `port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relays: list[Thread] = []
    connections: list[ssl.SSLSocket] = []

    def relay(client: socket.socket) -> None:
        with (
            suppress(OSError),  # a handshake that the client ends
            context.wrap_socket(client, server_side=True) as secure,
            socket.create_connection((HOST, port)) as plain,
        ):
            connections.append(secure)
            while asked := secure.recv(1 << 16):
                plain.sendall(asked)
                secure.sendall(plain.recv(1 << 16))

    with socket.create_server((HOST, 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # shut down, below
                while True:
                    relays.append(Thread(target=relay, args=(listening.accept()[0],)))
                    relays[-1].start()

        accepting = Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for secure in connections:
                with suppress(OSError):
                    secure.shutdown(socket.SHUT_RDWR)
            for thread in relays:
                thread.join()
