"""Reading what people do in the consoles: from a scenario's `people`, or from the control door.

An act names its `store` where the app is on both; without it Google Play is meant if the app is there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from stagedrollout.emulator.scenario import (
    APP_STORE,
    GOOGLE_PLAY,
    PPM,
    STORES,
    Act,
    AppStory,
    PlannedAct,
    usual_store,
)
from stagedrollout.emulator.yaml_section import Section, duration, one_of, percent_ppm, text, whole

ACTS = {
    GOOGLE_PLAY: (
        "halt",
        "raise",
        "lower",
        "complete",
        "resume",
        "new_release",
        "new_draft",
        "roll_out",
        "publish",
        "send_for_review",
        "reject",
    ),
    APP_STORE: ("pause", "resume", "complete", "new_release", "release", "remove_from_sale"),
}
_WITH_PERCENT = {(GOOGLE_PLAY, act) for act in ("raise", "lower", "resume", "new_release", "roll_out")}


def read_planned(section: Section, apps: tuple[AppStory, ...]) -> PlannedAct:
    """One entry of `people`."""
    at = section.get("at", duration, timedelta(0))
    return PlannedAct(at, act_from(section, lambda app: usual_store(apps, app)))


def act_from(section: Section, store_of: Callable[[str], str]) -> Act:
    """One act in a console; `store_of` knows where an app is when the act does not say."""
    app = section.get("app", text, "")
    usual = store_of(app)
    store = section.get("store", one_of(*STORES), usual, default=usual)
    act = section.get("act", one_of(*ACTS[store]), ACTS[store][0])
    new = act in ("new_release", "new_draft")
    read = Act(
        app=app,
        act=act,
        exposure_ppm=section.get("percent", percent_ppm, PPM) if (store, act) in _WITH_PERCENT else None,
        version=section.get("version", text, "") if new else None,
        code=section.get("code", whole(1), 1) if new or act == "roll_out" else None,
        crash_free_ppm=section.get("crash_free", percent_ppm, PPM) if new else None,
        store=store,
    )
    section.done()
    return read
