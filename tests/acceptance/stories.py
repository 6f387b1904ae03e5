"""Scenario files for the acceptance tests: copies of shipped ones with changes, and one short story.

The short story is told under the policy `hotfix`: rolled out at 10 % after 1 h, live after 2 h, due for 50 % after
6 h and for everyone some 8 h later, at any hour of the day. With 4 million users evidence is never what it waits for.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "stagedrollout" / "emulator" / "scenarios"

Story = dict[str, Any]

_SHORT: Story = {
    "name": "short",
    "story": "A small repair that reaches everyone within a day.",
    "seed": 7,
    "start": "2026-03-02T06:00:00Z",
    "until": "20h",
    "poll": "30m",
    "policy": "hotfix",
    "mode": "act",
    "on_new_release": "adopt",
    "apps": [
        {
            "name": "acme",
            "store": "google_play",
            "package": "com.acme.app",
            "track": "production",
            "population": 4_000_000,
            "sessions_per_user": 4,
            "uptake_hours": 12,
            "releases": [
                {"version": "5.1.0", "code": 5010, "crash_free": 99.8},
                {
                    "version": "5.2.0",
                    "code": 5020,
                    "crash_free": 99.8,
                    "rolled_out": {"at": "1h", "percent": 10, "review": "1h"},
                },
            ],
        }
    ],
}


def short(**changes: Any) -> Story:
    """The short story, with other values at its top."""
    return {**copy.deepcopy(_SHORT), **changes}


def draft(**changes: Any) -> Story:
    """The short story in which nobody has rolled the new release out."""
    story = short(**changes)
    del newest(story)["rolled_out"]
    return story


def ios(**changes: Any) -> Story:
    """The same app on the App Store under `standard`: live after 4 h (Monday 10:00) and paused at once; the first
    window opens after 10 h, when the bake of 6 h is over."""
    story = short(**{"policy": "standard", "until": "5d", **changes})
    app = story["apps"][0]
    del app["track"]
    app |= {"store": "app_store", "app_id": "6448311069"}
    newest(story)["rolled_out"] = {"at": "1h", "review": "3h"}
    return story


def shipped(name: str) -> Story:
    """A copy of a shipped scenario without what it expects of its end."""
    story = YAML(typ="safe", pure=True).load((SHIPPED / f"{name}.yaml").read_text("utf-8"))
    del story["expect"]
    story["start"] = story["start"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return dict(story)


def newest(story: Story) -> dict[str, Any]:
    """The release that the story is about."""
    release: dict[str, Any] = story["apps"][0]["releases"][-1]
    return release


def turns_bad(story: Story, *, at: str, crash_free: float = 90.0) -> Story:
    newest(story)["onset"] = {"at": at, "crash_free": crash_free}
    return story


def write(story: Story, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "story.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(story, file)
    return path
