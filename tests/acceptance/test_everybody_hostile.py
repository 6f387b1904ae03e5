"""Every service hostile at the same time, in turn in every way, but for the one store and the one evidence that the
failing release needs: it is halted in time, and the daemon grows by nothing (R22)."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.hostile import NASTY, Asked, Between, InTurn, Script
from tests.acceptance.processes import eventually
from tests.acceptance.stage import Stage
from tests.acceptance.stories import ios, short, turns_bad

pytestmark = pytest.mark.promise("R22")

MEBIBYTES = 1024 * 1024
GROWTH_MAX = 100 * MEBIBYTES
THREADS_MAX = 60
STATE_MAX = 8 * MEBIBYTES
BAD, OTHER = "com.acme.app", "com.other.app"


def three_apps() -> dict:
    """`acme` turns bad on Google Play; `other` and the iOS app are there to be in its way."""
    story = turns_bad(short(until="10h"), at="3h")
    (other,) = short()["apps"]
    other |= {"name": "other", "package": OTHER}
    (phone,) = ios()["apps"]
    phone |= {"name": "phone", "package": "com.phone.app"}
    story["apps"] += [other, phone]
    return story


class ButForOne:
    """Hostile, once it is told to be, to everything that is not the failing release's."""

    def __init__(self) -> None:
        self.hostile = False
        self._in_turn = InTurn()

    def __call__(self, asked: Asked) -> Script | None:
        if not self.hostile or "/_emulator/" in asked.path or self._needed(asked):
            return None
        return self._in_turn()

    def _needed(self, asked: Asked) -> bool:
        store = f"/applications/{BAD}/" in asked.path and "/reviews" not in asked.path
        evidence = "/sessions/" in asked.path and not re.search("project=[^&]*(other|phone)", asked.path)
        return store or evidence or asked.path.startswith("/oauth2/")


def behind(stage: Stage, between: Between) -> None:
    def change(config) -> None:
        url = between.url
        for key in ("endpoint", "reporting_endpoint", "storage_endpoint"):
            config["google_play"][key] = url
        config["app_store"] |= {"endpoint": url, "lookup_endpoint": url}
        config["sentry"]["url"] = url
        config["slack"]["endpoint"] = f"{url}/slack/api/"
        config["limits"] = {"http_timeout": "1s", "pass_deadline": "10s"}
        for app in config["apps"]:
            if "app_store" in app:
                app["app_store"]["countries"] = ["us", "de"]

    stage.edits_config(change)
    dsn = stage.conf / "secrets" / "sentry-dsn"
    dsn.write_text(re.sub(r"@[^/]+", "@" + between.url.removeprefix("http://"), dsn.read_text()))


def status_of(stage: Stage, name: str) -> int:
    """A figure that Linux keeps of the daemon; memory in bytes."""
    told = Path(f"/proc/{stage.daemon.pid}/status").read_text()
    value, unit = re.findall(rf"^{name}:\s+(\d+)( kB)?", told, re.MULTILINE)[0]
    return int(value) * (1024 if unit else 1)


def halted(stage: Stage) -> set[str]:
    """The apps whose new release is halted, as people really get it."""
    new = [record for record in stage.ledger("served") if record["release"] == "5.2.0"]
    return {app for app, status in {r["app"]: r["status"] for r in new}.items() if status == "halted"}


def test_the_failing_release_is_halted_in_time_although_everybody_else_is_hostile(opens):
    with ExitStack() as stack:
        stage = opens(three_apps())
        behave = ButForOne()
        between = Between(stage._url, behave)
        stack.callback(between.close)
        behind(stage, between)
        stage.stops_at("3h")
        stage.starts_daemon()
        stage.plays_to("3h")
        before = status_of(stage, "VmRSS")
        behave.hostile = True
        stage.stops_at("4h 15m")  # where a halt is done when nobody is hostile
        eventually(lambda: halted(stage) == {"acme"}, within=80, what="the halt")
        stage.stops_at("6h")
        eventually(lambda: min(between.met[nasty.__name__] for nasty in NASTY) >= 4, within=60, what="more")
        grown = status_of(stage, "VmHWM") - before
        assert grown < GROWTH_MAX
        assert status_of(stage, "Threads") < THREADS_MAX
        assert sum(file.stat().st_size for file in (stage.conf / "state").iterdir()) < STATE_MAX
        assert len(stage.daemon.said) < MEBIBYTES
        assert {row["release"] for row in stage.status()["rollouts"]}
        stage.daemon.asked_to_stop()
        assert stage.daemon.ended(within=40) == 0
