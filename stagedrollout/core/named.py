"""Words of our own, and beside them the names that a configuration brings along.

A team's own signals are called what the team calls them, and everything that is said of the built-in ones (buckets in
the ledger, weights in the terms of a run, verdicts) is said of them as well. So they are members like those, not a
second kind of thing: `SignalId("signal:checkout_errors")` is the same member wherever it is asked for, `is` holds, and
whoever goes through the enumeration meets the built-in ones only.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self

PREFIX = "signal:"
"""What sets the name of a team's own signal apart from our words, in the journal, in the ledger and in verdicts."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
"""How such a signal may be called; it becomes a word in sentences ("checkout errors")."""


class Named(StrEnum):
    """An enumeration that also has a member for each name of the form "signal:NAME"."""

    @classmethod
    def _missing_(cls, value: object) -> Named | None:
        """The member for a name, made when it is asked for first. Anything else is no member, as ever."""
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return None
        if not NAME.fullmatch(value.removeprefix(PREFIX)):
            return None
        member = str.__new__(cls, value)
        member._name_, member._value_ = value, value
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]  # of this class

    @classmethod
    def called(cls, name: str) -> Self:
        """The member for what a team calls a signal. Raises ValueError for what is no name."""
        return cls(PREFIX + name)

    @property
    def given(self) -> str:
        """What the team calls it; "" for our own words."""
        return self.value.removeprefix(PREFIX) if self.value.startswith(PREFIX) else ""
