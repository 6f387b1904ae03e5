"""What befalls replicas is drawn from a seed, and leaves no kind out."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.replicas.links import Way
from tests.replicas.telling import stories
from tests.replicas.troubles import DATABASE, LINKS, STORES, Hours, Kind, kills, partitions

HOURS = Hours((3.0, 6.0), apart=6.0)


@pytest.mark.parametrize("planned", [partitions, kills])
def test_a_seed_says_it_all(planned):
    assert planned(7, 20, HOURS) == planned(7, 20, HOURS)
    assert planned(7, 20, HOURS) != planned(8, 20, HOURS)
    hours = [trouble.hour for trouble in planned(7, 20, HOURS)]
    assert 3 <= hours[0] <= 6
    assert [round(later - one, 6) for one, later in pairwise(hours)] == [6.0] * 19


def test_each_way_of_each_link_comes_before_any_comes_again():
    told = partitions(3, 23, HOURS)
    ways = {(trouble.links, trouble.way) for trouble in told if trouble.kind is Kind.LINK}
    cut = set(Way) - {Way.OPEN}
    assert {way for links, way in ways if links == (DATABASE,)} == cut
    assert {way for links, way in ways if links == (STORES,)} == cut
    assert {way for links, way in ways if links == LINKS} == {Way.CUT, Way.HALF_OPEN}
    assert {trouble.kind for trouble in told} == set(Kind) - {Kind.KILLED, Kind.BOTH_KILLED}


def test_a_process_that_is_stopped_is_stopped_in_the_middle_of_an_act():
    told = [trouble for trouble in partitions(3, 23, HOURS) if trouble.kind is Kind.STOPPED]
    assert told
    assert all(trouble.answer for trouble in told)
    assert all(0.5 <= trouble.leases <= 3 for trouble in told)


def test_who_is_silenced_is_taken_over_from():
    told = [*partitions(3, 40, HOURS), *kills(3, 40, HOURS)]
    silenced = {trouble.word for trouble in told if trouble.silences}
    assert {
        "database cut",
        "database deaf",
        "database+stores+sentry+slack cut",
        "stopped",
        "killed",
    } < silenced
    assert not silenced & {"database slow", "stores cut", "server restarted", "both killed"}


def test_as_many_as_asked():
    assert list(stories(4, 12, 5)) == [(4, 5), (5, 5), (6, 2)]
