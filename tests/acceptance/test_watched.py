"""A daemon that is watched from outside, as Prometheus and curl see it: a process of its own against the emulated services."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.processes import eventually
from tests.acceptance.stories import short, turns_bad
from tests.acceptance.test_halt_without_a_journal import nobody_can_write
from tests.http.loopback import answer, says, served
from tests.watched.asking import Told, answers, free_address
from tests.watched.queries import Scrape, alerts, fires, met, panels, read, variables

FOR_EVER = None
UUID = "0f9d2c1e-5a77-4a1b-9f55-3c0f6a1be111"


class Watcher:
    """Whoever watches the daemon of a stage, which listens from its next start on."""

    def __init__(self, stage) -> None:
        self.stage = stage
        self.listens(free_address())

    def listens(self, address: str) -> None:
        """By the configuration; a running daemon has to be told."""
        self.address = address

        def change(config) -> None:
            config.setdefault("health", {})["listen"] = address

        self.stage.edits_config(change)

    def asked(self, path: str) -> Told:
        return eventually(lambda: answers(self.address, path), what=f"{path} at {self.address}")

    def becomes(self, path: str, status: int) -> Told:
        def looks() -> Told | None:
            told = self.asked(path)
            return told if told.status == status else None

        return eventually(looks, within=60, what=f"{status} at {path}")

    def scrape(self) -> Scrape:
        return read(self.asked("/metrics").text)

    def alarms(self) -> set[str]:
        scrape = self.scrape()
        found = {name for name, query in alerts().items() if query.of_one_scrape and fires(query, scrape)}
        return {name.removeprefix("Stagedrollout") for name in found}

    def hears(self, alarm: str) -> None:
        eventually(lambda: alarm in self.alarms(), within=60, what=f"the alarm {alarm}")

    def hears_nothing(self) -> None:
        eventually(lambda: self.alarms() == set(), within=60, what="quiet")


@pytest.fixture
def begins(opens):
    """A stage whose daemon is watched, played to that time."""

    def begun(story, to: str) -> Watcher:
        watcher = Watcher(opens(story))
        watcher.stage.stops_at("0m")
        watcher.stage.starts_daemon()
        watcher.stage.plays_to(to)
        return watcher

    return begun


@pytest.mark.promise("R21", "R24")
def test_everything_that_alarms_and_panels_ask_for_is_there_and_a_daemon_that_is_well_alarms_nobody(begins):
    watcher = begins(short(until="12h"), "7h")
    watcher.becomes("/healthz", 200)
    watcher.becomes("/readyz", 200)
    eventually(lambda: "stagedrollout_notices_undelivered" in watcher.asked("/metrics").text)
    scrape = watcher.scrape()
    queries = [*alerts().values(), *panels().values()]
    asked = [(query, selector) for query in queries for selector in query.selectors()]
    missing = [f"{query.where}: {selector}" for query, selector in asked if not met(selector, scrape)]
    assert missing == []
    listed = {(name, label) for name, labels, _ in scrape for label in labels}
    assert set(variables().items()) <= listed
    watcher.hears_nothing()
    told = "".join(watcher.asked(path).text for path in ("/healthz", "/readyz", "/metrics"))
    assert not [secret for secret in watcher.stage.secrets() if secret in told]


def test_what_a_release_does_can_be_followed(begins):
    watcher = begins(short(until="12h"), "3h")

    def shown(name: str) -> dict[str, float]:
        return {labels["release"]: value for n, labels, value in watcher.scrape() if n == name}

    def offered_to(share: float) -> None:
        name = "stagedrollout_rollout_exposure_ratio"
        eventually(lambda: shown(name) == {"5.2.0 (5020)": share}, within=5, what=f"{share} in a page")

    def requests() -> float:
        return sum(
            value for name, _, value in watcher.scrape() if name == "stagedrollout_vendor_requests_total"
        )

    offered_to(0.1)
    before = requests()
    watcher.stage.plays_to("9h")
    offered_to(0.5)
    assert requests() > before
    after = watcher.scrape()
    harm = [value for name, labels, value in after if "of_harm" in name and labels["gate"] == "evidence"]
    assert harm[0] < 2.3


@pytest.mark.promise("R18", "R21")
def test_drill_the_database_takes_nothing_and_halts_go_on(begins):
    watcher = begins(turns_bad(short(until="12h"), at="3h"), "3h")
    watcher.becomes("/readyz", 200)
    with nobody_can_write(watcher.stage):
        red = watcher.becomes("/readyz", 503)
        assert "the database cannot be written" in red.document["said"]
        assert not red.check("database")["ok"]
        watcher.hears("DatabaseNotWritable")
        watcher.stage.stops_at("8h")
        watcher.stage.serves("halted", 0, within=90)
    watcher.becomes("/readyz", 200)
    watcher.becomes("/healthz", 200)


def test_drill_a_store_refuses_the_halt(begins):
    watcher = begins(turns_bad(short(until="8h"), at="3h"), "3h")
    watcher.stage.breaks("google_play", "500", "edits.commit", count=FOR_EVER)
    watcher.stage.stops_at("4h 15m")
    watcher.hears("NotHalted")
    assert watcher.asked("/healthz").status == 200
    watcher.stage.heals()
    watcher.stage.stops_at("6h")
    watcher.stage.serves("halted", 0)
    eventually(lambda: "NotHalted" not in watcher.alarms(), within=30)
    harm = [
        value
        for name, labels, value in watcher.scrape()
        if "of_harm" in name and labels["gate"] == "evidence"
    ]
    assert harm[0] > 4.6  # what it was halted for stays to be seen


@pytest.mark.promise("R23")
def test_a_reload_listens_elsewhere_and_one_that_is_refused_is_told(begins):
    watcher = begins(short(until="12h"), "3h")
    watcher.becomes("/readyz", 200)
    before = watcher.address
    watcher.listens(free_address())
    watcher.stage.daemon.gets(signal.SIGHUP)
    watcher.becomes("/readyz", 200)
    assert answers(before) is None
    assert {name for name, _, _ in watcher.scrape()} >= {"stagedrollout_rollout_exposure_ratio"}

    watcher.stage.edits_config(lambda config: config.update(nonsense=1))
    watcher.stage.daemon.gets(signal.SIGHUP)
    watcher.hears("ConfigurationRefused")
    ready = watcher.asked("/readyz")
    assert ready.status == 200
    assert "a newer one was refused" in ready.check("configuration")["said"]

    def well_again(config) -> None:
        del config["nonsense"]
        del config["health"]["listen"]

    watcher.stage.edits_config(well_again)
    watcher.stage.daemon.gets(signal.SIGHUP)
    eventually(lambda: answers(watcher.address) is None, within=20, what="nobody answering any more")
    assert watcher.stage.daemon.alive


@pytest.mark.promise("R21", "R24")
def test_a_dead_mans_switch_is_asked_for_while_all_is_well_and_its_address_is_shown_nowhere(opens):
    with served(says(answer(b"OK"))) as switch:
        stage = opens(short(until="9h"))
        secret = stage.conf / "secrets" / "dead-man-url"
        secret.write_text(f"{switch.base_url}/ping/{UUID}\n")
        secret.chmod(0o600)
        stage.edits_config(
            lambda config: config.setdefault("health", {}).update(
                dead_man_url={"file": "secrets/dead-man-url"}
            )
        )
        stage.stops_at("0m")
        stage.starts_daemon("--verbose")
        stage.plays_to("3h")
        eventually(lambda: any(switch.requests), within=30, what="being asked")
        assert UUID in b"".join(switch.requests).decode()
        stage.daemon.asked_to_stop()
        assert stage.daemon.ended(within=10) == 0
        assert UUID not in stage.daemon.said
