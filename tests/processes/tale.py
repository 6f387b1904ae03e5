"""The story in which the daemon is killed: both stores, raises, a halt on evidence and a person's halt.

Four apps, so that each life has work in all of them: `acme` on Google Play is well and goes to everyone, `shop` there
turns bad while it is watched, `news` on the App Store is well and takes Apple's steps, and `tv` is halted by a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance.stories import Story

POLICY = Path(__file__).with_name("policies") / "brisk.yaml"
HOURS = 34
"""From Monday morning until Apple has taken its first step, and a last day's quiet for what was left undone."""

HEALTHY, BAD = 99.8, 90.0
STORES = ("google_play", "app_store")


@dataclass(frozen=True, slots=True)
class Tale:
    """`halted_at`: hours after the beginning at which a person halts `tv`, which is on `halted_on`."""

    story: Story
    halted_at: float
    halted_on: str


def tale(draw: Random) -> Tale:
    place = draw.choice(STORES)
    apps = [
        _on_google_play("acme"),
        _on_google_play("shop", turns_bad_at=draw.uniform(3, 10)),
        _on_app_store("news"),
        _on_google_play("tv") if place == "google_play" else _on_app_store("tv"),
    ]
    story: Story = {
        "name": "killed",
        "story": "A daemon that dies again and again.",
        "seed": draw.randrange(10_000),
        "start": "2026-03-02T06:00:00Z",
        "until": f"{HOURS}h",
        "poll": "1h",
        "policy": str(POLICY),
        "mode": "act",
        "on_new_release": "adopt",
        "apps": apps,
    }
    return Tale(story, halted_at=draw.uniform(5, 11), halted_on=place)


def _on_google_play(name: str, turns_bad_at: float | None = None) -> dict[str, Any]:
    newest: dict[str, Any] = {
        "version": "5.2.0",
        "code": 5020,
        "crash_free": HEALTHY,
        "rolled_out": {"at": "1h", "percent": 10, "review": "1h"},
    }
    if turns_bad_at is not None:
        newest["onset"] = {"at": f"{int(turns_bad_at * 60)}m", "crash_free": BAD}
    return {**_app(name, newest), "store": "google_play", "track": "production"}


def _on_app_store(name: str) -> dict[str, Any]:
    newest = {
        "version": "5.2.0",
        "code": 5020,
        "crash_free": HEALTHY,
        "rolled_out": {"at": "1h", "review": "1h"},
    }
    number = 6448311069 + sum(map(ord, name))
    return {**_app(name, newest), "store": "app_store", "app_id": str(number)}


def _app(name: str, newest: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "package": f"com.example.{name}",
        "population": 2_000_000,
        "sessions_per_user": 4,
        "uptake_hours": 4,
        "releases": [{"version": "5.1.0", "code": 5010, "crash_free": HEALTHY}, newest],
    }
