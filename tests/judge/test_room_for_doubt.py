"""What the daemon could not know is not held against it, and what it could know is."""

import pytest

from tests.judge.apple_story import in_window, resting
from tests.judge.case import understand
from tests.judge.evidence_story import AppleAsking, Asking, terms
from tests.judge.ledger import instant
from tests.judge.signals import Word
from tests.judge.story import OLD, Story, at, bad_release, first_raise, new
from tests.judge.weighing import looks


def _ordered_and_not_taken(*, settled: bool) -> Story:
    """Somebody orders a halt that the store does not take, somebody else raises it in the console, it is halted."""
    story = Story()
    story.polls(4, 20)
    story.orders(20, "halt")
    story.decides(20, "HALT")
    if settled:
        story.writes(20.1, "settled", verb="halt", settlement="confirmed")
    story.console(20.2, new("inProgress", 0.5), OLD, exposure_ppm=500_000)
    story.asks(20.5)
    story.halts(20.5)
    story.ends("halted", 500_000)
    return story


@pytest.mark.parametrize(("settled", "blamed"), [(False, {}), (True, {"console_acts_overridden": 1})])
def test_a_halt_that_the_store_has_not_taken_yet_outlives_a_raise_in_the_console(settled, blamed):
    assert _ordered_and_not_taken(settled=settled).blamed() == blamed


@pytest.mark.parametrize(("status", "blamed"), [(503, {}), (200, {"growth_unguarded": 1})])
def test_what_a_store_that_does_not_answer_lets_grow_is_not_ours(status, blamed):
    story = in_window()
    story.polls(11, 14)
    fault = "503" if status == 503 else None
    story.requested(
        14.499, "app_store", "/v1/apps/644/appStoreVersions", method="GET", status=status, fault=fault
    )
    story.writes(14.5, "decided", decision="HOLD", reasons=[{"code": "store_unread"}], intent="")
    story.turns(14.9, "PAUSED", cause="console")
    story.writes(14.9, "drifted", meaning="halted", before={}, after={})
    story.ends("halted")
    assert story.blamed() == blamed


@pytest.mark.parametrize(("without", "blamed"), [(True, {}), (False, {"growth_unguarded": 1})])
def test_who_opens_a_window_without_evidence_keeps_it_open_in_doubt(without, blamed):
    gate = {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100, "confirm": 9}
    story = resting(policy={"gates": [gate]})
    story.health.append((11, 0.9))
    story.polls(4.5, 10.5)
    story.steps(10.5, story.orders(10.5, "advance", without_evidence=without))
    story.polls(11, 13)
    story.pauses(13.1)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "growth_unguarded"} == blamed


@pytest.mark.parametrize(("looked", "unhalted"), [(False, 0), ("and slept over it", 0), (True, 1)])
def test_a_pause_that_looks_as_if_our_step_had_never_been_applied(looked, unhalted):
    """The answer to the step was lost, and somebody paused before the next look, or while the process stood still over that;
    or after it."""
    story = resting()
    story.polls(4.5, 10.5)
    story.steps(10.55)
    if looked:
        story.asks(11)
    if looked == "and slept over it":
        story.stands_still(11, 11.1)
    story.person(11.2, "pause")
    story.polls(11.5, 11.5)
    story.steps(11.5)
    story.polls(12, 20)
    story.pauses(20)
    story.ends("rolling_out")
    assert story.blamed().get("unhalted", 0) == unhalted


@pytest.mark.parametrize(("told", "blamed"), [(True, {}), (False, {"notices_lost": 1})])
def test_a_halt_that_a_newer_release_cut_off_is_told_with_the_news_of_that(told, blamed):
    story = bad_release()
    story.decides(20.5, "HALT")
    story.commit(20.5, new("halted", 0.01), OLD)
    story.served(20.5, "halted", 0)
    story.dies(20.5)
    story.tells(21, "superseded", broadcast=told)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


def test_what_was_normal_before_a_newer_release_is_no_floor_of_the_older_one():
    """The question names the older one, whose own floor is counted from its sessions."""
    story = Asking()
    story.polls(4, 28.5)
    story.requests = [r for r in story.requests if r["query"].get("interval")]
    rates = ["sum(session)", "crash_free_rate(session)"]
    nobody = {"intervals": [], "groups": []}
    story._ask(28.9, rates, ["release"], nobody, names=[story.candidate], span=(-139, 29))
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5020")
    polls = case.polls_about(key, "crash_free_sessions")
    assert polls
    assert all(poll.by_status for poll in polls)


@pytest.mark.parametrize(
    ("trouble", "blamed"),
    [
        ("killed", {}),
        ("disk", {}),
        ("stood still", {}),
        ("stood still before it was answered", {}),
        ("stood still for a moment", {"disagreements": 1}),
        ("stood still before it was asked", {"disagreements": 1}),
        ("stood still later", {"disagreements": 1}),
        ("none", {"disagreements": 1}),
    ],
)
def test_what_a_daemon_in_trouble_had_asked_for_need_not_be_in_its_journal(trouble, blamed):
    """Users crash, by an answer that it lost or that came too late; in the next pass they cannot be read."""
    story = Asking()
    story.polls(4, 9.5)
    story.crashed_users = 6
    story.asks(10)
    match trouble:
        case "killed":
            story.dies(10.001)
        case "disk":
            story.unwritten.append(at(10.001))
        case "stood still":
            story.stands_still(10.0005, 10.009)
        case "stood still before it was answered":
            story.stands_still(9.99, 9.9995)
        case "stood still for a moment":
            story.stands_still(10.0005, 10.003)
        case "stood still before it was asked":
            story.stands_still(9.98, 9.998)
        case "stood still later":
            story.stands_still(10.002, 10.009)
    story.requested(
        10.01, "google_play", "/androidpublisher/v3/applications/com.acme.app/edits", method="POST"
    )
    story.asks(10.01)
    signals = [{"signal": "crashed_users", "ln_e": 0.0}]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": None}
    story.writes(10.01, "decided", decision="WAIT", intent="", weighed=told)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(
    ("fields", "blamed"), [("versionString", {}), ("appVersionState", {"disagreements": 1})]
)
def test_who_asks_for_the_ids_of_versions_to_read_their_reviews_is_still_in_the_same_pass(fields, blamed):
    """And what that has read is lost with a daemon that is killed then."""
    story = AppleAsking()
    story.polls(4, 4)
    story.pauses(4)
    story.polls(4.5, 9.5)
    story.crashed_users = 6
    story.asks(10)
    query = {"fields[appStoreVersions]": [fields]}
    story.requested(10.0002, "app_store", "/v1/apps/644/appStoreVersions", method="GET", query=query)
    story.dies(10.001)
    story.asks(10.01, status=502)
    told = {"signals": [{"signal": "crashed_users", "ln_e": 0.0}], "ln_e": 0.0, "ln_e_advance": None}
    story.writes(10.01, "decided", decision="WAIT", intent="", weighed=told)
    story.ends("rolling_out")
    assert story.blamed() == blamed


@pytest.mark.parametrize(("left_out", "read_at"), [(True, 9), (False, 10)])
def test_an_answer_that_leaves_the_candidates_users_out_is_no_reading_of_them(left_out, read_at):
    """It has sessions, and the page that told of its users was cut short: the others' users alone say nothing of it."""
    story = Asking()
    story.polls(4, 10)
    users = [r["response"] for r in story.requests if r["query"].get("interval") == ["1d"]][-1]
    if left_out:
        users["groups"] = [g for g in users["groups"] if g["by"]["release"] != story.candidate]
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5020")
    assert looks(case, key)[-1].users_at == instant(at(read_at))


@pytest.mark.parametrize(("told", "blamed"), [(19.99, 0), (20.01, 1), (17, 1)])
def test_hours_are_counted_from_where_a_clock_that_was_hardly_off_put_the_beginning_of_a_run(told, blamed):
    """A minute slow when somebody resumed it, so that another hour counts; three hours slow, a store told the time."""
    gate = {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100, "window": "6h", "confirm": 2}
    story = Story(policy={"gates": [gate]})
    story.polls(4, 17.5)
    story.console(18, new("halted", 0.01), OLD, exposure_ppm=0)
    story.console(20.01, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    shown = [{"status_word": word, "exposure_ppm": 10_000} for word in ("halted", "inProgress")]
    story.writes(told, "drifted", meaning="resumed", before=shown[0], after=shown[1])
    story.journal[-1] |= {"true_at": at(20.01)}
    story.polls(20.5, 22.5)
    story.raises(22.5, 0.1)
    assert story.blamed().get("raises_without_evidence", 0) == blamed


@pytest.mark.parametrize(("seconds", "blamed"), [(90, 0), (600, 1), (0, 1)])
def test_an_hour_settles_by_a_clock_that_is_hardly_ahead(seconds, blamed):
    """The machine reads seven, which it will be in a minute: the hour from five to six has settled there."""
    gate = {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 150, "window": "6h", "confirm": 2}
    story = Story(policy={"gates": [gate]})
    story.polls(4.49, 6.99)
    story.writes(7, "decided", decision="advance", verb="raise", target_ppm=100_000)
    story.journal[-1] |= {"at": at(6.99 + seconds / 3600)} | ({"true_at": at(6.99)} if seconds else {})
    story.raises(6.995, 0.1)
    assert story.blamed().get("raises_without_evidence", 0) == blamed


@pytest.mark.parametrize(("seconds", "passes"), [(90, True), (600, False), (0, False)])
def test_evidence_settles_by_a_clock_that_is_hardly_ahead(seconds, passes):
    story = Asking()
    story.polls(4.49, 9.99)
    story.writes(9.99, "decided", decision="advance", verb="raise", target_ppm=100_000)
    story.journal[-1] |= {"at": at(9.99 + seconds / 3600)} | ({"true_at": at(9.99)} if seconds else {})
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5020")
    said = looks(case, key)[-1].words["evidence"]
    assert said == ({Word.PASS, Word.INSUFFICIENT} if passes else {Word.INSUFFICIENT})


_READ_BACK = ("settled", {"verb": "resume", "settlement": "confirmed"})
_SEEN = (
    "drifted",
    {"meaning": "resumed"}
    | {when: {"status_word": "halted", "exposure_ppm": 10_000} for when in ("before", "after")},
)


@pytest.mark.parametrize(
    "back", [_READ_BACK, _SEEN, ("returned", {})], ids=["ours", "somebody's", "returned"]
)
@pytest.mark.parametrize(
    ("resumed", "blamed"),
    [(19.2, 0), (20.2, 1), (4.2, 1)],
    ids=["an hour before", "within it", "a life before"],
)
def test_an_hour_that_began_after_a_resume_counts_although_a_review_held_it_back(back, resumed, blamed):
    gate = {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100, "window": "6h", "confirm": 2}
    story = Story(policy={"gates": [gate]})
    story.polls(4, 17.5)
    story.console(18, new("halted", 0.01), OLD, exposure_ppm=0)
    kind, body = back
    story.writes(resumed, kind, **body)
    story.served(20.6, "inProgress", 10_000, cause="store")
    story.polls(21, 22.5)
    story.raises(22.5, 0.1)
    assert story.blamed().get("raises_without_evidence", 0) == blamed


@pytest.mark.parametrize(
    ("asked", "runs"), [("", {10, 11, 12}), ("another app", {10, 11, 12}), ("this one", {12})]
)
def test_a_pause_that_was_over_before_anybody_looked_begins_no_other_run(asked, runs):
    """Somebody paused it and let it go on: who has not seen that goes on counting from where he did."""
    story = resting()
    story.polls(4.5, 9.5)
    story.person(9.6, "resume", noticed="resumed")
    story.polls(10, 11)
    story.person(11.2, "pause")
    if asked == "this one":
        story.asks(11.3)
    elif asked:
        story.requested(11.3, "app_store", "/v1/apps/999/appStoreVersions", method="GET")
    story.person(11.4, "resume")
    story.polls(12, 14)
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5.2.0")
    (gate,) = case.terms(key).gates
    (poll,) = (poll for poll in case.polls_about(key, gate.metric) if poll.at == instant(at(13)))
    assert case._plausible_runs(key, gate, poll.at) == {instant(at(hour)) for hour in runs}


@pytest.mark.parametrize(("looked", "begun"), [(False, {4, 5, 12}), (True, {12})])
def test_what_was_let_go_on_and_paused_again_before_anybody_looked_begins_no_other_run(looked, begun):
    """It rested in our own pause before and after."""
    story = resting()
    story.polls(4.5, 11)
    story.person(11.2, "resume")
    if looked:
        story.looks(11.3)
    story.person(11.4, "pause")
    story.polls(11.5, 14)
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5.2.0")
    (gate,) = case.terms(key).gates
    (poll,) = (poll for poll in case.polls_about(key, gate.metric) if poll.at == instant(at(13)))
    assert case._plausible_runs(key, gate, poll.at) == {instant(at(hour)) for hour in begun}


@pytest.mark.parametrize("lasts", [0.001, 0.4])
@pytest.mark.parametrize(("settled", "kept"), [("confirmed", 1), ("not_applied", 2)])
def test_a_resume_in_the_console_while_our_step_is_on_its_way_is_taken_for_that(settled, kept, lasts):
    """Read back active at once, or when a daemon that died over it lives again: nobody can tell which of the two it was,
    and no new life begins with it."""
    story = resting()
    story.polls(4.5, 10.5)
    story.decides(10.5, "ADVANCE", 20_000, verb="step")
    story.writes(10.5 + lasts / 2, "settled", verb="step", settlement="in_doubt")
    story.turns(10.5 + lasts, "ACTIVE", cause="console")
    story.writes(10.5 + 1.5 * lasts, "settled", verb="step", settlement=settled)
    case = understand(story.evidence())
    key = next(key for key in case.served if key.id == "5.2.0")
    assert len(case.lives(key, case.ended_at)) == kept


@pytest.mark.parametrize(
    ("hour", "may_be", "surely_is"), [(9, True, True), (10.5, True, False), (12, False, False)]
)
def test_silence_after_six_hours_may_be_held_for_by_who_counts_from_the_beginning(hour, may_be, surely_is):
    """Who noted the beginning only with the next look may still call it the first hours."""
    case = understand(first_raise().evidence())
    key = next(key for key in case.served if key.id == "5020")
    at_hour = instant(at(hour))
    assert (Word.MISSING in case.waiting_words(key, at_hour)) == may_be
    assert (Word.MISSING in case.surely_waiting_words(key, at_hour)) == surely_is


@pytest.mark.parametrize(
    ("code", "after", "blamed"), [("not_halted", 1, 0), ("fail", 1, 1), ("not_halted", -1, 1)]
)
def test_a_halt_that_is_sent_again_waits_for_no_answer_and_weighs_what_was_known_before(code, after, blamed):
    story = Asking()
    story.polls(4, 10)
    before = understand(story.evidence())
    (known,) = looks(before, next(key for key in before.served if key.id == "5020"))[-1].numbers[:1]
    story.crashing.append((10, 0.03))
    story.asks(12 + after * 0.001)
    signals = [{"signal": name, "ln_e": ln_e} for name, ln_e in known.ln_e.items()]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": None}
    story.writes(12, "decided", decision="HALT", intent="", reasons=[{"code": code}], weighed=told)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(
    ("gates", "sees_again", "blamed"),
    [
        (["evidence"], 12.01, 0),
        (["evidence"], 12.013, 1),
        (["evidence"], None, 1),
        (["crashed_users"], 12.01, 1),
        ([], 12.01, 1),
    ],
)
def test_a_pass_whose_questions_reached_nobody_is_not_measured_by_what_the_next_one_heard_within_a_minute(
    gates, sees_again, blamed
):
    """Seed 119 of two: the other store's replica changed, so that this one was looked at again 49 seconds later."""
    story = Asking()
    story.polls(4, 10)
    before = understand(story.evidence())
    (known,) = looks(before, next(key for key in before.served if key.id == "5020"))[-1].numbers[:1]
    story.crashing.append((10, 0.03))
    signals = [{"signal": name, "ln_e": ln_e} for name, ln_e in known.ln_e.items()]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": None}
    if gates:
        story.writes(12, "went_blind", gates=gates)
    story.writes(12, "decided", decision="WAIT", intent="", reasons=[{"code": "watch"}], weighed=told)
    if sees_again:
        story.writes(sees_again, "saw_again")
    story.asks(12.012)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize("of", ["nobody", "others"])
@pytest.mark.parametrize(("late", "again", "blamed"), [(True, False, 0), (True, True, 1), (False, False, 1)])
def test_what_came_too_late_is_not_known_by_an_answer_that_does_not_count_it(late, again, blamed, of):
    """Crashes were told while the process stood still, and an hour later the source counts no sessions at all, or those of
    releases that nobody asked for: until it counts them again the journal weighs what was known before."""
    story = Asking()
    story.polls(4, 10)
    before = understand(story.evidence())
    (known,) = looks(before, next(key for key in before.served if key.id == "5020"))[-1].numbers[:1]
    story.crashing.append((10, 0.03))
    story.asks(11)
    if late:
        story.stands_still(11.0005, 11.009)
    if again:
        story.asks(11.5)
    story.asks(12, frozen_at=4 if of == "nobody" else 1000)
    if of == "others":
        for group in (group for r in story.requests[-2:] for group in r["response"]["groups"]):
            group["by"]["release"] += "9"
    signals = [{"signal": name, "ln_e": ln_e} for name, ln_e in known.ln_e.items()]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": None}
    story.writes(12, "decided", decision="HOLD", intent="", weighed=told)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(("still", "blamed"), [(True, 0), (False, 1)])
def test_a_pass_that_stood_still_before_it_asked_for_counts_is_not_weighed_by_the_one_before(still, blamed):
    """Its decision bears the time at which it began. Passes can follow each other at once."""
    story = Asking()
    story.polls(4, 10)
    story.crashing.append((10, 0.03))
    story.asks(11.01)
    case = understand(story.evidence())
    (known,) = looks(case, next(key for key in case.served if key.id == "5020"))[-1].numbers[:1]
    signals = [{"signal": name, "ln_e": ln_e} for name, ln_e in known.ln_e.items()]
    told = {"signals": signals, "ln_e": 0.0, "ln_e_advance": None}
    story.writes(10.005, "decided", decision="WAIT", intent="", weighed=told)
    if still:
        story.stands_still(10.005, 11)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed


@pytest.mark.parametrize(("p_ref", "blamed"), [(0.005, {}), (0.004, {"disagreements": 1})])
def test_a_run_is_judged_by_the_week_before_as_it_was_told_again_after_an_answer_that_came_too_late(
    p_ref, blamed
):
    """The process stood still over that answer, and asked again in the same pass, which bears the time at which it began.
    Meanwhile more crashes of that week had been counted."""
    story = Asking()
    story.asked_before = True
    story.asks(4)
    story.asks_what_is_normal(4.003, 0.004)
    story.stands_still(4.003, 5.7)
    story.asks_what_is_normal(5.702, 0.005)
    story.writes(4, "terms_set", terms=terms(p_ref))
    story.polls(6, 10)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(
    ("slept", "paused", "blamed"),
    [
        ((11.001, 11.5), 12.001, 0),
        ((11.001, 11.5), 12.6, 1),
        ((11.3, 11.5), 12.001, 1),
        (None, 12.001, 1),
    ],
)
def test_a_resume_while_a_pass_slept_after_its_look_at_the_store_is_known_to_the_next_pass(
    slept, paused, blamed
):
    """Crashes cannot be read, and somebody resumes it at 11.2. The pass that asked for them after its sleep had read the
    store at 11; the one at 12 has to pause it. Who slept later, or not at all, could have looked."""
    story = resting()
    story.polls(4.5, 10.5)
    story.looks(11)
    if slept:
        story.stands_still(*slept)
    story.turns(11.2, "ACTIVE", cause="console")
    Story.asks(story, 11.501, status=502)
    story.asks(12, status=502)
    story.writes(12, "drifted", meaning="resumed", before={}, after={})
    story.pauses(paused)
    story.ends("rolling_out")
    assert story.blamed().get("growth_unguarded", 0) == blamed
