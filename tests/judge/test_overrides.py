"""Rights, skipped bakes, what is left alone, other policies, and orders by what their person saw."""

import pytest

from tests.judge.story import POLICY, Story, bad_release, first_raise

pytestmark = pytest.mark.promise("R11")

ANA = {"name": "Ana Lima", "os_user": "ana", "slack": "U0ANA"}
BO = {"name": "Bo", "os_user": "bo", "rights": ["approve"]}
SHORT = {"stages": [{"percent": 1, "bake": "2h"}, *POLICY["stages"][1:]]}


def ordered(verb, account, *, via="cli", listed=(ANA, BO), told_by="", wrote=""):
    story = first_raise()
    story.people = list(listed)
    command = story.orders(29.5, verb, by=told_by or account)
    story.leaves(command, wrote or verb, account, via=via)
    return story.blamed()


@pytest.mark.parametrize(
    ("account", "verb", "via", "name", "blamed"),
    [
        ("ana", "skip-bake", "cli", "Ana Lima", 0),
        ("U0ANA", "skip-bake", "slack", "Ana Lima", 0),
        ("U0ANA", "skip-bake", "cli", "Ana Lima", 1),
        ("eve", "skip-bake", "cli", "eve", 1),
        ("eve", "reject", "cli", "eve", 0),
        ("eve", "hold", "cli", "eve", 0),
        ("bo", "skip-bake", "cli", "Bo", 1),
        ("bo", "approve", "cli", "Bo", 0),
    ],
)
def test_who_has_not_the_right_changes_nothing(account, verb, via, name, blamed):
    assert ordered(verb, account, via=via, told_by=name).get("orders_without_right", 0) == blamed


def test_where_nobody_is_listed_everybody_may():
    assert ordered("skip-bake", "eve", listed=()) == {}


def test_what_one_person_ordered_stands_for_no_other_one():
    assert ordered("skip-bake", "ana", told_by="Bo") == {"orders_without_right": 1}


def test_nobody_had_ordered_what_was_carried_out():
    story = first_raise()
    story.leaves("another", "hold", "ana")
    story.orders(29.5, "skip-bake")
    assert story.blamed() == {"orders_without_right": 1}


def test_somebody_had_ordered_something_else():
    assert ordered("skip-bake", "ana", told_by="Ana Lima", wrote="hold") == {"orders_without_right": 1}


def raised_at(hour, *, skipped=None, **how):
    story = Story(**how)
    story.polls(4, hour - 0.5)
    if skipped is not None:
        story.orders(skipped, "skip-bake")
    story.asks(hour)
    story.raises(hour, 0.1)
    story.ends("rolling_out", 100_000)
    return story.blamed()


@pytest.mark.parametrize(("skipped", "blamed"), [(None, 1), (9, 0), (3, 1)])
def test_a_bake_is_cut_but_for_who_skips_it(skipped, blamed):
    """An order of before it was live was for no bake of this share."""
    assert raised_at(10, skipped=skipped).get("bakes_cut", 0) == blamed


@pytest.mark.parametrize(("alone", "again", "blamed"), [(None, None, 1), (10, None, 0), (10, 12, 1)])
def test_nothing_is_owed_to_what_somebody_left_alone(alone, again, blamed):
    story = bad_release()
    actor = {"kind": "human", "name": "ana"}
    entries = [("left_alone", alone), ("started", again)]
    for kind, hour in entries:
        if hour is not None:
            story.writes(hour, kind, actor=actor, reason="enough")
    story.polls(21, 24)
    story.ends("rolling_out", 10_000)
    assert story.blamed().get("halts_lost", 0) == blamed


def test_what_was_left_alone_is_not_raised():
    story = Story()
    story.polls(4, 28)
    story.writes(28.2, "left_alone", actor={"kind": "human", "name": "ana"}, reason="enough")
    story.asks(28.5)
    story.raises(28.5, 0.1)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == {"raises_without_evidence": 1}


SLOWER = {"stages": [{"percent": 1, "bake": "6h"}, {"percent": 5, "bake": "6h"}, {"percent": 100}]}


def steered_anew(raised, to):
    """Raised `raised` hours after another policy was set, under which 1 % bakes for 6 h, and 5 % comes next."""
    story = Story(policy=SHORT, until=50)
    story.polls(4, 8)
    story.writes(8.1, "went_live", exposure_ppm=10_000)
    story.steers_by(8.2, "slower", SLOWER)
    story.polls(8.5, 8 + raised)
    story.raises(8.5 + raised, to)
    story.ends("rolling_out", round(to * 1_000_000))
    return story.blamed()


@pytest.mark.parametrize(
    ("raised", "to", "blamed"),
    [(7, 0.05, {}), (4, 0.05, {"bakes_cut": 1}), (7, 0.1, {"stages_skipped": 1})],
)
def test_another_policy_is_gone_by_from_then_on_and_its_bake_begins_anew(raised, to, blamed):
    found = steered_anew(raised, to)
    assert {check: found[check] for check in blamed} == blamed
    assert not {"bakes_cut", "stages_skipped"} & (set(found) - set(blamed))


def test_a_policy_that_is_set_later_says_nothing_of_what_was_before():
    story = first_raise()
    story.steers_by(29.6, "slower", SLOWER)
    assert story.blamed() == {}


@pytest.mark.parametrize(("saw", "blamed"), [(10_000, {}), (5_000, {"stages_skipped": 1})])
def test_an_order_that_was_meant_of_another_share_raises_nothing(saw, blamed):
    """Two people said advance at the same time: the second one's order was no order for the next stage."""
    story = Story()
    story.polls(4, 28)
    command = story.orders(28.2, "advance")
    story.leaves(command, "advance", "ana", saw=[{"release": "5020", "exposure_ppm": saw}])
    story.asks(28.5)
    story.raises(28.5, 0.1, command)
    story.ends("rolling_out", 100_000)
    assert story.blamed() == blamed
