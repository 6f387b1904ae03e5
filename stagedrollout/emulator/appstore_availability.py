"""Where an app is sold, territory by territory (section 15).

The version's state need not tell of a removal; this is the only place that always does.
"""

from __future__ import annotations

import base64
import binascii
import json

from stagedrollout.emulator.appstore_documents import Document, Writer
from stagedrollout.emulator.appstore_query import Parameters
from stagedrollout.emulator.appstore_state import DAY, AppStoreApp
from stagedrollout.emulator.appstore_territories import TERRITORY_CODES

AVAILABILITIES, TERRITORIES = "appAvailabilities", "territoryAvailabilities"
TERRITORIES_TAKE = Parameters(
    fields={
        TERRITORIES: (
            "available",
            "releaseDate",
            "preOrderEnabled",
            "preOrderPublishDate",
            "contentStatuses",
            "territory",
        ),
        "territories": ("currency",),
    },
    include=("territory",),
    paged=True,
)
AVAILABILITY_TAKES = Parameters(
    fields={AVAILABILITIES: ("availableInNewTerritories", "territoryAvailabilities"), TERRITORIES: None},
    include=("territoryAvailabilities",),
)


def availability(writer: Writer, app: AppStoreApp) -> Document:
    """GET /v1/apps/{id}/appAvailabilityV2."""
    attributes = {"availableInNewTerritories": not app.removed}
    link = f"{writer.root}/v2/{AVAILABILITIES}/{app.id}"
    relation: Document = {"links": {"related": f"{link}/{TERRITORIES}"}}
    included = [entry(writer, app, code) for code in TERRITORY_CODES] if writer.asked.include else []
    included = included[: writer.asked.limit]
    if included:
        relation["data"] = [{"type": TERRITORIES, "id": one["id"]} for one in included]
    resource = writer.resource(AVAILABILITIES, app.id, attributes, {TERRITORIES: relation})
    return writer.one(resource | {"links": {"self": link}}, included)


def territories(writer: Writer, app: AppStoreApp) -> Document:
    """GET /v2/appAvailabilities/{id}/territoryAvailabilities."""
    page = TERRITORY_CODES[writer.asked.offset : writer.asked.offset + writer.asked.limit]
    included = [{"type": "territories", "id": code} for code in page] if writer.asked.include else []
    return writer.page([entry(writer, app, code) for code in page], included, len(TERRITORY_CODES))


def territory_of(name: str) -> tuple[str, str] | None:
    """The app's id and the territory's code behind an entry's id; None where it is nobody's."""
    try:
        told = json.loads(base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)))
    except (binascii.Error, ValueError):
        return None
    match told:
        case {"s": str() as app, "t": str() as code} if code in TERRITORY_CODES:
            return app, code
        case _:
            return None


def entry(writer: Writer, app: AppStoreApp, code: str) -> Document:
    """One territory. What was taken off sale may be shown as being processed for a day (a switch)."""
    off = app.unsold.get(code)
    fresh = off is not None and writer.now - off < DAY and writer.slow_removal
    word = "AVAILABLE" if off is None else "PROCESSING_TO_NOT_AVAILABLE" if fresh else "CANNOT_SELL"
    attributes = {
        "available": off is None,
        "releaseDate": None,
        "preOrderEnabled": False,
        "contentStatuses": [word],
    }
    opaque = base64.urlsafe_b64encode(json.dumps({"s": app.id, "t": code}).encode()).decode().rstrip("=")
    chosen = "territory" in writer.asked.include
    relation = {"data": {"type": "territories", "id": code}} if chosen else None
    return writer.resource(TERRITORIES, opaque, attributes, {"territory": relation})
