"""What people order at the command line, and what becomes of it in the store."""

from __future__ import annotations

from tests.acceptance.stories import draft, short, turns_bad

WHY = ("--reason", "because of a test")


def test_a_draft_waits_until_somebody_starts_it(opens):
    stage = opens(draft(on_new_release="wait", until="30h"), to="2h")
    assert stage.shows("waiting")["exposure_ppm"] == 0
    (told,) = stage.messages("New release", broadcast=True)
    assert "stagedrollout start acme --store google_play --release 5020" in told
    assert stage.writes() == []

    started = stage.types("start", "acme", *WHY)
    assert (started.code, started.err) == (0, "")
    assert stage.committed() == [("inProgress", 10)]
    assert stage.served() == ("inProgress", 0)  # in review
    assert stage.rollout()["phase"] == "waiting_for_review"
    again = stage.types("start", "acme", *WHY)
    assert again.code == 1
    assert "already" in again.err
    stage.plays_out()
    assert stage.committed() == [("inProgress", 10), ("inProgress", 50), ("completed", 100)]
    assert stage.rollout()["phase"] == "completed"
    stage.is_clean()


def test_a_release_that_appears_is_raised_only_once_somebody_starts_it(opens):
    stage = opens(short(on_new_release="wait", until="26h"), to="12h")
    assert stage.rollout()["phase"] == "waiting"
    assert stage.writes() == []
    assert stage.types("start", "acme", "--policy", "hotfix", *WHY).code == 0
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    stage.is_clean()


def test_a_release_that_nobody_started_is_halted_when_it_fails(opens):
    stage = opens(turns_bad(short(on_new_release="wait", until="10h"), at="3h"))
    stage.starts_daemon()
    stage.plays_out()
    assert stage.served() == ("halted", 0)
    assert len(stage.messages("HALTED at", broadcast=True)) == 1
    stage.is_clean()


def test_a_halt_is_followed_until_the_store_shows_it_and_only_a_person_undoes_it(opens):
    stage = opens(short(until="30h"), to="5h")
    halted = stage.types("halt", "acme", *WHY)
    assert (halted.code, halted.err) == (0, "")
    assert "halt" in halted.out
    assert stage.served() == ("halted", 0)
    assert stage.rollout()["phase"] == "halted"
    (told,) = stage.messages("HALTED at", broadcast=True)
    assert "stagedrollout resume acme" in told

    stage.plays_to("9h")
    for refused in ("advance", "complete", "start"):
        done = stage.types(refused, "acme", *WHY)
        assert done.code == 1, done
        assert "halted" in done.err or "already" in done.err
    assert stage.committed() == [("halted", 10)]

    resumed = stage.types("resume", "acme", *WHY)
    assert (resumed.code, resumed.err) == (0, "")
    assert stage.served() == ("inProgress", 100_000)
    stage.plays_out()
    assert stage.committed() == [("halted", 10), ("inProgress", 10), ("inProgress", 50), ("completed", 100)]
    stage.is_clean()


def test_a_hold_holds_until_it_is_lifted_and_people_may_hurry(opens):
    stage = opens(short(), to="5h")
    assert stage.types("hold", "acme", *WHY).code == 0
    stage.plays_to("8h")
    held = stage.shows("held")
    assert (held["exposure_ppm"], "because of a test" in held["reason"]) == (100_000, True)
    for order in ("advance", "complete"):
        refused = stage.types(order, "acme", *WHY)
        assert refused.code == 1
        assert "held" in refused.err
    assert stage.writes() == []

    assert stage.types("resume", "acme", *WHY).code == 0
    stage.plays_to("8h 30m")
    stage.serves("inProgress", 500_000)
    assert stage.types("complete", "acme", *WHY).code == 0
    assert stage.served() == ("completed", 1_000_000)
    stage.plays_out()
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    stage.is_clean()


def test_a_hold_for_some_time_ends_by_itself(opens):
    stage = opens(short(), to="5h")
    assert stage.types("hold", "acme", "--for", "6h", *WHY).code == 0
    stage.plays_to("10h 30m")
    assert stage.served() == ("inProgress", 100_000)
    stage.plays_to("12h")
    stage.serves("inProgress", 500_000)
    stage.plays_out()
    stage.is_clean()


def test_the_next_stage_comes_early_when_a_person_says_so(opens):
    stage = opens(short(until="8h"), to="5h")
    done = stage.types("advance", "acme", *WHY)
    assert (done.code, done.err) == (0, "")
    assert stage.served() == ("inProgress", 500_000)
    last = stage.types("advance", "acme", *WHY)
    assert last.code == 1
    assert "complete" in last.err
    said = [row["said"] for row in stage.document("history")["history"]]
    assert any("because of a test" in sentence for sentence in said)
    stage.plays_out()
    stage.is_clean()


def test_without_evidence_a_raise_needs_a_person_who_says_that_they_know(opens):
    outage = [{"service": "sentry", "begins": "3h", "kind": "down"}]
    stage = opens(short(outages=outage, until="8h"), to="7h")
    stage.shows("held")
    refused = stage.types("advance", "acme", *WHY)
    assert refused.code == 1
    assert "--without-evidence" in refused.err
    assert stage.writes() == []
    assert stage.types("advance", "acme", "--without-evidence", *WHY).code == 0
    assert stage.served() == ("inProgress", 500_000)
    stage.plays_out()
    assert stage.is_clean().counts["raises_without_evidence_by_human"] == 1


def test_a_failing_release_is_raised_by_nobody(opens):
    stage = opens(turns_bad(short(mode="observe", until="10h"), at="3h"), to="7h")
    stage.edits_config(lambda config: config["apps"][0].update(mode="act", on_new_release="wait"))
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
    stage.starts_daemon()
    stage.serves("halted", 0)
    refused = stage.types("complete", "acme", "--without-evidence", *WHY)
    assert refused.code == 1
    assert stage.committed() == [("halted", 10)]


def test_who_only_observes_decides_and_tells_and_sends_nothing(opens):
    stage = opens(short(mode="observe"), to="9h")
    assert stage.messages("would be raised", "mode observe")
    for order in ("start", "hold", "resume", "advance", "complete"):
        refused = stage.types(order, "acme", *WHY)
        assert refused.code == 1, order
        assert "observe" in refused.err
    assert stage.writes() == []
    assert stage.types("halt", "acme", *WHY).code == 0
    assert stage.served() == ("halted", 0)
    stage.plays_out()
    stage.is_clean()


def test_a_failing_release_is_told_aloud_by_who_only_observes(opens):
    stage = opens(turns_bad(short(mode="observe", until="9h"), at="3h"))
    stage.starts_daemon()
    stage.plays_out()
    assert stage.messages("FAILING", "nothing was halted", broadcast=True)
    assert stage.writes() == []


def test_a_halt_that_no_daemon_takes_is_not_halted_until_one_starts(opens):
    stage = opens(short(), to="5h")
    stage.daemon.asked_to_stop()
    assert stage.daemon.ended(within=10) == 0
    others = [stage.begins(order, "acme", *WHY) for order in ("hold", "advance")]
    alone = stage.types("halt", "acme", *WHY)
    assert (alone.code, alone.out) == (3, "")
    assert alone.seconds < 15
    assert "NOT HALTED" in alone.err
    assert "Play Console" in alone.err
    assert stage.served() == ("inProgress", 100_000)
    for other in others:
        assert other.ended(within=10) == 4
        assert "no daemon took the order" in other.said

    stage.starts_daemon()
    stage.serves("halted", 0)
    stage.plays_out()
    assert stage.rollout()["phase"] == "halted"
    assert stage.committed() == [("halted", 10)]
    stage.is_clean()


def test_an_order_that_cannot_be_meant_is_refused_in_words(opens):
    stage = opens(short(), to="5h")
    unknown = stage.types("halt", "amce", *WHY)
    assert unknown.code == 2
    assert "acme" in unknown.err
    reasonless = stage.types("halt", "acme")
    assert reasonless.code == 2
    assert "--reason" in reasonless.err
    assert stage.types("hold", "acme", "--for", "a while", *WHY).code == 2
    assert stage.types("start", "acme", "--policy", "hotfx", *WHY).code == 2
    assert stage.types("halt", "acme", "--store", "app_store", *WHY).code == 2
    nothing = stage.types("halt", "acme", "--release", "9.9.9", *WHY)
    assert nothing.code == 3
    assert "NOT HALTED" in nothing.err
    assert "5.2.0" in nothing.err
    assert stage.writes() == []


def test_a_halt_without_any_database_does_not_pretend(opens):
    stage = opens(short())
    done = stage.types("halt", "acme", *WHY)
    assert done.code == 3
    assert "NOT HALTED" in done.err
