"""A service that is down, slow, or answers HTML: held, said so in `status`, and gone on with afterwards."""

from __future__ import annotations

from tests.acceptance.stories import short

WHOLE_WAY = [("inProgress", 50), ("completed", 100)]
BROKEN = {"html": "6h 30m", "502": "7h", "slow": "7h 30m"}
"""What goes wrong until when; the first raise is due after 6 h."""


def _impatient(config):
    config["limits"] = {"http_timeout": "1s", "pass_deadline": "10s"}


def _played(opens, to="5h"):
    stage = opens(short())
    stage.edits_config(_impatient)
    stage.stops_at("0m")
    stage.starts_daemon()
    stage.plays_to(to)
    return stage


def _passes(stage, until):
    """Let the story go on; what `status` says then."""
    stage.plays_to(until)
    return stage.status()


def _broken(stage, service, **until):
    """What `status` says in each kind of trouble, one after the other."""
    for kind, end in (BROKEN | until).items():
        stage.heals()
        stage.breaks(service, kind, count=None, seconds=3.0)
        yield _passes(stage, end)


def _afterwards(stage):
    stage.heals()
    stage.plays_out()
    assert stage.committed() == WHOLE_WAY
    assert stage.rollout()["phase"] == "completed"
    stage.is_clean()


def test_without_the_store_nothing_is_raised_and_status_says_why(opens):
    stage = _played(opens)
    for status in _broken(stage, "google_play"):
        (row,) = status["rollouts"]
        assert (row["phase"], row["exposure_ppm"]) == ("held", 100_000)
        assert "could not be read" in row["reason"]
        assert "could not be read" in status["passes"][0]["problem"]
    assert "could not be read" in stage.types("status").out
    assert stage.writes() == []
    _afterwards(stage)


def test_without_evidence_nothing_is_raised_and_status_says_why(opens):
    stage = _played(opens)
    for status in _broken(stage, "sentry"):
        (row,) = status["rollouts"]
        assert (row["phase"], row["exposure_ppm"]) == ("held", 100_000)
        assert "evidence" in row["reason"]
        assert "sentry" in row["reason"].lower()
    assert stage.writes() == []
    _afterwards(stage)


def test_without_slack_the_release_goes_on_and_people_are_told_later(opens):
    stage = _played(opens, to="5h 30m")
    stage.breaks("slack", "502", count=None)
    assert _passes(stage, "6h")["notices_undelivered"]
    assert stage.served() == ("inProgress", 500_000)
    assert not stage.messages("is raised to 50")
    for status in _broken(stage, "slack", slow="7h 3m"):
        assert status["notices_undelivered"]
    assert "not delivered" in stage.types("status").out
    _afterwards(stage)
    assert stage.messages("is raised to 50")


def test_an_account_that_is_locked_out_is_said_in_words(opens):
    stage = _played(opens)
    stage.breaks("google_play", "401", count=None)
    stage.breaks("oauth", "401", count=None)
    (row,) = _passes(stage, "6h 30m")["rollouts"]
    assert "the store turns us away; a person must mend that" in row["reason"]
    assert stage.writes() == []
    _afterwards(stage)
