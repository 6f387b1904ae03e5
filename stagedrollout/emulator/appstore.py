"""App Store Connect's API: apps, versions, phased releases, release requests and availability.

The rows of app-store-connect.md section 4 that a release daemon needs. Reviews are answered by whoever was
given to the constructor; every other path of Apple's is unknown here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from stagedrollout.emulator import appstore_errors as no
from stagedrollout.emulator.appstore_access import RateLimit, Tokens, check_role
from stagedrollout.emulator.appstore_availability import (
    AVAILABILITIES,
    AVAILABILITY_TAKES,
    TERRITORIES_TAKE,
    availability,
    territories,
)
from stagedrollout.emulator.appstore_documents import APPS, PHASED, VERSIONS, Writer
from stagedrollout.emulator.appstore_operations import (
    ANALYTICS_TAKE,
    APP_TAKES,
    APPS_TAKE,
    BUILD_TAKES,
    PHASED_TAKES,
    VERSION_TAKES,
    VERSIONS_TAKE,
    WRITES,
    operation,
)
from stagedrollout.emulator.appstore_query import Asked, Parameters, read_asked
from stagedrollout.emulator.appstore_state import AppStoreApp, Version
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.appstore_writes import Writes
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call


class CustomerReviews(Protocol):
    """Answers a list of reviews of `app` (its id), of one version or of all; `path` is the whole URL."""

    def __call__(
        self, query: Mapping[str, list[str]], *, app: str, version: str | None, path: str
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """One GET: the call, and the id in its path."""

    call: Call
    name: str


class AppStore:
    """Answers requests under /v1/ and /v2/. `wall` is real time in seconds since 1970."""

    name = "app_store"
    prefix = ("/v1/", "/v2/")
    writes = WRITES

    def __init__(
        self,
        store: AppStoreStore,
        tokens: Tokens,
        *,
        customer_reviews: CustomerReviews | None = None,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._limit = RateLimit(store.timeline, store.switches)
        self._customer_reviews = customer_reviews
        changes = Writes(store)
        self._writes: dict[str, Callable[[Call, Writer, str], Reply]] = {
            "versions.update": changes.update_version,
            "phased.create": lambda call, writer, _: changes.create_phased(call, writer),
            "phased.update": changes.update_phased,
            "phased.delete": changes.delete_phased,
            "release.request": lambda call, writer, _: changes.request_release(call, writer),
            "territories.update": changes.update_territory,
        }
        self._reads: dict[str, Callable[[_Look], Reply]] = {
            "apps.list": self._apps,
            "apps.get": self._app,
            "versions.list": self._versions,
            "versions.get": self._version,
            "builds.get": self._build,
            "phased.get": self._phased,
            "analytics.list": self._analytics,
            "availability.get": self._availability,
            "territories.list": self._territories,
            "customer_reviews.app": self._reviews_of_app,
            "customer_reviews.version": self._reviews_of_version,
        }

    def operation(self, method: str, path: str) -> str:
        return operation(method, _parts(path))

    def refusal(self, kind: str, status: int) -> Reply:
        said = no.refused(kind, status)
        if isinstance(said, Reply):
            return said
        document = said.document(with_detail=self._store.switches().app_store_error_detail)
        return self._with_limit(Reply(said.status, document), None)

    def answer(self, call: Call) -> Reply:
        writes = call.operation in self.writes
        if call.trouble == "504":
            return no.gateway_timeout(applied=False if writes else None)
        key = None
        try:
            key = self._tokens.key_of(call.request.bearer)
            self._limit.take(key)
            reply = self._done(call)
        except no.AppStoreError as refused:
            detail = self._store.switches().app_store_error_detail and call.trouble != "no_detail"
            document = refused.document(with_detail=detail)
            reply = Reply(refused.status, document, applied=False if writes else None)
        if call.trouble == "504_after" and reply.applied:
            return no.gateway_timeout(applied=True)
        return self._with_limit(reply, key)

    def _done(self, call: Call) -> Reply:
        _refuse_by_fault(call, writes=call.operation in self.writes)
        check_role(call.operation, self._store.switches(), writes=call.operation in self.writes)
        parts = _parts(call.request.path)
        name = parts[2] if len(parts) > 2 else ""
        if call.operation in self._writes:
            return self._writes[call.operation](call, self._writer(call, Asked()), name)
        if call.operation in self._reads:
            return self._reads[call.operation](_Look(call, name))
        raise no.no_such_path("/".join(parts))

    def _with_limit(self, reply: Reply, key: str | None) -> Reply:
        told = self._limit.header(key, spent=reply.status == 429)
        return Reply(reply.status, reply.document, reply.text, {**reply.headers, **told}, reply.applied)

    def _writer(self, call: Call, asked: Asked) -> Writer:
        switches = self._store.switches()
        return Writer(
            call.request,
            asked,
            self._store.timeline.now,
            sparse=switches.app_store_sparse,
            odd=call.trouble,
            removal_told=switches.removal_in_old_state,
            slow_removal=switches.removal_takes_a_day,
        )

    def _reader(self, look: _Look, takes: Parameters) -> Writer:
        return self._writer(look.call, read_asked(look.call.request.query, takes))

    def _found_app(self, look: _Look, kind: str = APPS) -> AppStoreApp:
        app = self._store.app(look.name)
        if app is None:
            raise no.not_found(kind, look.name)
        return app

    def _found_version(self, look: _Look) -> tuple[AppStoreApp, Version]:
        found = self._store.find_version(look.name)
        if found is None:
            raise no.not_found(VERSIONS, look.name)
        return found

    def _apps(self, look: _Look) -> Reply:
        writer = self._reader(look, APPS_TAKE)
        asked = writer.asked
        found = [app for app in self._store.apps if self._is_wanted(app, asked)]
        for sort in reversed(asked.sort):
            by_name = sort.endswith("name")
            found.sort(key=lambda app: app.name if by_name else app.bundle_id, reverse=sort[0] == "-")
        page = found[asked.offset : asked.offset + asked.limit]
        return Reply(document=writer.page([writer.app(app) for app in page], [], len(found)))

    def _is_wanted(self, app: AppStoreApp, asked: Asked) -> bool:
        bundles = asked.filters.get("bundleId", (app.bundle_id,))
        exact = self._store.switches().bundle_filter_exact
        fits = app.bundle_id in bundles or (not exact and app.bundle_id.startswith(bundles))
        sku = asked.wants("sku", app.bundle_id.upper())
        return fits and sku and asked.wants("id", app.id) and asked.wants("name", app.name)

    def _app(self, look: _Look) -> Reply:
        writer = self._reader(look, APP_TAKES)
        return Reply(document=writer.one(writer.app(self._found_app(look))))

    def _versions(self, look: _Look) -> Reply:
        """Newest first; the order is not documented, and no `sort` is taken."""
        writer, app = self._reader(look, VERSIONS_TAKE), self._found_app(look)
        asked = writer.asked
        found = [
            version
            for version in app.versions
            if asked.wants("platform", "IOS")
            and asked.wants("versionString", version.version)
            and asked.wants("appVersionState", version.state)
            and asked.wants("appStoreState", app.old_state(version, removal_told=writer.removal_told))
            and asked.wants("id", version.id)
        ]
        page = found[asked.offset : asked.offset + asked.limit]
        included = {
            (resource["type"], resource["id"]): resource
            for version in page
            for resource in writer.included(app, version)
        }
        data = [writer.version(app, version) for version in page]
        document = writer.page(data, list(included.values()), len(found))
        days = _DAYS_ON.get(
            look.call.trouble, 0
        )  # right after this answer, while whoever asked decides on it
        if app.live and days:
            self._store.ramp.step_now(app, app.live, days)
        return Reply(document=document)

    def _version(self, look: _Look) -> Reply:
        writer, (app, version) = self._reader(look, VERSION_TAKES), self._found_version(look)
        return Reply(document=writer.one(writer.version(app, version), writer.included(app, version)))

    def _build(self, look: _Look) -> Reply:
        writer, (_, version) = self._reader(look, BUILD_TAKES), self._found_version(look)
        return Reply(document=writer.one(writer.build(version)))

    def _phased(self, look: _Look) -> Reply:
        writer, (_, version) = self._reader(look, PHASED_TAKES), self._found_version(look)
        if version.phased is not None:
            return Reply(document=writer.one(writer.phased(version.phased)))
        if self._store.switches().phased_missing == "404":
            raise no.not_found(PHASED, version.id)
        return Reply(document=writer.one(None))

    def _analytics(self, look: _Look) -> Reply:
        """Nobody has ever requested a report here; who may look is what there is to learn (section 2)."""
        writer, _ = self._reader(look, ANALYTICS_TAKE), self._found_app(look)
        return Reply(document=writer.page([], [], 0))

    def _availability(self, look: _Look) -> Reply:
        return Reply(document=availability(self._reader(look, AVAILABILITY_TAKES), self._found_app(look)))

    def _territories(self, look: _Look) -> Reply:
        writer = self._reader(look, TERRITORIES_TAKE)
        return Reply(document=territories(writer, self._found_app(look, AVAILABILITIES)))

    def _reviews_of_app(self, look: _Look) -> Reply:
        return self._reviews(look, self._found_app(look), None)

    def _reviews_of_version(self, look: _Look) -> Reply:
        app, version = self._found_version(look)
        return self._reviews(look, app, version.version)

    def _reviews(self, look: _Look, app: AppStoreApp, version: str | None) -> Reply:
        request, writer = look.call.request, self._writer(look.call, Asked())
        if self._customer_reviews is None:
            return Reply(document=writer.page([], [], 0))
        path = writer.root + request.path
        return self._customer_reviews(request.query, app=app.id, version=version, path=path)


_DAYS_ON = {"steps_now": 1, "day_jumps": 2}


def _refuse_by_fault(call: Call, *, writes: bool) -> None:
    """Faults that are Apple's own words and not those of every service."""
    match call.trouble:
        case "agreement":
            raise no.agreement_missing()
        case "agreement_older":
            raise no.agreement_missing_as_told_before()
        case "membership":
            raise no.no_membership()
        case "no_detail":
            raise no.in_conflict() if writes else no.forbidden()
        case _:
            return


def _parts(path: str) -> list[str]:
    return [unquote(part) for part in path.strip("/").split("/")]
