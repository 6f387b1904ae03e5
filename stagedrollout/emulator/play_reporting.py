"""Play's reporting API: who may ask it, which apps an account can see (apps:search), and the vitals behind it
(google-play.md sections 2 and 8)."""

from __future__ import annotations

from typing import Any

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.clock import Timeline
from stagedrollout.emulator.credentials import REPORTING_SCOPE, Credentials
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.play_vitals import PREFIX, PlayVitals
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

NAME = "Google Play Developer Reporting API"
QUERIES_PER_SECOND = 10
OTHER_APPS = ("com.acme.payroll",)
"""What else an account sees that was invited to everything."""


class PlayReporting:
    """Answers requests under PREFIX."""

    name = "play_reporting"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(
        self, store: PlayStore, timeline: Timeline, credentials: Credentials, vitals: PlayVitals
    ) -> None:
        self._store = store
        self._timeline = timeline
        self._credentials = credentials
        self._vitals = vitals
        self._second = (0, 0)

    def operation(self, method: str, path: str) -> str:
        if (method, path) == ("GET", f"{PREFIX}apps:search"):
            return "apps.search"
        return self._vitals.operation(method, path)

    def refusal(self, kind: str, status: int) -> Reply:
        return no.not_enabled(NAME).reply() if kind == "403_api_disabled" else no.refused(kind, status)

    def answer(self, call: Call) -> Reply:
        try:
            self._check(call)
            if call.operation == "unknown":
                return Reply(404, text="<html><title>Error 404 (Not Found)!!1</title></html>")
            return self._search() if call.operation == "apps.search" else self._vitals.answer(call)
        except no.PlayError as refused:
            return Reply(refused.code, refused.document())

    def _search(self) -> Reply:
        found = [_named(app) for app in self._store.apps]
        match self._store.switches().play_account:
            case "not_invited":
                found = []
            case "account_wide":
                found += [_document(package, "Another app") for package in OTHER_APPS]
        return Reply(document={"apps": found} if found else {})

    def _check(self, call: Call) -> None:
        """Raises PlayError for whoever may not ask, or asks too often."""
        holder, switches = self._credentials.holder_of(call.request.bearer), self._store.switches()
        if holder is None:
            raise no.unauthenticated()
        if REPORTING_SCOPE not in holder.scopes:
            raise no.insufficient_scope()
        if not switches.play_reporting_enabled:
            raise no.not_enabled(NAME)
        if switches.vitals_rate_limit:
            second = int(self._timeline.now.timestamp())
            self._second = (second, self._second[1] + 1 if self._second[0] == second else 1)
            if self._second[1] > QUERIES_PER_SECOND:
                raise no.too_many_queries()


def _named(app: PlayApp) -> dict[str, Any]:
    return _document(app.package, app.name)


def _document(package: str, name: str) -> dict[str, Any]:
    return {"name": f"apps/{package}", "packageName": package, "displayName": name}
