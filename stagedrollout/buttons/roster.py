"""Who may press: the people of the configuration, and the members of Slack user groups, as Slack last told.

A membership that Slack has not confirmed for a while is none (fails closed); looking it up never keeps a press waiting.
An order that comes from Slack is its person's to give or nobody's, also where the configuration lists nobody for the
command line: a button stands in front of everybody in the channel.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stagedrollout.core.errors import EdgeError
from stagedrollout.core.model import Command, Via
from stagedrollout.core.people import GroupName, People, Person, Right

log = logging.getLogger(__name__)

Call = Callable[[str, dict[str, Any]], dict[str, Any]]

LOOK_AGAIN = timedelta(minutes=5)
TRY_AGAIN = timedelta(seconds=30)
"""After Slack has not told; its limit is 20 questions a minute (tier 2)."""

GOOD_FOR = timedelta(minutes=15)
MEMBERS_MAX = 5_000

_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True, slots=True)
class Group:
    """A Slack user group, and what its members are and may."""

    id: str
    groups: tuple[GroupName, ...]
    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    members: tuple[str, ...]
    at: float


class Roster:
    """Safe from many threads. `seconds` only goes forward."""

    def __init__(
        self, people: People, groups: tuple[Group, ...], call: Call | None, seconds: Callable[[], float]
    ) -> None:
        self._people = people
        self._groups = groups
        self._call = call
        self._seconds = seconds
        self._told: dict[str, _Told] = {}
        self._look_at = seconds()
        self._problem = ""

    def go_on_from(self, before: Roster) -> None:
        """What Slack has told of these groups lately is known here too: a reload makes strangers of nobody."""
        ids = {group.id for group in self._groups}
        self._told.update({group: told for group, told in before._told.items() if group in ids})

    def find(self, account: str) -> Person | None:
        """Whose Slack account that is; None for nobody who may press anything."""
        return self._of_slack().find(account, Via.SLACK)

    def known_as(self, order: Command) -> Command:
        """See `People.known_as`. Members of Slack groups are known where an order comes from Slack, and only there: they
        have no account on the machine."""
        people = self._of_slack() if order.via is Via.SLACK else self._people
        return people.known_as(order)

    @property
    def everybody(self) -> People:
        """Where people are listed, members of Slack groups are among them; else rights are not managed at all."""
        return self._of_slack() if self._people.managed else self._people

    @property
    def unsure(self) -> bool:
        """Whether somebody may be a member of a group, and Slack has not told lately who is."""
        return any(self._lately(group) is None for group in self._groups)

    def problem(self) -> str:
        """Why members of a group may not be known, in words; "" while nothing is wrong."""
        return self._problem

    def look(self) -> None:
        """Ask Slack again where it is time. Raises nothing; whom it does not confirm is let go after a while."""
        if self._call is None or not self._groups or self._seconds() < self._look_at:
            return
        problems = [words for group in self._groups if (words := self._look_into(self._call, group))]
        self._look_at = self._seconds() + (TRY_AGAIN if problems else LOOK_AGAIN).total_seconds()
        problem = problems[0] if problems else ""
        if problem and problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem

    def _look_into(self, call: Call, group: Group) -> str:
        """Why the group's members cannot be told; "" where they are."""
        try:
            users = call("usergroups.users.list", {"usergroup": group.id}).get("users")
        except EdgeError as error:
            return f"who is in the Slack user group {group.id} cannot be told: {error}"
        if not isinstance(users, list):
            return f"who is in the Slack user group {group.id} cannot be told: an answer without users"
        self._told[group.id] = _Told(_members(users), self._seconds())
        if len(users) > MEMBERS_MAX:
            return f"the Slack user group {group.id} has more than {MEMBERS_MAX} members: the others may press nothing"
        return ""

    def _lately(self, group: Group) -> _Told | None:
        told = self._told.get(group.id)
        return told if told and self._seconds() - told.at <= GOOD_FOR.total_seconds() else None

    def _of_slack(self) -> People:
        return People((*self._people.listed, *self._members()), closed=True)

    def _members(self) -> tuple[Person, ...]:
        """Of each group as told lately; who is in two has what both give."""
        found: dict[str, Person] = {}
        for group in self._groups:
            told = self._lately(group)
            for account in told.members if told else ():
                before = found.get(account)
                groups = (*(before.groups if before else ()), *group.groups)
                rights = {*(before.rights if before else ()), *group.rights}
                found[account] = Person(
                    name=account,
                    slack=account,
                    groups=tuple(dict.fromkeys(groups)),
                    rights=tuple(right for right in Right if right in rights),
                )
        return tuple(found.values())


def _members(users: list[Any]) -> tuple[str, ...]:
    return tuple(each for each in users[:MEMBERS_MAX] if isinstance(each, str) and _USER.fullmatch(each))
