"""Seeds that have failed, each with what it found. A plan's drawing changes now and then, and with it the story that a
seed tells; what a story taught is kept as a test of its own, named after what happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pinned:
    seed: int
    found: str


PINNED: tuple[Pinned, ...] = ()

OPEN: tuple[Pinned, ...] = (
    Pinned(35, "a halt whose evidence does not come out again from journal and ledger"),
    Pinned(38, "a release went on growing although evidence was in doubt"),
    Pinned(115, "a release is said to be halted by somebody, and nobody did"),
    Pinned(165, "a release went on growing although crash-free sessions were in doubt"),
    Pinned(193, "the journal shows a day of Apple's less than the store serves"),
)
"""Seeds that fail and are not understood or not mended yet: a campaign counts them as what they are, violations."""
