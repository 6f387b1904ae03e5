"""App Store Connect: what one key can see of one app, and what its role shows of itself.

Only reads. The least role that pauses and releases is App Manager (app-store-connect.md section 2); that a key has it
shows at the first write and at nothing before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from stagedrollout.core.errors import Denied, EdgeError, Rejected
from stagedrollout.core.model import Release
from stagedrollout.core.policy import Policy
from stagedrollout.doctor.finding import Finding, Telling
from stagedrollout.stores.app_store.availability import Name, app_name, territories
from stagedrollout.stores.app_store.client import AppStoreClient
from stagedrollout.stores.app_store.documents import Phased, Version
from stagedrollout.stores.app_store.reading import read_versions
from stagedrollout.stores.app_store.survey import (
    SeenApp,
    may_read_analytics,
    may_read_reviews,
    seen_apps,
)
from stagedrollout.stores.app_store.versions import described

VERSIONS_TOLD = 3
OTHERS_NAMED = 3
KEYS = "App Store Connect > Users and Access > Integrations"

BY_WRITING = (
    "whether the role may pause and release (App Manager is the least that may) shows only at the first write; there is"
    " no write here that would change nothing"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStoreCase:
    """One iOS app. `learned` is told its versions, newest first."""

    tell: Telling
    client: AppStoreClient
    app_id: str
    bundle_id: str
    policy: Policy
    learned: Callable[[tuple[Release, ...]], None]


def questions(case: AppStoreCase) -> Iterator[Finding]:
    """Raises EdgeError where Apple fails us altogether."""
    try:
        name = app_name(case.client, case.app_id)
    except Denied as denied:
        yield case.tell.problem("access", denied.detail, f"look at {KEYS}")
        return
    except Rejected as no:
        yield _unknown_app(case, no)
        return
    yield _named(case, name)
    versions = read_versions(case.client, case.app_id)
    case.learned(tuple(Release(one.number, one.number, one.build) for one in versions))
    yield _versions(case.tell, versions)
    yield from _on_sale(case)
    yield _reviews_right(case)


def _unknown_app(case: AppStoreCase, no: Rejected) -> Finding:
    """What the key does see, and which of it is meant by the bundle id."""
    try:
        seen = seen_apps(case.client)
    except EdgeError:
        return case.tell.problem("app", no.detail)
    right = [
        f"the bundle id {case.bundle_id} has the Apple ID {one.app_id}" for one in _with(seen, case.bundle_id)
    ]
    told = ", ".join(f"{one.app_id} ({one.bundle_id})" for one in seen[:10]) or "no app at all"
    return case.tell.problem("app", no.detail, "; ".join([*right, f"the key sees {told}"]))


def _with(seen: tuple[SeenApp, ...], bundle_id: str) -> list[SeenApp]:
    return [one for one in seen if one.bundle_id == bundle_id]


def _named(case: AppStoreCase, name: Name) -> Finding:
    if name.bundle_id == case.bundle_id:
        return case.tell.ok("app", f"{case.app_id} is {name.name} with the bundle id {name.bundle_id}")
    said = f"the Apple ID {case.app_id} is {name.name} with the bundle id {name.bundle_id}, and not {case.bundle_id}"
    return case.tell.problem("app", said, _which(case, name))


def _which(case: AppStoreCase, name: Name) -> str:
    """A bundle id that is nearly right is a typo; else the number may be another app's."""
    if get_close_matches(case.bundle_id, [name.bundle_id], n=1, cutoff=0.8):
        return f"write bundle_id: {name.bundle_id}"
    try:
        meant = _with(seen_apps(case.client), case.bundle_id)
    except EdgeError:
        meant = []
    if meant:
        return f'write app_id: "{meant[0].app_id}", or bundle_id: {name.bundle_id}'
    return f"write bundle_id: {name.bundle_id}; the key sees no app with {case.bundle_id}"


def _versions(tell: Telling, versions: list[Version]) -> Finding:
    if not versions:
        return tell.warning("versions", "the app has no iOS version yet")
    told = "; ".join(map(described, versions[:VERSIONS_TOLD]))
    phased = any(isinstance(one.phased, Phased) for one in versions)
    more = "" if phased else "; none has a phased release, which must be asked for before it is submitted"
    return tell.ok("versions", f"versions and phased releases can be read: {told}{more}")


def _on_sale(case: AppStoreCase) -> Iterator[Finding]:
    try:
        found = territories(case.client, case.app_id)
    except (Denied, Rejected) as no:
        yield case.tell.note("territories", f"where the app is sold cannot be read: {no.detail}")
        return
    sold = sum(one.on_sale is True for one in found)
    if sold:
        yield case.tell.ok("territories", f"the app is on sale in {sold} of {len(found)} territories")
    else:
        right = "App Store Connect > the app > Pricing and Availability"
        yield case.tell.problem(
            "territories", "the app is on sale in no territory: nothing can be released", right
        )


def _reviews_right(case: AppStoreCase) -> Finding:
    if may_read_reviews(case.client, case.app_id):
        return case.tell.ok("reviews", "written reviews can be read")
    if case.policy.ratings is None:
        return case.tell.ok("reviews", "the key may not read customer reviews, and the policy needs none")
    said = f"the policy {case.policy.name} has a gate on ratings, and the key may not read customer reviews"
    return case.tell.problem("reviews", said, f"a key with the role App Manager reads them: {KEYS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCase:
    """The key, asked about once for all apps. `team`: whether it is a team's. `configured`: the Apple IDs of all apps,
    at least one."""

    tell: Telling
    client: AppStoreClient
    team: bool
    configured: tuple[str, ...]


def about_key(case: KeyCase) -> Iterator[Finding]:
    """What the key can do beyond need, as far as that shows (promise S4). Raises EdgeError."""
    try:
        seen = seen_apps(case.client)
    except Denied as denied:
        yield case.tell.problem("access", denied.detail, f"look at {KEYS}")
        return
    yield case.tell.note("role", BY_WRITING)
    known = [one.app_id for one in seen if one.app_id in case.configured]
    if known:
        yield _analytics(case, known[0])
    yield _reach(case, seen)
    if left := case.client.left():
        yield _allowance(case, left)


def _analytics(case: KeyCase, app_id: str) -> Finding:
    if may_read_analytics(case.client, app_id):
        said = "the key reads analytics, which App Manager does not: its role is Admin, or has Finance or Sales in it"
        return case.tell.warning("beyond need", said, f"make a key with the role App Manager: {KEYS}")
    return case.tell.ok("beyond need", "the key reads no analytics: it is neither Admin's nor Finance's")


def _reach(case: KeyCase, seen: tuple[SeenApp, ...]) -> Finding:
    others = [one for one in seen if one.app_id not in case.configured]
    named = ", ".join(one.bundle_id for one in others[:OTHERS_NAMED])
    more = f" and {len(others) - OTHERS_NAMED} more" if len(others) > OTHERS_NAMED else ""
    right = f"an individual key of a user who is limited to the configured apps is enough: {KEYS}"
    if case.team:
        said = "it is a team key, which reaches every app of the team"
        also = f", these among them that are not configured: {named}{more}" if others else ""
        return case.tell.warning("beyond need", said + also, right)
    if others:
        return case.tell.warning("beyond need", f"the key also sees {named}{more}", right)
    return case.tell.ok("beyond need", "it is an individual key that sees the configured apps only")


def _allowance(case: KeyCase, left: str) -> Finding:
    if shortage := case.client.shortage():
        return case.tell.warning(
            "limit", shortage, "something else uses this key: give the daemon one of its own"
        )
    return case.tell.ok("limit", f"Apple allows {left} requests in this hour still")
