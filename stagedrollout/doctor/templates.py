"""Whether the releases of a store are called in Sentry as the configuration says, and how it would have to say it.

To Sentry a mistyped template is a release without traffic (sentry.md sections 2.4 and 4). Here the store's releases
and what has sessions are put side by side. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.model import Release, Store
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.signals.sentry_names import NoName, ReleaseNames
from stagedrollout.signals.sentry_survey import Seen

NAMES_TOLD = 3
_ABOUT = "release template"


def template_findings(
    tell: Telling,
    names: ReleaseNames,
    store: Store,
    releases: tuple[Release, ...] | None,
    seen: tuple[Seen, ...],
) -> Iterator[Finding]:
    """`releases`: what the store has, newest first, None where it could not be read; `seen`: what has sessions."""
    if not seen:
        yield tell.note(_ABOUT, f"nothing has sessions yet, so {names.template!r} cannot be tried")
        return
    by_name: dict[str, int] = {}
    for one in seen:
        by_name[one.release] = by_name.get(one.release, 0) + one.sessions
    fitting = [name for name in by_name if names.read(name, store) is not None]
    if releases:
        met = [release for release in releases if _name(names, release) in by_name]
        if met:
            told = _name(names, met[0])
            yield tell.ok(
                _ABOUT, f"{met[0].label} is {told} in Sentry, with {by_name[told]:,} sessions in two weeks"
            )
            return
    if fitting and not releases:
        yield tell.ok(_ABOUT, f"{names.template!r} fits {fitting[0]}, which has sessions")
        return
    yield _mismatch(tell, names, releases or (), by_name, fitting)


def _mismatch(
    tell: Telling,
    names: ReleaseNames,
    releases: tuple[Release, ...],
    by_name: dict[str, int],
    fitting: list[str],
) -> Finding:
    most = sorted(by_name, key=lambda name: -by_name[name])
    used = ", ".join(repr(name) for name in most[:NAMES_TOLD])
    wanted = _name(names, releases[0]) if releases else ""
    expected = f"{releases[0].label} would be {wanted!r}" if wanted else f"{names.template!r} is expected"
    said = f"no release of the store has sessions by the name that the configuration gives it: {expected}; most used are {used}"
    if fitting:
        right = (
            "the template fits others of them: has the newest release been out long enough to have sessions?"
        )
        return tell.warning(_ABOUT, said, right)
    better = suggestion(names.package, releases, most)
    right = (
        f"write sentry.release: {better!r}"
        if better
        else "write sentry.release as the app's SDK names its releases"
    )
    return tell.problem(_ABOUT, said, right)


def suggestion(package: str, releases: tuple[Release, ...], seen: list[str]) -> str:
    """The template by which one of the names in Sentry is one of the store's releases; "" if none is found."""
    for name in seen:
        if "{" in name or "}" in name:
            continue
        for release in releases:
            template = name
            for place, value in (
                ("package", package),
                ("version", release.version),
                ("build", release.build),
            ):
                if value and template.count(value) == 1 and "{" not in value:
                    template = template.replace(value, "{" + place + "}")
            if _makes(package, template, release, name):
                return template
    return ""


def _makes(package: str, template: str, release: Release, name: str) -> bool:
    if "{version}" not in template and "{build}" not in template:
        return False
    try:
        return ReleaseNames(package, template).of(release) == name
    except (WrongConfiguration, NoName):
        return False


def _name(names: ReleaseNames, release: Release) -> str:
    try:
        return names.of(release)
    except NoName:
        return ""
