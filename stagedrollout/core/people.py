"""Who may order what: a person is an entry in the configuration, with the accounts that are theirs, groups and rights.

Two accounts of one entry are one person; two entries are two. Whoever is not listed may read and halt. Where nobody is
listed rights are not managed: whoever can write the database may order everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Annotated

from stagedrollout.core.model import DAEMON, Actor, ActorKind, Command, CommandVerb, Via
from stagedrollout.core.units import FromFile, Written


def _matching(pattern: str, words: str, text: object) -> str:
    """The text, if it is one of that form; ValueError in these words if not."""
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise ValueError(words)
    return text


GroupName = Annotated[
    str,
    Written(
        partial(_matching, r"[a-z0-9][a-z0-9._-]{0,39}", "a group has up to 40 small letters, digits, . _ -"),
        "release",
    ),
]
PersonName = Annotated[
    str,
    Written(
        partial(
            _matching,
            r"[^\x00-\x1f\x7f<>&*`]{1,80}",
            "a person's name has up to 80 characters, and none of < > & * and backquotes",
        ),
        "Ana Lima",
    ),
]
OsUser = Annotated[
    str,
    Written(
        partial(_matching, r"[^\x00-\x20\x7f:/]{1,64}", "an OS user is written as `id -un` prints it"), "ana"
    ),
]
SlackId = Annotated[
    str,
    Written(
        partial(
            _matching, r"[UW][A-Z0-9]{2,20}", "a Slack user's id begins with U or W: profile > Copy member ID"
        ),
        "U012AB3CD",
    ),
]
SlackGroupId = Annotated[
    str, Written(partial(_matching, r"S[A-Z0-9]{2,20}", "a Slack user group's id begins with S"), "S012AB3CD")
]


class Right(StrEnum):
    """RAISE: every order by which more people may get a release, or it is watched less. APPROVE: allowing a stage."""

    RAISE = "raise"
    APPROVE = "approve"


EVERY_RIGHT = tuple(Right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(FromFile):
    """One person. `os_user`: who they are on the machine (through sudo the caller); `slack`: their member id."""

    name: PersonName
    os_user: OsUser = ""
    slack: SlackId = ""
    groups: tuple[GroupName, ...] = ()
    rights: tuple[Right, ...] = EVERY_RIGHT

    def __post_init__(self) -> None:
        if not (self.os_user or self.slack):
            raise ValueError("a person needs an account: os_user, slack, or both")


@dataclass(frozen=True, slots=True)
class People:
    """Everybody that the configuration lists. `closed`: rights are asked for also while nobody is listed."""

    listed: tuple[Person, ...] = ()
    closed: bool = False

    @property
    def everybody(self) -> People:
        return self

    @property
    def managed(self) -> bool:
        """Whether rights are asked for at all."""
        return bool(self.listed) or self.closed

    def find(self, account: str, via: Via) -> Person | None:
        """Whose account that is."""
        return next(
            (p for p in self.listed if account and account == (p.slack if via is Via.SLACK else p.os_user)),
            None,
        )

    def known_as(self, order: Command) -> Command:
        """The order in the person's own name, whichever of their accounts gave it, with their groups, and with what
        forbids it to them."""
        person = self.find(order.actor.name, order.via)
        barred = self._against(order, person)
        if not self.managed:
            return order
        if person is None:  # whatever their account is called, they are none of those who are listed
            stranger = Actor(ActorKind.HUMAN, f"{order.actor.name} (not listed)")
            return replace(order, actor=stranger, approves=False, barred=barred)
        return replace(
            order,
            actor=Actor(ActorKind.HUMAN, person.name),
            groups=person.groups,
            approves=Right.APPROVE in person.rights,
            barred=barred,
        )

    def who_approves(self, actor: Actor) -> Person | None:
        """Who of those listed now that is, if they may approve now; None where nobody is listed as well."""
        return next((p for p in self.listed if p.name == actor.name and Right.APPROVE in p.rights), None)

    def _against(self, order: Command, person: Person | None) -> str:
        """Why this person may not order that, in words; "" where they may. A brake asks nobody."""
        return "" if order.verb.brakes else self.lacks(right_for(order.verb), order.actor, person)

    def lacks(self, right: Right, account: Actor, person: Person | None) -> str:
        """Why whoever has this account does not have that right, in words; "" where they have it."""
        if not self.managed:
            return ""
        if person is None:
            return (
                f"{account} is not listed under people: whoever is not may halt and hold, and raise nothing"
            )
        if right not in person.rights:
            return f"{person.name} has no right to {right.value} (people: rights)"
        return ""


def right_for(verb: CommandVerb) -> Right:
    return Right.APPROVE if verb is CommandVerb.APPROVE else Right.RAISE


def doubles(listed: tuple[Person, ...]) -> tuple[str, ...]:
    """What is wrong with the list as a whole, in words: one account of two people, one name twice."""
    said: list[str] = []
    for what, values in (
        ("name", [p.name for p in listed]),
        ("os_user", [p.os_user for p in listed]),
        ("slack", [p.slack for p in listed]),
    ):
        twice = sorted({value for value in values if value and values.count(value) > 1})
        said += [f"{what} {value!r} stands for two people: two persons are two entries" for value in twice]
    accounts = {p.os_user: p for p in listed if p.os_user}
    for person in listed:
        other = accounts.get(person.name, person)
        if other is not person:
            said.append(
                f"{person.name!r} is one person's name and another one's os_user: who is meant is not plain"
            )
        if person.name == DAEMON.name:
            said.append(f"{person.name!r} is the daemon's own name")
    return tuple(said)
