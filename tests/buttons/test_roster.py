"""Who may press, by the configuration and by Slack's user groups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagedrollout.buttons.roster import GOOD_FOR, LOOK_AGAIN, TRY_AGAIN, Group, Roster
from stagedrollout.core.errors import Unreachable
from stagedrollout.core.model import Actor, ActorKind, CommandVerb, Via
from stagedrollout.core.people import People, Person, Right
from tests.core.builders import order

ANA = Person(name="Ana Lima", slack="U0ANA", os_user="ana", rights=(Right.APPROVE,))
RELEASE = Group("S0RELEASE", ("release",), (Right.RAISE, Right.APPROVE))
QA = Group("S0QA", ("qa",), (Right.APPROVE,))


class Slack:
    def __init__(self, **members):
        self.members, self.asked, self.down = members, [], False

    def __call__(self, method, payload):
        self.asked.append(payload["usergroup"])
        if self.down:
            raise Unreachable("slack", method, "no answer in time")
        return {"ok": True, "users": self.members.get(payload["usergroup"], [])}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def _roster(slack, clock, *listed, groups=(RELEASE, QA)):
    roster = Roster(People(listed), groups, slack, clock)
    roster.look()
    return roster


def test_a_member_has_what_their_groups_give(clock):
    roster = _roster(Slack(S0RELEASE=["U0KIM"], S0QA=["U0KIM", "U0LEE"]), clock)
    kim, lee = roster.find("U0KIM"), roster.find("U0LEE")
    assert (set(kim.groups), set(kim.rights)) == ({"release", "qa"}, set(Right))
    assert (lee.groups, lee.rights) == (("qa",), (Right.APPROVE,))
    assert roster.find("U0EVE") is None


def test_who_is_listed_is_as_listed_whatever_group_they_are_in(clock):
    roster = _roster(Slack(S0RELEASE=["U0ANA"]), clock, ANA)
    assert roster.find("U0ANA") == ANA


@pytest.mark.promise("R24")
def test_members_that_slack_does_not_confirm_are_let_go(clock):
    slack = Slack(S0RELEASE=["U0KIM"])
    roster = _roster(slack, clock)
    slack.down = True
    clock.now = GOOD_FOR.total_seconds()
    roster.look()
    assert roster.find("U0KIM") is not None
    clock.now += 1
    assert roster.find("U0KIM") is None


def test_slack_is_asked_at_a_pace(clock):
    slack = Slack()
    roster = _roster(slack, clock)
    roster.look()
    assert slack.asked == ["S0RELEASE", "S0QA"]
    clock.now = LOOK_AGAIN.total_seconds()
    roster.look()
    assert len(slack.asked) == 4


@pytest.mark.parametrize("users", [None, "U0KIM", {"U0KIM": 1}, [7, None, "<!here>", "u0kim"]])
def test_nonsense_names_nobody(clock, users):
    assert _roster(Slack(S0RELEASE=users), clock).find("U0KIM") is None


@pytest.mark.promise("R11")
def test_a_member_is_known_by_slack_and_not_at_the_machine(clock):
    roster = _roster(Slack(S0RELEASE=["U0KIM"]), clock, ANA)
    asked = replace(order(CommandVerb.RESUME), actor=Actor(ActorKind.HUMAN, "U0KIM"))
    assert roster.known_as(replace(asked, via=Via.SLACK)).barred == ""
    assert "not listed" in roster.known_as(replace(asked, via=Via.CLI)).barred


@pytest.mark.promise("R11")
def test_rights_are_those_of_the_command_line(clock):
    roster = _roster(None, clock, ANA)
    by_slack = replace(order(CommandVerb.RESUME), actor=Actor(ActorKind.HUMAN, "U0ANA"), via=Via.SLACK)
    at_the_machine = replace(by_slack, actor=Actor(ActorKind.HUMAN, "ana"), via=Via.CLI)
    assert roster.known_as(by_slack).barred == roster.known_as(at_the_machine).barred != ""


def test_where_only_groups_are_listed_the_command_line_is_as_before(clock):
    roster = _roster(Slack(S0RELEASE=["U0KIM"]), clock)
    assert roster.known_as(order(CommandVerb.RESUME)).barred == ""


def _by_slack(verb, account):
    return replace(order(verb), actor=Actor(ActorKind.HUMAN, account), via=Via.SLACK)


@pytest.mark.promise("R11")
def test_the_rights_of_a_group_hold_also_where_nobody_is_listed_for_the_command_line(clock):
    roster = _roster(Slack(S0QA=["U0LEE"]), clock, groups=(QA,))
    assert "no right to raise" in roster.known_as(_by_slack(CommandVerb.RESUME, "U0LEE")).barred
    assert roster.known_as(_by_slack(CommandVerb.APPROVE, "U0LEE")).barred == ""
    assert roster.known_as(_by_slack(CommandVerb.HALT, "U0LEE")).barred == ""


@pytest.mark.promise("R11", "R24")
def test_while_slack_tells_of_nobody_nobody_raises_by_slack(clock):
    slack = Slack(S0RELEASE=["U0KIM"])
    slack.down = True
    roster = _roster(slack, clock)
    assert "not listed" in roster.known_as(_by_slack(CommandVerb.RESUME, "U0KIM")).barred
    assert roster.unsure


def test_who_is_not_known_and_who_cannot_be_looked_up_are_told_apart(clock):
    roster = _roster(Slack(S0RELEASE=["U0KIM"]), clock)
    assert not roster.unsure
    clock.now = GOOD_FOR.total_seconds() + 1
    assert roster.unsure


def test_slack_is_asked_again_soon_where_it_did_not_tell_and_says_so_once(clock, caplog):
    slack = Slack(S0RELEASE=["U0KIM"], S0QA=[])
    slack.down = True
    roster = _roster(slack, clock)
    clock.now = TRY_AGAIN.total_seconds()
    roster.look()
    assert len(slack.asked) == 4
    assert len(caplog.records) == 1
    assert "S0RELEASE cannot be told" in roster.problem()
    slack.down = False
    clock.now *= 2
    roster.look()
    assert roster.find("U0KIM")
    assert roster.problem() == ""


def test_a_reload_makes_strangers_of_nobody(clock):
    before = _roster(Slack(S0RELEASE=["U0KIM"], S0QA=["U0LEE"]), clock)
    after = Roster(People(), (RELEASE,), Slack(), clock)
    after.go_on_from(before)
    assert after.find("U0KIM")
    assert after.find("U0LEE") is None
