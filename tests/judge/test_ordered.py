import pytest

from tests.judge.apple_story import in_window
from tests.judge.story import OLD, Story, new


def _ordered(hour: float = 20) -> Story:
    story = Story()
    story.polls(4, 20)
    story.orders(hour, "halt")
    return story


@pytest.mark.parametrize(("hour", "blamed"), [(20.5, {}), (20.6, {"halts_late": 1})])
def test_a_person_who_orders_a_halt_gets_it_within_a_poll(hour, blamed):
    story = _ordered()
    story.halts(hour)
    story.ends("halted", 10_000)
    assert story.blamed() == blamed


def test_a_person_ordered_a_halt_and_nothing_happened():
    story = _ordered()
    story.polls(20.5, 23)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"halts_lost": 1}


def test_a_halt_that_its_person_takes_back_is_owed_no_more():
    story = _ordered()
    story.orders(20.2, "resume")
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


def test_what_somebody_raises_in_the_console_after_that_order_is_owed_no_more():
    story = _ordered()
    story.console(20.2, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.ends("rolling_out", 50_000)
    assert story.blamed() == {}


@pytest.mark.parametrize(("dropped", "blamed"), [(19.8, {}), (20.2, {}), (None, {"halts_late": 1})])
def test_nobody_can_halt_what_people_took_out_of_the_track_while_its_successor_is_in_review(dropped, blamed):
    """People get it until the newer one is published, and Play has nothing there that could be halted."""
    story = Story()
    story.polls(4, 19.5)
    kept = {"review": "NOT_LISTED", "cause": "console"}
    if dropped == 19.8:
        story.served(dropped, "inProgress", 10_000, **kept)
    story.orders(20, "halt")
    if dropped == 20.2:
        story.served(dropped, "inProgress", 10_000, **kept)
    story.polls(20.5, 22)
    story.served(22, "replaced", 0, review="NOT_LISTED", cause="store")
    story.writes(22.5, "superseded", by="5.3.0 (5030)")
    assert story.blamed() == blamed


def test_a_person_ordered_a_halt_on_the_app_store_and_it_went_on():
    story = in_window()
    story.polls(11, 12)
    story.orders(12, "halt")
    story.polls(12.5, 15)
    story.ends("rolling_out")
    assert story.blamed() == {"halts_lost": 1}


@pytest.mark.parametrize(
    ("cause", "request_", "blamed"),
    [("console", None, {}), ("api", None, {}), ("api", 1, {"halts_late": 1})],
)
def test_what_people_have_put_out_of_the_track_can_be_halted_by_nobody(cause, request_, blamed):
    """A newer release waits for its review in its place, and until then people go on getting it. Nobody but us may have
    done it by the API as well: a team's pipeline."""
    story = Story()
    story.polls(4, 19.5)
    story.served(19.7, "inProgress", 10_000, review="NOT_LISTED", cause=cause, request=request_)
    story.orders(20, "halt")
    story.polls(20, 23)
    story.served(23, "replaced", 0, cause="store")
    story.served(23, "inProgress", 10_000, release=("5.3.0", 5030), cause="store")
    story.ends("superseded", 10_000)
    assert story.blamed() == blamed
