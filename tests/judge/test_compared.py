"""With what a release was compared: chosen once a day by what people use, which names nobody in the question."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.judge.case import understand
from tests.judge.evidence_story import Asking, crashes, terms
from tests.judge.story import Raw, at
from tests.judge.weighing import looks

OLDER = "com.acme.app@5.0.0+5000"
_BY_STATUS = ["release", "session.status"]
NEWER = "com.acme.app@5.3.0+5030"


class Using(Asking):
    def asks_what_people_use(self, hour: float, *, status: int = 200, old: int = 0) -> None:
        query: Raw = {"project": [self.project], "field": ["sum(session)"], "groupBy": ["release"]}
        group = {"by": {"release": self.old}, "totals": {"sum(session)": old}}
        told: Raw = {"intervals": [], "groups": [group] if old else []}
        path = "/api/0/organizations/acme/sessions/"
        self.requested(hour, "sentry", path, method="GET", query=query, status=status, response=told)


class Comparing(Using):
    """Its sessions are asked for beside those of two earlier releases. A tenth as many use 5.0.0 as 5.1.0, until an hour."""

    older_until = 1000

    def asks_for_sessions_of(self, name: str, hour: float) -> None:
        nobodys: Raw = {"intervals": [], "groups": []}
        self._ask(hour, ["sum(session)"], _BY_STATUS, nobodys, names=[name, self.old])

    def _ask(
        self, hour: float, fields: list[str], group: list[str], told: Raw, *, names: list[str], **how: Any
    ) -> None:
        if group == _BY_STATUS:
            older = [
                self._as_older(each, told) for each in told["groups"] if each["by"]["release"] == self.old
            ]
            names, told = [*names, OLDER], told | {"groups": [*told["groups"], *older]}
        super()._ask(hour, fields, group, told, names=names, **how)

    def _as_older(self, group: Raw, told: Raw) -> Raw:
        used = [start < at(self.older_until) for start in told["intervals"]]
        series = {
            field: [count // 10 if so else 0 for count, so in zip(counts, used, strict=True)]
            for field, counts in group["series"].items()
            if field == "sum(session)"
        }
        return group | {"by": group["by"] | {"release": OLDER}, "series": series}


def _comparing() -> Comparing:
    story = Comparing()
    crashes(story, 5, 0.02)
    return story


def _weighed(story: Comparing) -> Mapping[str, float]:
    story.ends("rolling_out", 10_000)
    case = understand(story.evidence())
    (known,) = looks(case, next(key for key in case.served if key.id == "5020"))[-1].numbers[:1]
    return known.ln_e


@pytest.mark.parametrize(("asked_for", "same"), [(NEWER, True), ("", True), (Comparing.candidate, False)])
def test_what_people_use_is_told_for_one_release_and_another_is_not_compared_by_it(asked_for, same):
    """Hardly anybody used 5.0.0 when that was asked for the sake of another release, or by who died before he asked for
    any sessions; asked for this one, the source did not say."""
    story, plain = _comparing(), _comparing()
    story.asks_what_people_use(4, old=9_900)
    if asked_for:
        story.asks_for_sessions_of(asked_for, 4)
    for each in (story, plain):
        each.asks_what_people_use(4.02)
        each.polls(4.5, 10)
    assert (_weighed(story) == _weighed(plain)) == same


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(("counted", "until"), [(True, 10), (False, 4)])
def test_hours_that_were_counted_before_it_was_told_what_people_use_stay_compared_with_what_the_store_shows(
    status, counted, until
):
    """Seed 8107: the source counts nobody, or fails, and later it tells that people use 5.1.0 alone. Fewer people beside it
    in hours that were counted would read as an answer that was cut short. Hours that nobody has counted are compared with
    5.1.0 from the beginning, unless the source had counted nobody: then the store's choice stands."""
    story, plain = _comparing(), _comparing()
    story.asks_what_people_use(4, status=status)
    if status == 200 and not counted:
        story.asks_for_sessions_of(story.candidate, 4)
        until = 9
    plain.older_until = until
    for each in (story, plain) if counted else ():
        each.polls(4.5, 9)
    story.asks_what_people_use(9.25, old=9_900)
    for each in (story, plain):
        each.polls(9.5, 12)
    assert _weighed(story)["crashed_sessions"] == _weighed(plain)["crashed_sessions"]


@pytest.mark.parametrize(
    ("killed", "written_down", "same"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_who_died_before_he_wrote_down_what_people_use_goes_on_with_what_he_had(killed, written_down, same):
    """Hardly anybody used 5.0.0, and the next time the source did not say."""
    story, plain = _comparing(), _comparing()
    story.asks_what_people_use(4, old=9_900)
    story.asks_for_sessions_of(story.candidate, 4)
    if written_down:
        story.writes(4, "compared", baseline=[{"id": "5010"}], since=at(4))
    if killed:
        story.dies(4.01)
    for each in (story, plain):
        each.asks_what_people_use(4.02)
        each.polls(4.5, 10)
    assert (_weighed(story) == _weighed(plain)) == same


class Alone(Using):
    """Its sessions are asked for alone until what people use is told."""

    def asks_alone(self, hour: float) -> None:
        nobodys: Raw = {"intervals": [], "groups": []}
        self._ask(hour, ["sum(session)"], _BY_STATUS, nobodys, names=[self.candidate])


@pytest.mark.parametrize(("status", "killed", "blamed"), [(502, False, 0), (200, True, 0), (200, False, 1)])
def test_a_run_whose_source_did_not_say_what_people_use_is_judged_by_the_week_before_once_it_does(
    status, killed, blamed
):
    """Seed 5384: nothing that the store shows can be compared with, and what people use was cut short: no terms were set.
    Nor are any by who died before he wrote them down. Where nobody uses anything else, they are set at once."""
    story = Alone()
    story.writes(4, "went_live", exposure_ppm=10_000)
    for hour, told in ((4, status), (4.5, 502)):
        story.asks_what_people_use(hour, status=told)
        story.asks_alone(hour)
        if killed and hour == 4:
            story.dies(4.01)
    story.asks_what_people_use(10, old=9_900)
    story.writes(10, "compared", baseline=[{"id": "5010"}], since=at(4))
    story.writes(10, "terms_set", terms=terms(0.005))
    story.asks(10)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("disagreements", 0) == blamed
