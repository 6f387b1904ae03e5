from dataclasses import replace

import pytest

from tests.judge import judge
from tests.judge.case import understand
from tests.judge.story import OLD, Story, at, bad_release, first_raise, new


def _resumed(story: Story, hour: float, command: str = "") -> Story:
    story.decides(hour, "RESUME", 10_000, command)
    story.commit(hour, new("inProgress", 0.01), OLD)
    story.served(hour, "inProgress", 10_000)
    story.ends("rolling_out", 10_000)
    return story


def test_a_halt_of_the_machine_is_undone_by_a_person():
    story = bad_release()
    story.halts(20.5)
    assert _resumed(story, 22, story.orders(22, "resume")).blamed() == {}


def test_a_halt_of_the_machine_was_undone_by_the_machine():
    story = bad_release()
    story.halts(20.5)
    assert _resumed(story, 22).blamed() == {"raises_without_evidence": 1, "unhalted": 1}


def test_a_persons_halt_was_undone_because_the_data_looked_well():
    story = Story()
    story.polls(4, 20)
    story.orders(20, "halt")
    story.halts(20)
    story.polls(20.5, 23)
    # The new monitoring run has no data of its own yet, so this is also a raise without evidence.
    assert _resumed(story, 23).blamed() == {"raises_without_evidence": 1, "unhalted": 1}


def test_an_order_to_resume_was_used_for_a_later_halt():
    story = Story()
    story.polls(4, 19)
    story.orders(19, "resume")
    story.orders(20, "halt")
    story.halts(20)
    story.polls(20.5, 23)
    assert _resumed(story, 23).blamed() == {"raises_without_evidence": 1, "unhalted": 1}


def test_a_release_came_back_larger_than_it_was_halted():
    story = bad_release()
    story.halts(20.5)
    command = story.orders(22, "resume")
    story.decides(22, "RESUME", 100_000, command)
    story.commit(22, new("inProgress", 0.1), OLD)
    story.served(22, "inProgress", 100_000)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"stages_skipped": 1}


def test_somebody_halted_in_the_console_and_the_schedule_went_on():
    story = Story()
    story.polls(4, 28)
    story.console(28, new("halted", 0.01), OLD, exposure_ppm=0)
    story.asks(28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    blamed = story.blamed()
    assert blamed["unhalted"] == 1
    assert blamed["console_acts_overridden"] == 1


def test_somebody_lowered_in_the_console_and_the_schedule_raised_it_again():
    story = first_raise(until=60)
    story.console(30, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.polls(30.5, 54.5)
    story.raises(54.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"console_acts_overridden": 1}


@pytest.mark.parametrize(("found_at", "blamed"), [(1.5, 1), (10.2, 0)])
def test_what_somebody_had_lowered_before_it_was_found_goes_on_from_there(found_at, blamed):
    """Nobody can know that it ever stood higher."""
    story = Story(until=60)
    story.journal[0]["at"] = at(found_at)
    story.console(10, new("inProgress", 0.005), OLD, exposure_ppm=5_000)
    story.polls(10.5, 34.5)
    story.raises(34.5, 0.01)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("console_acts_overridden", 0) == blamed


def test_somebody_lowered_in_the_console_and_then_let_it_go_on():
    story = first_raise(until=60)
    story.console(30, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.polls(30.5, 54)
    story.orders(54, "resume")
    story.asks(54.5)
    story.raises(54.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {}


def test_somebody_raised_in_the_console_and_it_was_halted_without_a_cause():
    story = Story()
    story.polls(4, 10)
    story.console(10, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(10.5, 11)
    story.halts(11)
    story.ends("halted", 50_000)
    assert story.blamed() == {"console_acts_overridden": 1}


def test_somebody_raised_in_the_console_and_it_is_halted_because_it_crashes():
    story = Story()
    story.health.append((11, 0.5))
    story.polls(4, 10)
    story.console(10, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(10.5, 11.5)
    story.halts(11.5)
    story.ends("halted", 50_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("health", "blamed"), [(0.98996, {}), (0.9901, {"console_acts_overridden": 1})])
def test_somebody_raised_in_the_console_and_it_is_halted_for_a_rate_that_is_hardly_below_the_floor(
    health, blamed
):
    story = Story(policy={"gates": [{"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100}]})
    story.health[:] = [(0, health)]
    story.polls(4, 10)
    story.console(10, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(10.5, 11.5)
    story.halts(11.5)
    story.ends("halted", 50_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("health", "blamed"), [(0.5, {}), (0.998, {"console_acts_overridden": 1})])
def test_somebody_resumed_it_and_it_is_halted_for_crashes_of_the_hour_in_which_a_review_let_it_out(
    health, blamed
):
    """That hour began after the resume was seen: nothing of it had counted in the life before."""
    story = Story(policy={"gates": [{"metric": "crash_free_sessions", "floor": 99.0, "min_sample": 100}]})
    story.polls(4, 9)
    story.console(9.2, new("halted", 0.01), OLD, exposure_ppm=0)
    story.console(11.2, new("inProgress", 0.01), OLD, exposure_ppm=0)
    story.writes(11.6, "drifted", meaning="resumed", before=_seen("halted", 10_000), after=_SERVED)
    story.served(13.3, "inProgress", 10_000, cause="store")
    story.health.append((13, health))
    story.asks(13.5)
    story.halts(13.6)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


def test_somebody_raised_in_the_console_and_it_was_pulled_back():
    story = Story()
    story.polls(4, 10)
    story.console(10, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.commit(10.5, new("inProgress", 0.01), OLD)
    story.served(10.5, "inProgress", 10_000)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"console_acts_overridden": 1, "disagreements": 1}


def test_somebody_raised_in_the_console_and_the_new_bake_was_cut():
    story = Story()
    story.polls(4, 28)
    story.console(28, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.asks(28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"bakes_cut": 1}


def test_a_release_nobody_can_judge_any_more_is_halted_where_the_policy_says_so():
    story = Story(policy={"unknown_data": {"action": "halt", "after": "6h"}})
    story.console(5, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(5.5, 12, status=502)
    story.halts(12)
    story.ends("halted", 50_000)
    assert story.blamed() == {}


def test_what_somebody_raised_may_be_halted_when_the_reviews_are_bad():
    story = Story()
    story.polls(4, 6)
    story.console(6, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(6.5, 9)
    story.writes(8, "suspected", gate="reviews", count=1)
    story.halts(9)
    story.ends("halted", 50_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("looked", "blamed"), [(False, 0), (True, 1)])
def test_somebody_lowered_it_to_where_it_was_before_a_raise_that_no_look_had_shown(looked, blamed):
    """It reads as if the store had taken the raise and not carried it out: that is tried again."""
    story = first_raise(until=60)
    if looked:
        path = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
        story.requested(28.6, "google_play", path, method="GET")
    story.console(28.7, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(28.8, "settled", verb="raise", settlement="not_applied")
    story.polls(30.5, 53)
    story.raises(53, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed().get("console_acts_overridden", 0) == blamed


def _looks(story: Story, hour: float) -> None:
    path = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
    story.requested(hour, "google_play", path, method="GET")


@pytest.mark.parametrize(
    ("act", "looked", "blamed"),
    [
        (new("inProgress", 0.5), 20.5, {}),
        (new("inProgress", 0.5), 20.2, {"bakes_cut": 1, "console_acts_overridden": 1}),
        (new("halted", 0.01), 20.5, {}),
        (new("halted", 0.01), 20.2, {"bakes_cut": 1}),
    ],
)
def test_what_somebody_did_and_took_back_between_two_looks_never_was_for_whoever_looks(act, looked, blamed):
    """Play tells what is. The bake goes on from before, and so does the schedule."""
    story = Story()
    story.polls(4, 20)
    _looks(story, 20)
    story.console(20.1, act, OLD, exposure_ppm=500_000 if act["status"] == "inProgress" else 0)
    _looks(story, looked)
    story.console(20.3, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.polls(20.5, 28.5)
    _looks(story, 28.4)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("looked", "blamed"), [(28.4, {}), (28.2, {"bakes_cut", "raises_without_evidence"})])
def test_a_halt_that_was_over_before_anybody_looked_begins_no_life_that_is_counted_anew(looked, blamed):
    story = Story()
    story.polls(4, 28)
    story.console(28.1, new("halted", 0.01), OLD, exposure_ppm=0)
    _looks(story, looked)
    story.console(28.3, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.asks(28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert set(story.blamed()) == set(blamed)


def test_what_somebody_took_back_further_than_to_where_it_was_can_be_seen():
    story = Story()
    story.polls(4, 20)
    _looks(story, 20)
    story.console(20.1, new("inProgress", 0.5), OLD, exposure_ppm=500_000)
    story.console(20.3, new("inProgress", 0.005), OLD, exposure_ppm=5_000)
    story.polls(20.5, 28.5)
    story.raises(28.5, 0.01)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"bakes_cut": 1, "console_acts_overridden": 1}


def _seen(status: str, exposure_ppm: int) -> dict:
    return {"status_word": status, "exposure_ppm": exposure_ppm}


_SERVED = _seen("inProgress", 10_000)
_RAISED, _HALTED, _RESUMED = (
    ("inProgress", 10_000, "inProgress", 50_000),
    ("inProgress", 50_000, "halted", 50_000),
    ("halted", 50_000, "inProgress", 50_000),
)


@pytest.mark.parametrize(
    ("raised", "told", "lives"),
    [(20.05, _RAISED, 1), (20.3, _RAISED, 1), (20.05, _HALTED, 2), (20.05, _RESUMED, 2)],
    ids=["raised before it", "raised after it", "the halt is told", "the resume is told"],
)
def test_a_raise_that_a_look_shows_tells_nobody_of_a_halt_that_was_over_before_it(raised, told, lives):
    """Only where the journal names the halt itself does counting begin anew with its end."""
    story = Story()
    _looks(story, 20)
    share, ppm = (0.05, 50_000) if raised < 20.1 else (0.01, 10_000)
    acts = [
        (raised, new("inProgress", 0.05), 50_000),
        (20.1, new("halted", share), 0),
        (20.2, new("inProgress", share), ppm),
    ]
    for hour, act, exposure_ppm in sorted(acts, key=lambda act: act[0]):
        story.console(hour, act, OLD, exposure_ppm=exposure_ppm)
    _looks(story, 20.5)
    story.writes(20.5, "drifted", meaning="raised", before=_seen(*told[:2]), after=_seen(*told[2:]))
    story.ends("rolling_out", 50_000)
    case = understand(story.evidence())
    (key,) = (key for key in case.served if key.id == "5020")
    assert len(case.lives(key, case.ended_at)) == lives


def _raised_over_a_halt(case: str) -> Story:
    """A halt was wanted at 20.5 that the store had not taken when somebody raised the release there; it lands after that."""
    story = Story() if case in ("of a person", "without a cause") else bad_release()
    if case in ("of a person", "without a cause"):
        story.polls(4, 20.5)
    if case == "of a person":
        story.orders(20.5, "halt")
    story.decides(20.5, "HALT", command=story.journal[-1]["body"]["command"] if case == "of a person" else "")
    intent = story.journal[-1]["body"]["intent"]
    settled = {"intent": intent, "verb": "halt", "settlement": "confirmed"}
    if case == "confirmed before":
        story.writes(21, "settled", **settled)
    if case == "answered before":
        story.orders(21, "resume")
    story.console(22, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    if case == "answered after":
        story.orders(22.05, "resume")
    story.commit(22.1, new("halted", 0.05), OLD)
    story.served(22.1, "halted", 0)
    if case == "landed before":
        story.writes(22.2, "settled", **settled)
        _resumed(story, 23, story.orders(23, "resume"))
        story.halts(24)
    story.ends("halted", 50_000)
    return story


@pytest.mark.parametrize(
    ("case", "blamed"),
    [
        ("of the daemon", 0),
        ("of a person", 0),
        ("without a cause", 1),
        ("confirmed before", 1),
        ("answered before", 1),
        ("answered after", 1),
        ("landed before", 1),
    ],
)
def test_a_halt_that_the_store_had_not_shown_when_somebody_raised_it_is_owed_until_it_does_or_a_person_resumes(
    case, blamed
):
    """What is halted after that, or was never to be halted, is somebody's act that was overridden."""
    assert _raised_over_a_halt(case).blamed().get("console_acts_overridden", 0) == blamed


@pytest.mark.parametrize(
    ("case", "blamed"),
    [
        ("it had just taken it over", 0),
        ("the database was there", 1),
        ("the database failed it later", 1),
        ("it had seen that itself", 1),
        ("another one held it", 1),
    ],
)
def test_that_a_halt_was_shown_is_unknown_to_whoever_takes_it_over_and_has_no_database(case, blamed):
    """What another replica wrote it cannot read; the halt that it knows of is wanted until it has seen it."""
    story = _raised_over_a_halt("confirmed before")
    halts = story.requests[-1]
    first = 2 if case == "it had seen that itself" else 1
    story.tenures.append(
        {"name": "acme/google_play", "run": first, "epoch": 1, "at": at(1), "raise_after": ""}
    )
    second = 1 if case == "another one held it" else 2
    story.tenures.append(
        {"name": "acme/google_play", "run": second, "epoch": 2, "at": at(22.05), "raise_after": ""}
    )
    failed = {"the database was there": None, "the database failed it later": 22.08}.get(case, 22.06)
    if failed:
        story.unwritten.append(at(failed))
    senders = {str(halts["seq"]): 2}
    found = judge(replace(story.evidence(), senders=senders)).findings
    assert len([each for each in found if each.check == "console_acts_overridden"]) == blamed
