"""People in App Store Connect's web pages: they may do what the API may, and a few things more.

They cannot set a percent either: Apple's ramp is the only one (app-store-connect.md section 1).
"""

from __future__ import annotations

from collections.abc import Callable

from stagedrollout.emulator.appstore_state import ACTIVE, COMPLETE, PAUSED, PENDING, AppStoreApp, Version
from stagedrollout.emulator.appstore_store import AppStoreStore
from stagedrollout.emulator.author import Author
from stagedrollout.emulator.errors import CannotAct
from stagedrollout.emulator.ledger import Ledger
from stagedrollout.emulator.scenario import APP_STORE, Act

CONSOLE = Author("console", "console")
_FROM = {"pause": (ACTIVE,), "resume": (PAUSED,), "complete": (ACTIVE, PAUSED)}
_TO = {"pause": PAUSED, "resume": ACTIVE, "complete": COMPLETE}
Deed = Callable[[], None]


class AppStoreConsole:
    """Acts on the App Store's apps by their name in the scenario."""

    def __init__(self, store: AppStoreStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def act(self, act: Act) -> None:
        """Do it. Raises CannotAct, with nothing changed, where the store's state does not allow it."""
        app = self._store.app_named(act.app)
        if app is None:
            raise CannotAct(f"there is no app {act.app!r} on the App Store")
        deed = self._deed(app, act)
        facts = {"release": act.version, "version_code": act.code}
        told = {name: value for name, value in facts.items() if value is not None}
        self._ledger.add("console", app=app.name, store=APP_STORE, act=act.act, **told)
        deed()

    def _deed(self, app: AppStoreApp, act: Act) -> Deed:
        """What is to be done, once it is known to be possible."""
        if app.removed:
            raise CannotAct("the app was removed from sale")
        match act.act:
            case "new_release":
                return self._new_release(app, act)
            case "remove_from_sale":
                return lambda: self._store.remove_from_sale(app, CONSOLE)
            case "release":
                waiting = next((one for one in app.versions if one.state == PENDING), None)
                version = _there(waiting, "no version waits for its release")
                return lambda: self._store.release(app, version, CONSOLE)
            case "pause" | "resume" | "complete":
                return self._turn(app, act.act)
            case _:
                raise CannotAct(f"nobody can {act.act} on the App Store")

    def _turn(self, app: AppStoreApp, act: str) -> Deed:
        version = _there(app.live, "no version is out")
        if version.phased is None or version.phased.state not in _FROM[act]:
            raise CannotAct(f"there is no phased release to {act}")
        return lambda: self._store.ramp.turn(app, version, _TO[act], CONSOLE)

    def _new_release(self, app: AppStoreApp, act: Act) -> Deed:
        """It goes live at once, as if its review were over already."""
        name, code, crash_free = act.version, act.code, act.crash_free_ppm
        if name is None or code is None or crash_free is None:
            raise CannotAct("a new release needs version, code and crash_free")
        if app.version(name) is not None or code in self._store.crowd(app).codes:
            raise CannotAct(f"version {name} or build {code} is already used")

        def do() -> None:
            self._store.crowd(app).know(code, name, crash_free)
            version = self._store.add_version(app, name, code)
            self._store.plan_phases(app, version, CONSOLE)
            self._store.go_live(app, version, CONSOLE, shown_as=CONSOLE)

        return do


def _there(version: Version | None, otherwise: str) -> Version:
    if version is None:
        raise CannotAct(otherwise)
    return version
