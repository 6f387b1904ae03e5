from datetime import timedelta

import pytest

from tests.judge.ledger import instant
from tests.judge.signals import Word, cumulated, polls, word
from tests.judge.story import at
from tests.judge.terms import Gate

NAME = "com.acme.app@5.2.0+5020"
OTHER = "com.acme.app@5.1.0+5010"
_ASKED_FOR_BOTH = {"query": [f'release:["{NAME}","{OTHER}"]'], "field": ["sum(session)"]}


def _gate(metric: str = "crash_free_sessions", **terms: int) -> Gate:
    return Gate(metric, 990_000, terms.get("min_sample", 100), timedelta(hours=24), timedelta(hours=2), 2)


def _word(gate: Gate, groups: list[dict], field: str = "sum(session)", **request: object) -> Word:
    response = {"intervals": [at(8), at(9), at(10)], "groups": groups}
    query = {"query": [f'release:["{NAME}"]'], "field": [field]}
    path = "/api/0/organizations/acme/sessions/"
    sent = {"seq": 1, "at": at(10.5), "service": "sentry", "path": path, "query": query, "status": 200}
    (poll,) = polls([sent | {"response": response} | request])
    assert poll.about(NAME, gate.metric)
    return word(gate, poll, NAME, instant(at(0)), timedelta(hours=1), 50)


def _sessions(counts: list[int | None], rates: list[float | None], **by: str) -> dict:
    series = {"sum(session)": counts, "crash_free_rate(session)": rates}
    return {"by": {"release": NAME} | by, "totals": {}, "series": series}


def test_healthy_settled_sessions_pass():
    assert _word(_gate(), [_sessions([100, 100, 100], [0.999, 0.999, 0.999])]) is Word.PASS


def test_young_sessions_are_no_evidence_of_health():
    assert _word(_gate(), [_sessions([50, 100, 100], [1.0, 1.0, 1.0])]) is Word.INSUFFICIENT


def test_young_crashes_count_at_once():
    assert _word(_gate(), [_sessions([0, 0, 100], [None, None, 0.5])]) is Word.BREACH


def test_a_release_nobody_mentions_is_missing_not_healthy():
    assert _word(_gate(), []) is Word.MISSING


def test_sessions_without_a_rate_are_missing_not_healthy():
    assert _word(_gate(), [_sessions([100, 100, 100], [None, None, None])]) is Word.MISSING


@pytest.mark.parametrize(
    ("counts", "rates", "said"),
    [
        ([200, 200, 0], [0.999, 0.999, None], Word.MISSING),
        ([None, None, None], [None, None, None], Word.ERROR),
        ([200, 200, 200], [1.7, 1.7, 1.7], Word.ERROR),
        ([200, 200, 200], [None, 0.999, 0.999], Word.ERROR),
    ],
    ids=["it is fine", "no numbers", "rates above 1", "no rate of them"],
)
def test_nonsense_about_the_release_before_does_not_say_that_nobody_has_the_new_one_yet(counts, rates, said):
    before = _sessions(counts, rates, release=OTHER)
    assert _word(_gate(), [before], query=_ASKED_FOR_BOTH) is said


def test_nonsense_about_the_release_before_excuses_no_breach_of_the_new_one():
    groups = [_sessions([100, 100, 100], [0.5, 0.5, 0.5]), _sessions([None] * 3, [None] * 3, release=OTHER)]
    assert _word(_gate(), groups, query=_ASKED_FOR_BOTH) is Word.BREACH


def test_an_answer_that_was_cut_short_is_an_error():
    assert _word(_gate(), [], response='{"groups": [') is Word.ERROR


def test_rows_per_session_status_say_the_same():
    fine = {"by": {"release": NAME, "session.status": "healthy"}, "totals": {}}
    bad = {"by": {"release": NAME, "session.status": "crashed"}, "totals": {}}
    rows = [
        fine | {"series": {"sum(session)": [90, 90, 90]}},
        bad | {"series": {"sum(session)": [10, 10, 10]}},
    ]
    assert _word(_gate(), rows) is Word.BREACH


def test_users_are_judged_by_the_whole_window():
    totals = {"count_unique(user)": 200, "crash_free_rate(user)": 0.95}
    group = _sessions([100, 100, 100], [1.0, 1.0, 1.0]) | {"totals": totals}
    field = "crash_free_rate(user)"
    assert _word(_gate("crash_free_users"), [group], field) is Word.BREACH
    assert _word(_gate("crash_free_users", min_sample=500), [group], field) is Word.INSUFFICIENT
    unknown = group | {"totals": {"count_unique(user)": 0, "crash_free_rate(user)": None}}
    assert _word(_gate("crash_free_users"), [unknown], field) is Word.MISSING


def test_half_a_crash_of_an_hour_that_was_cut_short_is_no_breach_yet():
    whole, half = [370, 370, 370], [1 - 4 / 370, 1 - 4 / 370, 1 - 3.5 / 370]
    assert _word(_gate(), [_sessions(whole, half)]) is not Word.BREACH
    assert _word(_gate(), [_sessions(whole, [1 - 4 / 370] * 3)]) is Word.BREACH


def test_numbers_that_cannot_be_are_an_error():
    assert _word(_gate(), [_sessions([100, 100, 100], [1.2, 0.999, 0.999])]) is Word.ERROR
    assert _word(_gate(), [_sessions([100, -1, 100], [0.999, 0.999, 0.999])]) is Word.ERROR


def test_a_crash_loop_counts_every_session_once():
    assert _word(_gate(), [_sessions([100, 100, 100], [-0.2, -0.2, -0.2])]) is Word.BREACH


@pytest.mark.parametrize(
    ("told_of", "said"),
    [((OTHER,), Word.BREACH), ((), Word.MISSING), ((f"{NAME}-debug", f"{OTHER}-debug"), Word.MISSING)],
    ids=["the other one only", "nobody", "nobody who was asked for"],
)
def test_an_answer_about_nobody_who_was_asked_for_does_not_confirm_what_was_told_before(told_of, said):
    """Where sessions are counted, an answer brings the newest hours alone and the older ones stand; but no answer, none."""
    sent = [_counts(1, 10.5, (NAME, OTHER)), _counts(2, 11.5, told_of)]
    _, again = cumulated(polls(sent), NAME)
    assert word(_gate(), again, NAME, instant(at(0)), timedelta(hours=1), 50) is said


@pytest.mark.parametrize(("crashed", "said"), [(79, Word.PASS), (80, Word.BREACH)])
def test_an_answer_that_has_lost_more_than_corrections_take_does_not_stand_for_what_was_told_before(
    crashed, said
):
    """The healthy sessions are all gone: what is left of them is a release in which everything crashes."""
    whole, cut = _counts(1, 10.5, (NAME,), "healthy", 100), _counts(2, 10.6, (NAME,), "crashed", crashed)
    *_, again = cumulated(polls([whole, cut]), NAME)
    assert word(_gate(min_sample=50), again, NAME, instant(at(0)), timedelta(minutes=1), 50) is said


@pytest.mark.parametrize(
    ("left", "said"), [(4, Word.BREACH), (3, Word.ERROR), (2, Word.ERROR), (1, Word.ERROR)]
)
def test_an_answer_that_was_cut_off_in_the_middle_of_a_release_does_not_say_that_all_of_it_crashed(
    left, said
):
    """Where that is so there are healthy sessions all the same: none of them."""
    answer = _counts(1, 10.5, (NAME,))
    del answer["response"]["groups"][left:]
    (poll,) = polls([answer])
    assert word(_gate(), poll, NAME, instant(at(0)), timedelta(hours=1), 50) is said


def _counts(seq: int, hour: float, names: tuple[str, ...], status: str = "crashed", count: int = 200) -> dict:
    rows = [
        {
            "by": {"release": name, "session.status": each},
            "series": {"sum(session)": [count if each == status else 0]},
            "totals": {},
        }
        for name in names
        for each in ("abnormal", "crashed", "errored", "healthy")
    ]
    query = _ASKED_FOR_BOTH | {"groupBy": ["release", "session.status"]}
    response = {"intervals": [at(int(hour) - 1)], "groups": rows}
    path = "/api/0/organizations/acme/sessions/"
    request = {"seq": seq, "at": at(hour), "service": "sentry", "path": path, "status": 200}
    return request | {"query": query, "response": response}
