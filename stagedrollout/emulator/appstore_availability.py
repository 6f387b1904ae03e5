"""Where an app is sold: all territories, or none once it was removed from sale (section 15).

The version's state does not tell of a removal; this is the only place that does.
"""

from __future__ import annotations

import base64
import json

from stagedrollout.emulator.appstore_documents import Document, Writer
from stagedrollout.emulator.appstore_query import Parameters
from stagedrollout.emulator.appstore_state import AppStoreApp

AVAILABILITIES, TERRITORIES = "appAvailabilities", "territoryAvailabilities"
_CODES = """
AFG AGO AIA ALB ARE ARG ARM ATG AUS AUT AZE BEL BEN BFA BGR BHR BHS BIH BLR BLZ BMU BOL BRA BRB BRN BTN
BWA CAN CHE CHL CHN CIV CMR COD COG COL CPV CRI CYM CYP CZE DEU DMA DNK DOM DZA ECU EGY ESP EST FIN FJI
FRA FSM GAB GBR GEO GHA GMB GNB GRC GRD GTM GUY HKG HND HRV HUN IDN IND IRL IRQ ISL ISR ITA JAM JOR JPN
KAZ KEN KGZ KHM KNA KOR KWT LAO LBN LBR LBY LCA LKA LTU LUX LVA MAC MAR MDA MDG MDV MEX MKD MLI MLT MMR
MNE MNG MOZ MRT MSR MUS MWI MYS NAM NER NGA NIC NLD NOR NPL NRU NZL OMN PAK PAN PER PHL PLW PNG POL PRT
PRY QAT ROU RUS RWA SAU SEN SGP SLB SLE SLV SRB STP SUR SVK SVN SWE SWZ SYC TCA TCD THA TJK TKM TON TTO
TUN TUR TWN TZA UGA UKR URY USA UZB VCT VEN VGB VNM VUT XKS YEM ZAF ZMB ZWE
"""
TERRITORY_CODES = tuple(_CODES.split())
"""ISO 3166 alpha-3, and XKS, which is Apple's own."""

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
    entries = [_entry(writer, app, code) for code in TERRITORY_CODES[: writer.asked.limit]]
    included = entries if writer.asked.include else []
    if included:
        relation["data"] = [{"type": TERRITORIES, "id": entry["id"]} for entry in included]
    resource = writer.resource(AVAILABILITIES, app.id, attributes, {TERRITORIES: relation})
    return writer.one(resource | {"links": {"self": link}}, included)


def territories(writer: Writer, app: AppStoreApp) -> Document:
    """GET /v2/appAvailabilities/{id}/territoryAvailabilities."""
    page = TERRITORY_CODES[writer.asked.offset : writer.asked.offset + writer.asked.limit]
    included = [{"type": "territories", "id": code} for code in page] if writer.asked.include else []
    return writer.page([_entry(writer, app, code) for code in page], included, len(TERRITORY_CODES))


def _entry(writer: Writer, app: AppStoreApp, code: str) -> Document:
    attributes = {
        "available": not app.removed,
        "releaseDate": None,
        "preOrderEnabled": False,
        "contentStatuses": ["CANNOT_SELL" if app.removed else "AVAILABLE"],
    }
    opaque = base64.urlsafe_b64encode(json.dumps({"s": app.id, "t": code}).encode()).decode().rstrip("=")
    chosen = "territory" in writer.asked.include
    relation = {"data": {"type": "territories", "id": code}} if chosen else None
    return writer.resource(TERRITORIES, opaque, attributes, {"territory": relation})
