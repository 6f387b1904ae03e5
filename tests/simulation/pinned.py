"""Seeds that have failed, each with what it found. A plan's drawing changes now and then, and with it the story that a
seed tells; what a story taught is kept as a test of its own, named after what happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pinned:
    seed: int
    found: str


PINNED: tuple[Pinned, ...] = ()

OPEN: tuple[Pinned, ...] = ()
"""Seeds that fail and are not understood or not mended yet: a campaign counts them as what they are, violations."""

OPEN_OF_TWO: tuple[Pinned, ...] = ()
"""The same, of stories that two daemons live through."""
