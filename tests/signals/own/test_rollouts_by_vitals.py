"""Whole rollouts whose releases freeze on people's phones, which no crash tells and Play's vitals do, days later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from stagedrollout.config.signals import RatingsCsvSource, SignalSettings, VitalsSource
from stagedrollout.core.gates import Role
from stagedrollout.core.named_gates import NamedGate
from stagedrollout.core.play_reports import Vital
from stagedrollout.emulator.faults import Fault
from tests.signals.own import test_whole_rollouts as rollouts
from tests.signals.own.test_whole_rollouts import Told

folder = rollouts.folder

STORY = """\
name: freezing
seed: 7
start: 2026-03-02T06:00:00Z
until: %s
poll: 4h
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
      - {version: 5.2.0, code: 5020, crash_free: 99.8, rolled_out: {at: 1h, percent: 1}, anr: %s}
"""
ANRS = SignalSettings(name="vitals_anrs", vitals=VitalsSource(metric=Vital.USER_PERCEIVED_ANR_RATE))
GATE = NamedGate(
    signal="vitals_anrs",
    worse_by=Decimal(100),
    limit=Decimal("0.47"),
    min_sample=1_000,
    window=timedelta(days=7),
)
FIRST_DAY_TOLD = datetime(2026, 3, 5, 8, tzinfo=UTC)
"""3 March is the first whole day of the rollout; Play tells of it when 4 March has passed too."""


def test_a_release_that_freezes_waits_for_vitals_and_is_halted_by_them(folder: Path) -> None:
    told = Told(folder, ANRS, GATE, story=STORY % ("5d", 4))
    assert told.status == "halted"
    assert {entry["exposure_ppm"] for entry in told.served} == {0, 10_000}
    halt = told.decided("HALT")
    assert "vitals anrs" in halt.reasons[0].text
    assert "% of daily users" in halt.reasons[0].text
    at = next(at for fact, at in reversed(told.facts) if fact == halt)
    assert FIRST_DAY_TOLD + timedelta(days=1) <= at <= FIRST_DAY_TOLD + timedelta(days=1, hours=4)


def test_a_release_that_does_not_freeze_goes_on_when_vitals_say_so(folder: Path) -> None:
    told = Told(folder, ANRS, GATE, story=STORY % ("3d6h", "0.15"))
    assert (told.status, told.exposure) == ("inProgress", 0.05)
    raised = told.decided("ADVANCE")
    assert "signal:vitals_anrs" in [reason.gate for reason in raised.reasons]


def test_vitals_that_cannot_be_read_are_no_health(folder: Path) -> None:
    denied = Fault("play_reporting", "403", count=None)
    told = Told(folder, ANRS, GATE, story=STORY % ("3d6h", "0.15"), fault=denied)
    assert (told.status, told.exposure) == ("inProgress", 0.01)
    assert "View app quality information" in told.decided("HOLD").reasons[0].text


def test_a_wrong_bucket_is_named_where_people_look_and_asked_for_once_an_hour(folder: Path) -> None:
    wrong = SignalSettings(
        name="play_stars", ratings_csv=RatingsCsvSource(bucket="gs://pubsite_prod_rev_99999")
    )
    gate = NamedGate(signal="play_stars", worse_by=Decimal(10), window=timedelta(days=7))
    told = Told(folder, wrong, gate, story=STORY % ("1d12h", "0.15"))
    assert (told.status, told.exposure) == ("inProgress", 0.01)
    assert "there is no bucket pubsite_prod_rev_99999" in told.decided("HOLD").reasons[0].text
    asked = [entry for entry in told.world.ledger.requests if entry["service"] == "play_bucket"]
    assert 0 < len(asked) <= 36


def test_a_veto_halts_though_nothing_waited_for_it(folder: Path) -> None:
    gate = NamedGate(
        signal="vitals_anrs",
        role=Role.VETO,
        worse_by=Decimal(100),
        min_sample=1_000,
        window=timedelta(days=7),
    )
    told = Told(folder, ANRS, gate, story=STORY % ("5d", 4))
    assert told.status == "halted"
    assert max(entry["exposure_ppm"] for entry in told.served) > 10_000
