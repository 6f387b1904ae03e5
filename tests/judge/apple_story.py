"""The hand-written story on the App Store: 5.2.0 goes live in phases at hour 4, is adopted, and is paused.

As in story.py, everything happens at once, as on a good day, unless a test tells it piece by piece.
"""

from __future__ import annotations

from typing import Any

from tests.judge.phases import SHARES_PPM
from tests.judge.story import Raw, Story, at
from tests.judge.terms import PPM_ALL

LIVE = "READY_FOR_DISTRIBUTION"
PLACE = {"app": "acme", "store": "app_store", "package": "com.acme.app", "app_id": "644"}
NAMED = {"release": "5.2.0", "release_id": "5.2.0"}
GUARDED = {"app_store": {"mode": "guarded", "bake": "6h", "min_sample": 100}}
FOLLOWING = {"app_store": {"mode": "follow"}, "completion": "automatic"}
_VERB_TO = {"step": "ACTIVE", "resume": "ACTIVE", "pause": "PAUSED", "halt": "PAUSED", "complete": "COMPLETE"}
_CONSOLE_TO = {"pause": "PAUSED", "resume": "ACTIVE", "complete": "COMPLETE"}


class AppleStory(Story):
    rollout = "acme/app_store/5.2.0"
    candidate = "com.acme.app@5.2.0+33417"
    project = "acme-ios"

    def __init__(self, *, policy: Raw | None = None, **how: Any) -> None:
        self.state, self.day = "INACTIVE", 0
        super().__init__(policy=GUARDED | (policy or {}), **how)

    def _begin(self, until: float, choice: str) -> None:
        played = {"name": "test", "policy": "standard", "poll_seconds": 1800, "apps": [PLACE]}
        self._ledger(0, "scenario", start=at(0), until=at(until), **played)
        self._served_old(0, "COMPLETE", PPM_ALL, cause="start")
        self._phased(1, {"state": None, "day": None}, "WAITING_FOR_REVIEW", cause="api")
        self._served_now(1, "WAITING_FOR_REVIEW", cause="api")
        found = {"status": "draft", "review": "in_review", "exposure_ppm": 0}
        self.writes(1.5, "discovered", policy="standard", choice=choice, **found)
        before = self._view()
        self.state, self.day = "ACTIVE", 1
        self._served_old(4, "REPLACED", 0, cause="store")
        self._phased(4, before, LIVE, cause="api")
        self._served_now(4, LIVE, cause="store")
        if choice == "adopt":
            self.writes(
                4, "started", actor={"kind": "machine", "name": "stagedrollout"}, policy="", reason=""
            )

    # What the store, Apple and the people did

    def turns(self, hour: float, state: str, *, cause: str = "api", request: int | None = None) -> None:
        """The phased release is in `state` from now on, on the same day."""
        before, self.state = self._view(), state
        self._phased(hour, before, LIVE, cause=cause, request=request)
        self._served_now(hour, LIVE, cause=cause, request=request)

    def apple(self, hour: float) -> None:
        """Apple takes its daily step."""
        before = self._view()
        self.day += 1
        self._phased(hour, before, LIVE, cause="apple")
        self._served_now(hour, LIVE, cause="apple")

    def replaced(self, hour: float) -> None:
        """A newer version has its place."""
        before, self.state, self.day = self._view(), "REPLACED", 0
        self._phased(hour, before, "REPLACED_WITH_NEW_VERSION", cause="store")
        self._served_now(hour, "REPLACED_WITH_NEW_VERSION", cause="store")

    def removed(self, hour: float) -> None:
        """The app is on sale nowhere any more, and the version's own state stays as it was."""
        facts = {"status": self.state, "exposure_ppm": 0, "review": LIVE, "track": "", "cause": "console"}
        self._ledger(hour, "served", **PLACE, **NAMED, **facts, version_code=33417, request=None)

    def person(self, hour: float, act: str, *, noticed: str = "") -> None:
        """Somebody clicks in App Store Connect; `noticed` is what the journal then calls it."""
        self.turns(hour, _CONSOLE_TO[act], cause="console")
        if noticed:
            self.writes(hour + 0.1, "drifted", meaning=noticed, before={}, after={})

    def _phased(self, hour: float, before: Raw, version_state: str, **who: Any) -> None:
        old = {"version_state": version_state} | before
        now = self._view() | {"version_state": version_state}
        facts = {"before": old, "after": now, "account": "", "request": None} | who
        self._ledger(hour, "phased", **PLACE, **NAMED, **facts)

    def _view(self) -> Raw:
        return {"state": self.state, "day": self.day}

    def _served_now(self, hour: float, review: str, **who: Any) -> None:
        share = SHARES_PPM[self.day - 1] if self.day else 0
        exposure_ppm = PPM_ALL if self.state == "COMPLETE" else share
        facts = {"status": self.state, "exposure_ppm": exposure_ppm, "review": review, "track": ""}
        told = facts | {"version_code": 33417, "request": None} | who
        self._ledger(hour, "served", **PLACE, **NAMED, **told)

    def _served_old(self, hour: float, status: str, exposure_ppm: int, *, cause: str) -> None:
        old = {"release": "5.1.0", "release_id": "5.1.0", "version_code": 33310, "track": "", "request": None}
        facts = {"status": status, "exposure_ppm": exposure_ppm, "review": LIVE, "cause": cause}
        self._ledger(hour, "served", **PLACE, **old, **facts)

    # What the daemon did

    def asks(self, hour: float, **how: Any) -> None:
        """A pass looks at the store first."""
        self.looks(hour)
        super().asks(hour, **how)

    def looks(self, hour: float) -> None:
        self.requested(hour, "app_store", "/v1/apps/644/appStoreVersions", method="GET")

    def does(self, hour: float, verb: str, decision: str, *, command: str = "", because: str = "") -> None:
        """Decide, ask, and be served."""
        target = self.next_ppm if verb == "step" else self.exposure_ppm
        wanted = PPM_ALL if verb == "complete" else target
        self.decides(hour, decision, wanted, command, verb=verb, because=because)
        self.asks_apple(hour, verb)

    def asks_apple(self, hour: float, verb: str, *, sent_at: float | None = None) -> None:
        """Send the request, and have it applied at `hour`; what changes nothing is refused."""
        same = self.state == _VERB_TO[verb]
        request = self.patches(hour if sent_at is None else sent_at, status=409 if same else 200)
        if not same:
            self.turns(hour, _VERB_TO[verb], request=request)

    def patches(self, hour: float, **how: Any) -> int:
        path = "/v1/appStoreVersionPhasedReleases/1"
        return self.requested(hour, "app_store", path, method="PATCH", **how)

    def steps(self, hour: float, command: str = "", *, because: str = "") -> None:
        self.does(hour, "step", "ADVANCE", command=command, because=because)

    def pauses(self, hour: float, decision: str = "WAIT") -> None:
        self.does(hour, "pause", decision)

    def halts(self, hour: float) -> None:
        self.does(hour, "halt", "HALT")
        self.tells(hour, "halted", broadcast=True)

    def rests(self, hour: float) -> None:
        """Apple has stepped in a window, and we pause it."""
        self.apple(hour)
        self.writes(hour, "stepped", before={}, after={})
        self.pauses(hour)

    @property
    def exposure_ppm(self) -> int:
        return PPM_ALL if self.state == "COMPLETE" else SHARES_PPM[self.day - 1]

    @property
    def next_ppm(self) -> int:
        return SHARES_PPM[min(self.day, 6)]

    def ends(self, phase: str, exposure_ppm: int | None = None) -> None:
        row = {"app": "acme", "store": "app_store", "release": "5.2.0", "release_id": "5.2.0"}
        exposed = self.exposure_ppm if exposure_ppm is None else exposure_ppm
        self.rollouts = [row | {"phase": phase, "exposure_ppm": exposed, "reason": ""}]


def resting(**how: Any) -> AppleStory:
    """Live at hour 4, and paused at once: guarded, it bakes at 1 %."""
    story = AppleStory(**how)
    story.polls(4, 4)
    story.pauses(4)
    return story


def in_window(**how: Any) -> AppleStory:
    """After six hours of bake a window is opened at hour 10.5; Apple's step is due at 34.5."""
    story = resting(**how)
    story.polls(4.5, 10.5)
    story.steps(10.5)
    return story


def stepped(**how: Any) -> AppleStory:
    """Apple has taken its step, and it bakes at 2 %."""
    story = in_window(**how)
    story.polls(11, 34.5)
    story.rests(34.5)
    story.polls(35, 36)
    story.ends("rolling_out")
    return story


def following(**how: Any) -> AppleStory:
    """Live at hour 4, on Apple's clock."""
    story = AppleStory(**{"policy": FOLLOWING} | how)
    story.polls(4, 12)
    return story
