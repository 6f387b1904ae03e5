"""What Sentry calls a release: the store's version and build, written the way the app's SDK writes them.

A store build maps to exactly one release string, by default `package@version+build`; apps may override it, so
the form is a template (sentry.md section 4). To Sentry a typo in it looks like "no traffic", hence checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Release, Store

DEFAULT_TEMPLATE = "{package}@{version}+{build}"
NAME_LENGTH_MAX = 200
"""Sentry's limit (sentry.md section 4)."""

_NUMBERED = re.compile(r"[0-9]+(\.[0-9]+)*")
"""How the stores number what they tell apart: version codes, and Apple's versions and builds. Play takes any version."""

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

    def read(self, name: str, store: Store) -> Release | None:
        """The release that has this name in Sentry; None for names of other apps and other forms.

        Its id is what this store calls it: the version code on Google Play, the version on the App Store. Where
        the template holds only one of version and build, that stands for both. Where two places adjoin, nobody
        can tell where one ends: None. So is what no store ever gave out: a debug build that tells its sessions under
        a name of its own ("5.2.0+5020-debug") is nothing that people run.
        """
        pattern = _pattern(self.template, self.package)
        match = re.fullmatch(pattern, name) if pattern and len(name) <= NAME_LENGTH_MAX else None
        if match is None:
            return None
        found = match.groupdict()
        version, build = found.get("version") or found["build"], found.get("build") or found["version"]
        on_play = store is Store.GOOGLE_PLAY
        if not all(map(_NUMBERED.fullmatch, (build,) if on_play else (version, build))):
            return None
        release = Release(build if on_play else version, version, build)
        try:
            # whatever was taken apart wrongly, or could never be stored, does not come out the same again
            return release if self.of(release) == name else None
        except NoName:
            return None

    def apart(self, candidate: Release, others: Iterable[Release]) -> dict[Release, str]:
        """Sentry's names of a candidate, which comes first, and of the releases it is compared with.

        Others that Sentry can hold nothing of are left out. Raises NoName if the candidate has no name of its own.
        """
        names = {candidate: self.of(candidate)}
        for release in others:
            try:
                name = self.of(release)
            except NoName:
                continue
            if name == names[candidate]:
                raise NoName(
                    f"Sentry cannot tell {candidate.label} from {release.label}: both are called {name}"
                )
            names[release] = name
        return names


def release_filter(names: Iterable[str]) -> str:
    """The search `release:["a","b"]`. Quoted: unquoted spaces and parentheses break Sentry's parser."""
    return f"release:[{','.join(map(quoted, names))}]"


def quoted(name: str) -> str:
    """A release's name as one value of a search, whatever it holds (a backslash it cannot hold)."""
    return '"' + name.replace('"', '\\"') + '"'


def _pattern(template: str, package: str) -> str:
    """What a name by this template looks like; "" where version and build adjoin.

    The version takes what it can: a "+" within a name is part of it, up to the last one before the build.
    """
    pattern, before = "", ""
    for text, place, _, _ in Formatter().parse(template):
        if not text and place != before and {place, before} == {"version", "build"}:
            return ""
        pattern += re.escape(text)
        if place == "package":
            pattern += re.escape(package)
        elif place:
            pattern += f"(?P={place})" if f"<{place}>" in pattern else f"(?P<{place}>.+)"
        before = place or ""
    return pattern


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
