"""One story with deaths in it: what was lost in it, what happened twice, and what did not come to rest."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from stagedrollout.core.model import Verb
from tests.crash.dying import Dies, Point, distinct, of_the_recovery
from tests.crash.stories import STORIES, Story
from tests.judge import Evidence, judge
from tests.judge.ledger import instant
from tests.simulation.outcome import _timeline
from tests.simulation.plan import Plan
from tests.simulation.rest import unrest
from tests.simulation.run import Left, play

PROMISES = ("R13", "R16", "R18", "R20")
"""What is looked at here (the README's table)."""

_BY_REQUEST = ("track", "phased")
"""What the ledger says of a store that a request has changed."""

_MAY_FAIL = ("start", "resume", "advance", "complete")
"""Orders that raise: one whose daemon died before it was sent is not sent by the next one. It fails, and says so."""


@dataclass(frozen=True, slots=True)
class Played:
    """A story with deaths at the points numbered `at` of its lives. `faults`: everything wrong, in words."""

    story: str
    at: tuple[int, ...]
    died_at: tuple[str, ...]
    faults: tuple[str, ...]
    timeline: str
    cpu_seconds: float

    def words(self) -> str:
        deaths = ", then ".join(
            f"{number} ({name})" for number, name in zip(self.at, self.died_at, strict=False)
        )
        return "\n".join((f"{self.story}, dead at point {deaths or 'none'}:", *self.faults, self.timeline))


@dataclass(frozen=True, slots=True)
class Deaths:
    """All there are in one story: `points` at which its daemon could die, and where each distinct death is died."""

    story: str
    points: int
    at: tuple[tuple[int, ...], ...]


def story_of(name: str) -> Story:
    return next(story for story in STORIES if story.name == name)


def played(name: str, at: tuple[int, ...] = ()) -> Played:
    """Play the story with these deaths, judge it, and hold it against the same story without a death."""
    story, fate, began = story_of(name), Dies(at), time.process_time()
    try:
        left = play(longer(story.plan, story.plan.scenario.poll if at else timedelta(0)), fate)
    except Exception:  # noqa: BLE001 - a campaign goes on; whatever came out of the daemon is a fault
        faults, timeline = (traceback.format_exc(),), ""
    else:
        faults = tuple(_faults(story, left, fate, at))
        timeline = _timeline(left) if faults else ""
    return Played(name, at, fate.died_at, faults, timeline, time.process_time() - began)


def points(name: str, at: tuple[int, ...] = ()) -> list[Point]:
    """Where the life after these deaths could end while the story lasts. The play is the one in which deaths are died,
    so that a number means the same point there."""
    plan, fate = story_of(name).plan, Dies(at, lists=True)
    play(longer(plan, plan.scenario.poll), fate)
    return [point for point in fate.points() if point.lasting.now < plan.scenario.ends]


def singles(name: str) -> Deaths:
    """One death at every point, each distinct one once."""
    found = points(name)
    return Deaths(name, len(found), tuple((point.number,) for point in distinct(found)))


def seconds(name: str, first: int) -> Deaths:
    """After a death at `first`: another one at every point until all is settled."""
    found = of_the_recovery(points(name, (first,)))
    return Deaths(name, len(found), tuple((first, point.number) for point in distinct(found)))


def _faults(story: Story, left: Left, fate: Dies, at: tuple[int, ...]) -> Iterator[str]:
    if len(fate.died_at) != len(at):
        yield f"only {len(fate.died_at)} of {len(at)} deaths came about"
    for finding in judge(left.evidence).findings:
        yield f"{finding.check}: {finding.at} {finding.app} {finding.text}"
    yield from left.unrepeatable
    yield from unrest(story.plan, left)
    yield from _different(story.name, left)


@dataclass(frozen=True, slots=True)
class _End:
    """What the story came to: everything the stores offered, in order, the orders' answers, and the share that each
    order that raises was to bring."""

    served: Mapping[tuple[str, str, str], tuple[str, ...]]
    orders: Mapping[str, str]
    aims: Mapping[str, int]


@lru_cache(maxsize=2 * len(STORIES))
def _undisturbed(name: str, more: timedelta = timedelta(0)) -> _End:
    return _came_to(play(longer(story_of(name).plan, more), Dies()))


def longer(plan: Plan, more: timedelta) -> Plan:
    scenario = replace(plan.scenario, until=plan.scenario.until + more)
    return replace(plan, scenario=scenario)


def _came_to(left: Left) -> _End:
    served: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for record in left.evidence.ledger:
        if record["type"] == "served":
            key, offered = (record["app"], record["store"], record["release"]), _offered(record)
            before = served.get(key, ())
            served[key] = before if before[-1:] == (offered,) else (*before, offered)
    return _End(served, dict(left.orders), dict(_aims(left.evidence)))


def _aims(evidence: Evidence) -> Iterator[tuple[str, int]]:
    for entry in evidence.journal:
        body = entry["body"]
        if entry["kind"] == "decided" and body["command"] and body["verb"] == Verb.RAISE:
            yield body["command"], body["target_ppm"]


def _offered(record: Mapping[str, Any]) -> str:
    return f"{record['status']} at {record['exposure_ppm'] / 10_000:g} %"


def _different(name: str, left: Left) -> Iterator[str]:
    """A death may delay what is done by a poll. It takes nothing away, adds nothing, and skips nothing."""
    came = _came_to(left)
    least, most = _undisturbed(name), _undisturbed(name, 2 * story_of(name).plan.scenario.poll)
    spent = [
        order
        for order, answer in came.orders.items()
        if answer != least.orders.get(order) and not _was_there(left.evidence, order, least.aims.get(order))
    ]
    missing = [
        key for key, offered in least.served.items() if not _begins_with(came.served.get(key, ()), offered)
    ]
    lost = False
    for order in spent:
        answer = came.orders[order]
        if answer == "failed" and order.startswith(_MAY_FAIL):
            lost = True
            if _carried_out(left.evidence, order):
                yield f"the order {order} is said to have failed, and was carried out"
        elif not (
            lost and answer == "refused"
        ):  # what it builds on has failed, and nobody has ordered that again
            yield f"the order {order} was {answer}, and without a death {least.orders.get(order)}"
    if spent:
        return  # what people did not get, they have not repeated either
    for key in missing:
        yield f"the store offered of {key} only {came.served.get(key)}, and without a death {least.served[key]}"
    for key, offered in came.served.items():
        if not _begins_with(most.served.get(key, ()), offered):
            yield f"the store offered of {key} {offered}, and without a death {most.served.get(key)}"


def _carried_out(evidence: Evidence, order: str) -> bool:
    """Whether the store was changed between the decision on the order and what the journal says became of it. What the
    schedule does later, on evidence, is its own doing, also where it comes to the same."""
    intent, since = "", ""
    for entry in evidence.journal:
        body = entry["body"]
        if entry["kind"] == "decided" and body["command"] == order:
            intent, since = body["intent"], entry["at"]
        elif entry["kind"] == "settled" and body["intent"] == intent and body["settlement"] != "in_doubt":
            until = entry["at"]
            return any(
                record["type"] in _BY_REQUEST and record["request"] is not None
                for record in evidence.ledger
                if instant(since) <= instant(record["at"]) <= instant(until)
            )
    return False


def _was_there(evidence: Evidence, order: str, aim: int | None) -> bool:
    """Whether the order was refused, in words, where people had what it was to bring. A start looks at once, so the
    schedule can come to a stage before the person does who has not waited for it; that one is told which step is next.
    """
    for entry in evidence.journal:
        body = entry["body"]
        if entry["kind"] == "commanded" and body["command"] == order:
            there = _share(evidence, entry["rollout"], instant(entry["at"]))
            return aim is not None and there == aim and not body["accepted"] and bool(body["text"])
    return False


def _share(evidence: Evidence, rollout: str, at: datetime) -> int | None:
    """What the store offered of the rollout's release then."""
    offered = [
        int(record["exposure_ppm"])
        for record in evidence.ledger
        if record["type"] == "served"
        and rollout == f"{record['app']}/{record['store']}/{record['release_id']}"
        and instant(record["at"]) <= at
    ]
    return offered[-1] if offered else None


def _begins_with(whole: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return whole[: len(part)] == part
