"""Taking an app off sale on the App Store: a person's last brake, past the daemon (app-store-connect.md section 15).

Only the command `remove-from-sale` leads here; no schedule, gate or daemon does. There is nothing in it that puts
an app on sale or raises anything. What a person did is written to the journal as far as that can be reached: the
removal itself does not wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from stagedrollout.config.load import Loaded
from stagedrollout.config.settings import AppSettings, AppStoreListing
from stagedrollout.core import facts
from stagedrollout.core.approval import REMOVAL, in_force
from stagedrollout.core.errors import Denied, EdgeError, Rejected, StorageError, Throttled, WrongConfiguration
from stagedrollout.core.model import Actor, RolloutKey, Store, StoreApp
from stagedrollout.core.people import People
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.listings import app_store_client
from stagedrollout.daemon.recorder import Recorder, no_lease
from stagedrollout.daemon.retrying import persistently
from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from stagedrollout.storage.migrate import check
from stagedrollout.stores.app_store import AppStoreClient
from stagedrollout.stores.app_store.availability import Name, Territory, app_name, territories, to_remove

ROUNDS_MAX = 3
"""How often territories that Apple still shows on sale are gone through again."""

PROBLEMS_TOLD = 3

THROTTLED_SECONDS = 30.0
"""The wait after a refusal for asking too often that names none."""


Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an app is sold, as read. `territories` None: it could not be read, and `unread` says why."""

    territories: tuple[Territory, ...] | None
    unread: str = ""

    @property
    def total(self) -> int:
        return len(self.territories or ())

    @property
    def off(self) -> int:
        return sum(territory.off for territory in self.territories or ())

    @property
    def going(self) -> int:
        return sum(territory.going for territory in self.territories or ())

    @property
    def on_sale(self) -> tuple[Territory, ...]:
        """All but those that are off or going, also where Apple does not say."""
        return tuple(one for one in self.territories or () if one.on_sale is not False)

    @property
    def gone(self) -> bool:
        """Whether it is really off sale everywhere."""
        return self.total > 0 and self.off == self.total

    @property
    def words(self) -> str:
        if self.territories is None:
            return f"where it is sold cannot be read: {self.unread}"
        going = f", {self.going} more are being processed by Apple (up to 24 h)" if self.going else ""
        return f"off sale in {self.off} of {self.total} territories{going}"


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of it: the store as read back, and what Apple said where it did not take the order."""

    standing: Standing
    problems: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For people: a few of the problems stand for all of them."""
        told, more = self.problems[:PROBLEMS_TOLD], len(self.problems) - PROBLEMS_TOLD
        return "; ".join((self.standing.words, *told, *([f"and {more} more"] if more > 0 else [])))


class Removal:
    """One app's removal. `wait` sleeps for some seconds, `seconds` is a clock that only goes forward."""

    def __init__(
        self,
        client: AppStoreClient,
        app_id: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._app_id = app_id
        self._wait = wait
        self._seconds = seconds

    def name(self) -> Name:
        """What App Store Connect calls the app. Raises EdgeError."""
        return persistently(lambda: app_name(self._client, self._app_id))

    def look(self) -> Standing:
        """Where it is sold now: 2 requests."""
        try:
            return Standing(persistently(lambda: territories(self._client, self._app_id)))
        except EdgeError as error:
            return Standing(None, error.detail)

    def carry_out(self, before: Standing, within: float, sent: Callable[[], None], told: Told) -> Removed:
        """Take it off sale wherever `before` does not show it off, and read back; at most `within` seconds.

        One request for each territory, one after the other: Apple takes about 150 a minute. `sent` is called after
        each territory of the first round, `told` with words when something takes longer.
        """
        ends, problems = self._seconds() + within, dict[str, None]()
        standing, after = before, sent
        for turn in range(ROUNDS_MAX):
            if turn:
                told(
                    f"Apple still shows it on sale in {len(standing.on_sale)} territories; trying those again"
                )
            goes_on = self._round(standing.on_sale, ends, after, told, problems)
            standing, after = self.look(), _nothing
            if standing.territories is None or not standing.on_sale or not goes_on:
                break
        return Removed(standing, () if standing.gone else tuple(problems))

    def looked_after(self, problem: str) -> Removed:
        """What a removal that was broken off has come to."""
        return Removed(self.look(), (problem,))

    def _round(
        self,
        left: tuple[Territory, ...],
        ends: float,
        sent: Callable[[], None],
        told: Told,
        problems: dict[str, None],
    ) -> bool:
        """False where it makes no sense to go on: the key may not, or the time is over."""
        for territory in left:
            try:
                self._remove(territory, ends, told)
            except Denied as denied:
                problems[denied.detail] = None
                return False
            except Throttled as throttled:
                problems[throttled.detail] = None
                return False
            except Rejected as no:
                problems[f"{territory.code or 'a territory'}: {no.detail}"] = None
            except EdgeError as unclear:
                problems[unclear.detail] = None
            sent()
            if self._seconds() >= ends:
                problems["the time given with --wait is over"] = None
                return False
        return True

    def _remove(self, territory: Territory, ends: float, told: Told) -> None:
        """Send it, again as often as Apple asks to wait, until `ends`. Raises EdgeError."""
        while True:
            try:
                self._client.write(to_remove(territory), _nothing)
            except Throttled as throttled:
                wait = throttled.wait_seconds or THROTTLED_SECONDS
                if self._seconds() + wait >= ends:
                    raise
                told(f"Apple takes no more requests for now; going on in {wait:.0f} s")
                self._wait(wait)
            else:
                return


def open_removal(
    loaded: Loaded, app: AppSettings, doors: Doors | None = None
) -> tuple[Removal, AppStoreListing]:
    """Raises WrongConfiguration where the app is not on the App Store, or the key cannot be used."""
    client = app_store_client(loaded, doors or Doors(), SystemClock())
    if client is None or app.app_store is None:
        raise WrongConfiguration(f"{app.name} is not on the App Store: nothing else can be taken off sale")
    return Removal(client, app.app_store.app_id), app.app_store


@dataclass(frozen=True, slots=True)
class Trace:
    """The removal in the journals of an app's rollouts, by `actor`. Every method returns what is wrong, in words, or "":
    it must not keep the removal from being sent."""

    database: str
    app: str
    actor: Actor

    def ordered(self, reason: str, at: datetime) -> str:
        """Written before anything is sent. The hold keeps the daemon from raising what a person takes away."""
        held = facts.Held(self.actor, f"removed from sale: {reason}", None)
        return self._noted((facts.RemovalOrdered(self.actor, reason), held), at)

    def agreed_by(self, people: People, at: datetime) -> tuple[Actor, ...]:
        """Who else has agreed to it by now, by those journals of the app's rollouts that can be read. Raises StorageError."""
        with ExitStack() as stack:
            engine = open_existing(self.database)
            stack.callback(engine.dispose)
            check(engine)
            recorder = Recorder(Journal(engine), LedgerTable(engine), no_lease)
            known, unread = recorder.load_all(StoreApp(self.app, Store.APP_STORE))
        given = [a for each in known for a in in_force(each.rollout.approvals, at)]
        others = {a.actor: None for a in given if a.target_ppm == REMOVAL and a.actor != self.actor}
        agreed = tuple(actor for actor in others if not people.managed or people.who_approves(actor))
        for error in () if agreed else unread.values():
            raise error
        return agreed

    def told(self, removed: Removed, at: datetime) -> str:
        found = removed.standing
        return self._noted(
            (facts.RemovalTold(self.actor, found.total, found.off, found.going, removed.words),), at
        )

    def _noted(self, news: tuple[facts.Fact, ...], at: datetime) -> str:
        try:
            with ExitStack() as stack:
                engine = open_existing(self.database)
                stack.callback(engine.dispose)
                check(engine)
                return self._noted_in(Recorder(Journal(engine), LedgerTable(engine), no_lease), news, at)
        except StorageError as error:
            return f"it is not in the journal: {error}"

    def _noted_in(self, recorder: Recorder, news: tuple[facts.Fact, ...], at: datetime) -> str:
        """In the journals of the rollouts that are not over, or of the newest one."""
        keys = recorder.keys(StoreApp(self.app, Store.APP_STORE))
        problems: list[str] = []
        for key in tuple(key for key in keys if _going_on(recorder, key)) or keys[-1:]:
            try:
                recorder.note(key, news, at)
            except StorageError as error:
                problems.append(str(error))
        if not keys:
            return "it is not in the journal: this app has no rollout there"
        return f"it is not in every journal: {'; '.join(problems)}" if problems else ""


def _going_on(recorder: Recorder, key: RolloutKey) -> bool:
    try:
        return not recorder.load(key).rollout.finished
    except StorageError:
        return True  # it will be told that it cannot be written there


def _nothing() -> None:
    pass
