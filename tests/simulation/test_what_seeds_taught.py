"""Stories that seeds told when they failed, each kept as what happens in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from stagedrollout.core import facts
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.model import CommandVerb, Store
from stagedrollout.core.replay import Replay
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    AppStory,
    Onset,
    PlannedAct,
    ReleaseStory,
    RolledOut,
    Scenario,
    Submitted,
)
from stagedrollout.emulator.world import World
from tests.judge import judge
from tests.judge.case import understand
from tests.simulation.ambush import Ambush
from tests.simulation.by_hand import FINE, MONDAY, app, hours, in_the_console, order
from tests.simulation.clocks import WrongClock
from tests.simulation.left import Left, ended, left_out
from tests.simulation.perils import NoPerils, Perils
from tests.simulation.plan import Plan
from tests.simulation.points import BEFORE_SEND
from tests.simulation.rest import unrest
from tests.simulation.run import play


def told(plan: Plan) -> Left:
    """Played, broken no promise, and come to rest."""
    left = play(plan)
    assert judge(left.evidence).findings == []
    assert list(unrest(plan, left)) == []
    return left


def a_plan(
    *apps: AppStory, until: float = 24, poll: float = 1, people: tuple[PlannedAct, ...] = (), **more: Any
) -> Plan:
    scenario = Scenario(
        name="taught",
        story="",
        seed=7,
        start=MONDAY,
        until=hours(until),
        poll=hours(poll),
        policy="quick",
        mode="act",
        on_new_release="adopt",
        apps=apps,
        people=people,
        outages=(),
        switches={},
    )
    standard: dict[str, Any] = {
        "weather": FINE,
        "calm_from": MONDAY + hours(until - 7),
        "points_per_life": 0,
        "orders": (),
    }
    return Plan(7, scenario, **{**standard, **more})


@pytest.mark.promise("R20")
@pytest.mark.parametrize("word", ["invalid_blocks", "msg_too_long", "invalid_metadata_format"])
def test_what_slack_takes_in_no_other_form_is_told_in_one_plain_sentence(word: str) -> None:
    """It may be refused with its blocks and as a text; a sentence is refused by no Slack."""
    refused = Fault("slack", "error", "chat.postMessage", count=9, detail=word)
    plan = a_plan(
        app(GOOGLE_PLAY),
        orders=(order(5, CommandVerb.HALT, "5.2.0"),),
        ambushes=(Ambush(MONDAY + hours(5) - timedelta(minutes=1), refused),),
    )
    left = told(plan)
    texts = [r["text"] for r in left.evidence.ledger if r["type"] == "slack" and not r["blocks"]]
    assert any("refused the text" in text for text in texts)


AT = MONDAY + hours(3)
WEIGHED = facts.Weighed("head", 9.0, None, (), 0.5, 0.1, 1.2, 2.0, AT - hours(1))


@pytest.mark.parametrize(
    ("decision", "failed", "again", "excused"),
    [
        (DecisionKind.HALT, AT + timedelta(seconds=10), None, True),
        (DecisionKind.ADVANCE, AT + timedelta(seconds=10), None, False),
        (DecisionKind.HALT, AT - timedelta(seconds=10), None, False),
        (DecisionKind.HALT, AT + hours(1), None, False),
        (DecisionKind.HALT, AT + timedelta(seconds=10), replace(WEIGHED, ln_e=8.0), False),
    ],
)
def test_a_halt_over_whose_counts_the_disk_failed_need_not_come_out_again_and_all_else_must(
    decision: DecisionKind, failed: datetime, again: facts.Weighed | None, excused: bool
) -> None:
    assert left_out(Replay(AT, decision, WEIGHED, again), [failed]) == excused


def test_a_story_that_is_over_before_its_time_ends_with_the_last_look() -> None:
    """Else Apple's step after that would be held against a daemon that had no reason to look again yet."""
    left = told(a_plan(app(GOOGLE_PLAY), until=10))
    over = MONDAY + hours(9)
    assert understand(left.evidence).ended_at == MONDAY + hours(10)
    assert understand(ended(left.evidence, over)).evidence.ledger[0]["until"] == iso(over)


@pytest.mark.promise("R20")
def test_a_halt_that_play_refuses_while_it_reads_in_no_known_state_is_told_once_it_holds() -> None:
    """NOT HALTED at once, each state that nobody understands, and HALTED in the end: it was one halt all the time."""
    turned_away = Fault("google_play", "401", "edits.commit", count=12)
    read_as_new = Fault("google_play", "unknown_status", count=1)
    plan = a_plan(
        app(GOOGLE_PLAY),
        orders=(order(5, CommandVerb.HALT, "5.2.0"),),
        ambushes=(
            Ambush(MONDAY + hours(5) - timedelta(minutes=1), turned_away),
            *(Ambush(MONDAY + hours(5) + timedelta(seconds=s), read_as_new) for s in (50, 110)),
        ),
    )
    evidence = told(plan).evidence
    drifts = [row["body"]["meaning"] for row in evidence.journal if row["kind"] == "drifted"]
    assert drifts.count("unknown") >= 2
    loud = [row["kind"] for row in evidence.notices if row["broadcast"]]
    assert [loud.count(kind) for kind in ("not_halted", "halted")] == [1, 1]


@pytest.mark.promise("R10")
@pytest.mark.parametrize("mistaken", [CommandVerb.START, CommandVerb.HALT])
def test_a_pause_right_after_our_step_is_noticed_before_the_person_takes_it_back(
    mistaken: CommandVerb,
) -> None:
    """It reads like the state from before our step, and so is not believed at first: the next look comes within
    minutes, and not a poll of two hours later, when it goes on again. An order for a release that is not there had it
    looked at."""
    plan = a_plan(
        app(APP_STORE),
        orders=(
            order(2.6, CommandVerb.ADVANCE, "5.2.0", Store.APP_STORE),
            order(2.7, mistaken, "5.3.0", Store.APP_STORE),
        ),
        people=(
            in_the_console(2.65, "pause", store=APP_STORE),
            in_the_console(2.95, "resume", store=APP_STORE),
        ),
        poll=2,
    )
    drifts = [row["body"]["meaning"] for row in told(plan).evidence.journal if row["kind"] == "drifted"]
    assert drifts == ["halted", "resumed"]


@pytest.mark.promise("R9")
def test_what_somebody_paused_while_apple_could_not_be_read_is_never_let_go_on_by_the_schedule() -> None:
    """Our own pause goes out blind, and Apple answers that it is paused already: that is all anybody is told of who did
    it, for the answer to the next one would be lost."""
    blind = Fault("app_store", "502", "versions.list", count=None)
    lost = Fault("app_store", "504", "phased.update", skip=1, count=9)
    plan = a_plan(
        app(APP_STORE),
        orders=(order(2.6, CommandVerb.ADVANCE, "5.2.0", Store.APP_STORE),),
        people=(in_the_console(2.8, "pause", store=APP_STORE),),
        ambushes=tuple(Ambush(MONDAY + hours(2.7), fault) for fault in (blind, lost)),
        until=30,
    )
    left = told(plan)
    refused = [row for row in left.evidence.requests if row["status"] == 409 and row["method"] == "PATCH"]
    drifts = [row["body"]["meaning"] for row in left.evidence.journal if row["kind"] == "drifted"]
    assert (len(refused), drifts) == (1, ["halted"])
    assert [row["phase"] for row in left.evidence.rollouts] == ["halted"]


def test_a_version_that_was_off_sale_before_anybody_looked_is_the_past() -> None:
    """Released and taken off sale between two looks: its phased release is over for good, though Apple goes on calling
    it active, and there is nothing to roll out."""
    submitted = Submitted(hours(1.2), timedelta(0), "after_approval", True, processing=timedelta(0))
    shown = app(APP_STORE)
    released = ReleaseStory("5.2.0", 5020, 998_000, submitted=submitted)
    apps = replace(shown, releases=(shown.releases[0], released))
    left = told(a_plan(apps, people=(in_the_console(1.6, "remove_from_sale", store=APP_STORE),)))
    served = [r for r in left.evidence.ledger if r["type"] == "served" and r["release"] == "5.2.0"]
    assert (served[-1]["status"], served[-1]["exposure_ppm"]) == ("ACTIVE", 0)
    assert left.evidence.rollouts == []


def test_a_halt_that_play_has_nothing_to_serve_instead_of_is_told_and_stays_wanted() -> None:
    """In a status that nobody knew, what everybody has looked like a rollout, and somebody ordered it halted. Play never
    does that: that it is not halted is said aloud, the order has no answer, and nothing is wrong with either."""
    shown = app(GOOGLE_PLAY)
    odd = Fault("google_play", "unknown_status", "tracks.get")
    plan = a_plan(
        replace(shown, releases=shown.releases[:1]),
        orders=(order(1.5, CommandVerb.HALT, "5.1.0"),),
        ambushes=(Ambush(MONDAY, odd),),
    )
    left = told(plan)
    assert [row["phase"] for row in left.evidence.rollouts] == ["not_halted"]
    assert [row["kind"] for row in left.evidence.notices if row["broadcast"]].count("not_halted") == 1
    assert left.orders == {"halt-1.5": ""}


@pytest.mark.promise("R10")
def test_what_somebody_raised_and_lowered_again_between_two_looks_goes_on_as_if_nobody_had() -> None:
    """Play tells what is, not what was: no look can know, and the bake is the one from before."""
    plan = a_plan(
        app(GOOGLE_PLAY),
        people=(
            in_the_console(2.1, "raise", exposure_ppm=500_000),
            in_the_console(2.2, "lower", exposure_ppm=10_000),
        ),
    )
    journal = told(plan).evidence.journal
    assert not any(row["kind"] == "drifted" for row in journal)
    assert "ADVANCE" in {row["body"].get("decision") for row in journal}


@pytest.mark.promise("R3", "R10")
def test_what_went_out_to_everyone_while_the_daemon_was_away_is_found_and_halted_when_it_turns_bad() -> None:
    """The first release that it could have seen rolled out: the one before it was complete at every look so far."""
    shown, bad = app(GOOGLE_PLAY), Onset(hours(4), 900_000)
    rolled_out = RolledOut(hours(1.2), 10_000, timedelta(0))
    newest = replace(shown.releases[1], rolled_out=rolled_out, onset=bad)
    apps = replace(shown, releases=(shown.releases[0], newest))
    evidence = told(a_plan(apps, people=(in_the_console(1.6, "complete"),))).evidence
    found = next(row["body"] for row in evidence.journal if row["kind"] == "discovered")
    assert (found["release"]["version"], found["status"]) == ("5.2.0", "completed")
    assert [row["phase"] for row in evidence.rollouts] == ["halted"]


@pytest.mark.promise("R7", "R19")
def test_what_somebody_lets_go_on_is_paused_while_the_machines_clock_is_wrong() -> None:
    """There silence raises: clocks that disagree say so as a pause, and people are told of it. Five minutes: Apple still
    takes what is signed by that clock."""
    wrong = WrongClock(hours(1.5), hours(6), -timedelta(minutes=5))
    plan = a_plan(app(APP_STORE), people=(in_the_console(3.6, "resume", store=APP_STORE),), clock=wrong)
    evidence = told(plan).evidence
    resumed = next(row["seq"] for row in evidence.journal if row["body"].get("meaning") == "resumed")
    decided = (row["body"] for row in evidence.journal if row["seq"] > resumed and row["kind"] == "decided")
    held = next(decided)
    assert (held["decision"], held["verb"]) == ("HOLD", "pause")
    assert [reason["code"] for reason in held["reasons"]] == ["clocks_disagree"]
    assert "ADVANCE" in {later["decision"] for later in decided}
    assert "held" in {row["kind"] for row in evidence.notices}


class AtTheFirstCommit(Perils):
    """A life that ends when its edit is written, and not committed yet."""

    def __init__(self) -> None:
        super().__init__(Random(0), 0)

    def met(self, name: str) -> None:
        if name == "google_play edits.commit" + BEFORE_SEND:
            self.die(name)


class DiesOnce:
    """The next life begins at once, and does not end."""

    def __init__(self) -> None:
        self._lives = iter((AtTheFirstCommit(), NoPerils()))

    def life(self, world: World) -> Perils:
        return next(self._lives)

    def hours_dead(self) -> float:
        return 0.0


@pytest.mark.promise("R13")
@pytest.mark.parametrize("stopped", [False, True], ids=["a raise", "a halt"])
def test_what_a_daemon_did_not_live_to_commit_is_not_believed_although_play_shows_it_to_the_next_one(
    stopped: bool,
) -> None:
    """Play may give the edit of a moment ago again, and in it stands what was wished."""
    orders = (order(1.5, CommandVerb.HALT, "5.2.0"),) if stopped else ()
    plan = a_plan(app(GOOGLE_PLAY), orders=orders)
    shared = replace(plan.scenario, switches={"same_edit_within_2s": True})
    left = play(replace(plan, scenario=shared), DiesOnce())
    assert judge(left.evidence).findings == []
    assert len(left.evidence.deaths) == 1
