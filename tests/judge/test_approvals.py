"""Approvals and second persons: what a raise lacked, and what it had."""

import pytest

from tests.judge.apple_story import FOLLOWING, AppleStory
from tests.judge.story import OLD, POLICY, Story, at, new

pytestmark = pytest.mark.promise("R11")

QA = {"name": "Ana Lima", "os_user": "ana", "groups": ["qa"]}
DEV = {"name": "Ben", "os_user": "ben", "groups": ["dev"]}
UNAPPROVED = {"raises_unapproved": 1}
BAKED = 28.5


def asking(**approvals):
    first, second, last = POLICY["stages"]
    return {"stages": [first, second | {"approvals": approvals}, last]}


def story(*people, policy=None, **approvals):
    """1 % since hour 4, baked and fine at 28.5; the step to 10 % asks for approval."""
    told = Story(policy=policy or asking(**approvals))
    told.people = list(people)
    told.polls(4, 28)
    return told


def raised(told, command="", hour=BAKED):
    told.asks(hour)
    told.raises(hour, 0.1, command)
    told.ends("rolling_out", 100_000)
    return told.blamed()


def test_nobody_had_allowed_the_stage():
    assert raised(story()) == UNAPPROVED


def test_a_stage_that_was_allowed_is_reached():
    told = story()
    told.approves(28, "ana", 100_000)
    assert raised(told) == {}


@pytest.mark.parametrize(("others", "blamed"), [(("ana",), UNAPPROVED), (("ben",), {}), ((), UNAPPROVED)])
def test_two_words_of_one_person_are_one(others, blamed):
    told = story(count=2)
    for by in ("ana", *others):
        told.approves(28, by, 100_000)
    assert raised(told) == blamed


@pytest.mark.parametrize(("target", "blamed"), [(100_000, {}), (1_000_000, UNAPPROVED), (50_000, UNAPPROVED)])
def test_a_word_for_another_share_is_none_for_this(target, blamed):
    told = story()
    told.approves(28, "ana", target)
    assert raised(told) == blamed


@pytest.mark.parametrize(("hour", "blamed"), [(26.6, {}), (26.5, UNAPPROVED), (20, UNAPPROVED)])
def test_an_approval_runs_out(hour, blamed):
    told = Story(policy=asking(valid="2h"))
    told.polls(4, hour)
    told.approves(hour, "ana", 100_000)
    told.polls(hour + 0.5, 28)
    assert raised(told) == blamed


@pytest.mark.parametrize(("person", "blamed"), [("Ana Lima", {}), ("Ben", UNAPPROVED)])
def test_only_those_of_the_groups_count(person, blamed):
    told = story(QA, DEV, groups=["qa"])
    told.approves(28, person, 100_000)
    assert raised(told) == blamed


def test_what_a_journal_calls_a_group_makes_nobody_one_of_it():
    told = story(QA, DEV, groups=["qa"])
    told.approves(28, "Ben", 100_000)
    told.journal[-1]["body"]["groups"] = ["qa"]
    assert "raises_unapproved" in raised(told)


def test_two_accounts_of_one_person_are_one_person():
    told = story(QA | {"slack": "U0ANA"}, DEV, count=2)
    for account, via in (("ana", "cli"), ("U0ANA", "slack")):
        command = told.approves(28, "Ana Lima", 100_000)
        told.leaves(command, "approve", account, via=via)
    assert raised(told) == UNAPPROVED


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("approvals_lapsed", {"why": "worse"}),
        ("went_live", {"exposure_ppm": 10_000}),
        ("suspected", {"gate": "crash_free_sessions"}),
        ("commanded", {"verb": "reject", "accepted": True, "actor": {"kind": "human", "name": "ben"}}),
        ("commanded", {"verb": "halt", "accepted": True, "actor": {"kind": "human", "name": "ben"}}),
    ],
)
def test_what_voids_an_approval(kind, body):
    told = story()
    told.approves(28, "ana", 100_000)
    told.writes(28.2, kind, **body)
    assert raised(told)["raises_unapproved"] == 1


def test_a_rejection_that_was_refused_voids_nothing():
    told = story()
    told.approves(28, "ana", 100_000)
    actor = {"kind": "human", "name": "eve"}
    told.writes(28.2, "commanded", verb="reject", accepted=False, actor=actor, command="c")
    assert raised(told) == {}


def test_evidence_that_became_worse_voids_what_was_allowed():
    """The gate failed once and was well again, whatever the journal says of that."""
    told = Story(policy=asking(valid="24h"))
    told.polls(4, 20)
    told.approves(20.2, "ana", 100_000)
    told.health += [(22.0, 0.5), (23.0, 0.998)]
    told.polls(20.5, 28)
    assert "raises_unapproved" in raised(told)


@pytest.mark.parametrize(("count", "blamed"), [(1, {}), (2, UNAPPROVED)])
def test_whoever_advances_it_by_hand_has_given_their_own_word_and_no_other(count, blamed):
    told = story(count=count)
    assert raised(told, told.orders(28.2, "advance")) == blamed


def test_who_is_of_none_of_the_groups_gives_no_word_by_advancing():
    told = story(QA, DEV, groups=["qa"])
    assert raised(told, told.orders(28.2, "advance", by="Ben")) == UNAPPROVED


def completed(second="", *, verb="complete", by_two=True):
    policy = {"two_persons": ["complete"]} if by_two else {}
    told = Story(policy=policy)
    told.polls(4, 28)
    if second:
        actor = {"kind": "human", "name": second}
        command = told.orders(28, verb, by=second)
        told.writes(
            28, "approved", actor=actor, target_ppm=1_000_000, command=command, verdict="PASS", groups=[]
        )
    command = told.orders(28.2, "complete", by="ana")
    told.decides(28.5, "COMPLETE", 1_000_000, command)
    told.asks(28.5)
    request = told.commit(28.5, new("completed"))
    told.served(28.5, "completed", 1_000_000, request=request)
    told.tells(28.5, "raised")
    told.ends("completed", 1_000_000)
    return told.blamed()


@pytest.mark.parametrize(
    ("second", "verb", "blamed"),
    [("", "complete", 1), ("ana", "complete", 1), ("ben", "complete", 0), ("ben", "approve", 0)],
)
def test_what_takes_two_persons_was_completed_by_one(second, verb, blamed):
    assert completed(second, verb=verb).get("raises_unapproved", 0) == blamed


def test_where_the_policy_does_not_ask_for_two_one_completes_it():
    assert "raises_unapproved" not in completed(by_two=False)


def growing(*, asks, paused):
    """Apple's clock is followed; Apple steps to 2 % a day later, and that share asks for a word."""
    stages = [{"percent": 1, "bake": "1h"}, {"percent": 2, "bake": "1h"}, {"percent": 100}]
    stages[1] |= {"approvals": {}} if asks else {}
    told = AppleStory(policy=FOLLOWING | {"stages": stages})
    told.polls(4, 27.5)
    if paused:
        told.decides(4.5, "HOLD", 10_000, verb="pause", because="approval")
        told.turns(4.5, "PAUSED", request=told.requested(4.5, "app_store", "/v1/x", method="PATCH"))
        told.ends("held", 10_000)
    else:
        told.apple(28)
        told.ends("rolling_out", 20_000)
    return told.blamed()


@pytest.mark.parametrize(("asks", "paused", "blamed"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_apple_went_on_to_a_share_that_nobody_had_allowed(asks, paused, blamed):
    assert growing(asks=asks, paused=paused).get("raises_unapproved", 0) == blamed


def test_what_somebody_raises_in_the_console_needs_nobodys_word():
    told = story()
    told.console(28.2, new("inProgress", 0.1), OLD, exposure_ppm=100_000)
    told.ends("rolling_out", 100_000)
    assert "raises_unapproved" not in told.blamed()


def test_a_word_given_by_advancing_counts_for_the_step_that_was_taken_back_since():
    """Kim advances, somebody holds it, and the hold runs out: the step is taken again with Kim's word of the day."""
    told = story(QA, DEV)
    command = told.orders(BAKED - 1, "advance", by=QA["name"])
    given = {"groups": [], "reason": "tested", "verdict": "PASS", "until": at(BAKED + 23)}
    actor = {"kind": "human", "name": QA["name"]}
    told.writes(BAKED - 1, "approved", actor=actor, target_ppm=100_000, command=command, **given)
    assert raised(told) == {}
