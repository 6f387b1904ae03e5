"""Asks a door, as curl and Prometheus do."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Told:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    def check(self, name: str) -> dict[str, Any]:
        """What /healthz or /readyz says of one thing."""
        (found,) = (check for check in self.document["checks"] if check["name"] == name)
        return dict(found)


def free_address() -> str:
    """One that nobody listens at right now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def asked(address: str, path: str, *, method: str = "GET", within: float = 10.0, **headers: str) -> Told:
    """Raises OSError where nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=within)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
    finally:
        connection.close()


def answers(address: str, path: str = "/healthz") -> Told | None:
    """The same; None where nobody answers yet, or any more."""
    try:
        return asked(address, path)
    except (OSError, http.client.HTTPException):
        return None
