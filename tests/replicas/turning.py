"""What turns bad in a story of two replicas, and whether it was halted in time by what the stores served.

`shop` turns bad in the middle of a trouble: whoever is left has to halt it. `news`, on the App Store, turns bad in the end,
when both are well again. The judge counts a halt as due only where nobody can have lost the answer that shows it; here none
is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.acceptance.stories import Story
from tests.processes.tale import BAD
from tests.replicas.troubles import SENTRY, STORES, Trouble

A_POLL = timedelta(hours=1)
SLACK = timedelta(minutes=1)
_EARLIEST, _LATEST = 0.15, 0.6
"""In parts of an hour: the pass at its end has enough crashes to be certain."""

AT_LAST_HOURS = 4
"""Before the end."""

WATCHED_HOURS = 14
"""Everybody has the newest release after 11 hours at the earliest, and 6 hours later nobody watches it any more."""


@dataclass(frozen=True, slots=True)
class Bad:
    """`hours`: after the beginning."""

    app: str
    hours: float


def turns_bad(story: Story, bad: Bad) -> None:
    (app,) = (each for each in story["apps"] if each["name"] == bad.app)
    app["releases"][-1]["onset"] = {"at": f"{int(bad.hours * 60)}m", "crash_free": BAD}


def aimed_at(troubles: tuple[Trouble, ...]) -> Trouble:
    """The one in which a release turns bad, while it is watched: if there is any, one of which it is known when it begins, and
    in which whoever has to halt can reach whatever that takes."""
    watched = [each for each in troubles if each.hour < WATCHED_HOURS] or troubles[:1]
    return min(watched, key=lambda each: (bool({STORES, SENTRY} & set(each.links)), each.answer is not None))


def in_the_middle_of(trouble: Trouble, draw: Random) -> float:
    """Hours after the beginning at which the crashes begin: the first pass that could see them is one in trouble. One that
    waits for an answer begins an hour later or more."""
    waits = 1 if trouble.answer else 0
    return int(trouble.hour) + waits + draw.uniform(_EARLIEST, _LATEST)


def latest(bad: datetime, trouble: Trouble, well_again: datetime) -> datetime:
    """When the release has to be halted that turns bad then: by the pass that can see it first, or the next one; who can
    reach no store, or not what counts crashes, does it in the first pass of afterwards."""
    soon = bad + 2 * A_POLL + SLACK
    return max(soon, well_again + A_POLL + SLACK) if {STORES, SENTRY} & set(trouble.links) else soon


def halted_at(served: list[dict[str, Any]], app: str) -> datetime | None:
    """By the ledger: when nobody new was offered its newest release on Google Play any more."""
    told = (record for record in served if (record["app"], record["release"]) == (app, "5.2.0"))
    first = next((record["at"] for record in told if record["status"] == "halted"), None)
    return datetime.fromisoformat(first) if first else None


def late(served: list[dict[str, Any]], app: str, by: datetime) -> Iterator[str]:
    halted = halted_at(served, app)
    if halted is None or halted > by:
        yield f"{app} was to be halted by {by:%a %H:%M}, and was {f'at {halted:%a %H:%M}' if halted else 'never'}"
