"""What `init` asks: each question with its option, its default and the reader that the configuration has for it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Given = Mapping[str, str]
"""The answers so far, by the names of the questions; and what the `folder` is called."""

NO_STORE = "an app is in at least one store: name its package on Google Play, or its id on the App Store"


@dataclass(frozen=True, slots=True)
class Question:
    """`asked`: whether it is a question at all after those answers. `default`: None where nothing can be guessed.

    `kind`: the setting in config/fields.py whose reader judges the answer.
    """

    name: str
    words: str
    kind: str
    default: Callable[[Given], str | None]
    asked: Callable[[Given], bool] = lambda _given: True

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    def read(self, answer: str, given: Given) -> str:
        """The answer without the white space around it. Raises ValueError in words."""
        answer = answer.strip()
        if not answer and self.default(given) == "":
            if self.name == "app_store_id" and not given["package"]:
                raise ValueError(NO_STORE)
            return ""
        _reader(self.kind)(answer)
        return answer


def _always(answer: str) -> Callable[[Given], str]:
    return lambda _given: answer


def _none(_given: Given) -> None:
    """Nothing can be guessed."""


def _on_play(given: Given) -> bool:
    return bool(given["package"])


def _on_app_store(given: Given) -> bool:
    return bool(given["app_store_id"])


def _like_its_folder(given: Given) -> str | None:
    """The folder's name, as an app may be called; None where nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", given["folder"].lower()).strip("-")[:63]
    return name or None


QUESTIONS = (
    Question(
        "app",
        "What is the app called here (small letters, digits, dashes)",
        "AppName",
        _like_its_folder,
    ),
    Question("package", "Its package on Google Play (empty: not there)", "PackageName", _always("")),
    Question(
        "track", "The track whose releases are rolled out", "TrackName", _always("production"), _on_play
    ),
    Question(
        "app_store_id",
        "Its Apple ID on the App Store, a number (empty: not there)",
        "AppStoreId",
        _always(""),
    ),
    Question("bundle_id", "Its bundle id", "BundleId", lambda given: given["package"] or None, _on_app_store),
    Question("key_id", "The id of your App Store Connect API key", "KeyId", _none, _on_app_store),
    Question(
        "issuer_id",
        "The issuer id above the team keys (empty: individual key)",
        "IssuerId",
        _always(""),
        _on_app_store,
    ),
    Question(
        "sentry_url",
        "Sentry's address (region, or your own server)",
        "WebAddress",
        _always("https://sentry.io"),
    ),
    Question("sentry_organization", "The organization's slug in Sentry", "Slug", _none),
    Question(
        "sentry_android_project",
        "The Android app's project in Sentry",
        "Slug",
        lambda given: f"{given['app']}-android",
        _on_play,
    ),
    Question(
        "sentry_ios_project",
        "The iOS app's project in Sentry",
        "Slug",
        lambda given: f"{given['app']}-ios",
        _on_app_store,
    ),
    Question(
        "slack_channel",
        "The id of the Slack channel for notices (empty: to the log)",
        "ChannelId",
        _always(""),
    ),
    Question(
        "secrets", "Where the secrets are: file, env, or credential (systemd)", "SecretsIn", _always("file")
    ),
    Question("time_zone", "The time zone of your working hours", "TimeZone", lambda _given: machine_zone()),
)


@cache
def _reader(kind: str) -> Callable[[str], Any]:
    from stagedrollout.config import fields, starting  # noqa: PLC0415
    from stagedrollout.core.calendar import Calendar  # noqa: PLC0415

    if kind == "TimeZone":
        return lambda answer: Calendar(time_zone=answer)
    if kind == "SecretsIn":
        return lambda answer: starting.SecretsIn(answer) if answer in _PLACES else _refuse_place()
    read: Callable[[str], Any] = getattr(fields, kind).__metadata__[0].read
    return read


_PLACES = ("file", "env", "credential")


def _refuse_place() -> None:
    raise ValueError(f"write one of: {', '.join(_PLACES)}")


def machine_zone() -> str:
    """The machine's own time zone by its name; UTC where it has none."""
    from stagedrollout.core.calendar import Calendar  # noqa: PLC0415

    for name in (os.environ.get("TZ", ""), _written_zone(), _linked_zone()):
        try:
            return Calendar(time_zone=name.lstrip(":")).time_zone
        except ValueError:
            continue
    return "UTC"


def _written_zone() -> str:
    try:
        return Path("/etc/timezone").read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""


def _linked_zone() -> str:
    return os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
