"""A configuration with an iCalendar becomes policies that know what it says now."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stagedrollout.calendars.sources import CalendarFile
from stagedrollout.cli.in_force import policies_in_force
from stagedrollout.config.load import Loaded, load
from stagedrollout.config.settings import ClockSource
from stagedrollout.core.errors import WrongConfiguration
from stagedrollout.core.freezing import Cause
from stagedrollout.core.model import Store, StoreApp
from stagedrollout.core.schedule import frozen_at
from stagedrollout.daemon import icalendars
from stagedrollout.daemon.bootstrap import Doors, rewire, wire
from stagedrollout.daemon.icalendars import policies_now, policies_read_at
from stagedrollout.http.client import in_process
from stagedrollout.storage.engine import open_engine
from stagedrollout.storage.migrate import upgrade
from tests.calendars.test_entries import DAY_LONG, ics
from tests.simulation.setting import _app_store_key, _pem

CONFIGURATION = """\
database: sqlite:///x.db
policies: [.]
calendars: [{name: company, PLACE}]
app_store: {key: {env: KEY}, key_id: 2X9R4HXF34}
sentry: {organization: acme, token: {env: TOKEN}}
apps:
  - {name: acme, policy: mine, app_store: {app_id: "6448311069", bundle_id: com.acme.app, sentry: {project: acme}}}
"""
POLICY = """\
stages: [{percent: 1, bake: 24h}, {percent: 100}]
gates: [{metric: crash_free_sessions, floor: 99.0, min_sample: 500}]
calendar: {icalendars: [company]}
"""
AUDIT = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "https://cal.example.com/private-CANARY/basic.ics"


class At:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def loaded(folder: Path, place: str, **more: str) -> Loaded:
    inside = folder / "c"
    inside.mkdir(exist_ok=True)
    (inside / "mine.yaml").write_text(POLICY)
    path = folder / "stagedrollout.yml"
    path.write_text(CONFIGURATION.replace("PLACE", place).replace("[.]", "[c]"))
    return load(path, environ={"KEY": _pem(_app_store_key()), "TOKEN": "t", "CALENDAR": SECRET, **more})


def test_the_daemon_reads_it_beside_its_passes_and_until_then_it_freezes(tmp_path: Path):
    engine, clock, work = open_engine(f"sqlite:///{tmp_path / 'x.db'}"), At(AUDIT - timedelta(days=3)), []
    upgrade(engine)
    file = tmp_path / "company.ics"
    file.write_bytes(ics())
    doors = Doors(clock=clock, steady=lambda: 0.0, beside=work.append)
    works = wire(loaded(tmp_path, "file: company.ics"), doors, engine)
    listing = works.listings[StoreApp("acme", Store.APP_STORE)]
    assert frozen_at(listing.policy_of("mine").calendar, AUDIT).cause is Cause.UNREAD
    work.pop()()
    assert frozen_at(listing.policy_of("mine").calendar, AUDIT) is None
    file.write_bytes(ics(DAY_LONG))
    clock.at = AUDIT
    listing.policy_of("mine")
    work.pop()()
    assert frozen_at(listing.policy_of("mine").calendar, AUDIT).cause is Cause.ICALENDAR
    engine.dispose()


def test_a_calendar_that_is_never_done_keeps_no_daemon_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "company.ics").write_bytes(ics())
    goes_on = threading.Event()
    monkeypatch.setattr(icalendars, "AT_START_SECONDS", 0.05)
    monkeypatch.setattr(CalendarFile, "read", lambda *_: (goes_on.wait(30), ())[1])
    policy = policies_now(loaded(tmp_path, "file: company.ics"), Doors(), At(AUDIT))["mine"]
    assert frozen_at(policy.calendar, AUDIT).cause is Cause.UNREAD
    goes_on.set()


def test_a_daemon_that_starts_gives_its_calendars_a_moment(tmp_path: Path):
    (tmp_path / "company.ics").write_bytes(ics(DAY_LONG))
    policy = policies_now(loaded(tmp_path, "file: company.ics"), Doors(), At(AUDIT))["mine"]
    assert frozen_at(policy.calendar, AUDIT).cause is Cause.ICALENDAR


def test_a_reload_begins_with_what_the_same_calendar_said_last_and_with_nothing_of_another(tmp_path: Path):
    engine, clock, work = open_engine(f"sqlite:///{tmp_path / 'x.db'}"), At(AUDIT), []
    upgrade(engine)
    (tmp_path / "company.ics").write_bytes(ics())
    doors = Doors(clock=clock, steady=lambda: 0.0, beside=work.append)
    works = wire(loaded(tmp_path, "file: company.ics"), doors, engine)
    work.pop()()
    (tmp_path / "company.ics").unlink()

    def after(place: str):
        renewed = rewire(loaded(tmp_path, place), works, engine=engine)
        work.pop()()
        calendar = renewed.listings[StoreApp("acme", Store.APP_STORE)].policy_of("mine").calendar
        return frozen_at(calendar, AUDIT)

    assert after("file: company.ics") is None
    assert after("file: other.ics").cause is Cause.UNREAD
    engine.dispose()


def test_a_secret_address_is_read_and_neither_told_nor_needed_by_who_only_looks(tmp_path: Path):
    asked = []

    def handle(method, path, *_):
        asked.append(path)
        return 503, {}, SECRET.encode()

    held = loaded(tmp_path, "secret_url: {env: CALENDAR}")
    policy = policies_now(held, Doors(http=in_process(handle)), At(AUDIT))["mine"]
    assert asked == ["/private-CANARY/basic.ics"]
    assert "CANARY" not in frozen_at(policy.calendar, AUDIT).text
    (tmp_path / "stagedrollout.yml").write_text(
        (tmp_path / "stagedrollout.yml").read_text().replace("CALENDAR", "GONE")
    )
    blind = load(tmp_path / "stagedrollout.yml", environ={})
    assert "GONE is not set" in frozen_at(policies_read_at(blind, AUDIT)["mine"].calendar, AUDIT).text


def test_whoever_only_looks_loads_what_reads_calendars_only_where_one_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "company.ics").write_bytes(ics(DAY_LONG))
    with_one = loaded(tmp_path, "file: company.ics")
    policy = policies_in_force(with_one, AUDIT)["mine"]
    assert frozen_at(policy.calendar, AUDIT).cause is Cause.ICALENDAR
    without = replace(with_one, settings=replace(with_one.settings, calendars=()))
    monkeypatch.setitem(sys.modules, "stagedrollout.daemon.icalendars", None)
    assert policies_in_force(without, AUDIT) == without.policies


def test_with_the_emulators_clock_a_secret_address_has_to_be_on_this_machine(tmp_path: Path):
    held = loaded(tmp_path, "secret_url: {env: CALENDAR}")
    emulated = replace(held, settings=replace(held.settings, clock=ClockSource.EMULATOR))
    with pytest.raises(WrongConfiguration, match="on this machine"):
        policies_now(emulated, Doors(), At(AUDIT))
