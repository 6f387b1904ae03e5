"""Break-glass: stop a release in its store, with nobody's help (promise R12).

Only `halt --direct` leads here. It needs the configuration and its credentials, and neither daemon, database nor
journal. It holds no raise: a store is known here as a Brake, which can be looked at and stopped, and no more; a test
walks everything that can be reached from it (tests/contracts/test_break_glass.py).

Without a journal the store tells what is going on: everything that is being rolled out there is meant, unless a release
is named. What was paused or halted before counts as well, where nothing else goes on: whoever asks for a halt wants
it to stay that way, and an App Store release may be paused only until its next step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import AppSettings, AppStoreListing, PlayListing
from stagedrollout.core.errors import EdgeError, WrongConfiguration
from stagedrollout.core.model import (
    Outcome,
    Release,
    ReleaseStatus,
    Settlement,
    Store,
    StoreRelease,
    StoreState,
)
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.google_access import play_client
from stagedrollout.daemon.listings import app_store_client
from stagedrollout.daemon.retrying import persistently
from stagedrollout.stores.app_store import AppStore
from stagedrollout.stores.google_play import GooglePlay

AGAIN_SECONDS = 2.0
"""Between two tries of a halt that the store does not show yet."""


class Brake(Protocol):
    """A store app as it is known here. There is no word for anything else."""

    def glance(self) -> StoreState:
        """Look. Raises EdgeError."""
        ...

    def halt(self, release_id: str) -> Outcome:
        """Stop it, and read it back. Raises EdgeError only when nothing can have been applied."""
        ...


@dataclass(frozen=True, slots=True)
class Stopped:
    """What came of one release. `release`: the store's id of it, or what the person wrote where the store could not be
    asked; "" where nobody knows which. `halted`: the store shows it."""

    release: str
    label: str
    halted: bool
    words: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to halt, and what there is."""

    words: str


class DirectHalt:
    """One store app's halt. `wait` sleeps for some seconds, `seconds` is a clock that only goes forward."""

    def __init__(
        self,
        brake: Brake,
        *,
        wait: Callable[[float], None] = time.sleep,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._brake = brake
        self._wait = wait
        self._seconds = seconds

    def stop(self, release: str, within: float) -> tuple[Stopped, ...] | Nothing:
        """Halt what is meant, and follow for at most `within` seconds. Raises nothing that a store can cause."""
        ends = self._seconds() + within
        try:
            state = self._looked()
        except EdgeError as error:
            return (self._unseen(release, f"the store could not be read: {error}", ends),)
        meant = meant_by(release, state.releases)
        if not meant:
            return Nothing(_what_there_is(release, state))
        return tuple(self._stopped(each.release, ends) for each in meant)

    def _looked(self) -> StoreState:
        """The first look may show what a process that died only wished."""
        state = persistently(self._brake.glance)
        return persistently(self._brake.glance) if state.perhaps_wished else state

    def _unseen(self, release: str, why: str, ends: float) -> Stopped:
        """A name may be the store's own id of it; then the store need not be read before."""
        if not release:
            return Stopped("", "", halted=False, words=f"{why}, and no --release was named")
        stopped = self._stopped(Release(release, release, ""), ends)
        return stopped if stopped.halted else Stopped(release, release, halted=False, words=why)

    def _stopped(self, release: Release, ends: float) -> Stopped:
        """Sent again while the store does not show it, until `ends`; not where it says no for certain."""
        while True:
            halted, again, words = self._tried(release)
            if halted or not again or self._seconds() + AGAIN_SECONDS >= ends:
                return Stopped(release.id, release.label, halted, words)
            self._wait(AGAIN_SECONDS)

    def _tried(self, release: Release) -> tuple[bool, bool, str]:
        """Whether the store shows it halted, whether another try makes sense, and the words for it."""
        try:
            outcome = persistently(lambda: self._brake.halt(release.id))
        except EdgeError as error:
            return False, error.again, str(error)
        match outcome.settlement:
            case Settlement.CONFIRMED:
                return True, False, f"read back in the store: {outcome.detail}"
            case Settlement.ALREADY:
                return True, False, f"the store shows it so already: {outcome.detail}"
            case Settlement.IN_DOUBT | Settlement.NOT_APPLIED | Settlement.MOVED | Settlement.PREEMPTED:
                return False, True, outcome.detail
            case Settlement.REFUSED:
                return False, False, outcome.detail


_GOING = (ReleaseStatus.IN_PROGRESS, ReleaseStatus.PAUSED, ReleaseStatus.UNKNOWN)


def meant_by(release: str, shown: tuple[StoreRelease, ...]) -> tuple[StoreRelease, ...]:
    """Which releases of a store are to be stopped: the named one whatever its status; else all that are being rolled out,
    or, where there is none, the one that is halted, so that it stays that way."""
    if release:
        return tuple(each for each in shown if each.release.answers_to(release))
    going = tuple(each for each in shown if each.status in _GOING)
    return going or tuple(each for each in shown if each.status is ReleaseStatus.HALTED)


def _what_there_is(release: str, state: StoreState) -> str:
    there = ", ".join(f"{each.release.label} ({each.status_word})" for each in state.releases) or "nothing"
    missing = f"there is no release {release!r} in the store" if release else "nothing is being rolled out"
    return f"{missing}; the store shows: {there}"


def open_direct(loaded: Loaded, app: AppSettings, store: Store, doors: Doors | None = None) -> DirectHalt:
    """Raises WrongConfiguration where the app is not in that store, or its credentials cannot be used."""
    doors = doors or Doors()
    match store:
        case Store.GOOGLE_PLAY:
            return DirectHalt(_play(loaded, app, app.google_play, doors))
        case Store.APP_STORE:
            return DirectHalt(_app_store(loaded, app, app.app_store, doors))


def _play(loaded: Loaded, app: AppSettings, listing: PlayListing | None, doors: Doors) -> Brake:
    client = play_client(loaded, doors)
    if client is None or listing is None:
        raise WrongConfiguration(f"{app.name} is not on Google Play")
    return GooglePlay(
        package=listing.package,
        track=listing.track,
        client=client,
        clock=doors.wall or SystemClock(),
        halt_in_review=loaded.policies[app.policy].halt_in_review,
    )


def _app_store(loaded: Loaded, app: AppSettings, listing: AppStoreListing | None, doors: Doors) -> Brake:
    clock = doors.wall or SystemClock()
    client = app_store_client(loaded, doors, clock)
    if client is None or listing is None:
        raise WrongConfiguration(f"{app.name} is not on the App Store")
    return AppStore(app_id=listing.app_id, client=client, clock=clock)
