"""Play's reporting API as far as it tells which apps an account can see (google-play.md section 8, apps:search)."""

from __future__ import annotations

from typing import Any

from stagedrollout.emulator import play_errors as no
from stagedrollout.emulator.credentials import REPORTING_SCOPE, Credentials
from stagedrollout.emulator.play_state import PlayApp
from stagedrollout.emulator.play_store import PlayStore
from stagedrollout.emulator.request import Reply
from stagedrollout.emulator.service import Call

PREFIX = "/v1beta1/"
OTHER_APPS = ("com.acme.payroll",)
"""What else an account sees that was invited to everything."""


class PlayReporting:
    """Answers requests under PREFIX."""

    name = "play_reporting"
    prefix = PREFIX
    writes = frozenset[str]()

    def __init__(self, store: PlayStore, credentials: Credentials) -> None:
        self._store = store
        self._credentials = credentials

    def operation(self, method: str, path: str) -> str:
        return "apps.search" if (method, path) == ("GET", f"{PREFIX}apps:search") else "unknown"

    def refusal(self, kind: str, status: int) -> Reply:
        return no.refused(kind, status)

    def answer(self, call: Call) -> Reply:
        try:
            self._check(call)
        except no.PlayError as refused:
            return Reply(refused.code, refused.document())
        if call.operation == "unknown":
            return Reply(404, text="<html><title>Error 404 (Not Found)!!1</title></html>")
        found = [_named(app) for app in self._store.apps]
        match self._store.switches().play_account:
            case "not_invited":
                found = []
            case "account_wide":
                found += [_document(package, "Another app") for package in OTHER_APPS]
        return Reply(document={"apps": found} if found else {})

    def _check(self, call: Call) -> None:
        holder = self._credentials.holder_of(call.request.bearer)
        if holder is None:
            raise no.unauthenticated()
        if REPORTING_SCOPE not in holder.scopes:
            raise no.insufficient_scope()
        if not self._store.switches().play_reporting_enabled:
            raise no.not_enabled("Google Play Developer Reporting API")


def _named(app: PlayApp) -> dict[str, Any]:
    return _document(app.package, app.name)


def _document(package: str, name: str) -> dict[str, Any]:
    return {"name": f"apps/{package}", "packageName": package, "displayName": name}
