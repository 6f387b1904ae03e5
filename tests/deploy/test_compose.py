"""The compose file's commands, run here without containers: two replicas on a PostgreSQL of their own, of which one is killed
when half of the users have the release."""

from __future__ import annotations

import os
import secrets as chance
import shutil
import time
from datetime import UTC, datetime

import pytest

from stagedrollout.http.database import handed_on
from stagedrollout.storage.engine import open_readonly
from stagedrollout.storage.leases import NOTICES, Leases
from tests.acceptance.conftest import born, nursery, opens, started_anew
from tests.acceptance.processes import Background, eventually
from tests.acceptance.stories import short
from tests.deploy import composed
from tests.deploy.composed import Composed
from tests.postgres import binaries
from tests.postgres.cluster import OWNER
from tests.replicas.server import bare

__all__ = ["born", "nursery", "opens", "started_anew"]

LEASE_SECONDS = 14.0
"""Of `lease: 10s` beside requests of 2 s."""

A_LOOK_SECONDS = 4.0
"""Until a lease that is over is noticed, and claimed."""

REPLICAS = ("replica-1", "replica-2")
"""The compose file's."""


def _in_order(services):
    """What ends by itself, each after those that it waits for."""
    left = {name: set(each.get("depends_on", ())) for name, each in services.items() if "restart" not in each}
    while left:
        name = next(name for name, waits_for in left.items() if not waits_for & set(left))
        del left[name]
        yield name


@pytest.fixture
def programs():
    try:
        return binaries.folder()
    except binaries.NoServer as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def staged(opens, tmp_path, programs):
    """The emulator, a server that asks for passwords, and the folders of README's quick start."""
    stage = opens(short(until="24h"))
    folder = tmp_path / "composed"
    (folder / "secrets").mkdir(parents=True, mode=0o700)
    for name in composed.secrets():
        path = folder / "secrets" / name
        path.write_text(chance.token_hex(16), "utf-8")
        path.chmod(0o600)
    password = (folder / "secrets" / "postgres").read_text()
    with bare(password) as cluster:

        def change(document):
            document["database"] = f"postgresql://stagedrollout@127.0.0.1:{cluster.port}/stagedrollout"
            document["database_password"] = {"file": str(folder / "secrets" / "database")}
            document["limits"] = {"lease": "10s", "http_timeout": "2s", "pass_deadline": "10s"}
            document.pop("health")

        stage.edits_config(change)
        there = Composed(folder, cluster.port, programs)
        for name in ("migrate", *REPLICAS):
            shutil.copytree(stage.conf, there.etc(name))
        yield stage, there


def _starts(stage, there, name):
    program, *command = there.command(name)
    assert program == "stagedrollout"
    started = Background(stage.folder, name, *command)
    stage.adopts(started)
    return started


@pytest.fixture
def watching(staged):
    """The leases, as the server's owner sees them."""
    _, there = staged
    password = ("file", str(there.folder / "secrets" / "postgres"))
    address = f"postgresql://{OWNER}@127.0.0.1:{there.port}/stagedrollout"
    engine = open_readonly(handed_on(address, state="", password=password))
    yield Leases(engine)
    engine.dispose()


def _leader(watching, running):
    """Which of these holds the app."""
    (pid,) = (int(row.holder.rpartition(":")[2]) for row in watching.holders() if row.name != NOTICES)
    return next((name for name, replica in running.items() if replica.pid == pid), "")


@pytest.mark.promise("R13", "R14")
def test_the_leader_is_killed_at_half_of_all_users_and_the_other_one_goes_on_to_everybody(staged, watching):
    stage, there = staged
    said = "".join(there.runs(name) for name in _in_order(there.services))
    assert "is up to date" in said
    stage.stops_at("0m")
    running = {name: _starts(stage, there, name) for name in REPLICAS}
    for replica in running.values():
        replica.says("watching", within=60)
    stage.plays_to("8h")
    assert stage.served() == ("inProgress", 500_000)

    leader, killed_at = _leader(watching, running), time.monotonic()
    running.pop(leader).killed()
    stage.nobody_waits()
    eventually(lambda: _leader(watching, running), within=60, what="taking over")
    assert time.monotonic() - killed_at <= LEASE_SECONDS + A_LOOK_SECONDS
    now = datetime.now(UTC)
    free_at = max(row.raise_after for row in watching.holders())
    time.sleep(max((free_at - now).total_seconds(), 0))  # the emulator's clock would not wait

    (survivor,) = running.values()
    stage.asks("pace", {})
    assert survivor.ended(within=90) == 0, survivor.said
    assert stage.committed() == [("inProgress", 50), ("completed", 100)]
    assert stage.served() == ("completed", 1_000_000)
    stage.is_clean()


def test_it_may_be_brought_up_again_and_nothing_is_to_be_done(staged):
    _, there = staged
    for _ in range(2):
        for name in _in_order(there.services):
            said = there.runs(name)
    assert "is up to date (schema" in said
    assert "->" not in said


def test_nobody_in_it_is_root_or_may_write_more_than_the_state():
    for name, service in composed.services().items():
        assert service["user"] == "10001:10001", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service.get("secrets", ())) <= set(composed.secrets()), name


def test_each_replica_knows_the_password_of_its_own_role_alone_and_is_asked_whether_it_is_well():
    services = composed.services()
    replicas = [name for name, each in services.items() if name.startswith("replica-")]
    assert sorted(replicas) == sorted(REPLICAS)
    for name in replicas:
        assert services[name]["secrets"] == ["database"]
        assert services[name]["healthcheck"]["test"][:3] == ["CMD", "stagedrollout", "health"]
    volumes = [
        each for name in replicas for each in services[name]["volumes"] if each.endswith(composed.STATE)
    ]
    assert len(set(volumes)) == len(replicas), "each has a state of its own"


def test_the_quick_start_names_what_the_file_asks_for():
    readme = (composed.ROOT / "README.md").read_text("utf-8")
    (made,) = (line for line in readme.splitlines() if line.startswith("# for name in postgres"))
    assert set(made.partition("in ")[2].partition(";")[0].split()) == set(composed.secrets())
    assert "--file stagedrollout/deploy/compose.yaml --project-directory . up" in readme
    for written in (f"file: {composed.SECRETS}/database", f"state: {composed.STATE}"):
        assert written in readme
