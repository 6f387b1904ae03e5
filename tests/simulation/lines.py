"""How a line breaks before a request has reached anybody, as each library tells it."""

from __future__ import annotations

import socket
import ssl
from http.client import RemoteDisconnected

import httplib2

_OVER_HTTPLIB2 = ("google_play", "oauth")


def lost(broken: str, service: str) -> Exception:
    """The error for a fault of the line; any other word: the connection was closed."""
    match broken:
        case "refused":
            return ConnectionRefusedError("connection refused")
        case "dns" if service in _OVER_HTTPLIB2:
            return httplib2.ServerNotFoundError("unable to find the server")
        case "dns":
            return socket.gaierror(socket.EAI_NONAME, "name or service not known")
        case "tls":
            error = ssl.SSLCertVerificationError("certificate verify failed")
            error.verify_message = "Hostname mismatch"
            return error
        case _:
            return RemoteDisconnected("the connection was closed")
