"""Two daemons with one configuration, each with a state of its own, on one PostgreSQL and before one emulator: with a
network between everything, in which each of them can be cut off alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from stagedrollout.config.load import load
from stagedrollout.core.errors import StorageError
from stagedrollout.daemon.health.replicas import unreached
from stagedrollout.daemon.times import clock_name
from stagedrollout.storage.engine import open_readonly
from stagedrollout.storage.leases import NOTICES, Leases
from stagedrollout.storage.presence import Presence
from tests.acceptance.processes import Background
from tests.acceptance.stage import Stage
from tests.acceptance.stories import Story
from tests.judge import Verdict
from tests.postgres.fixtures import PASSWORD
from tests.replicas.links import Callers, Link, Way
from tests.replicas.server import Server
from tests.replicas.troubles import DATABASE, LINKS, NAMES

ADDRESSES = dict(zip(NAMES, ("127.0.0.11", "127.0.0.12"), strict=True))
"""Where the emulator's ledger sees each of them."""

REQUEST_SECONDS = 2
LEASE_SECONDS = 14.0
"""The shortest lease beside such requests. (settings.py)"""
WAIT_SECONDS = 9.0
"""Whoever takes over raises nothing for so long besides."""

CALM_SECONDS = 1.2
"""Between two moments at which nobody has anything to do, before that is believed: more than a turn takes."""


_LOOK_SECONDS = 0.2
"""Between two looks at what is waited for: to look is work as well, for the emulator too."""


class _Visible(Background):
    """For whoever is not root."""

    program = (sys.executable, "-m", "tests.replicas.visible")


class Pair(Stage):
    """`stops_at` and `judged` as on every stage; its `config` is that of `a`."""

    def __init__(self, folder: Path, story: Story, server: Server) -> None:
        super().__init__(folder, story)
        self._server = server
        self._apps = len(story["apps"])
        self._paths = {
            f"{app['name']}/{app['store']}": app.get("app_id") or app["package"] for app in story["apps"]
        }
        self._callers = Callers()
        emulators = int(self._url.rpartition(":")[2])
        ports = {name: server.port if name == DATABASE else emulators for name in LINKS}
        self.links = {
            name: Link(port, self._callers, None if name == DATABASE else ADDRESSES)
            for name, port in ports.items()
        }
        self.moves_to_server(server.url(self.links[DATABASE].port), PASSWORD)
        self.edits_config(self._leads_over_the_links)
        _token_over(self.conf / "secrets" / "play.json", self._over("stores"))
        self._homes = {"a": self.conf, "b": folder / "conf-b"}
        shutil.copytree(self.conf, self._homes["b"])
        self._clock_names = {
            name: clock_name(load(home / "stagedrollout.yaml", environ=os.environ).settings)
            for name, home in self._homes.items()
        }
        self.replicas: dict[str, Background] = {}
        self._unwritten: list[str] = []
        self._number = 0
        self._watching = open_readonly(server.owners_url)

    def close(self) -> None:
        for link in self.links.values():
            link.close()
        super().close()
        self._watching.dispose()

    def _over(self, link: str) -> str:
        return f"http://127.0.0.1:{self.links[link].port}"

    def _leads_over_the_links(self, document: Any) -> None:
        """The emulator's clock alone is no service that could be cut off."""
        stores = {"google_play": ("endpoint", "reporting_endpoint", "storage_endpoint")}
        stores["app_store"] = ("endpoint", "lookup_endpoint")
        for store, names in stores.items():
            if store in document:
                document[store].update(dict.fromkeys(names, self._over("stores")))
        document["sentry"]["url"] = self._over("sentry")
        document["slack"]["endpoint"] = f"{self._over('slack')}/slack/api/"
        document["limits"] = {
            "http_timeout": f"{REQUEST_SECONDS}s",
            "pass_deadline": "10s",
            "lease": "10s",
        }
        document.pop("health", None)

    # ---- the replicas

    def starts(self, name: str) -> Background:
        number = len(self._daemons) + 1
        command = ("run", "--config", str(self._homes[name] / "stagedrollout.yaml"))
        started = Background if os.geteuid() == 0 else _Visible
        self.replicas[name] = started(self.folder, f"daemon-{number}-{name}", *command)
        self._daemons.append(self.replicas[name])
        self._callers.is_now(name, self.replicas[name].pid)
        return self.replicas[name]

    def kills(self, name: str) -> None:
        self.replicas[name].killed()
        self._deaths.append(self.clock["now"])
        self.nobody_waits()

    def stops(self, name: str) -> None:
        self.replicas[name].gets(signal.SIGSTOP)
        self.nobody_waits()

    def goes_on(self, name: str) -> None:
        self.replicas[name].gets(signal.SIGCONT)

    def becomes(self, who: str, links: tuple[str, ...], way: Way, seconds: float = 0.0) -> None:
        for name in links:
            self.links[name].becomes(who, way, seconds)

    def is_as_good_as_dead(self) -> None:
        """For the judge: whoever holds an app, and is cut off from what it asks, does nothing about it."""
        self._deaths.append(self.clock["now"])

    def database_fails(self) -> None:
        """For the judge: from the story's present hour on something may not have been written down."""
        self._unwritten.append(self.clock["now"])

    # ---- time

    def goes_on_without(self, name: str) -> None:
        """The clock waits for this one no more until it is heard of again, as time waits for nobody: a pass without a database
        takes minutes. All others are at work for it until they say that they are not."""
        self.nobody_waits()
        for other in set(NAMES) - {name}:
            self.asks(f"clock?who={self._clock_names[other]}")

    def stands_still(self) -> None:
        """The clock goes no further than it has come."""
        self.asks("pace", {"stop_at": self.clock["now"]})

    @property
    def idle(self) -> bool:
        return self.asks("pace")["held_back"] is not None

    def looked_at(self, since_start: str) -> bool:
        """Whether every app was looked at since the clock came to this, by what the database tells."""
        with suppress(StorageError):
            rows = Presence(self._watching).passes()
            due = [row.next_due_at for row in rows if row.next_due_at]
            return len(due) >= self._apps and min(due) > self.at(since_start)
        return False

    def is_done(self, since_start: str) -> bool:
        return self._has_come_to(since_start) and self.idle

    def comes_to(self, since_start: str, *, within: float) -> None:
        """Let the story go on to that time, and both do what is due. Each looks four times a second whether there is anything to
        do, and is at work for that: they are done when nobody was at work twice, and nothing has become due in between."""
        self.stops_at(since_start)
        ends, idle_since = time.monotonic() + within, float("inf")
        while time.monotonic() < ends:
            for name, replica in self.replicas.items():
                assert replica.alive, f"{name} has ended: {replica.said[-4000:]}"
            if not self._has_come_to(since_start):
                idle_since = float("inf")
            elif self.idle:
                idle_since = min(idle_since, time.monotonic())
                if time.monotonic() - idle_since >= CALM_SECONDS:
                    return
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"{since_start} was not reached within {within:.0f} s: {self._where_it_stands()}")

    def _has_come_to(self, since_start: str) -> bool:
        reached = datetime.fromisoformat(self.clock["now"]) >= self.at(since_start)
        return reached and self.looked_at(since_start)

    def _where_it_stands(self) -> str:
        told = [str(self.clock), str(self.asks("pace"))]
        with suppress(StorageError):
            told += [f"{row.store_app} due {row.next_due_at}" for row in Presence(self._watching).passes()]
            told += [f"{row.name} held by {row.holder}" for row in Leases(self._watching).holders()]
        return "; ".join(told)

    def is_well(self, *, within: float, lasting: float = 0.0) -> None:
        """Wait until both live, and nothing keeps anything from being raised, for so many seconds."""
        ends, since = time.monotonic() + within, float("inf")
        while time.monotonic() < ends:
            well = self.may_raise(alive=len(self.replicas))
            since = min(since, time.monotonic()) if well else float("inf")
            if time.monotonic() - since >= lasting:
                return
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"both were not well within {within:.0f} s: {self._where_it_stands()}")

    def may_raise(self, *, alive: int) -> bool:
        """Whether so many live, and all is held by one of them for long enough."""
        with suppress(StorageError):
            rows = Presence(self._watching).replicas()
            living = {row.epoch for row in rows if not (row.lapsed or row.stopped)}
            held = Leases(self._watching).holders()
            now = datetime.now(UTC)  # the server's clock is this machine's
            return (
                len(living) == alive
                and len(held) > self._apps
                and all(row.replica in living and row.raise_after <= now for row in held)
            )
        return False

    def is_shared(self, *, within: float) -> None:
        """Wait until each holds its share: what is handed over meanwhile nobody looks at, and the clock knows nothing of it. Whoever
        had no answer from a store leaves that one's apps to the other for ten minutes by this clock, which stands still here."""
        if until(self._is_shared, within) is None:
            raise TimeoutError(f"not everybody had a share within {within:.0f} s: {self._where_it_stands()}")

    def _is_shared(self) -> bool:
        with suppress(StorageError):
            held = [row for row in Leases(self._watching).holders() if row.name in self._paths]
            most = ceil(self._apps / len(self.replicas))
            living = (row for row in Presence(self._watching).replicas() if not (row.lapsed or row.stopped))
            if any(map(unreached, living)):
                return len(held) == self._apps
            return len(held) == self._apps and max(Counter(row.replica for row in held).values()) <= most
        return False

    def ends_well(self, *, within: float) -> None:
        """The story ends, and both with it. `within`: from one step of its clock to the next."""
        self.asks("pace", {})
        seen, ends = "", 0.0
        while all(replica.alive for replica in self.replicas.values()):
            now = self.clock["now"]
            if now != seen:
                seen, ends = now, time.monotonic() + within
            if time.monotonic() > ends:
                raise TimeoutError(
                    f"the story did not go on within {within:.0f} s: {self._where_it_stands()}"
                )
            time.sleep(_LOOK_SECONDS)
        for replica in self.replicas.values():
            assert replica.ended(within=within) == 0, replica.said[-8000:]

    # ---- what really happened

    def holder_of(self, app: str) -> str:
        """Which of them has the lease of that app; "" for neither."""
        package = f"com.example.{app}"
        return next((name for name in NAMES if package in self.held_by(name)), "")

    def held_by(self, name: str) -> set[str]:
        """The apps whose leases it has, as packages and Apple's numbers."""
        return {self._paths[held] for held in self._leases_of(name) if held in self._paths}

    def tells_people(self) -> str:
        """Which of them does; "" for neither."""
        return next((name for name in self.replicas if NOTICES in self._leases_of(name)), "")

    def _leases_of(self, name: str) -> set[str]:
        pid = str(self.replicas[name].pid)
        return {row.name for row in Leases(self._watching).holders() if row.holder.rpartition(":")[2] == pid}

    def number(self) -> int:
        """Of the ledger's newest entry."""
        truth = self.asks(f"ledger?after={self._number}")
        newest = (int(each["seq"]) for each in (*truth["ledger"][-1:], *truth["requests"][-1:]))
        self._number = max((self._number, *newest))
        return self._number

    def caught(self, since: int) -> str | None:
        """Whose request a fault befell after that number of the ledger: the first of them. None: nobody's."""
        truth = self.asks(f"ledger?after={since}")
        faults = [record["request"] for record in truth["ledger"] if record["type"] == "fault"]
        return self._sender_of(truth["requests"], faults[0]) if faults else None

    def looks_at(self, names: set[str], apps: set[str], since: int) -> bool:
        """Whether one of these has looked in the store at each of the apps, since that number of the ledger."""
        asked = self.asks(f"ledger?after={since}")["requests"]
        peers = {ADDRESSES[name] for name in names}
        looked = [each["path"] for each in asked if each.get("peer") in peers and each["method"] == "GET"]
        return all(any(app in path for path in looked) for app in apps)

    def _sender_of(self, requests: list[dict[str, Any]], number: int) -> str:
        """Which of them sent the request of that number; "" for neither."""
        peer = next((each.get("peer") for each in requests if each["seq"] == number), None)
        return next((name for name, address in ADDRESSES.items() if address == peer), "")

    def judged(self) -> Verdict:
        evidence = self.folder / "evidence"
        evidence.mkdir(exist_ok=True)
        (evidence / "unwritten.txt").write_text("\n".join(self._unwritten), "utf-8")
        return super().judged()


def until(happened: Callable[[], bool], seconds: float) -> float | None:
    """After how many seconds it happened; None: not within these."""
    begun = time.monotonic()
    while not happened():
        if time.monotonic() - begun > seconds:
            return None
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - begun


def _token_over(key: Path, url: str) -> None:
    if key.exists():
        document = json.loads(key.read_text("utf-8"))
        key.write_text(json.dumps({**document, "token_uri": f"{url}/oauth2/token"}), "utf-8")
