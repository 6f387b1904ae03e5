"""A release as Play's API writes it (a JSON object), and what its fields mean.

The objects are kept as they were sent, unknown fields included: a store knows more than we do.
"""

from __future__ import annotations

import copy
from typing import Any

from stagedrollout.emulator.scenario import PPM

Raw = dict[str, Any]

DRAFT = "draft"
IN_PROGRESS = "inProgress"
HALTED = "halted"
COMPLETED = "completed"
STATUSES = (DRAFT, IN_PROGRESS, HALTED, COMPLETED)

OUTPUT_ONLY = "emulatedOutputOnly"
"""A field some answers carry to see what clients do with fields they do not know; ignored when sent."""

_ORDER = ("name", "versionCodes", "status", "userFraction", "countryTargeting", "releaseNotes")


def code_of(release: Raw) -> int:
    """What identifies a release: its highest version code."""
    return max(int(code) for code in release["versionCodes"])


def exposure_of(release: Raw) -> int:
    """The share of users it wants to be offered to, in ppm; a halted or draft one to nobody."""
    if release["status"] == COMPLETED:
        return PPM
    if release["status"] == IN_PROGRESS:
        return min(PPM - 1, max(1, round(float(release["userFraction"]) * PPM)))
    return 0


def find(releases: list[Raw], code: int) -> Raw | None:
    return next((release for release in releases if code_of(release) == code), None)


def with_status(releases: list[Raw], status: str) -> list[Raw]:
    return [release for release in releases if release["status"] == status]


def staged(release: Raw) -> bool:
    """Whether a halted release was halted while staged: then it still has its fraction."""
    return release["status"] == HALTED and "userFraction" in release


def completed_from(release: Raw) -> Raw:
    done = {**release, "status": COMPLETED}
    done.pop("userFraction", None)
    return done


def fraction(exposure_ppm: int) -> float:
    return exposure_ppm / PPM


def in_order(release: Raw) -> Raw:
    """The fields in the order in which Play shows them."""
    known = {name: release[name] for name in _ORDER if name in release}
    return {**known, **{name: value for name, value in release.items() if name not in known}}


def shown(releases: list[Raw], *, halted_fraction: bool) -> list[Raw]:
    """A copy of the releases as tracks.get tells them."""
    copies = copy.deepcopy(releases)
    if not halted_fraction:
        for release in with_status(copies, HALTED):
            release.pop("userFraction", None)
    return copies
