"""When a version is watched afresh on the App Store: once somebody can know that it was let go on."""

import pytest

from tests.judge.apple_story import AppleStory
from tests.judge.story import at


class _ByPeople(AppleStory):
    """Its people are asked for as well, by the hour, from an hour on."""

    def asks_of(self, hour: float, since: int) -> None:
        self.looks(hour)
        hours = list(range(since, int(hour) + 1))
        counts, rates = [100] * len(hours), [0.998] * len(hours)
        whole = {"count_unique(user)": 100 * len(hours), "crash_free_rate(user)": 0.998}
        series = {
            "sum(session)": counts,
            "crash_free_rate(session)": rates,
            "count_unique(user)": counts,
            "crash_free_rate(user)": rates,
        }
        group = {"by": {"release": self.candidate}, "totals": whole, "series": series}
        told = {"intervals": [at(each) for each in hours], "groups": [group]}
        query = {
            "project": [self.project],
            "query": [f"release:[{self.candidate}]"],
            "field": [*series],
            "groupBy": ["release"],
        }
        path = "/api/0/organizations/acme/sessions/"
        self.requested(hour, "sentry", path, method="GET", query=query, response=told)


_TWO_RUNS = {"raises_without_evidence": 1, "unhalted": 1, "growth_unguarded": 1}


@pytest.mark.parametrize(("looked_between", "blamed"), [(False, {}), (True, _TWO_RUNS)])
def test_people_are_counted_on_where_it_was_let_go_on_and_paused_again_between_two_looks(
    looked_between, blamed
):
    """Nobody can begin a run anew for a resume that no look shows."""
    people = {"metric": "crash_free_users", "floor": 97.0, "min_sample": 100}
    story = _ByPeople(policy={"gates": [people]})
    story.asks_of(4, 4)
    story.pauses(4)
    for hour in (4.5, 5, 5.5, 6):
        story.asks_of(hour, 4)
    story.person(6.1, "resume", noticed="resumed" if looked_between else "")
    if looked_between:
        story.looks(6.2)
    story.person(6.3, "pause", noticed="halted" if looked_between else "")
    for step in range(9):
        story.asks_of(6.5 + step / 2, 4)
    story.steps(10.5)
    story.asks_of(11, 4)
    story.ends("rolling_out")
    assert story.blamed() == blamed
