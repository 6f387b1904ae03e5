"""A name that nobody knows: refused with the nearest ones, exit code 2, the same way in every command."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click


def check_among(what: str, name: str, known: Iterable[str], where: str = "") -> None:
    """Nothing for a known name, or none. Raises click.UsageError with the nearest names for any other one."""
    if not name:
        return
    there = list(dict.fromkeys(known))
    if name not in there:
        raise unknown(what, name, there, where)


def unknown(what: str, name: str, known: Iterable[str], where: str = "") -> click.UsageError:
    """The error for a name that is not among those that are known."""
    from stagedrollout.config.problems import nearest  # noqa: PLC0415

    place = f"{where} has " if where else ""
    return click.UsageError(f"{place}no {what} {name!r}; {nearest(name, known)}")


def unknown_release(
    app: str, stores: Iterable[str], release: str, known: Iterable[str]
) -> click.ClickException:
    """A release that no journal knows: wrong usage. An app without any rollout is nobody's mistake: exit code 1."""
    where, there = f"{app} on {' and '.join(stores)}", list(dict.fromkeys(known))
    if release:
        return unknown("release", release, there, where)
    return click.ClickException(f"{where} has no rollout yet")


_NOBODY = re.compile(r" has no release '.*'; known releases: (?P<known>.*)\Z", re.DOTALL)
"""The daemon's words for a release that neither its journals nor the store knows (core/addressing.py)."""


def with_nearest(text: str, result: str, release: str) -> tuple[str, int]:
    """An order's answer and its exit code: where only the name was wrong, with the nearest one, and code 2."""
    nobody = _NOBODY.search(text) if result == "refused" and release else None
    if nobody is None:
        return text, 0 if result == "done" else 1
    from stagedrollout.config.problems import nearest  # noqa: PLC0415

    near = nearest(release, nobody["known"].split(", "))
    return (f"{text}; {near}" if near.startswith("did you mean") else text), 2
