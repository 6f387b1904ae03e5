"""Who may press: the people of the configuration, and the members of Slack user groups, as Slack last told.

A membership that Slack has not confirmed for a while is none (fails closed); looking it up never keeps a press waiting.
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
GOOD_FOR = timedelta(minutes=15)
MEMBERS_MAX = 500

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
        self._asked_at: float | None = None

    def find(self, account: str) -> Person | None:
        """Whose Slack account that is; None for nobody who may press anything."""
        return self._of_slack().find(account, Via.SLACK)

    def known_as(self, order: Command) -> Command:
        """See `People.known_as`. Members of Slack groups are known where an order comes from Slack, and only there: they
        have no account on the machine."""
        people = self._of_slack() if order.via is Via.SLACK and self._people.managed else self._people
        return people.known_as(order)

    @property
    def everybody(self) -> People:
        """Where people are listed, members of Slack groups are among them; else rights are not managed at all."""
        return self._of_slack() if self._people.managed else self._people

    def look(self) -> None:
        """Ask Slack again where it is time. Raises nothing; whom it does not confirm is let go after a while."""
        now = self._seconds()
        if self._call is None or not self._groups or not self._due(now):
            return
        self._asked_at = now
        for group in self._groups:
            try:
                answer = self._call("usergroups.users.list", {"usergroup": group.id})
            except EdgeError as error:
                log.warning("who is in the Slack user group %s cannot be told: %s", group.id, error)
                continue
            self._told[group.id] = _Told(_members(answer.get("users")), now)

    def _due(self, now: float) -> bool:
        return self._asked_at is None or now - self._asked_at >= LOOK_AGAIN.total_seconds()

    def _of_slack(self) -> People:
        return People((*self._people.listed, *self._members()))

    def _members(self) -> tuple[Person, ...]:
        """Of each group as told lately; who is in two has what both give."""
        found: dict[str, Person] = {}
        oldest = self._seconds() - GOOD_FOR.total_seconds()
        for group in self._groups:
            told = self._told.get(group.id)
            for account in told.members if told and told.at >= oldest else ():
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


def _members(users: Any) -> tuple[str, ...]:
    named = users[:MEMBERS_MAX] if isinstance(users, list) else []
    return tuple(each for each in named if isinstance(each, str) and _USER.fullmatch(each))
