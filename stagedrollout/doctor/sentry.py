"""Sentry: where the organization lives, what the token may, and whether project and environment have sessions.

A mistyped environment is a 404 that does not say so, and a mistyped release looks like no traffic (sentry.md sections
2.1, 2.4 and 7): so the same is asked without them, and what there is instead is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches

from stagedrollout.core.errors import Denied, EdgeError, Rejected
from stagedrollout.core.units import duration_text
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.signals.sentry_call import ANY_REGION
from stagedrollout.signals.sentry_survey import Organization, Seen, SentrySurvey

NEEDED = {"org:read": "sessions", "project:read": "projects", "event:read": "new crashes below a halt"}
"""The scopes that are used, and what for (section 1)."""

HARMLESS = frozenset({"project:releases", "org:ci", "org:integrations"})
"""Scopes that are part of the minimal set, or come along with every token."""

SKEW_MAX = timedelta(seconds=120)
"""Clocks that differ by more than this cannot both be right (promise R19)."""

STATUSES_MIN = 5
"""How many kinds of sessions newer servers tell apart (section 3)."""

ENVIRONMENTS_TOLD = 8
_TOKENS = {
    "sntrys_": "it is an organization token, which has only org:ci and can read no sessions",
    "sntryu_": "it is a person's token, which ends with that person's account",
}
_INTEGRATION = "make an internal integration (Settings > Developer Settings) and use its token"


def about_token(tell: Telling, token: str) -> Iterator[Finding]:
    """What the beginning of a token says of its kind; a token itself is never told. Pure."""
    for beginning, said in _TOKENS.items():
        if token.startswith(beginning):
            make = tell.problem if beginning == "sntrys_" else tell.warning
            yield make("token", said, _INTEGRATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationCase:
    """The organization, asked about once for all apps. `now` is the machine's time."""

    tell: Telling
    survey: SentrySurvey
    token: str = field(repr=False)
    now: Callable[[], datetime]


def about_organization(case: OrganizationCase) -> Iterator[Finding]:
    """Raises EdgeError where Sentry fails us altogether."""
    tell, name = case.tell, case.survey.organization
    yield from about_token(tell, case.token)
    try:
        found = case.survey.about()
    except Denied as denied:
        yield tell.problem(
            "token", f"Sentry refuses the token: {denied.detail}", f"it needs org:read: {_INTEGRATION}"
        )
        return
    except Rejected as no:
        if no.status != 404:
            raise
        said = f"there is no organization {name!r} at {case.survey.host}"
        right = "mend the slug, or write the address of its region as sentry.url (https://us.sentry.io, https://de.sentry.io)"
        yield tell.problem("organization", said, right)
        return
    yield _region(tell, name, found.region, case.survey.host)
    yield from scopes(tell, found.scopes)
    yield from _clock(tell, found, case.now())


def _region(tell: Telling, name: str, region: str, here: str) -> Finding:
    if region in ("", here):
        return tell.ok("organization", f"the organization {name} lives at {here}")
    right = f"write sentry.url: https://{region}"
    if here == ANY_REGION:
        said = f"the organization {name} lives at {region}; {ANY_REGION} leads there"
        return tell.note("organization", said, right)
    return tell.problem("organization", f"the organization {name} lives at {region}, not at {here}", right)


def scopes(tell: Telling, found: frozenset[str] | None) -> Iterator[Finding]:
    """What the token may, as far as Sentry tells. Pure."""
    if found is None:
        yield tell.note("scopes", "Sentry does not tell what the token may; what it may not shows below")
        return
    if missing := [scope for scope in NEEDED if scope not in found]:
        told = ", ".join(f"{scope} ({NEEDED[scope]})" for scope in missing)
        make = tell.warning if missing == ["event:read"] else tell.problem
        yield make("scopes", f"the token lacks {told}", "add it to the internal integration's permissions")
    else:
        yield tell.ok("scopes", f"the token has what is needed: {', '.join(NEEDED)}")
    beyond = sorted(found - set(NEEDED) - HARMLESS)
    if beyond:
        said = f"the token may more than is needed: {', '.join(beyond)}"
        yield tell.warning("beyond need", said, "take it from the internal integration's permissions")


def _clock(tell: Telling, found: Organization, now: datetime) -> Iterator[Finding]:
    if found.at is None:
        return
    apart = abs(found.at - now)
    if apart > SKEW_MAX:
        said = f"this machine's clock and Sentry's are {duration_text(timedelta(seconds=round(apart.total_seconds())))} apart"
        yield tell.problem("clock", said, "let the machine's clock be set by NTP: tokens and bakes go by it")
    else:
        yield tell.ok("clock", "this machine's clock agrees with Sentry's")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCase:
    """One app's project and environment. `crashed_users`: whether the policy looks at users. `learned` is told what
    the environment has sessions of."""

    tell: Telling
    survey: SentrySurvey
    project: str
    environment: str
    crashed_users: bool
    learned: Callable[[tuple[Seen, ...]], None]


def about_project(case: ProjectCase) -> Iterator[Finding]:
    """Raises EdgeError where Sentry fails us altogether."""
    tell = case.tell
    try:
        case.survey.project(case.project)
    except Rejected as no:
        if no.status != 404:
            raise
        yield _no_project(case)
        return
    try:
        seen = case.survey.seen(case.project)
    except Denied as denied:
        said = f"the token may not read the sessions of {case.project!r}: {denied.detail}"
        yield tell.problem(
            "sentry project", said, "it needs org:read, and its integration access to the project"
        )
        return
    yield tell.ok("sentry project", f"the project {case.project} can be read")
    here = tuple(one for one in seen if one.environment == case.environment)
    yield from _environment(case, seen, here)
    if here:
        yield _users(case, here)
    case.learned(here)


def _no_project(case: ProjectCase) -> Finding:
    said = f"Sentry knows no project {case.project!r} in {case.survey.organization}, or the token does not see it"
    try:
        there_are = case.survey.projects()
    except EdgeError:
        return case.tell.problem("sentry project", said)
    close = get_close_matches(case.project, there_are, n=1, cutoff=0.6)
    meant = f"did you mean {close[0]}? " if close else ""
    right = f"{meant}there are: {', '.join(there_are[:20]) or 'none that it sees'}"
    return case.tell.problem("sentry project", said, right)


def _environment(case: ProjectCase, seen: tuple[Seen, ...], here: tuple[Seen, ...]) -> Iterator[Finding]:
    """Whether there is such an environment, and whether anything comes from it."""
    others = environments(seen)
    right = f"those with sessions are: {others}" if others else "none has any sessions yet"
    try:
        statuses = case.survey.statuses(case.project, case.environment)
    except Rejected as no:
        if no.status != 404:
            raise
        said = f"Sentry knows no environment {case.environment!r}"
        yield case.tell.problem("sentry environment", said, right)
        return
    if not here:
        said = f"the environment {case.environment} has had no sessions of {case.project} for two weeks"
        yield case.tell.warning("sentry environment", said, right)
        return
    total = sum(one.sessions for one in here)
    said = f"the environment {case.environment} has {total:,} sessions in two weeks"
    yield case.tell.ok("sentry environment", said)
    if len(statuses) < STATUSES_MIN:
        told = ", ".join(statuses)
        yield case.tell.note(
            "sentry environment", f"this server tells {len(statuses)} kinds of sessions apart: {told}"
        )


def environments(seen: tuple[Seen, ...]) -> str:
    """Every environment that has sessions, most of them first, in words. Pure."""
    counts: dict[str, int] = {}
    for one in seen:
        counts[one.environment] = counts.get(one.environment, 0) + one.sessions
    names = sorted(counts, key=lambda name: -counts[name])[:ENVIRONMENTS_TOLD]
    return ", ".join(f"{name or '(without a name)'} ({counts[name]:,})" for name in names)


def _users(case: ProjectCase, here: tuple[Seen, ...]) -> Finding:
    if any(one.users for one in here):
        return case.tell.ok("sentry users", "sessions come with user ids, so crashed users can be counted")
    said = "sessions come without user or installation ids: crashed users cannot be counted"
    if not case.crashed_users:
        return case.tell.note("sentry users", f"{said}; the policy does not look at them")
    return case.tell.warning(
        "sentry users", said, "let the SDK send an id, or switch crashed users off in the policy"
    )
