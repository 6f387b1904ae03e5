"""`kill -9` at random instants, and started again at once, until the story is over; then the judge reads the ledger.

Where a daemon dies is drawn, not when to the microsecond: no two runs of real processes are alike. A seed repeats the
story, the way of each death and about where in the story it falls; a finding names its evidence, which is kept.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance.stage import OUR_ACCOUNT, Stage
from tests.processes.tale import HOURS, Tale, tale

KILLS_PER_STORY = 5
FIRST_HOUR, LAST_HOUR = 2, HOURS - 10
"""Between those it dies; after them there is time for a halt to be retried until it is seen."""

PATIENCE_SECONDS = 60.0
"""How long a life may take to come to the place where it is to die: far more than it ever needs."""


class Death(StrEnum):
    """Where it dies: as soon as it starts, amid its passes, over an answer that does not come, or with nothing to do."""

    STARTING = "starting"
    AT_WORK = "at work"
    OVER_AN_ANSWER = "over an answer"
    IDLE = "idle"


_ANSWERS = (
    ("google_play", "edits.insert"),
    ("google_play", "tracks.update"),
    ("google_play", "edits.commit"),
    ("google_play", "edits.commit"),
    ("app_store", "phased.update"),
    ("app_store", "phased.update"),
    ("sentry", "sessions"),
    ("slack", "chat.postMessage"),
)
_DEATHS = (
    Death.STARTING,
    *(Death.AT_WORK,) * 4,
    *(Death.OVER_AN_ANSWER,) * 5,
    Death.IDLE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one story. `findings`: what is wrong, in words; its evidence lies in `folder`."""

    seed: int
    folder: Path
    deaths: Counter[str]
    findings: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)


def stories(first_seed: int, kills: int) -> Iterator[tuple[int, int]]:
    """Seeds and the kills in each, until there are as many as wanted."""
    seed = first_seed
    while kills > 0:
        yield seed, min(KILLS_PER_STORY, kills)
        kills, seed = kills - KILLS_PER_STORY, seed + 1


def killed(
    seed: int,
    kills: int,
    folder: Path,
    each: Callable[[], None] = lambda: None,
    *,
    prepare: Callable[[Stage], None] = lambda _: None,
) -> Told:
    """Tell the story of `seed` with that many kills; `each` is called after every one, `prepare` before the first life."""
    draw = Random(f"{seed}/kills")
    told = tale(draw)
    deaths: Counter[str] = Counter()
    stage = Stage(folder, told.story)
    try:
        prepare(stage)
        for at in _instants(draw, told, kills):
            deaths[_one_life(stage, draw, at)] += 1
            if at == told.halted_at:
                halt = stage.begins("halt", "tv", "--store", told.halted_on, "--reason", "because of a test")
            each()
        stage.starts_daemon()
        halt.ended(within=PATIENCE_SECONDS)
        stage.plays_out()
        verdict = stage.judged()
        findings = [str(finding) for finding in verdict.findings]
        findings += [words for words in wrong(stage, told) if words]
        return Told(seed, folder, deaths, tuple(findings), dict(verdict.counts))
    finally:
        stage.close()


def _instants(draw: Random, told: Tale, kills: int) -> list[float]:
    """Hours after the beginning, in order; one life is that in which a person halts."""
    drawn = [draw.uniform(FIRST_HOUR, LAST_HOUR) for _ in range(kills - 1)]
    return sorted([*drawn, told.halted_at])


def _one_life(stage: Stage, draw: Random, at: float) -> Death:
    """Start the daemon, let it come near that hour, and kill it."""
    death = draw.choice(_DEATHS)
    stage.stops_at(_minutes(at))
    daemon = stage.starts_daemon_unwatched()
    if death is Death.STARTING:
        time.sleep(draw.uniform(0.0, 1.0))
    else:
        daemon.says("watching", within=PATIENCE_SECONDS)
        _until(lambda: stage.idle)
    if death is Death.OVER_AN_ANSWER:
        _over_an_answer(stage, draw, at)
    if death is Death.AT_WORK:
        stage.stops_at(_minutes(at + 4))
    if death is not Death.STARTING:
        time.sleep(draw.uniform(0.0, 0.6))
    stage.kills_daemon()
    stage.heals()
    return death


def _over_an_answer(stage: Stage, draw: Random, at: float) -> None:
    """Let an answer come late, if it is asked for at all within the next hours: the request itself is carried out."""
    service, operation = draw.choice(_ANSWERS)
    before = len(stage.ledger("fault"))
    stage.breaks(service, "slow", operation, seconds=2.0, skip=draw.choice((0, 0, 1)))
    stage.stops_at(_minutes(at + 4))
    _until(lambda: len(stage.ledger("fault")) > before or stage.idle)


def _minutes(hours: float) -> str:
    return f"{int(hours * 60)}m"


def _until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > ends:
            raise TimeoutError(f"the daemon did not get there within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.01)


def wrong(stage: Stage, told: Tale) -> Iterator[str]:
    """What the store's ledger shows besides what the judge looks for: the end of the story, and nothing done twice."""
    ends = {
        "acme": (stage.served(app="acme"), ("completed", 1_000_000)),
        "shop": (stage.served(app="shop"), ("halted", 0)),
        "tv": (stage.served(app="tv")[0], "halted" if told.halted_on == "google_play" else "PAUSED"),
    }
    for app, (found, wanted) in ends.items():
        if found != wanted:
            yield f"{app} ended as {found}, not as {wanted}"
    for app in ("acme", "shop", "tv"):
        acts = _our_commits(stage, app)
        if doubled := [act for act, times in Counter(acts).items() if times > 1]:
            yield f"{app}: done more than once: {doubled} of {acts}"


def _our_commits(stage: Stage, app: str) -> list[tuple[str, Any]]:
    """Each change of the newest release that a commit of ours caused."""
    found = []
    for record in stage.ledger("track"):
        if record["account"] == OUR_ACCOUNT and record["app"] == app:
            before, after = (_newest(record[side]) for side in ("before", "after"))
            found += [after] if after and after != before else []
    return found


def _newest(releases: list[dict[str, Any]]) -> tuple[str, Any] | None:
    named = (r for r in releases if "5020" in map(str, r.get("versionCodes", ())))
    return next(((r["status"], r.get("userFraction")) for r in named), None)
