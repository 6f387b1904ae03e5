"""`why-not`: what kept a rollout at an instant, since when and until when, and never a guess."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest

from stagedrollout.cli.instants import instant_typed, since_typed
from stagedrollout.cli.wrapping import wrapped
from stagedrollout.core import facts
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import Reason
from stagedrollout.core.ledger import Measure, Place, Revision, Tally
from stagedrollout.core.model import DAEMON, CommandVerb
from stagedrollout.storage.batch import Batch
from tests.core.builders import ANNA, DAY, NOON
from tests.knowing.world import World, at, superseded, typed
from tests.reporting.histories import HARM, PASSED, SUSPECTED, History, bad, completed


def asked(world: World, hours: float | None, history: History, *more: str) -> dict[str, Any]:
    when = () if hours is None else ("--at", typed(at(history, hours)))
    said = world.says("why-not", history.app, *when, *more, "--json")
    assert said.exit_code == 0, said.output
    (document,) = json.loads(said.stdout)["rollouts"]
    return document


def test_each_reason_has_its_own_beginning_and_end(tmp_path: Path) -> None:
    both = (Reason("bake", "bakes until 10:00"), Reason("window", "outside the hours"))
    history = History().started(0).waits(1).at(20, facts.Decided(DecisionKind.WAIT, both, DAEMON))
    history.waits(30, "window").raised(40, 10).waits(41)
    document = asked(World(tmp_path, history), 25, history)
    assert (document["answer"], document["decision"]["kind"]) == ("waits", "WAIT")
    spans = {each["code"]: (each["since"], each["until"]) for each in document["reasons"]}
    assert spans == {
        "bake": (typed(at(history, 1)), typed(at(history, 30))),
        "window": (typed(at(history, 20)), typed(at(history, 40))),
    }
    assert document["next"]["at"] == typed(at(history, 30))
    assert document["exposure_ppm"] == 10_000


def test_what_holds_it_up_and_what_raised_it_are_different_answers(tmp_path: Path) -> None:
    history = completed().at(80, facts.Held(ANNA, "a party", None))
    world = World(tmp_path, history)
    assert asked(world, 61, history)["answer"] == "holds"
    raised = asked(world, 40.1, history)
    assert (raised["answer"], "advance to 10 %" in raised["said"]) == ("raised", True)
    assert "confirmed" in raised["said"]


def test_a_halt_answers_for_all_that_comes_after_it(tmp_path: Path) -> None:
    history = bad()
    history.held(13, Reason("halted", "halted by stagedrollout; only a person can resume it"))
    document = asked(World(tmp_path, history), 100, history)
    assert document["answer"] == "halted"
    (reason,) = document["reasons"]
    assert (reason["since"], reason["until"]) == (typed(at(history, 12)), None)


@pytest.mark.parametrize("command", ["why-not", "explain"])
def test_a_configuration_that_cannot_be_used_keeps_nobody_from_asking_why(
    tmp_path: Path, command: str
) -> None:
    """The daemon goes on by its old one, and then above all people ask."""
    history = History().started(0).waits(1)
    world = World(tmp_path, history)
    world.config.write_text(world.config.read_text("utf-8") + "poll: potato\nodd: 1\n", "utf-8")
    said = world.says(command, "shop")
    assert (said.exit_code, "waits for bake" in said.stdout) == (0, True), said.output
    assert "The configuration cannot be used, so what policies say is not told: " in said.stderr
    assert "poll: this value cannot be used" in said.stderr
    assert "(and 1 more)" in said.stderr
    document = json.loads(world.says(command, "shop", "--json").stdout)
    assert document["rollouts"][0]["app"] == "shop"
    for wrong, near in ((("shpo",), "`shop`"), (("shop", "--store", "google"), "`google_play`")):
        refused = world.says(command, *wrong)
        assert (refused.exit_code, near in refused.stderr) == (2, True), refused.output
    world.config.write_text("poll: potato", "utf-8")
    assert isinstance(world.says(command, "shop").exception, WrongConfiguration), "no database can be told"


def test_what_is_only_observed_was_neither_halted_nor_raised_and_that_is_said(tmp_path: Path) -> None:
    observing = Reason("observe", "mode observe: nothing is sent")
    history = History().started(0).waits(1)
    history.at(20, facts.Decided(DecisionKind.ADVANCE, (*PASSED, observing), DAEMON, target_ppm=10_000))
    history.at(30, facts.Decided(DecisionKind.HALT, (*HARM, observing), DAEMON))
    world = World(tmp_path, history)
    raised = asked(world, 25, history)
    assert (raised["answer"], raised["said"]) == (
        "not_sent",
        "it would have been raised from 1 %, and nothing was sent",
    )
    failing = asked(world, 35, history)
    assert (failing["answer"], failing["said"]) == (
        "not_sent",
        "it should have been halted, and nothing was sent",
    )


def test_a_halt_that_the_store_did_not_show_is_not_told_as_one(tmp_path: Path) -> None:
    refused = History().started(0, percent=10).halted(12, confirmed=None)
    document = asked(World(tmp_path, refused), 13, refused)
    assert (document["answer"], "the store did not show" in document["said"]) == ("not_halted", True)


def test_a_halt_that_was_read_back_later_says_when(tmp_path: Path) -> None:
    history = History().started(0, percent=10).halted(12, confirmed=2)
    document = asked(World(tmp_path, history), 13, history)
    assert document["answer"] == "not_halted"
    assert document["said"].endswith(f"; confirmed at {at(history, 14):%Y-%m-%d %H:%M} UTC")


def refused(text: str) -> facts.Commanded:
    return facts.Commanded("c9", CommandVerb.ADVANCE, ANNA, "we\x1b[31m are late", False, text)


def test_orders_that_were_refused_meanwhile_are_told_with_who_and_why(tmp_path: Path) -> None:
    history = History().started(0).waits(1).at(5, refused("the bake lasts until 10:00"))
    history.waits(30, "window").at(31, refused("outside the hours"))
    world = World(tmp_path, history)
    (order,) = asked(world, 4, history)["refused"]
    assert (order["by"], order["verb"], order["at"]) == ("anna", "advance", typed(at(history, 5)))
    assert [one["text"] for one in asked(world, 30, history)["refused"]] == ["outside the hours"]
    assert asked(world, -1, history)["refused"] == []
    said = world.says("why-not", "shop", "--at", typed(at(history, 4))).stdout
    line = next(line for line in said.splitlines() if "refused" in line)
    assert "advance by anna (we[31m are late): the bake lasts until 10:00" in line


def test_of_many_refused_orders_the_newest_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    history = History().started(0).waits(1).at(5, *(refused(f"no {number}") for number in range(8)))
    said = World(tmp_path, history).says("why-not", "shop", "--at", typed(at(history, 6))).stdout
    assert [number for number in range(8) if f"no {number}" in said] == [3, 4, 5, 6, 7]
    assert "and 3 orders more" in said


def test_on_a_terminal_a_sentence_is_broken_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "since 09:00: " + "evidence of harm " * 20
    assert wrapped(text, 4) == [text]
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    first, *more = wrapped(text, 4)
    assert all(line == line.rstrip() and len(line) <= 60 for line in (first, *more))
    assert {len(line) - len(line.lstrip()) for line in more} == {4}
    assert " ".join(line.strip() for line in (first, *more)) == text.strip()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_guessed_about_a_time_of_which_nothing_is_recorded(tmp_path: Path) -> None:
    history = History().started(0).waits(1).raised(40, 10).waits(41)
    world = World(tmp_path, history, running=False)
    silent = asked(world, 20, history)
    assert (silent["nothing_recorded"], silent["looked_before"]) == (True, typed(at(history, 1)))
    said = " ".join(world.says("why-not", "shop", "--at", typed(at(history, 20))).stdout.split())
    assert "whether a daemon looked then is not known; this was the decision in force" in said
    before = asked(world, -5, history)
    assert (before["answer"], before["decision"], before["looked_before"]) == ("not_known_yet", None, None)


def test_counts_that_were_read_anew_show_that_somebody_looked(tmp_path: Path) -> None:
    history = History().started(0).waits(1)
    world = World(tmp_path, history)
    looked = at(history, 19.5)
    revision = Revision(Measure.CRASHED, Place(at(history, 18)), Tally(1, 0, 1, 0), looked)
    world.journal.record(Batch(history.key, looked, revisions=(revision,)))
    document = asked(world, 20, history)
    assert (document["looked_before"], document["nothing_recorded"]) == (typed(looked), True)
    assert asked(world, 19.6, history)["looked_before"] == typed(looked)


def test_without_a_time_it_is_now(tmp_path: Path) -> None:
    history = completed().held(90, *SUSPECTED)
    world = World(tmp_path, history)
    world.presence.pass_finished(
        history.key.store_app, datetime.now(UTC), next_due=None, problem="the store could not be read"
    )
    document = asked(world, None, history)
    assert (document["asked_now"], document["answer"], document["problem"]) == (
        True,
        "holds",
        "the store could not be read",
    )
    assert document["nothing_recorded"] is False
    said = world.says("why-not", "shop").stdout
    assert "Nothing else was decided since." in said
    assert "The newest pass had trouble: the store could not be read" in said


def test_a_time_of_the_past_means_the_release_that_was_going_on_then(tmp_path: Path) -> None:
    old, new = superseded(completed(), 170, "5.3.0"), bad("5.3.0", NOON + 7 * DAY)
    world = World(tmp_path, old, new)
    assert asked(world, 20, old)["release"] == "5.2.0 (520)"
    assert asked(world, 20, new)["release"] == "5.3.0 (530)"
    over = asked(world, 200, old, "--release", "5.2.0")
    assert (over["answer"], "superseded by 5.3.0" in over["said"]) == ("over", True)


def test_a_plain_clock_time_is_of_the_calendars_zone_and_says_so(tmp_path: Path) -> None:
    history = History().started(0).waits(1)
    world, typed_at = World(tmp_path, history), ("--at", "2026-03-03 09:00")
    said = world.says("why-not", "shop", *typed_at).stdout
    assert said.startswith("On 2026-03-03 at 09:00 Asia/Tokyo (2026-03-03 00:00 UTC), shop on Google Play")
    (document,) = json.loads(world.says("why-not", "shop", *typed_at, "--json").stdout)["rollouts"]
    assert (document["time_zone"], document["asked_at"]) == ("Asia/Tokyo", "2026-03-03T00:00:00+00:00")


TOKYO = "Asia/Tokyo"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9:00", "2026-03-03T00:00:00+00:00"),
        ("09:00", "2026-03-03T00:00:00+00:00"),  # today in Tokyo, where it is 11:00
        ("11:30", "2026-03-02T02:30:00+00:00"),  # not come yet today: yesterday
        ("2026-03-02 20:15", "2026-03-02T11:15:00+00:00"),
        ("2026-03-02T20:15+01:00", "2026-03-02T19:15:00+00:00"),
        ("2026-03-02", "2026-03-01T15:00:00+00:00"),
    ],
)
def test_instants_as_people_type_them(written: str, meant: str) -> None:
    now = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    assert instant_typed(written, now, ZoneInfo(TOKYO), "--at").isoformat() == meant


ENDS = ("0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00")
"""In UTC there are no such instants."""


@pytest.mark.parametrize(
    "written", ["", "9", "noon", "25:00", "2026-13-01", "2027-01-01", "09:00Z", "0900", *ENDS]
)
def test_what_is_no_instant_of_the_past_is_wrong_usage(written: str) -> None:
    with pytest.raises(click.BadParameter):
        instant_typed(written, datetime(2026, 3, 3, 2, 0, tzinfo=UTC), UTC, "--at")


def test_since_is_a_duration_back_or_an_instant() -> None:
    assert since_typed("2d", NOON, "--since") == NOON - timedelta(days=2)
    assert since_typed("2026-03-01", NOON, "--since") == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(click.BadParameter, match="2d, 36h, 2026-03-03"):
        since_typed("yesterday", NOON, "--since")
    for written in ENDS:
        with pytest.raises(click.BadParameter):
            since_typed(written, NOON, "--since")
