"""The forms in which single settings are written, each with an example and the sentence for a wrong value."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from stagedrollout.core.units import Written, duration, duration_text
from stagedrollout.http.database import HINT, SQLITE, server_problem

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def matching(pattern: str, words: str, example: str) -> Written:
    fits = re.compile(pattern, re.ASCII)

    def read(value: Any) -> Any:
        if isinstance(value, str) and not fits.fullmatch(value):
            raise ValueError(words)
        return value

    return Written(read, example, {"type": "string", "pattern": f"^(?:{_for_editors(pattern)})$"})


def _for_editors(pattern: str) -> str:
    """The same pattern where \\w and \\s also mean letters and spaces beyond ASCII."""
    return pattern.replace(r"\w", "[A-Za-z0-9_]").replace(r"\s", r" \t\n\r\f\v")


def between(low: str, high: str, *, example: str) -> Written:
    """A duration within bounds, both included."""
    least, most = duration(low), duration(high)

    def read(value: Any) -> timedelta:
        found = duration(value)
        if not least <= found <= most:
            raise ValueError(f"write a duration from {duration_text(least)} to {duration_text(most)}")
        return found

    return Written(read, example)


def count(low: int, high: int, *, example: str) -> Written:
    """A whole number within bounds, both included."""

    def read(value: Any) -> Any:
        if type(value) is int and not low <= value <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return value

    return Written(read, example, {"type": "integer", "minimum": low, "maximum": high})


def _web_address(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
        plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain or not re.fullmatch(r"[!-~]+", value):
        raise ValueError("write a web address like https://sentry.example.com")
    if "@" in parts.netloc:
        raise ValueError("leave names and passwords out of addresses")
    if parts.query or parts.fragment:
        raise ValueError("leave out everything from ? or # on")
    return value


def _listen_address(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
        fits = (
            re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65_536 and (":" not in host or "[" in host)
        )
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("write an address of this machine and a port, like 127.0.0.1:9464 or [::1]:9464")
    return value


def read_database(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.startswith(SQLITE):
        if wrong := server_problem(value):
            raise ValueError(wrong)
        return value
    if not re.fullmatch(r"[^?#\x00]+", value):
        raise ValueError(HINT)
    file = value.removeprefix(SQLITE)
    if file in ("", ":memory:") or file.startswith(("file:", "~")) or file.endswith("/"):
        raise ValueError("name a file: the journal must outlive the daemon")
    return value


def _release_template(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    names = set(_PLACEHOLDER.findall(value))
    rest = _PLACEHOLDER.sub("", value)
    if not names <= {"package", "version", "build"} or "{" in rest or "}" in rest:
        raise ValueError("only {package}, {version} and {build} are filled in")
    if not names & {"version", "build"}:
        raise ValueError("it needs {version} or {build}, or all releases would have one name")
    if re.search(r'[/\\\s"]', rest):
        raise ValueError("Sentry allows no spaces, slashes or quotes in a release name")
    return value


AppName = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9-]{0,62}", "write small letters, digits and dashes, like acme-shop", "acme-shop"
    ),
]
PolicyName = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9_-]{0,62}", "write a policy's file name without .yaml, like standard", "standard"
    ),
]
CalendarName = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9-]{0,62}",
        "write small letters, digits and dashes, like company-freezes",
        "company-freezes",
    ),
]
PackageName = Annotated[
    str,
    matching(
        r"[A-Za-z]\w*(\.[A-Za-z]\w*)+",
        "write the application id as in Play, like com.acme.app",
        "com.acme.app",
    ),
]
AppStoreId = Annotated[
    str,
    matching(
        r"[1-9][0-9]{4,18}",
        'write the Apple ID of the app (App Store Connect: App Information) in quotes, like "6448311069"',
        '"6448311069"',
    ),
]
BundleId = Annotated[
    str,
    matching(
        r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "write the app's bundle id, like com.acme.app", "com.acme.app"
    ),
]
KeyId = Annotated[
    str,
    matching(
        r"[A-Z0-9]{10}",
        "write the key's id (App Store Connect: Users and Access, Integrations), ten capitals and digits",
        "2X9R4HXF34",
    ),
]
IssuerId = Annotated[
    str,
    matching(
        r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        "write the issuer id shown above the team keys, or leave it out for an individual key",
        "57246542-96fe-1a63-e053-0824d011072a",
    ),
]
CountryCode = Annotated[
    str, matching(r"[a-z]{2}", "write a country as two small letters, like us or de", "us")
]
TrackName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_. -]+)?",
        "write a track like production or wear:production",
        "production",
    ),
]
ChannelId = Annotated[
    str,
    matching(
        r"[CG][A-Z0-9]{3,30}",
        "write the channel's id (Slack: channel details, at the bottom), like C0123ABCD, not its name",
        "C0123ABCD",
    ),
]
Slug = Annotated[
    str,
    matching(
        r"[A-Za-z0-9_.-]{1,100}", "write the slug as in Sentry's addresses, like acme-android", "acme-android"
    ),
]
EnvironmentName = Annotated[
    str, matching(r"[^\s/\\][^/\\\n]{0,63}", "write the environment's name, like production", "production")
]
FolderName = Annotated[str, matching(r"[^\x00\n]{1,1000}", "write the path of a folder", "policies")]
WebAddress = Annotated[
    str,
    Written(
        _web_address,
        "https://sentry.example.com",
        {"type": "string", "pattern": r"^[hH][tT][tT][pP][sS]?://[!-~]+$"},
    ),
]
ListenAddress = Annotated[
    str,
    Written(
        _listen_address,
        "127.0.0.1:9464",
        {"type": "string", "pattern": r"^([0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\]):[0-9]{1,5}$"},
    ),
]
DatabaseUrl = Annotated[
    str,
    Written(
        read_database,
        "sqlite:///state/stagedrollout.db",
        {"type": "string", "pattern": r"^(?:sqlite:///[^?#]+|postgresql://[^#\s]+)$"},
    ),
]
ReleaseTemplate = Annotated[str, Written(_release_template, '"{package}@{version}+{build}"')]
