"""The daemon's own adapters, wired as in earnest, in front of an emulated world that writes down what passes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random

from stagedrollout.config.load import Loaded
from stagedrollout.core.ledger import Comparison, LedgerQuery
from stagedrollout.core.model import Change, Outcome, Settlement, Store, Verb
from stagedrollout.core.observation import SignalQuery
from stagedrollout.daemon.listing import Listing
from stagedrollout.daemon.listings import open_clients, open_listings
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.request import Response
from stagedrollout.emulator.scenario import Act, Scenario
from stagedrollout.emulator.world import World
from tests.contracts.exchange import Exchange, recorded
from tests.contracts.passing import untraced
from tests.simulation.doors import Gate, VirtualClock, doors
from tests.simulation.setting import loaded
from tests.simulation.weather import Weather

_CALM = Weather({}, {}, timedelta(0))


def _as_it_is(loaded: Loaded, _: World) -> Loaded:
    return loaded


class Stand:
    """One app of `scenario`, so many hours into it. `exchanges` is all that went through the emulator's door.

    `configured`: what is to be different in its configuration.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        hours: float = 0,
        configured: Callable[[Loaded, World], Loaded] = _as_it_is,
    ) -> None:
        self.world = World(scenario)
        self.exchanges: list[Exchange] = []
        self.world.handle = recorded(self.world, self.exchanges, self.world.handle)
        with tempfile.TemporaryDirectory() as folder:
            settings = configured(loaded(scenario, self.world, Path(folder)), self.world)
        ways = doors(Gate(self.world, _CALM, Random("contracts")), self.world)
        self.listings = open_listings(settings, ways, VirtualClock(self.world))
        self.clients = partial(open_clients, settings, ways, VirtualClock(self.world))
        self.wait(hours)

    def listing(self, store: Store | None = None) -> Listing:
        """The app in `store`, or in the only one it is in."""
        found = [each for each in self.listings.values() if store in (None, each.id.store)]
        return found[0]

    def wait(self, hours: float) -> None:
        with untraced():
            self.world.timeline.advance(self.world.timeline.now + timedelta(hours=hours))

    def turn(self, **switches: object) -> None:
        self.world.turn(switches)

    def act(self, name: str, **more: object) -> None:
        """Somebody does something in the console."""
        app = self.world.scenario.apps[0]
        self.world.console.act(Act(app.name, name, store=app.store, **more))

    def fault(self, service: str, kind: str, operation: str = "*", **more: object) -> None:
        self.world.faults.add(Fault(service, kind, operation, **more), self.world.timeline.now)

    def again(self, exchange: Exchange) -> Response:
        """The same request once more, with the credential that it had."""
        return self.world.handle(exchange.request)

    def raised(self, verb: Verb, release: str, ppm: int, ends: Settlement = Settlement.CONFIRMED) -> Outcome:
        """Decide on what is there, apply, and see that it ended as it should."""
        store = self.listing().store
        outcome = store.apply(Change(verb, release, ppm), store.read().fingerprint, lambda: None)
        assert outcome.settlement is ends, outcome
        return outcome

    def halted(self, release: str, ends: Settlement = Settlement.CONFIRMED) -> Outcome:
        outcome = self.listing().store.halt(release)
        assert outcome.settlement is ends, outcome
        return outcome

    def query(self, store: Store | None = None) -> SignalQuery:
        """The newest release that is out against the one before it, over a day."""
        state = self.listing(store).store.read()
        now = self.world.timeline.now
        known = [one.release for one in state.releases]
        candidate = next(one.release for one in state.releases if one.exposure_ppm)
        older = tuple(known[known.index(candidate) + 1 :][:1])
        return SignalQuery(candidate, older, now - timedelta(days=1), now)

    def ledger_query(self, *, users: bool, store: Store | None = None) -> LedgerQuery:
        asked = self.query(store)
        since = asked.since.replace(minute=0, second=0, microsecond=0)
        return LedgerQuery(asked.candidate, (Comparison(since, asked.baseline),), since, asked.until, users)
