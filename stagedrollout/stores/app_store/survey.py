"""What only `doctor` asks of App Store Connect: which apps a key sees, and what it may read besides. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagedrollout.core.errors import Denied, Faulty
from stagedrollout.http.client import Params
from stagedrollout.stores.app_store.client import AppStoreClient
from stagedrollout.stores.app_store.errors import ROLE, SERVICE, words

APPS_MAX = 200
"""One page of them; who has more is told that there are more."""


@dataclass(frozen=True, slots=True)
class SeenApp:
    """An app that the key can see."""

    app_id: str
    name: str
    bundle_id: str


def seen_apps(client: AppStoreClient) -> tuple[SeenApp, ...]:
    """The apps that the key can see, at most 200: 1 request (row 1). Raises EdgeError."""
    doing = "listing the apps of the key"
    params: Params = (("fields[apps]", "name,bundleId"), ("limit", str(APPS_MAX)))
    data = client.look(doing, "/v1/apps", params).get("data")
    if not isinstance(data, list):
        raise Faulty(SERVICE, doing, "the answer is no list of apps", status=200)
    return tuple(_app(one) for one in data if isinstance(one, dict))


def may_read_reviews(client: AppStoreClient, app_id: str) -> bool:
    """Whether the role may read what customers write (row 12). Raises EdgeError."""
    return _allowed(client, "reading customer reviews", f"/v1/apps/{app_id}/customerReviews")


def may_read_analytics(client: AppStoreClient, app_id: str) -> bool:
    """Whether the role is one that sees analytics: Admin, Sales and Reports, or Finance (section 2). App Manager is
    none of them. Raises EdgeError."""
    return _allowed(client, "reading report requests", f"/v1/apps/{app_id}/analyticsReportRequests")


def _allowed(client: AppStoreClient, doing: str, path: str) -> bool:
    try:
        client.look(doing, path, (("limit", "1"),))
    except Denied as denied:
        if denied.status != 403 or not denied.detail.startswith(ROLE):
            raise
        return False
    return True


def _app(one: Mapping[str, Any]) -> SeenApp:
    about = one.get("attributes")
    told: Mapping[str, Any] = about if isinstance(about, dict) else {}
    return SeenApp(_text(one, "id"), _text(told, "name"), _text(told, "bundleId"))


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    return words(value) if isinstance(value, str) else ""
