"""What is wrong in the user's files: one value per problem, and all of them in one exception.

A person who mends a file wants to do it once, so nothing here stops at the first problem.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.redaction import MASK, without_tokens

_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
"""A token of some service; in a configuration nothing else looks like that."""


def masked(text: str) -> str:
    """The text without anything shaped like a token or a key: people paste those in the wrong places."""
    return _HEX.sub(MASK, without_tokens(text))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `line` and `column` count from 1; line 0 means the file as a whole.

    `where` names the key ("apps.0.google_play.package"); `right` says what would be accepted, and is empty
    where `wrong` says so already.
    """

    file: str
    line: int
    column: int
    where: str
    wrong: str
    right: str = ""

    def __post_init__(self) -> None:
        for name in ("where", "wrong", "right"):
            object.__setattr__(self, name, masked(getattr(self, name)))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        words = f"{self.wrong}; {self.right}" if self.right else self.wrong
        return ": ".join(part for part in (place, self.where, words) if part)


class Problems(tuple[Problem, ...]):
    """Problems in the order of their places, each once. As text, one line per problem."""

    __slots__ = ()

    @classmethod
    def sorted(cls, found: Iterable[Problem]) -> Problems:
        unique = dict.fromkeys(found)
        return cls(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.where, p.wrong)))

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self)


def refusal(found: Iterable[Problem]) -> WrongConfiguration:
    """The exception whose text is every problem, one per line; `error.args[0]` is the Problems."""
    return WrongConfiguration(Problems.sorted(found))


def joined(first: Iterable[Problem], later: Iterable[Problem]) -> list[Problem]:
    """Both, but of the later ones only those about places where nothing is wrong yet.

    What could not even be read does not also have the wrong type.
    """
    found = list(first)
    spoilt = {(p.file, p.line, p.column, p.where) for p in found}
    return found + [p for p in later if (p.file, p.line, p.column, p.where) not in spoilt]


def nearest(name: str, known: Iterable[str]) -> str:
    """ "did you mean `bake`?", or the list of what there is."""
    names = sorted(known)
    if close := difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6):
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(names)}" if names else "there is none yet"
