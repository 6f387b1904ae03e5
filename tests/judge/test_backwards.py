"""A database that was put back: what nobody could know any more is let pass, and nothing beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.judge.apple_story import AppleStory, resting
from tests.judge.evidence_story import Asking
from tests.judge.story import OLD, Raw, Story, at, bad_release, first_raise, new
from tests.judge.test_alarms import PLACES, WAKE, wakes
from tests.judge.verdict import judge

pytestmark = pytest.mark.promise("R17")

BEHIND = "journal_behind"
SETTLED = {"intent": "x", "verb": "pause"}


@pytest.mark.parametrize(("taken_at", "blamed"), [(30, 0), (8.5, 1), (None, 1)])
def test_what_somebody_let_go_on_is_paused_for_a_journal_that_lacks_its_end_only_where_it_does(
    taken_at, blamed
):
    """To say so is no cause where nothing is lost, or a person has taken the journal as it is."""
    story = resting()
    story.polls(4.5, 6)
    story.person(6.2, "resume", noticed="resumed")
    story.polls(6.5, 8)
    if taken_at:
        story.decides(8, "WAIT")
        story.puts_back(1, 8.1, taken_at)
    story.polls(8.5, 9)
    story.does(9, "pause", "HOLD", because=BEHIND)
    story.tells(9.1, "held", broadcast=True, key=BEHIND)
    story.ends("rolling_out")
    assert story.blamed().get("console_acts_overridden", 0) == blamed


def _held_for_it() -> Story:
    story = Story()
    story.polls(4, 10)
    story.decides(10, "WAIT")
    story.puts_back(1, 10.1, 30)
    story.writes(10.5, "decided", decision="HOLD", intent="", reasons=[{"code": BEHIND}])
    story.ends("rolling_out", 10_000)
    return story


@pytest.mark.parametrize(
    ("waits", "blamed"), [("", 1), ("another one", 1), (f"{BEHIND}/1", 0), ("3/pause", 0)]
)
def test_that_others_wait_excuses_nobody_who_told_nobody_that_the_journal_lacks_its_end(waits, blamed):
    story = _held_for_it()
    if waits:
        story.notes("held", broadcast=True, state="pending")
        story.notices[-1]["key"] = waits
    assert story.blamed().get("lost_journals_untold", 0) == blamed


@pytest.mark.parametrize(
    ("kind", "key", "text", "aloud", "blamed"),
    [
        ("held", f"{BEHIND}/1", "is held", True, 0),
        ("held", f"{BEHIND}/1", "is held", False, 1),
        ("held", "3/pause", "is held, paused: stagedrollout db accept", True, 0),
        ("held", "3/pause", "is held, paused: stagedrollout db accept", False, 1),
        ("held", "3/pause", "is held, paused: too few sessions", True, 1),
        ("command", "4", "somebody goes on, lost was: stagedrollout db accept", True, 1),
    ],
)
def test_that_the_journal_lacks_its_end_is_told_aloud_and_says_what_to_do(kind, key, text, aloud, blamed):
    """Named after its cause, or after the pause for it. Who takes the journal as it is need not have been told by us."""
    story = _held_for_it()
    story.tells(10.6, kind, broadcast=aloud, key=key)
    story.ledger[-1]["text"] = text
    assert story.blamed().get("lost_journals_untold", 0) == blamed


@pytest.mark.parametrize(
    ("known", "until", "announced", "blamed"),
    [(28.6, 36, False, 1), (28.6, 36, True, 0), (28.6, 29.6, False, 0)],
    ids=["to nobody", "announced", "accepted before anybody could"],
)
def test_that_nothing_is_held_for_it_excuses_nobody_who_announces_no_lost_journal(
    known, until, announced, blamed
):
    story = first_raise()
    story.puts_back(1, known, until, announced=announced)
    assert story.blamed().get("lost_journals_unannounced", 0) == blamed


@pytest.mark.parametrize(("thread", "aloud", "blamed"), [(None, True, 0), ("1.0", True, 1), (None, False, 1)])
def test_what_stands_in_the_channel_itself_is_seen_by_everybody(thread, aloud, blamed):
    """The message that its thread hangs on was lost with the journal's end."""
    story = _held_for_it()
    story.notes("held", broadcast=aloud)
    told = story.tells(10.6, "held", key=f"{BEHIND}/1")
    story.ledger[-1]["thread_ts"] = thread
    story.notices[-1] |= {"key": told, "ts": story.ledger[-1]["ts"]}
    assert story.blamed().get("lost_journals_untold", 0) == blamed


def _found_raised(story: Story, hour: float) -> None:
    """A look finds it raised, and calls it somebody's doing."""
    before, after = (
        {"status": "in_progress", "status_word": "inProgress", "review": "published", "exposure_ppm": ppm}
        for ppm in (10_000, 100_000)
    )
    story.writes(hour, "seen", **after)
    story.writes(hour, "drifted", meaning="raised", before=before, after=after)


@pytest.mark.parametrize(
    ("holder", "hour", "blamed"),
    [(1, 29, 1), (2, 29, 0), (2, 34, 1), (3, 29, 0), (3, 37, 1)],
    ids=["knows", "does not know yet", "has been told", "never did", "reads that it was taken"],
)
def test_our_raise_is_called_somebodys_doing_by_one_that_could_know(holder, hour, blamed):
    """Run 1 knows at once, run 2 is told five hours later, run 3 is never; and a person takes it at 36."""
    story = first_raise()
    story.puts_back(1, 28.6, 36)
    story.puts_back(1, 33.6, 36, run=2)
    story.tenures.append({"name": "acme/google_play", "run": holder, "at": at(28)})
    _found_raised(story, hour)
    story.tells(hour, "held", broadcast=True, key=BEHIND)
    assert story.blamed().get("lost_journals_mistaken", 0) == blamed


@pytest.mark.parametrize(
    ("lost", "again", "blamed"),
    [(1, 1, 0), (1, 0, 1), (2, 1, 1)],
    ids=["all of it is written again", "nothing is", "a part is"],
)
def test_what_was_lost_and_is_written_again_to_the_letter_is_no_loss(lost, again, blamed):
    story = Story()
    story.polls(4, 26)
    entries = [{"decision": "HALT", "number": number} for number in range(lost)]
    for body in entries:
        story.writes(27, "decided", intent="", **body)
    story.puts_back(lost, 27.2, 40)
    for body in entries[:again]:
        story.writes(27, "decided", intent="", **body)
    story.polls(27.5, 28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    senders = {str(request["seq"]): 1 for request in story.requests}
    found = judge(replace(story.evidence(), senders=senders)).findings
    assert len([each for each in found if each.check == "raises_on_a_lost_journal"]) == blamed


def _halts_anew(*, wakes_again: bool) -> Story:
    """The halt is lost before anybody was woken for it, and decided once more."""
    story = bad_release(scenario=WAKE)
    story.halts(20.5)
    story.puts_back(1, 20.6, 39)
    story.decides(20.7, "HALT")
    if wakes_again:
        for place in PLACES:
            wakes(story, place)
    story.ends("halted", 10_000)
    return story


@pytest.mark.parametrize("again", [True, False])
def test_a_halt_that_is_decided_anew_wakes_people_as_any_other(again):
    assert _halts_anew(wakes_again=again).blamed() == ({} if again else {"notices_lost": len(PLACES)})


@pytest.mark.parametrize(("lost", "times", "blamed"), [(3, 1, 0), (3, 2, 1), (0, 1, 1)])
def test_a_halt_that_is_lost_is_broadcast_once_more_however_often_it_had_been_sent(lost, times, blamed):
    story = bad_release()
    story.decides(20.5, "HALT")
    story.decides(20.52, "HALT", because="not_halted")
    story.halts(20.54)
    if lost:
        story.puts_back(lost, 20.6, 39)
    for number in range(times):
        story.tells(21 + number, "halted", broadcast=True)
    story.ends("halted", 10_000)
    assert story.blamed().get("notices_doubled", 0) == blamed


@pytest.mark.parametrize(("lost", "blamed"), [("decided", 1), ("went_live", 0)])
def test_what_is_weighed_after_a_loss_is_recounted_where_it_is_still_known_when_the_run_began(lost, blamed):
    story = Asking()
    story.polls(4, 9)
    told: Raw = {"decision": "WAIT", "intent": "", "reasons": []}
    story.writes(9, lost, **(told if lost == "decided" else {"exposure_ppm": 10_000}))
    story.puts_back(1, 9.1, 39)
    story.polls(9.5, 10)
    signals = [{"signal": "crashed_sessions", "ln_e": 3.0}]
    weighed = {"signals": signals, "ln_e": 3.0, "ln_e_advance": None}
    story.writes(10, "decided", **told, weighed=weighed)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(
    ("known", "blamed"), [("lost", 1), ("decided anew", 0), ("kept", 0), ("never decided", 2)]
)
def test_what_is_confirmed_was_decided_on_in_the_journal_that_there_is(known, blamed):
    """A raise that nobody ever decided on is blamed by itself, too."""
    story = Story()
    story.polls(4, 28.5)
    decision: Raw = {"decision": "ADVANCE", "target_ppm": 100_000, "intent": "acme/1", "verb": "raise"}
    if known != "never decided":
        story.writes(28.5, "decided", **decision)
    story.commit(28.6, new("inProgress", 0.1), OLD)
    story.served(28.6, "inProgress", 100_000)
    if known in ("lost", "decided anew"):
        story.puts_back(1, 28.7, 39)
    if known == "decided anew":
        story.writes(28.8, "decided", **decision)
    story.writes(28.9, "settled", intent="acme/1", verb="raise", settlement="confirmed")
    story.ends("rolling_out", 100_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(("taken_at", "blamed"), [(20, 0), (30, 1)])
def test_an_apple_halt_that_is_lost_holds_until_a_person_has_taken_the_journal_without_it(taken_at, blamed):
    story: AppleStory = resting()
    story.polls(4.5, 10)
    story.decides(10, "HALT", 10_000, verb="halt")
    story.puts_back(1, 10.1, taken_at)
    story.polls(10.5, 25)
    story.steps(25)
    story.ends("rolling_out")
    assert story.blamed().get("unhalted", 0) == blamed


def _invented(told: AppleStory, lost: list[int]) -> bool:
    evidence = replace(told.evidence(), lost=lost, put_back=[{"run": 1, "from": at(5), "until": at(9)}])
    return any("said to be halted" in finding.text for finding in judge(evidence).findings)


@pytest.mark.parametrize(
    ("settlement", "invented"),
    [("in_doubt", False), ("confirmed", True)],
)
def test_an_outcome_in_doubt_is_no_look_that_showed_what_was_lost(settlement, invented):
    """The pause itself is lost; what became of it is written down after the failover, and then what the next look shows."""
    told = AppleStory()
    told.polls(4, 4.9)
    told.pauses(5)
    lost = [told.journal[-1]["seq"]]
    told.writes(5.01, "settled", settlement=settlement, **SETTLED)
    told.writes(5.02, "drifted", meaning="halted", before={}, after={}, untold=True)
    told.ends("halted")
    assert _invented(told, lost) == invented


@pytest.mark.parametrize("written_before", [False, True])
def test_what_was_kept_beside_the_database_is_known_from_when_it_is_written_down(written_before):
    """A pause while the database was away; it comes back without the whole rollout, which is found and told of first."""
    told = AppleStory()
    told.polls(4, 4.9)
    lost = [entry["seq"] for entry in told.journal]
    request = told.patches(5)
    told.turns(5, "PAUSED", request=request)
    kept = [("decided", {"decision": "HOLD", "verb": "pause", "intent": "x"}), ("seen", {"status": "paused"})]
    if written_before:
        for kind, body in kept:
            told.writes(5.01, kind, **body)
    told.writes(6, "drifted", meaning="halted", before={}, after={}, untold=True)
    if not written_before:
        for kind, body in kept:
            told.writes(5.01, kind, **body)
    told.ends("halted")
    assert _invented(told, lost) == written_before
