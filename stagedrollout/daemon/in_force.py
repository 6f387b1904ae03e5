"""What a daemon tells about its configuration: which one is in force, since when, and what became of a newer one.

It stands in the daemon's row, where `status` and `health` read it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from stagedrollout.config.fingerprint import UNREAD, fingerprint
from stagedrollout.core.codec import decode, encode

KEY = "configuration"
"""Where it stands in what a daemon says of itself."""

PROBLEMS_MAX = 20
"""Problems of a refused configuration that are kept; `check` tells them all."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A configuration that was not taken. `fingerprint` "": its files could not be read."""

    fingerprint: str
    at: datetime
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """`file` and `folders` are where it was read from; `refused`: the newest one that was not taken, if any since."""

    file: str
    folders: tuple[str, ...]
    fingerprint: str
    since: datetime
    refused: Refused | None = None

    def refusing(self, fingerprint: str, at: datetime, problems: tuple[str, ...]) -> InForce:
        return replace(self, refused=Refused(fingerprint, at, problems[:PROBLEMS_MAX]))

    def on_disk(self) -> str:
        """The fingerprint of what stands there now, as far as this machine can tell."""
        return fingerprint(Path(self.file), map(Path, self.folders))

    @classmethod
    def at(cls, path: Path, folders: tuple[Path, ...], since: datetime) -> InForce:
        """Of what stands there now."""
        named = tuple(str(folder.absolute()) for folder in folders)
        return cls(str(path.absolute()), named, fingerprint(path, folders), since)

    @property
    def told(self) -> dict[str, Any]:
        """For the daemon's row."""
        found: dict[str, Any] = encode(self)
        return {KEY: found}


def read_in_force(info: dict[str, Any]) -> InForce | None:
    """From the daemon's row; None where an older daemon, or none, wrote it."""
    if KEY not in info:
        return None
    try:
        return decode(InForce, info[KEY])
    except (ValueError, TypeError, KeyError):
        return None


def differs(found: InForce) -> bool | None:
    """Whether the disk has another configuration than the one in force; None: that cannot be told from here."""
    there = found.on_disk()
    return None if UNREAD in (there, found.fingerprint) else there != found.fingerprint


def trouble(found: InForce) -> str:
    """What people should know of the file on the disk; "" where it is the one in force."""
    refused, there = found.refused, found.on_disk()
    since = f"the one of {found.since:%Y-%m-%d %H:%M} UTC ({found.fingerprint}) stays in force"
    if refused and there in (refused.fingerprint, UNREAD) and refused.problems:
        more = f" (and {len(refused.problems) - 1} more)" if len(refused.problems) > 1 else ""
        return f"the new configuration was refused at {refused.at:%Y-%m-%d %H:%M} UTC: {refused.problems[0]}{more}; {since}"
    if UNREAD not in (there, found.fingerprint) and there != found.fingerprint:
        return f"the configuration on the disk is not the one in force since {found.since:%Y-%m-%d %H:%M} UTC: SIGHUP takes it"
    return ""
