"""How a line breaks, and how each library tells it that a request has not reached anybody."""

from __future__ import annotations

import socket
import ssl
from enum import StrEnum
from http.client import RemoteDisconnected

import httplib2

_OVER_HTTPLIB2 = ("google_play", "oauth")


class Line(StrEnum):
    """A way to somewhere: whole; nobody there; nothing comes back; or only answers get lost."""

    WHOLE = "whole"
    REFUSED = "refused"
    HANGS = "hangs"
    ONE_WAY = "one way"


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
