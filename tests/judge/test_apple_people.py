import pytest

from tests.judge.apple_story import GUARDED, AppleStory, following, in_window, resting
from tests.judge.case import understand
from tests.judge.story import at
from tests.judge.verdict import judge


def _paused_by_somebody(**how) -> AppleStory:
    story = in_window(**how)
    story.polls(11, 12)
    story.person(12.2, "pause", noticed="halted")
    return story


def test_what_somebody_paused_stays_paused():
    story = _paused_by_somebody()
    story.ends("halted")
    assert story.blamed() == {}


def test_what_somebody_paused_was_let_go_on():
    story = _paused_by_somebody()
    story.polls(20, 22)
    story.steps(22)
    story.polls(22.5, 39)
    story.ends("rolling_out")
    assert story.blamed() == {"unhalted": 1}


def test_what_somebody_paused_was_completed():
    early = GUARDED["app_store"] | {"complete_from": 1}
    story = _paused_by_somebody(policy={"app_store": early, "completion": "automatic"})
    story.polls(24.5, 25)
    story.does(25, "complete", "COMPLETE")
    story.ends("completed")
    assert story.blamed() == {"unhalted": 1}


def test_what_somebody_paused_goes_on_when_a_person_says_so():
    story = _paused_by_somebody()
    story.orders(20, "resume")
    story.writes(20, "taken_up", actor={"kind": "human", "name": "ana"}, reason="fine")
    story.polls(20, 30)
    story.steps(30)
    story.polls(30.5, 39)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(("seconds", "unhalted"), [(2, 0), (10, 1)])
def test_a_step_was_on_its_way_when_the_halt_was_decided(seconds, unhalted):
    """Nobody can fetch it back; one that is sent later should have noticed."""
    story = resting()
    story.polls(4.5, 10.5)
    story.decides(10.5, "ADVANCE", 20_000, verb="step")
    story.decides(10.501, "HALT", verb="halt")
    story.asks_apple(10.501 + seconds / 3600, "step")
    story.polls(11, 12)
    assert story.blamed().get("unhalted", 0) == unhalted


def test_a_release_that_was_found_paused_is_under_a_persons_halt():
    story = resting()
    story.journal.clear()  # the database is lost, and with it that the pause was ours
    story.writes(4.5, "discovered", policy="standard", choice="adopt", status="paused")
    story.writes(4.5, "drifted", meaning="halted", before={}, after={})
    story.polls(4.5, 10.5)
    story.writes(10.5, "started", actor={"kind": "machine", "name": "stagedrollout"}, policy="", reason="")
    story.steps(10.5)
    story.polls(11, 30)
    story.ends("rolling_out")
    assert story.blamed() == {"unhalted": 1, "disagreements": 1}


def test_nobody_noticed_what_somebody_did_in_the_console():
    story = in_window()
    story.polls(11, 12)
    story.person(12.2, "pause")
    story.polls(12.5, 15)
    story.ends("rolling_out")
    assert story.blamed() == {"console_acts_missed": 1}


@pytest.mark.parametrize(("trouble", "missed"), [("late", 0), ("unread", 0), ("damaged", 0), ("", 1)])
def test_somebody_let_it_go_on_and_it_is_halted_by_a_pass_whose_look_told_nothing(trouble, missed):
    """A halt waits for no other look; what it reads when it is sent, it stops."""
    story = resting()
    story.polls(4.5, 7)
    story.person(7.2, "resume")
    story.looks(7.5)
    match trouble:
        case "late":
            story.stands_still(7.5, 7.51)
        case "unread":
            story.requests[-1]["status"] = 503
        case "damaged":
            story.requests[-1]["fault"] = "unknown_state"
    story.looks(7.512)
    story.halts(7.513)
    story.polls(8, 10)
    assert story.blamed().get("console_acts_missed", 0) == missed


@pytest.mark.parametrize("slept", [True, False])
def test_somebody_paused_it_while_the_process_stood_still_between_a_look_and_its_note(slept):
    """What was noted when it went on had been seen before the pause, which only the next look shows."""
    story = following()
    story.polls(11, 12)
    if slept:
        story.stands_still(12.1, 13.1)
    story.person(12.5, "pause")
    story.writes(13.1, "drifted", meaning="rolled_out", before={}, after={})
    story.writes(14, "drifted", meaning="halted", before={}, after={})
    invented = [f for f in judge(story.evidence()).findings if "said to be halted" in f.text]
    assert bool(invented) != slept


@pytest.mark.parametrize(("wanted", "missed"), [(True, 0), (False, 1)])
def test_somebody_paused_what_was_to_be_halted_for_hours(wanted, missed):
    """The halt that the store had not shown yet holds with it, and whose pause it is nobody needs to ask."""
    story = in_window()
    story.polls(11, 12)
    if wanted:
        story.decides(12, "HALT", verb="halt")
    story.person(20, "pause")
    story.polls(20.5, 23)
    assert story.blamed().get("console_acts_missed", 0) == missed


def test_what_is_undone_before_the_next_look_cannot_be_noticed():
    story = in_window()
    story.polls(11, 12)
    story.person(12.1, "pause")
    story.person(12.2, "resume")
    story.polls(12.5, 15)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(("dies", "missed"), [(True, 0), (False, 2)])
def test_what_is_undone_before_the_next_look_cannot_be_noticed_by_who_died_over_the_look_between(
    dies, missed
):
    story = in_window()
    story.polls(11, 12)
    story.person(12.1, "pause")
    story.looks(12.2)
    if dies:
        story.dies(12.201)
    story.person(12.3, "resume")
    story.polls(12.5, 15)
    story.ends("rolling_out")
    assert story.blamed().get("console_acts_missed", 0) == missed


@pytest.mark.parametrize(("answered", "blamed"), [(True, {}), (False, {"console_acts_missed": 1})])
def test_what_is_undone_before_the_next_look_is_nothing_new_after_a_damaged_answer_that_told_the_state(
    answered, blamed
):
    """What was active for the daemon since its own request stands so again."""
    story = resting()
    story.polls(4.5, 10.49)
    story.steps(10.5)
    if answered:
        story.looks(10.51)
        story.requests[-1] |= {"status": 200, "fault": "day_missing"}
    story.person(10.6, "pause")
    story.person(10.7, "resume")
    story.polls(11, 15)
    story.ends("rolling_out")
    assert story.blamed() == blamed


@pytest.mark.parametrize(("looked_between", "blamed"), [(False, {}), (True, {"unhalted": 1})])
def test_what_is_let_go_on_and_paused_again_between_two_looks_reads_as_if_nobody_had(looked_between, blamed):
    """It rested in between our windows before and after: nobody can know that the pause is a person's now."""
    story = resting()
    story.polls(4.5, 6)
    story.person(6.1, "resume", noticed="resumed" if looked_between else "")
    if looked_between:
        story.looks(6.15)
    story.person(6.3, "pause", noticed="halted" if looked_between else "")
    story.polls(6.5, 13)
    story.steps(13)
    story.polls(13.5, 15)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


@pytest.mark.parametrize(("looked_between", "blamed"), [(False, {}), (True, {"unhalted": 1})])
def test_a_pause_that_may_be_our_own_lost_one_is_not_a_persons_to_anybody_who_cannot_look(
    looked_between, blamed
):
    story = in_window()
    story.decides(12, "HOLD", verb="pause")
    story.patches(12, status=504)
    story.writes(12, "settled", verb="pause", settlement="in_doubt")
    if looked_between:
        story.looks(12.2)
    story.person(13, "pause", noticed="halted" if looked_between else "")
    story.polls(13.5, 17)
    story.steps(17)
    story.polls(17.5, 19)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


@pytest.mark.parametrize(("looked_between", "blamed"), [(False, {}), (True, {"unhalted": 1})])
def test_a_pause_before_our_own_lost_one_is_not_a_persons_to_anybody_who_could_look_at_neither(
    looked_between, blamed
):
    """Seed 4565: an agreement had run out, so nobody could look; our pause went out all the same."""
    story = in_window()
    story.looks(11.2)
    story.person(11.5, "pause", noticed="halted" if looked_between else "")
    if looked_between:
        story.looks(11.7)
    story.decides(12, "HOLD", verb="pause")
    story.patches(12, status=504)
    story.writes(12, "settled", verb="pause", settlement="in_doubt")
    story.polls(13.5, 17)
    story.steps(17)
    story.polls(17.5, 19)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


@pytest.mark.parametrize(
    ("answer", "looked_between", "blamed"),
    [
        ({"status": 200, "fault": "html"}, False, {}),
        ({"status": 200, "fault": "html"}, True, {"unhalted": 1}),
        ({"status": 502, "fault": "502"}, False, {}),
        ({"status": 403, "fault": "no_detail"}, False, {"unhalted": 1}),
    ],
)
def test_a_pause_before_our_own_whose_answer_told_nothing_reads_as_ours(answer, looked_between, blamed):
    """The look after it shows what we wanted."""
    story = in_window()
    story.looks(11.2)
    story.person(11.5, "pause", noticed="halted" if looked_between else "")
    if looked_between:
        story.looks(11.7)
    story.decides(12, "HOLD", verb="pause")
    story.patches(12, body={"data": {"attributes": {"phasedReleaseState": "PAUSED"}}}, **answer)
    story.writes(12.001, "settled", verb="pause", settlement="confirmed")
    story.polls(12.5, 17)
    story.steps(17)
    story.polls(17.5, 19)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


SAME = {"errors": [{"detail": "The phased release already has this value"}]}


@pytest.mark.parametrize(
    ("told", "lost_before", "died", "blamed"),
    [
        (SAME, False, False, {"unhalted": 1}),
        (SAME, True, False, {}),
        (SAME, False, True, {}),
        ({}, False, False, {}),
    ],
    ids=["told", "ours may have landed", "died over it", "in no words"],
)
def test_a_pause_that_apple_told_us_of_is_a_persons_though_nobody_could_look(told, lost_before, died, blamed):
    story = in_window()
    story.looks(11.2)
    if lost_before:
        story.decides(11.3, "HOLD", verb="pause")
        story.patches(11.3, status=504)
        story.writes(11.3, "settled", verb="pause", settlement="in_doubt")
    story.person(11.5, "pause")
    story.decides(12, "HOLD", verb="pause")
    story.patches(12, status=409, response=told)
    if died:
        story.dies(12.003)
    else:
        story.writes(12, "settled", verb="pause", settlement="in_doubt")
    story.polls(13.5, 17)
    story.steps(17)
    story.polls(17.5, 19)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


@pytest.mark.parametrize(("paused_at", "blamed"), [(12.05, {}), (13, {"unhalted": 1})])
def test_a_pause_that_we_died_over_may_land_for_minutes_whatever_a_look_shows_before_and_no_longer(
    paused_at, blamed
):
    story = in_window()
    story.decides(12, "HOLD", verb="pause")
    story.dies(12.003)
    story.looks(12.005)
    story.writes(12.005, "settled", verb="pause", settlement="not_applied")
    story.person(paused_at, "pause")
    story.writes(13.5, "overtaken", why="late")
    story.polls(13.5, 17)
    story.steps(17)
    story.polls(17.5, 19)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


@pytest.mark.parametrize(
    ("looked", "died", "written", "blamed"),
    [
        (12.005, 12.01, "", {}),
        (12.005, 12.05, "", {}),
        (12.005, 12.11, "", {"unhalted": 1}),
        (12.005, None, "", {"unhalted": 1}),
        (12.2, 12.205, "", {}),
        (12.2, 12.205, "lapsed", {"unhalted": 1}),
        (12.2, None, "", {"unhalted": 1}),
    ],
    ids=[
        "died over it",
        "died before it was certain",
        "died after that",
        "lived",
        "later, died over it",
        "later, died having told",
        "later, lived",
    ],
)
def test_somebody_paused_it_hours_after_we_died_over_a_pause_of_ours_and_over_each_look_since(
    looked, died, written, blamed
):
    """Ours may land for minutes after a look that showed it active, and what a look shows to one who dies over it nobody
    knows; what the journal was told of it holds."""
    story = in_window()
    story.polls(11, 11.5)
    story.decides(12, "HOLD", verb="pause")
    story.dies(12.003)
    story.looks(looked)
    if written:
        story.writes(looked, "settled", verb="pause", settlement="not_applied")
        story.writes(looked, written)
    if died:
        story.dies(died)
    story.person(17, "pause")
    story.looks(17.5)
    story.writes(17.5, "settled", verb="pause", settlement="confirmed")
    story.polls(18, 19)
    story.steps(19)
    story.polls(19.5, 21)
    story.ends("rolling_out")
    assert {check: n for check, n in story.blamed().items() if check == "unhalted"} == blamed


def test_the_journal_tells_of_a_person_who_was_not_there():
    story = resting()
    story.writes(5, "drifted", meaning="halted", before={}, after={})
    story.polls(5, 6)
    story.ends("rolling_out")
    assert story.blamed() == {"disagreements": 1}


def _resumed_by_somebody() -> AppleStory:
    story = resting()
    story.polls(4.5, 6)
    story.person(6.2, "resume", noticed="resumed")
    story.polls(6.5, 9)
    return story


def test_somebody_resumes_it_and_apple_takes_a_step():
    story = _resumed_by_somebody()
    story.polls(9.5, 30)
    story.rests(30.2)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(
    ("known_before", "theirs"),
    [
        (None, False),
        ("preempted", False),
        ("in_doubt", False),
        ("not_applied", True),
        ("lapsed", True),
        ("shown", True),
    ],
)
def test_somebodys_resume_is_taken_for_our_own_late_step_while_nobody_knows_for_certain_that_it_came_to_nothing(
    known_before, theirs
):
    """What the replica knew that sent it, or did not, another one may not."""
    story = resting()
    story.polls(4.5, 6)
    story.decides(6, "ADVANCE", 20_000, verb="step")
    if known_before in ("preempted", "in_doubt", "not_applied"):
        story.writes(6.1, "settled", verb="step", settlement=known_before)
    if known_before == "lapsed":
        story.writes(6.1, "settled", verb="step", settlement="preempted")
        story.writes(6.15, "lapsed")
    story.person(6.2, "resume")
    if known_before == "shown":
        story.writes(6.3, "seen", status="in_progress", review="published")
    story.writes(6.5, "overtaken", why="late")
    story.writes(6.6, "settled", verb="step", settlement="preempted")
    case = understand(story.evidence())
    (resumed,) = (change for change in case.changes if change.kind == "step")
    assert case.taken_for_ours(resumed) is not theirs
    assert (resumed.at in case.lives(resumed.key, case.ended_at)) is theirs


def test_somebody_resumed_it_and_we_paused_it_without_a_cause():
    story = _resumed_by_somebody()
    story.pauses(9)
    story.ends("rolling_out")
    assert story.blamed() == {"console_acts_overridden": 1}


@pytest.mark.parametrize(("found_at", "times"), [(8.9, 0), (4, 1)])
def test_somebody_let_it_go_on_before_it_was_found_and_it_is_paused_as_it_is_taken_up(found_at, times):
    """It reads active, as what Apple has just let out; that a person wanted it so no look tells."""
    story = _resumed_by_somebody()
    story.journal.clear()
    found = {"status": "in_progress", "review": "published", "exposure_ppm": 10_000}
    story.writes(found_at, "discovered", policy="standard", choice="adopt", **found)
    story.pauses(9)
    assert story.blamed().get("console_acts_overridden", 0) == times


@pytest.mark.parametrize("cause", ["doubt", "order", "hold", "late"])
def test_somebody_resumed_it_and_there_is_a_cause_to_pause_it(cause):
    story = _resumed_by_somebody()
    match cause:
        case "doubt":
            story.asks(9.5, status=502)
        case "order":
            story.orders(9.5, "halt")
        case "hold":
            story.writes(9.5, "held", actor={"kind": "human", "name": "ana"}, reason="wait", until=None)
        case "late":  # the process stood still while the store's answer was on its way
            story.requested(9.5, "app_store", "/v1/apps/644/appStoreVersions", method="GET")
            story.stands_still(9.49, 9.5)
    story.pauses(9.5)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize(
    ("looked_between", "sessions", "blamed"), [(False, 1, 0), (True, 1, 1), (False, 100, 1)]
)
def test_a_window_that_somebody_paused_and_opened_between_two_looks_is_still_ours(
    looked_between, sessions, blamed
):
    """Too few sessions close ours, and not a person's."""
    gate = {"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100, "window": "3h"}
    story = in_window(policy={"gates": [gate]})
    story.polls(11, 12)
    story.person(12.1, "pause")
    if looked_between:
        story.looks(12.2)
    story.person(12.4, "resume")
    story.sessions_per_hour = sessions
    story.polls(12.5, 16.5)
    story.pauses(16.5)
    story.ends("rolling_out")
    assert story.blamed().get("console_acts_overridden", 0) == blamed


CLOCKS = "clocks_disagree"


@pytest.mark.parametrize(
    ("shown", "before", "because", "blamed"),
    [
        (9.75, None, CLOCKS, 0),  # a quarter of an hour ahead
        (6.5, None, CLOCKS, 0),
        (9.5, 12.5, CLOCKS, 0),  # right again, and the journal three hours ahead of it
        (9.52, None, CLOCKS, 1),
        (9.5, None, CLOCKS, 1),
        (9.75, None, "window_over", 1),
    ],
)
def test_somebody_resumed_it_while_the_machines_clock_was_wrong(shown, before, because, blamed):
    """Clocks that disagree raise nothing, and there silence raises; so the pause is due where they truly did."""
    story = _resumed_by_somebody()
    if before is not None:
        story.writes(before, "decided", decision="WAIT", reasons=[])
        story.journal[-1] |= {"true_at": at(9.1)}
    story.decides(shown, "HOLD", 10_000, verb="pause", because=because)
    if shown != 9.5:
        story.journal[-1] |= {"true_at": at(9.5)}
    story.asks_apple(9.5, "pause")
    story.ends("rolling_out")
    assert story.blamed().get("console_acts_overridden", 0) == blamed


@pytest.mark.parametrize(
    ("died", "again", "blamed"),
    [(8.001, 12.005, False), (None, 12.005, True), (8.5, 12.005, True), (8.001, 12.6, True)],
)
def test_a_halt_whose_life_ended_before_it_was_answered_is_taken_up_beside_the_resume(died, again, blamed):
    story = resting()
    story.polls(4.5, 8)
    story.decides(8, "HALT", command=story.orders(8, "halt"), verb="halt")
    if died:
        story.dies(died)
    story.does(12, "resume", "RESUME", command=story.orders(12, "resume"))
    story.writes(12, "settled", verb="resume", settlement="confirmed")
    story.polls(12.5, 12.5)
    story.does(again, "halt", "HALT")
    story.ends("halted")
    assert ("console_acts_overridden" in story.blamed()) is blamed


def test_a_release_on_apples_clock_that_somebody_completes():
    story = following()
    story.person(13, "complete", noticed="raised")
    story.polls(13.5, 14)
    story.ends("completed")
    assert story.blamed() == {}


@pytest.mark.parametrize(("shown", "missed"), [(True, 0), (False, 1)])
def test_what_was_removed_from_sale_before_the_next_look_shows_nothing_of_what_was_before(shown, missed):
    """Unless its state goes on telling what it told before."""
    story = following()
    story.person(12.2, "complete")
    story.removed(12.3)
    told = {"appStoreState": "DEVELOPER_REMOVED_FROM_SALE"} if shown else {"appStoreState": "READY_FOR_SALE"}
    story.requested(12.5, "app_store", "/v1/apps/644/appStoreVersions", method="GET", response=told)
    story.polls(13, 15)
    story.ends("halted", 0)
    assert story.blamed().get("console_acts_missed", 0) == missed


def test_an_ignored_release_is_nobodys_business():
    story = AppleStory(choice="ignore")
    story.polls(4, 12)
    story.person(12.2, "pause")
    story.polls(12.5, 15)
    story.ends("waiting")
    assert story.blamed() == {}


@pytest.mark.parametrize(
    ("seen_at", "status", "blamed"),
    [
        (13, "completed", {}),
        (13.1, "completed", {"console_acts_missed": 1}),
        (13, "in_progress", {"console_acts_missed": 1}),
    ],
)
def test_an_ignored_release_is_completed_in_the_console_and_then_started(seen_at, status, blamed):
    """Of a release that nobody asked for it is only written down where it stands; the look of the start is the last
    such one."""
    story = AppleStory(choice="ignore")
    story.polls(4, 12)
    story.person(12.2, "complete")
    story.asks(13)
    how = {"review": "published", "exposure_ppm": 1_000_000, "phased": True, "track": ""}
    noted = {"seen": how | {"status": status}, "started": {"actor": {"kind": "human", "name": "kim"}}}
    for kind in ("seen", "started") if seen_at == 13 else ("started", "seen"):
        story.writes(seen_at if kind == "seen" else 13, kind, **noted[kind])
    story.polls(13.5, 15)
    story.ends("completed")
    assert {check: n for check, n in story.blamed().items() if check == "console_acts_missed"} == blamed


def test_what_somebody_does_while_nobody_can_look_need_not_be_noticed():
    story = in_window()
    story.polls(11, 12)
    story.dies(12.1)
    story.person(12.2, "pause")
    story.person(20, "resume")
    story.polls(20.5, 21)
    story.ends("rolling_out")
    assert story.blamed() == {}


@pytest.mark.parametrize("removed", [True, False])
def test_a_removal_from_sale_may_be_older_than_the_look_that_found_the_version(removed):
    """For a day its state does not tell."""
    story = AppleStory()
    if removed:
        story.removed(4.1)
    story.journal.clear()
    story.writes(4.5, "discovered", policy="standard", choice="adopt", status="in_progress")
    story.polls(5, 7)
    story.writes(7, "drifted", meaning="withdrawn", before={}, after={})
    story.ends("halted", 0 if removed else 10_000)
    invented = [f for f in judge(story.evidence()).findings if "said to be withdrawn" in f.text]
    assert bool(invented) != removed
