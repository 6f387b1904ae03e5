"""What a team's own signal says of itself, before anybody asks it for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LAG_MAX = timedelta(days=4)
"""Play's own vitals have been seen so late (google-play.md section 8); what comes later than that stops nothing."""

UNIT_LENGTH_MAX = 40
WORDS_LENGTH_MAX = 200


class Better(StrEnum):
    """In which direction things are well: fewer milliseconds, more completed checkouts."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """`unit`: of a value ("ms"), or what is counted ("checkouts"). `lag`: how old the newest data usually are, from 0
    to 4 days. `can_halt`: whether it is sure enough to stop a release; else it holds at most. `no_data`: what the
    source does when it has nothing, in words ("an empty result").

    Raises ValueError, in words, for what is no declaration.
    """

    unit: str
    lag: timedelta
    can_halt: bool
    no_data: str
    better: Better = Better.LOWER

    def __post_init__(self) -> None:
        if not isinstance(self.lag, timedelta) or not timedelta(0) <= self.lag <= LAG_MAX:
            raise ValueError("lag is a time from 0 to 4 days")
        if not isinstance(self.can_halt, bool) or not isinstance(self.better, Better):
            raise ValueError("can_halt is True or False, and better is Better.LOWER or Better.HIGHER")
        if not is_unit(self.unit):
            raise ValueError(f"unit is one line of up to {UNIT_LENGTH_MAX} characters, like ms")
        if not _words(self.no_data, WORDS_LENGTH_MAX):
            raise ValueError(f"no_data says in up to {WORDS_LENGTH_MAX} characters what no data look like")


def is_unit(text: object) -> bool:
    """Whether it is one visible line of up to UNIT_LENGTH_MAX characters."""
    return _words(text, UNIT_LENGTH_MAX)


def _words(text: object, most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= most and text.isprintable()
