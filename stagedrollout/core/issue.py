"""A problem that the source of the counts has grouped and given a name: evidence for people, never for a decision."""

from __future__ import annotations

from dataclasses import dataclass

ISSUES_MAX = 5
"""As many as are told of one release: a handful shows where to look, more is a list nobody reads."""


@dataclass(frozen=True, slots=True)
class Issue:
    """`name` is the source's short one ("ACME-1F"), `title` what the app reported, as data on one line.

    `users` and `events`: how many it happened to and how often, None where the source does not say; events are
    sampled, so they are no measure. `link`: where to look, "" where the source's own address was not to be trusted.
    """

    name: str
    title: str
    users: int | None = None
    events: int | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class NewIssues:
    """Crashes that were first seen in one release, those of most people first, at most ISSUES_MAX.

    `more`: the source has others beside these.
    """

    source: str
    issues: tuple[Issue, ...]
    more: bool = False
