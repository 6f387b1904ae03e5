"""A stopped line: what was raised on it all the same, and what Apple went on with."""

from __future__ import annotations

import pytest

from tests.judge.apple_story import FOLLOWING, AppleStory
from tests.judge.story import Story, at

pytestmark = pytest.mark.promise("R11")

STOPPED = {"raises_on_a_stopped_line": 1}
SECOND = 1 / 3600


@pytest.mark.parametrize(
    ("begun", "ended", "blamed"),
    [
        (28, 30, STOPPED),
        (28.5 - 60 * SECOND, 30, STOPPED),
        (28.5 - 2 * SECOND, 30, {}),  # on its way by then
        (20, 28.4, {}),
        (28.6, 30, {}),
    ],
)
def test_nothing_is_raised_while_the_line_is_stopped(begun, ended, blamed):
    told = Story()
    told.line.append(f"{at(begun)} {at(ended)}")
    told.polls(4, 28.5)
    told.raises(28.5, 0.1)
    told.ends("rolling_out", 100_000)
    assert told.blamed() == blamed


def test_a_daemon_that_stood_still_between_its_look_and_the_request_could_not_know():
    told = Story()
    told.line.append(f"{at(28.4)} {at(30)}")
    told.stands_still(28.399, 28.4999)
    told.polls(4, 28.5)
    told.raises(28.5, 0.1)
    told.ends("rolling_out", 100_000)
    assert told.blamed() == {}


@pytest.mark.promise("R7")
@pytest.mark.parametrize("paused", [True, False])
def test_apple_is_kept_from_going_on_while_the_line_is_stopped(paused):
    """It goes on by itself, and only a pause says that it must not."""
    told = AppleStory(policy=FOLLOWING)
    told.line.append(f"{at(6)} {at(40)}")
    told.polls(4, 27.5)
    if paused:
        told.decides(6.1, "HOLD", 10_000, verb="pause", because="line_stopped")
        told.turns(6.1, "PAUSED", request=told.requested(6.1, "app_store", "/v1/x", method="PATCH"))
        told.ends("held", 10_000)
    else:
        told.apple(28)
        told.ends("rolling_out", 20_000)
    assert ("raises_on_a_stopped_line" in told.blamed()) != paused
