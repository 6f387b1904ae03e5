"""Clocks that disagree: nothing is raised until they agree again, and halts go on (promise R19).

The emulator's time stands still here while the daemon lives by the machine's: so a store's clock is as wrong as a
test wants it to be.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short

WHY = ("--reason", "because of a test")


def _lives_by_the_machines_clock(config):
    config["clock"] = "system"
    config["poll"] = "1m"
    del config["emulator"]


def _behind(opens, **by):
    """A release that is live, in a store whose clock is behind the machine's."""
    begun = datetime.now(UTC) - timedelta(hours=5, **by)
    stage = opens(short(start=begun.isoformat(timespec="seconds"), until="10d"))
    stage.asks("advance", {"seconds": 5 * 3_600})
    stage.edits_config(_lives_by_the_machines_clock)
    stage.starts_daemon()
    return stage


def _holds(stage):
    """It is not even taken up: that would be the first step of a raise."""
    look = lambda: stage.rollout().get("reason", "")  # noqa: E731
    reason = eventually(look, what="a reason")
    # The dates of answers tell whole seconds.
    assert re.search(r"the clocks disagree: google_play is (9m 59s|10m)", reason), reason


def test_a_store_whose_clock_is_behind_keeps_everything_from_being_raised_until_it_is_right(opens):
    stage = _behind(opens, minutes=10)
    _holds(stage)
    refused = stage.types("advance", "acme", *WHY)
    assert (refused.code, "the clocks disagree" in refused.said) == (1, True), refused.said
    assert "the clocks disagree" in stage.types("explain", "acme").out
    assert any("the clocks disagree" in each["problem"] for each in stage.status()["passes"])
    assert "the clocks disagree" in stage.types("health").out
    eventually(lambda: stage.messages("the clocks disagree", broadcast=True), what="the notice")
    assert stage.committed() == []

    stage.asks("advance", {"seconds": 10 * 60})
    held = stage.types("hold", "acme", *WHY), stage.types("resume", "acme", *WHY)  # each has it look again
    assert [each.code for each in held] == [0, 0], held
    stage.shows("rolling_out")
    assert "clocks" not in stage.rollout()["reason"]


def test_a_person_halts_whatever_the_clocks_say(opens):
    stage = _behind(opens, minutes=10)
    _holds(stage)
    halted = stage.types("halt", "acme", *WHY)
    assert halted.code == 0, halted.said
    assert stage.served() == ("halted", 0)


def test_clocks_that_differ_by_a_minute_hold_nobody_up(opens):
    stage = _behind(opens, minutes=1)
    assert "clocks" not in stage.shows("rolling_out")["reason"]
