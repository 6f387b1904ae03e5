"""A wire to the emulator that counts the bytes and notes the time of everything that goes over it.

Plainly it is one more port in front of the emulator's. As a proxy it is what HTTPS_PROXY names: whoever asks it for a
store's real host gets the emulator, behind a certificate of its own for that host. So a program that knows nothing of
all this can be measured as it is; it must only trust the certificate, by the settings that its libraries have for that.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
HOSTS = ("androidpublisher.googleapis.com", "api.appstoreconnect.apple.com")
_CHUNK = 65_536
_HEAD_MOST = 8_192
_SILENT_SECONDS = 60.0


@dataclass(slots=True)
class Traffic:
    """Bytes of HTTP as they are inside TLS, and the time from each connection's first byte to its last, in all."""

    sent: int = 0
    received: int = 0
    milliseconds: float = 0.0


class _Wire(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, emulator: int, behind: ssl.SSLContext | None) -> None:
        self.emulator = emulator
        self.behind = behind
        self.traffic = Traffic()
        self.guard = threading.Lock()
        super().__init__((LOOPBACK, 0), _Carrier)

    def note(self, seconds: float, *, sent: int = 0, received: int = 0) -> None:
        with self.guard:
            self.traffic.sent += sent
            self.traffic.received += received
            self.traffic.milliseconds += seconds * 1_000

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away, or do not trust the certificate, say so themselves."""


class _Carrier(socketserver.BaseRequestHandler):
    server: _Wire

    def handle(self) -> None:
        client: socket.socket = self.request
        client.settimeout(_SILENT_SECONDS)
        if self.server.behind is not None:
            if not _asked_for_a_store(client):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            client = self.server.behind.wrap_socket(client, server_side=True)
        with client, socket.create_connection((LOOPBACK, self.server.emulator)) as store:
            self._carry(client, store)

    def _carry(self, client: socket.socket, store: socket.socket) -> None:
        last = 0.0
        while True:
            waits = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if waits else select.select([client, store], [], [], _SILENT_SECONDS)[0]
            if not ready:
                return
            for one in ready:
                chunk = one.recv(_CHUNK)
                if not chunk:
                    return
                now = time.perf_counter()
                since, last = now - (last or now), now
                # Noted before it is passed on: whoever has the last byte stops reading the meter.
                if one is client:
                    self.server.note(since, sent=len(chunk))
                    store.sendall(chunk)
                else:
                    self.server.note(since, received=len(chunk))
                    client.sendall(chunk)


def _asked_for_a_store(client: socket.socket) -> bool:
    """Read the head of a CONNECT; nothing but the stores' hosts leads anywhere."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MOST:
        chunk = client.recv(1)
        if not chunk:
            return False
        head += chunk
    return any(head.startswith(f"CONNECT {host}:443 ".encode()) for host in HOSTS)


class Meter:
    """`url` is where the wire begins."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self.url = f"http://{LOOPBACK}:{wire.server_address[1]}"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Traffic]:
        """What goes over the wire inside; complete once the block is over."""
        with self._wire.guard:
            self._wire.traffic = traffic = Traffic()
        yield traffic


@contextlib.contextmanager
def metered(emulator: int, certificate: Path | None = None) -> Iterator[Meter]:
    """A wire to the emulator's port; with a `certificate` (as `certified` writes it) a proxy."""
    behind = None
    if certificate is not None:
        behind = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        behind.load_cert_chain(certificate)
    with _Wire(emulator, behind) as wire:
        thread = threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Meter(wire)
        finally:
            wire.shutdown()
            thread.join(5)


def certified(folder: Path) -> tuple[Path, Path]:
    """A throw-away certificate for the stores' hosts: with its key, for the proxy, and alone, to be trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stagedrollout bench")])
    now = datetime.now(UTC)
    hosts = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, whole = folder / "trusted.pem", folder / "certificate.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    trusted.write_bytes(pem)
    whole.write_bytes(pem + secret)
    return whole, trusted
