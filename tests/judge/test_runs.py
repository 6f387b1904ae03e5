"""When a release is watched afresh, by its journal."""

from datetime import timedelta

import pytest

from tests.judge.case import understand
from tests.judge.evidence_story import Asking, terms
from tests.judge.ledger import instant
from tests.judge.proof import SHARES
from tests.judge.runs import is_halted, noted_runs
from tests.judge.story import OLD, Story, at, bad_release, new

HALTED = {"status": "halted", "review": "published"}


def _goes_on(story: Story) -> tuple[int, bool]:
    """How many runs there are once somebody has raised it in the console, and whether it still is under a halt."""
    story.writes(
        22, "drifted", meaning="raised", before={}, after={"status": "in_progress", "review": "published"}
    )
    case = understand(story.evidence())
    key = next(key for key in case.served if key.id == "5020")
    return len(noted_runs(case, key)), is_halted(case, key, instant(at(23)))


def _halting() -> Story:
    story = bad_release()
    story.writes(5, "went_live", exposure_ppm=10_000)
    story.decides(20.5, "HALT")
    return story


@pytest.mark.parametrize("proof", ["read back", "seen"])
def test_a_raise_in_the_console_takes_back_a_halt_that_the_store_has_shown(proof: str) -> None:
    story = _halting()
    if proof == "seen":
        story.writes(20.6, "seen", **HALTED)
    else:
        story.writes(20.6, "settled", verb="halt", settlement="confirmed")
    assert _goes_on(story) == (2, False)


def test_a_raise_in_the_console_does_not_take_back_a_halt_that_could_not_be_sent_yet() -> None:
    """The store was down: what is weighed next still is what it was to be halted for."""
    assert _goes_on(_halting()) == (1, True)


def test_nor_one_that_was_taken_back_before_and_is_wanted_anew() -> None:
    story = _halting()
    story.writes(20.6, "seen", **HALTED)
    story.decides(21, "HALT")
    assert _goes_on(story) == (1, True)


@pytest.mark.parametrize(
    ("meaning", "review", "told"),
    [
        ("halted", "published", (2, False)),
        ("halted", "in_review", (1, True)),
        ("lowered", "published", (2, False)),
    ],
)
def test_a_person_s_own_halt_is_taken_back_unless_a_review_still_holds_it_back(meaning, review, told) -> None:
    story = bad_release()
    story.writes(5, "went_live", exposure_ppm=10_000)
    story.writes(20.5, "drifted", meaning=meaning, before={}, after=HALTED | {"review": review})
    assert _goes_on(story) == told


@pytest.mark.parametrize(("p_ref", "blamed"), [(0.004, {}), (0.005, {"disagreements": 1})])
def test_a_resume_whose_answer_was_lost_is_judged_by_the_week_before_the_pass_that_read_it_back(
    p_ref, blamed
):
    """That pass set its terms, ratings among them, in the very instant in which it knew of the resume, and before it
    looked."""
    story = Asking()
    story.polls(4, 10)
    story.writes(4, "went_live", exposure_ppm=10_000)
    story.writes(4, "terms_set", terms=terms(0.005))
    story.writes(10.5, "drifted", meaning="lowered", before={}, after=HALTED)
    story.asks(11.0001)
    story.asks_what_is_normal(11.0001, 0.004)
    story.writes(11, "settled", verb="resume", settlement="confirmed")
    story.writes(11, "went_live", exposure_ppm=10_000)
    weights = [{"signal": signal, "weight": share} for signal, share in SHARES.items()]
    story.writes(11, "terms_set", terms=terms(p_ref) | {"weights": weights})
    story.writes(11, "decided", decision="WAIT", intent="")
    story.ends("rolling_out", 10_000)
    assert {name: n for name, n in story.blamed().items() if name == "disagreements"} == blamed


@pytest.mark.parametrize(("read_back", "ticks"), [(True, 0), (False, 1)])
def test_a_run_begins_before_the_look_that_read_its_resume_back_and_after_the_one_that_led_to_it(
    read_back, ticks
):
    """Though the clock stood still meanwhile, an order is carried out after the look of its own pass."""
    story = _halting()
    story.writes(20.6, "seen", **HALTED)
    for kind in ("settled", "decided") if read_back else ("decided", "settled"):
        story.writes(
            21,
            kind,
            **({"decision": "WAIT"} if kind == "decided" else {"verb": "resume", "settlement": "confirmed"}),
        )
    story.writes(21, "went_live", exposure_ppm=10_000)
    case = understand(story.evidence())
    run = noted_runs(case, next(key for key in case.served if key.id == "5020"))[-1]
    assert [run.begun, run.stages[-1].at] == [instant(at(21)) + ticks * timedelta(microseconds=1)] * 2


def test_a_run_begins_after_the_look_that_led_to_it_when_other_passes_follow_while_the_clock_stands_still():
    story = _halting()
    story.writes(20.6, "seen", **HALTED)
    story.writes(21, "decided", decision="RESUME", intent="i1")
    story.writes(21, "settled", verb="resume", settlement="confirmed", intent="i1")
    story.writes(21, "decided", decision="WAIT", intent="")
    story.writes(21.5, "went_live", exposure_ppm=10_000)
    case = understand(story.evidence())
    run = noted_runs(case, next(key for key in case.served if key.id == "5020"))[-1]
    assert run.begun == instant(at(21)) + timedelta(microseconds=1)


PEOPLE = {"metric": "crash_free_users", "floor": 97.0, "min_sample": 100}


@pytest.mark.parametrize(("between", "blamed"), [("", 0), ("a look", 1), ("an entry of the journal", 1)])
def test_people_are_counted_on_where_it_was_halted_and_rolled_out_further_between_two_looks(
    between: str, blamed: int
) -> None:
    """It reads as if somebody had raised it: no run begins anew, and the hours before are asked for with the others."""
    story = Story(policy={"gates": [PEOPLE]})
    story.console(10.1, new("halted", 0.01), OLD, exposure_ppm=0)
    if between == "a look":
        story.requested(10.2, "google_play", _TRACK, method="GET")
    story.console(10.3, new("inProgress", 0.02), OLD, exposure_ppm=20_000)
    if between == "an entry of the journal":
        was = {"status_word": "inProgress", "exposure_ppm": 10_000}
        story.writes(10.5, "drifted", meaning="halted", before=was, after=_HALTED)
    story.requested(10.5, "google_play", _TRACK, method="GET")
    _asks_for_people(story, 15.5, since=10)
    story.raises(15.5, 0.1)
    assert story.blamed().get("raises_without_evidence", 0) == blamed


_TRACK = "/androidpublisher/v3/applications/com.acme.app/edits/1/tracks/production"
_HALTED = {"status_word": "halted", "exposure_ppm": 0}


def _asks_for_people(story: Story, hour: float, since: int) -> None:
    hours = [at(each) for each in range(since, int(hour) + 1)]
    fields = ["count_unique(user)", "crash_free_rate(user)"]
    series = {"sum(session)": [100 for _ in hours], fields[0]: [100 for _ in hours]}
    whole = {fields[0]: 400, fields[1]: 0.998}
    group = {"by": {"release": story.candidate}, "totals": whole, "series": series}
    query = {"project": [story.project], "query": [f"release:[{story.candidate}]"], "field": fields}
    told = {"intervals": hours, "groups": [group]}
    path = "/api/0/organizations/acme/sessions/"
    story.requested(hour, "sentry", path, method="GET", query=query, response=told)
