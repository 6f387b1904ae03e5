"""What was halted for a cause comes back, and is started by a person who knows, by one who does not, or by nobody."""

import pytest

from tests.judge.story import OLD, Story, new

NEXT = {"name": "5.3.0", "versionCodes": ["5030"], "status": "inProgress", "userFraction": 0.01}
DAEMON = {"kind": "machine", "name": "stagedrollout"}
ANA = {"kind": "human", "name": "ana"}


def back_again() -> Story:
    """Halted by a person at hour 20, replaced at 22, and put there again by somebody at 24."""
    story = Story(until=60)
    story.polls(4, 20)
    story.orders(20, "halt")
    story.halts(20)
    story.console(22, NEXT, OLD, exposure_ppm=0)
    story.writes(22.5, "superseded", by="5.3.0 (5030)")
    story.console(24, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(24.5, "returned")
    return story


def raised_later(story: Story) -> dict[str, int]:
    story.polls(25, 49)
    story.raises(49, 0.1)
    story.ends("rolling_out", 100_000)
    return story.blamed()


def test_a_person_who_knew_of_the_halt_started_it():
    story = back_again()
    command = story.orders(24.75, "start")
    story.writes(24.75, "started", actor=ANA, command=command, known_bad="halted by ana: for a test")
    assert raised_later(story) == {}


def test_a_person_started_it_who_was_not_told_of_the_halt():
    story = back_again()
    command = story.orders(24.75, "start")
    story.writes(24.75, "started", actor=ANA, command=command, known_bad="")
    assert raised_later(story) == {"known_bad_started": 1}


def test_it_was_taken_up_and_raised_by_itself():
    story = back_again()
    story.writes(24.75, "started", actor=DAEMON, known_bad="")
    assert raised_later(story) == {"known_bad_started": 2}


@pytest.mark.parametrize(("looked", "blamed"), [(True, {"known_bad_started": 1}), (False, {})])
def test_somebody_halted_it_and_it_was_replaced_before_the_store_could_be_read(looked, blamed):
    """Nobody can know of such a halt: put back later, it is a release like any other."""
    story = Story(until=60)
    story.polls(4, 20)
    story.console(20.1, new("halted", 0.01), OLD, exposure_ppm=0)
    path = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
    status = 200 if looked else 403
    story.requested(20.5, "google_play", path, method="GET", status=status, fault=None if looked else "403")
    story.console(22, NEXT, OLD, exposure_ppm=0)
    story.served(22, "replaced", 0, cause="console")
    story.console(24, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(24.5, "returned")
    story.writes(24.75, "started", actor=DAEMON, known_bad="")
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("looks_at", "blamed"), [(20.5, {"known_bad_started": 1}), (21.5, {})])
def test_somebody_halted_it_and_nobody_looked_before_something_newer_waited_in_its_place(looks_at, blamed):
    """Until that is reviewed people are served as before; the track tells nothing of the halted one."""
    story = Story(until=60)
    story.polls(4, 20)
    story.console(20.1, new("halted", 0.01), OLD, exposure_ppm=0)
    path = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
    story.requested(looks_at, "google_play", path, method="GET", status=200, fault=None)
    story.track = [NEXT, OLD]  # somebody's pipeline
    story.served(21, "halted", 0, review="NOT_LISTED")
    story.served(22, "replaced", 0, cause="store")
    story.console(24, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(24.5, "returned")
    story.writes(24.75, "started", actor=DAEMON, known_bad="")
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


def test_it_was_resumed_where_it_stood_and_goes_on():
    story = Story(until=60)
    story.polls(4, 20)
    story.console(20, new("halted", 0.01), OLD, exposure_ppm=0)
    story.console(22, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.polls(22.5, 49)
    story.raises(49, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("looks_at", "blamed"), [(23, {"known_bad_started": 1}), (25, {})])
def test_it_was_replaced_and_rolled_out_afresh_and_whoever_looked_saw_it_halted_and_then_resumed(
    looks_at, blamed
):
    """A resume in the console lifts a halt; that it was gone in between no look had shown."""
    story = Story(until=60)
    story.polls(4, 20)
    story.console(20.1, new("halted", 0.01), OLD, exposure_ppm=0)
    for hour in (21, looks_at):
        path = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
        story.requested(hour, "google_play", path, method="GET", status=200, fault=None)
    story.track = [NEXT, OLD]
    story.served(22, "replaced", 0, cause="store")
    story.console(24, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(25.1, "drifted", meaning="resumed", before={}, after={})
    story.writes(25.1, "started", actor=DAEMON, known_bad="")
    story.ends("rolling_out", 10_000)
    assert {check: n for check, n in story.blamed().items() if check == "known_bad_started"} == blamed


def halted_by_somebody_and_back_again(*, turned_away: bool) -> Story:
    """Halted in the console at hour 20, replaced at 22, and put there again at 24; looked at in between."""
    story = Story(until=60)
    story.polls(4, 20)
    story.console(20, new("halted", 0.01), OLD, exposure_ppm=0)
    status = 403 if turned_away else 200
    for what in ("edits/1/tracks/production", "tracks/production/releases"):
        path = f"/androidpublisher/v3/applications/com.acme.app/{what}"
        story.requested(21, "google_play", path, method="GET", status=status)
    story.console(22, NEXT, OLD, exposure_ppm=0)
    story.writes(22.5, "superseded", by="5.3.0 (5030)")
    story.console(24, new("inProgress", 0.01), OLD, exposure_ppm=10_000)
    story.writes(24.5, "returned")
    story.writes(24.75, "started", actor=DAEMON, known_bad="")
    return story


def test_it_was_taken_up_although_a_look_had_shown_that_somebody_halted_it():
    assert raised_later(halted_by_somebody_and_back_again(turned_away=False)) == {"known_bad_started": 2}


def test_nobody_can_know_of_a_halt_that_was_over_before_the_store_let_anybody_look():
    assert raised_later(halted_by_somebody_and_back_again(turned_away=True)) == {}
