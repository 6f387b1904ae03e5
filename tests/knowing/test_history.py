"""`history`: the story, from a time on, and whether the journal has a head that somebody was told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stagedrollout.core import facts
from stagedrollout.core.chronicle import chronicle
from stagedrollout.core.facts import DecisionKind
from stagedrollout.core.judgement import Reason
from stagedrollout.core.model import DAEMON, CommandVerb
from stagedrollout.core.notice import HEAD_DIGITS, Notice, NoticeKind, witnessed
from stagedrollout.core.seen import Drift
from stagedrollout.storage.outbox import OutboxTable
from tests.core.builders import ANNA, DAY, NOON
from tests.knowing.world import World
from tests.reporting.histories import HARM, History, bad, completed


def story(history: History) -> list[tuple[str, int, int]]:
    told = ((history.key, at, fact) for fact, at in history.told)
    return [(line.text, line.before_ppm, line.after_ppm) for line in chronicle(told)]


def test_it_reads_as_sentences_with_who_did_what_and_why_under_headings_of_days(tmp_path: Path) -> None:
    history = bad().ordered(20, CommandVerb.RESUME)
    told = World(tmp_path, history).says("history").stdout
    assert told.startswith("shop on Google Play 5.3.0 (530)\n\nMonday 2 March 2026 (UTC)\n")
    assert "\nTuesday 3 March 2026 (UTC)\n" in told
    for sentence in (
        "12:00                  anna starts it at 10 %: evidence of safety 12 : 1",
        "00:00                  stagedrollout halts it at 0 %: evidence of harm 120 : 1 (halt at 100 : 1)",
        "08:00                  anna orders resume, because: it must; done",
    ):
        assert sentence in told, told


def test_each_change_of_the_exposure_stands_beside_what_brought_it_about(tmp_path: Path) -> None:
    changes = [(text, before, after) for text, before, after in story(completed()) if before != after]
    assert changes == [
        ("the store shows the start", 0, 10_000),
        ("the store shows the raise", 10_000, 100_000),
        ("the store shows the complete", 100_000, 1_000_000),
    ]
    console = [
        each for each in story(History().started(0).drifted(3, Drift.RAISED, 50)) if each[1] != each[2]
    ]
    assert console[-1][0].startswith("somebody has raised it in the console")


def test_what_an_app_in_observe_mode_was_not_raised_by_does_not_name_its_own_share_as_the_goal() -> None:
    observing = Reason("observe", "mode observe: nothing is sent")
    history = (
        History()
        .started(0)
        .at(9, facts.Decided(DecisionKind.ADVANCE, (observing,), DAEMON, target_ppm=10_000))
    )
    assert story(history)[-1][0].startswith("would be raised from 1 %, and nothing was sent")


def test_what_somebody_rolled_out_in_the_console_reads_as_a_sentence() -> None:
    told = [text for text, _, _ in story(History().drifted(3, Drift.ROLLED_OUT, 5))]
    assert told[-1].startswith("somebody has rolled it out in the console: ")


def test_a_look_is_not_told_beside_what_it_led_to() -> None:
    assert not any("the store shows inProgress" in text for text, _, _ in story(completed()))


APPROVED = facts.Approved(ANNA, ("qa",), "tested", 100_000, "PASS", NOON + DAY)
HELD = Reason("halted", f"halted by stagedrollout: {HARM[0].text}; only a person can resume it")


def test_what_merely_follows_from_an_approval_is_not_told_beside_it() -> None:
    waits = Reason("approved", "the step to 10 % approved by anna: tested")
    history = History().started(0).at(1, facts.Decided(DecisionKind.WAIT, (waits,), ANNA, "c1"), APPROVED)
    told = [text for text, _, _ in story(history)]
    assert told[-1].startswith("anna approved the step to 10 %")
    assert not any(waits.text in text for text in told)
    assert any("bake" in text for text, _, _ in story(history.waits(2))), "what it waits for is told"


def test_why_it_was_halted_is_told_at_the_halt_and_not_where_the_halt_holds_it() -> None:
    told = [text for text, _, _ in story(bad().held(13, HELD))]
    assert told[-1] == "is held: halted by stagedrollout; only a person can resume it"
    assert sum(HARM[0].text in text for text in told) == 1
    another = story(History().started(0).held(13, HELD))[-1][0]
    assert HARM[0].text in another, "a reason that was not told yet"


def test_it_can_begin_at_a_time_and_still_knows_what_was_before(tmp_path: Path) -> None:
    world = World(tmp_path, completed(), bad("6.0.0", NOON + 30 * DAY, app="mail"))
    since = ("--since", "2026-03-04")
    told = world.says("history", "shop", *since).stdout
    assert "Monday 2 March" not in told
    assert "1 % -> 10 %" in told
    rows = json.loads(world.says("history", *since, "--json").stdout)["history"]
    assert min(row["at"] for row in rows) >= "2026-03-04"
    assert {row["rollout"].split("/")[0] for row in rows} == {"shop", "mail"}
    later = world.says("history", "shop", "--since", "2026-06-01")
    assert (later.exit_code, later.stdout) == (0, "Nothing happened since 2026-06-01 00:00 UTC.\n")


def test_it_is_told_page_by_page_and_every_entry_once(tmp_path: Path) -> None:
    world = World(tmp_path, completed(), bad("6.0.0", NOON + 30 * DAY, app="mail"))
    whole = json.loads(world.says("history", "--json").stdout)
    assert whole["before"] is None
    pages, before = list[list[int]](), ()
    while not pages or before:
        page = json.loads(world.says("history", "--limit", "7", *before, "--json").stdout)
        pages.insert(0, [row["seq"] for row in page["history"]])
        before = ("--before", str(page["before"])) if page["before"] else ()
    assert [seq for page in pages for seq in page] == [row["seq"] for row in whole["history"]]
    assert {len(page) for page in pages[1:]} == {7}


def test_each_page_of_the_story_knows_what_the_exposure_was_before_it(tmp_path: Path) -> None:
    world = World(tmp_path, completed())
    whole = [line for line in world.says("history", "--limit", "1000").stdout.splitlines() if " -> " in line]
    assert len(whole) == 3
    last = len(completed().told)
    for limit in range(1, last + 1):
        told = world.says("history", "--limit", str(limit)).stdout
        lines = [line for line in told.splitlines() if " -> " in line]
        assert lines == whole[len(whole) - len(lines) :], limit
        assert ("there is more before it: --before" in told) == (limit < last)
        assert told.startswith("shop on Google Play 5.2.0 (520)\n")


@pytest.mark.parametrize("named", ["5.2.0", "520"])
def test_a_release_is_meant_by_its_version_and_by_its_build(tmp_path: Path, named: str) -> None:
    world = World(tmp_path, completed(), bad("5.3.0", NOON + 7 * DAY))
    rows = json.loads(world.says("history", "shop", "--release", named, "--json").stdout)["history"]
    assert {row["rollout"] for row in rows} == {"shop/google_play/520"}


def head_told(world: World) -> tuple[str, str]:
    """Number and beginning of the hash, as the notice's footer tells them."""
    (told,) = [row for row in OutboxTable(world.engine).everything() if row.notice.kind is NoticeKind.HALTED]
    seq, _, head = told.notice.footer.partition("| journal ")[2].partition(": ")
    return seq, head


def test_a_halt_notice_tells_the_head_of_the_journal_and_the_journal_has_it(tmp_path: Path) -> None:
    history = bad()
    world = World(tmp_path)
    world.writes(history, notices=(world.halt_notice(history),))
    seq, head = head_told(world)
    assert len(head) == HEAD_DIGITS
    said = world.says("history", "--verify", "--expect", head)
    assert (said.exit_code, f"is entry {seq}: the journal has it" in said.stdout) == (0, True), said.output
    document = json.loads(world.says("history", "--verify", "--expect", head, "--json").stdout)
    assert [str(each["seq"]) for each in document["expected"]["found"]] == [seq]


def test_a_journal_that_was_written_afresh_does_not_have_the_head_that_was_told(tmp_path: Path) -> None:
    told, history = World(_folder(tmp_path, "told")), bad()
    told.writes(history, notices=(told.halt_notice(history),))
    _, head = head_told(told)
    forged = World(_folder(tmp_path, "forged"), History("5.3.0").started(0, 10, by=DAEMON).halted(12))
    said = forged.says("history", "--verify", "--expect", head)
    assert "as it was written" in said.stdout  # sound in itself, and another story
    assert (
        said.exit_code,
        f"NOT IN THE JOURNAL: no entry has a hash that begins with {head}" in said.stdout,
    ) == (
        1,
        True,
    )


def test_only_halts_bear_witness() -> None:
    for kind in NoticeKind:
        notice = Notice("k", kind, True, "h", (), "policy standard")
        told = witnessed(notice, 7, "ab" * 32).footer
        halt = kind in (NoticeKind.HALTED, NoticeKind.NOT_HALTED)
        assert told == ("policy standard | journal 7: abababababababab" if halt else "policy standard")


@pytest.mark.parametrize("written", ["abc", "zzzzzzzzzz", "a" * 65, "%%%%%%%%%%"])
def test_what_is_no_hash_is_wrong_usage(tmp_path: Path, written: str) -> None:
    said = World(tmp_path, bad()).says("history", "--verify", "--expect", written)
    assert (said.exit_code, "is no hash" in said.stderr) == (2, True)


def test_a_hash_to_expect_needs_something_to_verify(tmp_path: Path) -> None:
    said = World(tmp_path, bad()).says("history", "--expect", "deadbeef")
    assert (said.exit_code, "--expect belongs to --verify" in said.stderr) == (2, True)


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
