"""Who may be at the other end of a connection, whatever a name resolves to (promise S3).

Names are looked up by others: who controls the answer could lead our credentials, or only our requests, to a
server inside: a cloud's metadata service, a database on this machine. So the address is looked at once the
connection stands and before anything is sent on it, when no second look-up can change it any more.
"""

from __future__ import annotations

import ipaddress

_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
"""Clouds' metadata services that do not live at a link-local address."""

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 behind a translator: the last four bytes are the address."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PeerRefused(OSError):
    """The connection leads where no service of ours lives; nothing was sent on it."""


def named_loopback(host: str) -> bool:
    """Whether a host names this machine outright: localhost, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def peer_problem(address: str, *, host: str, inside: bool) -> str:
    """Why nothing is sent there, in words; "" for nothing. `host` is what the configuration names, `inside`
    whether its service may stand in the team's own network."""
    peer = _address(address)
    if peer is None:
        return "its name leads to no address"
    if never(address):
        return "its name leads to an address that no service lives at (link-local)"
    if peer.is_loopback:
        if named_loopback(host):
            return ""
        return "its name leads to this machine: if that is meant, write 127.0.0.1"
    if not (peer.is_global or inside):
        return "its name leads into a private network"
    return ""


def never(address: str) -> bool:
    """Whether nobody has any business at this address: link-local, metadata, nowhere, everybody."""
    peer = _address(address)
    if peer is None:
        return False
    nowhere = peer.is_link_local or peer.is_multicast or peer.is_unspecified
    return nowhere or peer in _METADATA


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return found.ipv4_mapped
        if found in _TRANSLATED:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found
