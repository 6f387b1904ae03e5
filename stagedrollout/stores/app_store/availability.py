"""Where an app is sold: read, and taken off sale territory by territory (section 15).

Only a person's explicit order leads to a write here (`remove-from-sale`), and the only thing that can be written
is that a territory no longer sells the app: nothing in this file puts anything on sale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from stagedrollout.core.errors import Faulty, Rejected
from stagedrollout.http.client import Params
from stagedrollout.stores.app_store.client import AppStoreClient, Write
from stagedrollout.stores.app_store.errors import SERVICE, Refused, Said, no_such_app, words

PAGE_SIZE = 200
PAGES_MAX = 5
"""Apple has about 175 territories: one page, with room for a world that grows."""

_KIND = "territoryAvailabilities"
_DOING = "reading where the app is sold"
_ID = re.compile(r"[A-Za-z0-9_=-]{1,200}", re.ASCII)
_BUNDLE_ID = re.compile(r"[A-Za-z0-9.-]{1,155}", re.ASCII)
_GOING = "PROCESSING_TO_NOT_AVAILABLE"


@dataclass(frozen=True, slots=True)
class Territory:
    """One country or region. `code` is Apple's for it, "" where Apple does not say.

    `on_sale`: None where Apple does not tell. `going`: off sale as far as Apple was told, and still being processed.
    """

    id: str
    code: str
    on_sale: bool | None
    going: bool = False

    @property
    def off(self) -> bool:
        """Really off: told so, and with nothing left to process."""
        return self.on_sale is False and not self.going


@dataclass(frozen=True, slots=True)
class Name:
    """What App Store Connect calls an app."""

    name: str
    bundle_id: str


def app_name(client: AppStoreClient, app_id: str) -> Name:
    """Which app the number stands for. Raises EdgeError."""
    doing = "looking the app up"
    try:
        document = client.look(doing, f"/v1/apps/{app_id}", (("fields[apps]", "name,bundleId"),))
    except Refused as no:
        if no.said is not Said.NOT_THERE:
            raise
        raise Rejected(SERVICE, doing, no_such_app(app_id), status=no.status) from None
    about = _attributes(document.get("data"))
    return Name(words(_text(about, "name")), _bundle_id(_text(about, "bundleId")))


def territories(client: AppStoreClient, app_id: str) -> tuple[Territory, ...]:
    """Every territory, sold in or not: 2 requests (row 20). Raises EdgeError; Faulty for a list that is none."""
    availability = client.look(
        _DOING,
        f"/v1/apps/{app_id}/appAvailabilityV2",
        (("fields[appAvailabilities]", "availableInNewTerritories"),),
    )
    place = _id(availability.get("data"))
    path = f"/v2/appAvailabilities/{quote(place, safe='')}/{_KIND}"
    params: Params = (
        ("include", "territory"),
        (f"fields[{_KIND}]", "available,contentStatuses,territory"),
        ("limit", str(PAGE_SIZE)),
    )
    found: dict[str, Territory] = {}
    for _ in range(PAGES_MAX):
        document = client.look(_DOING, path, params)
        found |= {territory.id: territory for territory in _listed(document)}
        page = client.next_page(document)
        if page is None:
            break
        path, params = page.path, page.params
    else:
        raise _unreadable(f"more than {PAGES_MAX} pages of territories")
    if not found:
        raise _unreadable("no territories")
    return tuple(found.values())


def to_remove(territory: Territory) -> Write:
    """No longer sell the app there (row 21)."""
    body = {"type": _KIND, "id": territory.id, "attributes": {"available": False}}
    doing = f"taking it off sale in {territory.code or 'a territory'}"
    return Write(doing, "PATCH", f"/v1/{_KIND}/{quote(territory.id, safe='')}", {"data": body})


def sold_nowhere(client: AppStoreClient, app_id: str) -> bool:
    """Whether Apple says of every territory that the app is not on sale there. Raises EdgeError."""
    return all(territory.on_sale is False for territory in territories(client, app_id))


def _listed(document: Mapping[str, Any]) -> list[Territory]:
    data = document.get("data")
    if not isinstance(data, list):
        raise _unreadable("no list of territories")
    return [_territory(item) for item in data]


def _territory(item: Any) -> Territory:
    identity, about = _id(item), _attributes(item)
    available, statuses = about.get("available"), about.get("contentStatuses")
    return Territory(
        id=identity,
        code=_code(item),
        on_sale=available if isinstance(available, bool) else None,
        going=isinstance(statuses, list) and _GOING in statuses,
    )


def _code(item: Mapping[str, Any]) -> str:
    """The id of the territory behind the entry."""
    place: Any = item
    for name in ("relationships", "territory", "data", "id"):
        place = place.get(name) if isinstance(place, dict) else None
    known = isinstance(place, str) and place.isascii() and place.isalnum() and len(place) <= 10
    return place if known else ""


def _id(item: Any) -> str:
    """An id that will be part of a path. Apple's are made of more signs here than a version's (BASE64)."""
    value = item.get("id") if isinstance(item, dict) else None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _unreadable("an entry without an id")
    return value


def _attributes(item: Any) -> Mapping[str, Any]:
    about = item.get("attributes") if isinstance(item, dict) else None
    return about if isinstance(about, dict) else {}


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _bundle_id(text: str) -> str:
    """As Apple writes it, for it is compared; only what cannot be one is made fit to be shown."""
    return text if _BUNDLE_ID.fullmatch(text) else words(text)


def _unreadable(what: str) -> Faulty:
    return Faulty(SERVICE, _DOING, f"the answer has {what}", status=200)
