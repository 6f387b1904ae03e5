"""The versions of one app, read in as few requests as possible: one, on a quiet day.

There is no way to ask for an order (section 3). Apple lists the newest first, so reading ends with the page that has
the version people can get; where the dates say otherwise, it goes on to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stagedrollout.core.errors import Faulty, Rejected
from stagedrollout.http.client import Params
from stagedrollout.stores.app_store.client import AppStoreClient
from stagedrollout.stores.app_store.documents import PHASED, Absence, Phased, Version, phased_of, versions_of
from stagedrollout.stores.app_store.errors import SERVICE, Refused, Said, no_such_app
from stagedrollout.stores.app_store.versions import OUT, REPLACED

PAGE_SIZE = 50
PAGES_MAX = 20
ASKED_ONE_BY_ONE_MAX = 4
"""Versions whose phased release is asked for by itself, where the list does not say whether there is one."""

_DOING = "reading the versions"
_QUERY = (
    ("filter[platform]", "IOS"),
    ("include", f"build,{PHASED}"),
    (
        "fields[appStoreVersions]",
        f"platform,versionString,appVersionState,appStoreState,createdDate,build,{PHASED}",
    ),
    ("fields[builds]", "version"),
    (f"fields[{PHASED}s]", "phasedReleaseState,currentDayNumber"),
    ("limit", str(PAGE_SIZE)),
)


def read_versions(client: AppStoreClient, app_id: str) -> list[Version]:
    """The iOS versions, as far back as matters. Raises EdgeError."""
    return _asked(client, _listed(client, app_id))


def _listed(client: AppStoreClient, app_id: str) -> list[Version]:
    path, params, found = f"/v1/apps/{app_id}/appStoreVersions", list(_QUERY), list[Version]()
    for _ in range(PAGES_MAX):
        document = _page(client, app_id, path, params)
        found += versions_of(document)
        page = client.next_page(document)
        if page is None or _enough(found):
            return found
        path, params = page.path, list(page.params)
    raise Faulty(SERVICE, _DOING, f"the list has more than {PAGES_MAX} pages", status=200)


def _page(client: AppStoreClient, app_id: str, path: str, params: Params) -> Mapping[str, Any]:
    """Raises Rejected in words a person can act on where the app is none that this key knows."""
    try:
        return client.look(_DOING, path, params)
    except Refused as no:
        if no.said is not Said.NOT_THERE:
            raise
        raise Rejected(SERVICE, _DOING, f"{no_such_app(app_id)} ({no.detail})", status=no.status) from None


def _enough(found: list[Version]) -> bool:
    """Whether what follows can only be older than the version that is out."""
    made = [version.created for version in found if version.created]
    newest_first = len(made) == len(found) and made == sorted(made, reverse=True)
    return newest_first and any(version.state == OUT for version in found)


def _asked(client: AppStoreClient, versions: list[Version]) -> list[Version]:
    """The versions with what the list leaves open asked for; what stays open is no "none"."""
    asked = 0
    for place, version in enumerate(versions):
        is_open = version.phased in (Absence.UNSAID, Absence.LOST) and version.state != REPLACED
        if is_open and asked < ASKED_ONE_BY_ONE_MAX:
            asked += 1
            versions[place] = replace(version, phased=_phased_release(client, version))
    return versions


def _phased_release(client: AppStoreClient, version: Version) -> Phased | Absence:
    """Both `data: null` and 404 NOT_FOUND are ways to say that there is none (section 3); no other 404 is."""
    fields: Params = ((f"fields[{PHASED}s]", "phasedReleaseState,currentDayNumber"),)
    try:
        document = client.look(
            "reading the phased release", f"/v1/appStoreVersions/{version.id}/{PHASED}", fields
        )
    except Refused as no:
        if no.said is Said.NOT_THERE:
            return Absence.NONE
        raise
    return phased_of(document)
