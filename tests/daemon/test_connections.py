"""A thousand looks at the stores and at Sentry do not make a thousand connections: each service keeps a few."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from stagedrollout.config.load import load
from stagedrollout.config.shipped import policies_folder
from stagedrollout.core.hours import hour_floor
from stagedrollout.core.ledger import Comparison, LedgerQuery
from stagedrollout.core.model import Release
from stagedrollout.daemon.clocks import SystemClock
from stagedrollout.daemon.doors import Doors
from stagedrollout.daemon.listings import open_listings
from stagedrollout.emulator.scenario_file import load_scenario
from stagedrollout.emulator.serve import serve
from stagedrollout.emulator.write_config import write_config

STORY = """\
name: two stores
story: One app on each store.
seed: 1
start: 2026-03-02T00:00:00Z
until: 5d
poll: 15m
policy: cautious
apps:
  - name: android
    package: com.acme.android
    population: 1000
    track: production
    releases: [{version: 5.1.0, code: 5010, crash_free: 99.8}]
  - name: ios
    package: com.acme.ios
    population: 1000
    store: app_store
    releases: [{version: 5.1.0, code: 5010, crash_free: 99.8}]
"""
LOOKS, THREADS = 60, 3
SERVICES = 4
"""Google's API and its tokens, the App Store, Sentry."""


@pytest.mark.promise("R22")
def test_looks_on_several_threads_make_no_more_connections_than_there_are_looks_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "story.yaml").write_text(STORY)
    with serve(load_scenario(str(tmp_path / "story.yaml"))) as running:
        world = running.world
        world.timeline.advance(world.scenario.start + timedelta(days=1))
        config = write_config(tmp_path / "team", world, url=running.url, policies=policies_folder())
        made = []
        remember = running._server.remember
        monkeypatch.setattr(running._server, "remember", lambda line: (made.append(line), remember(line)))
        listings = open_listings(load(config, environ=os.environ), Doors(), SystemClock())
        now = world.timeline.now
        since = hour_floor(now - timedelta(hours=6))
        query = LedgerQuery(
            Release("5010", "5.1.0", "5010"), (Comparison(since, ()),), since, now, users=False
        )

        def look(number: int) -> None:
            listing = list(listings.values())[number % 2]
            listing.store.read()
            listing.tallies.read(query)

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(look, range(LOOKS)))
        assert len(world.ledger.requests) >= 3 * LOOKS
        assert len(made) <= SERVICES * THREADS
        assert {listing.id.app for listing in listings.values()} == {"android", "ios"}
