"""Resources as App Store Connect writes them: attributes, relationships and links (sections 3, 5 and 9).

Both forms of dates occur, as they do at Apple: some end in Z, others carry Apple's own offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from stagedrollout.emulator.appstore_query import Asked, cursor_after
from stagedrollout.emulator.appstore_state import DAY, AppStoreApp, Phased, Version
from stagedrollout.emulator.clock import iso
from stagedrollout.emulator.request import Request

VERSIONS, PHASED, BUILDS, APPS = "appStoreVersions", "appStoreVersionPhasedReleases", "builds", "apps"
UNKNOWN_STATE = "EMULATED_NEW_STATE"
CUPERTINO = timezone(timedelta(hours=-8))
BUILD_KEPT = timedelta(days=90)

TO_MANY = (
    "appStoreVersionLocalizations",
    "appStoreVersionExperiments",
    "appStoreVersionExperimentsV2",
    "customerReviews",
)
VERSION_RELATIONS = (
    "app",
    "build",
    "appStoreVersionPhasedRelease",
    "gameCenterAppVersion",
    "routingAppCoverage",
    "appStoreReviewDetail",
    "appStoreVersionSubmission",
    "appClipDefaultExperience",
    "alternativeDistributionPackage",
    *TO_MANY,
)
VERSION_INCLUDE = tuple(name for name in VERSION_RELATIONS if name != "customerReviews")
VERSION_FIELDS = (
    "platform",
    "versionString",
    "appStoreState",
    "appVersionState",
    "copyright",
    "reviewType",
    "releaseType",
    "earliestReleaseDate",
    "usesIdfa",
    "downloadable",
    "createdDate",
    *VERSION_RELATIONS,
)
PHASED_FIELDS = ("phasedReleaseState", "startDate", "totalPauseDuration", "currentDayNumber")
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the answer to one GET or write. `odd` is the kind of a data fault, "" without one.

    `sparse`: optional attributes that have nothing to say are left out. `removal_told`: the deprecated
    appStoreState tells of a removal from sale. `slow_removal`: a removal is shown in the making for a day.
    """

    request: Request
    asked: Asked
    now: datetime
    sparse: bool = False
    odd: str = ""
    removal_told: bool = True
    slow_removal: bool = False

    @property
    def root(self) -> str:
        """Where the emulator is, as the client calls it."""
        return f"http://{self.request.headers.get('host', 'localhost')}"

    @property
    def here(self) -> str:
        query = {name: values[0] for name, values in self.request.query.items()}
        return self.root + self.request.path + (f"?{urlencode(query)}" if query else "")

    def one(self, data: Document | None, included: list[Document] | None = None) -> Document:
        """A document about one resource, or about nothing."""
        more = {"included": included} if included else {}
        return {"data": data, **more, "links": {"self": self.here}}

    def page(self, data: list[Document], included: list[Document], total: int) -> Document:
        """A document about one page of a list."""
        links = {"self": self.here}
        if self.asked.offset + self.asked.limit < total:
            query = {name: values[0] for name, values in self.request.query.items()}
            query |= {"cursor": cursor_after(self.asked), "limit": str(self.asked.limit)}
            links["next"] = f"{self.root}{self.request.path}?{urlencode(query)}"
        more = {"included": included} if included else {}
        meta = {"paging": {"total": total, "limit": self.asked.limit}}
        return {"data": data, **more, "links": links, "meta": meta}

    def app(self, app: AppStoreApp) -> Document:
        attributes = {
            "name": app.name,
            "bundleId": app.bundle_id,
            "sku": app.bundle_id.upper(),
            "primaryLocale": "en-US",
        }
        relations: Document = dict.fromkeys(("appStoreVersions", "builds", "appAvailabilityV2"))
        return self.resource(APPS, app.id, attributes, relations)

    def version(self, app: AppStoreApp, version: Version) -> Document:
        created = version.created.astimezone(CUPERTINO).isoformat(timespec="seconds")
        attributes = {
            "platform": "IOS",
            "versionString": version.version,
            "appStoreState": app.old_state(version, removal_told=self.removal_told),
            "appVersionState": version.state,
            "copyright": None,
            "reviewType": "APP_STORE",
            "releaseType": version.release_type,
            "earliestReleaseDate": iso(version.earliest) if version.earliest else None,
            "usesIdfa": None,
            "downloadable": True,
            "createdDate": created,
        }
        phased = version.phased.id if version.phased else None
        known = {"app": app.id, "build": version.build_id, "appStoreVersionPhasedRelease": phased}
        kinds = {"app": APPS, "build": BUILDS, "appStoreVersionPhasedRelease": PHASED}
        relations: Document = {}
        for name in VERSION_RELATIONS:
            there = known.get(name)
            data: Any = {"type": kinds[name], "id": there} if there else ([] if name in TO_MANY else None)
            relations[name] = {"data": data} if name in self.asked.include else None
        return self.resource(VERSIONS, version.id, attributes, relations)

    def included(self, app: AppStoreApp, version: Version) -> list[Document]:
        """What the request wants included of a version."""
        include = self.asked.include
        found = [self.app(app)] if "app" in include else []
        found += [self.build(version)] if "build" in include else []
        if version.phased is not None and "appStoreVersionPhasedRelease" in include:
            found.append(self.phased(version.phased))
        return found

    def build(self, version: Version) -> Document:
        attributes = {
            "version": str(version.code),
            "uploadedDate": version.created.astimezone(CUPERTINO).isoformat(timespec="seconds"),
            "expirationDate": (version.created + BUILD_KEPT).astimezone(CUPERTINO).isoformat("T", "seconds"),
            "expired": False,
            "minOsVersion": "17.0",
            "processingState": "VALID",
            "buildAudienceType": "APP_STORE_ELIGIBLE",
            "usesNonExemptEncryption": False,
        }
        return self.resource(BUILDS, version.build_id, attributes, {"app": None, "appStoreVersion": None})

    def phased(self, phased: Phased) -> Document:
        """`totalPauseDuration` counts whole days: its unit is not documented (section 5)."""
        attributes: Document = {
            "phasedReleaseState": UNKNOWN_STATE if self.odd == "unknown_state" else phased.state,
            "startDate": iso(phased.start.replace(microsecond=0)) if phased.start else None,
            "totalPauseDuration": phased.paused_until(self.now) // DAY,
            "currentDayNumber": None if self.odd == "day_missing" else phased.day,
        }
        return self.resource(PHASED, phased.id, attributes, {})

    def resource(self, kind: str, name: str, attributes: Document, relations: Document) -> Document:
        """A resource with the fields that were asked for; a relation is None where only its links are told."""
        chosen = self.asked.fields.get(kind)
        link = f"{self.root}/v1/{kind}/{name}"
        shown = {key: value for key, value in attributes.items() if chosen is None or key in chosen}
        if self.sparse:
            shown = {key: value for key, value in shown.items() if value or value is False}
        if self.odd == "extra_fields":
            shown["emulatedOutputOnly"] = {"since": "2026"}
        linked = {
            key: {"links": _relation_links(link, key), **(value or {})}
            for key, value in relations.items()
            if chosen is None or key in chosen
        }
        more = {"relationships": linked} if linked else {}
        return {"type": kind, "id": name, "attributes": shown, **more, "links": {"self": link}}


def _relation_links(link: str, name: str) -> Document:
    return {"self": f"{link}/relationships/{name}", "related": f"{link}/{name}"}
