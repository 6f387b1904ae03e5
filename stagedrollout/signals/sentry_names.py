"""What Sentry calls a release: the store's version and build, written the way the app's SDK writes them.

A store build maps to exactly one release string, by default `package@version+build`; apps may override it, so
the form is a template (sentry.md section 4). To Sentry a typo in it looks like "no traffic", hence checks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Release

DEFAULT_TEMPLATE = "{package}@{version}+{build}"
NAME_LENGTH_MAX = 200
"""Sentry's limit (sentry.md section 4)."""

_PLACES = ("package", "version", "build")


class NoName(ValueError):
    """A release cannot have this name in Sentry; the message says why."""


@dataclass(frozen=True, slots=True)
class ReleaseNames:
    """`template` is text with {package}, {version} and {build}; it must tell builds apart.

    Raises WrongConfiguration for a template or a package that can never make a name.
    """

    package: str
    template: str = DEFAULT_TEMPLATE

    def __post_init__(self) -> None:
        _check_template(self.template)
        try:
            self.of(Release(id="1", version="1", build="1"))
        except NoName as problem:
            raise WrongConfiguration(
                f"sentry: the release template {self.template!r} is wrong: {problem}"
            ) from None

    def of(self, release: Release) -> str:
        """Sentry's name of `release`. Raises NoName if Sentry could not store such a name."""
        values = {"package": self.package, "version": release.version, "build": release.build}
        name = "".join(
            text + (values[place] if place else "") for text, place, _, _ in Formatter().parse(self.template)
        )
        problem = _problem(name)
        if problem:
            raise NoName(f"{name[:NAME_LENGTH_MAX]!r} {problem}")
        return name


def release_filter(names: Iterable[str]) -> str:
    """The search `release:["a","b"]`. Quoted: unquoted spaces and parentheses break Sentry's parser."""
    quoted = ",".join('"' + name.replace('"', '\\"') + '"' for name in names)
    return f"release:[{quoted}]"


def _check_template(template: str) -> None:
    try:
        parts = [(place, form, conversion) for _, place, form, conversion in Formatter().parse(template)]
    except ValueError:
        raise WrongConfiguration(f"sentry: the release template {template!r} has a brace too many") from None
    places = [place for place, _, _ in parts if place is not None]
    if any(place not in _PLACES for place in places) or any(
        form or conversion for _, form, conversion in parts
    ):
        raise WrongConfiguration(
            f"sentry: the release template {template!r} may hold {{package}}, {{version}}"
            " and {build}, nothing else"
        )
    if not {"version", "build"} & set(places):
        raise WrongConfiguration(
            f"sentry: the release template {template!r} gives every release the same name:"
            " it needs {version} or {build}"
        )


def _problem(name: str) -> str:
    if name.strip() != name or name in ("", ".", ".."):
        return "is no name: it is empty, only dots, or begins or ends with a space"
    if len(name) > NAME_LENGTH_MAX:
        return f"is longer than {NAME_LENGTH_MAX} characters"
    if not name.isprintable() or any(mark in name for mark in "/\\"):
        return "holds a slash, a backslash or an invisible character"
    return ""
