"""What a run leaves behind, for whoever judges it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from stagedrollout.cli.export import notice_rows, order_row, person_row, rollouts
from stagedrollout.cli.history import journal_rows
from stagedrollout.core import facts
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.replay import Replay, replay
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.scenario import AppStory
from stagedrollout.emulator.slack import SECOND_CHANNEL
from stagedrollout.emulator.world import World
from stagedrollout.storage.commands import CommandBox
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.judge import Evidence
from tests.simulation.failover import NOTHING_LOST, Lost
from tests.simulation.line import stopped_spans
from tests.simulation.machine import Machine
from tests.simulation.people import PlannedOrder
from tests.simulation.plan import Plan
from tests.simulation.setting import ACCOUNT, as_written, policies

PASS_MOST = timedelta(minutes=2)
"""From a decision until it is written down at most."""

WAKE = {"wake": {"unanswered_after_minutes": 15, "places": ["pagerduty", "webhook", SECOND_CHANNEL]}}
"""Whom the judge may expect to be told, and when (setting.py)."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a run leaves behind. `marks` counts what happened in it. `unrepeatable`: decisions on evidence that do not
    come out again, bit for bit, from journal and ledger alone."""

    evidence: Evidence
    marks: Counter[str]
    orders: Mapping[str, str]
    unrepeatable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """Where what happened in a run is looked up: the world's truth, the database (`people`: as people see it), and the
    machines that daemons ran on. `orders` are those that somebody has to answer, `lost` is what the database has no more."""

    plan: Plan
    world: World
    people: Engine
    machines: Sequence[Machine]
    orders: Sequence[PlannedOrder]
    marks: Counter[str]
    lost: Lost = NOTHING_LOST

    def left(self, deaths: Sequence[datetime], direct: Sequence[Mapping[str, Any]], **more: Any) -> Left:
        """As of now. `more`: what else the evidence has."""
        world, story, box = self.world, self.plan.scenario, CommandBox(self.people)
        answers = {order.command.id: box.find(order.command.id) for order in self.orders}
        evidence = Evidence(
            ledger=world.ledger.entries,
            requests=world.ledger.requests,
            journal=[
                self._with_its_true_time(row)
                for row in self.lost.with_journal(journal_rows(Journal(self.people)))
            ],
            notices=self.lost.with_notices(notice_rows(self.people)),
            rollouts=rollouts(self.people),
            policies={name: as_written(name) for name in self._policies()},
            people=[person_row(person) for person in self.plan.listed],
            orders=self.lost.with_orders([order_row(order) for order in box.everything()]),
            scenario={
                "mode": story.mode,
                "supersede": self.plan.supersede.value,
                **(WAKE if self.plan.alarms else {}),
                "apps": [_told(app) for app in story.apps],
            },
            account=ACCOUNT,
            deaths=[iso(death) for death in deaths],
            unwritten=[iso(at) for at in self._unwritten()],
            stopped=[
                f"{iso(begun)} {iso(ended)}" for machine in self.machines for begun, ended in machine.stopped
            ],
            slow=list(self._slow()),
            line=self._line(),
            direct=direct,
            lost=[row["seq"] for row in self.lost.journal],
            **more,
        )
        told = {name: (row.result.value if row and row.result else "") for name, row in answers.items()}
        told |= {
            name: "lost" for name, row in answers.items() if row is None and name in self.lost.of_orders()
        }
        return Left(evidence, self.marks, told, tuple(self._unrepeatable()))

    def _policies(self) -> list[str]:
        """Those by which anything may be steered, the story's own first."""
        named = [order.command.policy for order in self.orders]
        known = policies().policies
        return [name for name in dict.fromkeys((self.plan.scenario.policy, *named)) if name in known]

    def _unwritten(self) -> list[datetime]:
        return sorted(at for machine in self.machines for at in machine.unwritten)

    def _line(self) -> list[str]:
        """Nothing is said of a stop whose end lies in the eye of a clock that is wrong at some time."""
        wrong = any(machine.clock.is_ever_wrong for machine in self.machines)
        if wrong and any(act.until for act in self.plan.line):
            return []
        return list(stopped_spans(self.plan.line, self.world.timeline.now))

    def _slow(self) -> Iterator[str]:
        for machine in self.machines:
            if slow := machine.clock.slow:
                yield f"{iso(slow[0])} {iso(slow[1])} {slow[2]}"

    def _with_its_true_time(self, row: dict[str, Any]) -> dict[str, Any]:
        told = datetime.fromisoformat(row["at"])
        times = (machine.true_time(row["hash"], told) for machine in self.machines)
        true = next((at for at in times if at != told), told)
        return row if true == told else {**row, "true_at": iso(true)}

    def _unrepeatable(self) -> Iterator[str]:
        journal, ledgers = Journal(self.people), LedgerTable(self.people)
        for key in journal.rollout_keys():
            told = tuple((facts.read(entry.entry), entry.entry.at) for entry in journal.history(key))
            for again in replay(key, told, ledgers.revisions(key)):
                self.marks["decided on evidence"] += 1
                if not again.agrees and not self._left_out(again):
                    yield f"replay: {again.at} {key}: {again.decision} was made on {again.recorded}, now {again.again}"

    def _left_out(self, again: Replay) -> bool:
        unwritten = self._unwritten()
        return any(left_out(again, unwritten, machine.clock.truly) for machine in self.machines)


def ended(evidence: Evidence, at: datetime) -> Evidence:
    """As of a story that ended then, before its time: what came after the last look is nothing that was overlooked."""
    scenario, *rest = evidence.ledger
    return replace(evidence, ledger=[{**scenario, "until": iso(at)}, *rest])


def left_out(
    again: Replay, unwritten: Sequence[datetime], truly: Callable[[datetime], datetime] = lambda told: told
) -> bool:
    """Whether it is a brake that was written down without its counts, because the disk failed over them: such a
    decision does not wait for them (R18), and the next pass reads them anew. What raises is written with them or not
    at all."""
    at = truly(again.at)
    brakes = again.decision in (DecisionKind.HALT, DecisionKind.HOLD, DecisionKind.WAIT)
    return again.again is None and brakes and any(at <= failed <= at + PASS_MOST for failed in unwritten)


def _told(app: AppStory) -> dict[str, Any]:
    """What the judge may know of an app."""
    link = app.link
    linked = {"link": {"lead": link.lead, "after": link.after_ppm / 10_000}} if link else {}
    return {"name": app.name, **linked}
