"""What only the whole configuration can tell of iCalendars: names that are there twice, policies that name none that is
there, and whether what reads them is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from stagedrollout.config.holidays import INSTALL
from stagedrollout.config.problems import Problem, nearest
from stagedrollout.config.yaml_tree import Document, Path

_READERS = ("icalendar", "recurring_ical_events")


def calendar_problems(document: Document, policies: Mapping[str, Document]) -> Iterator[Problem]:
    """`policies`: the files of all policies that could be read."""
    first: dict[str, Path] = {}
    written = document.get("calendars")
    if written and not all(map(find_spec, _READERS)):
        yield document.problem(("calendars",), "iCalendars need the packages that read them", INSTALL)
    for index in range(len(written)) if isinstance(written, list) else ():
        here: Path = ("calendars", index, "name")
        name = document.get(*here)
        if isinstance(name, str) and name in first:
            line = document.values[first[name]][0]
            yield document.problem(here, "another calendar has this name", f"see line {line}")
        elif isinstance(name, str):
            first[name] = here
    for policy in policies.values():
        yield from _unknown(policy, first)


def _unknown(policy: Document, known: Mapping[str, Path]) -> Iterator[Problem]:
    names = policy.get("calendar", "icalendars")
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in known:
            wrong = f"the configuration has no calendar {name}"
            right = nearest(name, known) if known else "add it under `calendars:` there"
            yield policy.problem(("calendar", "icalendars", index), wrong, right)
