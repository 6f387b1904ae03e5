"""The hand-written story on both stores: 5.2.0 on the App Store, as in apple_story.py, and on Google Play."""

from __future__ import annotations

from typing import Any

from tests.judge.apple_story import PLACE, AppleStory
from tests.judge.checks.chain import chain_hash
from tests.judge.story import Raw, at

LINKED: Raw = {
    "apps": [{"name": "acme", "store": "google_play", "link": {"lead": "google_play", "after": 20}}]
}
_PLAY = {"app": "acme", "store": "google_play", "package": "com.acme.app", "track": "production"}
_ANDROID = "acme/google_play/5020"


class LinkedStory(AppleStory):
    """`scenario` {} leaves the link out."""

    def __init__(self, *, scenario: Raw | None = None, **how: Any) -> None:
        self.android: Raw = {
            "name": "5.2.0",
            "versionCodes": ["5020"],
            "status": "inProgress",
            "userFraction": 0.01,
        }
        super().__init__(scenario=LINKED if scenario is None else scenario, **how)
        self.ledger[0]["apps"] = [PLACE | {"track": ""}, _PLAY]
        self._android_served(4, "inProgress", 10_000)

    def writes(self, hour: float, kind: str, **body: Any) -> None:
        """Each rollout has a chain of its own."""
        before = [entry for entry in self.journal if entry["rollout"] == self.rollout]
        prev = before[-1]["hash"] if before else "0" * 64
        entry = {"seq": len(self.journal) + 1, "rollout": self.rollout, "at": at(hour), "kind": kind}
        entry |= {"body": body, "prev": prev}
        self.journal.append(entry | {"hash": chain_hash(entry)})

    def android_raised(self, hour: float, exposure_ppm: int, *, by_order: bool = False) -> None:
        command = self._of_android(lambda: self.orders(hour, "advance")) if by_order else ""
        self._of_android(lambda: self.decides(hour, "ADVANCE", exposure_ppm, command, verb="raise"))
        self._android(hour, "inProgress", exposure_ppm)

    def android_halted(self, hour: float, *, in_console: bool = False, again: bool = False) -> None:
        if not in_console:
            because = "not_halted" if again else ""
            self._of_android(lambda: self.decides(hour, "HALT", verb="halt", because=because))
        if not again:
            self._android(hour, "halted", 0, cause="console" if in_console else "api")

    def android_lowered_in_console(self, hour: float, exposure_ppm: int) -> None:
        self._android(hour, "inProgress", exposure_ppm, cause="console")

    def android_found(self, hour: float) -> None:
        self._of_android(lambda: self.writes(hour, "discovered", status="in_progress"))

    def android_resumed_in_console(self, hour: float) -> None:
        self._android(hour, "inProgress", 30_000, cause="console")

    def android_notices(self, hour: float) -> None:
        """Its journal tells of that, in a pass that began at `hour`."""
        self._of_android(lambda: self.writes(hour, "drifted", meaning="resumed", before={}, after={}))

    def android_resumed(self, hour: float) -> None:
        command = self._of_android(lambda: self.orders(hour, "resume"))
        self._of_android(lambda: self.decides(hour, "RESUME", 200_000, command, verb="resume"))
        self._android(hour, "inProgress", 200_000)

    def _of_android(self, tell: Any) -> Any:
        """What is written down meanwhile is Android's."""
        mine, self.rollout = self.rollout, _ANDROID
        try:
            return tell()
        finally:
            self.rollout = mine

    def _android(self, hour: float, status: str, exposure_ppm: int, cause: str = "api") -> None:
        before = self.android
        self.android = before | {"status": status, "userFraction": exposure_ppm / 1_000_000}
        path = "/androidpublisher/v3/applications/com.acme.app/edits/1:commit"
        request = self.requested(hour, "google_play", path) if cause == "api" else None
        changed = {"before": [before], "after": [self.android], "cause": cause, "request": request}
        self._ledger(hour, "track", account="bot@acme.iam.gserviceaccount.com", **_PLAY, **changed)
        self._android_served(hour, status, exposure_ppm, request=request, cause=cause)

    def _android_served(self, hour: float, status: str, exposure_ppm: int, **who: Any) -> None:
        named = {"release": "5.2.0", "release_id": "5020", "version_code": 5020}
        facts = {"status": status, "exposure_ppm": exposure_ppm, "review": "PUBLISHED", "cause": "api"}
        self._ledger(hour, "served", **_PLAY, **named, **({"request": None} | facts | who))
