"""Every check of the judge, and the promises that it guards. The README's table of promises is made from this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.judge.case import Case
from tests.judge.checks import (
    agreement,
    alarms,
    apple_people,
    approvals,
    backwards,
    budget,
    calendar,
    chain,
    confirmed,
    direct,
    expectations,
    halts,
    known_bad,
    leaks,
    line,
    linked,
    notices,
    odds,
    ordered,
    people,
    phases,
    presses,
    raises,
    rights,
    schedule,
    siblings,
    tenures,
    windows,
)
from tests.judge.finding import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """`promises`: their numbers in the README's table, none for what a single story promises."""

    look: Callable[[Case], Iterable[Finding]]
    promises: tuple[str, ...]


CHECKS = (
    Check(raises.check, ("R1", "R23")),
    Check(schedule.stages, ("R5", "R6")),
    Check(schedule.stale, ("R5", "R11")),
    Check(schedule.without_phases, ("R6",)),
    Check(schedule.bakes, ("R5", "R19")),
    Check(calendar.check, ("R11", "R19")),
    Check(line.check, ("R11",)),
    Check(line.growth, ("R7", "R11")),
    Check(approvals.check, ("R1", "R11")),
    Check(approvals.growth, ("R7", "R11")),
    Check(rights.check, ("R11",)),
    Check(presses.without_right, ("R11",)),
    Check(presses.doubled, ("R13",)),
    Check(presses.lost, ("R12", "R20")),
    Check(siblings.check, ("R8",)),
    Check(halts.check, ("R3", "R4", "R22")),
    Check(ordered.check, ("R4", "R11")),
    Check(people.unhalted, ("R9",)),
    Check(direct.check, ("R9", "R12")),
    Check(people.console_acts, ("R10",)),
    Check(known_bad.check, ("R9",)),
    Check(apple_people.unhalted, ("R9",)),
    Check(apple_people.unnoticed, ("R10",)),
    Check(apple_people.invented, ("R10",)),
    Check(apple_people.windows_cut, ("R10",)),
    Check(windows.check, ("R7",)),
    Check(apple_people.halts_without_cause, ("R10",)),
    Check(phases.check, ("R7",)),
    Check(budget.check, ("R7",)),
    Check(linked.halts_ignored, ("R11",)),
    Check(linked.growth_ignored, ("R7", "R11")),
    Check(linked.lead_overtaken, ("R11",)),
    Check(notices.lost, ("R20",)),
    Check(notices.doubled, ("R20",)),
    Check(notices.out_of_order, ("R20",)),
    Check(alarms.check, ("R20",)),
    Check(agreement.rollouts, ("R4", "R13")),
    Check(agreement.undecided, ("R13", "R18")),
    Check(agreement.observed_apps, ()),
    Check(confirmed.check, ("R4", "R13")),
    Check(tenures.check, ("R14", "R15")),
    Check(tenures.doubled, ("R13",)),
    Check(chain.check, ("R16",)),
    Check(backwards.check, ("R17",)),
    Check(odds.check, ("R16",)),
    Check(expectations.check, ()),
    Check(leaks.check, ("R24",)),
)
