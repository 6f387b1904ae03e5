"""A campaign counts what it played, keeps that whatever ends it, and says where it saw nothing."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.simulation import __main__ as command
from tests.simulation import campaign as campaigns
from tests.simulation import record
from tests.simulation.atlas import ATLAS, unseen
from tests.simulation.blind import CAMPAIGN, ENOUGH, MUST_BE_MET, OFTEN, blind
from tests.simulation.campaign import Wanted, campaign
from tests.simulation.outcome import Outcome

EVERYTHING = {*MUST_BE_MET, *(mark for trouble in ATLAS for mark in trouble.marks)}


def played(seed: int) -> Outcome:
    """As quick as a seed can be, with a fault; each seventh fails."""
    wrong = ("halts_lost: 5.2.0 was never halted",) if seed % 7 == 6 else ()
    return Outcome(
        seed, wrong, {"fault: slack 429": 2, "because: pass": 1}, "", "", month=seed % 100 == 0, cpu=0.1
    )


def _wanted(ledger: Path | None, first: int, seeds: int) -> Wanted:
    return Wanted(first, seeds, jobs=1, ledger=ledger)


def test_what_was_played_is_counted_and_written_down(tmp_path: Path) -> None:
    file = tmp_path / "campaign.jsonl"
    result = campaign(_wanted(file, 0, 10), play=played)
    (batch,) = record.read(file)
    assert (batch.first, batch.last, batch.tally.line()) == (0, 9, result.tally.line())
    assert (result.tally.seeds, result.tally.months, result.tally.failing) == (10, 1, [6])
    assert result.tally.faults == {"fault: slack 429": 20}
    assert not result.kept


def test_a_campaign_goes_on_after_its_last_seed_and_is_judged_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "campaign.jsonl"
    monkeypatch.setattr(campaigns, "BATCH", 4)
    campaign(_wanted(file, 0, 6), play=played)
    first = record.after_the_last(file)
    result = campaign(_wanted(file, first, 5), play=played)
    assert [(batch.first, batch.last) for batch in record.read(file)] == [(0, 3), (4, 5), (6, 9), (10, 10)]
    assert (first, result.tally.seeds, result.whole.seeds) == (6, 5, 11)
    assert result.whole.marks["because: pass"] == 11


def test_a_ledger_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "campaign.jsonl"
    campaign(_wanted(file, 0, 3), play=played)
    file.write_text(file.read_text("utf-8") + '{"seeds": 3}\n', "utf-8")
    ran = CliRunner().invoke(command.main, ["--resume", "--ledger", str(file), "--seeds", "1"])
    assert ran.exit_code != 0
    assert "line 2: not a line of a campaign" in ran.output


def _mended(seed: int) -> Outcome:
    """As `played`, but that seed 6 is mended and 13 is not."""
    return replace(played(seed), faults=() if seed == 6 else played(seed).faults)


def test_seeds_that_failed_are_played_again_and_the_ledger_tells_both(tmp_path: Path) -> None:
    file = tmp_path / "campaign.jsonl"
    campaign(_wanted(file, 0, 16), play=played)
    assert record.unmended(file) == [6, 13]
    heard: list[int] = []
    campaigns.again(file, 1, lambda told: heard.append(told.seed), _mended)
    assert heard == [6, 13]
    assert record.unmended(file) == [13]
    assert [(each.again, each.failing) for each in record.retrials(file)] == [((6, 13), (13,))]
    assert [batch.tally.failing for batch in record.read(file)] == [[6, 13]]
    assert record.after_the_last(file) == 16


def test_nothing_is_written_down_where_no_seed_had_failed(tmp_path: Path) -> None:
    file = tmp_path / "campaign.jsonl"
    campaign(_wanted(file, 0, 3), play=played)
    assert campaigns.again(file, 1, play=played).again == ()
    assert record.retrials(file) == []


def _stopped_at_3(seed: int, *, how: signal.Signals) -> Outcome:
    if seed == 3:
        os.kill(os.getppid(), how)
    return played(seed)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_loses_nothing_that_was_counted(tmp_path: Path, how: signal.Signals) -> None:
    file = tmp_path / "campaign.jsonl"
    heard: list[int] = []
    play = partial(_stopped_at_3, how=how)
    result = campaign(_wanted(file, 0, 5_000), tell=lambda told: heard.append(told.seed), play=play)
    (batch,) = record.read(file)
    assert heard == list(range(batch.last + 1))
    assert 4 <= result.tally.seeds == batch.tally.seeds < 5_000


def test_time_that_is_up_ends_a_campaign(tmp_path: Path) -> None:
    wanted = replace(_wanted(tmp_path / "campaign.jsonl", 0, 10**9), minutes=0.0001)
    assert campaign(wanted, play=played).tally.seeds < 10**9


def _another_story(seed: int) -> Outcome:
    return replace(played(seed), trace="of another story")


def test_a_seed_that_tells_another_story_the_second_time_is_told() -> None:
    result = campaign(_wanted(None, 50, 2), play=_another_story)
    assert (result.tally.replayed, result.tally.mismatches) == (1, [50])
    assert not result.kept
    assert command.document(result)["replay_mismatches"] == 1


@pytest.mark.parametrize("missing", sorted(EVERYTHING & set(MUST_BE_MET)))
def test_a_thousand_seeds_that_never_met_something_are_blind(missing: str) -> None:
    assert missing in blind(Counter(EVERYTHING - {missing}), ENOUGH)


def test_a_thousand_seeds_that_met_everything_are_not_blind() -> None:
    assert blind(Counter(EVERYTHING), ENOUGH) == []
    assert blind(Counter(), ENOUGH - 1) == []


def test_a_whole_campaign_must_have_met_everything_often() -> None:
    often = Counter(dict.fromkeys(EVERYTHING, OFTEN))
    assert blind(often, CAMPAIGN) == []
    often["because: fail"] -= 1
    assert blind(often, CAMPAIGN) == ["because: fail"]


def test_the_atlas_knows_fifty_four_troubles_each_with_its_mark_or_where_else_it_is_tried() -> None:
    assert len(ATLAS) == 54
    assert all(bool(trouble.marks) is not bool(trouble.elsewhere) for trouble in ATLAS)
    assert len(unseen(frozenset())) == sum(bool(trouble.marks) for trouble in ATLAS)


def test_one_document_tells_a_machine_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "campaign", lambda wanted, tell: campaign(wanted, tell, played))
    ran = CliRunner().invoke(command.main, ["--seeds", "3", "--jobs", "1", "--json"])
    told = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert (told["seeds"], told["faults"], told["violations"]) == (3, 6, 0)
    assert (told["blind_marks"], told["replay_mismatches"]) == ([], 0)
