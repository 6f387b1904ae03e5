"""People at the till: how many check out in a release, and how often that fails. The same people who crash elsewhere.

Drawn from the seed and the place, like everything else of a world, and known at once: a server counts it, not a phone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stagedrollout.emulator.draws import binomial, source
from stagedrollout.emulator.population import SLOT, Crowd
from stagedrollout.emulator.scenario import PPM, AppStory

ATTEMPTS_PER_SESSION = 0.2
"""How many sessions come to the till."""


@dataclass(slots=True)
class Till:
    """The till of one app on one store. Instants are seconds since 1970."""

    story: AppStory
    seed: int
    crowd: Crowd
    _slots: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def counts(self, code: int, start: float, end: float) -> tuple[int, int]:
        """Attempts that began in [start, end), and how many of them failed. `end` is not after now."""
        attempts = errors = 0
        for number in range(int(start // SLOT), int(-(-end // SLOT))):
            opens = number * SLOT
            first, last = max(start, opens) - opens, min(end, opens + SLOT) - opens
            whole = self._slot(code, number, closed=opens + SLOT <= end)
            attempts += _part(whole[0], first, last)
            errors += _part(whole[1], first, last)
        return attempts, errors

    def _slot(self, code: int, number: int, *, closed: bool) -> tuple[int, int]:
        """Only closed slots are kept: an open one may still see its release raised or halted."""
        key = (code, number)
        if key in self._slots:
            return self._slots[key]
        opens = number * SLOT
        sessions = self.crowd.tally(code, opens, opens + SLOT, seen=opens + SLOT).sessions
        draw = source(self.seed, self.story.name, self.story.store, code, number, "checkout")
        attempts = binomial(draw, sessions, ATTEMPTS_PER_SESSION)
        drawn = (attempts, binomial(draw, attempts, self._errors_ppm(code) / PPM))
        if closed:
            self._slots[key] = drawn
        return drawn

    def _errors_ppm(self, code: int) -> int:
        return next((r.checkout_errors_ppm for r in self.story.releases if r.code == code), 0)


def _part(count: int, first: float, last: float) -> int:
    """The part of a slot's count that falls into these seconds of it; parts add up to the whole."""
    return int(count * last // SLOT - count * first // SLOT)
