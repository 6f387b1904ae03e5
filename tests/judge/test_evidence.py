"""Stories under policies that weigh evidence: what raises, what halts, and whose choice it is in between."""

import pytest

from tests.judge.case import understand
from tests.judge.evidence_story import CHOOSING, EVIDENCE, Asking, crashes, hidden, raised, small, terms
from tests.judge.story import OLD, POLICY, at, new
from tests.judge.tallies import Books, Kind, replies
from tests.judge.verdict import judge
from tests.judge.weighing import looks

UNFOUNDED = {"raises_without_evidence": 1}
CHOICE = "inconclusive_by_policy"
MAX_BAKE = 52  # twice 24 hours after hour 4


def _raised(story: Asking, hour: float, **how: str) -> dict[str, int]:
    """What is said against a raise to 10 % at `hour`, after looks every half hour."""
    story.polls(4, hour)
    story.raises(hour, 0.1, **how)
    story.ends("rolling_out", 100_000)
    return story.blamed()


# Raises


def test_a_release_is_raised_once_harm_is_ruled_out():
    story = raised()
    assert story.blamed() == {}
    assert judge(story.evidence()).document()["raises_of_ours"] == 1


def test_a_release_was_raised_on_too_little_evidence():
    assert _raised(small(Asking()), 28.5) == UNFOUNDED


def test_a_release_was_raised_although_nobody_had_weighed_anything():
    story = Asking()
    super(Asking, story).polls(4, 4)
    story.requests = []
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == UNFOUNDED


def test_a_release_was_raised_in_a_pass_that_could_not_read_the_counts():
    story = Asking()
    story.polls(4, 28)
    story.asks(28.5, status=502)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == UNFOUNDED


def test_a_release_was_raised_on_counts_that_had_stopped_arriving():
    story = Asking()
    story.polls(4, 28.5, frozen_at=25)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == UNFOUNDED


def test_a_release_was_raised_while_its_crashes_were_suspicious():
    story = crashes(Asking(), 28, 0.105)
    assert _raised(story, 28.5) == UNFOUNDED
    assert judge(story.evidence()).document()["halts_due"] == 0


def test_a_release_was_raised_although_more_of_its_users_crashed():
    story = Asking()
    story.crashed_users = 7
    assert _raised(story, 28.5) == UNFOUNDED
    assert "crashed_users spoke against it" in judge(story.evidence()).findings[0].text


def test_a_release_was_raised_in_the_middle_of_somebody_elses_incident():
    story = crashes(Asking(), 28, 0.03)
    story.old_rate.append((28, 0.03))
    assert _raised(story, 28.5) == UNFOUNDED


def test_a_release_was_raised_that_hardly_anybody_ever_started():
    story = hidden(Asking())
    assert _raised(story, 28.5)["raises_without_evidence"] == 1
    assert "evidence had no data" in judge(story.evidence()).findings[0].text


def test_a_release_was_raised_before_its_stage_had_the_sessions_it_asks_for():
    stages = [{"percent": 1, "bake": "24h", "min_sample": 3_000}, *POLICY["stages"][1:]]
    assert raised(policy=EVIDENCE | {"stages": stages}).blamed() == UNFOUNDED


# The policy's choice


def _inconclusive(hour: float, *, because: str = CHOICE, **policy: object) -> dict[str, int]:
    return _raised(small(Asking(policy=CHOOSING | policy, until=80)), hour, because=because)


def test_the_policy_may_choose_to_go_on_when_a_stage_has_lasted_for_its_longest():
    assert _inconclusive(MAX_BAKE + 0.5) == {}


def test_the_choice_was_made_before_the_stage_had_lasted_for_its_longest():
    assert _inconclusive(MAX_BAKE - 2) == UNFOUNDED


def test_the_longest_is_what_the_policy_says():
    stages = [{"percent": 1, "bake": "24h", "max_bake": "72h"}, *POLICY["stages"][1:]]
    assert _inconclusive(MAX_BAKE + 0.5, stages=stages) == UNFOUNDED


def test_the_choice_was_made_and_the_journal_does_not_name_it():
    assert _inconclusive(MAX_BAKE + 0.5, because="") == UNFOUNDED


def test_the_choice_was_made_although_the_policy_asks_a_person():
    assert _inconclusive(MAX_BAKE + 0.5, evidence={"on_inconclusive": "ask"}) == UNFOUNDED


def test_the_choice_does_not_excuse_too_few_sessions_of_the_stage():
    stages = [{"percent": 1, "bake": "24h", "min_sample": 500}, *POLICY["stages"][1:]]
    assert _inconclusive(MAX_BAKE + 0.5, stages=stages) == UNFOUNDED


def test_a_release_was_raised_on_users_that_were_read_before():
    story = Asking()
    story.polls(4, 28)
    story.asks(28.6)
    story.raises(28.6, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == UNFOUNDED


def test_the_choice_was_made_although_something_spoke_against_the_release():
    story = small(Asking(policy=CHOOSING, until=80))
    story.crashed_users = 6
    assert _raised(story, MAX_BAKE + 0.5, because=CHOICE) == UNFOUNDED


def test_the_choice_was_made_in_a_pass_that_could_not_read_the_counts():
    story = small(Asking(policy=CHOOSING, until=80))
    story.polls(4, MAX_BAKE)
    story.asks(MAX_BAKE + 0.5, status=502)
    story.raises(MAX_BAKE + 0.5, 0.1, because=CHOICE)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == UNFOUNDED


# People


def _advanced(story: Asking, **order: bool) -> dict[str, int]:
    story.polls(4, 12)
    story.raises(12, 0.1, story.orders(12, "advance", **order))
    story.ends("rolling_out", 100_000)
    return story.blamed()


def test_a_person_may_raise_on_too_little_evidence():
    assert _advanced(small(Asking())) == {}


def test_a_person_raised_what_looked_suspicious_and_had_not_said_so():
    story = Asking()
    story.crashed_users = 11
    assert _advanced(story) == UNFOUNDED


def test_a_person_raised_what_looked_suspicious_knowingly_and_is_counted_apart():
    story = Asking()
    story.crashed_users = 11
    assert _advanced(story, without_evidence=True) == {}
    assert judge(story.evidence()).document()["raises_without_evidence_by_human"] == 1


def test_a_person_raised_what_the_evidence_halts():
    story = crashes(Asking(), 11)
    story.polls(4, 11)
    story.raises(11.2, 0.1, story.orders(11.2, "advance", without_evidence=True))
    story.halts(11.4)
    story.ends("halted", 0)
    assert story.blamed() == UNFOUNDED


# Halts


def _bad(until: float = 20) -> Asking:
    """It crashes from hour 20 on; the first look to see enough of that is at 20."""
    story = crashes(Asking(), 20)
    story.polls(4, until)
    return story


def test_a_crashing_release_is_halted_in_the_look_that_shows_the_evidence():
    story = _bad()
    story.halts(20)
    story.polls(20.5, 30)
    story.ends("halted", 10_000)
    assert story.blamed() == {}
    assert judge(story.evidence()).document()["halts_due"] == 1


def test_a_crashing_release_was_never_halted_although_the_evidence_was_there():
    story = _bad(until=30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"halts_lost": 1}


def test_a_crashing_release_was_halted_two_looks_after_the_evidence():
    story = _bad(until=21)
    story.halts(21)
    story.ends("halted", 10_000)
    assert story.blamed() == {"halts_late": 1}


@pytest.mark.parametrize(("rate", "blamed"), [(0.08, {"console_acts_overridden": 1}), (0.15, {})])
def test_what_somebody_raised_is_halted_by_evidence_and_by_nothing_less(rate, blamed):
    story = crashes(Asking(), 11, rate)
    story.polls(4, 10)
    story.console(10, new("inProgress", 0.05), OLD, exposure_ppm=50_000)
    story.polls(10.5, 11)
    story.halts(11)
    story.ends("halted", 50_000)
    assert story.blamed() == blamed


def test_a_dark_release_is_halted_where_the_policy_says_so():
    story = hidden(Asking(policy=EVIDENCE | {"evidence": {"dark": "halt"}}))
    story.polls(4, 30)
    story.ends("rolling_out", 500_000)
    assert story.blamed() == {"halts_lost": 1}


def test_a_resumed_release_starts_with_evidence_of_its_own():
    story = _bad()
    story.halts(20)
    story.crashing = [(0, 0.005), (20, 0.15), (21, 0.005)]
    story.decides(21, "RESUME", 10_000, story.orders(21, "resume"))
    story.commit(21, story.track[0] | {"status": "inProgress"}, story.track[1])
    story.served(21, "inProgress", 10_000)
    story.polls(21.5, 30)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {}


# What the journal says of it


def _weighed(story: Asking, hour: float, ln_e: float, **other: object) -> None:
    told = {"signals": [{"signal": "crashed_sessions", "ln_e": ln_e}], "ln_e": ln_e, "ln_e_advance": None}
    told |= other
    story.writes(hour, "decided", decision="WAIT", intent="", weighed=told)


def test_the_journal_tells_of_evidence_that_is_not_in_the_counts():
    story = Asking()
    story.polls(4, 10)
    _weighed(story, 10, 3.0)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == {"disagreements": 1}


WRONG_EVIDENCE = {"disagreements": 1}


@pytest.mark.parametrize(("known", "blamed"), [(True, {}), (False, WRONG_EVIDENCE)])
def test_a_pass_that_gets_no_answer_weighs_what_the_last_one_knew(known, blamed):
    """A minute later the next one hears more: that was not known yet."""
    story = crashes(Asking(), 10, 0.05)
    story.polls(4, 9.5)
    case = understand(story.evidence())
    (before,) = looks(case, next(key for key in case.served if key.id == "5020"))[-1].numbers[:1]
    story.asks_for_counts(9.995, status=502)
    _weighed(story, 9.995, before.ln_e["crashed_sessions"] if known else 3.0)
    story.asks(10.005)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("kept", "blamed"), [(True, {}), (False, WRONG_EVIDENCE)])
@pytest.mark.parametrize("of_a_hundred", [1, 99])
def test_an_answer_that_leaves_one_release_out_wipes_out_nothing_of_the_evidence(of_a_hundred, kept, blamed):
    """The few sessions of that one are not missed beside all others'."""
    story = crashes(Asking(), 9, 0.05)
    story.sessions_per_hour, story.old_per_hour = of_a_hundred * 100, (100 - of_a_hundred) * 100
    story.polls(4, 10)
    case = understand(story.evidence())
    (before,) = looks(case, next(key for key in case.served if key.id == "5020"))[-1].numbers[:1]
    story.asks_for_counts(10.5)
    fewer = story.candidate if of_a_hundred == 1 else story.old
    answer = story.requests[-1]["response"]
    answer["groups"] = [group for group in answer["groups"] if group["by"]["release"] != fewer]
    _weighed(story, 10.5, before.ln_e["crashed_sessions"] + (0 if kept else 1))
    story.ends("rolling_out", 10_000)
    assert {check: n for check, n in story.blamed().items() if check == "disagreements"} == blamed


@pytest.mark.parametrize(
    ("left", "known"), [(("abnormal", "crashed"), 0), (("healthy",), 0), (("crashed", "healthy"), 1)]
)
def test_an_answer_that_was_cut_off_in_the_middle_of_a_release_is_bad_data_of_what_it_cannot_tell(
    left, known
):
    """Its hours are new: nothing that was known of them shows that something is missing."""
    story = Asking()
    story.asks_for_counts(10.5)
    answer = next(r["response"] for r in story.requests if "session.status" in r["query"].get("groupBy", ()))
    answer["groups"] = [group for group in answer["groups"] if group["by"]["session.status"] in left]
    (reply,) = [r for r in replies(story.requests) if r.kind is Kind.SESSIONS]
    books = Books(story.candidate)
    _, refused = books.enter(reply)
    assert refused
    assert (bool(books.crashed), bool(books.abnormal)) == (bool(known), False)


@pytest.mark.parametrize(
    ("kind", "wrong", "blamed"),
    [
        ("went_live", 9, {}),
        ("went_live", 10.5, WRONG_EVIDENCE),
        ("lapsed", 9, WRONG_EVIDENCE),
    ],
)
def test_hours_that_a_clock_began_to_count_that_was_hardly_off_cannot_be_counted_again_and_all_others_can(
    kind, wrong, blamed
):
    """A clock that is wrong for a while excuses nothing else that stands in the journal afterwards."""
    story = Asking()
    story.polls(4, 10)
    for hour in sorted((wrong, 10)):
        if hour == wrong:
            story.writes(hour, kind, exposure_ppm=10_000)
            story.journal[-1] |= {"true_at": at(hour)}
        else:
            _weighed(story, hour, 3.0)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("hours_off", "blamed"), [(0.03, {}), (3, WRONG_EVIDENCE), (-48, WRONG_EVIDENCE)])
def test_hours_that_a_clock_began_to_count_that_was_hours_off_are_counted_by_a_stores(hours_off, blamed):
    story = Asking()
    story.polls(4, 10)
    story.writes(9 + hours_off, "went_live", exposure_ppm=10_000)
    story.journal[-1] |= {"true_at": at(9)}
    _weighed(story, 10, 3.0)
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(
    ("wrongly", "off", "blamed"),
    [
        ({}, True, WRONG_EVIDENCE),
        ({"signals": [], "ln_e_advance": 9.0}, True, {}),
        ({"signals": [], "ln_e_advance": 9.0}, False, WRONG_EVIDENCE),
    ],
)
def test_what_is_weighed_by_a_wrong_clock_may_count_other_hours_as_settled_and_no_other_harm(
    wrongly, off, blamed
):
    story = Asking()
    story.polls(4, 10)
    _weighed(story, 10, 3.0, **wrongly)
    if off:
        story.journal[-1] |= {"true_at": at(10)}
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("p_ref", "blamed"), [(0.005, {}), (0.01, {"disagreements": 1})])
def test_a_run_was_judged_by_other_terms_than_the_week_before_makes(p_ref, blamed):
    story = Asking()
    story.polls(4, 10)
    story.writes(10, "terms_set", terms=terms(p_ref))
    story.ends("rolling_out", 10_000)
    assert story.blamed() == blamed


@pytest.mark.parametrize(("more", "told"), [("", 1_000_000), ("-debug", 0)])
def test_the_week_before_of_another_release_than_was_asked_for_is_nobodys(more, told):
    story = Asking()
    story.polls(4, 4)
    for request in story.requests:
        for group in request.get("response", {}).get("groups", []):
            group["by"]["release"] += more
    (past, *_) = (reply.past for reply in replies(story.requests) if reply.kind is Kind.PAST)
    assert past[0] == told
