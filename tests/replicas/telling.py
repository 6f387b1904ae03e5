"""One story of two replicas in trouble, from its beginning to the judge's word; the ledger has the last one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from tests.acceptance.processes import Background
from tests.judge.finding import Finding
from tests.processes.kills import wrong
from tests.processes.tale import HOURS, Tale, tale
from tests.replicas import server as servers
from tests.replicas.apart import overlaps, raises
from tests.replicas.links import Way
from tests.replicas.pair import ADDRESSES, LEASE_SECONDS, WAIT_SECONDS, Pair, until
from tests.replicas.server import Server
from tests.replicas.troubles import DATABASE, NAMES, SENTRY, STORES, Hours, Kind, Trouble
from tests.replicas.turning import (
    AT_LAST_HOURS,
    Bad,
    aimed_at,
    halted_at,
    in_the_middle_of,
    late,
    latest,
    turns_bad,
)

PATIENCE_SECONDS = 120.0
"""For whatever needs seconds on a machine that has nothing else to do."""

FIRST_HOURS = (3.0, 6.0)
"""Between those the first trouble begins: while there is what to raise."""

ANSWER_SECONDS, SLOW_SECONDS = 1.5, 0.2
"""How late an answer comes over whose waiting a replica is caught, and how late each piece on a slow link."""

ANSWERED_SECONDS = 12.0
"""Whoever gives a halt is answered after 10 s at the latest."""

HOURS_FOR_AN_ANSWER = 3
HOURS_OF_TROUBLE = 3
"""In trouble, and until both are well again."""

HOURS_EACH = HOURS_FOR_AN_ANSWER + HOURS_OF_TROUBLE
"""So long after one trouble the next one begins: none puts another one off."""

HOURS_AFTERWARDS = 10
"""For what was left undone."""

_A_MINUTE = timedelta(minutes=1)

IN_TIME_SECONDS = LEASE_SECONDS + 15.0 + 10.0
"""For the other replica to look at everything: the lease, the 15 s after which the server ends the transaction of a process that
stopped in the middle of it, and a machine that has more to do."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one story. `findings`: what is wrong, in words; its evidence lies in `folder`. `taken_over`: after how
    many seconds the other one had looked at everything."""

    seed: int
    folder: Path
    troubles: Counter[str]
    findings: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    taken_over: tuple[float, ...] = ()


Planned = Callable[[int, int, Hours], tuple[Trouble, ...]]


def told(
    seed: int, number: int, folder: Path, planned: Planned, each: Callable[[], None] = lambda: None
) -> Told:
    """Tell the story of `seed` with that many troubles; `each` is called after every one. Raises binaries.NoServer."""
    draw = Random(f"{seed}/two")
    story, troubles = tale(draw), planned(seed, number, Hours(FIRST_HOURS, HOURS_EACH))
    until = max(HOURS, int(troubles[-1].hour) + HOURS_EACH + HOURS_AFTERWARDS)
    story.story["until"] = f"{until}h"
    bad = Bad("shop", in_the_middle_of(aimed_at(troubles), draw))
    turns_bad(story.story, bad)
    turns_bad(story.story, Bad("news", until - AT_LAST_HOURS))
    with servers.opened() as server:
        pair = Pair(folder, story.story, server)
        try:
            return _Telling(pair, server, story, bad).tells(seed, troubles, each)
        finally:
            pair.close()


class _Telling:
    def __init__(self, pair: Pair, server: Server, story: Tale, bad: Bad) -> None:
        self._pair, self._server, self._story, self._bad = pair, server, story, bad
        self._hour = 0
        self._findings: list[str] = []
        self._taken_over: list[float] = []
        self._unheard: list[tuple[str, str, bool]] = []
        """From when to when somebody was cut off from what is asked, and whether from the stores."""
        self._halted_by: datetime | None = None
        self._halts_in_trouble = 0

    def tells(self, seed: int, troubles: tuple[Trouble, ...], each: Callable[[], None]) -> Told:
        pair, halts_at = self._pair, self._story.halted_at
        pair.stops_at("0m")
        for name in NAMES:
            pair.starts(name)
        for name in NAMES:
            pair.replicas[name].says("watching", within=PATIENCE_SECONDS)
        pair.is_shared(within=PATIENCE_SECONDS)
        halting = next((t for t in troubles if t.hour >= halts_at), troubles[-1])
        aimed = aimed_at(troubles)
        for trouble in troubles:
            self._befalls(trouble, halting=trouble is halting, aimed=trouble is aimed)
            each()
        pair.ends_well(within=PATIENCE_SECONDS)
        counts, found = self._judged()
        words = Counter(trouble.word for trouble in troubles)
        return Told(seed, pair.folder, words, (*self._findings, *found), counts, tuple(self._taken_over))

    # ---- trouble

    def _befalls(self, trouble: Trouble, *, halting: bool, aimed: bool) -> None:
        """From the beginning of a trouble until both are well again. `aimed`: at whoever holds what turns bad in it."""
        pair = self._pair
        self._comes_to(max(int(trouble.hour), self._hour))
        caught = self._in_the_act(trouble)
        who = caught or (pair.holder_of(self._bad.app) if aimed else "") or trouble.who
        begun, since, number = time.monotonic(), pair.clock["now"], pair.number()
        held = pair.held_by(who)
        stopped_amid = bool(caught) and trouble.kind is Kind.STOPPED
        if (
            stopped_amid
        ):  # an hour for the others would be seconds for it, by which nothing of what it does is old
            pair.stands_still()
        self._begins(trouble, who)
        halt = self._halts() if halting else None
        if halt is not None:  # who is amid a pass takes no orders, where the clock waits for passes
            until(lambda: not halt.alive, ANSWERED_SECONDS)
        if not caught:  # otherwise the hour in which it was caught is not over
            self._hour += 1
        if not stopped_amid:
            pair.stops_at(_hours(self._hour))
        ends = begun + (0.0 if trouble.at_once else trouble.leases * LEASE_SECONDS)
        if trouble.silences and trouble.leases >= 1:
            self._is_taken_over(trouble, who, held, number, begun)
            self._goes_on_alone(who, ends, an_hour=bool(caught))
        time.sleep(max(ends - time.monotonic(), 0.0))
        if {STORES, SENTRY} & set(trouble.links):
            pair.is_as_good_as_dead()
            self._unheard.append((since, pair.clock["now"], STORES in trouble.links))
        if aimed:
            self._halts_in_trouble += halted_at(pair.ledger("served"), self._bad.app) is not None
        self._ends(trouble, who)
        # who could reach no store may let go of it only now, and the clock knows nothing of what nobody holds
        lasting = LEASE_SECONDS / 2 if STORES in trouble.links else 0.0
        pair.is_well(within=PATIENCE_SECONDS + 2 * WAIT_SECONDS, lasting=lasting)
        if STORES not in trouble.links:  # who could reach no store gets nothing before the story goes on
            pair.is_shared(within=PATIENCE_SECONDS)
        if aimed:
            bad = pair.at(f"{int(self._bad.hours * 60)}m")
            self._halted_by = latest(bad, trouble, well_again=datetime.fromisoformat(pair.clock["now"]))
        self._comes_to(self._hour + 1)
        if halt is not None and halt.ended(within=PATIENCE_SECONDS):
            self._findings.append(f"the halt that a person gave did not end well: {halt.said[-1000:]}")

    def _comes_to(self, hour: int) -> None:
        self._hour = hour
        self._pair.comes_to(_hours(hour), within=PATIENCE_SECONDS)

    def _is_taken_over(self, trouble: Trouble, who: str, held: set[str], number: int, begun: float) -> None:
        others = set(NAMES) - {who}
        left = begun + IN_TIME_SECONDS - time.monotonic()
        if until(lambda: self._pair.looks_at(others, held, number), left) is None:
            self._findings.append(
                f"{_hours(self._hour)}, {trouble.word} of {who}: within {IN_TIME_SECONDS:.0f} s the other one had not"
                f" looked at {sorted(held)}"
            )
        self._taken_over.append(time.monotonic() - begun)

    def _goes_on_alone(self, silent: str, ends: float, *, an_hour: bool) -> None:
        """The other one has the story to itself. What has turned bad meanwhile it halts, an hour later if this one is not
        over yet, before it may raise anything; then it raises what is due."""
        pair = self._pair
        self._hour += an_hour
        self._passes_without(silent, ends)
        if until(lambda: pair.may_raise(alive=1), ends - time.monotonic()) is not None:
            self._hour += 1
            self._passes_without(silent, ends)

    def _passes_without(self, silent: str, ends: float) -> None:
        pair, there = self._pair, _hours(self._hour)
        pair.stops_at(there)

        def is_over() -> bool:
            pair.goes_on_without(silent)
            return pair.looked_at(there)

        until(is_over, ends - time.monotonic())

    def _in_the_act(self, trouble: Trouble) -> str:
        """Let an answer come late, if it is asked for at all within the next hours; who waits for it then."""
        if trouble.answer is None:
            return ""
        pair, (service, operation) = self._pair, trouble.answer
        since = pair.number()
        pair.breaks(service, "slow", operation, seconds=ANSWER_SECONDS)
        for _ in range(HOURS_FOR_AN_ANSWER):
            self._hour += 1
            there = _hours(self._hour)
            pair.stops_at(there)
            until(lambda: pair.caught(since) is not None or pair.is_done(there), PATIENCE_SECONDS)  # noqa: B023
            if (who := pair.caught(since)) is not None:
                return who
        pair.heals()
        return ""

    def _halts(self) -> Background:
        place = ("--store", self._story.halted_on)
        return self._pair.begins("halt", "tv", *place, "--reason", "because of a test")

    def _begins(self, trouble: Trouble, who: str) -> None:
        pair = self._pair
        if DATABASE in trouble.links or trouble.kind in (Kind.RESTARTED, Kind.CRASHED, Kind.TERMINATED):
            pair.database_fails()
        match trouble.kind:
            case Kind.LINK:
                seconds = SLOW_SECONDS if trouble.way is Way.SLOW else 0.0
                pair.becomes(who, trouble.links, trouble.way, seconds)
            case Kind.STOPPED:
                pair.stops(who)
            case Kind.KILLED | Kind.BOTH_KILLED:
                for name in NAMES if trouble.kind is Kind.BOTH_KILLED else (who,):
                    pair.kills(name)
                if trouble.at_once:
                    self._starts_again()
            case Kind.RESTARTED | Kind.CRASHED:
                self._server.stops(crashes=trouble.kind is Kind.CRASHED)
                time.sleep(trouble.leases)
                self._server.starts()
            case Kind.TERMINATED:
                self._server.ends_connections()

    def _ends(self, trouble: Trouble, who: str) -> None:
        pair = self._pair
        pair.heals()
        match trouble.kind:
            case Kind.LINK:
                pair.becomes(who, trouble.links, Way.OPEN)
            case Kind.STOPPED:
                pair.goes_on(who)
            case Kind.KILLED | Kind.BOTH_KILLED:
                self._starts_again()

    def _starts_again(self) -> None:
        dead = [name for name, replica in self._pair.replicas.items() if not replica.alive]
        for name in dead:
            self._pair.starts(name)
        for name in dead:
            self._pair.replicas[name].says("watching", within=PATIENCE_SECONDS)

    # ---- the judge

    def _judged(self) -> tuple[dict[str, int], list[str]]:
        verdict = self._pair.judged()
        found = raises(self._pair.asks("ledger")["requests"])
        by = Counter(each.who for each in found)
        counts = {f"raises_by_{name}": by[address] for name, address in ADDRESSES.items()}
        findings = [str(finding) for finding in verdict.findings if not self._is_unheard(finding)]
        findings += overlaps(found)
        findings += [words for words in wrong(self._pair, self._story) if words]
        if not verdict.counts["halts_due"]:
            findings.append("no halt was due: the story shows nothing of halts")
        if self._halted_by:
            findings += late(self._pair.ledger("served"), self._bad.app, self._halted_by)
        return {**verdict.counts, **counts, "halts_in_trouble": self._halts_in_trouble}, findings

    def _is_unheard(self, finding: Finding) -> bool:
        """The judge counts again what a replica was answered. What never arrived stands in no ledger, so that it takes a pass
        without an answer for one that had the answer before; only about what is not asked of the store can it be wrong. Nor
        does it know of a store that one of them cannot reach: what that one wanted to pause, the next holder judges anew."""
        at = finding.at and datetime.fromisoformat(finding.at)
        return bool(at) and any(
            finding.check in ({"disagreements", "growth_unguarded"} if stores else {"disagreements"})
            and datetime.fromisoformat(begun) <= at <= datetime.fromisoformat(ended) + _A_MINUTE
            for begun, ended, stores in self._unheard
        )


def _hours(hours: int) -> str:
    """A little later: an app of which something was done is looked at half a minute after the others, from then on."""
    return f"{hours * 60 + 5}m"


def stories(first_seed: int, number: int, each: int) -> Iterator[tuple[int, int]]:
    """Seeds and the troubles in each, until there are as many as wanted."""
    seed = first_seed
    while number > 0:
        yield seed, min(each, number)
        number, seed = number - each, seed + 1
