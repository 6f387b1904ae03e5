"""A server on this machine that says exactly the bytes a test wants, or none."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Script = Callable[[socket.socket], None]


@dataclass
class Loopback:
    base_url: str
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def served(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Each connection's request is read up to the empty line, then `script` has the socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    world = Loopback(f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=_accept, args=(listener, script, world, tls))
    thread.start()
    try:
        yield world
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def _accept(listener: socket.socket, script: Script, world: Loopback, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.settimeout(10)
        with (
            suppress(OSError),
            tls.wrap_socket(connection, server_side=True) if tls else connection as stream,
        ):
            world.requests.append(_request(stream))
            script(stream)


def _request(stream: socket.socket) -> bytes:
    """What comes up to the empty line; a TLS greeting has none."""
    head = stream.recv(65_536)
    while head and b"\r\n\r\n" not in head and not head.startswith(b"\x16"):
        chunk = stream.recv(65_536)
        if not chunk:
            break
        head += chunk
    return head


def certificate(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for 127.0.0.1, and the file of who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    secret = directory / "key.pem"
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    return context, path


def says(text: bytes) -> Script:
    return lambda connection: connection.sendall(text)


def answer(body: bytes, *, status: str = "200 OK", headers: tuple[str, ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
