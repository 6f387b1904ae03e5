"""What App Store Connect's operations are called here, and which parameters each takes.

Rows of app-store-connect.md section 4; "*" in a path is an id.
"""

from __future__ import annotations

from stagedrollout.emulator.appstore_documents import (
    APPS,
    BUILDS,
    PHASED,
    PHASED_FIELDS,
    VERSION_FIELDS,
    VERSION_INCLUDE,
    VERSIONS,
)
from stagedrollout.emulator.appstore_query import Parameters
from stagedrollout.emulator.appstore_state import OLD_STATES, REMOVED_OLD, VERSION_STATES

PLATFORMS = ("IOS", "MAC_OS", "TV_OS", "VISION_OS")
_FIELDS = {VERSIONS: VERSION_FIELDS, PHASED: PHASED_FIELDS, BUILDS: None, APPS: None}
_OLD_WORDS = (*VERSION_STATES, *OLD_STATES.values(), REMOVED_OLD)
APPS_TAKE = Parameters(
    filters={"bundleId": None, "id": None, "name": None, "sku": None},
    fields={APPS: None, VERSIONS: VERSION_FIELDS, BUILDS: None},
    sort=("name", "-name", "bundleId", "-bundleId"),
    paged=True,
)
VERSIONS_TAKE = Parameters(
    filters={
        "platform": PLATFORMS,
        "versionString": None,
        "appVersionState": VERSION_STATES,
        "appStoreState": _OLD_WORDS,
        "id": None,
    },
    fields=_FIELDS,
    include=VERSION_INCLUDE,
    paged=True,
)
VERSION_TAKES = Parameters(fields=_FIELDS, include=VERSION_INCLUDE)
APP_TAKES = Parameters(fields={APPS: None})
BUILD_TAKES = Parameters(fields={BUILDS: None})
PHASED_TAKES = Parameters(fields={PHASED: PHASED_FIELDS})
ANALYTICS_TAKE = Parameters(filters={"accessType": ("ONE_TIME_SNAPSHOT", "ONGOING")}, paged=True)

_NAMES = {
    ("GET", "v1", "apps"): "apps.list",
    ("GET", "v1", "apps", "*"): "apps.get",
    ("GET", "v1", "apps", "*", "appStoreVersions"): "versions.list",
    ("GET", "v1", "apps", "*", "customerReviews"): "customer_reviews.app",
    ("GET", "v1", "apps", "*", "analyticsReportRequests"): "analytics.list",
    ("GET", "v1", "apps", "*", "appAvailabilityV2"): "availability.get",
    ("GET", "v2", "appAvailabilities", "*", "territoryAvailabilities"): "territories.list",
    ("PATCH", "v1", "territoryAvailabilities", "*"): "territories.update",
    ("GET", "v1", "appStoreVersions", "*"): "versions.get",
    ("PATCH", "v1", "appStoreVersions", "*"): "versions.update",
    ("GET", "v1", "appStoreVersions", "*", "build"): "builds.get",
    ("GET", "v1", "appStoreVersions", "*", "customerReviews"): "customer_reviews.version",
    ("GET", "v1", "appStoreVersions", "*", "appStoreVersionPhasedRelease"): "phased.get",
    ("POST", "v1", "appStoreVersionPhasedReleases"): "phased.create",
    ("PATCH", "v1", "appStoreVersionPhasedReleases", "*"): "phased.update",
    ("DELETE", "v1", "appStoreVersionPhasedReleases", "*"): "phased.delete",
    ("POST", "v1", "appStoreVersionReleaseRequests"): "release.request",
}

WRITES = frozenset(
    {
        "versions.update",
        "phased.create",
        "phased.update",
        "phased.delete",
        "release.request",
        "territories.update",
    }
)


def operation(method: str, parts: list[str]) -> str:
    """The operation of a method and a path's parts; "unknown" where it is none."""
    shape = (method, *("*" if place == 2 else part for place, part in enumerate(parts)))
    return _NAMES.get(shape, "unknown")
