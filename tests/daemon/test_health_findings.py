"""What the database tells about a daemon's health: every trouble is found, and nothing else is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stagedrollout.core.model import RolloutKey, Store, StoreApp
from stagedrollout.daemon.health.findings import About, findings, passes_now
from stagedrollout.storage.batch import Summary
from stagedrollout.storage.outbox import Undelivered
from stagedrollout.storage.presence import DaemonRow, PassRow, RolloutRow, Statuses

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
POLL = timedelta(minutes=15)
MAX_AGE = timedelta(seconds=45)
NONE = Undelivered(0, None, 0)
KEY = RolloutKey("one", Store.GOOGLE_PLAY, "5020")


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


BEAT, STARTED = ago(seconds=8), ago(days=9)


def passed(app: str, next_due: datetime | None, problem: str = "") -> PassRow:
    finished = next_due and next_due - POLL
    return PassRow(StoreApp(app, Store.GOOGLE_PLAY), finished or NOW, finished, next_due, problem)


def daemon(beat: datetime = BEAT, started: datetime = STARTED, **info: Any) -> DaemonRow:
    told = {
        "poll_seconds": 900,
        "clock": "system",
        "watching": ["one/google_play", "two/google_play"],
        **info,
    }
    return DaemonRow("host:1", 3, started, beat, told)


WELL = (passed("one", ago(minutes=-5)), passed("two", ago(minutes=-10)))


def said(
    who: DaemonRow | None,
    passes: tuple[PassRow, ...] = WELL,
    rollouts: tuple[RolloutRow, ...] = (),
    undelivered: Undelivered = NONE,
) -> list[tuple[str, str]]:
    """What is wrong, the gravest first."""
    found = findings(Statuses(who, rollouts, passes), undelivered, NOW, MAX_AGE)
    return [(finding.about.value, finding.said) for finding in found if finding.ill]


def rollout(phase: str) -> RolloutRow:
    return RolloutRow(KEY, Summary("5.2.0 (5020)", phase, 100_000, "Play refuses"), NOW, 1)


def test_a_daemon_that_beats_and_looks_on_time_is_well():
    assert said(daemon()) == []
    assert said(daemon(beat=ago(seconds=45))) == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (None, "no daemon has ever run on this database"),
        (daemon(beat=ago(seconds=46)), "no heartbeat for 46s: the daemon is dead or hangs, and nothing is watched"),
        (daemon(beat=ago(seconds=-46)), "the last heartbeat is 46s in the future: two clocks differ"),
        (
            daemon(stopped_at="2026-03-02T07:59:58.123+00:00"),
            "the daemon was stopped at 2026-03-02T07:59:58 UTC: nothing is watched",
        ),
    ],
    ids=["never", "dead", "clocks", "stopped"],
)  # fmt: skip
def test_a_daemon_that_is_not_there_is_said_to_be_gone(who: DaemonRow | None, words: str):
    assert said(who) == [("daemon", words)]


def test_the_passes_of_a_dead_daemon_are_not_told_as_troubles_of_their_own():
    late = (passed("one", ago(days=1)), passed("two", ago(days=1)))
    assert [about for about, _ in said(daemon(beat=ago(days=1)), late)] == ["daemon"]


def test_a_pass_that_is_late_by_more_than_a_poll_is_told_and_a_long_one_is_not():
    passes = (passed("one", ago(minutes=15)), passed("two", ago(minutes=15, seconds=1)))
    assert said(daemon(), passes) == [("late", "two/google_play: its pass is 15m 1s late")]


def test_a_store_app_whose_first_pass_never_ended_is_told_after_a_poll():
    assert said(daemon(started=ago(minutes=15)), WELL[:1]) == []
    assert said(daemon(started=ago(minutes=16)), WELL[:1]) == [
        ("late", "two/google_play: no pass has ended since the daemon began 16m ago")
    ]


def test_a_daemon_that_has_just_begun_is_not_late_for_what_was_due_while_none_ran():
    passes = (passed("one", ago(days=1)), passed("two", ago(days=1)))
    assert said(daemon(started=ago(minutes=1)), passes) == []
    assert [about for about, _ in said(daemon(started=ago(minutes=16)), passes)] == ["late", "late"]


def test_a_store_app_that_is_watched_no_more_is_not_late():
    assert said(daemon(watching=["one/google_play"]), (WELL[0], passed("two", ago(days=30), "gone"))) == []


def test_a_pass_that_could_not_do_its_work_is_told_with_its_words():
    passes = (WELL[0], passed("two", ago(minutes=-1), "the store could not be read: timed out"))
    assert said(daemon(), passes) == [("problem", "two/google_play: the store could not be read: timed out")]


def test_a_release_that_is_not_halted_comes_before_everything_else():
    found = said(daemon(beat=ago(days=1)), rollouts=(rollout("not_halted"), rollout("halted")))
    assert found[0] == ("halt", "one on google_play 5.2.0 (5020) is NOT HALTED: Play refuses")
    assert [about for about, _ in found] == ["halt", "daemon"]


def test_notices_that_wait_are_a_trouble_after_ten_minutes():
    assert said(daemon(), undelivered=Undelivered(3, timedelta(minutes=10), 0)) == []
    assert said(daemon(), undelivered=Undelivered(3, timedelta(minutes=11), 0)) == [
        ("notices", "3 notices are not delivered for 11m")
    ]


def test_a_notice_that_was_given_up_is_mentioned_and_wakes_nobody_for_ever():
    found = findings(Statuses(daemon(), (), WELL), Undelivered(0, None, 1), NOW, MAX_AGE)
    assert [(finding.about, finding.ill) for finding in found] == [(About.NOTICES, False)]
    assert "1 notice is given up" in found[0].said


# ---- a rehearsal: passes live by a clock that nobody outside knows

LATER = timedelta(days=700)
"""The emulated story is far from the machine's time, in either direction."""


@pytest.mark.parametrize("away", [LATER, -LATER], ids=["ahead", "behind"])
def test_a_rehearsal_is_well_whatever_its_clock_says(away: timedelta):
    passes = (passed("one", NOW + away), passed("two", NOW + away))
    assert said(daemon(clock="emulator", started=ago(minutes=1)), passes) == []
    assert said(daemon(clock="emulator", started=ago(minutes=1)), passes[:1]) == []
    assert passes_now(Statuses(daemon(clock="emulator"), (), passes), NOW) == NOW + away - POLL


@pytest.mark.parametrize("away", [LATER, -LATER], ids=["ahead", "behind"])
def test_in_a_rehearsal_one_app_that_hangs_is_late_by_the_clock_of_the_others(away: timedelta):
    passes = (passed("one", NOW + away + 3 * POLL), passed("two", NOW + away))
    assert said(daemon(clock="emulator"), passes) == [("late", "two/google_play: its pass is 30m late")]


# ---- what is over


def test_a_not_halted_release_of_an_app_that_is_watched_no_more_is_a_note():
    statuses = Statuses(daemon(watching=["two/google_play"]), (rollout("not_halted"),), WELL)
    found = findings(statuses, NONE, NOW, MAX_AGE)
    assert [(finding.about, finding.ill) for finding in found] == [(About.HALT, False)]
    assert "one on google_play 5.2.0 (5020) is NOT HALTED: Play refuses" in found[0].said
    assert "watched no more" in found[0].said


def test_a_halt_that_slack_took_in_no_form_is_a_trouble():
    [(about, words)] = said(daemon(), undelivered=Undelivered(0, None, 1, lost=1))
    assert about == "notices"
    assert words.startswith("1 urgent notice is given up: Slack took them in no form")


@pytest.mark.promise("R20")
def test_who_is_not_woken_is_a_reason_to_wake_somebody_and_a_dead_button_is_none() -> None:
    troubled = daemon(alarms_problem="pagerduty does not take an alarm: 400", buttons_problem="token_revoked")
    assert said(troubled) == [("alarms", "pagerduty does not take an alarm: 400")]
    found = findings(Statuses(troubled, (), WELL), NONE, NOW, MAX_AGE)
    assert ("buttons", "token_revoked") in [(finding.about.value, finding.said) for finding in found]


# ---- several replicas: whoever was heard last is not the only one that is there


def another(**told: Any) -> DaemonRow:
    """Heard a moment before the other one."""
    return replace(daemon(beat=ago(seconds=9), **told), place="b", holder="host:2", heard_at=ago(seconds=9))


def said_of_two(
    who: DaemonRow,
    other: DaemonRow,
    passes: tuple[PassRow, ...] = WELL,
    rollouts: tuple[RolloutRow, ...] = (),
) -> list[tuple[str, str]]:
    found = findings(Statuses(who, rollouts, passes, others=(other,)), NONE, NOW, MAX_AGE)
    return [(finding.about.value, finding.said) for finding in found if finding.ill]


def test_who_is_not_woken_is_told_whichever_replica_was_heard_last():
    troubled = another(alarms_problem="pagerduty does not take an alarm: 400")
    assert said_of_two(daemon(), troubled) == [("alarms", "pagerduty does not take an alarm: 400")]
    assert said_of_two(daemon(), replace(troubled, lapsed=True)) == [], (
        "whoever is dead tells nobody anything"
    )
    both = daemon(alarms_problem="pagerduty does not take an alarm: 400")
    assert len(said_of_two(both, troubled)) == 1


def test_a_not_halted_release_that_only_the_other_replica_watches_wakes_somebody():
    found = said_of_two(daemon(watching=["two/google_play"]), another(), rollouts=(rollout("not_halted"),))
    assert found == [("halt", "one on google_play 5.2.0 (5020) is NOT HALTED: Play refuses")]
    gone = replace(another(), lapsed=True)
    assert said_of_two(daemon(watching=["two/google_play"]), gone, rollouts=(rollout("not_halted"),)) == []


def test_a_replica_that_begins_again_and_again_does_not_hide_that_the_others_passes_are_late():
    passes = (passed("one", ago(hours=3)), passed("two", ago(minutes=-5)))
    fresh = daemon(started=ago(minutes=1))
    assert said_of_two(fresh, another(), passes) == [("late", "one/google_play: its pass is 3h late")]
    assert said_of_two(fresh, another(started=ago(minutes=2)), passes) == [], "nobody was there before"


def test_an_app_that_only_the_other_replica_watches_is_late_as_well():
    passes = (passed("one", ago(hours=3)), passed("two", ago(minutes=-5)))
    assert said_of_two(daemon(watching=["two/google_play"]), another(), passes) == [
        ("late", "one/google_play: its pass is 3h late")
    ]
