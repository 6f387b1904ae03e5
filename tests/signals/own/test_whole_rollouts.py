"""Whole rollouts in the emulated world, with a till that fails in the new release and nowhere else.

The real daemon's objects, wired by its own bootstrap, without sockets; judged by what the store's ledger says at last.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stagedrollout.config.load import Loaded
from stagedrollout.config.secrets import SecretRef
from stagedrollout.config.signals import PrometheusAccess, SignalSettings
from stagedrollout.core import facts
from stagedrollout.core.evidence.terms import SignalId
from stagedrollout.core.ledger import Measure
from stagedrollout.core.model import RolloutKey, Store
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.replay import replay
from stagedrollout.emulator.faults import Fault
from stagedrollout.emulator.scenario_file import parse_scenario
from stagedrollout.storage.engine import open_existing
from stagedrollout.storage.journal import Journal
from stagedrollout.storage.ledger import LedgerTable
from tests.signals.own.emulated import NAME, TOKEN, counts, values
from tests.simulation.doors import URL, Gate
from tests.simulation.life import Life
from tests.simulation.machine import Machine, in_its_own_time
from tests.simulation.perils import NoPerils
from tests.simulation.setting import loaded, memory_folder
from tests.simulation.weather import Weather

STORY = """\
name: till
seed: 7
start: 2026-03-02T06:00:00Z
until: %s
poll: 1h
policy: standard
mode: act
on_new_release: adopt
apps:
  - name: acme
    package: com.acme.app
    population: 2000000
    uptake_hours: 12
    review: 1h
    releases:
      - {version: 5.1.0, code: 5010, crash_free: 99.8}
      - {version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {at: 1h, percent: 1}, checkout_errors: %s}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A commit costs next to nothing there."""
    with tempfile.TemporaryDirectory(prefix="stagedrollout-own-", dir=memory_folder()) as place:
        yield Path(place)


KEY = RolloutKey("acme", Store.GOOGLE_PLAY, "5020")


class Told:
    """One rollout, played to its end."""

    def __init__(self, folder: Path, signal: SignalSettings, gate: NamedGate, **how: Any) -> None:
        story = how.get("story") or STORY % (how.get("until", "20h"), how.get("errors", 6))
        scenario = parse_scenario(story, folder / "s.yaml")
        self.world = in_its_own_time(scenario)
        self._loaded = self._configured(loaded(scenario, self.world, folder), signal, gate)
        if fault := how.get("fault"):
            self.world.faults.add(fault, self.world.timeline.now)
        self._play()
        self._engine = open_existing(self._loaded.settings.database)

    def _configured(self, base: Loaded, signal: SignalSettings, gate: NamedGate) -> Loaded:
        (app,) = base.settings.apps
        assert app.google_play is not None
        settings = replace(
            base.settings,
            apps=(replace(app, google_play=replace(app.google_play, signals=(signal,))),),
            prometheus=PrometheusAccess(url=f"{URL}/prometheus", token=SecretRef(env="SIGNALS_TOKEN")),
        )
        policies = base.policies | {"standard": replace(base.policies["standard"], signals=(gate,))}
        environ = {**base.environ, TOKEN.env: self.world.credentials.signals_token}
        return Loaded(settings, policies, base.path, environ)

    def _play(self) -> None:
        gate = Gate(self.world, Weather({}, {}, timedelta(0)), Random(7))
        gate.perils = NoPerils()
        machine = Machine(self.world, 7, Counter())
        with machine.at_work():
            life = Life(self._loaded, gate, self.world, Counter(), machine)
            try:
                life.until(self.world.scenario.ends)
            finally:
                life.end()

    @property
    def served(self) -> list[dict[str, Any]]:
        return [e for e in self.world.ledger.entries if e["type"] == "served" and e["version_code"] == 5020]

    @property
    def status(self) -> str:
        return str(self.served[-1]["status"])

    @property
    def exposure(self) -> float:
        return float(self.served[-1]["exposure_ppm"]) / 1_000_000

    @property
    def facts(self) -> tuple[tuple[facts.Fact, datetime], ...]:
        history = Journal(self._engine).history(KEY)
        return tuple((facts.read(row.entry), row.entry.at) for row in history)

    def decided(self, kind: str) -> facts.Decided:
        """The last decision of this kind."""
        found = [f for f, _ in self.facts if isinstance(f, facts.Decided) and f.decision.value == kind]
        return found[-1]

    @property
    def ledger(self) -> LedgerTable:
        return LedgerTable(self._engine)


BY_COUNTS = NamedGate(signal=NAME)
BY_VALUE = NamedGate(signal=NAME, worse_by=Decimal(50), min_sample=200)


def test_a_till_that_fails_only_in_prometheus_halts_the_release_by_its_counts(folder: Path) -> None:
    told = Told(folder, counts()["prometheus"], BY_COUNTS)
    assert told.status == "halted"
    halt = told.decided("HALT")
    assert "checkout errors against the baseline x" in halt.reasons[0].text
    assert halt.weighed is not None
    assert SignalId.called(NAME) in [each.signal for each in halt.weighed.signals]

    revisions = told.ledger.revisions(KEY)
    assert Measure.called(NAME) in {revision.measure for revision in revisions}
    assert told.ledger.verify(KEY) is None
    again = list(replay(KEY, told.facts, revisions))
    assert again
    assert all(each.agrees for each in again)


def test_a_till_that_fails_only_in_prometheus_halts_the_release_by_its_value(folder: Path) -> None:
    told = Told(folder, values()["prometheus"], BY_VALUE)
    assert told.status == "halted"
    assert "worse than tolerated" in told.decided("HALT").reasons[0].text


def test_a_healthy_till_lets_the_release_go_on(folder: Path) -> None:
    told = Told(folder, counts()["prometheus"], BY_COUNTS, errors=1, until="30h")
    assert (told.status, told.exposure) == ("inProgress", 0.05)
    cited = told.decided("ADVANCE").reasons
    assert f"signal:{NAME}" in [reason.gate for reason in cited]


def test_without_prometheus_nothing_is_raised_and_nothing_is_halted(folder: Path) -> None:
    down = Fault("prometheus", "503", count=None)
    told = Told(folder, counts()["prometheus"], BY_COUNTS, errors=1, until="30h", fault=down)
    assert (told.status, told.exposure) == ("inProgress", 0.01)
    assert "emulated 503" in told.decided("HOLD").reasons[0].text
