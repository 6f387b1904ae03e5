"""No data, old data and failed queries that counted as success elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.core.model import CommandVerb
from tests.incidents.scene import fails, last_served, on_a_good_day, told, turning_bad
from tests.simulation.by_hand import app, in_the_console, order
from tests.simulation.test_newer_releases import messages, most, state


def test_argo_rollouts_4479():
    """Argo Rollouts #4479: an analysis in which every measurement had failed or erred came out as Successful."""
    left = told(14, fails("sentry", "down"))
    assert most(left, "5.2.0") == 1
    assert state(left, "5.2.0")["phase"] == "held"
    assert most(on_a_good_day(), "5.2.0") == 100


def test_argo_rollouts_4393():
    """Argo Rollouts #4393: the job that checked the release failed, its analysis succeeded, and the release became the
    stable one."""
    story = app()
    bad = replace(story.releases[-1], crash_free_ppm=940_000)
    left = told(14, stories=replace(story, releases=(story.releases[0], bad)))
    assert most(left, "5.2.0") == 1
    assert last_served(left, "5.2.0")[0] == "halted"


def test_flagger_1098():
    """Flagger #1098: without traffic a query gives nothing or NaN, which was read as 0, and so as below every threshold: a
    release that nobody has used looks well."""
    left = told(14, stories=app(population=0))
    assert most(left, "5.2.0") == 1
    assert state(left, "5.2.0")["phase"] in ("held", "rolling_out")


def test_sentry_69177():
    """Sentry #69177: after an upgrade of a self-hosted server crash-free rates were empty or zero for everyone."""
    left = told(14, fails("sentry", "empty"), switches={"sentry_self_hosted": True})
    assert last_served(left, "5.2.0") == ("inProgress", 1), "neither raised nor halted by zeros"
    assert state(left, "5.2.0")["phase"] == "held"


def test_sentry_self_hosted_2508():
    """Sentry self-hosted #2508: crash-free figures were not updated any more, and stood there as if they were new."""
    left = told(14, fails("sentry", "frozen", begins=1))
    assert most(left, "5.2.0") == 1
    assert state(left, "5.2.0")["phase"] == "held"


def test_flagger_30():
    """Flagger #30: the analysis of a new revision that came in the middle of another one's went on where that had been, so
    that it could be promoted without being validated."""
    new = {"version": "5.3.0", "code": 5030, "crash_free_ppm": 940_000, "exposure_ppm": 10_000}
    left = told(20, in_the_console(8, "new_release", **new))
    assert most(left, "5.2.0") > 1
    assert most(left, "5.3.0") == 1, "the older one's good figures are not the newer one's"
    assert last_served(left, "5.3.0")[0] == "halted"


def test_divine_mobile_6860():
    """divine-mobile #6860: a rollout stood at 20 % for two weeks, so that four of five users went without its fix."""
    left = told(30, fails("sentry", "down", begins=1), poll=2)
    assert most(left, "5.2.0") == 1
    assert messages(left, "5.2.0 (5020) is held at 1 %")


@pytest.mark.parametrize("verb", [CommandVerb.ADVANCE, CommandVerb.COMPLETE])
def test_argo_rollouts_261(verb):
    """Argo Rollouts #261: people who took an inconclusive analysis for good enough had to skip every check of the release
    to get on. Here they say for one step, by name and aloud, that they go without evidence."""
    late = order(6, verb, "5.2.0")
    knowing = order(7, CommandVerb.ADVANCE, "5.2.0", without_evidence=True)
    left = told(14, fails("sentry", "down"), late, knowing)
    assert left.orders == {f"{verb.value}-6": "refused", "advance-7": "done"}
    assert most(left, "5.2.0") == 5, "one stage, and no further"


def test_argo_rollouts_943():
    """Argo Rollouts #943: an experiment was told as successful while an analysis of it still ran, which failed later."""
    left = told(20, stories=turning_bad(12.5), policy="quick")
    assert last_served(left, "5.2.0")[0] == "halted", "also after everyone had it"
