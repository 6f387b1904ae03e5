"""One story of two replicas in trouble, from its beginning to the judge's word; the ledger has the last one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.processes.kills import PATIENCE_SECONDS, wrong
from tests.processes.tale import HOURS, Tale, tale
from tests.replicas import server as servers
from tests.replicas.apart import overlaps, raises
from tests.replicas.links import Way
from tests.replicas.pair import ADDRESSES, LEASE_SECONDS, Pair, until
from tests.replicas.server import Server
from tests.replicas.troubles import DATABASE, NAMES, Kind, Trouble

FIRST_HOUR, LAST_HOUR = 2, HOURS - 12
"""Between those they are in trouble; after them there is time for what was left undone."""

ANSWER_SECONDS, SLOW_SECONDS = 2.5, 0.3
"""How late an answer comes in whose waiting a replica is caught, and how late each piece on a slow link."""

HOURS_FOR_AN_ANSWER = 4

IN_TIME_SECONDS = LEASE_SECONDS + 20.0
"""For the other replica to look at everything: the lease, the emulator's patience with who is silent, the longest wait for a
database that does not answer, and a machine that has more to do."""


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


Planned = Callable[[int, int, tuple[float, float]], tuple[Trouble, ...]]


def told(
    seed: int, number: int, folder: Path, planned: Planned, each: Callable[[], None] = lambda: None
) -> Told:
    """Tell the story of `seed` with that many troubles; `each` is called after every one. Raises binaries.NoServer."""
    draw = Random(f"{seed}/two")
    story = tale(draw)
    with servers.opened() as server:
        pair = Pair(folder, story.story, server)
        try:
            return _Telling(seed, pair, server, story).tells(
                planned(seed, number, (FIRST_HOUR, LAST_HOUR)), each
            )
        finally:
            pair.close()


class _Telling:
    def __init__(self, seed: int, pair: Pair, server: Server, story: Tale) -> None:
        self._seed, self._pair, self._server, self._story = seed, pair, server, story
        self._hour = 0.0
        self._findings: list[str] = []
        self._taken_over: list[float] = []

    def tells(self, troubles: tuple[Trouble, ...], each: Callable[[], None]) -> Told:
        pair, halts = self._pair, self._story.halted_at
        pair.stops_at("0m")
        for name in NAMES:
            pair.starts(name).says("watching", within=PATIENCE_SECONDS)
        halting = next((t.hour for t in troubles if t.hour >= halts), troubles[-1].hour)
        for trouble in troubles:
            self._befalls(trouble, halting=trouble.hour == halting)
            each()
        pair.ends_well()
        found = [*self._findings, *self._judged()]
        return Told(
            self._seed,
            pair.folder,
            Counter(trouble.word for trouble in troubles),
            tuple(found),
            dict(self._counts),
            tuple(self._taken_over),
        )

    # ---- trouble

    def _befalls(self, trouble: Trouble, *, halting: bool) -> None:
        """From the beginning of a trouble until both are well again."""
        pair = self._pair
        self._comes_to(max(trouble.hour, self._hour), PATIENCE_SECONDS)
        who = self._in_the_act(trouble) or trouble.who
        begun = time.monotonic()
        self._begins(trouble, who)
        halt = self._halts() if halting else None
        self._hour += 1
        pair.stops_at(_minutes(self._hour))
        ends = begun + trouble.leases * LEASE_SECONDS
        if trouble.silences:
            looked = until(lambda: pair.looked_at(_minutes(self._hour)), ends - time.monotonic())
            if looked is not None:
                self._taken_over.append(time.monotonic() - begun)
            elif trouble.leases * LEASE_SECONDS > IN_TIME_SECONDS:
                self._findings.append(
                    f"{trouble.word} of {who} at {_minutes(self._hour)}: nobody had looked at everything within"
                    f" {IN_TIME_SECONDS:.0f} s"
                )
        while time.monotonic() < ends and not trouble.at_once:
            time.sleep(0.1)
        self._ends(trouble, who)
        self._comes_to(self._hour + 1, PATIENCE_SECONDS + 3 * LEASE_SECONDS)
        if halt is not None and halt.ended(within=PATIENCE_SECONDS):
            self._findings.append(f"the halt that a person gave ended with: {halt.said[-1000:]}")

    def _comes_to(self, hour: float, within: float) -> None:
        self._hour = hour
        self._pair.comes_to(_minutes(hour), within=within)

    def _in_the_act(self, trouble: Trouble) -> str:
        """Let the answer come late, if it is asked for at all within the next hours; who waits for it then."""
        if trouble.answer is None:
            return ""
        pair, (service, operation) = self._pair, trouble.answer
        before = len(pair.ledger("fault"))
        pair.breaks(service, "slow", operation, seconds=ANSWER_SECONDS)

        def befallen() -> bool:
            return len(pair.ledger("fault")) > before

        for _ in range(HOURS_FOR_AN_ANSWER):
            self._hour += 1
            pair.stops_at(_minutes(self._hour))
            there = _minutes(self._hour)
            until(lambda: befallen() or (pair.idle and pair.looked_at(there)), PATIENCE_SECONDS)  # noqa: B023
            if befallen():
                return pair.sender_of(pair.ledger("fault")[-1]["request"])
        pair.heals()
        return ""

    def _halts(self):
        return self._pair.begins("halt", "tv", "--store", self._story.halted_on, "--reason", "because of a test")

    def _begins(self, trouble: Trouble, who: str) -> None:
        pair = self._pair
        match trouble.kind:
            case Kind.LINK:
                seconds = SLOW_SECONDS if trouble.way is Way.SLOW else 0.0
                pair.becomes(who, trouble.links, trouble.way, seconds)
                if DATABASE in trouble.links:
                    pair.database_fails()
            case Kind.STOPPED:
                pair.stops(who)
            case Kind.KILLED | Kind.BOTH_KILLED:
                for name in NAMES if trouble.kind is Kind.BOTH_KILLED else (who,):
                    pair.kills(name)
                if trouble.at_once:
                    self._starts_again()
            case Kind.RESTARTED | Kind.CRASHED:
                pair.database_fails()
                self._server.stops(crashes=trouble.kind is Kind.CRASHED)
                time.sleep(trouble.leases)
                self._server.starts()
            case Kind.TERMINATED:
                pair.database_fails()
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

    @property
    def _counts(self) -> dict[str, int]:
        return self._verdict_counts

    def _judged(self) -> Iterator[str]:
        verdict = self._pair.judged()
        found = raises(self._pair.asks("ledger")["requests"])
        by = Counter(each.who for each in found)
        self._verdict_counts = {
            **verdict.counts,
            **{f"raises_by_{name}": by[address] for name, address in ADDRESSES.items()},
        }
        yield from map(str, verdict.findings)
        yield from overlaps(found)
        yield from (words for words in wrong(self._pair, self._story) if words)


def _minutes(hours: float) -> str:
    return f"{int(hours * 60)}m"
