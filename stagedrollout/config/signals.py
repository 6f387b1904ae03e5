"""A team's own signals in the configuration: what each is called, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from stagedrollout.config.fields import WebAddress, matching
from stagedrollout.config.secrets import SecretReference
from stagedrollout.core.named_gates import SignalName
from stagedrollout.core.units import FromFile

EntryPointName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}",
        "write the name of an entry point of the group stagedrollout.signals, like crashlytics",
        "crashlytics",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSource(FromFile):
    """A source that an installed package brings along (stagedrollout/signals/base.py)."""

    source: EntryPointName
    """Its entry point in the group `stagedrollout.signals`."""

    url: WebAddress = ""
    """The one service it speaks with, where it speaks with any."""

    token: SecretReference | None = None
    """Sent to that service as a bearer token."""

    allow_http: bool = False
    """Plain http beyond loopback. False: a token in clear text is a token lost."""

    options: dict[str, Any] = field(default_factory=dict)
    """What the source itself asks for; it is checked when the daemon starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSettings(FromFile):
    """One of an app's own signals: a name, and one section that says where it comes from."""

    name: SignalName
    """What policies call it."""

    plugin: PluginSource | None = None

    def __post_init__(self) -> None:
        written = [entry.name for entry in fields(self) if entry.name != "name" and getattr(self, entry.name)]
        if len(written) != 1:
            names = ", ".join(entry.name for entry in fields(self) if entry.name != "name")
            raise ValueError(f"a signal comes from one source: write one of {names}")
